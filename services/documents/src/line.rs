//! Lines, allowances and charges of a document.

use dealflow_money::{self as money, Amount, LineInput, Vat};
use rust_decimal::Decimal;

/// A line of a document (BG-25).
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// BT-126: unique in the document.
    pub id: String,
    /// BT-153.
    pub name: String,
    /// BT-154.
    pub description: String,
    /// BT-155: the seller's code of the item.
    pub code: String,
    /// BT-129; negative for a line that takes back.
    pub quantity: Decimal,
    /// BT-130: UN/ECE Recommendation 20.
    pub unit: String,
    /// BT-146: net price of `base_quantity` units, not negative.
    pub unit_price: Decimal,
    /// BT-149.
    pub base_quantity: Decimal,
    /// BG-27.
    pub allowances: Vec<Adjustment>,
    /// BG-28.
    pub charges: Vec<Adjustment>,
    /// BG-30.
    pub vat: Vat,
    /// BT-132: the line of the order that it bills.
    pub order_line: String,
}

/// An allowance or a charge, of a line or of the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Adjustment {
    /// How much.
    pub amount: Amount,
    /// BT-97, BT-104, BT-139, BT-144.
    pub reason: String,
    /// BT-98 and BT-140 of UNTDID 5189 (95 is a discount), BT-105 and BT-145 of UNTDID 7161 (FC is freight).
    pub code: String,
    /// Of the whole only: the VAT group it belongs to; `None` splits it over the groups of the lines.
    pub vat: Option<Vat>,
}

impl Line {
    /// A line priced by the single unit, without allowances or charges.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        quantity: Decimal,
        unit: impl Into<String>,
        unit_price: Decimal,
        vat: Vat,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            description: String::new(),
            code: String::new(),
            quantity,
            unit: unit.into(),
            unit_price,
            base_quantity: Decimal::ONE,
            allowances: Vec::new(),
            charges: Vec::new(),
            vat,
            order_line: String::new(),
        }
    }

    pub(crate) fn input(&self) -> LineInput {
        let adjustments = |given: &[Adjustment]| -> Vec<money::Adjustment> {
            given.iter().map(|one| money::Adjustment { amount: one.amount, reason: one.reason.clone() }).collect()
        };
        LineInput {
            id: self.id.clone(),
            quantity: self.quantity,
            unit_price: self.unit_price,
            base_quantity: self.base_quantity,
            allowances: adjustments(&self.allowances),
            charges: adjustments(&self.charges),
            vat: self.vat,
        }
    }
}

impl Adjustment {
    /// A discount in per cent: the most common allowance.
    pub fn discount(percent: Decimal, reason: impl Into<String>) -> Self {
        Self { amount: Amount::Percent(percent), reason: reason.into(), code: "95".to_owned(), vat: None }
    }
}
