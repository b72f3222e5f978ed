//! `dealflow terms`: terms of payment that quotes and orders name (R-QUO-1, R-INV-1).

use anyhow::Context as _;
use clap::{Args, Subcommand};
use dealflow_proto::convert;
use dealflow_proto::orders::v1::{CreatePaymentTermsRequest, Instalment, ListPaymentTermsRequest, PaymentTerms};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data};

const EXAMPLES: &str = "\
Examples:
  dealflow terms list
  dealflow terms add NET30 --days 30 --text '2 % within 10 days, net 30 days'
  dealflow terms add THIRDS --days 30 --instalment 30%:7 --instalment 30%:30 --instalment 40%:60";

/// What to do with terms of payment.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum TermsCommand {
    /// List terms of payment
    List(List),
    /// Add terms of payment
    Add(Add),
}

/// Arguments of `terms list`.
#[derive(Debug, Args)]
pub struct List {
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `terms add`.
#[derive(Debug, Args)]
pub struct Add {
    /// What people call them, e.g. NET30
    code: String,
    /// Days from an invoice to its due day
    #[arg(long, default_value_t = 0)]
    days: i32,
    /// What documents say of them, an early discount too
    #[arg(long, default_value = "")]
    text: String,
    /// An instalment: how much of the order, and the days from its invoice to its due day; all of them come to 100 %
    #[arg(long, value_name = "PERCENT%:DAYS")]
    instalment: Vec<String>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl TermsCommand {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        let (all, json) = match self {
            Self::List(List { json, target }) => {
                let ask = ListPaymentTermsRequest { page_size: 1000, ..ListPaymentTermsRequest::default() };
                let read = async |api: Api| {
                    Ok(api.payment_terms.clone().list_payment_terms(api.ask(ask)).await?.into_inner().payment_terms)
                };
                (target.ask(read).await?, json)
            }
            Self::Add(Add { code, days, text, instalment, json, target }) => {
                let instalments = instalment.iter().map(|given| parse(given)).collect::<anyhow::Result<_>>()?;
                let terms = PaymentTerms { code, net_days: days, text, instalments, ..PaymentTerms::default() };
                let ask = CreatePaymentTermsRequest {
                    payment_terms: Some(terms),
                    request_id: new_id(),
                    ..CreatePaymentTermsRequest::default()
                };
                let work = async |api: Api| {
                    Ok(vec![api.payment_terms.clone().create_payment_terms(api.ask(ask)).await?.into_inner()])
                };
                (target.ask(work).await?, json)
            }
        };
        if json {
            return data::print(&json!({ "payment_terms": data::list(&all, of_terms) }));
        }
        println!("{}", table(&all));
        Ok(())
    }
}

fn parse(given: &str) -> anyhow::Result<Instalment> {
    let usage = || format!("`{given}` is not PERCENT%:DAYS, e.g. 30%:14");
    let (percent, days) = given.split_once(':').with_context(usage)?;
    let percent = Decimal::from_str_exact(percent.trim().trim_end_matches('%')).with_context(usage)?;
    let days = days.trim().parse().with_context(usage)?;
    Ok(Instalment { percent: Some(convert::decimal(percent)), days, ..Instalment::default() })
}

fn percent(instalment: &Instalment) -> String {
    instalment.percent.as_ref().map(|percent| percent.value.clone()).unwrap_or_default()
}

fn of_terms(terms: &PaymentTerms) -> Value {
    json!({
        "name": terms.name,
        "code": terms.code,
        "net_days": terms.net_days,
        "text": data::text(&terms.text),
        "instalments": data::list(&terms.instalments, |one| json!({ "percent": percent(one), "days": one.days })),
        "disabled": terms.disabled,
    })
}

/// Terms, one to a row.
fn table(all: &[PaymentTerms]) -> comfy_table::Table {
    let mut table = show::table(&["code", "days", "in words", "instalments", "name"]);
    for terms in all {
        let parts: Vec<String> =
            terms.instalments.iter().map(|one| format!("{} % in {} days", percent(one), one.days)).collect();
        let code = if terms.disabled { format!("{} (disabled)", terms.code) } else { terms.code.clone() };
        table.add_row([&code, &terms.net_days.to_string(), &terms.text, &parts.join("\n"), &terms.name]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{parse, percent};

    #[test]
    fn an_instalment_is_a_percentage_and_days() {
        let read = parse("33.5%:14").expect("it is one");
        assert_eq!((percent(&read).as_str(), read.days), ("33.5", 14));
        for wrong in ["30%", "30:", "many%:3", "30%:soon"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
