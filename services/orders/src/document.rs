//! What a quote, an order and an invoice have in common: lines, a header discount, and totals by the one arithmetic.

use std::fmt;
use std::str::FromStr;

use dealflow_money::{self as money, Amount, Currency, DocumentAdjustment, DocumentInput, LineInput, Vat, compute};
use rust_decimal::Decimal;
use sea_orm::{DeriveValueType, FromJsonQueryResult};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::adjustment::Adjustments;
use crate::error::{Error, violation};

/// Days from an invoice to its due day where nobody said how many.
pub const PAYMENT_DAYS: i32 = 30;

/// An exact decimal number in a text column: it is read and written, never compared by the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveValueType)]
#[sea_orm(value_type = "String", column_type = "Text")]
pub struct Exact(pub Decimal);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl FromStr for Exact {
    type Err = rust_decimal::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Decimal::from_str_exact(text).map(Self)
    }
}

/// One line, complete: what the product gave and what was agreed stand here, so that a later price changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its id within the document; an invoice's line has the id of its order's.
    pub id: String,
    /// The product; none for a line in free text.
    pub product: Option<Uuid>,
    /// What is sold, in words.
    pub description: String,
    /// How many; negative for a line that takes back.
    pub quantity: Decimal,
    /// UN/ECE Recommendation 20.
    pub unit_code: String,
    /// Price of one unit without VAT, in the document's currency.
    pub unit_price: Decimal,
    /// What the price list asks for one unit; none where no list knows the line. Policies of approval look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_price: Option<Decimal>,
    /// Discount on the line, 0 to 100 per cent.
    pub discount_percent: Decimal,
    /// Allowances and charges beside it.
    #[serde(default, skip_serializing_if = "Adjustments::is_empty")]
    pub adjustments: Adjustments,
    /// Category and rate.
    pub vat: Vat,
    /// How many are delivered; of an order's line, zero elsewhere.
    #[serde(default)]
    pub fulfilled: Decimal,
}

impl Line {
    /// Whether so much is all of it, or more: what is taken back has quantities below zero.
    pub fn is_reached_by(&self, done: Decimal) -> bool {
        done.abs() >= self.quantity.abs()
    }

    /// What may be billed beyond what is delivered of it, where so many per cent are tolerated: 0 to 100, whatever an
    /// installation decided before that was asked for.
    pub fn tolerated(&self, over_percent: Decimal) -> Decimal {
        let part = over_percent.clamp(Decimal::ZERO, Decimal::ONE_HUNDRED) / Decimal::ONE_HUNDRED;
        (self.fulfilled * part).trunc_with_scale(6)
    }
}

/// The lines of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Lines(pub Vec<Line>);

impl Lines {
    /// The line with this id.
    pub fn get(&self, id: &str) -> Option<&Line> {
        self.0.iter().find(|line| line.id == id)
    }

    /// The ids, for a refusal that says what there is.
    pub fn ids(&self) -> String {
        self.0.iter().map(|line| line.id.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The totals of a document, in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Totals(pub dealflow_money::Totals);

/// SHA-256 over what is stored of a document: the same content is the same text on both databases.
pub fn hash<T: Serialize>(content: &T) -> Result<String, Error> {
    let text = serde_json::to_vec(content).map_err(dealflow_chassis::Refusal::internal)?;
    Ok(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What is agreed about the whole of a document, beside its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// Header discount in percent.
    pub discount: Decimal,
    /// Allowances and charges beside it.
    pub adjustments: Adjustments,
    /// Paid already (BT-113).
    pub prepaid: Decimal,
    /// Added to what is to be paid (BT-114).
    pub rounding: Decimal,
}

impl Whole {
    /// What a stored document says of itself.
    pub fn of(discount: Exact, adjustments: Option<&Adjustments>) -> Self {
        Self { discount: discount.0, adjustments: adjustments.cloned().unwrap_or_default(), ..Self::default() }
    }

    /// Totals of a document (`quote`, `order`, `invoice`): what falls under no VAT of its own is split over the VAT
    /// groups by largest remainder (R-QUO-1). Discounts come last, so that a refusal names an allowance by its place.
    pub fn totals(&self, document: &'static str, currency: Currency, lines: &Lines) -> Result<Totals, Error> {
        let mut input = DocumentInput::new(currency, lines.0.iter().map(line_input).collect());
        input.allowances = Adjustments::of_whole(&self.adjustments.allowances);
        input.charges = Adjustments::of_whole(&self.adjustments.charges);
        if !self.discount.is_zero() {
            let amount = Amount::Percent(self.discount);
            input.allowances.push(DocumentAdjustment { amount, reason: "Discount".to_owned(), vat: None });
        }
        input.prepaid = self.prepaid;
        input.rounding = self.rounding;
        compute(&input).map(Totals).map_err(|cause| Error::Money { document, cause })
    }
}

fn line_input(line: &Line) -> LineInput {
    let mut input = LineInput::new(&line.id, line.quantity, line.unit_price, line.vat);
    input.allowances = Adjustments::of_line(&line.adjustments.allowances);
    input.charges = Adjustments::of_line(&line.adjustments.charges);
    if !line.discount_percent.is_zero() {
        let amount = Amount::Percent(line.discount_percent);
        input.allowances.push(money::Adjustment { amount, reason: "Discount".to_owned() });
    }
    input
}

/// The stored code of a currency; it was read by the same function before it was stored.
pub fn currency(code: &str) -> Result<Currency, Error> {
    Currency::parse(code).map_err(|cause| Error::Refused(dealflow_chassis::Refusal::internal(cause)))
}

/// A quantity of a line, as a caller asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The line's id.
    pub line: String,
    /// How much of it.
    pub quantity: Decimal,
}

/// The lines that are asked for and how much of each; everything that is `open` where nothing is named.
///
/// A quantity has the sign of what was ordered and is never more than what is open: then `too_much` says why not.
pub fn pick<'a>(
    lines: &'a Lines,
    asked: &[Asked],
    open: impl Fn(&Line) -> Decimal,
    too_much: impl Fn(&Line, Decimal) -> Error,
) -> Result<Vec<(&'a Line, Decimal)>, Error> {
    if asked.is_empty() {
        let all = lines.0.iter().map(|line| (line, open(line)));
        return Ok(all.filter(|(_, open)| !open.is_zero()).collect());
    }
    let mut picked: Vec<(&Line, Decimal)> = Vec::with_capacity(asked.len());
    let mut wrong = Vec::new();
    for (index, Asked { line: id, quantity }) in asked.iter().enumerate() {
        let Some(line) = lines.get(id) else {
            wrong.push(violation(format!("lines[{index}].line_id"), format!("one of {}", lines.ids())));
            continue;
        };
        if picked.iter().any(|(other, _)| other.id == *id) {
            wrong.push(violation(format!("lines[{index}].line_id"), "each line once"));
        }
        if quantity.is_zero() || quantity.is_sign_negative() != line.quantity.is_sign_negative() {
            let sign = if line.quantity.is_sign_negative() { "below 0: this line takes back" } else { "above 0" };
            wrong.push(violation(format!("lines[{index}].quantity"), sign));
        }
        picked.push((line, *quantity));
    }
    if !wrong.is_empty() {
        return Err(Error::Fields(wrong));
    }
    match picked.iter().find(|(line, quantity)| quantity.abs() > open(line).abs()) {
        Some((line, quantity)) => Err(too_much(line, *quantity)),
        None => Ok(picked),
    }
}
