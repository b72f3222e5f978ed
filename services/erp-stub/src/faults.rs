//! The faults that are to come: a plan that the control service sets, played in order.
//!
//! A fault may hit only some calls: which ones follows from the plan's seed, the document and how often it was asked
//! about, and from nothing that two runs could differ in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_proto::erp::v1::{Fault, FaultKind};
use sha2::{Digest, Sha256};

/// The plan; shared by the service that fails and the one that sets it. It does not outlive the process.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    faults: Vec<Planned>,
    seed: i64,
    /// How often each document was asked about, by moment.
    asked: HashMap<(Moment, String), u64>,
}

#[derive(Debug, Clone)]
struct Planned {
    fault: Fault,
    since: DateTime<Utc>,
    /// Hits that are left; `None` until it is cleared.
    left: Option<i32>,
}

/// When a fault may hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// A document comes.
    Submission,
    /// A document is looked up.
    LookUp,
    /// An event is told.
    Event,
}

impl Moment {
    /// Whether this kind of fault is about this moment: look-ups fail only as calls, not as bookings.
    fn knows(self, kind: FaultKind) -> bool {
        use FaultKind::{
            EventDelay, EventDrop, EventDuplicate, EventReorder, Flapping, Latency, Outage, RateLimit, Unauthenticated,
        };
        let of_events = matches!(kind, EventDuplicate | EventReorder | EventDelay | EventDrop);
        match self {
            Self::Event => of_events,
            Self::Submission => !of_events,
            Self::LookUp => matches!(kind, Outage | Latency | RateLimit | Unauthenticated | Flapping),
        }
    }
}

impl Faults {
    /// Replaces the plan.
    pub fn plan(&self, faults: Vec<Fault>, seed: i64, now: DateTime<Utc>) {
        let planned = |fault: Fault| Planned { left: (fault.times > 0).then_some(fault.times), since: now, fault };
        let faults = faults.into_iter().map(planned).collect();
        *self.lock() = Plan { faults, seed, asked: HashMap::new() };
    }

    /// The plan as it stands: `times` is what is left of each.
    pub fn standing(&self) -> Vec<Fault> {
        let plan = self.lock();
        let open = plan.faults.iter().filter(|planned| planned.left != Some(0));
        open.map(|planned| Fault { times: planned.left.unwrap_or_default(), ..planned.fault.clone() }).collect()
    }

    /// The fault that hits this moment of a document, used up by it.
    pub fn hit(&self, external_id: &str, moment: Moment, now: DateTime<Utc>) -> Option<Fault> {
        let mut plan = self.lock();
        if plan.faults.is_empty() {
            return None;
        }
        let nth = plan.asked.entry((moment, external_id.to_owned())).or_default();
        *nth += 1;
        let (nth, seed) = (*nth, plan.seed);
        let mut places = plan.faults.iter_mut().enumerate();
        let (_, hit) = places.find(|(place, planned)| {
            planned.left != Some(0)
                && moment.knows(planned.fault.kind())
                && external_id.contains(&planned.fault.external_id_contains)
                && planned.is_on(now)
                && drawn(&planned.fault, (seed, *place, moment, external_id, nth))
        })?;
        if let Some(left) = &mut hit.left {
            *left -= 1;
        }
        Some(hit.fault.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Planned {
    /// Whether it is its time: before its end, and in the half of its period in which the ERP is away.
    fn is_on(&self, now: DateTime<Utc>) -> bool {
        let span = |it: &Option<prost_types::Duration>| {
            it.as_ref().and_then(|it| TimeDelta::from_std((*it).try_into().ok()?).ok())
        };
        let passed = (now - self.since).max(TimeDelta::zero());
        if span(&self.fault.lasts).is_some_and(|lasts| passed >= lasts) {
            return false;
        }
        if self.fault.kind() != FaultKind::Flapping {
            return true;
        }
        let period = span(&self.fault.period).map_or(1, |it| it.num_milliseconds()).max(1);
        passed.num_milliseconds() % period * 2 < period
    }
}

fn drawn(fault: &Fault, about: (i64, usize, Moment, &str, u64)) -> bool {
    if fault.percent == 0 {
        return true;
    }
    let digest = Sha256::digest(format!("{about:?}").as_bytes());
    let dice = digest.iter().take(4).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    dice % 100 < u64::from(fault.percent.unsigned_abs())
}
