//! Payments ⇄ the wire.

use dealflow_chassis::Lifecycle;
use dealflow_money::{Currency, Money, MoneyError};
use dealflow_proto::google::type_::Money as WireMoney;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::payment as wire;
use dealflow_proto::types::v1::Guidance;
use dealflow_proto::{convert, names};
use uuid::Uuid;

use super::{date, name, next, reference, wide};
use crate::document::{currency, hash};
use crate::error::{Error, violation};
use crate::payment::{Allocation, Allocations, Model, State};
use crate::record::{Moment, Told};

/// Whole minor units of a currency.
fn minor(given: &WireMoney) -> Result<Money, MoneyError> {
    Money::from_units_nanos(given.units, given.nanos, Currency::parse(&given.currency_code)?)
}

/// What a payment is to pay, as it came. The currency is the payment's: an invoice in another one is refused later.
pub(crate) fn allocations(field: &str, given: &[pb::PaymentAllocation]) -> Result<Vec<Allocation>, Error> {
    let mut wrong = Vec::new();
    let mut read = Vec::with_capacity(given.len());
    for (index, allocation) in given.iter().enumerate() {
        if let Err(bad) = names::INVOICES.parse(&allocation.invoice) {
            wrong.push(violation(format!("{field}[{index}].invoice"), bad.to_string()));
        }
        match minor(&allocation.amount.clone().unwrap_or_default()) {
            Ok(amount) => read.push(Allocation { invoice: allocation.invoice.clone(), amount: amount.minor }),
            Err(cause) => wrong.push(violation(format!("{field}[{index}].amount"), cause.to_string())),
        }
    }
    if wrong.is_empty() { Ok(read) } else { Err(Error::Fields(wrong)) }
}

impl Model {
    /// A payment as its source tells of it.
    pub fn of(written: pb::Payment, now: Moment) -> Result<Self, Error> {
        let mut wrong = Vec::new();
        let account_id = reference(names::ACCOUNTS, &written.account, "payment.account", &mut wrong);
        let received = date(written.received_date.as_ref(), "payment.received_date", &mut wrong);
        if received.is_some_and(|day| day > now.today) {
            wrong.push(violation("payment.received_date", format!("{} or earlier", now.today)));
        }
        for (field, text) in [("source", &written.source), ("external_reference", &written.external_reference)] {
            if text.trim().is_empty() {
                wrong.push(violation(format!("payment.{field}"), "not blank"));
            }
        }
        let amount = minor(&written.amount.clone().unwrap_or_default());
        let amount = amount.map_err(|cause| wrong.push(violation("payment.amount", cause.to_string()))).ok();
        if amount.is_some_and(|amount| amount.minor <= 0) {
            wrong.push(violation("payment.amount", "more than 0"));
        }
        for (index, allocation) in written.allocations.iter().enumerate() {
            let other = allocation.amount.as_ref().map(|money| money.currency_code.as_str());
            if amount.is_some_and(|amount| other != Some(amount.currency.code())) {
                wrong.push(violation(format!("payment.allocations[{index}].amount"), "in the payment's currency"));
            }
        }
        let Some(amount) = amount.filter(|_| wrong.is_empty()) else { return Err(Error::Fields(wrong)) };
        let told = (
            (&written.source, &written.external_reference, account_id),
            (amount, received, &written.remittance),
            written
                .allocations
                .iter()
                .map(|it| (&it.invoice, it.amount.as_ref().map(|m| (m.units, m.nanos))))
                .collect::<Vec<_>>(),
        );
        let digest = hash(&told)?;
        Ok(Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now.at,
            updated_at: now.at,
            state: State::Received,
            state_since: now.at,
            source: written.source,
            external_reference: written.external_reference,
            account_id,
            currency: amount.currency.code().to_owned(),
            amount: amount.minor,
            received_date: received.unwrap_or(now.today),
            remittance: written.remittance,
            reverse_reason: String::new(),
            digest,
        })
    }

    /// The payment as it goes out, with what it pays.
    pub fn to_wire(&self, pays: &Allocations) -> Result<pb::Payment, Error> {
        let currency = currency(&self.currency)?;
        let allocations = pays.0.iter().map(|(invoice, amount)| pb::PaymentAllocation {
            invoice: names::INVOICES.name(*invoice),
            amount: Some(super::money(*amount, currency)),
        });
        Ok(pb::Payment {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            state: match self.state {
                State::Received => wire::State::Received,
                State::Allocated => wire::State::Allocated,
                State::Reconciled => wire::State::Reconciled,
                State::Reversed => wire::State::Reversed,
            }
            .into(),
            source: self.source.clone(),
            external_reference: self.external_reference.clone(),
            account: name(names::ACCOUNTS, self.account_id),
            amount: Some(super::money(self.amount, currency)),
            received_date: Some(convert::date(self.received_date)),
            remittance: self.remittance.clone(),
            allocations: allocations.collect(),
            unallocated: Some(wide(i128::from(self.amount) - pays.sum(), currency)?),
            reverse_reason: self.reverse_reason.clone(),
            guidance: Some(self.guidance()),
        })
    }

    fn guidance(&self) -> Guidance {
        let me = self.name();
        let next_actions = match self.state {
            State::Received => vec![next("AllocatePayment", &me, "Say which invoices it pays")],
            State::Allocated => vec![next("ReconcilePayment", &me, "The bank statement agrees")],
            State::Reconciled | State::Reversed => Vec::new(),
        };
        Guidance {
            allowed_verbs: self.state.allowed().iter().map(ToString::to_string).collect(),
            next_actions,
            missing_fields: Vec::new(),
        }
    }
}
