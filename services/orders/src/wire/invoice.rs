//! Invoices as they go out.

use std::cmp::Ordering;

use dealflow_chassis::Lifecycle;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::invoice as wire;
use dealflow_proto::types::v1::Guidance;
use dealflow_proto::{convert, names};

use super::{adjustment, lines, name, next, parties, totals, wide};
use crate::document::currency;
use crate::error::Error;
use crate::invoice::{Model, State};
use crate::payment::Settled;
use crate::record::{Moment, Told};

impl Model {
    /// The invoice as it goes out, with what is paid and credited of it.
    pub fn to_wire(&self, settled: &Settled, now: Moment) -> Result<pb::Invoice, Error> {
        let currency = currency(&self.currency)?;
        let open = i128::from(self.totals.0.payable) - settled.credited - settled.paid;
        let posted = self.state == State::Posted;
        let (allowances, charges) = adjustment::of_document(self.adjustments.as_ref(), &self.totals)?;
        let (seller, buyer, contract_number) = parties(self.parties.as_ref());
        let details = self.details.clone().unwrap_or_default();
        Ok(pb::Invoice {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            state: state(self.state).into(),
            number: self.number.clone().unwrap_or_default(),
            order: names::ORDERS.name(self.order_id),
            order_number: self.order_number.clone(),
            opportunity: self.thread(),
            account: name(names::ACCOUNTS, self.account_id),
            currency_code: self.currency.clone(),
            lines: lines(&self.lines, &self.totals)?,
            discount_percent: Some(convert::decimal(self.discount_percent.0)),
            totals: Some(totals(&self.totals)),
            issue_date: Some(convert::date(self.issue_date)),
            due_date: self.due_date.map(convert::date),
            legal_entity: self.legal_entity.clone(),
            series: self.series.clone(),
            customer_reference: self.customer_reference.clone(),
            guidance: Some(self.guidance()),
            payment_status: self.payment_status(settled).into(),
            overdue: posted && open > 0 && self.due_date.is_some_and(|due| due < now.today),
            paid: Some(wide(settled.paid, currency)?),
            credited: Some(wide(settled.credited, currency)?),
            open: if posted { Some(wide(open, currency)?) } else { None },
            allowances,
            charges,
            instalment: self.instalment,
            terms: self.terms.clone(),
            seller,
            buyer,
            contract_number,
            delivery_date: details.delivered.map(convert::date),
            buyer_reference: details.buyer_reference,
            exemption_reason: details.exemption_reason,
            external_id: details.external_id,
        })
    }

    /// Whether it is paid: derived each time, kept nowhere (R-INV-1).
    fn payment_status(&self, settled: &Settled) -> pb::PaymentStatus {
        if self.state != State::Posted {
            return pb::PaymentStatus::Unspecified;
        }
        let due = i128::from(self.totals.0.payable) - settled.credited;
        match settled.paid.cmp(&due) {
            Ordering::Greater => pb::PaymentStatus::Overpaid,
            Ordering::Equal => pb::PaymentStatus::Paid,
            Ordering::Less if settled.paid > 0 => pb::PaymentStatus::Partial,
            Ordering::Less if settled.reversed => pb::PaymentStatus::Reversed,
            Ordering::Less => pb::PaymentStatus::NotPaid,
        }
    }

    fn guidance(&self) -> Guidance {
        let me = self.name();
        let next_actions = match self.state {
            State::Draft => vec![next("PostInvoice", &me, "Give it its number; it changes no more then")],
            State::Posted => vec![
                next("RecordPayment", &me, "Tell what was paid"),
                next("CreateCreditNote", &me, "Take it back, or a part of it"),
            ],
            State::Void => Vec::new(),
        };
        Guidance {
            allowed_verbs: self.state.allowed().iter().map(ToString::to_string).collect(),
            next_actions,
            missing_fields: Vec::new(),
        }
    }
}

fn state(state: State) -> wire::State {
    match state {
        State::Draft => wire::State::Draft,
        State::Posted => wire::State::Posted,
        State::Void => wire::State::Void,
    }
}
