//! What is in ERPNext's books, page by page: orders, invoices, credit notes, cancellations, each by its name.
//!
//! VAT by category is not told: a list tells no tax rows, and a call for each document would be too many.

use dealflow_chassis::Refusal;
use dealflow_proto::erp::v1::{DocumentType, ErpDocument};
use serde_json::{Value, json};
use tonic::Status;

use super::api::{Doctype, text};
use super::{CANCELLED, DRAFT, EXTERNAL_ID, ErpNext, booked, cancel};
use crate::contract::Wanted;

const KINDS: [DocumentType; 4] =
    [DocumentType::Order, DocumentType::Invoice, DocumentType::CreditNote, DocumentType::OrderCancellation];

impl ErpNext {
    pub(super) async fn page(&self, wanted: &Wanted) -> Result<(Vec<ErpDocument>, String), Status> {
        let (first, mut after) = place(&wanted.token)?;
        let company = match wanted.legal_entity.as_str() {
            "" => None,
            code => match self.mapping.company(code) {
                Ok(company) => Some(company.company.as_str()),
                // Nothing of it was ever booked.
                Err(_) => return Ok((Vec::new(), String::new())),
            },
        };
        let mut documents: Vec<ErpDocument> = Vec::new();
        let kinds = KINDS.into_iter().filter(|kind| wanted.kind.is_none_or(|only| only == *kind));
        for kind in kinds.filter(|kind| i32::from(*kind) >= first) {
            let left = wanted.size.saturating_sub(u32::try_from(documents.len()).unwrap_or(u32::MAX));
            let rows = self.rows(kind, wanted, (company, &after), left + 1).await?;
            after.clear();
            for row in &rows {
                if documents.len() == wanted.size as usize {
                    let last = documents.last().map(|it| format!("{}.{}", it.r#type, it.erp_number));
                    return Ok((documents, last.unwrap_or_default()));
                }
                documents.push(match kind {
                    DocumentType::OrderCancellation => booked::cancellation(row, &self.mapping)?,
                    _ => booked::document(Doctype::of(kind), row, &self.mapping)?,
                });
            }
        }
        Ok((documents, String::new()))
    }

    async fn rows(
        &self,
        kind: DocumentType,
        wanted: &Wanted,
        (company, after): (Option<&str>, &str),
        limit: u32,
    ) -> Result<Vec<Value>, Status> {
        let (fields, id, day) = match kind {
            DocumentType::Order => (booked::FIELDS_OF_ORDER, EXTERNAL_ID, "transaction_date"),
            DocumentType::OrderCancellation => (cancel::FIELDS, cancel::CANCELLATION, cancel::CANCELLATION_DATE),
            _ => (booked::FIELDS_OF_INVOICE, EXTERNAL_ID, "posting_date"),
        };
        let mut filters = vec![json!([id, "is", "set"]), json!(["name", ">", after])];
        filters.push(match kind {
            DocumentType::OrderCancellation => json!(["docstatus", "=", CANCELLED]),
            _ => json!(["docstatus", ">", DRAFT]),
        });
        match kind {
            DocumentType::Invoice => filters.push(json!(["is_return", "=", 0])),
            DocumentType::CreditNote => filters.push(json!(["is_return", "=", 1])),
            _ => {}
        }
        if let Some(company) = company {
            filters.push(json!(["company", "=", company]));
        }
        if let Some(from) = wanted.from {
            filters.push(json!([day, ">=", from.to_string()]));
        }
        if let Some(until) = wanted.until {
            filters.push(json!([day, "<", until.to_string()]));
        }
        let rows = self.api.list(Doctype::of(kind), &Value::Array(filters), fields, ("name asc", limit)).await?;
        match rows.iter().find(|row| text(row, "name").is_empty()) {
            Some(_) => Err(Status::internal("ERPNext tells a row without its name")),
            None => Ok(rows),
        }
    }
}

fn place(token: &str) -> Result<(i32, String), Refusal> {
    if token.is_empty() {
        return Ok((0, String::new()));
    }
    let parsed = token.split_once('.').and_then(|(kind, name)| Some((kind.parse().ok()?, name.to_owned())));
    parsed.ok_or_else(|| Refusal::field("page_token", "a token that the previous page gave"))
}
