//! `dealflow order change`: what is ordered, otherwise (R-ORD-1).

use anyhow::{Context, bail};
use clap::Args;
use dealflow_proto::convert;
use dealflow_proto::gateway::v1::ChangeOrderRequest;
use dealflow_proto::orders::v1::{ListProductsRequest, Order};
use dealflow_proto::types::v1::{Adjustment, Line};
use prost_types::FieldMask;
use rust_decimal::Decimal;

use super::adjust::{self, Size};
use super::deal::quoted;
use super::named;
use super::papers::One;
use crate::api::{Api, new_id};

/// Arguments of `order change`.
#[derive(Debug, Args)]
pub struct Change {
    /// Which one
    #[command(flatten)]
    pub(super) one: One,
    /// How much of a line, and at what price where that is to be another: '1=5', '1=5@99.50'
    #[arg(long, value_name = "LINE=QUANTITY[@PRICE]")]
    line: Vec<String>,
    /// A line that is ordered no more
    #[arg(long, value_name = "LINE")]
    drop: Vec<String>,
    /// A line more: a product by its code or name, priced as any line of the order where no price is said; or anything in
    /// words with its price, taxed as the first line is
    #[arg(long, value_name = "WHAT=QUANTITY[@PRICE]")]
    add: Vec<String>,
    /// Discount on the whole in percent; 0 for none
    #[arg(long, value_name = "PERCENT")]
    discount: Option<Decimal>,
    /// What is taken off the whole, e.g. 'Loyalty=2.5%'; all of them, instead of those that it has
    #[arg(long, value_name = "REASON=AMOUNT|PERCENT%")]
    allowance: Vec<String>,
    /// What is added to the whole, e.g. 'Freight=40'; all of them, instead of those that it has
    #[arg(long, value_name = "REASON=AMOUNT|PERCENT%")]
    charge: Vec<String>,
    /// Take away the allowances and charges that are not named here
    #[arg(long)]
    clear: bool,
    /// The customer's order number
    #[arg(long, value_name = "NUMBER")]
    customer_reference: Option<String>,
    /// Why, for the history and for the ERP
    #[arg(long)]
    reason: String,
}

/// What is said of lines and of the whole, as it was read.
pub(super) struct Given<'a> {
    of: &'a Change,
    lines: Vec<(String, Decimal, Option<Decimal>)>,
    more: Vec<(String, Decimal, Option<Decimal>)>,
    allowances: Vec<(String, Size)>,
    charges: Vec<(String, Size)>,
}

impl Change {
    /// Reads what was written.
    pub(super) fn given(&self) -> anyhow::Result<Given<'_>> {
        let sizes = |all: &[String]| all.iter().map(|one| adjust::parse(one)).collect::<anyhow::Result<Vec<_>>>();
        let given = Given {
            of: self,
            lines: self.line.iter().map(|one| parse(one)).collect::<anyhow::Result<_>>()?,
            more: self.add.iter().map(|one| parse(one)).collect::<anyhow::Result<_>>()?,
            allowances: sizes(&self.allowance)?,
            charges: sizes(&self.charge)?,
        };
        if given.paths().is_empty() {
            bail!("nothing is said: --line, --drop, --add, --discount, --allowance, --charge or --customer-reference");
        }
        Ok(given)
    }
}

impl Given<'_> {
    /// The fields that are to be taken over.
    fn paths(&self) -> Vec<String> {
        let Change { drop, discount, customer_reference, clear, .. } = self.of;
        let said = [
            ("lines", !self.lines.is_empty() || !drop.is_empty() || !self.more.is_empty()),
            ("discount_percent", discount.is_some()),
            ("allowances", *clear || !self.allowances.is_empty()),
            ("charges", *clear || !self.charges.is_empty()),
            ("customer_reference", customer_reference.is_some()),
        ];
        said.into_iter().filter(|(_, said)| *said).map(|(path, _)| path.to_owned()).collect()
    }

    /// Asks for it, in the version that was read.
    pub(super) async fn ask(&self, api: &Api, order: Order) -> anyhow::Result<()> {
        let adjustments = |all: &[(String, Size)]| -> anyhow::Result<Vec<Adjustment>> {
            all.iter().map(|one| adjust::adjustment(one, &order.currency_code)).collect()
        };
        let ask = ChangeOrderRequest {
            lines: self.changed(api, &order).await?,
            discount_percent: self.of.discount.map(convert::decimal),
            allowances: adjustments(&self.allowances)?,
            charges: adjustments(&self.charges)?,
            customer_reference: self.of.customer_reference.clone().unwrap_or_default(),
            update_mask: Some(FieldMask { paths: self.paths() }),
            reason: self.of.reason.clone(),
            order: order.name,
            etag: order.etag,
            request_id: new_id(),
            ..ChangeOrderRequest::default()
        };
        Ok(api.deals.clone().change_order(api.ask(ask)).await.map(drop)?)
    }

    /// The lines of the order as they are to be.
    async fn changed(&self, api: &Api, order: &Order) -> anyhow::Result<Vec<Line>> {
        let known: Vec<&str> = order.lines.iter().map(|line| line.line_id.as_str()).collect();
        for id in self.lines.iter().map(|(id, ..)| id).chain(&self.of.drop) {
            if !known.contains(&id.as_str()) {
                bail!("{} has no line `{id}`; it has {}", order.number, known.join(", "));
            }
        }
        let price = |amount: Decimal| convert::money(amount, &order.currency_code);
        let mut lines = order.lines.clone();
        lines.retain(|line| !self.of.drop.contains(&line.line_id));
        for (id, quantity, new_price) in &self.lines {
            for line in lines.iter_mut().filter(|line| line.line_id == *id) {
                line.quantity = Some(convert::decimal(*quantity));
                if let Some(amount) = new_price {
                    line.unit_price = Some(price(*amount)?);
                }
            }
        }
        for (what, quantity, new_price) in &self.more {
            let product = product(api, what).await?;
            let in_words = product.is_empty();
            lines.push(Line {
                description: if in_words { what.clone() } else { String::new() },
                vat: order.lines.first().and_then(|line| line.vat.clone()).filter(|_| in_words),
                product,
                quantity: Some(convert::decimal(*quantity)),
                unit_price: new_price.map(price).transpose()?,
                ..Line::default()
            });
        }
        Ok(lines)
    }
}

/// The product's name, where what was said is its name or its code; else nothing.
async fn product(api: &Api, what: &str) -> anyhow::Result<String> {
    let name = named("products", what);
    let field = if name.starts_with("products/") { "name" } else { "code" };
    let filter = format!("{field} = {}", quoted(&name));
    let ask = ListProductsRequest { page_size: 1, filter, ..ListProductsRequest::default() };
    let found = api.products.clone().list_products(api.ask(ask)).await?.into_inner().products;
    Ok(found.into_iter().next().map(|product| product.name).unwrap_or_default())
}

/// `WHAT=QUANTITY` or `WHAT=QUANTITY@PRICE`; what comes before the last `=` may hold any.
fn parse(given: &str) -> anyhow::Result<(String, Decimal, Option<Decimal>)> {
    let usage = || format!("`{given}` is not WHAT=QUANTITY or WHAT=QUANTITY@PRICE, e.g. '1=5' or '1=5@99.50'");
    let (what, size) = given.rsplit_once('=').with_context(usage)?;
    let (quantity, price) = size.split_once('@').map_or((size, None), |(quantity, price)| (quantity, Some(price)));
    let number = |text: &str| Decimal::from_str_exact(text.trim()).with_context(usage);
    Ok((what.trim().to_owned(), number(quantity)?, price.map(number).transpose()?))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_line_is_read_with_its_price_and_without() {
        let read = |given: &str| {
            parse(given)
                .map(|(what, quantity, price)| (what, quantity.to_string(), price.map(|it| it.to_string())))
                .ok()
        };
        let line = |what: &str, quantity: &str, price: Option<&str>| {
            Some((what.to_owned(), quantity.to_owned(), price.map(str::to_owned)))
        };
        assert_eq!(read("1=5"), line("1", "5", None));
        assert_eq!(read("Pump A=B = 2.5 @ 99.50"), line("Pump A=B", "2.5", Some("99.50")));
        assert_eq!(read("1=-2"), line("1", "-2", None));
        for wrong in ["1", "1=", "1=many", "1=5@", "1=5@dear"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
