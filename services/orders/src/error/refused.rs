//! How each refusal reaches the caller: its kind, its reason from the catalogue, and the facts beside it.

use dealflow_chassis::refusal::{Kind, Refusal};
use dealflow_money::MoneyError;
use dealflow_proto::errors::v1::ErrorReason;

use super::Error;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => refusal,
            Error::Db(cause) => cause.into(),
            Error::Fields(fields) => Self::fields(fields),
            Error::Money { document, cause } => arithmetic(document, &cause),
            Error::MixedCurrencies { expected, .. } => {
                Self::new(Kind::Invalid, ErrorReason::CurrencyMismatch, message).with("currency", expected)
            }
            Error::NoPriceList { price_list, day } => Self::new(Kind::Invalid, ErrorReason::NoPriceList, message)
                .with("price_list", price_list)
                .with("day", day.to_string()),
            Error::Pricing { reason, fields } => Self::fields(fields).because(reason),
            Error::CodeTaken { code, holder } => Self::new(Kind::Taken, ErrorReason::Taken, message)
                .with("field", "product.code")
                .with("value", code)
                .with("holder", holder),
            Error::RecordTaken { field, value, holder } => Self::new(Kind::Taken, ErrorReason::Taken, message)
                .with("field", field)
                .with("value", value)
                .with("holder", holder),
            Error::SeriesTaken { field, series, other, holder } => Self::new(Kind::Taken, ErrorReason::Taken, message)
                .with("field", field)
                .with("value", series)
                .with("series", other)
                .with("holder", holder),
            Error::EarlierInstalment { order, earlier, .. } => {
                Self::guard(message, &[(&order, &format!("instalment {earlier} is not billed"))])
                    .with("instalment", earlier.to_string())
            }
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
            Error::NotAgreed { order, policies } => {
                Self::new(Kind::Precondition, ErrorReason::ApprovalRequired, message)
                    .with("policies", policies)
                    .with("allowed", "CancelOrder")
                    .precondition("APPROVAL", &order, "was agreed to as it is")
            }
            Error::NoApprover { policy, who } => Self::new(Kind::Precondition, ErrorReason::NoApprover, message)
                .with("policy", policy.as_str())
                .precondition("APPROVER", &policy, &who),
            Error::NotAnApprover { approval, actor, allowed } => {
                Self::new(Kind::Forbidden, ErrorReason::PermissionDenied, message)
                    .with("resource", approval)
                    .with("actor", actor)
                    .with("allowed", allowed)
            }
            Error::OwnApproval { approval, actor } => {
                Self::new(Kind::Forbidden, ErrorReason::PermissionDenied, message)
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
                Self::new(Kind::Forbidden, ErrorReason::PermissionDenied, message)
                    .with("resource", order)
                    .with("state", state)
                    .with("actor", actor)
            }
            Error::StillBilled { order } => Self::guard(message, &[(&order, "has uncredited invoices")]),
            Error::NotBilled { order, .. } => Self::guard(message, &[(&order, "is not billed in full")]),
            Error::NoAuthority { authority, .. } => {
                Self::guard(message, &[("invoicing_authority", authority)]).with("invoicing_authority", authority)
            }
            Error::NotVoid { invoice, why } => Self::guard(message, &[(&invoice, why)]).with("invoice", invoice),
            Error::NoteStays { note, why } => Self::guard(message, &[(&note, why)]).with("credit_note", note),
            Error::InvoicedByErp { invoice, .. } => Self::guard(message, &[(&invoice, "is the ERP's")])
                .with("invoice", invoice)
                .with("invoicing_authority", "ERP"),
            Error::NumberTaken { number, holder, legal_entity } => Self::new(Kind::Taken, ErrorReason::Taken, message)
                .with("field", "number")
                .with("value", number)
                .with("holder", holder)
                .with("legal_entity", legal_entity),
            Error::DocumentsMissing { missing, .. } => Self::guard(message, &[("documents", &missing)]),
            Error::NotYet { start, .. } => {
                let description = format!("begins on {start}");
                Self::guard(message, &[("start_date", &description)])
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
            Error::BelowDone { line, done, least, asked } => Self::guard(message, &[(&line, &format!("is {done}"))])
                .with("line", line)
                .with(done, least.normalize().to_string())
                .with("asked", asked.normalize().to_string()),
            Error::RestLost { order, total } => {
                Self::guard(message, &[(&order, "would not be billed in full")]).with("total", total)
            }
            Error::DoneStays { what, done, .. } => Self::guard(message, &[(&what, &format!("is {done}"))]),
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
        MoneyError::Overflow { .. } => {
            Refusal::new(Kind::Invalid, ErrorReason::Overflow, format!("{document}: {cause}")).with("field", field)
        }
        MoneyError::CurrencyMismatch { .. } => {
            Refusal::new(Kind::Invalid, ErrorReason::CurrencyMismatch, format!("{document}: {cause}"))
                .with("field", field)
        }
        MoneyError::Unsplittable { .. } => {
            Refusal::new(Kind::Invalid, ErrorReason::Arithmetic, format!("{document}: {cause}")).with("field", field)
        }
        MoneyError::UnknownCurrency { .. } => Refusal::field(&format!("{document}.currency_code"), cause.to_string()),
        MoneyError::TooManyDecimals { .. } | MoneyError::Refused { .. } => Refusal::field(&field, cause.to_string()),
    }
}
