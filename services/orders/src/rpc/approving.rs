//! What quotes and contracts have in common on their way through an approval (R-QUO-2, R-CON-1).

use dealflow_chassis::Work;
use dealflow_chassis::security::Sight;
use dealflow_proto::orders::v1 as pb;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::approval::{self, CancelReason, Facts, Model, People, Request, State, Subject};
use crate::error::Error;
use crate::order::Model as Order;
use crate::record::{Moment, Told, change};

/// The people whom a request names.
pub(super) fn people<'a>(
    manager: &'a str,
    roles: &'a [(String, Vec<String>)],
    owner: &'a str,
    requester: &'a str,
) -> People<'a> {
    People { manager, roles, not: [owner, requester] }
}

/// Roles as they came.
pub(super) fn roles(given: Vec<pb::RoleMembers>) -> Vec<(String, Vec<String>)> {
    given.into_iter().map(|role| (role.role, role.members)).collect()
}

/// Asks who must agree; none where no policy asks.
pub(super) async fn ask(
    work: &mut Work,
    kind: Subject,
    verb: &str,
    (request, facts): (Request, &Facts),
    (manager, roles): (&str, &[(String, Vec<String>)]),
    now: Moment,
) -> Result<Option<Uuid>, Error> {
    let asking = approval::asking(&work.tx, kind, facts, now.today).await?;
    if asking.is_nobody() {
        return Ok(None);
    }
    let asked = asking.of(&people(manager, roles, &request.owner, &request.requester))?;
    let approval = Model::of(request, asked, facts, now);
    approval::insert(&work.tx, &approval).await?;
    work.record(change("approval.requested", verb, None, &approval, &approval.to_wire()?));
    Ok(Some(approval.id))
}

/// Refuses a verb that sends a record out, where a policy asks and this very content was not approved: the net under
/// all other rules.
pub(super) async fn check_approved<C: ConnectionTrait>(
    db: &C,
    kind: Subject,
    (subject, hash, approval): (String, String, Option<Uuid>),
    facts: &Facts,
    (verb, request): (&'static str, &'static str),
    now: Moment,
) -> Result<(), Error> {
    let asking = approval::asking(db, kind, facts, now.today).await?;
    if asking.is_nobody() {
        return Ok(());
    }
    if stands(db, approval, &hash).await? {
        return Ok(());
    }
    Err(Error::ApprovalRequired { subject, verb, request, policies: asking.names().join(", ") })
}

/// Whether an approval was given, and for this very content.
pub(super) async fn stands<C: ConnectionTrait>(db: &C, approval: Option<Uuid>, hash: &str) -> Result<bool, Error> {
    let Some(id) = approval else { return Ok(false) };
    let given = approval::find(db, &dealflow_proto::names::APPROVALS.name(id), &Sight::All).await?;
    Ok(given.state == State::Approved && given.subject_hash == hash)
}

/// Refuses an order that comes of no quote where a policy asks about quotes that say the same: an order is approved by
/// nobody, so a win without the quote would be the way round its approval (R-QUO-2).
pub(super) async fn check_orderable<C: ConnectionTrait>(db: &C, order: &Order, now: Moment) -> Result<(), Error> {
    let asking = approval::asking(db, Subject::Quote, &order.facts(), now.today).await?;
    if asking.is_nobody() {
        return Ok(());
    }
    let (subject, policies) = (order.thread(), asking.names().join(", "));
    Err(Error::ApprovalRequired { subject, verb: "CreateOrder", request: "ProposeQuote", policies })
}

/// Refuses to make an order another one that nobody agreed to: approved below the limit and raised later. What is worth
/// no more than before, and sold no further below the list prices, was agreed to with its quote, or when it was made.
pub(super) async fn check_agreed<C: ConnectionTrait>(
    db: &C,
    before: &Order,
    after: &Order,
    now: Moment,
) -> Result<(), Error> {
    let (was, would_be) = (before.facts(), after.facts());
    let dearer = would_be.amount > was.amount || would_be.currency != was.currency;
    // What cannot be told is no less than anything.
    let cheaper = was.discount.is_some_and(|was| would_be.discount.is_none_or(|discount| discount > was));
    if !(dearer || cheaper) {
        return Ok(());
    }
    let asking = approval::asking(db, Subject::Quote, &would_be, now.today).await?;
    if asking.is_nobody() {
        return Ok(());
    }
    Err(Error::NotAgreed { order: after.name(), policies: asking.names().join(", ") })
}

/// An approval that holds no more, because its record, which is locked, changed or was closed.
pub(super) async fn cancel(
    work: &mut Work,
    approval: Option<Uuid>,
    (reason, verb): (CancelReason, &str),
    now: Moment,
) -> Result<(), Error> {
    let Some(id) = approval else { return Ok(()) };
    let approval = approval::lock(&work.tx, id).await?;
    let stands = matches!(approval.state, State::Pending | State::Approved);
    if stands { told(work, &[approval], reason, verb, now).await } else { Ok(()) }
}

/// The approvals that records waited for which are closed now.
pub(super) async fn cancel_pending(
    work: &mut Work,
    subjects: Vec<String>,
    verb: &str,
    now: Moment,
) -> Result<(), Error> {
    if subjects.is_empty() {
        return Ok(());
    }
    let pending = approval::pending_of(&work.tx, subjects).await?;
    told(work, &pending, CancelReason::SubjectClosed, verb, now).await
}

async fn told(
    work: &mut Work,
    approvals: &[Model],
    reason: CancelReason,
    verb: &str,
    now: Moment,
) -> Result<(), Error> {
    for (before, after) in approvals.iter().zip(approval::cancel_all(&work.tx, approvals, reason, now).await?) {
        let answer = after.to_wire()?;
        work.record(change("approval.canceled", verb, Some(before), &after, &answer).reason(reason.to_string()));
    }
    Ok(())
}
