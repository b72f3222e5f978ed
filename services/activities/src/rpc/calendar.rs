//! The calendar: by people and interval, and as a file for calendar programs.

use dealflow_chassis::list;
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Refusal, Store};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::calendar_service_server::CalendarService;
use dealflow_proto::names;
use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::wanted;
use crate::error::Error;
use crate::{activity, calendar, employee, ics, wire};

/// The service of calendars.
#[derive(Clone)]
pub struct Calendars {
    store: Store,
}

impl Calendars {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl CalendarService for Calendars {
    async fn list_calendar(
        &self,
        request: Request<pb::ListCalendarRequest>,
    ) -> Result<Response<pb::ListCalendarResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let owners = ask.owners.iter().map(|name| owner_of(name, "owners")).collect::<Result<Vec<_>, _>>()?;
        if let Some(other) = owners.iter().find(|owner| !sight.sees_own_of(**owner)) {
            return Err(Refusal::missing(&names::EMPLOYEES.name(*other)).into());
        }
        let moment = |field: &str, sent| wire::moment(field, sent)?.ok_or_else(|| Refusal::field(field, "is required"));
        let from = moment("start_time", ask.start_time.as_ref())?;
        let until = moment("end_time", ask.end_time.as_ref())?;
        if until <= from {
            return Err(Refusal::field("end_time", "later than start_time").into());
        }
        let found = calendar::between(&owners, from, until, ask.show_canceled);
        let page = list::list(self.store.reader(), found, &activity::BY_TIME, wanted!(ask)).await;
        let page = page.map_err(Error::from)?;
        let now = self.store.clock().now();
        let entries = page.items.iter().map(|activity| pb::CalendarEntry {
            activity: Some(wire::activity::answer(activity, now)),
            start_time: activity.calendar_start.and_then(wire::time),
            end_time: activity.calendar_end.and_then(wire::time),
        });
        let entries = entries.collect();
        Ok(Response::new(pb::ListCalendarResponse { entries, next_page_token: page.next_page_token }))
    }

    async fn share_calendar(
        &self,
        request: Request<pb::ShareCalendarRequest>,
    ) -> Result<Response<pb::ShareCalendarResponse>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ShareCalendarRequest| async move {
                let owner = employee::get_seen(&work.tx, &ask.owner, &work.context.sight).await?;
                let share = calendar::Model::new(owner.id, work.now);
                calendar::share(&work.tx, &share).await?;
                // The event says that it was shared, not the secret: whoever reads the feed may not read the calendar.
                work.record(Change::new("calendar.shared", owner.name(), "ShareCalendar"));
                let path = format!("/calendar/{}/{}.ics", owner.id, share.token);
                let answer = pb::ShareCalendarResponse { owner: owner.name(), token: share.token, path };
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn unshare_calendar(
        &self,
        request: Request<pb::UnshareCalendarRequest>,
    ) -> Result<Response<pb::UnshareCalendarResponse>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UnshareCalendarRequest| async move {
                let owner = employee::get_seen(&work.tx, &ask.owner, &work.context.sight).await?;
                if calendar::unshare(&work.tx, owner.id).await? {
                    work.record(Change::new("calendar.unshared", owner.name(), "UnshareCalendar"));
                }
                Ok::<_, Error>(work.done(pb::UnshareCalendarResponse { owner: owner.name() }))
            })
            .await
    }

    async fn get_calendar(
        &self,
        request: Request<pb::GetCalendarRequest>,
    ) -> Result<Response<pb::GetCalendarFeedResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        employee::get_seen(self.store.reader(), &ask.owner, &sight).await?;
        Ok(Response::new(self.file(&ask.owner).await?))
    }

    async fn get_calendar_feed(
        &self,
        request: Request<pb::GetCalendarFeedRequest>,
    ) -> Result<Response<pb::GetCalendarFeedResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let owner = owner_of(&ask.owner, "owner")?;
        calendar::check_secret(self.store.reader(), owner, &ask.token).await?;
        Ok(Response::new(self.file(&ask.owner).await?))
    }
}

impl Calendars {
    /// A calendar as a file.
    async fn file(&self, owner: &str) -> Result<pb::GetCalendarFeedResponse, Error> {
        let db = self.store.reader();
        let employee = employee::get(db, owner).await?;
        let activities = calendar::feed(db, employee.id, self.store.clock().now()).await?;
        let calendar = ics::calendar(&employee.display_name, &activities).into_bytes();
        let etag = Uuid::new_v5(&employee.id, &Sha256::digest(&calendar)).simple().to_string();
        let content_type = "text/calendar; charset=utf-8".to_owned();
        Ok(pb::GetCalendarFeedResponse { content_type, calendar, etag })
    }
}

fn owner_of(name: &str, field: &str) -> Result<Uuid, Refusal> {
    names::EMPLOYEES.parse(name).map_err(|bad| Refusal::field(field, bad.to_string()))
}
