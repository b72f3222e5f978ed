//! Whether a document fits what was booked before it: by quantity, line by line.

use std::collections::BTreeMap;

use dealflow_proto::erp::v1::{BusinessStatus, Document, Reason};
use rust_decimal::Decimal;

use super::{Unreadable, quantities, reason};

/// What stands in the books of one order.
#[derive(Debug, Default)]
pub struct Chain {
    /// The order as it is agreed now: with its last change.
    pub order: Document,
    /// How far the ERP is with it.
    pub status: BusinessStatus,
    /// Its invoices.
    pub invoices: Vec<Document>,
    /// The credit notes of its invoices.
    pub credit_notes: Vec<Document>,
    /// What is delivered of each line.
    pub delivered: BTreeMap<String, Decimal>,
}

type Quantities = BTreeMap<String, Decimal>;

impl Chain {
    /// What an invoice bills beyond its order, given what is billed already and not credited.
    pub fn of_invoice(&self, invoice: &Document) -> Result<Vec<Reason>, Unreadable> {
        if self.status == BusinessStatus::Cancelled {
            return Ok(vec![canceled("bill another order")]);
        }
        let (ordered, billed) = (quantities([&self.order])?, self.billed()?);
        Ok(beyond(&quantities([invoice])?, &ordered, &billed, |line, left, asked| {
            let message = "the invoice bills more than is ordered and not yet billed";
            excess("OVER_INVOICED", line, left, asked, message, "bill what is left, or order more first")
        }))
    }

    /// What a credit note takes back beyond its invoice, given what is credited already.
    pub fn of_credit_note(&self, note: &Document) -> Result<Vec<Reason>, Unreadable> {
        let of_invoice = |id: &str, it: &&Document| it.invoice_external_id == id;
        let Some(invoice) = self.invoices.iter().find(|it| it.external_id == note.invoice_external_id) else {
            let message = format!("{} bills another order", note.invoice_external_id);
            return Ok(vec![reason("REF", "invoice_external_id", message, "name the invoice of this order")]);
        };
        let invoiced = quantities([invoice])?;
        let credited = self.credit_notes.iter().filter(|it| of_invoice(&invoice.external_id, it));
        Ok(beyond(&quantities([note])?, &invoiced, &quantities(credited)?, |line, left, asked| {
            let message = "the credit note takes back more than is invoiced and not yet credited";
            excess("OVER_CREDITED", line, left, asked, message, "credit what is left")
        }))
    }

    /// What speaks against a change: what is delivered and billed stays ordered.
    pub fn of_change(&self, change: &Document) -> Result<Vec<Reason>, Unreadable> {
        if self.status == BusinessStatus::Cancelled {
            return Ok(vec![canceled("order anew")]);
        }
        if change.currency_code != self.order.currency_code {
            let message = format!("the order is in {}", self.order.currency_code);
            return Ok(vec![reason("FIN", "currency_code", message, "order anew in the other currency")]);
        }
        let (wanted, billed) = (quantities([change])?, self.billed()?);
        let mut reasons = Vec::new();
        for (code, done, message) in [
            ("DEL", &self.delivered, "less than is delivered already"),
            ("FIN", &billed, "less than is billed already"),
        ] {
            for (line, least) in done {
                let asked = wanted.get(line).copied().unwrap_or_default();
                if asked.abs() < least.abs() {
                    let action = "keep what is done, or take it back first";
                    reasons.push(Reason {
                        expected: format!("at least {least}"),
                        ..excess(code, line, *least, asked, message, action)
                    });
                }
            }
        }
        Ok(reasons)
    }

    /// What speaks against a cancellation: deliveries and bills.
    pub fn of_cancellation(&self) -> Result<Vec<Reason>, Unreadable> {
        if self.status == BusinessStatus::Cancelled {
            return Ok(vec![canceled("nothing is left to cancel")]);
        }
        let mut reasons = Vec::new();
        if self.delivered.values().any(|quantity| !quantity.is_zero()) {
            let message = "some of the order is delivered";
            reasons.push(reason("DEL", "order_external_id", message, "take the goods back first, or change the order"));
        }
        if self.billed()?.values().any(|quantity| !quantity.is_zero()) {
            let message = "some of the order is billed and not credited";
            reasons.push(reason("FIN", "order_external_id", message, "credit the invoices first"));
        }
        Ok(reasons)
    }

    /// What is billed of each line, less what is credited.
    fn billed(&self) -> Result<Quantities, Unreadable> {
        let mut billed = quantities(&self.invoices)?;
        for (line, quantity) in quantities(&self.credit_notes)? {
            *billed.entry(line).or_default() -= quantity;
        }
        Ok(billed)
    }
}

/// Lines of which more is asked than is left.
fn beyond(
    asked: &Quantities,
    whole: &Quantities,
    done: &Quantities,
    tell: impl Fn(&str, Decimal, Decimal) -> Reason,
) -> Vec<Reason> {
    let of = |all: &Quantities, line: &str| all.get(line).copied().unwrap_or_default();
    let mut reasons = Vec::new();
    for (line, quantity) in asked {
        let left = of(whole, line) - of(done, line);
        if quantity.abs() > left.abs() {
            reasons.push(tell(line, left, *quantity));
        }
    }
    reasons
}

fn excess(code: &str, line: &str, left: Decimal, asked: Decimal, message: &str, action: &str) -> Reason {
    Reason {
        line_id: line.to_owned(),
        expected: format!("at most {left}"),
        actual: asked.to_string(),
        ..reason(code, "lines.quantity", message, action)
    }
}

fn canceled(action: &str) -> Reason {
    reason("UNR", "order_external_id", "the order is canceled", action)
}
