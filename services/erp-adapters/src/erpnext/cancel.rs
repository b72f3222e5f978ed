//! An order that is taken back: noted on it under which id, then cancelled.
//!
//! The note comes first, so that a cancellation whose answer was lost is found by its own id; an order with a note that
//! still counts is none that was taken back.

use chrono::NaiveDate;
use serde_json::json;
use tonic::Status;

use super::api::{self, Doctype, Failure};
use super::{CANCELLED, DRAFT, EXTERNAL_ID, ErpNext, SUBMITTED};
use crate::paper;
use crate::submission::{Submission, Verdict, dependency_missing, other_content};

/// Custom field of Sales Order, to be changed after submission: the cancellation's external id.
pub(super) const CANCELLATION: &str = "dealflow_cancellation";
/// The same: its hash.
pub(super) const CANCELLATION_SHA256: &str = "dealflow_cancellation_sha256";
/// The same: its day.
pub(super) const CANCELLATION_DATE: &str = "dealflow_cancellation_date";
/// What a cancellation is told by.
pub(super) const FIELDS: &[&str] =
    &["name", EXTERNAL_ID, CANCELLATION, CANCELLATION_SHA256, CANCELLATION_DATE, "company", "currency", "modified"];

impl ErpNext {
    pub(super) async fn cancel(&self, submission: &Submission) -> Result<Verdict, Status> {
        let (doctype, order) = (Doctype::SalesOrder, &submission.document.order_external_id);
        let filters = json!([[EXTERNAL_ID, "=", order]]);
        let fields = ["name", "docstatus", CANCELLATION, CANCELLATION_SHA256];
        let standing = self.api.first(doctype, &filters, &fields).await?;
        let standing = standing.filter(|row| api::whole(row, "docstatus") != DRAFT);
        let standing = standing.ok_or_else(|| dependency_missing("order", order))?;
        let name = api::text(&standing, "name");
        if api::whole(&standing, "docstatus") == CANCELLED {
            let ours = api::text(&standing, CANCELLATION) == submission.external_id;
            let sha256 = api::text(&standing, CANCELLATION_SHA256);
            if ours && sha256 != submission.sha256 {
                return Err(other_content(&submission.external_id, name, sha256));
            }
            // Somebody took it back there by hand: what is wanted is so already.
            return Ok(Verdict::replayed(name));
        }
        let day: Option<NaiveDate> =
            paper::day(submission.document.issue_date.as_ref()).map_err(dealflow_chassis::Refusal::from)?;
        let note = json!({
            CANCELLATION: submission.external_id,
            CANCELLATION_SHA256: submission.sha256,
            CANCELLATION_DATE: day.map(|day| day.to_string()),
        });
        self.api.update(doctype, name, &note).await?;
        match self.api.update(doctype, name, &json!({ "docstatus": CANCELLED })).await {
            Ok(_) => self.read_back(doctype, name, CANCELLED).await,
            Err(Failure::Refused(reasons)) => {
                let there = self.api.get(doctype, name).await?;
                match there.as_ref().map(|it| api::whole(it, "docstatus")) {
                    Some(SUBMITTED) => Ok(Verdict::refused(reasons)),
                    _ => self.read_back(doctype, name, CANCELLED).await,
                }
            }
            Err(other) => Err(other.into()),
        }
    }
}
