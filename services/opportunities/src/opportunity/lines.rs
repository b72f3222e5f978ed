//! What the customer asks for: the primary demand (R-OPP-1), and the estimate that follows from it.

use dealflow_money::{Adjustment, Amount, DocumentInput, LineInput, MoneyError, Vat, VatCategory, compute};
use rust_decimal::Decimal;
use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::amount::Iso;

/// The demand lines of an opportunity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Lines(pub Vec<Line>);

/// One line: product or free text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Unique in the opportunity.
    pub id: String,
    /// The product; none for a line in free text.
    pub product: Option<Uuid>,
    /// What is sold, in words.
    pub description: String,
    /// How many; negative for a line that takes back.
    pub quantity: Decimal,
    /// Unit of measure, UN/ECE Recommendation 20.
    pub unit_code: String,
    /// Price of one unit without VAT, in the opportunity's currency; none where it is not known yet.
    pub unit_price: Option<Decimal>,
    /// Discount in percent.
    pub discount_percent: Option<Decimal>,
    /// The VAT that was asked for: category as on the wire, and rate. It does not count in the estimate.
    pub vat: Option<(String, Option<Decimal>)>,
    /// Quantity × price less discount in minor units, each rounded once; none without a price.
    pub net: Option<i64>,
}

impl Lines {
    /// Computes the net of each priced line, and answers their sum; none where no line has a price.
    ///
    /// # Errors
    /// [`MoneyError`] that names the line: a negative price, a discount outside 0 to 100, an overflow.
    pub fn price(&mut self, currency: Iso) -> Result<Option<i64>, MoneyError> {
        // Lines without a price count as priced at nothing, so that a refusal names the line's own index.
        let input = self.0.iter().map(input).collect();
        let totals = compute(&DocumentInput::new(currency.currency(), input))?;
        for (line, priced) in self.0.iter_mut().zip(&totals.lines) {
            line.net = line.unit_price.map(|_| priced.net);
        }
        let priced = self.0.iter().any(|line| line.net.is_some());
        Ok(priced.then_some(totals.sum_of_lines))
    }
}

/// A line as the arithmetic takes it; an estimate is without VAT, so all lines are of one category without tax.
fn input(line: &Line) -> LineInput {
    let untaxed = Vat { category: VatCategory::Z, rate: Decimal::ZERO };
    let mut input = LineInput::new(&line.id, line.quantity, line.unit_price.unwrap_or_default(), untaxed);
    let discount =
        line.discount_percent.map(|percent| Adjustment { amount: Amount::Percent(percent), reason: String::new() });
    input.allowances.extend(discount);
    input
}
