//! `dealflow quote adjust`: allowances and charges of the whole of a draft (R-QUO-1).

use anyhow::{Context, bail};
use clap::Args;
use dealflow_proto::convert;
use dealflow_proto::orders::v1::{Quote, UpdateQuoteRequest};
use dealflow_proto::types::v1::Adjustment;
use prost_types::FieldMask;
use rust_decimal::Decimal;

use super::papers::One;
use crate::api::{Api, new_id};

/// Arguments of `quote adjust`.
#[derive(Debug, Args)]
pub struct Adjust {
    /// Which one
    #[command(flatten)]
    pub(super) one: One,
    /// What is taken off, e.g. 'Loyalty=2.5%' or 'Old pump taken back=120'; all of them, instead of those that it has
    #[arg(long, value_name = "REASON=AMOUNT|PERCENT%")]
    allowance: Vec<String>,
    /// What is added, e.g. 'Freight=40' or 'Insurance=0.3%'; all of them, instead of those that it has
    #[arg(long, value_name = "REASON=AMOUNT|PERCENT%")]
    charge: Vec<String>,
    /// Take away what it has and is not named here
    #[arg(long)]
    clear: bool,
}

/// How much, and whether that is a percentage.
pub(super) type Size = (Decimal, bool);

/// What was given: reasons, and how much each.
pub(super) struct Given {
    allowances: Vec<(String, Size)>,
    charges: Vec<(String, Size)>,
    clear: bool,
}

impl Adjust {
    /// Reads what was written.
    pub(super) fn given(&self) -> anyhow::Result<Given> {
        if self.allowance.is_empty() && self.charge.is_empty() && !self.clear {
            bail!("nothing is said: --allowance, --charge or --clear");
        }
        let all = |given: &[String]| given.iter().map(|one| parse(one)).collect::<anyhow::Result<Vec<_>>>();
        Ok(Given { allowances: all(&self.allowance)?, charges: all(&self.charge)?, clear: self.clear })
    }
}

/// `REASON=AMOUNT` or `REASON=PERCENT%`.
pub(super) fn parse(given: &str) -> anyhow::Result<(String, Size)> {
    let usage = || format!("`{given}` is not REASON=AMOUNT or REASON=PERCENT%, e.g. 'Freight=40' or 'Loyalty=2.5%'");
    let (reason, size) = given.rsplit_once('=').with_context(usage)?;
    let (number, percent) = size.trim().strip_suffix('%').map_or((size.trim(), false), |number| (number, true));
    let number = Decimal::from_str_exact(number).with_context(usage)?;
    Ok((reason.trim().to_owned(), (number, percent)))
}

impl Given {
    /// Changes the quote; lists that are not named stay, unless they are to be cleared.
    pub(super) async fn update(&self, api: &Api, quote: Quote) -> anyhow::Result<Quote> {
        let mut paths = Vec::new();
        for (path, given) in [("allowances", &self.allowances), ("charges", &self.charges)] {
            if self.clear || !given.is_empty() {
                paths.push(path.to_owned());
            }
        }
        let list = |given: &[(String, Size)]| -> anyhow::Result<Vec<Adjustment>> {
            given.iter().map(|one| adjustment(one, &quote.currency_code)).collect()
        };
        let changed = Quote {
            name: quote.name.clone(),
            allowances: list(&self.allowances)?,
            charges: list(&self.charges)?,
            ..Quote::default()
        };
        let ask = UpdateQuoteRequest {
            quote: Some(changed),
            etag: quote.etag.clone(),
            update_mask: Some(FieldMask { paths }),
            request_id: new_id(),
            ..UpdateQuoteRequest::default()
        };
        Ok(api.quotes.clone().update_quote(api.ask(ask)).await?.into_inner())
    }
}

/// As it goes out, in the document's currency.
pub(super) fn adjustment((reason, (size, percent)): &(String, Size), currency: &str) -> anyhow::Result<Adjustment> {
    let reason = reason.clone();
    Ok(if *percent {
        Adjustment { percent: Some(convert::decimal(*size)), reason, ..Adjustment::default() }
    } else {
        Adjustment { amount: Some(convert::money(*size, currency)?), reason, ..Adjustment::default() }
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_amount_and_a_percentage_are_told_apart_and_the_reason_may_hold_an_equals_sign() {
        let amount = parse("Freight = 40.50").expect("an amount");
        assert_eq!((amount.0.as_str(), amount.1.0.to_string().as_str(), amount.1.1), ("Freight", "40.50", false));
        let percent = parse("a=b=2.5%").expect("a percentage");
        assert_eq!((percent.0.as_str(), percent.1.0.to_string().as_str(), percent.1.1), ("a=b", "2.5", true));
        for wrong in ["Freight", "Freight=", "Freight=much", "Freight=5 EUR"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
