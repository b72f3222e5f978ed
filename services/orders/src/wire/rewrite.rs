//! What a quote or an order offers, where a caller writes some of it anew: what stays is written as it stands, so kept
//! lines keep their prices, and their currency.

use chrono::NaiveDate;
use dealflow_chassis::Mask;
use dealflow_proto::google::type_::Decimal as WireDecimal;
use dealflow_proto::types::v1::{Adjustment, Line};
use dealflow_proto::{Violation, convert, names};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{adjustment, lines, name};
use crate::adjustment::Adjustments;
use crate::content::Written;
use crate::document::{Lines, Totals};
use crate::error::Error;

/// The content of a document, as the wire writes it.
pub(super) struct Rewrite {
    pub(super) currency: String,
    pub(super) lines: Vec<Line>,
    pub(super) discount: Option<WireDecimal>,
    pub(super) allowances: Vec<Adjustment>,
    pub(super) charges: Vec<Adjustment>,
    pub(super) price_list: String,
}

impl Rewrite {
    /// What a document offers now.
    pub(super) fn of(
        currency: &str,
        (of_lines, totals): (&Lines, &Totals),
        discount: Decimal,
        adjustments: Option<&Adjustments>,
        price_list: Option<Uuid>,
    ) -> Result<Self, Error> {
        let (allowances, charges) = adjustment::of_document(adjustments, totals)?;
        Ok(Self {
            currency: currency.to_owned(),
            lines: lines(of_lines, totals)?,
            discount: Some(convert::decimal(discount)),
            allowances,
            charges,
            price_list: name(names::PRICE_LISTS, price_list),
        })
    }

    /// This, with what the mask takes over of what the caller wrote, and whether that has lines; none where it takes nothing.
    pub(super) fn taking(mut self, mask: &Mask, written: Self) -> Option<(Self, bool)> {
        let mut taken = false;
        let mut takes = |field: &str, is_set: bool| {
            let takes = mask.takes(field, is_set);
            taken |= takes;
            takes
        };
        if takes("currency_code", !written.currency.is_empty()) {
            self.currency = written.currency;
        }
        let new_lines = takes("lines", !written.lines.is_empty());
        if new_lines {
            self.lines = written.lines;
        }
        if takes("discount_percent", written.discount.is_some()) {
            self.discount = written.discount;
        }
        if takes("price_list", !written.price_list.is_empty()) {
            self.price_list = written.price_list;
        }
        if takes("allowances", !written.allowances.is_empty()) {
            self.allowances = written.allowances;
        }
        if takes("charges", !written.charges.is_empty()) {
            self.charges = written.charges;
        }
        taken.then_some((self, new_lines))
    }

    /// As it is to be completed: for `document`, by the prices of a day, told together with what else is wrong.
    pub(super) fn to_complete(&self, document: &'static str, today: NaiveDate, wrong: Vec<Violation>) -> Written<'_> {
        Written {
            document,
            currency: &self.currency,
            lines: &self.lines,
            discount: self.discount.as_ref(),
            adjustments: (&self.allowances, &self.charges),
            price_list: &self.price_list,
            today,
            wrong,
        }
    }
}
