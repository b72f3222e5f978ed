//! What a document is computed from: lines, allowances and charges as they were agreed, in decimals.
//! Names are those of EN 16931; R-QUO-1's line and header discounts are allowances here.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Currency, Vat};

/// A quote, order, invoice or credit note, as far as its totals depend on it. The amounts of a credit
/// note are positive, as those of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentInput {
    /// BT-5. All amounts are of this currency.
    pub currency: Currency,
    /// BG-25.
    #[serde(default)]
    pub lines: Vec<LineInput>,
    /// BG-20: taken off the sum of lines, within the VAT base.
    #[serde(default)]
    pub allowances: Vec<DocumentAdjustment>,
    /// BG-21: added to the sum of lines, within the VAT base.
    #[serde(default)]
    pub charges: Vec<DocumentAdjustment>,
    /// BT-113: already paid, in units of the currency; refused if finer than it.
    #[serde(default)]
    pub prepaid: Decimal,
    /// BT-114: added to what is payable, and the only place for residual cents.
    #[serde(default)]
    pub rounding: Decimal,
}

/// A line of a document (BG-25).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineInput {
    /// BT-126, handed through to the totals.
    pub id: String,
    /// BT-129. Negative for a line that takes back.
    pub quantity: Decimal,
    /// BT-146: net price of `base_quantity` units, not negative, of any precision.
    pub unit_price: Decimal,
    /// BT-149: how many units the price is for; above zero. 1000 for a price per thousand.
    #[serde(default = "one")]
    pub base_quantity: Decimal,
    /// BG-27, percentages being of quantity × price ÷ base quantity, rounded.
    #[serde(default)]
    pub allowances: Vec<Adjustment>,
    /// BG-28, percentages likewise.
    #[serde(default)]
    pub charges: Vec<Adjustment>,
    /// BG-30.
    pub vat: Vat,
}

/// An allowance or a charge of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// How much.
    pub amount: Amount,
    /// BT-139 or BT-144: why, for people.
    #[serde(default)]
    pub reason: String,
}

/// An allowance or a charge of the whole document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentAdjustment {
    /// How much, percentages being of the sum of all line nets (BT-106), whatever `vat` says.
    pub amount: Amount,
    /// BT-97 or BT-104: why, for people.
    #[serde(default)]
    pub reason: String,
    /// The VAT group it belongs to; `None` splits it over the groups of the lines, in proportion to
    /// their line nets, by largest remainder.
    #[serde(default)]
    pub vat: Option<Vat>,
}

/// The size of an allowance or a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// Units of the currency, rounded to its exponent. Negative where it mirrors an earlier one on a
    /// line that takes back.
    Fixed(Decimal),
    /// Per cent of the base, rounded to the exponent; not negative, and at most 100 for an allowance.
    Percent(Decimal),
}

impl DocumentInput {
    /// A document without allowances, charges, prepayment or rounding.
    pub fn new(currency: Currency, lines: Vec<LineInput>) -> Self {
        Self {
            currency,
            lines,
            allowances: Vec::new(),
            charges: Vec::new(),
            prepaid: Decimal::ZERO,
            rounding: Decimal::ZERO,
        }
    }
}

impl LineInput {
    /// A line priced by the single unit, without allowances or charges.
    pub fn new(id: impl Into<String>, quantity: Decimal, unit_price: Decimal, vat: Vat) -> Self {
        Self {
            id: id.into(),
            quantity,
            unit_price,
            base_quantity: one(),
            allowances: Vec::new(),
            charges: Vec::new(),
            vat,
        }
    }
}

fn one() -> Decimal {
    Decimal::ONE
}
