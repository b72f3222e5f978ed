//! Why this part says no.

use dealflow_chassis::list::ListError;
use dealflow_chassis::{Kind, Refusal};
use dealflow_proto::errors::v1::ErrorReason;
use sea_orm::DbErr;
use tonic::Status;

use crate::duplicates::Candidate;
use crate::lead::Stage;

/// The refusals of this part, beside those of every part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Missing record, wrong field, stale version, wrong state: what every part refuses alike.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbErr),
    /// The guard of qualification: each `(field, what it must say)` is missing (R-LED-4).
    #[error("{lead} cannot be qualified yet: need and purchasing power must be known")]
    Unqualified {
        /// The lead.
        lead: String,
        /// Field and what is expected of it.
        missing: Vec<(&'static str, &'static str)>,
    },
    /// Records that may be the same already; the caller decides (R-LED-4).
    #[error(
        "{lead} may be known already; link it to a candidate (account, contact) or ask for a new record \
         (create_account, create_contact)"
    )]
    Undecided {
        /// The lead.
        lead: String,
        /// All that match.
        candidates: Vec<Candidate>,
    },
    /// A record cannot be made from what the lead says.
    #[error("{what} cannot be made from {lead}: {field} is empty")]
    NothingToMake {
        /// The lead.
        lead: String,
        /// What was asked for: `an account`, `a contact`.
        what: &'static str,
        /// The field that is empty.
        field: &'static str,
    },
    /// A contact of another account was linked.
    #[error("{contact} works for {theirs}, not for {account}; link that account, or another contact")]
    OtherAccount {
        /// The contact.
        contact: String,
        /// The account of the contact.
        theirs: String,
        /// The account that was to be linked.
        account: String,
    },
    /// The lead became an opportunity: it is not set aside any more, nor linked to another (R-LED-5).
    #[error("{lead} became {opportunity}; {verb} is refused")]
    HasOpportunity {
        /// The lead.
        lead: String,
        /// Its opportunity.
        opportunity: String,
        /// What was asked for.
        verb: &'static str,
    },
    /// A stage that the lead cannot be in as it is (R-LED-3).
    #[error("{lead} cannot be in {stage}: {missing}")]
    Stage {
        /// The lead.
        lead: String,
        /// The stage.
        stage: Stage,
        /// What is missing.
        field: &'static str,
        /// What is expected of it.
        missing: &'static str,
    },
    /// The person was erased (R-ACC-3).
    #[error("{name} was erased and changes no more")]
    Erased {
        /// The contact or lead.
        name: String,
    },
    /// A value that must be unique.
    #[error("{field} {value} is taken by {holder}")]
    Taken {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// Who has it.
        holder: String,
    },
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => refusal,
            Error::Db(error) => error.into(),
            Error::Unqualified { lead, missing } => Self::guard(message, &missing).with("resource", lead),
            Error::Undecided { lead, candidates } => undecided(message, &lead, &candidates),
            Error::NothingToMake { lead, field, .. } => {
                Self::guard(message, &[(field, "is empty")]).with("resource", lead)
            }
            Error::OtherAccount { contact, theirs, .. } => {
                Self::guard(message, &[("contact", &format!("{contact} works for {theirs}"))]).with("account", theirs)
            }
            Error::HasOpportunity { lead, opportunity, verb } => {
                Self::new(Kind::Precondition, ErrorReason::StateRefusesVerb, message)
                    .precondition("STATE", &lead, &format!("is linked to {opportunity}"))
                    .with("resource", lead)
                    .with("opportunity", opportunity)
                    .with("verb", verb)
            }
            Error::Stage { lead, field, missing, .. } => {
                Self::guard(message, &[(field, missing)]).with("resource", lead)
            }
            Error::Erased { name } => Self::new(Kind::Precondition, ErrorReason::Terminal, message)
                .precondition("STATE", &name, "is erased")
                .with("resource", name),
            Error::Taken { field, value, holder } => Self::new(Kind::Taken, ErrorReason::Taken, message)
                .with("field", field)
                .with("value", value)
                .with("holder", holder),
        }
    }
}

fn undecided(message: String, lead: &str, candidates: &[Candidate]) -> Refusal {
    let names: Vec<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
    let refusal = Refusal::new(Kind::Precondition, ErrorReason::Duplicates, message)
        .with("resource", lead)
        .with("candidates", names.join(","));
    candidates
        .iter()
        .fold(refusal, |refusal, candidate| refusal.precondition("DUPLICATE", &candidate.name, &candidate.why))
}

impl From<ListError> for Error {
    fn from(error: ListError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        Refusal::from(error).into()
    }
}
