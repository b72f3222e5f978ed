//! Activities: made by hand or by a stage, begun, completed, canceled.

use dealflow_chassis::list::{self, ListRequest};
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Done, Store, Work};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::activity_service_server::ActivityService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};

use crate::activity::{self, Model};
use crate::employee;
use crate::error::Error;
use crate::wire;

/// The service of activities.
#[derive(Clone)]
pub struct Activities {
    store: Store,
}

impl Activities {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl ActivityService for Activities {
    async fn create_activity(
        &self,
        request: Request<pb::CreateActivityRequest>,
    ) -> Result<Response<pb::Activity>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateActivityRequest| async move {
                let sent = ask.activity.unwrap_or_default();
                let activity = wire::activity::manual(sent, &work.context.actor, work.now)?;
                employee::check_known(&work.tx, activity.performer).await?;
                activity::insert(&work.tx, std::slice::from_ref(&activity)).await?;
                let answer = wire::activity::answer(&activity);
                let change = Change::new("activity.created", activity.name(), "CreateActivity");
                work.record(change.thread(activity.thread()).states("", activity.state).data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_activity(&self, request: Request<pb::GetActivityRequest>) -> Result<Response<pb::Activity>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let activity = activity::get(self.store.reader(), &ask.name).await?;
        Ok(Response::new(wire::activity::answer(&activity)))
    }

    async fn list_activities(
        &self,
        request: Request<pb::ListActivitiesRequest>,
    ) -> Result<Response<pb::ListActivitiesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let wanted = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let page = list::list(self.store.reader(), activity::Entity::find(), &activity::FIELDS, wanted)
            .await
            .map_err(Error::from)?;
        let activities = page.items.iter().map(wire::activity::answer).collect();
        Ok(Response::new(pb::ListActivitiesResponse { activities, next_page_token: page.next_page_token }))
    }

    async fn start_activity(
        &self,
        request: Request<pb::StartActivityRequest>,
    ) -> Result<Response<pb::Activity>, Status> {
        self.store
            .work(request, |mut work, ask: pb::StartActivityRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let activity = before.clone().start(work.now)?;
                let change = Change::new("activity.started", activity.name(), "StartActivity");
                saved(work, &before, activity, change).await
            })
            .await
    }

    async fn complete_activity(
        &self,
        request: Request<pb::CompleteActivityRequest>,
    ) -> Result<Response<pb::Activity>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CompleteActivityRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let activity = before.clone().complete(&ask.result, &ask.result_text, ask.actual_minutes, work.now)?;
                employee::check_may_complete(&work.tx, &before, &work.context.actor).await?;
                let change = Change::new("activity.completed", activity.name(), "CompleteActivity");
                let change = change.reason(activity.result.clone());
                saved(work, &before, activity, change).await
            })
            .await
    }

    async fn cancel_activity(
        &self,
        request: Request<pb::CancelActivityRequest>,
    ) -> Result<Response<pb::Activity>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CancelActivityRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let activity = before.clone().cancel_by_user(work.now)?;
                let reason = if ask.comment.is_empty() { activity.cancel_reason.clone() } else { ask.comment };
                let change = Change::new("activity.canceled", activity.name(), "CancelActivity").reason(reason);
                saved(work, &before, activity, change).await
            })
            .await
    }

    async fn sync_stage_activities(
        &self,
        request: Request<pb::SyncStageActivitiesRequest>,
    ) -> Result<Response<pb::SyncStageActivitiesResponse>, Status> {
        self.store
            .work(request, |mut work, ask: pb::SyncStageActivitiesRequest| async move {
                let reason = wire::activity::cancel_reason(ask.cancel_reason());
                let (entry, planned) = wire::activity::plan(ask, &work.context.actor, work.now)?;
                if !entry.advance(&work.tx).await? {
                    return Ok(work.done(pb::SyncStageActivitiesResponse::default()));
                }
                let synced = entry.sync(&work.tx, planned, reason, work.now).await?;
                for (activity, state, since) in &synced.canceled {
                    let change = Change::new("activity.canceled", activity.name(), "SyncStageActivities")
                        .thread(activity.thread())
                        .states(state, activity.state)
                        .since(*since)
                        .reason(reason);
                    work.record(change.data(&wire::activity::answer(activity)));
                }
                for activity in &synced.created {
                    let change = Change::new("activity.created", activity.name(), "SyncStageActivities")
                        .thread(activity.thread())
                        .states("", activity.state);
                    work.record(change.data(&wire::activity::answer(activity)));
                }
                Ok::<_, Error>(work.done(wire::activity::synced(&synced)))
            })
            .await
    }
}

/// The activity that a request means to change: locked, of the version that the caller saw, not changed since.
async fn open(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let activity = activity::lock(&work.tx, name).await?;
    work.check_etag(name, etag, activity.version)?;
    work.take_effect_after(activity.updated_at)?;
    Ok(activity)
}

async fn saved(mut work: Work, before: &Model, activity: Model, change: Change) -> Result<Done<pb::Activity>, Error> {
    let activity = activity::save(&work.tx, before, activity, work.now).await?;
    let answer = wire::activity::answer(&activity);
    let change = change.thread(activity.thread()).states(before.state, activity.state).since(before.state_since);
    work.record(change.data(&answer));
    Ok(work.done(answer))
}
