//! What is in ERPNext's books, page by page: orders, invoices, credit notes, changes and cancellations of orders, each by
//! its name; the changes of one order by their place.
//!
//! VAT by category is not told: a list tells no tax rows, and a call for each document would be too many.

use dealflow_chassis::Refusal;
use dealflow_proto::erp::v1::{DocumentType, ErpDocument};
use serde_json::{Value, json};
use tonic::Status;

use super::api::{Doctype, text};
use super::noted::{self, CHANGE_DATE, CHANGES, Noted, Taken};
use super::{CANCELLED, DRAFT, EXTERNAL_ID, ErpNext, booked, cancel};
use crate::contract::Wanted;

/// What is taken and listed, in the list's order.
pub(super) const KINDS: [DocumentType; 5] = [
    DocumentType::Order,
    DocumentType::Invoice,
    DocumentType::CreditNote,
    DocumentType::OrderChange,
    DocumentType::OrderCancellation,
];

/// Where a page begins: at a kind, after a name, or in the middle of what one name has.
#[derive(Default)]
struct Place {
    kind: i32,
    name: String,
    /// How many documents of that name were told; 0 where all were.
    told: usize,
}

impl ErpNext {
    pub(super) async fn page(&self, wanted: &Wanted) -> Result<(Vec<ErpDocument>, String), Status> {
        let mut place = Place::parse(&wanted.place)?;
        let company = match wanted.legal_entity.as_str() {
            "" => None,
            code => match self.mapping.company(code) {
                Ok(company) => Some(company.company.as_str()),
                // Nothing of it was ever booked.
                Err(_) => return Ok((Vec::new(), String::new())),
            },
        };
        let (mut documents, mut last): (Vec<ErpDocument>, String) = (Vec::new(), String::new());
        let first = place.kind;
        let kinds = KINDS.into_iter().filter(|kind| wanted.kind.is_none_or(|only| only == *kind));
        for kind in kinds.filter(|kind| i32::from(*kind) >= first) {
            loop {
                let left = wanted.size.saturating_sub(u32::try_from(documents.len()).unwrap_or(u32::MAX));
                let rows = self.rows(kind, wanted, (company, &place), left + 1).await?;
                for row in &rows {
                    let name = text(row, "name");
                    let told = if place.name == name { place.told } else { 0 };
                    for (at, document) in self.of_row(kind, row, wanted)?.into_iter().enumerate().skip(told) {
                        if documents.len() == wanted.size as usize {
                            return Ok((documents, last));
                        }
                        documents.push(document);
                        let told = if kind == DocumentType::OrderChange { at + 1 } else { 0 };
                        last = Place { kind: kind.into(), name: name.to_owned(), told }.token();
                    }
                    place = Place { name: name.to_owned(), ..Place::default() };
                }
                if rows.len() <= left as usize {
                    break;
                }
            }
            place = Place::default();
        }
        Ok((documents, String::new()))
    }

    /// The documents of a row: of an order that was changed, its changes of the days that are asked for.
    fn of_row(&self, kind: DocumentType, row: &Value, wanted: &Wanted) -> Result<Vec<ErpDocument>, Status> {
        let one = match kind {
            DocumentType::OrderChange => {
                let asked = |taken: &&Taken| {
                    wanted.from.is_none_or(|from| taken.day >= from)
                        && wanted.until.is_none_or(|until| taken.day < until)
                };
                let taken = Noted::of(row)?.taken;
                return taken.iter().filter(asked).map(|one| booked::change(row, one, &self.mapping)).collect();
            }
            DocumentType::OrderCancellation => booked::cancellation(row, &self.mapping)?,
            _ => booked::document(Doctype::of(kind), row, &self.mapping)?,
        };
        Ok(vec![one])
    }

    async fn rows(
        &self,
        kind: DocumentType,
        wanted: &Wanted,
        (company, place): (Option<&str>, &Place),
        limit: u32,
    ) -> Result<Vec<Value>, Status> {
        let (fields, id, day) = match kind {
            DocumentType::Order => (booked::FIELDS_OF_ORDER, EXTERNAL_ID, "transaction_date"),
            DocumentType::OrderChange => (noted::FIELDS, CHANGES, CHANGE_DATE),
            DocumentType::OrderCancellation => (cancel::FIELDS, cancel::CANCELLATION, cancel::CANCELLATION_DATE),
            _ => (booked::FIELDS_OF_INVOICE, EXTERNAL_ID, "posting_date"),
        };
        let from_here = if place.told > 0 { ">=" } else { ">" };
        let mut filters = vec![json!([id, "is", "set"]), json!(["name", from_here, place.name])];
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
        // An order is told of by the day of its last change: earlier ones may be of the days that are asked for.
        if let Some(until) = wanted.until.filter(|_| kind != DocumentType::OrderChange) {
            filters.push(json!([day, "<", until.to_string()]));
        }
        let rows = self.api.list(Doctype::of(kind), &Value::Array(filters), fields, ("name asc", limit)).await?;
        match rows.iter().find(|row| text(row, "name").is_empty()) {
            Some(_) => Err(Status::internal("ERPNext tells a row without its name")),
            None => Ok(rows),
        }
    }
}

impl Place {
    fn parse(token: &str) -> Result<Self, Refusal> {
        if token.is_empty() {
            return Ok(Self::default());
        }
        let parsed = token.split_once('.').and_then(|(at, name)| {
            let (kind, told) = at.split_once('+').unwrap_or((at, "0"));
            Some(Self { kind: kind.parse().ok()?, name: name.to_owned(), told: told.parse().ok()? })
        });
        parsed.ok_or_else(|| Refusal::field("page_token", "a token that the previous page gave"))
    }

    fn token(&self) -> String {
        match self.told {
            0 => format!("{}.{}", self.kind, self.name),
            told => format!("{}+{told}.{}", self.kind, self.name),
        }
    }
}
