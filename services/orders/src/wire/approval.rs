//! Approvals and their policies ⇄ the wire.

use chrono::{DateTime, Utc};
use dealflow_chassis::Mask;
use dealflow_money::Currency;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::approval as wire;
use dealflow_proto::{Violation, convert, names};
use uuid::Uuid;

use super::money;
use crate::approval::{
    After, ApproverKind, CancelReason, Forward, Model, Policy, PolicyStep, PolicySteps, State, Step, Subject,
};
use crate::document::{Exact, currency};
use crate::error::{Error, violation};
use crate::record::Told;

/// The fields that UpdateApprovalPolicy can change.
pub(crate) const POLICY_UPDATABLE: &[&str] =
    &["display_name", "disabled", "rank", "min_amount", "min_discount_percent", "steps"];

/// What follows once a record is approved.
pub(crate) fn after(given: pb::AfterApproval) -> After {
    match given {
        pb::AfterApproval::Unspecified => After::Nothing,
        pb::AfterApproval::Activate => After::Activate,
        pb::AfterApproval::Present => After::Present,
    }
}

impl Policy {
    /// A new policy as it was written, checked.
    pub fn of(written: pb::ApprovalPolicy, now: DateTime<Utc>) -> Result<Self, Error> {
        let subject = match written.subject() {
            pb::ApprovalSubject::Quote => Subject::Quote,
            pb::ApprovalSubject::Contract => Subject::Contract,
            pb::ApprovalSubject::Unspecified => {
                return Err(Error::field("approval_policy.subject", "QUOTE or CONTRACT"));
            }
        };
        let mask = Mask::of(Some(prost_types::FieldMask { paths: vec!["*".to_owned()] }), POLICY_UPDATABLE)?;
        let new = Self {
            id: Uuid::now_v7(),
            version: 0,
            created_at: now,
            updated_at: now,
            display_name: String::new(),
            subject,
            disabled: false,
            rank: 0,
            currency: String::new(),
            min_amount: None,
            min_discount_percent: None,
            steps: PolicySteps::default(),
        };
        new.update(written, &mask, now)
    }

    /// The policy with the fields that the mask takes over, checked.
    pub fn update(mut self, written: pb::ApprovalPolicy, mask: &Mask, now: DateTime<Utc>) -> Result<Self, Error> {
        let mut wrong = Vec::new();
        if mask.takes("display_name", !written.display_name.is_empty()) {
            self.display_name = written.display_name;
        }
        if mask.takes("disabled", written.disabled) {
            self.disabled = written.disabled;
        }
        if mask.takes("rank", written.rank != 0) {
            self.rank = written.rank;
        }
        if mask.takes("min_amount", written.min_amount.is_some()) {
            (self.currency, self.min_amount) = least_amount(written.min_amount.as_ref(), &mut wrong);
        }
        if mask.takes("min_discount_percent", written.min_discount_percent.is_some()) {
            self.min_discount_percent = written.min_discount_percent.and_then(|percent| {
                let field = "approval_policy.min_discount_percent";
                let read =
                    convert::decimal_from(&percent).map_err(|cause| wrong.push(violation(field, cause.to_string())));
                read.ok().map(|percent| Exact(percent.normalize()))
            });
        }
        if mask.takes("steps", !written.steps.is_empty()) {
            self.steps = PolicySteps(
                written.steps.into_iter().enumerate().filter_map(|(index, it)| step(index, it, &mut wrong)).collect(),
            );
        }
        if !wrong.is_empty() {
            return Err(Error::Fields(wrong));
        }
        self.check()?;
        Ok(Self { version: self.version + 1, updated_at: now, ..self })
    }

    /// The policy as it goes out.
    pub fn to_wire(&self) -> Result<pb::ApprovalPolicy, Error> {
        let min_amount = match self.min_amount {
            Some(minor) => Some(money(minor, currency(&self.currency)?)),
            None => None,
        };
        Ok(pb::ApprovalPolicy {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            display_name: self.display_name.clone(),
            subject: match self.subject {
                Subject::Quote => pb::ApprovalSubject::Quote,
                Subject::Contract => pb::ApprovalSubject::Contract,
            }
            .into(),
            disabled: self.disabled,
            rank: self.rank,
            min_amount,
            min_discount_percent: self.min_discount_percent.map(|percent| convert::decimal(percent.0)),
            steps: self.steps.0.iter().map(policy_step).collect(),
        })
    }
}

fn least_amount(
    given: Option<&dealflow_proto::google::type_::Money>,
    wrong: &mut Vec<Violation>,
) -> (String, Option<i64>) {
    let Some(given) = given else { return (String::new(), None) };
    let field = "approval_policy.min_amount";
    let read = Currency::parse(&given.currency_code)
        .and_then(|currency| dealflow_money::Money::from_units_nanos(given.units, given.nanos, currency))
        .map_err(|cause| wrong.push(violation(field, cause.to_string())));
    (given.currency_code.clone(), read.ok().map(|money| money.minor))
}

fn step(index: usize, given: pb::PolicyStep, wrong: &mut Vec<Violation>) -> Option<PolicyStep> {
    let kind = match given.kind() {
        pb::ApproverKind::User => ApproverKind::User,
        pb::ApproverKind::Role => ApproverKind::Role,
        pb::ApproverKind::Manager => ApproverKind::Manager,
        pb::ApproverKind::Unspecified => {
            wrong.push(violation(format!("approval_policy.steps[{index}].kind"), "USER, ROLE or MANAGER"));
            return None;
        }
    };
    Some(PolicyStep { kind, user: given.user, role: given.role, members: given.members })
}

fn policy_step(step: &PolicyStep) -> pb::PolicyStep {
    pb::PolicyStep {
        kind: kind(step.kind).into(),
        user: step.user.clone(),
        role: step.role.clone(),
        members: step.members.clone(),
    }
}

fn kind(kind: ApproverKind) -> pb::ApproverKind {
    match kind {
        ApproverKind::User => pb::ApproverKind::User,
        ApproverKind::Role => pb::ApproverKind::Role,
        ApproverKind::Manager => pb::ApproverKind::Manager,
    }
}

impl Model {
    /// The approval as it goes out.
    pub fn to_wire(&self) -> Result<pb::Approval, Error> {
        let amount = match self.amount {
            Some(minor) => Some(money(minor, currency(&self.currency)?)),
            None => None,
        };
        let steps = self.steps.0.iter().zip(1..);
        Ok(pb::Approval {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            state: state(self.state).into(),
            subject: self.subject.clone(),
            subject_hash: self.subject_hash.clone(),
            opportunity: names::OPPORTUNITIES.name(self.opportunity_id),
            requester: self.requester.clone(),
            policies: self.policies.0.clone(),
            steps: steps.map(|(step, number)| approval_step(step, number)).collect(),
            current_step: self.current_step,
            approver: self.approver.clone(),
            role: self.role.clone(),
            amount,
            discount_percent: Some(convert::decimal(self.discount_percent.0)),
            cancel_reason: match self.cancel_reason {
                None => wire::CancelReason::Unspecified,
                Some(CancelReason::SubjectChanged) => wire::CancelReason::SubjectChanged,
                Some(CancelReason::Withdrawn) => wire::CancelReason::Withdrawn,
                Some(CancelReason::SubjectClosed) => wire::CancelReason::SubjectClosed,
            }
            .into(),
            then: match self.after_approval {
                After::Nothing => pb::AfterApproval::Unspecified,
                After::Activate => pb::AfterApproval::Activate,
                After::Present => pb::AfterApproval::Present,
            }
            .into(),
        })
    }
}

fn approval_step(step: &Step, number: i32) -> pb::ApprovalStep {
    pb::ApprovalStep {
        number,
        kind: kind(step.kind).into(),
        role: step.role.clone(),
        approvers: step.approvers.clone(),
        state: state(step.state).into(),
        decided_by: step.decided_by.clone(),
        decide_time: step.decided_at.map(convert::timestamp),
        comment: step.comment.clone(),
        forwards: step.forwards.iter().map(forward).collect(),
    }
}

fn forward(forward: &Forward) -> pb::ApprovalForward {
    pb::ApprovalForward {
        from: forward.from.clone(),
        to: forward.to.clone(),
        forward_time: Some(convert::timestamp(forward.at)),
        comment: forward.comment.clone(),
    }
}

fn state(state: State) -> wire::State {
    match state {
        State::Pending => wire::State::Pending,
        State::Approved => wire::State::Approved,
        State::Rejected => wire::State::Rejected,
        State::Canceled => wire::State::Canceled,
    }
}
