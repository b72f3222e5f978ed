//! Credit notes as they go out.

use dealflow_chassis::Lifecycle;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::credit_note as wire;
use dealflow_proto::types::v1::Guidance;
use dealflow_proto::{convert, names};

use super::{adjustment, lines, name, next, parties, totals};
use crate::credit_note::{Model, State};
use crate::error::Error;
use crate::record::Told;

impl Model {
    /// The credit note as it goes out.
    pub fn to_wire(&self) -> Result<pb::CreditNote, Error> {
        let (allowances, charges) = adjustment::of_document(self.adjustments.as_ref(), &self.totals)?;
        let (seller, buyer, contract_number) = parties(self.parties.as_ref());
        let details = self.details.clone().unwrap_or_default();
        Ok(pb::CreditNote {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            state: match self.state {
                State::Draft => wire::State::Draft,
                State::Posted => wire::State::Posted,
                State::Void => wire::State::Void,
            }
            .into(),
            number: self.number.clone().unwrap_or_default(),
            invoice: names::INVOICES.name(self.invoice_id),
            invoice_number: self.invoice_number.clone(),
            invoice_date: Some(convert::date(self.invoice_date)),
            order: names::ORDERS.name(self.order_id),
            order_number: self.order_number.clone(),
            opportunity: self.thread(),
            account: name(names::ACCOUNTS, self.account_id),
            currency_code: self.currency.clone(),
            lines: lines(&self.lines, &self.totals)?,
            discount_percent: Some(convert::decimal(self.discount_percent.0)),
            totals: Some(totals(&self.totals)),
            issue_date: Some(convert::date(self.issue_date)),
            legal_entity: self.legal_entity.clone(),
            series: self.series.clone(),
            customer_reference: self.customer_reference.clone(),
            reason: self.reason.clone(),
            guidance: Some(self.guidance()),
            allowances,
            charges,
            seller,
            buyer,
            contract_number,
            delivery_date: details.delivered.map(convert::date),
            buyer_reference: details.buyer_reference,
            exemption_reason: details.exemption_reason,
            due_date: details.due.map(convert::date),
            external_id: details.external_id,
        })
    }

    fn guidance(&self) -> Guidance {
        let me = self.name();
        let next_actions = match self.state {
            State::Draft => {
                vec![next("PostCreditNote", &me, "Give it its number; what it takes back can be billed again")]
            }
            State::Posted | State::Void => Vec::new(),
        };
        Guidance {
            allowed_verbs: self.state.allowed().iter().map(ToString::to_string).collect(),
            next_actions,
            missing_fields: Vec::new(),
        }
    }
}
