//! The delivery states as one pure, total function: [`next`], the table of `erp-handoff.md` §4.

use super::breaker::Health;
use super::record::State;

/// What was seen of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The ERP has it: accepted, replayed, or found under its external id with the same bytes.
    Accepted,
    /// The ERP refused it, with reasons.
    Rejected,
    /// The ERP took it and decides later.
    Pending,
    /// The ERP wants its order first: FAILED_PRECONDITION, DEPENDENCY_MISSING.
    DependencyMissing,
    /// The submission did not leave this house: UNAVAILABLE before sending.
    NotSent,
    /// The ERP takes no more calls now: RESOURCE_EXHAUSTED.
    Exhausted,
    /// The submission may have had an effect: DEADLINE_EXCEEDED, UNKNOWN, INTERNAL, CANCELLED, a reset after sending.
    Lost,
    /// Our own fault: INVALID_ARGUMENT, OUT_OF_RANGE, UNIMPLEMENTED.
    Faulty,
    /// We are not let in: UNAUTHENTICATED, PERMISSION_DENIED.
    Denied,
    /// The external id stands for other bytes: ALREADY_EXISTS, or found with another hash.
    Conflict,
    /// The look-up says for certain that the ERP does not have it: NOT_FOUND.
    Absent,
    /// The look-up got no answer.
    Silent,
    /// The worker that held it is gone.
    LeaseRanOut,
    /// The order that it waits for is delivered.
    OrderDelivered,
}

/// What is known of the document before it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Attempts that count, before this one.
    pub attempts: i32,
    /// How many it may have.
    pub budget: i32,
    /// It fails again and again, this time included, while others pass.
    pub poisonous: bool,
    /// An earlier submission may have had an effect, and no look-up has said otherwise.
    pub unsure: bool,
    /// The breaker is open: no document loses attempts.
    pub open: bool,
}

/// When it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not by itself.
    Never,
    /// At once.
    Now,
    /// By the retry schedule; a RetryInfo of the ERP is the least.
    Schedule,
    /// After a while, to ask how the ERP decided.
    Poll,
    /// When its order is delivered; after a while it is tried anyway, for our books may be ahead of the ERP's.
    Dependency,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The state that follows.
    pub state: State,
    /// When it goes on.
    pub wait: Wait,
    /// Whether an attempt is spent.
    pub attempt: bool,
    /// Whether it was a technical failure of this document: what makes it poisonous.
    pub failure: bool,
    /// Whether the ERP is asked before the document is sent again.
    pub unsure: bool,
    /// What it says of the target.
    pub health: Health,
}

/// What follows when a document in a state is seen so; `None` where that is none of its business, such as an answer for
/// a document that is not in flight.
pub fn next(state: State, seen: Seen, facts: Facts) -> Option<Step> {
    match (state, seen) {
        (State::Blocked, Seen::OrderDelivered) => Some(settled(State::Ready, Wait::Now)),
        (State::InFlight, Seen::LeaseRanOut) => {
            Some(Step { unsure: true, health: Health::Busy, ..settled(State::Uncertain, Wait::Now) })
        }
        (State::InFlight, seen) => in_flight(seen, facts),
        _ => None,
    }
}

fn in_flight(seen: Seen, facts: Facts) -> Option<Step> {
    let step = match seen {
        Seen::Accepted => settled(State::Delivered, Wait::Never),
        Seen::Rejected => settled(State::Rejected, Wait::Never),
        Seen::Pending => Step { unsure: true, ..settled(State::RetryWait, Wait::Poll) },
        Seen::DependencyMissing => settled(State::Blocked, Wait::Dependency),
        // Whether the ERP has it stays as open as it was; under a conflict it has something.
        Seen::Faulty => Step { unsure: facts.unsure, ..settled(State::DeadLettered, Wait::Never) },
        Seen::Conflict => Step { unsure: true, ..settled(State::DeadLettered, Wait::Never) },
        Seen::Absent => settled(State::Ready, Wait::Now),
        Seen::Denied => {
            let state = if facts.unsure { State::Uncertain } else { State::Ready };
            Step { unsure: facts.unsure, health: Health::Denied, ..settled(state, Wait::Now) }
        }
        Seen::NotSent => failed(State::RetryWait, facts.unsure, Health::Failing, facts),
        Seen::Exhausted => failed(State::RetryWait, facts.unsure, Health::Busy, facts),
        Seen::Lost => failed(State::Uncertain, true, Health::Failing, facts),
        Seen::Silent => failed(State::RetryWait, true, Health::Failing, facts),
        Seen::LeaseRanOut | Seen::OrderDelivered => return None,
    };
    Some(step)
}

/// The target did its work, and no attempt is lost.
fn settled(state: State, wait: Wait) -> Step {
    Step { state, wait, attempt: false, failure: false, unsure: false, health: Health::Alive }
}

/// Tried in vain: later again, as long as the budget lasts and the fault may not be the document's own.
fn failed(state: State, unsure: bool, health: Health, facts: Facts) -> Step {
    let failure = health == Health::Failing;
    let spent = !facts.open && (facts.attempts.saturating_add(1) >= facts.budget || (failure && facts.poisonous));
    let (state, wait) = if spent { (State::DeadLettered, Wait::Never) } else { (state, Wait::Schedule) };
    Step { state, wait, attempt: !facts.open, failure, unsure, health }
}

#[cfg(test)]
mod tests {
    use dealflow_chassis::Lifecycle;

    use super::*;

    const SEEN: [Seen; 14] = [
        Seen::Accepted,
        Seen::Rejected,
        Seen::Pending,
        Seen::DependencyMissing,
        Seen::NotSent,
        Seen::Exhausted,
        Seen::Lost,
        Seen::Faulty,
        Seen::Denied,
        Seen::Conflict,
        Seen::Absent,
        Seen::Silent,
        Seen::LeaseRanOut,
        Seen::OrderDelivered,
    ];
    const FRESH: Facts = Facts { attempts: 0, budget: 14, poisonous: false, unsure: false, open: false };

    fn after(seen: Seen, facts: Facts) -> Option<(State, bool, bool)> {
        next(State::InFlight, seen, facts).map(|step| (step.state, step.attempt, step.unsure))
    }

    #[test]
    fn r_erp_1_every_answer_leads_where_the_table_says() {
        // seen, state, costs an attempt, asks before it sends again
        let table = [
            (Seen::Accepted, State::Delivered, false, false),
            (Seen::Rejected, State::Rejected, false, false),
            (Seen::Pending, State::RetryWait, false, true),
            (Seen::DependencyMissing, State::Blocked, false, false),
            (Seen::NotSent, State::RetryWait, true, false),
            (Seen::Exhausted, State::RetryWait, true, false),
            (Seen::Lost, State::Uncertain, true, true),
            (Seen::Faulty, State::DeadLettered, false, false),
            (Seen::Denied, State::Ready, false, false),
            (Seen::Conflict, State::DeadLettered, false, true),
            (Seen::Absent, State::Ready, false, false),
            (Seen::Silent, State::RetryWait, true, true),
            (Seen::LeaseRanOut, State::Uncertain, false, true),
        ];
        for (seen, state, attempt, unsure) in table {
            assert_eq!(after(seen, FRESH), Some((state, attempt, unsure)), "{seen:?}");
        }
    }

    #[test]
    fn r_erp_1_only_a_document_in_flight_has_answers_and_only_a_blocked_one_waits_for_its_order() {
        for state in State::STATES.iter().copied() {
            for seen in SEEN {
                let concerns = match state {
                    State::InFlight => seen != Seen::OrderDelivered,
                    State::Blocked => seen == Seen::OrderDelivered,
                    _ => false,
                };
                assert_eq!(next(state, seen, FRESH).is_some(), concerns, "{state} {seen:?}");
            }
        }
        assert_eq!(next(State::Blocked, Seen::OrderDelivered, FRESH).map(|step| step.state), Some(State::Ready));
    }

    #[test]
    fn r_erp_1_no_document_loses_an_attempt_while_the_breaker_is_open() {
        let open = Facts { open: true, attempts: 13, poisonous: true, ..FRESH };
        for seen in SEEN {
            let Some(step) = next(State::InFlight, seen, open) else { continue };
            assert!(!step.attempt, "{seen:?}");
            assert_eq!(step.state == State::DeadLettered, matches!(seen, Seen::Faulty | Seen::Conflict), "{seen:?}");
        }
    }

    #[test]
    fn r_erp_1_a_spent_budget_and_poison_end_in_the_dead_letters_and_nothing_else_does() {
        let last = Facts { attempts: 13, ..FRESH };
        let poison = Facts { poisonous: true, ..FRESH };
        let failures = [Seen::NotSent, Seen::Exhausted, Seen::Lost, Seen::Silent];
        for seen in SEEN {
            let ours = matches!(seen, Seen::Faulty | Seen::Conflict);
            let dead = |facts| after(seen, facts).is_some_and(|(state, ..)| state == State::DeadLettered);
            assert_eq!(dead(last), ours || failures.contains(&seen), "{seen:?}");
            let technical = failures.contains(&seen) && seen != Seen::Exhausted;
            assert_eq!(dead(poison), ours || technical, "{seen:?}: a busy target says nothing of the document");
            assert_eq!(dead(Facts { attempts: 12, ..FRESH }), ours, "{seen:?}");
        }
    }

    #[test]
    fn r_erp_1_an_uncertain_document_stays_so_until_a_look_up_answers() {
        let unsure = Facts { unsure: true, ..FRESH };
        for (seen, still) in [
            (Seen::Silent, true),
            (Seen::Exhausted, true),
            (Seen::NotSent, true),
            (Seen::Denied, true),
            (Seen::Lost, true),
            (Seen::Faulty, true),
            (Seen::Conflict, true),
            (Seen::Absent, false),
            (Seen::Accepted, false),
            (Seen::Rejected, false),
        ] {
            assert_eq!(after(seen, unsure).map(|(.., unsure)| unsure), Some(still), "{seen:?}");
        }
        assert_eq!(after(Seen::Denied, unsure).map(|(state, ..)| state), Some(State::Uncertain));
    }
}
