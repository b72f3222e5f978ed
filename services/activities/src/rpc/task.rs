//! My tasks and the action panel.

use dealflow_chassis::list;
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::check;
use dealflow_chassis::{Refusal, Store};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::task_service_server::TaskService;
use dealflow_proto::names;
use sea_orm::QueryFilter;
use tonic::{Request, Response, Status};

use super::wanted;
use crate::error::Error;
use crate::task::{Bucket, Day};
use crate::{activity, employee, task, wire};

/// The service of tasks.
#[derive(Clone)]
pub struct Tasks {
    store: Store,
}

impl Tasks {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl TaskService for Tasks {
    async fn list_my_tasks(
        &self,
        request: Request<pb::ListMyTasksRequest>,
    ) -> Result<Response<pb::ListMyTasksResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let db = self.store.reader();
        let performer = names::EMPLOYEES.parse(&ask.performer);
        let performer = performer.map_err(|bad| Refusal::field("performer", bad.to_string()))?;
        let day = Day::of(self.store.clock().now(), &ask.time_zone)?;
        employee::get_seen(db, &ask.performer, &sight).await?;
        let open = task::open_of(performer, ask.team, self.store.backend());
        let bucket = match ask.bucket() {
            pb::TaskBucket::Unspecified => None,
            pb::TaskBucket::Overdue => Some(Bucket::Overdue),
            pb::TaskBucket::Today => Some(Bucket::Today),
            pb::TaskBucket::Planned => Some(Bucket::Planned),
        };
        let counts = task::count(db, open.clone(), day).await?;
        let wanted = match bucket {
            Some(bucket) => open.filter(task::is_in(bucket, day)),
            None => open,
        };
        let page = list::list(db, wanted, &activity::BY_DUE, wanted!(ask)).await.map_err(Error::from)?;
        Ok(Response::new(pb::ListMyTasksResponse {
            activities: wire::activity::answers(&page.items, day.now),
            next_page_token: page.next_page_token,
            counts: Some(pb::TaskCounts { overdue: counts.overdue, today: counts.today, planned: counts.planned }),
        }))
    }

    async fn get_action_panel(
        &self,
        request: Request<pb::GetActionPanelRequest>,
    ) -> Result<Response<pb::GetActionPanelResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        wire::activity::check_regarding("regarding", &ask.regarding)?;
        let open = activity::panel(self.store.reader(), &ask.regarding, &sight).await?;
        let activities = wire::activity::answers(&open, self.store.clock().now());
        Ok(Response::new(pb::GetActionPanelResponse { activities }))
    }
}
