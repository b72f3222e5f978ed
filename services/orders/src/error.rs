//! What this service refuses, and how each refusal reads.

use chrono::NaiveDate;
use dealflow_chassis::refusal::{Kind, Refusal};
use dealflow_money::MoneyError;
use dealflow_proto::Violation;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::names::BadName;
use rust_decimal::Decimal;
use sea_orm::DbErr;

/// Why a request about products or documents is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A refusal that every service has: life cycle, etag, effective time, list.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not do it.
    #[error(transparent)]
    Db(#[from] DbErr),
    /// Fields that cannot be meant, all of them.
    #[error("fields are missing or malformed")]
    Fields(Vec<Violation>),
    /// A document that the arithmetic refuses.
    #[error("{document}: {cause}")]
    Money {
        /// The document's field in the request, e.g. `quote`.
        document: &'static str,
        /// What the arithmetic says.
        #[source]
        cause: MoneyError,
    },
    /// Lines priced in another currency than the document's (BT-5).
    #[error("the document is in {expected}; {}", found.join("; "))]
    MixedCurrencies {
        /// The document's currency.
        expected: String,
        /// Each line that differs: field and currency.
        found: Vec<String>,
    },
    /// A product code that another product has (R-PRD-1).
    #[error("the product code {code} belongs to {holder}")]
    CodeTaken {
        /// The code.
        code: String,
        /// The product's name.
        holder: String,
    },
    /// A quote whose last day has passed (R-QUO-3).
    #[error(
        "{quote} was valid until {valid_until}; ReviseQuote makes a new revision, or UpdateQuote moves a draft's date"
    )]
    Expired {
        /// The quote's name.
        quote: String,
        /// Its last day.
        valid_until: NaiveDate,
    },
    /// A policy asks for an approval that was not given (R-QUO-2).
    #[error("{subject} needs an approval before {verb}: {policies} asks for it; {request} asks who must agree")]
    ApprovalRequired {
        /// The record's name.
        subject: String,
        /// What was to be done.
        verb: &'static str,
        /// Which verb asks for the approval.
        request: &'static str,
        /// The policies that ask.
        policies: String,
    },
    /// A step of a policy has nobody left who may decide it (R-QUO-2).
    #[error("the policy {policy} has nobody to ask: {who}")]
    NoApprover {
        /// What the policy is called.
        policy: String,
        /// Who is missing.
        who: String,
    },
    /// Somebody decides who was not asked (R-QUO-2).
    #[error("{approval} is decided by {allowed}, not by {actor}")]
    NotAnApprover {
        /// The approval's name.
        approval: String,
        /// Who tried.
        actor: String,
        /// Who may.
        allowed: String,
    },
    /// Somebody decides his own (R-QUO-2).
    #[error("{actor} owns the record or asked for {approval}: nobody approves his own")]
    OwnApproval {
        /// The approval's name.
        approval: String,
        /// Who tried, or was to.
        actor: String,
    },
    /// What was to be approved is not what was asked for (R-QUO-2).
    #[error("{subject} is not what {approval} was asked for; ask for its approval again")]
    ChangedSince {
        /// The record's name.
        subject: String,
        /// The approval's name.
        approval: String,
    },
    /// Only a posted invoice is credited or paid (R-INV-1).
    #[error("{invoice} is {state}; a POSTED invoice is credited or paid, and a DRAFT one is voided or posted first")]
    NotPosted {
        /// The invoice's name.
        invoice: String,
        /// Its state.
        state: String,
    },
    /// More would be credited than was invoiced (R-INV-1).
    #[error("line {line}: {left} is invoiced and not yet credited; {asked} is too much")]
    OverCredited {
        /// The line's id.
        line: String,
        /// What may still be credited.
        left: Decimal,
        /// Quantity asked for.
        asked: Decimal,
    },
    /// All that was invoiced is credited already (R-INV-1).
    #[error("{invoice}: all of it is credited; VoidCreditNote frees a draft")]
    NothingToCredit {
        /// The invoice's name.
        invoice: String,
    },
    /// A payment would pay more than it is (R-INV-1).
    #[error("{payment}: {left} minor units of it pay nothing yet; more cannot be allocated")]
    OverAllocated {
        /// The payment's name.
        payment: String,
        /// What is left of it, in minor units.
        left: i128,
    },
    /// The same reference with another content (R-INV-1).
    #[error("{source_of} has told of {reference} already, as {holder}, and otherwise")]
    PaymentKnown {
        /// The source.
        source_of: String,
        /// The reference.
        reference: String,
        /// The payment's name.
        holder: String,
    },
    /// From SUBMITTED on the integration changes an order (R-ORD-1).
    #[error(
        "{order} is {state}: the ERP has it, so the integration changes it and {actor} does not; {verb} is refused"
    )]
    ErpHasIt {
        /// The order's name.
        order: String,
        /// Its state.
        state: String,
        /// Who tried.
        actor: String,
        /// What.
        verb: &'static str,
    },
    /// An order with invoices is not given up (R-ORD-1).
    #[error("{order} has invoices that are not credited; credit or void them first")]
    StillBilled {
        /// The order's name.
        order: String,
    },
    /// An order is closed once all of it is billed (R-ORD-1).
    #[error("{order} is not billed in full; CreateInvoice bills the rest")]
    NotBilled {
        /// The order's name.
        order: String,
    },
    /// The other side invoices (R-INV-2).
    #[error("{verb} is refused: {authority} has the authority to invoice here; {instead}")]
    NoAuthority {
        /// What was tried.
        verb: &'static str,
        /// Who invoices.
        authority: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// The opportunity has a live order already: never two (R-OPP-5).
    #[error("{opportunity} has the order {order} already; cancel that first")]
    OrderStands {
        /// The opportunity's name.
        opportunity: String,
        /// The order's name.
        order: String,
    },
    /// An order without an account: nobody would pay for it (R-ACC-1).
    #[error("{order} has no account, and nobody would pay for it; CancelOrder it, and order for an account")]
    NoCustomer {
        /// The order's name.
        order: String,
    },
    /// More than was ordered would be delivered (R-ORD-1).
    #[error("line {line}: {ordered} ordered, {fulfilled} fulfilled; {asked} more is too much")]
    OverFulfilled {
        /// The line's id.
        line: String,
        /// Quantity ordered.
        ordered: Decimal,
        /// Quantity delivered before.
        fulfilled: Decimal,
        /// Quantity asked for.
        asked: Decimal,
    },
    /// More than was delivered would be billed (R-INV-1).
    #[error("line {line}: {left} is delivered and not yet billed; {asked} is too much")]
    OverBilled {
        /// The line's id.
        line: String,
        /// What may still be billed now.
        left: Decimal,
        /// Quantity asked for.
        asked: Decimal,
    },
    /// All that is delivered is billed already (R-INV-1).
    #[error("{order}: all that is delivered is billed; FulfillOrder delivers more, VoidInvoice frees a draft")]
    NothingToBill {
        /// The order's name.
        order: String,
    },
}

impl Error {
    /// One field that cannot be meant.
    pub fn field(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Fields(vec![violation(field, expected)])
    }
}

/// A field and what it must be.
pub fn violation(field: impl Into<String>, expected: impl Into<String>) -> Violation {
    Violation { field: field.into(), description: expected.into() }
}

impl From<BadName> for Error {
    fn from(bad: BadName) -> Self {
        Self::Refused(bad.into())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => refusal,
            Error::Db(cause) => cause.into(),
            Error::Fields(fields) => Self::fields(fields),
            Error::Money { document, cause } => arithmetic(document, &cause),
            Error::MixedCurrencies { expected, .. } => {
                Self::new(Kind::Invalid, ErrorReason::Arithmetic, message).with("currency", expected)
            }
            Error::CodeTaken { code, holder } => Self::new(Kind::Taken, ErrorReason::Taken, message)
                .with("field", "product.code")
                .with("value", code)
                .with("holder", holder),
            Error::Expired { quote, valid_until } => {
                let description = format!("passed on {valid_until}");
                Self::guard(message, &[("valid_until_date", &description)]).with("quote", quote)
            }
            Error::ApprovalRequired { subject, request, policies, .. } => {
                Self::new(Kind::Precondition, ErrorReason::ApprovalRequired, message)
                    .with("policies", policies)
                    .with("allowed", request)
                    .precondition("APPROVAL", &subject, "is not approved")
            }
            Error::NoApprover { policy, who } => Self::new(Kind::Precondition, ErrorReason::NoApprover, message)
                .with("policy", policy.as_str())
                .precondition("APPROVER", &policy, &who),
            Error::NotAnApprover { approval, actor, allowed } => {
                Self::new(Kind::Precondition, ErrorReason::PermissionDenied, message)
                    .with("resource", approval)
                    .with("actor", actor)
                    .with("allowed", allowed)
            }
            Error::OwnApproval { approval, actor } => {
                Self::new(Kind::Precondition, ErrorReason::PermissionDenied, message)
                    .with("resource", approval)
                    .with("actor", actor)
            }
            Error::NotPosted { invoice, state } => {
                Self::guard(message, &[(&invoice, "is not posted")]).with("state", state).with("invoice", invoice)
            }
            Error::OverCredited { line, left, asked } => Self::guard(message, &[(&line, "over-credited")])
                .with("line", line)
                .with("left", left.normalize().to_string())
                .with("asked", asked.normalize().to_string()),
            Error::NothingToCredit { invoice } => Self::guard(message, &[(&invoice, "nothing is left to credit")]),
            Error::OverAllocated { payment, left } => {
                Self::guard(message, &[(&payment, "over-allocated")]).with("left", left.to_string())
            }
            Error::PaymentKnown { source_of, reference, holder } => Self::new(Kind::Taken, ErrorReason::Taken, message)
                .with("field", "payment.external_reference")
                .with("value", format!("{source_of} {reference}"))
                .with("holder", holder),
            Error::ErpHasIt { order, state, actor, .. } => {
                Self::new(Kind::Precondition, ErrorReason::PermissionDenied, message)
                    .with("resource", order)
                    .with("state", state)
                    .with("actor", actor)
            }
            Error::StillBilled { order } => Self::guard(message, &[(&order, "has uncredited invoices")]),
            Error::NotBilled { order } => Self::guard(message, &[(&order, "is not billed in full")]),
            Error::NoAuthority { authority, .. } => {
                Self::guard(message, &[("invoicing_authority", authority)]).with("invoicing_authority", authority)
            }
            Error::ChangedSince { subject, approval } => {
                Self::guard(message, &[(&subject, "has changed")]).with("approval", approval)
            }
            Error::OrderStands { opportunity, order } => {
                let description = format!("{order} stands");
                Self::guard(message, &[(&opportunity, &description)]).with("order", order)
            }
            Error::NoCustomer { order } => Self::guard(message, &[("account", "is missing")]).with("order", order),
            Error::OverFulfilled { line, ordered, fulfilled, asked } => {
                Self::guard(message, &[(&line, "over-fulfilled")])
                    .with("line", line)
                    .with("ordered", ordered.normalize().to_string())
                    .with("fulfilled", fulfilled.normalize().to_string())
                    .with("asked", asked.normalize().to_string())
            }
            Error::OverBilled { line, left, asked } => Self::guard(message, &[(&line, "over-billed")])
                .with("line", line)
                .with("left", left.normalize().to_string())
                .with("asked", asked.normalize().to_string()),
            Error::NothingToBill { order } => Self::guard(message, &[(&order, "nothing is left to bill")]),
        }
    }
}

/// Results that do not fit and mixed currencies are the arithmetic's; what was filled in wrong is the field's.
fn arithmetic(document: &str, cause: &MoneyError) -> Refusal {
    let field = format!("{document}.{}", cause.field());
    match cause {
        MoneyError::Overflow { .. } | MoneyError::CurrencyMismatch { .. } | MoneyError::Unsplittable { .. } => {
            Refusal::new(Kind::Invalid, ErrorReason::Arithmetic, format!("{document}: {cause}")).with("field", field)
        }
        MoneyError::UnknownCurrency { .. } => Refusal::field(&format!("{document}.currency_code"), cause.to_string()),
        MoneyError::TooManyDecimals { .. } | MoneyError::Refused { .. } => Refusal::field(&field, cause.to_string()),
    }
}
