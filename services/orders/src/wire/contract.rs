//! Contracts ⇄ the wire.

use dealflow_chassis::Lifecycle;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::contract as wire;
use dealflow_proto::types::v1::Guidance;
use dealflow_proto::{convert, names};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{date, name, next, reference};
use crate::contract::{Model, Signatories, State};
use crate::error::{Error, violation};
use crate::quote;
use crate::record::{Moment, Told};

impl Model {
    /// A new draft as it was written; its quote, where it names one, is of the same opportunity and gives the account.
    pub async fn of<C: ConnectionTrait>(db: &C, written: pb::Contract, now: Moment) -> Result<Self, Error> {
        let mut wrong = Vec::new();
        let opportunity_id = reference(names::OPPORTUNITIES, &written.opportunity, "contract.opportunity", &mut wrong)
            .unwrap_or_default();
        let account_id = reference(names::ACCOUNTS, &written.account, "contract.account", &mut wrong);
        let owner_id = reference(names::EMPLOYEES, &written.owner, "contract.owner", &mut wrong);
        let quote_id = reference(names::QUOTES, &written.quote, "contract.quote", &mut wrong);
        let comments_expected =
            date(written.comments_expected_date.as_ref(), "contract.comments_expected_date", &mut wrong);
        let quote =
            if quote_id.is_some() && wrong.is_empty() { Some(quote::find(db, &written.quote).await?) } else { None };
        if quote.as_ref().is_some_and(|quote| quote.opportunity_id != opportunity_id) {
            wrong.push(violation("contract.quote", "a quote of the contract's opportunity"));
        }
        if !wrong.is_empty() {
            return Err(Error::Fields(wrong));
        }
        Ok(Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now.at,
            updated_at: now.at,
            state: State::Draft,
            state_since: now.at,
            number: String::new(),
            opportunity_id,
            quote_id,
            account_id: account_id.or(quote.as_ref().and_then(|quote| quote.account_id)),
            title: written.title,
            signatories: Signatories::default(),
            signed_date: None,
            comments_expected,
            approval_id: None,
            owner_id: owner_id.or(quote.as_ref().and_then(|quote| quote.owner_id)),
        })
    }

    /// The contract as it goes out.
    pub fn to_wire(&self) -> pb::Contract {
        pb::Contract {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            state: state(self.state).into(),
            number: self.number.clone(),
            opportunity: self.thread(),
            quote: name(names::QUOTES, self.quote_id),
            account: name(names::ACCOUNTS, self.account_id),
            title: self.title.clone(),
            signatories: self.signatories.0.clone(),
            signed_date: self.signed_date.map(convert::date),
            comments_expected_date: self.comments_expected.map(convert::date),
            guidance: Some(self.guidance()),
            owner: self.owner(),
            approval: name(names::APPROVALS, self.approval_id),
        }
    }

    fn guidance(&self) -> Guidance {
        let me = self.name();
        let next_actions = match self.state {
            State::Draft => vec![
                next("ApproveContract", &me, "Approve it inside the company"),
                next("RequestContractApproval", &me, "Ask who must agree, where a policy asks for it"),
            ],
            State::InApproval => {
                vec![next("Approve", &name(names::APPROVALS, self.approval_id), "The approver agrees to it")]
            }
            State::Approved => vec![next("SendContract", &me, "Send it to the customer")],
            State::Sent => vec![next("SignContract", &me, "Have it signed by both sides")],
            State::Signed | State::Canceled => Vec::new(),
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
        State::InApproval => wire::State::InApproval,
        State::Approved => wire::State::Approved,
        State::Sent => wire::State::Sent,
        State::Signed => wire::State::Signed,
        State::Canceled => wire::State::Canceled,
    }
}
