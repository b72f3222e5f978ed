//! Quotes ⇄ the wire.

use dealflow_chassis::{Lifecycle, Mask};
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::quote as wire;
use dealflow_proto::types::v1::Guidance;
use dealflow_proto::{Violation, convert, names};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::payment_terms::instalments;
use super::rewrite::Rewrite;
use super::{adjustment, date, lines, name, next, payment_days, reference, told, totals, used_rates, words};
use crate::content::Written;
use crate::error::{Error, violation};
use crate::legal_entity;
use crate::payment_terms;
use crate::quote::{CloseReason, Model, State, Verb};
use crate::record::{Moment, Told};

/// The fields that UpdateQuote can change.
pub(crate) const UPDATABLE: &[&str] = &[
    "account",
    "currency_code",
    "lines",
    "discount_percent",
    "valid_until_date",
    "owner",
    "terms",
    "payment_days",
    "price_list",
    "allowances",
    "charges",
    "legal_entity",
    "payment_terms",
];

/// Why a quote can be closed by a person.
pub(crate) fn close_reason(reason: wire::CloseReason) -> Result<CloseReason, Error> {
    match reason {
        wire::CloseReason::Lost => Ok(CloseReason::Lost),
        wire::CloseReason::Canceled => Ok(CloseReason::Canceled),
        _ => Err(Error::field("reason", "LOST or CANCELED; the other reasons come from other verbs")),
    }
}

impl Model {
    /// A new draft as it was written, revision 0, complete and added up.
    pub async fn of<C: ConnectionTrait>(db: &C, written: pb::Quote, now: Moment) -> Result<Self, Error> {
        let mut wrong = Vec::new();
        let opportunity_id =
            reference(names::OPPORTUNITIES, &written.opportunity, "quote.opportunity", &mut wrong).unwrap_or_default();
        let account_id = reference(names::ACCOUNTS, &written.account, "quote.account", &mut wrong);
        let owner_id = reference(names::EMPLOYEES, &written.owner, "quote.owner", &mut wrong);
        let valid_until = valid_until(&written, now, &mut wrong);
        let legal_entity = legal_entity::known(db, &written.legal_entity, "quote.legal_entity").await;
        let legal_entity = told(legal_entity, &mut wrong)?.unwrap_or_default();
        let named = payment_terms::named(db, &written.payment_terms, "quote.payment_terms").await;
        let named = told(named, &mut wrong)?.flatten();
        let content = Written {
            document: "quote",
            currency: &written.currency_code,
            lines: &written.lines,
            discount: written.discount_percent.as_ref(),
            adjustments: (&written.allowances, &written.charges),
            price_list: &written.price_list,
            today: now.today,
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
            revision: 0,
            opportunity_id,
            account_id,
            owner_id,
            currency: content.currency.code().to_owned(),
            discount_percent: content.discount,
            lines: content.lines,
            totals: content.totals,
            valid_until,
            close_reason: None,
            order_id: None,
            terms: words(written.terms, named.as_ref()),
            payment_days: payment_days(written.payment_days, named.as_ref()),
            approval_id: None,
            price_list_id: content.price_list,
            used_rates: content.rates,
            adjustments: content.adjustments,
            legal_entity,
            payment_terms_id: named.as_ref().map(|terms| terms.id),
            plan: named.and_then(|terms| terms.plan.stored()),
        })
    }

    /// The quote with the fields that the mask takes over, in the state that it has.
    pub async fn update<C: ConnectionTrait>(
        mut self,
        db: &C,
        written: pb::Quote,
        mask: &Mask,
        now: Moment,
    ) -> Result<Self, Error> {
        self.state.accept(Verb::UpdateQuote)?;
        let mut wrong = Vec::new();
        if mask.takes("account", !written.account.is_empty()) {
            self.account_id = reference(names::ACCOUNTS, &written.account, "quote.account", &mut wrong);
        }
        if mask.takes("owner", !written.owner.is_empty()) {
            self.owner_id = reference(names::EMPLOYEES, &written.owner, "quote.owner", &mut wrong);
        }
        if mask.takes("valid_until_date", written.valid_until_date.is_some()) {
            self.valid_until = valid_until(&written, now, &mut wrong);
        }
        if mask.takes("legal_entity", !written.legal_entity.is_empty()) {
            let known = legal_entity::known(db, &written.legal_entity, "quote.legal_entity").await;
            self.legal_entity = told(known, &mut wrong)?.unwrap_or(self.legal_entity);
        }
        // Before what the quote says itself: that counts more.
        if mask.takes("payment_terms", !written.payment_terms.is_empty()) {
            let named = payment_terms::named(db, &written.payment_terms, "quote.payment_terms").await;
            if let Some(named) = told(named, &mut wrong)? {
                self = self.under(named.as_ref());
            }
        }
        if mask.takes("terms", !written.terms.is_empty()) {
            self.terms.clone_from(&written.terms);
        }
        if mask.takes("payment_days", written.payment_days != 0) {
            self.payment_days = payment_days(written.payment_days, None);
        }
        let stands = Rewrite::of(
            &self.currency,
            (&self.lines, &self.totals),
            self.discount_percent.0,
            self.adjustments.as_ref(),
            self.price_list_id,
        )?;
        let written = Rewrite {
            currency: written.currency_code,
            lines: written.lines,
            discount: written.discount_percent,
            allowances: written.allowances,
            charges: written.charges,
            price_list: written.price_list,
        };
        let Some((content, new_lines)) = stands.taking(mask, written) else {
            return if wrong.is_empty() { Ok(self) } else { Err(Error::Fields(wrong)) };
        };
        let content = content.to_complete("quote", now.today, wrong).complete(db).await?;
        Ok(self.with(content, new_lines))
    }

    /// The quote as it goes out; `now` says whether it is expired.
    pub fn to_wire(&self, now: Moment) -> Result<pb::Quote, Error> {
        let (allowances, charges) = adjustment::of_document(self.adjustments.as_ref(), &self.totals)?;
        Ok(pb::Quote {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            state: state(self.state).into(),
            number: self.number.clone(),
            revision: self.revision,
            opportunity: self.thread(),
            account: name(names::ACCOUNTS, self.account_id),
            currency_code: self.currency.clone(),
            lines: lines(&self.lines, &self.totals)?,
            discount_percent: Some(convert::decimal(self.discount_percent.0)),
            valid_until_date: self.valid_until.map(convert::date),
            totals: Some(totals(&self.totals)),
            owner: name(names::EMPLOYEES, self.owner_id),
            close_reason: reason(self.close_reason).into(),
            order: name(names::ORDERS, self.order_id),
            terms: self.terms.clone(),
            payment_days: self.payment_days,
            guidance: Some(self.guidance(now)),
            expired: self.is_expired(now),
            approval: name(names::APPROVALS, self.approval_id),
            price_list: name(names::PRICE_LISTS, self.price_list_id),
            used_rates: used_rates(self.used_rates.as_ref()),
            allowances,
            charges,
            legal_entity: self.legal_entity.clone(),
            payment_terms: name(names::PAYMENT_TERMS, self.payment_terms_id),
            instalments: instalments(self.plan.as_ref()),
        })
    }

    fn guidance(&self, now: Moment) -> Guidance {
        let expired = self.is_expired(now);
        let stopped = |verb: &Verb| {
            use Verb::{AcceptQuote, ActivateQuote, PresentQuote, RequestQuoteApproval};
            expired && matches!(verb, RequestQuoteApproval | ActivateQuote | PresentQuote | AcceptQuote)
        };
        let mut allowed = self.state.allowed();
        allowed.retain(|verb| !stopped(verb));
        if self.is_closed_expired() {
            allowed.push(Verb::ReviseQuote);
        }
        let me = self.name();
        let next_actions = match (self.state, expired) {
            (State::Draft | State::Approved, true) => {
                vec![next("UpdateQuote", &me, "Set a new day until which it is valid")]
            }
            (State::Draft, false) => {
                vec![
                    next("ActivateQuote", &me, "Freeze lines and prices, so that it can be sent"),
                    next("RequestQuoteApproval", &me, "Ask who must agree, where a policy asks for it"),
                ]
            }
            (State::InApproval, _) => {
                vec![next("Approve", &name(names::APPROVALS, self.approval_id), "The approver agrees to it")]
            }
            (State::Approved, false) => {
                vec![next("ActivateQuote", &me, "Freeze lines and prices, so that it can be sent")]
            }
            (State::Active | State::Presented | State::Closed, true) => {
                vec![next("ReviseQuote", &me, "Its time ran out: write a new revision")]
            }
            (State::Active, false) => vec![next("PresentQuote", &me, "Give it to the customer")],
            (State::Presented, false) => vec![
                next("AcceptQuote", &me, "The customer takes it: the order is made"),
                next("ReviseQuote", &me, "The customer wants it otherwise: write a new revision"),
            ],
            (State::Accepted, _) => {
                vec![next("ConfirmOrder", &name(names::ORDERS, self.order_id), "Confirm the order that it became")]
            }
            (State::Closed, false) => Vec::new(),
        };
        let undated = expired && matches!(self.state, State::Draft | State::InApproval | State::Approved);
        let missing = if undated { vec!["valid_until_date".to_owned()] } else { Vec::new() };
        Guidance {
            allowed_verbs: allowed.iter().map(ToString::to_string).collect(),
            next_actions,
            missing_fields: missing,
        }
    }
}

fn valid_until(written: &pb::Quote, now: Moment, wrong: &mut Vec<Violation>) -> Option<chrono::NaiveDate> {
    let last = date(written.valid_until_date.as_ref(), "quote.valid_until_date", wrong)?;
    if last < now.today {
        wrong.push(violation("quote.valid_until_date", format!("{} or later", now.today)));
    }
    Some(last)
}

fn state(state: State) -> wire::State {
    match state {
        State::Draft => wire::State::Draft,
        State::InApproval => wire::State::InApproval,
        State::Approved => wire::State::Approved,
        State::Active => wire::State::Active,
        State::Presented => wire::State::Presented,
        State::Accepted => wire::State::Accepted,
        State::Closed => wire::State::Closed,
    }
}

fn reason(reason: Option<CloseReason>) -> wire::CloseReason {
    match reason {
        None => wire::CloseReason::Unspecified,
        Some(CloseReason::Lost) => wire::CloseReason::Lost,
        Some(CloseReason::Canceled) => wire::CloseReason::Canceled,
        Some(CloseReason::Revised) => wire::CloseReason::Revised,
        Some(CloseReason::Expired) => wire::CloseReason::Expired,
        Some(CloseReason::Superseded) => wire::CloseReason::Superseded,
    }
}
