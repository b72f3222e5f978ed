//! What the fake of ERPNext does with a document: it wants what is mandatory, knows its links, computes, numbers, moves
//! the docstatus.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

use crate::site::{Books, Done, validation};

/// Status, exception, words.
pub(crate) type Refused = (u16, &'static str, String);

/// The fields that a query may name: a site without the custom ones refuses them.
pub(crate) const FIELDS: &[&str] = &[
    "name",
    "docstatus",
    "dealflow_external_id",
    "dealflow_sha256",
    "dealflow_cancellation",
    "dealflow_cancellation_sha256",
    "dealflow_cancellation_date",
    "dealflow_changes",
    "dealflow_change_date",
    "company",
    "currency",
    "customer",
    "transaction_date",
    "posting_date",
    "net_total",
    "total_taxes_and_charges",
    "grand_total",
    "per_delivered",
    "is_return",
    "status",
    "modified",
    "tax_id",
    "customer_name",
    "disabled",
];

/// Item Tax Templates, each with its account and rate.
pub(crate) const TEMPLATES: [(&str, &str, u32); 3] =
    [("VAT 20", "VAT 20 - N", 20), ("VAT 10", "VAT 10 - N", 10), ("VAT 0", "VAT 0 - N", 0)];
const UOMS: [&str; 2] = ["Nos", "Hour"];
const TERMS: [&str; 1] = ["Net 30"];

impl Books {
    pub(crate) fn create(&mut self, doctype: &str, mut body: Value) -> Done {
        let day = if doctype == "Sales Order" { "delivery_date" } else { "posting_date" };
        for field in ["customer", "company", "currency", day] {
            if body[field].as_str().is_none_or(str::is_empty) {
                return Err((417, "MandatoryError", format!("[{doctype}]: {field}")));
            }
        }
        if !self.customers.iter().any(|it| it["name"] == body["customer"]) {
            return link("Customer", &body["customer"]);
        }
        let template = &body["payment_terms_template"];
        if template.is_string() && !TERMS.iter().any(|it| template == it) {
            return link("Payment Terms Template", template);
        }
        let id = body["dealflow_external_id"].clone();
        if self.rows(doctype).iter().any(|it| it["dealflow_external_id"] == id) {
            return Err((
                417,
                "UniqueValidationError",
                format!("{doctype}: dealflow_external_id must be unique: {id}"),
            ));
        }
        let returns = body["is_return"] == 1;
        if returns && !self.invoices.iter().any(|it| it["name"] == body["return_against"] && it["docstatus"] == 1) {
            return validation("Return Against is not a submitted invoice");
        }
        let series = body["naming_series"].as_str().map(|it| it.replace(".YYYY.", "2026"));
        let series = series.unwrap_or_else(|| if doctype == "Sales Order" { "SO-" } else { "SINV-" }.to_owned());
        // A number that was given and deleted is given again where it was the last.
        let names = self.rows(doctype).iter().filter_map(|it| it["name"].as_str()?.strip_prefix(&series)?.parse().ok());
        let number = 1 + names.max().unwrap_or(0_u32);
        let name = format!("{series}{number:05}");
        body["name"] = json!(name);
        body["docstatus"] = json!(0);
        body["status"] = json!("Draft");
        body["per_delivered"] = json!(0.0);
        body["is_return"] = json!(i32::from(returns));
        self.compute(&name, &mut body, returns)?;
        self.touch(&mut body);
        body["creation"] = body["modified"].clone();
        self.rows(doctype).push(body.clone());
        Ok((200, json!({ "data": body })))
    }

    pub(crate) fn change(&mut self, doctype: &str, at: usize, change: &Value) -> Done {
        let mut row = self.rows(doctype)[at].clone();
        let name = row["name"].clone();
        if change["modified"].is_string() && change["modified"] != row["modified"] {
            let words = "Error: Document has been modified after you have opened it";
            return Err((417, "TimestampMismatchError", words.to_owned()));
        }
        let (from, to) = (row["docstatus"].as_i64(), change["docstatus"].as_i64().or(row["docstatus"].as_i64()));
        match (from, to) {
            (Some(0), Some(1)) => {
                if let Some(words) = self.refuses {
                    return validation(words);
                }
                let kind = if row["is_return"] == 1 { "Return" } else { "Unpaid" };
                self.bill(&row);
                row["status"] = json!(if doctype == "Sales Order" { "To Deliver and Bill" } else { kind });
            }
            (Some(1), Some(2)) => {
                let linked = self.invoices.iter().find(|it| {
                    it["docstatus"] == 1
                        && it["items"].as_array().is_some_and(|all| all.iter().any(|one| one["sales_order"] == name))
                });
                if let Some(invoice) = linked {
                    let words = format!(
                        "Cannot delete or cancel because {doctype} {name} is linked with Sales Invoice {}",
                        invoice["name"]
                    );
                    return Err((417, "LinkExistsError", words));
                }
                row["status"] = json!("Cancelled");
            }
            (Some(1), Some(1)) => {
                let allowed = [
                    "modified",
                    "po_no",
                    "dealflow_cancellation",
                    "dealflow_cancellation_sha256",
                    "dealflow_cancellation_date",
                    "dealflow_changes",
                    "dealflow_change_date",
                ];
                let fields = change.as_object().expect("a change");
                if let Some(field) = fields.keys().find(|it| !allowed.contains(&it.as_str())) {
                    return Err((
                        417,
                        "UpdateAfterSubmitError",
                        format!("Not allowed to change {field} after submission"),
                    ));
                }
            }
            (Some(0), Some(0)) => {}
            (Some(from), Some(to)) => return validation(format!("Cannot change docstatus from {from} to {to}")),
            _ => return validation("no docstatus"),
        }
        for (field, value) in change.as_object().expect("a change") {
            // What looks like HTML is mended, as Frappe does with a text.
            let text = value.as_str().filter(|it| it.contains(['<', '>'])).map(|it| json!(it.replace('<', "&lt;")));
            row[field] = text.unwrap_or_else(|| value.clone());
        }
        self.touch(&mut row);
        self.rows(doctype)[at] = row.clone();
        Ok((200, json!({ "data": row })))
    }

    /// The amounts: rows, then a tax row for each account over all rows of its templates, rounded once.
    pub(crate) fn compute(&self, name: &str, body: &mut Value, returns: bool) -> Result<(), Refused> {
        let mut net = Decimal::ZERO;
        let mut bases = vec![Decimal::ZERO; TEMPLATES.len()];
        let items = body["items"].as_array_mut().filter(|it| !it.is_empty());
        let items = items.ok_or_else(|| (417, "MandatoryError", format!("[{name}]: items")))?;
        for (at, item) in items.iter_mut().enumerate() {
            let code = item["item_code"].as_str().unwrap_or_default();
            if !self.items.contains(code) {
                link("Item", &item["item_code"])?;
            }
            if item["uom"].is_string() && !UOMS.iter().any(|it| item["uom"] == *it) {
                link("UOM", &item["uom"])?;
            }
            if item["item_tax_template"].is_null() {
                item["item_tax_template"] = json!(self.taxes_of_items.get(code));
            }
            // A row without a template is taxed as the tax rows say: not at all, where those are ours.
            let none = item["item_tax_template"].is_null();
            let template = TEMPLATES.iter().position(|(name, ..)| none || item["item_tax_template"] == *name);
            let Some(template) = template else {
                return link("Item Tax Template", &item["item_tax_template"]).map(drop);
            };
            let (quantity, rate) = (exact(&item["qty"]), exact(&item["rate"]));
            if quantity.is_sign_negative() != returns {
                validation(format!("Row #{}: quantity {quantity}", at + 1))?;
            }
            let amount = self.round(quantity * rate);
            net += amount;
            if !none {
                bases[template] += amount;
            }
            item["amount"] = double(amount);
            for (field, value) in [
                ("name", json!(format!("{name}-{at}"))),
                ("delivered_qty", json!(0.0)),
                ("billed_amt", json!(0.0)),
                ("uom", json!("Nos")),
                ("conversion_factor", json!(1.0)),
            ] {
                if item[field].is_null() {
                    item[field] = value;
                }
            }
        }
        let mut taxes = Decimal::ZERO;
        for row in body["taxes"].as_array_mut().into_iter().flatten() {
            let known = TEMPLATES.iter().position(|(_, account, _)| row["account_head"] == *account);
            let Some(at) = known else { return link("Account", &row["account_head"]).map(drop) };
            // A row's own rate is for all rows whose templates say nothing of its account.
            let others = (net - bases[at]) * exact(&row["rate"]);
            let tax = self.round((bases[at] * Decimal::from(TEMPLATES[at].2) + others) / Decimal::ONE_HUNDRED);
            row["tax_amount"] = double(tax);
            taxes += tax;
        }
        for (field, amount) in [("net_total", net), ("total_taxes_and_charges", taxes), ("grand_total", net + taxes)] {
            body[field] = double(amount);
        }
        Ok(())
    }

    /// What a submitted invoice bills of the rows of orders.
    fn bill(&mut self, invoice: &Value) {
        for item in invoice["items"].as_array().into_iter().flatten() {
            let rows = self.orders.iter_mut().flat_map(|it| it["items"].as_array_mut().into_iter().flatten());
            for row in rows.filter(|row| row["name"] == item["so_detail"]) {
                row["billed_amt"] = double(exact(&row["billed_amt"]) + exact(&item["amount"]));
            }
        }
    }

    fn round(&self, amount: Decimal) -> Decimal {
        let halves = RoundingStrategy::MidpointAwayFromZero;
        let strategy = if self.bankers { RoundingStrategy::MidpointNearestEven } else { halves };
        amount.round_dp_with_strategy(2, strategy)
    }

    pub(crate) fn touch(&mut self, row: &mut Value) {
        self.changes += 1;
        row["modified"] =
            json!(format!("2026-03-02 10:00:{:02}.{:06}", self.changes / 1_000_000, self.changes % 1_000_000));
    }
}

pub(crate) fn link(doctype: &str, name: &Value) -> Done {
    Err((417, "LinkValidationError", format!("Could not find {doctype}: {}", name.as_str().unwrap_or_default())))
}

pub(crate) fn exact(value: &Value) -> Decimal {
    value.to_string().parse().expect("a number")
}

pub(crate) fn double(value: Decimal) -> Value {
    json!(value.to_string().parse::<f64>().expect("a double"))
}
