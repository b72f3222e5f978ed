//! Activities: made by hand or by a stage, begun, put off, given away, completed, canceled.

use chrono::{DateTime, Utc};
use dealflow_chassis::list;
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Done, Mask, Refusal, Store, Work};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::activity_service_server::ActivityService;
use sea_orm::{EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};

use super::wanted;
use crate::activity::{self, Model, Verb};
use crate::error::Error;
use crate::notification::{self, News};
use crate::{category, employee, knowledge, schedule, seen, settings, stage, wire};

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

    fn clock(&self) -> DateTime<Utc> {
        self.store.clock().now()
    }
}

#[tonic::async_trait]
impl ActivityService for Activities {
    async fn create_activity(
        &self,
        request: Request<pb::CreateActivityRequest>,
    ) -> Result<Response<pb::Activity>, Status> {
        let clock = self.clock();
        self.store
            .work(request, move |mut work, ask: pb::CreateActivityRequest| async move {
                let sent = ask.activity.unwrap_or_default();
                let asked = wire::activity::results(sent.allowed_results.clone());
                let mut activity = wire::activity::manual(sent, &work.context.actor, work.now)?;
                if let Some(category) = activity.category {
                    let category = category::in_use(&work.tx, category).await?;
                    activity.allowed_results = category.results("activity.allowed_results", asked)?;
                }
                employee::check_works(&work.tx, activity.performer).await?;
                knowledge::check_known(&work.tx, &activity.knowledge.0).await?;
                let activity = activity.timed(settings::reminder_minutes(&work).await?, clock);
                activity::insert(&work.tx, std::slice::from_ref(&activity)).await?;
                let answer = wire::activity::answer(&activity, work.now);
                let change = Change::new("activity.created", activity.name(), "CreateActivity");
                work.record(change.thread(activity.thread()).states("", activity.state).data(&answer));
                let news = News::assigned(&activity, &work.context.actor).into_iter().collect();
                notification::tell(&mut work, clock, news, "CreateActivity").await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_activity(&self, request: Request<pb::GetActivityRequest>) -> Result<Response<pb::Activity>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let activity = activity::get(self.store.reader(), &ask.name, &sight).await?;
        Ok(Response::new(wire::activity::answer(&activity, self.clock())))
    }

    async fn list_activities(
        &self,
        request: Request<pb::ListActivitiesRequest>,
    ) -> Result<Response<pb::ListActivitiesResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let seen = activity::Entity::find().filter(seen::activities(&sight));
        let page = list::list(self.store.reader(), seen, &activity::FIELDS, wanted!(ask)).await.map_err(Error::from)?;
        let activities = wire::activity::answers(&page.items, self.clock());
        Ok(Response::new(pb::ListActivitiesResponse { activities, next_page_token: page.next_page_token }))
    }

    async fn update_activity(
        &self,
        request: Request<pb::UpdateActivityRequest>,
    ) -> Result<Response<pb::Activity>, Status> {
        let clock = self.clock();
        self.store
            .work(request, move |mut work, ask: pb::UpdateActivityRequest| async move {
                let news = ask.activity.unwrap_or_default();
                let mask = Mask::of(ask.update_mask, wire::activity::KNOWN)?;
                let before = open(&mut work, &news.name, &ask.etag).await?;
                let activity = before.clone().update(work.now)?;
                let mut activity = wire::activity::take_over(activity, news, &mask)?;
                if activity.category != before.category
                    && let Some(category) = activity.category
                {
                    activity.allowed_results = category::in_use(&work.tx, category).await?.allowed_results;
                }
                if activity.knowledge != before.knowledge {
                    knowledge::check_known(&work.tx, &activity.knowledge.0).await?;
                }
                if wire::activity::is_moved(&before, &activity) {
                    activity = activity.timed(settings::reminder_minutes(&work).await?, clock);
                }
                let change = Change::new("activity.updated", activity.name(), "UpdateActivity");
                saved(work, &before, activity, change).await
            })
            .await
    }

    async fn start_activity(
        &self,
        request: Request<pb::StartActivityRequest>,
    ) -> Result<Response<pb::Activity>, Status> {
        self.store
            .work(request, |mut work, ask: pb::StartActivityRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let began = wire::moment("start_time", ask.start_time.as_ref())?.unwrap_or(work.now);
                let activity = before.clone().start(began, work.now)?;
                employee::check_may(&work.tx, &before, Verb::StartActivity, &work.context.actor).await?;
                let change = Change::new("activity.started", activity.name(), "StartActivity");
                saved(work, &before, activity, change).await
            })
            .await
    }

    async fn defer_activity(
        &self,
        request: Request<pb::DeferActivityRequest>,
    ) -> Result<Response<pb::Activity>, Status> {
        self.store
            .work(request, |mut work, ask: pb::DeferActivityRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let activity = before.clone().defer(wire::activity::until(ask.until_time.as_ref())?, work.now)?;
                let change = Change::new("activity.deferred", activity.name(), "DeferActivity").reason(ask.comment);
                saved(work, &before, activity, change).await
            })
            .await
    }

    async fn wait_for_activity(
        &self,
        request: Request<pb::WaitForActivityRequest>,
    ) -> Result<Response<pb::Activity>, Status> {
        self.store
            .work(request, |mut work, ask: pb::WaitForActivityRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let activity = before.clone().wait(wire::activity::until(ask.until_time.as_ref())?, work.now)?;
                let change = Change::new("activity.waiting", activity.name(), "WaitForActivity").reason(ask.comment);
                saved(work, &before, activity, change).await
            })
            .await
    }

    async fn reopen_activity(
        &self,
        request: Request<pb::ReopenActivityRequest>,
    ) -> Result<Response<pb::Activity>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ReopenActivityRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let activity = before.clone().reopen(work.now)?;
                let change = Change::new("activity.reopened", activity.name(), "ReopenActivity");
                saved(work, &before, activity, change).await
            })
            .await
    }

    async fn reassign_activity(
        &self,
        request: Request<pb::ReassignActivityRequest>,
    ) -> Result<Response<pb::Activity>, Status> {
        let clock = self.clock();
        self.store
            .work(request, move |mut work, ask: pb::ReassignActivityRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let performer = wire::id(dealflow_proto::names::EMPLOYEES, "performer", &ask.performer)?;
                let performer = performer.ok_or_else(|| Refusal::field("performer", "is required"))?;
                let activity = before.clone().reassign(performer, work.now)?;
                employee::check_may(&work.tx, &before, Verb::ReassignActivity, &work.context.actor).await?;
                employee::check_works(&work.tx, activity.performer).await?;
                let change = Change::new("activity.reassigned", activity.name(), "ReassignActivity");
                let change = change.reason(ask.comment.as_str());
                let (activity, answer) = save(&mut work, &before, activity, change).await?;
                let actor = work.context.actor.as_str();
                let news = [News::assigned(&activity, actor), News::taken(&before, &ask.comment, actor)];
                let news = news.into_iter().flatten().collect();
                notification::tell(&mut work, clock, news, "ReassignActivity").await?;
                Ok::<_, Error>(work.done(answer))
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
                employee::check_may(&work.tx, &before, Verb::CompleteActivity, &work.context.actor).await?;
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
        const VERB: &str = "SyncStageActivities";
        let clock = self.clock();
        self.store
            .work(request, move |mut work, ask: pb::SyncStageActivitiesRequest| async move {
                let reason = wire::activity::cancel_reason(ask.cancel_reason());
                let categories = ask.categories.clone();
                let (entry, mut planned) = wire::activity::plan(ask, &work.context.actor, work.now)?;
                if !entry.advance(&work.tx).await? {
                    return Ok(work.done(pb::SyncStageActivitiesResponse::default()));
                }
                if !planned.is_empty() {
                    stage::with_categories(&work.tx, &mut planned, &categories).await?;
                    let usual = settings::reminder_minutes(&work).await?;
                    planned = planned.into_iter().map(|activity| activity.timed(usual, clock)).collect();
                }
                let synced = entry.sync(&work.tx, planned, reason, work.now).await?;
                for (activity, state, since) in &synced.canceled {
                    let change = Change::new("activity.canceled", activity.name(), VERB)
                        .thread(activity.thread())
                        .states(state, activity.state)
                        .since(*since)
                        .reason(reason);
                    work.record(change.data(&wire::activity::answer(activity, work.now)));
                }
                for activity in &synced.created {
                    let change = Change::new("activity.created", activity.name(), VERB)
                        .thread(activity.thread())
                        .states("", activity.state);
                    work.record(change.data(&wire::activity::answer(activity, work.now)));
                }
                for activity in &synced.assigned {
                    let change = Change::new("activity.reassigned", activity.name(), VERB)
                        .thread(activity.thread())
                        .states(activity.state, activity.state);
                    work.record(change.data(&wire::activity::answer(activity, work.now)));
                }
                let made = synced.created.iter().chain(&synced.assigned);
                let news = made.filter_map(|made| News::assigned(made, &work.context.actor));
                let news = news.collect();
                notification::tell(&mut work, clock, news, VERB).await?;
                let answer = wire::activity::synced(&synced, work.now);
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn pause_reminders(
        &self,
        request: Request<pb::PauseRemindersRequest>,
    ) -> Result<Response<pb::PauseRemindersResponse>, Status> {
        self.store
            .work(request, |work, ask: pb::PauseRemindersRequest| async move {
                wire::activity::check_regarding("regarding", &ask.regarding)?;
                let said = schedule::Model { regarding: ask.regarding, version: ask.version, paused: ask.paused };
                let paused = said.note(&work.tx).await?;
                Ok::<_, Error>(work.done(pb::PauseRemindersResponse { paused }))
            })
            .await
    }

    async fn run_schedule(
        &self,
        request: Request<pb::RunScheduleRequest>,
    ) -> Result<Response<pb::RunScheduleResponse>, Status> {
        const VERB: &str = "RunSchedule";
        let clock = self.clock();
        self.store
            .work(request, move |mut work, _: pb::RunScheduleRequest| async move {
                let now = work.now;
                let reopened = schedule::bring_back(&work.tx, now).await?;
                for (before, after) in &reopened {
                    let change = Change::new("activity.reopened", after.name(), VERB)
                        .thread(after.thread())
                        .states(before.state, after.state)
                        .since(before.state_since);
                    work.record(change.data(&wire::activity::answer(after, now)));
                }
                let reminded = schedule::claim_reminders(&work.tx, now).await?;
                let news = reminded.iter().filter_map(News::reminder).collect();
                notification::tell(&mut work, clock, news, VERB).await?;
                let answer = pb::RunScheduleResponse {
                    reminded: wire::activity::answers(&reminded, now),
                    reopened: reopened.iter().map(|(_, after)| wire::activity::answer(after, now)).collect(),
                    more: schedule::is_due(&work.tx, now).await?,
                };
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}

/// The activity that a request means to change: locked, of the version that the caller saw, not changed since.
async fn open(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let activity = activity::lock(&work.tx, name, &work.context.sight).await?;
    work.check_etag(name, etag, activity.version)?;
    work.take_effect_after(activity.updated_at)?;
    Ok(activity)
}

async fn saved(mut work: Work, before: &Model, activity: Model, change: Change) -> Result<Done<pb::Activity>, Error> {
    let (_, answer) = save(&mut work, before, activity, change).await?;
    Ok(work.done(answer))
}

async fn save(
    work: &mut Work,
    before: &Model,
    activity: Model,
    change: Change,
) -> Result<(Model, pb::Activity), Error> {
    let activity = activity::save(&work.tx, before, activity, work.now).await?;
    let answer = wire::activity::answer(&activity, work.now);
    let change = change.thread(activity.thread()).states(before.state, activity.state).since(before.state_since);
    work.record(change.data(&answer));
    Ok((activity, answer))
}
