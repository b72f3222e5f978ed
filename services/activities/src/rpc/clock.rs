//! The clock of the part: every replica asks each second whether something is due, and has it done.

use std::time::Duration;

use dealflow_chassis::Store;
use dealflow_chassis::context::ACTOR;
use dealflow_proto::activities::v1::RunScheduleRequest;
use dealflow_proto::activities::v1::activity_service_server::ActivityService;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataValue;
use tonic::{Request, Status};
use uuid::Uuid;

use super::activity::Activities;
use crate::schedule;

/// How often a replica looks.
const LOOK: Duration = Duration::from_secs(1);
/// Who does what time asks for, as the history names it.
const CLOCK: &str = "services/activities";

/// Runs the schedule until the stop. A fault is told and tried again: what is due stays due.
pub async fn keep(store: Store, stop: CancellationToken) {
    let activities = Activities::new(store.clone());
    loop {
        if let Err(status) = look(&store, &activities).await {
            tracing::warn!(code = ?status.code(), told = status.message(), "the schedule could not be run; trying again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Does all that is due.
async fn look(store: &Store, activities: &Activities) -> Result<(), Status> {
    while schedule::is_due(store.reader(), store.clock().now()).await? {
        let mut request = Request::new(RunScheduleRequest {
            request_id: Uuid::now_v7().to_string(),
            ..RunScheduleRequest::default()
        });
        request.metadata_mut().insert(ACTOR, MetadataValue::from_static(CLOCK));
        let done = activities.run_schedule(request).await?.into_inner();
        if done.reminded.is_empty() && done.reopened.is_empty() {
            // What is due is another replica's already.
            return Ok(());
        }
    }
    Ok(())
}
