//! How the fake of ERPNext changes the items of an order that counts: as "Update Items" does, all or nothing.
//!
//! Rows that are not told go, unless something of them is delivered or billed; a row that names none is added with the tax
//! template of its Item, whatever it says, and without any field of ours; an account that its template brings gets a tax
//! row with the template's rate, which taxes other rows too. Then all is computed anew.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::site::{Books, Done, validation};
use crate::site_books::{Refused, TEMPLATES, double, exact, link};

impl Books {
    pub(crate) fn update_items(&mut self, ask: &Value) -> Done {
        assert_eq!((&ask["parent_doctype"], &ask["child_docname"]), (&json!("Sales Order"), &json!("items")));
        let name = ask["parent_doctype_name"].as_str().expect("an order").to_owned();
        let asked: Vec<Value> = serde_json::from_str(ask["trans_items"].as_str().expect("a text")).expect("rows");
        let at = self.find("Sales Order", &name)?;
        let mut order = self.orders[at].clone();
        match order["docstatus"].as_i64() {
            Some(1) => {}
            Some(2) => return validation("Cannot edit cancelled document"),
            _ => return validation("Cannot change docstatus from 0 (Draft) to 2 (Cancelled)"),
        }
        let mut rows = order["items"].as_array().cloned().expect("rows");
        let told: Vec<&Value> = asked.iter().map(|it| &it["docname"]).collect();
        for row in rows.iter().filter(|row| !told.contains(&&row["name"])) {
            for (field, done) in [("delivered_qty", "delivered"), ("billed_amt", "billed")] {
                if !exact(&row[field]).is_zero() {
                    return validation(format!(
                        "Cannot delete item {} which has already been {done}",
                        row["item_code"]
                    ));
                }
            }
        }
        rows.retain(|row| told.contains(&&row["name"]));
        for wanted in &asked {
            if wanted["docname"].is_null() {
                self.changes += 1;
                let made = self.added(&name, wanted, &mut order)?;
                rows.push(made);
                continue;
            }
            let Some(row) = rows.iter_mut().find(|row| row["name"] == wanted["docname"]) else {
                return Err((404, "DoesNotExistError", format!("Sales Order Item {} not found", wanted["docname"])));
            };
            if !same(row, wanted) {
                changed(row, wanted)?;
            }
        }
        if let Some(words) = self.refuses {
            return validation(words);
        }
        order["items"] = Value::Array(rows);
        self.compute(&name, &mut order, false)?;
        if let Some((net, more)) = self.drift.filter(|(net, _)| *net == exact(&order["net_total"])) {
            order["net_total"] = double(net + more);
            order["grand_total"] = double(exact(&order["grand_total"]) + more);
        }
        self.touch(&mut order);
        self.orders[at] = order;
        Ok((200, json!({})))
    }

    /// A field of a row that counts: of ours only those that may be written then.
    pub(crate) fn write_row(&mut self, name: &str, body: &Value) -> Done {
        let mut rows = self.orders.iter_mut().flat_map(|it| it["items"].as_array_mut().into_iter().flatten());
        let Some(row) = rows.find(|row| row["name"] == name) else {
            return Err((404, "DoesNotExistError", format!("Sales Order Item {name} not found")));
        };
        for (field, value) in body.as_object().expect("fields") {
            if field != "dealflow_line_id" {
                let words = format!("Not allowed to change {field} after submission");
                return Err((417, "UpdateAfterSubmitError", words));
            }
            row[field] = value.clone();
        }
        // The order is saved with it.
        let written = row.clone();
        let at = self.orders.iter().position(|it| it["items"].as_array().is_some_and(|all| all.contains(&written)));
        let mut order = self.orders[at.expect("its order")].clone();
        self.touch(&mut order);
        self.orders[at.expect("its order")] = order;
        Ok((200, json!({ "data": written })))
    }

    fn added(&self, order_name: &str, wanted: &Value, order: &mut Value) -> Result<Value, Refused> {
        let code = wanted["item_code"].as_str().unwrap_or_default();
        if !self.items.contains(code) {
            link("Item", &wanted["item_code"])?;
        }
        let template = self.taxes_of_items.get(code);
        let mut row = json!({
            "name": format!("{order_name}-n{}", self.changes),
            "item_code": code,
            "item_tax_template": template,
            "delivered_qty": 0.0,
            "billed_amt": 0.0,
            "dealflow_line_id": null,
        });
        changed(&mut row, wanted)?;
        let account = TEMPLATES.iter().find(|(name, _, rate)| template.is_some_and(|it| it == name) && *rate > 0);
        if let Some((_, account, rate)) = account {
            let taxes = order["taxes"].as_array_mut().expect("taxes");
            if !taxes.iter().any(|it| it["account_head"] == *account) {
                taxes.push(json!({ "charge_type": "On Net Total", "account_head": account, "rate": rate }));
            }
        }
        Ok(row)
    }
}

fn same(row: &Value, wanted: &Value) -> bool {
    let numbers = ["qty", "rate", "conversion_factor"].iter().all(|it| exact(&row[*it]) == exact(&wanted[*it]));
    numbers && ["uom", "delivery_date", "description"].iter().all(|it| row[*it] == wanted[*it])
}

fn changed(row: &mut Value, wanted: &Value) -> Result<(), Refused> {
    let (quantity, rate) = (exact(&wanted["qty"]), exact(&wanted["rate"]));
    let place = &wanted["idx"];
    if quantity.is_zero() {
        validation(format!("Row #{place}:Quantity for Item {} cannot be zero.", wanted["item_code"]))?;
    }
    if quantity < exact(&row["delivered_qty"]) {
        validation(format!("Row #{place}:Cannot set quantity less than delivered quantity."))?;
    }
    if exact(&row["billed_amt"]) > quantity * rate && rate > Decimal::ZERO {
        validation(format!("Row #{place}: Cannot set Rate if the billed amount is greater than the amount"))?;
    }
    for field in ["qty", "rate", "uom", "conversion_factor", "delivery_date", "description"] {
        row[field] = wanted[field].clone();
    }
    Ok(())
}
