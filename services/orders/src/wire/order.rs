//! Orders ⇄ the wire.

mod update;

use dealflow_chassis::Lifecycle;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::order as wire;
use dealflow_proto::types::v1::Guidance;
use dealflow_proto::{convert, names};
use rust_decimal::Decimal;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::payment_terms::instalments;
use super::{adjustment, date, lines, name, next, payment_days, reference, told, totals, used_rates, words};
use crate::content::Written;
use crate::document::Line;
use crate::error::{Error, violation};
use crate::invoice::Billed;
use crate::legal_entity;
use crate::order::{Model, State, Verb};
use crate::payment_terms;
use crate::record::{Moment, Told};

pub(crate) use update::UPDATABLE as ORDER_UPDATABLE;

impl Model {
    /// A new order as it was written, for a win without a quote.
    pub async fn of<C: ConnectionTrait>(db: &C, written: pb::Order, now: Moment) -> Result<Self, Error> {
        let mut wrong = Vec::new();
        let opportunity_id =
            reference(names::OPPORTUNITIES, &written.opportunity, "order.opportunity", &mut wrong).unwrap_or_default();
        let account_id = reference(names::ACCOUNTS, &written.account, "order.account", &mut wrong);
        let owner_id = reference(names::EMPLOYEES, &written.owner, "order.owner", &mut wrong);
        let order_date = date(written.order_date.as_ref(), "order.order_date", &mut wrong).unwrap_or(now.today);
        if order_date > now.today {
            wrong.push(violation("order.order_date", format!("{} or earlier", now.today)));
        }
        let legal_entity = legal_entity::known(db, &written.legal_entity, "order.legal_entity").await;
        let legal_entity = told(legal_entity, &mut wrong)?.unwrap_or_default();
        let named = payment_terms::named(db, &written.payment_terms, "order.payment_terms").await;
        let named = told(named, &mut wrong)?.flatten();
        let content = Written {
            document: "order",
            currency: &written.currency_code,
            lines: &written.lines,
            discount: written.discount_percent.as_ref(),
            adjustments: (&written.allowances, &written.charges),
            price_list: &written.price_list,
            today: order_date,
            wrong,
        };
        let content = content.complete(db).await?;
        Ok(Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now.at,
            updated_at: now.at,
            state: State::Draft,
            state_since: now.at,
            number: String::new(),
            opportunity_id,
            quote_id: None,
            account_id,
            owner_id,
            currency: content.currency.code().to_owned(),
            discount_percent: content.discount,
            lines: content.lines,
            totals: content.totals,
            order_date,
            customer_reference: written.customer_reference,
            payment_days: payment_days(written.payment_days, named.as_ref()),
            erp_refusal: String::new(),
            held_from: None,
            hold_reason: None,
            price_list_id: content.price_list,
            used_rates: content.rates,
            adjustments: content.adjustments,
            legal_entity,
            payment_terms_id: named.as_ref().map(|terms| terms.id),
            terms: words(written.terms, named.as_ref()),
            plan: named.and_then(|terms| terms.plan.stored()),
            revision: 0,
        })
    }

    /// The order as it goes out, with what its invoices billed of it.
    pub fn to_wire(&self, billed: &Billed) -> Result<pb::Order, Error> {
        let (allowances, charges) = adjustment::of_document(self.adjustments.as_ref(), &self.totals)?;
        Ok(pb::Order {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            state: state(self.state).into(),
            number: self.number.clone(),
            opportunity: self.thread(),
            quote: name(names::QUOTES, self.quote_id),
            account: name(names::ACCOUNTS, self.account_id),
            currency_code: self.currency.clone(),
            lines: lines(&self.lines, &self.totals)?,
            discount_percent: Some(convert::decimal(self.discount_percent.0)),
            totals: Some(totals(&self.totals)),
            owner: name(names::EMPLOYEES, self.owner_id),
            order_date: Some(convert::date(self.order_date)),
            customer_reference: self.customer_reference.clone(),
            payment_days: self.payment_days,
            fulfilment: self.progress(|line| line.fulfilled).into(),
            billing: self.progress(|line| billed.posted(&line.id)).into(),
            line_progress: self.lines.0.iter().map(|line| line_progress(line, billed)).collect(),
            erp_refusal: self.erp_refusal.clone(),
            guidance: Some(self.guidance(billed)),
            payment: payment(billed).into(),
            hold_reason: self.hold_reason.clone().unwrap_or_default(),
            price_list: name(names::PRICE_LISTS, self.price_list_id),
            used_rates: used_rates(self.used_rates.as_ref()),
            allowances,
            charges,
            legal_entity: self.legal_entity.clone(),
            payment_terms: name(names::PAYMENT_TERMS, self.payment_terms_id),
            terms: self.terms.clone(),
            instalments: instalments(self.plan.as_ref()),
            revision: self.revision,
        })
    }

    /// How much of the order is done, by quantity: derived, never set (R-ORD-1).
    fn progress(&self, done: impl Fn(&Line) -> Decimal) -> wire::Progress {
        if self.lines.0.iter().all(|line| line.is_reached_by(done(line))) {
            wire::Progress::Full
        } else if self.lines.0.iter().all(|line| done(line).is_zero()) {
            wire::Progress::Not
        } else {
            wire::Progress::Partial
        }
    }

    fn guidance(&self, billed: &Billed) -> Guidance {
        let can_bill = self.lines.0.iter().any(|line| billed.of(&line.id).abs() < line.fulfilled.abs());
        let allowed = self.state.allowed().into_iter().filter(|verb| *verb != Verb::CreateInvoice || can_bill);
        let me = self.name();
        let deliver = next("FulfillOrder", &me, "Tell what was delivered");
        let mut next_actions = match self.state {
            State::Draft => vec![next("ConfirmOrder", &me, "Both sides agree")],
            State::Confirmed if !self.erp_refusal.is_empty() => vec![
                next("UpdateOrder", &me, "Mend what the ERP refused"),
                next("SubmitOrder", &me, "Send it to the ERP anew"),
            ],
            State::Confirmed => vec![next("SubmitOrder", &me, "Send it to the ERP")],
            State::Submitted | State::InFulfillment => vec![deliver],
            State::OnHold => vec![next("ReleaseOrder", &me, "Go on where it was stopped")],
            State::Fulfilled if !can_bill && self.progress(|line| billed.posted(&line.id)) == wire::Progress::Full => {
                vec![next("CloseOrder", &me, "Nothing more is to come")]
            }
            State::Fulfilled | State::Canceled | State::Closed => Vec::new(),
        };
        // What was taken back of a closed one may be meant to stay so.
        if can_bill && self.state != State::Closed && self.state.next(Verb::CreateInvoice).is_some() {
            next_actions.push(next("CreateInvoice", &me, "Bill what is delivered"));
        }
        Guidance {
            allowed_verbs: allowed.map(|verb| verb.to_string()).collect(),
            next_actions,
            missing_fields: Vec::new(),
        }
    }
}

/// How much of what its posted invoices ask for is paid: all of it where they ask for nothing, as what is prepaid does.
fn payment(billed: &Billed) -> wire::Progress {
    match billed.due_and_paid() {
        (due, 0) if due > 0 || !billed.is_posted() => wire::Progress::Not,
        (due, paid) if paid < due => wire::Progress::Partial,
        _ => wire::Progress::Full,
    }
}

fn line_progress(line: &Line, billed: &Billed) -> pb::LineProgress {
    pb::LineProgress {
        line_id: line.id.clone(),
        ordered: Some(convert::decimal(line.quantity)),
        fulfilled: Some(convert::decimal(line.fulfilled)),
        billed: Some(convert::decimal(billed.of(&line.id))),
    }
}

fn state(state: State) -> wire::State {
    match state {
        State::Draft => wire::State::Draft,
        State::Confirmed => wire::State::Confirmed,
        State::Submitted => wire::State::Submitted,
        State::InFulfillment => wire::State::InFulfillment,
        State::Fulfilled => wire::State::Fulfilled,
        State::Canceled => wire::State::Canceled,
        State::OnHold => wire::State::OnHold,
        State::Closed => wire::State::Closed,
    }
}
