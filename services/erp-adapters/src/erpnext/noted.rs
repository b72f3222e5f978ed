//! What a Sales Order notes of its changes, as JSON in a field of its own: those that it took, and what it was before one
//! that is under way.
//!
//! A change has no document of its own there. So what was taken stands by external id and hash on the order, each with its
//! day and what the order came to; and as long as one is under way, the rows as they were agreed last, so that whoever
//! goes on after a kill can still take it back.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tonic::Status;

use super::EXTERNAL_ID;
use super::api::{number, text};
use super::rows::{self, Row};

/// Custom field of Sales Order, to be changed after submission: what is noted.
pub(super) const CHANGES: &str = "dealflow_changes";
/// The same: the day of the last change that was taken, which a list is asked by.
pub(super) const CHANGE_DATE: &str = "dealflow_change_date";
/// What the changes of an order are told by.
pub(super) const FIELDS: &[&str] = &["name", EXTERNAL_ID, CHANGES, CHANGE_DATE, "company", "currency", "modified"];

/// ERPNext's totals, as a draft is compared by them.
const TOTALS: [&str; 3] = ["net_total", "total_taxes_and_charges", "grand_total"];

/// What is noted; nothing on an order that was never changed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Noted {
    /// First to last.
    #[serde(default)]
    pub(super) taken: Vec<Taken>,
    /// What it was before the change that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Before>,
}

/// A change that was taken.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Taken {
    /// Its external id.
    pub(super) id: String,
    pub(super) sha256: String,
    pub(super) day: NaiveDate,
    /// What the order came to: without VAT, VAT, with VAT.
    pub(super) totals: [Decimal; 3],
}

/// An order as it was agreed.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Before {
    pub(super) totals: [Decimal; 3],
    pub(super) rows: Vec<Row>,
}

impl Noted {
    /// Of a row of a list, or of a whole order.
    ///
    /// # Errors
    ///
    /// INTERNAL where somebody wrote something else there.
    pub(super) fn of(order: &Value) -> Result<Self, Status> {
        let noted = text(order, CHANGES);
        if noted.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(noted).map_err(|error| {
            Status::internal(format!("{} of ERPNext: {CHANGES} is not what was noted: {error}", text(order, "name")))
        })
    }

    /// As it stands in the field; empty where there is nothing to note.
    pub(super) fn written(&self) -> Result<String, Status> {
        if self.taken.is_empty() && self.before.is_none() {
            return Ok(String::new());
        }
        let written = serde_json::to_string(self).map_err(|error| Status::internal(error.to_string()))?;
        // Frappe mends what looks like HTML; in JSON these stand in texts only.
        Ok(written.replace('<', "\\u003c").replace('>', "\\u003e"))
    }

    /// The change of an external id, if it was taken.
    pub(super) fn find(&self, external_id: &str) -> Option<&Taken> {
        self.taken.iter().find(|taken| taken.id == external_id)
    }

    /// The last change that was taken after one of this number.
    pub(super) fn after(&self, place: u32) -> Option<&Taken> {
        self.taken.iter().rev().find(|taken| number_of(&taken.id).is_some_and(|(_, other)| other > place))
    }
}

impl Before {
    pub(super) fn of(order: &Value) -> Result<Self, Status> {
        Ok(Self { totals: totals(order)?, rows: rows::of(order).map(Row::of).collect() })
    }
}

/// What an order comes to there.
pub(super) fn totals(order: &Value) -> Result<[Decimal; 3], Status> {
    let mut totals = [Decimal::ZERO; 3];
    for (total, field) in totals.iter_mut().zip(TOTALS) {
        *total = number(order, field).ok_or_else(|| Status::internal(format!("ERPNext tells no {field}")))?;
    }
    Ok(totals)
}

/// The order of a change and which one it is, by its external id: `dealflow:order:SO-000017:c2`.
pub(super) fn number_of(external_id: &str) -> Option<(&str, u32)> {
    let (order, number) = external_id.rsplit_once(":c")?;
    Some((order, number.parse().ok()?))
}
