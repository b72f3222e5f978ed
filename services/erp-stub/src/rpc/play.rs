//! How faults are played: before a document is looked at, and after it is booked.

use std::time::Duration;

use dealflow_proto::erp::v1::{Fault, FaultKind, Outcome};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::booking::Verdict;
use crate::checks;

/// What a fault does before the document is looked at.
pub(super) async fn before(fault: &Fault) -> Result<(), Status> {
    match fault.kind() {
        FaultKind::ErrorBeforeCommit => Err(Status::unavailable("the stub fails before it books")),
        FaultKind::Outage | FaultKind::Flapping => Err(Status::unavailable("the stub is away")),
        FaultKind::Poison => Err(Status::internal("the stub chokes on this document")),
        FaultKind::Unauthenticated => Err(Status::unauthenticated("the credential has expired")),
        FaultKind::RateLimit => {
            let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(1)));
            Err(Status::with_error_details(Code::ResourceExhausted, "the stub takes no more calls now", details))
        }
        FaultKind::Hang => std::future::pending().await,
        FaultKind::Latency => {
            let delay = fault.delay.unwrap_or_default();
            let delay = Duration::try_from(delay).unwrap_or_default().min(Duration::from_secs(60));
            tokio::time::sleep(delay).await;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What a fault says instead of booking.
pub(super) fn instead(fault: &Fault) -> Option<Verdict> {
    match fault.kind() {
        FaultKind::Refuse => {
            let action = "clear the faults of the stub, and replay";
            Some(Verdict::refused(vec![checks::reason("OTH", "", "refused by the plan of faults", action)]))
        }
        FaultKind::WrongAnswer => Some(Verdict { outcome: Outcome::Unspecified, ..Verdict::refused(Vec::new()) }),
        _ => None,
    }
}

/// What a fault does to the answer after the document is booked.
pub(super) fn after(fault: &Fault, verdict: Verdict) -> Result<Verdict, Status> {
    match fault.kind() {
        FaultKind::LoseAnswer => Err(Status::unknown("the stub booked and lost its answer")),
        FaultKind::ErrorAfterCommit => Err(Status::internal("the stub booked and failed then")),
        _ => Ok(verdict),
    }
}
