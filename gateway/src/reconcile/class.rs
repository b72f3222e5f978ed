//! What is wrong with a document, and what is best done about it: one function over what both sides say.

use chrono::{DateTime, Utc};
use dealflow_proto::erp::v1::{
    Document, ErpDocument, Outcome, ReconciliationAction as Action, ReconciliationClass as Class, ReconciliationRow,
};

use super::STUCK_AFTER;
use crate::handoff::record::{Model, State};

/// What is wrong: the class, what is best done, in words.
pub(super) type Finding = (Class, Action, String);

/// Whether the ERP's list is behind its own events: its books are a backup's, or the list is older than the last event.
pub(super) fn is_behind(ours: &Model, theirs: &ErpDocument) -> bool {
    // An ERP that counts no events is behind none.
    ours.state == State::Delivered && (1..ours.business_sequence).contains(&theirs.sequence)
}

/// Compares a hand-over with what the ERP has under its external id; `None` where nothing is wrong yet: they agree, it is
/// on its way, or an operator gave it up. `restored` where the ERP forgot events that it told.
pub(super) fn of(
    ours: &Model,
    document: &Document,
    theirs: &[&ErpDocument],
    (restored, now): (bool, DateTime<Utc>),
) -> Option<Finding> {
    let accepted: Vec<&&ErpDocument> = theirs.iter().filter(|it| it.outcome() == Outcome::Accepted).collect();
    if let [first, _, ..] = accepted.as_slice() {
        let numbers: Vec<&str> = accepted.iter().map(|it| it.erp_number.as_str()).collect();
        let detail = format!("the ERP has it as {}; {} was the first", numbers.join(", "), first.erp_number);
        return Some((Class::DuplicateInErp, Action::Ignore, detail));
    }
    match accepted.first() {
        Some(found) => both(ours, document, found, restored),
        None => only_ours(ours, now),
    }
}

fn both(ours: &Model, document: &Document, theirs: &ErpDocument, restored: bool) -> Option<Finding> {
    if let Some(detail) = differs(ours, document, theirs) {
        return Some((Class::AmountMismatch, Action::Ignore, detail));
    }
    match ours.state {
        State::Delivered if ours.business_sequence < theirs.sequence => {
            let detail = format!(
                "the ERP says {} by its event {}, we have read up to {}",
                theirs.status().as_str_name().trim_start_matches("BUSINESS_STATUS_"),
                theirs.sequence,
                ours.business_sequence
            );
            Some((Class::StatusMismatch, Action::Refresh, detail))
        }
        State::Delivered if restored && is_behind(ours, theirs) => {
            let detail = format!(
                "the ERP is at its event {}, and told us {} before: its books are older than that, and what it tells anew \
                 is taken for known until it is asked again",
                theirs.sequence, ours.business_sequence
            );
            Some((Class::StatusMismatch, Action::Refresh, detail))
        }
        State::Delivered if ours.diverges => Some((Class::StatusMismatch, Action::Refresh, ours.divergence.clone())),
        State::DeadLettered | State::Rejected | State::Abandoned => {
            let detail = format!("the ERP has it as {}, and our delivery is {}", theirs.erp_number, ours.state);
            Some((Class::StatusMismatch, Action::Adopt, detail))
        }
        // Delivered and the same; or on its way, and the answer is still to come.
        _ => None,
    }
}

fn only_ours(ours: &Model, now: DateTime<Utc>) -> Option<Finding> {
    match ours.state {
        State::Delivered => {
            let detail = format!("we delivered it as {}, and the ERP does not have it", ours.erp_number);
            Some((Class::MissingInErp, Action::Replay, detail))
        }
        State::DeadLettered => Some((Class::DeadLettered, Action::Replay, ours.last_error.clone())),
        State::Rejected => {
            // A refused order went back to CONFIRMED: it is submitted again, not replayed.
            let action = if ours.stands() { Action::Replay } else { Action::Ignore };
            Some((Class::RejectedOpen, action, ours.last_error.clone()))
        }
        State::Abandoned => None,
        State::Blocked | State::Ready | State::InFlight | State::RetryWait | State::Uncertain => {
            let detail = || format!("{} since {}: {}", ours.state, ours.created_at.to_rfc3339(), ours.last_error);
            (now - ours.created_at > STUCK_AFTER).then(|| (Class::Stuck, Action::Ignore, detail()))
        }
    }
}

/// In what the ERP's document differs from ours, by hash and by amount.
fn differs(ours: &Model, document: &Document, theirs: &ErpDocument) -> Option<String> {
    let totals = document.totals.clone().unwrap_or_default();
    let mut amounts = vec![
        ("net", totals.total_without_vat, theirs.total_without_vat.clone()),
        ("VAT", totals.total_vat, theirs.total_vat.clone()),
        ("gross", totals.total_with_vat, theirs.total_with_vat.clone()),
    ];
    amounts.retain(|_| document.totals.is_some());
    let wrong = amounts.into_iter().find(|(_, ours, theirs)| ours != theirs);
    if let Some((what, we, they)) = wrong {
        let show = |money: Option<_>| money.map_or_else(|| "nothing".to_owned(), |money| in_words(&money));
        return Some(format!("{what}: we say {}, the ERP {}", show(we), show(they)));
    }
    // An ERP that keeps no hash is believed by its amounts.
    let other = !ours.taken_over && !theirs.document_sha256.is_empty() && theirs.document_sha256 != ours.sha256;
    other.then(|| "the amounts agree, the content does not".to_owned())
}

fn in_words(money: &dealflow_proto::google::type_::Money) -> String {
    let amount = dealflow_proto::convert::decimal_of(money).unwrap_or_default();
    format!("{amount} {}", money.currency_code)
}

/// The row of a finding about a hand-over.
pub(super) fn row(ours: &Model, document: &Document, theirs: &[&ErpDocument], found: Finding) -> ReconciliationRow {
    let (class, action, detail) = found;
    let first = theirs.iter().find(|it| it.outcome() == Outcome::Accepted);
    ReconciliationRow {
        external_id: ours.external_id.clone(),
        r#type: ours.kind.wire().into(),
        class: class.into(),
        handoff: ours.name(),
        record: ours.document.clone(),
        handoff_state: ours.state.to_string(),
        erp_number: first.map_or_else(|| ours.erp_number.clone(), |it| it.erp_number.clone()),
        erp_status: first.map(|it| it.status).unwrap_or_default(),
        erp_sequence: first.map(|it| it.sequence).unwrap_or_default(),
        ours: document.totals.as_ref().and_then(|totals| totals.total_with_vat.clone()),
        theirs: first.and_then(|it| it.total_with_vat.clone()),
        detail,
        action: action.into(),
        ..ReconciliationRow::default()
    }
}

/// The row of a document that was never handed over from here.
pub(super) fn unknown(theirs: &ErpDocument) -> ReconciliationRow {
    ReconciliationRow {
        external_id: theirs.external_id.clone(),
        r#type: theirs.r#type,
        class: Class::UnknownInErp.into(),
        erp_number: theirs.erp_number.clone(),
        erp_status: theirs.status,
        erp_sequence: theirs.sequence,
        theirs: theirs.total_with_vat.clone(),
        detail: "it was never handed over from here".to_owned(),
        action: Action::Ignore.into(),
        ..ReconciliationRow::default()
    }
}
