//! The rows of a Sales Order that counts: made others by ERPNext's own call for that, "Update Items".
//!
//! The call is told all rows as they are to be: one that names its row changes it, one that names none is added, and what
//! is not told goes. It does all or nothing, keeps what is delivered and billed, and computes anew. What it cannot do: give
//! a row another Item or Item Tax Template (such a row is another one here), give an added row the template that we want
//! (it has its Item's), or our line's id, which is written after it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tonic::Status;

use super::api::{self, Doctype, Failure, number, text};
use super::{ErpNext, LINE_ID};

/// A row as it is to be.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    line_id: String,
    item: String,
    tax: String,
    description: String,
    quantity: Decimal,
    rate: Decimal,
    uom: String,
    delivery_date: String,
}

impl Row {
    /// Of a row of theirs, or of one that is to be drafted.
    pub(super) fn of(row: &Value) -> Self {
        let own = |field| text(row, field).to_owned();
        Self {
            line_id: own(LINE_ID),
            item: own("item_code"),
            tax: own("item_tax_template"),
            description: own("description"),
            quantity: number(row, "qty").unwrap_or_default(),
            rate: number(row, "rate").unwrap_or_default(),
            uom: own("uom"),
            delivery_date: own("delivery_date"),
        }
    }

    /// Whether a row of theirs can become it.
    fn fits(&self, row: &Value) -> bool {
        let fields = [(LINE_ID, &self.line_id), ("item_code", &self.item), ("item_tax_template", &self.tax)];
        fields.into_iter().all(|(field, own)| text(row, field) == own)
    }
}

/// All rows of a document.
pub(super) fn of(document: &Value) -> impl Iterator<Item = &Value> {
    document["items"].as_array().into_iter().flatten()
}

/// Each wanted row with the row of theirs that it is; none where it is to be added. None of theirs is two.
pub(super) fn matched<'a>(order: &'a Value, wanted: &'a [Row]) -> Vec<(&'a Row, Option<&'a Value>)> {
    let mut there: Vec<&Value> = of(order).collect();
    let mut found = |row: &Row| there.iter().position(|one| row.fits(one)).map(|at| there.remove(at));
    wanted.iter().map(|row| (row, found(row))).collect()
}

/// Whether all wanted rows are there, under their ids and with their taxes.
pub(super) fn complete(order: &Value, wanted: &[Row]) -> bool {
    of(order).count() == wanted.len() && matched(order, wanted).iter().all(|(_, found)| found.is_some())
}

/// Somebody else was at the same order: it is asked again.
pub(super) fn moved(name: &str) -> Status {
    Status::aborted(format!("the rows of {name} were changed by somebody else in the same moment"))
}

impl ErpNext {
    /// Makes the rows of an order those, and answers the order as it is then.
    ///
    /// # Errors
    ///
    /// A refusal is that of "Update Items", which changed nothing.
    pub(super) async fn put_rows(&self, order: &Value, wanted: &[Row]) -> Result<Value, Failure> {
        let name = text(order, "name");
        let matched = matched(order, wanted);
        let asked = matched.iter().enumerate().map(|(place, (row, found))| asked(place, row, *found));
        self.api.update_items(name, &asked.collect()).await?;
        let put = self.whole_order(name).await?;
        let added: Vec<&Row> = matched.iter().filter(|(_, found)| found.is_none()).map(|(row, _)| *row).collect();
        let fresh = |row: &&Value| of(order).all(|one| one["name"] != row["name"]);
        let made: Vec<&Value> = of(&put).filter(fresh).collect();
        let ours = |(row, one): (&&Row, &&Value)| row.item == text(one, "item_code");
        if made.len() != added.len() || !added.iter().zip(&made).all(ours) {
            return Err(Failure::Status(moved(name)));
        }
        for (row, made) in added.iter().zip(&made).filter(|(row, _)| !row.line_id.is_empty()) {
            let id = json!({ LINE_ID: row.line_id });
            let written = self.api.update(Doctype::SalesOrderItem, text(made, "name"), &id).await;
            // The rows are changed by now: that is no refusal any more.
            written.map_err(|failure| Failure::Status(failure.into()))?;
        }
        if added.is_empty() { Ok(put) } else { self.whole_order(name).await }
    }

    pub(super) async fn whole_order(&self, name: &str) -> Result<Value, Failure> {
        let there = self.api.get(Doctype::SalesOrder, name).await?;
        there.ok_or_else(|| Failure::Status(Status::aborted(format!("{name} was there and is not any more"))))
    }
}

/// A row as the call is told it.
fn asked(place: usize, row: &Row, found: Option<&Value>) -> Value {
    let there = |field| found.map(|found| text(found, field)).unwrap_or_default();
    let mut asked = json!({
        "idx": place + 1,
        "item_code": row.item,
        "description": row.description,
        "qty": api::double(row.quantity),
        "rate": api::double(row.rate),
        "delivery_date": if found.is_some() { there("delivery_date") } else { &row.delivery_date },
    });
    let uom = if row.uom.is_empty() { there("uom") } else { &row.uom };
    if !uom.is_empty() {
        asked["uom"] = json!(uom);
    }
    let factor = found.filter(|_| there("uom") == uom).and_then(|found| number(found, "conversion_factor"));
    asked["conversion_factor"] = json!(api::double(factor.unwrap_or(Decimal::ONE)));
    if let Some(found) = found {
        asked["docname"] = found["name"].clone();
    }
    asked
}
