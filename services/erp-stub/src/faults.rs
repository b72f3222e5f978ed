//! The faults that are to come: a plan that the control service sets, played in order.

use std::sync::{Arc, Mutex, PoisonError};

use dealflow_proto::erp::v1::{Fault, FaultKind};

/// The plan; shared by the service that fails and the one that sets it. It does not outlive the process.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Planned>>>);

#[derive(Debug, Clone)]
struct Planned {
    fault: Fault,
    /// Hits that are left; `None` until it is cleared.
    left: Option<i32>,
}

impl Faults {
    /// Replaces the plan.
    pub fn plan(&self, faults: Vec<Fault>) {
        let planned = faults.into_iter().map(|fault| Planned { left: (fault.times > 0).then_some(fault.times), fault });
        *self.lock() = planned.collect();
    }

    /// The plan as it stands: `times` is what is left of each.
    pub fn standing(&self) -> Vec<Fault> {
        let still = self.lock();
        let open = still.iter().filter(|planned| planned.left != Some(0));
        open.map(|planned| Fault { times: planned.left.unwrap_or_default(), ..planned.fault.clone() }).collect()
    }

    /// The fault that hits a call about a document, used up by it. A look-up is hit only by an outage or latency: the
    /// other faults are about booking.
    pub fn hit(&self, external_id: &str, look_up: bool) -> Option<Fault> {
        let mut plan = self.lock();
        let hit = plan.iter_mut().find(|planned| {
            let kind = planned.fault.kind();
            planned.left != Some(0)
                && external_id.contains(&planned.fault.external_id_contains)
                && (!look_up || matches!(kind, FaultKind::Outage | FaultKind::Latency | FaultKind::RateLimit))
        })?;
        if let Some(left) = &mut hit.left {
            *left -= 1;
        }
        Some(hit.fault.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Planned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
