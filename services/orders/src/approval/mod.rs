//! Who was asked to agree to a quote or a contract, and what they said (R-QUO-2).

mod policy;
mod rows;

use std::fmt;

use chrono::{DateTime, Utc};
use dealflow_chassis::{Lifecycle, Refusal};
use dealflow_proto::names;
use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::document::Exact;
use crate::error::Error;
use crate::record::{Moment, Told};

pub use policy::{ApproverKind, Asked, Facts, People, PolicyStep, PolicySteps, Subject};
pub use policy::{Entity as PolicyEntity, FIELDS as POLICY_FIELDS, Model as Policy};
pub(crate) use policy::{asking, find as find_policy, insert as insert_policy, lock as lock_policy};
pub use rows::{FIELDS, cancel_all, find, insert, lock, pending_of};

/// How far the approval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Somebody has yet to decide.
    Pending,
    /// All steps are approved.
    Approved,
    /// A step was refused; final.
    Rejected,
    /// It holds no more; final.
    Canceled,
}

/// Why an approval holds no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelReason {
    /// What it was about has changed.
    SubjectChanged,
    /// Whoever asked took it back.
    Withdrawn,
    /// The record was closed.
    SubjectClosed,
}

/// What follows in the same moment, once it is approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum After {
    /// Nothing.
    Nothing,
    /// The quote is activated.
    Activate,
    /// The quote is activated and presented.
    Present,
}

/// What can be done with an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Agree.
    Approve,
    /// Refuse.
    Reject,
    /// Name another approver.
    ForwardApproval,
    /// Take the request back.
    WithdrawApproval,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value())
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Lifecycle for State {
    type Verb = Verb;
    const NOUN: &'static str = "approval";
    const STATES: &'static [Self] = &[Self::Pending, Self::Approved, Self::Rejected, Self::Canceled];
    const VERBS: &'static [Verb] = &[Verb::Approve, Verb::Reject, Verb::ForwardApproval, Verb::WithdrawApproval];

    fn next(self, verb: Verb) -> Option<Self> {
        match (self, verb) {
            // PENDING still, where another step follows.
            (Self::Pending, Verb::Approve) => Some(Self::Approved),
            (Self::Pending, Verb::Reject) => Some(Self::Rejected),
            (Self::Pending, Verb::ForwardApproval) => Some(Self::Pending),
            (Self::Pending, Verb::WithdrawApproval) => Some(Self::Canceled),
            _ => None,
        }
    }
}

/// A step that went to another approver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Who gave it on.
    pub from: String,
    /// To whom.
    pub to: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub comment: String,
}

/// One step: who may decide, and what was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Who decides.
    pub kind: ApproverKind,
    /// The role, of a role's step.
    pub role: String,
    /// Names of those who may decide.
    pub approvers: Vec<String>,
    /// Pending, approved or rejected.
    pub state: State,
    /// Who decided.
    pub decided_by: String,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// What they said.
    pub comment: String,
    /// Through whose hands it went.
    pub forwards: Vec<Forward>,
}

/// All steps of an approval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Steps(pub Vec<Step>);

/// Names of records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Names(pub Vec<String>);

/// An approval.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "approval")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Counts its changes; the etag.
    pub version: i64,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// How far it is.
    pub state: State,
    /// When it came into that state.
    pub state_since: DateTime<Utc>,
    /// Name of the quote or contract.
    #[sea_orm(column_type = "Text")]
    pub subject: String,
    /// SHA-256 of what is to be approved.
    #[sea_orm(column_type = "Text")]
    pub subject_hash: String,
    /// The opportunity.
    pub opportunity_id: Uuid,
    /// Who asked.
    #[sea_orm(column_type = "Text")]
    pub requester: String,
    /// Who owns the record; does not approve it, as whoever asked does not.
    #[sea_orm(column_type = "Text")]
    pub owner: String,
    /// The policies that ask.
    #[sea_orm(column_type = "JsonBinary")]
    pub policies: Names,
    /// All steps.
    #[sea_orm(column_type = "JsonBinary")]
    pub steps: Steps,
    /// Number of the present step, from 1.
    pub current_step: i32,
    /// Who decides the present step, where it is one person.
    #[sea_orm(column_type = "Text")]
    pub approver: String,
    /// Which role decides the present step.
    #[sea_orm(column_type = "Text")]
    pub role: String,
    /// Currency of the amount.
    #[sea_orm(column_type = "Text")]
    pub currency: String,
    /// Total without VAT in minor units, when it was asked for, where that is known.
    pub amount: Option<i64>,
    /// Discount on the list prices in percent, when it was asked for.
    pub discount_percent: Exact,
    /// Why it was cancelled.
    pub cancel_reason: Option<CancelReason>,
    /// What follows.
    pub after_approval: After,
}

/// None: its record is named.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Told for Model {
    fn name(&self) -> String {
        names::APPROVALS.name(self.id)
    }

    fn thread(&self) -> String {
        names::OPPORTUNITIES.name(self.opportunity_id)
    }

    fn state(&self) -> String {
        self.state.to_string()
    }

    fn state_since(&self) -> DateTime<Utc> {
        self.state_since
    }
}

/// What a record asks its approval for.
pub struct Request {
    /// The record.
    pub subject: String,
    /// What is to be approved, as a hash.
    pub hash: String,
    /// Its opportunity.
    pub opportunity_id: Uuid,
    /// Who owns it.
    pub owner: String,
    /// Who asks.
    pub requester: String,
    /// What follows.
    pub after: After,
}

impl Model {
    /// A new approval: the first step is asked.
    pub fn of(request: Request, asked: Asked, facts: &Facts, now: Moment) -> Self {
        Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now.at,
            updated_at: now.at,
            state: State::Pending,
            state_since: now.at,
            subject: request.subject,
            subject_hash: request.hash,
            opportunity_id: request.opportunity_id,
            requester: request.requester,
            owner: request.owner,
            policies: Names(asked.policies),
            steps: Steps(asked.steps),
            current_step: 1,
            approver: String::new(),
            role: String::new(),
            currency: facts.currency.clone(),
            amount: facts.amount,
            discount_percent: Exact(facts.discount.unwrap_or_default()),
            cancel_reason: None,
            after_approval: request.after,
        }
        .addressed()
    }

    /// The present step is approved by one who may: the next one is asked, and after the last all is approved.
    pub fn approve(self, actor: &str, comment: &str, now: Moment) -> Result<Self, Error> {
        let last = self.state.accept(Verb::Approve)?;
        let mut after = self.decided(actor, comment, State::Approved, now)?;
        let more = usize::try_from(after.current_step).is_ok_and(|step| step < after.steps.0.len());
        if more {
            after.current_step += 1;
        }
        let state = if more { after.state } else { last };
        Ok(after.moved(state, now).addressed())
    }

    /// PENDING → REJECTED by one who may decide the present step.
    pub fn reject(self, actor: &str, comment: &str, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::Reject)?;
        if comment.trim().is_empty() {
            return Err(Error::field("comment", "why it is refused"));
        }
        Ok(self.decided(actor, comment, State::Rejected, now)?.moved(state, now))
    }

    /// The present step goes to another approver; who had it before stays in its history.
    pub fn forward(self, actor: &str, to: &str, comment: &str, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::ForwardApproval)?;
        self.check_may_decide(actor)?;
        if self.is_own(to) {
            return Err(Error::OwnApproval { approval: self.name(), actor: to.to_owned() });
        }
        let mut after = self;
        if let Some(step) = after.step_mut() {
            let (from, to, comment) = (actor.to_owned(), to.to_owned(), comment.to_owned());
            step.approvers = vec![to.clone()];
            step.forwards.push(Forward { from, to, at: now.at, comment });
        }
        Ok(after.moved(state, now).addressed())
    }

    /// PENDING → CANCELED by whoever asked, or the owner.
    pub fn withdraw(self, actor: &str, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::WithdrawApproval)?;
        if !self.is_own(actor) {
            let allowed = format!("{} or {}", self.requester, self.owner);
            return Err(Error::NotAnApprover { approval: self.name(), actor: actor.to_owned(), allowed });
        }
        Ok(Self { cancel_reason: Some(CancelReason::Withdrawn), ..self.moved(state, now) })
    }

    /// PENDING, APPROVED → CANCELED: what it was about is not so any more.
    #[must_use]
    pub fn canceled(self, reason: CancelReason, now: Moment) -> Self {
        Self { cancel_reason: Some(reason), ..self.moved(State::Canceled, now) }
    }

    /// The step that is to be decided, or was last.
    pub fn step(&self) -> Option<&Step> {
        let place = usize::try_from(self.current_step).ok()?.checked_sub(1)?;
        self.steps.0.get(place)
    }

    fn step_mut(&mut self) -> Option<&mut Step> {
        let place = usize::try_from(self.current_step).ok()?.checked_sub(1)?;
        self.steps.0.get_mut(place)
    }

    /// Nobody approves his own: neither the owner nor whoever asked.
    fn is_own(&self, person: &str) -> bool {
        person == self.requester || person == self.owner
    }

    fn check_may_decide(&self, actor: &str) -> Result<(), Error> {
        if self.is_own(actor) {
            return Err(Error::OwnApproval { approval: self.name(), actor: actor.to_owned() });
        }
        let approvers = self.step().map(|step| step.approvers.as_slice()).unwrap_or_default();
        if approvers.iter().any(|approver| approver == actor) {
            return Ok(());
        }
        Err(Error::NotAnApprover { approval: self.name(), actor: actor.to_owned(), allowed: approvers.join(", ") })
    }

    fn decided(self, actor: &str, comment: &str, state: State, now: Moment) -> Result<Self, Error> {
        self.check_may_decide(actor)?;
        let mut after = self;
        let Some(step) = after.step_mut() else {
            return Err(Refusal::internal("an approval without a present step").into());
        };
        actor.clone_into(&mut step.decided_by);
        comment.clone_into(&mut step.comment);
        step.state = state;
        step.decided_at = Some(now.at);
        Ok(after)
    }

    /// Who decides the present step stands in columns of its own, so that everybody finds what waits for them.
    fn addressed(mut self) -> Self {
        let (approver, role) = match self.step() {
            Some(step) => {
                let [one] = step.approvers.as_slice() else {
                    let role = step.role.clone();
                    return Self { approver: String::new(), role, ..self };
                };
                (one.clone(), step.role.clone())
            }
            None => (String::new(), String::new()),
        };
        self.approver = approver;
        self.role = role;
        self
    }

    fn moved(self, state: State, now: Moment) -> Self {
        let state_since = if state == self.state { self.state_since } else { now.at };
        Self { state, state_since, version: self.version + 1, updated_at: now.at, ..self }
    }
}
