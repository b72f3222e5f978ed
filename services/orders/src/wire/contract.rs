//! Contracts ⇄ the wire.

use dealflow_chassis::security::Sight;
use dealflow_chassis::{Lifecycle, Mask};
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::contract as wire;
use dealflow_proto::types::v1::Guidance;
use dealflow_proto::{Violation, convert, names};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{date, name, next, reference};
use crate::contract::{Attached, DocumentSet, Model, Receipt, Signatories, State, Verb};
use crate::error::{Error, violation};
use crate::quote;
use crate::record::{Moment, Told};

/// The fields that UpdateContract can change.
pub(crate) const CONTRACT_UPDATABLE: &[&str] =
    &["title", "terms", "account", "owner", "start_date", "end_date", "documents"];

/// Whether the customer has it.
pub(crate) fn receipt(given: wire::Receipt) -> Result<Receipt, Error> {
    match given {
        wire::Receipt::Sent => Ok(Receipt::Sent),
        wire::Receipt::Received => Ok(Receipt::Received),
        wire::Receipt::InReview => Ok(Receipt::InReview),
        wire::Receipt::NotReceived => Ok(Receipt::NotReceived),
        wire::Receipt::Unspecified => Err(Error::field("receipt", "whether the customer has it")),
    }
}

fn documents(given: Vec<pb::ContractDocument>, wrong: &mut Vec<Violation>) -> Option<DocumentSet> {
    for (index, document) in given.iter().enumerate() {
        if document.title.trim().is_empty() {
            wrong.push(violation(format!("contract.documents[{index}].title"), "not blank"));
        }
    }
    let set = given.into_iter().map(|it| Attached { title: it.title, required: it.required, uri: it.uri });
    let set: Vec<Attached> = set.collect();
    if set.is_empty() { None } else { Some(DocumentSet(set)) }
}

impl Model {
    /// A new draft as it was written; its quote, where it names one, is of the same opportunity and gives account, owner
    /// and terms.
    pub async fn of<C: ConnectionTrait>(
        db: &C,
        written: pb::Contract,
        sight: &Sight,
        now: Moment,
    ) -> Result<Self, Error> {
        let mut wrong = Vec::new();
        let opportunity_id = reference(names::OPPORTUNITIES, &written.opportunity, "contract.opportunity", &mut wrong)
            .unwrap_or_default();
        let account_id = reference(names::ACCOUNTS, &written.account, "contract.account", &mut wrong);
        let owner_id = reference(names::EMPLOYEES, &written.owner, "contract.owner", &mut wrong);
        let quote_id = reference(names::QUOTES, &written.quote, "contract.quote", &mut wrong);
        let comments_expected =
            date(written.comments_expected_date.as_ref(), "contract.comments_expected_date", &mut wrong);
        let start_date = date(written.start_date.as_ref(), "contract.start_date", &mut wrong);
        let end_date = date(written.end_date.as_ref(), "contract.end_date", &mut wrong);
        let documents = documents(written.documents, &mut wrong);
        let named = quote_id.is_some() && wrong.is_empty();
        let quote = if named { Some(quote::find(db, &written.quote, sight).await?) } else { None };
        if quote.as_ref().is_some_and(|quote| quote.opportunity_id != opportunity_id) {
            wrong.push(violation("contract.quote", "a quote of the contract's opportunity"));
        }
        let of_quote = quote.as_ref();
        let new = Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now.at,
            updated_at: now.at,
            state: State::Draft,
            state_since: now.at,
            number: String::new(),
            opportunity_id,
            quote_id,
            account_id: account_id.or(of_quote.and_then(|quote| quote.account_id)),
            title: written.title,
            signatories: Signatories::default(),
            signed_date: None,
            comments_expected,
            approval_id: None,
            owner_id: owner_id.or(of_quote.and_then(|quote| quote.owner_id)),
            terms: match of_quote {
                Some(quote) if written.terms.is_empty() => quote.terms.clone(),
                _ => written.terms,
            },
            terms_version: 1,
            start_date,
            end_date,
            receipt: None,
            comments: String::new(),
            documents,
            amends_id: None,
            terminated_date: None,
        };
        new.checked(wrong)
    }

    /// The contract with the fields that the mask takes over, in the state that it has.
    pub fn update(mut self, written: pb::Contract, mask: &Mask) -> Result<Self, Error> {
        self.state.accept(Verb::UpdateContract)?;
        let mut wrong = Vec::new();
        if mask.takes("title", !written.title.is_empty()) {
            self.title = written.title;
        }
        if mask.takes("terms", !written.terms.is_empty()) && self.terms != written.terms {
            self.terms = written.terms;
        }
        if mask.takes("account", !written.account.is_empty()) {
            self.account_id = reference(names::ACCOUNTS, &written.account, "contract.account", &mut wrong);
        }
        if mask.takes("owner", !written.owner.is_empty()) {
            self.owner_id = reference(names::EMPLOYEES, &written.owner, "contract.owner", &mut wrong);
        }
        if mask.takes("start_date", written.start_date.is_some()) {
            self.start_date = date(written.start_date.as_ref(), "contract.start_date", &mut wrong);
        }
        if mask.takes("end_date", written.end_date.is_some()) {
            self.end_date = date(written.end_date.as_ref(), "contract.end_date", &mut wrong);
        }
        if mask.takes("documents", !written.documents.is_empty()) {
            self.documents = documents(written.documents, &mut wrong);
        }
        self.checked(wrong)
    }

    fn checked(self, mut wrong: Vec<Violation>) -> Result<Self, Error> {
        if let (Some(start), Some(end)) = (self.start_date, self.end_date)
            && end < start
        {
            wrong.push(violation("contract.end_date", format!("{start} or later")));
        }
        if wrong.is_empty() { Ok(self) } else { Err(Error::Fields(wrong)) }
    }

    /// The contract as it goes out; `now` says whether it is expired.
    pub fn to_wire(&self, now: Moment) -> pb::Contract {
        let documents = self.documents.as_ref().map(|set| set.0.as_slice()).unwrap_or_default();
        let document = |it: &Attached| pb::ContractDocument {
            title: it.title.clone(),
            required: it.required,
            uri: it.uri.clone(),
        };
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
            terms: self.terms.clone(),
            version: self.terms_version,
            start_date: self.start_date.map(convert::date),
            end_date: self.end_date.map(convert::date),
            receipt: match self.receipt {
                None => wire::Receipt::Unspecified,
                Some(Receipt::Sent) => wire::Receipt::Sent,
                Some(Receipt::Received) => wire::Receipt::Received,
                Some(Receipt::InReview) => wire::Receipt::InReview,
                Some(Receipt::NotReceived) => wire::Receipt::NotReceived,
            }
            .into(),
            comments: self.comments.clone(),
            documents: documents.iter().map(document).collect(),
            documents_complete: self.is_complete(),
            amends: name(names::CONTRACTS, self.amends_id),
            terminated_date: self.terminated_date.map(convert::date),
            expired: self.is_expired(now),
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
            State::Sent | State::Negotiation => vec![
                next("SignContract", &me, "Have it signed by both sides"),
                next("RecordContractComments", &me, "Tell what the customer says"),
            ],
            State::Signed => vec![next("ActivateContract", &me, "It comes into force")],
            State::Active | State::Expired | State::Terminated | State::Canceled => Vec::new(),
        };
        let unsigned = matches!(self.state, State::Sent | State::Negotiation);
        let missing = if unsigned && !self.is_complete() { vec!["documents".to_owned()] } else { Vec::new() };
        Guidance {
            allowed_verbs: self.state.allowed().iter().map(ToString::to_string).collect(),
            next_actions,
            missing_fields: missing,
        }
    }
}

fn state(state: State) -> wire::State {
    match state {
        State::Draft => wire::State::Draft,
        State::InApproval => wire::State::InApproval,
        State::Approved => wire::State::Approved,
        State::Sent => wire::State::Sent,
        State::Negotiation => wire::State::Negotiation,
        State::Signed => wire::State::Signed,
        State::Active => wire::State::Active,
        State::Expired => wire::State::Expired,
        State::Terminated => wire::State::Terminated,
        State::Canceled => wire::State::Canceled,
    }
}
