//! An order that is to be otherwise: tried as a draft, then changed by "Update Items", and noted on it.
//!
//! 1. The change is drafted as an order of its own would be, with the taxes that the order has and each added row with the
//!    one of its Item, compared, and the draft taken away. What ERPNext would refuse or compute otherwise is known by then,
//!    and nothing is changed.
//! 2. What the order is now is noted on it (`noted`).
//! 3. Its rows are changed in one call that does all or nothing (`rows`), read back and compared.
//! 4. The change is noted as taken, and what the order was before is forgotten.
//!
//! A kill between any two leaves a draft, which counts as nothing, or an order that knows what it was: what comes again
//! makes the rows those of the change, whatever they are by then, or takes them back to what was agreed.

use dealflow_chassis::Refusal;
use dealflow_proto::erp::v1::Reason;
use serde_json::{Value, json};
use tonic::Status;

use super::api::{self, Doctype, Failure, text};
use super::draft::{self, Draft};
use super::noted::{self, Before, CHANGE_DATE, CHANGES, Noted, Taken};
use super::rows::{self, Row};
use super::{CANCELLED, DRAFT, EXTERNAL_ID, ErpNext, cancelled};
use crate::paper::{self, Unreadable};
use crate::submission::{Submission, Verdict, dependency_missing, other_content, reason};

const ANEW: &str = "cancel the order, and order anew";

impl ErpNext {
    pub(super) async fn change(&self, submission: &Submission) -> Result<Verdict, Status> {
        let (id, order_id) = (&submission.external_id, &submission.document.order_external_id);
        let Some((_, place)) = noted::number_of(id).filter(|(of, _)| of == order_id) else {
            return Err(Refusal::field("external_id", format!("that of its order and a number, {order_id}:c1")).into());
        };
        let filters = json!([[EXTERNAL_ID, "=", order_id], ["docstatus", ">", DRAFT]]);
        let standing = self.api.first(Doctype::SalesOrder, &filters, noted::FIELDS).await?;
        let standing = standing.ok_or_else(|| dependency_missing("order", order_id))?;
        let order = self.whole_order(text(&standing, "name")).await?;
        let (name, noted) = (text(&order, "name"), Noted::of(&order)?);
        if let Some(taken) = noted.find(id) {
            if taken.sha256 == submission.sha256 {
                return Ok(Verdict::replayed(name));
            }
            return Err(other_content(id, name, &taken.sha256));
        }
        if api::whole(&order, "docstatus") == CANCELLED {
            return Ok(Verdict::refused(vec![cancelled("order", name, order_id)]));
        }
        if let Some(later) = noted.after(place) {
            let message = format!("{name} is changed by {} already, which comes after it", later.id);
            return Ok(Verdict::refused(vec![reason("REF", "external_id", message, "change the order anew")]));
        }
        let customer = text(&order, "customer").to_owned();
        let draft = match draft::write(submission, &self.mapping, customer, None, self.other_head(submission, &order))?
        {
            Ok(draft) => draft,
            Err(reasons) => return self.refuse(&order, noted, reasons).await,
        };
        let wanted: Vec<Row> = rows::of(&draft.body).map(Row::of).collect();
        let reasons = self.tried(id, &order, &draft, &wanted).await?;
        if !reasons.is_empty() {
            return self.refuse(&order, noted, reasons).await;
        }
        self.put(submission, (order, noted), &draft, &wanted).await
    }

    /// What the head of an order that counts says for good, and the change says otherwise.
    fn other_head(&self, submission: &Submission, order: &Value) -> Vec<Reason> {
        let (document, mut reasons) = (&submission.document, Vec::new());
        let (currency, company) = (text(order, "currency"), text(order, "company"));
        if document.currency_code != currency {
            reasons.push(reason("FIN", "currency_code", format!("the order is in {currency}"), ANEW));
        }
        if self.mapping.company(&document.legal_entity).is_ok_and(|it| it.company != company) {
            reasons.push(reason("LEG", "legal_entity", format!("the order is one of {company}"), ANEW));
        }
        reasons
    }

    /// What ERPNext says to the change where it is an order of its own.
    async fn tried(&self, id: &str, order: &Value, draft: &Draft, wanted: &[Row]) -> Result<Vec<Reason>, Status> {
        if let Some(left) = self.standing(Doctype::SalesOrder, id).await? {
            self.api.delete(Doctype::SalesOrder, &left.name).await?;
        }
        let reasons = new_accounts(order, &draft.body);
        if !reasons.is_empty() {
            return Ok(reasons);
        }
        let drafted = match self.api.create(Doctype::SalesOrder, &trial(id, order, draft, wanted)).await {
            Ok(drafted) => drafted,
            Err(Failure::Refused(reasons)) => return Ok(reasons),
            Err(other) => return Err(other.into()),
        };
        self.api.delete(Doctype::SalesOrder, text(&drafted, "name")).await?;
        let taxes = other_taxes(&draft.body, &drafted);
        if taxes.is_empty() { draft.differences(&drafted) } else { Ok(taxes) }
    }

    /// The change itself, once it is known to be right.
    async fn put(
        &self,
        submission: &Submission,
        (mut order, mut noted): (Value, Noted),
        draft: &Draft,
        wanted: &[Row],
    ) -> Result<Verdict, Status> {
        if noted.before.is_none() {
            noted.before = Some(Before::of(&order)?);
            order = self.note(&order, &noted, json!({})).await?;
        }
        let name = text(&order, "name");
        let put = match self.put_rows(&order, wanted).await {
            Ok(put) => put,
            Err(Failure::Refused(reasons)) => return self.refuse(&order, noted, reasons).await,
            Err(other) => return Err(other.into()),
        };
        let mut reasons = other_taxes(&draft.body, &put);
        reasons.extend(draft.differences(&put)?);
        if !reasons.is_empty() {
            return self.refuse(&put, noted, reasons).await;
        }
        if !rows::complete(&put, wanted) {
            return Err(rows::moved(name));
        }
        let day = paper::day(submission.document.issue_date.as_ref()).map_err(Refusal::from)?;
        let day = day.ok_or_else(|| Refusal::from(Unreadable::Absent("issue_date")))?;
        let (id, sha256) = (submission.external_id.clone(), submission.sha256.clone());
        let latest = noted.taken.iter().map(|taken| taken.day).chain([day]).max();
        noted.taken.push(Taken { id, sha256, day, totals: noted::totals(&put)? });
        noted.before = None;
        let also = json!({
            CHANGE_DATE: latest.map(|day| day.to_string()),
            "po_no": submission.document.customer_reference,
        });
        self.note(&put, &noted, also).await?;
        Ok(Verdict::accepted(name))
    }

    /// A refusal: the order is what it was agreed to be, also where an earlier attempt changed it.
    async fn refuse(&self, order: &Value, mut noted: Noted, reasons: Vec<Reason>) -> Result<Verdict, Status> {
        let Some(before) = noted.before.take() else { return Ok(Verdict::refused(reasons)) };
        let mut taken_back = None;
        if Before::of(order)? != before {
            let put = self.put_rows(order, &before.rows).await?;
            if noted::totals(&put)? != before.totals || !rows::complete(&put, &before.rows) {
                let told: Vec<String> = reasons.into_iter().map(|reason| reason.message).collect();
                let (name, told) = (text(order, "name"), told.join("; "));
                let message = format!("{name} of ERPNext is changed and cannot be taken back by itself: {told}");
                return Err(Status::internal(message));
            }
            taken_back = Some(put);
        }
        self.note(taken_back.as_ref().unwrap_or(order), &noted, json!({})).await?;
        Ok(Verdict::refused(reasons))
    }

    /// Writes what is noted, and more with it, on the order as it was read: not where somebody changed it since.
    async fn note(&self, order: &Value, noted: &Noted, mut also: Value) -> Result<Value, Status> {
        also[CHANGES] = json!(noted.written()?);
        also["modified"] = order["modified"].clone();
        Ok(self.api.update(Doctype::SalesOrder, text(order, "name"), &also).await?)
    }
}

/// The draft that is only tried: on the order's day, with the order's taxes, added rows with those of their Items.
fn trial(id: &str, order: &Value, draft: &Draft, wanted: &[Row]) -> Value {
    let mut body = draft.body.clone();
    body[EXTERNAL_ID] = json!(id);
    // It is no second order against the customer's own.
    body["po_no"] = json!("");
    for field in ["company", "transaction_date", "delivery_date"] {
        body[field] = order[field].clone();
    }
    let taxes = order["taxes"].as_array().into_iter().flatten();
    let fields = ["charge_type", "account_head", "description", "rate"];
    body["taxes"] =
        taxes.map(|row| Value::Object(fields.iter().map(|it| ((*it).to_owned(), row[it].clone())).collect())).collect();
    let items = body["items"].as_array_mut().into_iter().flatten();
    for (item, (_, found)) in items.zip(rows::matched(order, wanted)) {
        match (found, item.as_object_mut()) {
            (None, Some(item)) => drop(item.remove("item_tax_template")),
            (Some(found), _) => item["delivery_date"] = found["delivery_date"].clone(),
            _ => {}
        }
    }
    body
}

/// Accounts of taxes that the order has no row of: added by "Update Items" they would tax its other lines too.
fn new_accounts(order: &Value, body: &Value) -> Vec<Reason> {
    let accounts = |of: &Value| -> Vec<String> {
        of["taxes"].as_array().into_iter().flatten().map(|row| text(row, "account_head").to_owned()).collect()
    };
    let there = accounts(order);
    let new = accounts(body).into_iter().filter(|account| !there.contains(account));
    let told = |account: String| {
        let message = format!("ERPNext puts no tax of {account} into an order that counts and has none of it yet");
        reason("FIN", "lines.vat", message, ANEW)
    };
    new.map(told).collect()
}

/// Rows that have another Item Tax Template there than we want.
fn other_taxes(body: &Value, there: &Value) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut rows: Vec<&Value> = rows::of(there).collect();
    for wanted in rows::of(body) {
        let line = text(wanted, super::LINE_ID);
        let Some(at) = rows.iter().position(|row| text(row, super::LINE_ID) == line) else { continue };
        let field = "item_tax_template";
        let (expected, actual) = (text(wanted, field), text(rows.remove(at), field));
        if expected == actual {
            continue;
        }
        let (item, has) = (text(wanted, "item_code"), if actual.is_empty() { "none" } else { actual });
        let message = format!("ERPNext adds the row with the Item Tax Template of its Item {item}, {has}");
        let action =
            "give that Item (or its group) the template in ERPNext and replay, or cancel the order and order anew";
        reasons.push(Reason {
            line_id: line.to_owned(),
            rule: field.to_owned(),
            expected: expected.to_owned(),
            actual: actual.to_owned(),
            ..reason("FIN", "lines.vat", message, action)
        });
    }
    reasons
}
