//! A fake of ERPNext's REST API, written after Frappe's public sources: token, filters, unique custom fields, docstatus,
//! exceptions in JSON. `site_books` is what it computes, `site_items` how it changes an order. Faults hit a call before or after what it does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::site_books;
use crate::web::{Ask, Reply, serve};

/// The method behind "Update Items".
pub(crate) const UPDATE_ITEMS: &str = "erpnext.controllers.accounts_controller.update_child_qty_rate";

pub(crate) const TOKEN: &str = "b1946ac92492d23:4f1ee2d1ab7c0f9";

/// When and how a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is done, and this is answered.
    Before(u16, &'static str),
    /// It is done, and this is answered.
    After(u16, &'static str),
    /// It is done, and the line is cut.
    Cut,
    /// It is done, and no answer comes.
    Hang,
}

type Meanwhile = Box<dyn FnOnce(&mut Books) + Send>;

/// What the site knows.
pub(crate) struct Books {
    pub(crate) orders: Vec<Value>,
    pub(crate) invoices: Vec<Value>,
    pub(crate) customers: Vec<Value>,
    pub(crate) items: BTreeSet<String>,
    /// The Item Tax Templates of Items: of a row that says none.
    pub(crate) taxes_of_items: BTreeMap<String, String>,
    /// Faults to come: on which method of which doctype.
    pub(crate) faults: Vec<(&'static str, &'static str, Fault)>,
    /// A fault to come: after so many calls.
    pub(crate) fault_at: Option<(usize, Fault)>,
    /// What somebody else does before the next call that is named so.
    pub(crate) meanwhile: Option<(&'static str, Meanwhile)>,
    /// Chances in a hundred that any call goes wrong, by its dice.
    pub(crate) chances: u64,
    pub(crate) dice: u64,
    /// Every call, with its status; 0 where no answer went out.
    pub(crate) calls: Vec<(String, u16)>,
    /// What it says to a submission or to other items of an order, where it refuses.
    pub(crate) refuses: Option<&'static str>,
    /// An order whose items are changed to this net comes to so much more: by a setting that nobody thought of.
    pub(crate) drift: Option<(Decimal, Decimal)>,
    /// Halves go to the even cent, as Frappe's older sites round.
    pub(crate) bankers: bool,
    pub(crate) token: String,
    pub(crate) changes: u64,
}

#[derive(Clone)]
pub(crate) struct Site(Arc<Mutex<Books>>);

impl Site {
    /// A site, and where it is.
    pub(crate) async fn open() -> (Self, String) {
        let site = Self(Arc::new(Mutex::new(Books {
            orders: Vec::new(),
            invoices: Vec::new(),
            customers: vec![
                json!({ "name": "Müller", "customer_name": "Müller", "tax_id": "DE123456789", "disabled": 0 }),
            ],
            items: ["SERVICE", "DISCOUNT"].map(str::to_owned).into(),
            taxes_of_items: [("SERVICE".to_owned(), "VAT 20".to_owned())].into(),
            faults: Vec::new(),
            fault_at: None,
            meanwhile: None,
            chances: 0,
            dice: 0,
            calls: Vec::new(),
            refuses: None,
            drift: None,
            bankers: false,
            token: TOKEN.to_owned(),
            changes: 0,
        })));
        let books = site.clone();
        let address = serve(move |ask| books.answer(&ask)).await;
        (site, address)
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().expect("the books are whole")
    }

    /// The next such call goes wrong.
    pub(crate) fn fail(&self, method: &'static str, doctype: &'static str, fault: Fault) {
        self.books().faults.push((method, doctype, fault));
    }

    /// The documents of an external id.
    pub(crate) fn of(&self, external_id: &str) -> Vec<Value> {
        let books = self.books();
        let all = books.orders.iter().chain(&books.invoices);
        all.filter(|it| it["dealflow_external_id"] == external_id).cloned().collect()
    }

    fn answer(&self, ask: &Ask) -> Reply {
        let mut books = self.books();
        let named = format!("{} {}", ask.method, ask.path.trim_start_matches("/api/resource/"));
        let planned = books
            .faults
            .iter()
            .position(|(method, doctype, _)| ask.method == *method && ask.path.split('/').nth(3) == Some(*doctype));
        let fault = planned.map(|at| books.faults.remove(at).2).or_else(|| books.counted()).or_else(|| books.draw());
        if let Some((_, act)) = books.meanwhile.take_if(|(call, _)| named.contains(*call)) {
            act(&mut books);
        }
        if let Some(Fault::Before(status, kind)) = fault {
            books.calls.push((named, status));
            return refusal((status, kind, "planned"));
        }
        let done = if ask.headers.get("authorization") == Some(&format!("token {}", books.token)) {
            books.handle(ask)
        } else {
            Err((401, "AuthenticationError", "Invalid token".to_owned()))
        };
        let reply = match (fault, done) {
            (Some(Fault::After(status, kind)), _) => refusal((status, kind, "planned")),
            (Some(Fault::Cut), _) => Reply::Cut,
            (Some(Fault::Hang), _) => Reply::Hang,
            (_, Ok((status, value))) => Reply::Json(status, value),
            (_, Err((status, kind, words))) => refusal((status, kind, &words)),
        };
        let status = if let Reply::Json(status, _) = &reply { *status } else { 0 };
        books.calls.push((named, status));
        reply
    }
}

/// As Frappe says it: messages as JSON in a text, each JSON in a text again.
fn refusal((status, kind, words): (u16, &str, &str)) -> Reply {
    let message = json!({ "message": words, "title": "Message", "indicator": "red" }).to_string();
    Reply::Json(
        status,
        json!({
            "exception": format!("frappe.exceptions.{kind}: {words}"),
            "exc_type": kind,
            "exc": "[\"Traceback (most recent call last): …\"]",
            "_server_messages": json!([message]).to_string(),
        }),
    )
}

pub(crate) type Done = Result<(u16, Value), (u16, &'static str, String)>;

pub(crate) fn validation(words: impl Into<String>) -> Done {
    Err((417, "ValidationError", words.into()))
}

impl Books {
    /// By its dice, a fault that loses an answer or the call.
    fn draw(&mut self) -> Option<Fault> {
        if self.chances == 0 {
            return None;
        }
        // Knuth's multiplier: as good as dice.
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = (self.dice >> 33) % 100;
        if draw >= self.chances {
            return None;
        }
        let faults = [
            Fault::Cut,
            Fault::After(500, "OperationalError"),
            Fault::Before(502, "Bad Gateway"),
            Fault::Before(500, "x"),
        ];
        let of = usize::try_from((self.dice >> 40) % 4).expect("one of four");
        Some(faults[of])
    }

    /// The fault that is planned for this call by its number.
    fn counted(&mut self) -> Option<Fault> {
        let (left, fault) = self.fault_at.take()?;
        if left == 0 {
            return Some(fault);
        }
        self.fault_at = Some((left - 1, fault));
        None
    }

    fn handle(&mut self, ask: &Ask) -> Done {
        if let Some(method) = ask.path.strip_prefix("/api/method/") {
            if (ask.method.as_str(), method) != ("POST", UPDATE_ITEMS) {
                return Err((404, "DoesNotExistError", format!("no method {method}")));
            }
            return self.update_items(&serde_json::from_slice(&ask.body).unwrap_or_default());
        }
        let mut parts = ask.path.trim_start_matches("/api/resource/").splitn(2, '/');
        let (doctype, name) = (parts.next().unwrap_or_default(), parts.next());
        let body: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
        match (ask.method.as_str(), name) {
            ("GET", None) => self.list(doctype, ask),
            ("GET", Some(name)) => {
                let at = self.find(doctype, name)?;
                Ok((200, json!({ "data": self.rows(doctype)[at] })))
            }
            ("POST", None) => self.create(doctype, body),
            ("PUT", Some(name)) if doctype == "Sales Order Item" => self.write_row(name, &body),
            ("PUT", Some(name)) => {
                let at = self.find(doctype, name)?;
                self.change(doctype, at, &body)
            }
            ("DELETE", Some(name)) => {
                let at = self.find(doctype, name)?;
                if self.rows(doctype)[at]["docstatus"] == 1 {
                    return validation(format!("{doctype} {name}: Submitted Record cannot be deleted."));
                }
                self.rows(doctype).remove(at);
                Ok((202, json!({ "message": "ok" })))
            }
            _ => Err((405, "ValidationError", "Method Not Allowed".to_owned())),
        }
    }

    pub(crate) fn rows(&mut self, doctype: &str) -> &mut Vec<Value> {
        match doctype {
            "Sales Order" => &mut self.orders,
            "Sales Invoice" => &mut self.invoices,
            _ => &mut self.customers,
        }
    }

    pub(crate) fn find(&mut self, doctype: &str, name: &str) -> Result<usize, (u16, &'static str, String)> {
        let found = self.rows(doctype).iter().position(|it| it["name"] == name);
        found.ok_or_else(|| (404, "DoesNotExistError", format!("{doctype} {name} not found")))
    }

    fn list(&mut self, doctype: &str, ask: &Ask) -> Done {
        let filters: Vec<[Value; 3]> = serde_json::from_str(&ask.query["filters"]).expect("filters");
        let fields: Vec<String> = serde_json::from_str(&ask.query["fields"]).expect("fields");
        for field in fields.iter().map(String::as_str).chain(filters.iter().filter_map(|it| it[0].as_str())) {
            if !site_books::FIELDS.contains(&field) {
                return Err((417, "DataError", format!("Field not permitted in query: {field}")));
            }
        }
        let mut rows: Vec<Value> =
            self.rows(doctype).iter().filter(|row| filters.iter().all(|it| fits(row, it))).cloned().collect();
        let by = ask.query["order_by"].split(' ').next().expect("a field").to_owned();
        rows.sort_by(|one, other| one[&by].as_str().cmp(&other[&by].as_str()));
        let limit: usize = ask.query["limit_page_length"].parse().expect("a limit");
        let told = rows.iter().take(limit).map(|row| {
            let fields = fields.iter().map(|field| (field.clone(), row[field].clone()));
            Value::Object(fields.collect())
        });
        Ok((200, json!({ "data": told.collect::<Vec<_>>() })))
    }
}

fn fits(row: &Value, [field, operator, value]: &[Value; 3]) -> bool {
    let held = &row[field.as_str().expect("a field")];
    let order = match (held, value) {
        (Value::String(held), Value::String(value)) => held.cmp(value),
        (Value::Number(held), Value::Number(value)) => {
            let exact = |it: &serde_json::Number| it.to_string().parse::<Decimal>().expect("a number");
            exact(held).cmp(&exact(value))
        }
        _ => return operator == "is" && held.as_str().is_some_and(|text| !text.is_empty()),
    };
    match operator.as_str().expect("an operator") {
        "=" => order.is_eq(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        "<" => order.is_lt(),
        "is" => held.as_str().is_some_and(|text| !text.is_empty()),
        other => panic!("{other} is no operator of this fake"),
    }
}
