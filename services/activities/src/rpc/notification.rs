//! The notification centre: listed, counted, read, watched; and what people are told when a deal is closed.

use std::pin::Pin;

use dealflow_chassis::feed::Feed;
use dealflow_chassis::link::Link;
use dealflow_chassis::list;
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Refusal, Store};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::notification_service_server::NotificationService;
use dealflow_proto::feed::v1::SubscribeRequest;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::names;
use futures::stream::{self, Stream, StreamExt};
use prost::Message;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};

use super::wanted;
use crate::error::Error;
use crate::notification::{self, CREATED, Column, Entity};
use crate::{employee, hierarchy, schedule, settings, wire};

/// The service of notifications.
#[derive(Clone)]
pub struct Notifications {
    store: Store,
    feed: Link,
}

impl Notifications {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        let feed = Link::local(Feed::server(store.clone()));
        Self { store, feed }
    }
}

type News = Pin<Box<dyn Stream<Item = Result<pb::WatchNotificationsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl NotificationService for Notifications {
    type WatchNotificationsStream = News;

    async fn list_notifications(
        &self,
        request: Request<pb::ListNotificationsRequest>,
    ) -> Result<Response<pb::ListNotificationsResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let recipient = names::EMPLOYEES.parse(&ask.recipient);
        let recipient = recipient.map_err(|bad| Refusal::field("recipient", bad.to_string()))?;
        if !sight.sees_own_of(recipient) {
            return Err(Refusal::missing(&ask.recipient).into());
        }
        let found = if ask.unread_only {
            Entity::find().filter(notification::unread_of(recipient))
        } else {
            Entity::find().filter(Column::Recipient.eq(recipient))
        };
        let page = list::list(self.store.reader(), found, &notification::FIELDS, wanted!(ask)).await;
        let page = page.map_err(Error::from)?;
        let notifications = page.items.iter().map(wire::notification::answer).collect();
        Ok(Response::new(pb::ListNotificationsResponse { notifications, next_page_token: page.next_page_token }))
    }

    async fn get_unread_count(
        &self,
        request: Request<pb::GetUnreadCountRequest>,
    ) -> Result<Response<pb::GetUnreadCountResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let recipient = employee::get_seen(self.store.reader(), &ask.recipient, &sight).await?;
        let unread = notification::unread(self.store.reader(), recipient.id).await?;
        Ok(Response::new(pb::GetUnreadCountResponse { unread: i64::try_from(unread).unwrap_or(i64::MAX) }))
    }

    async fn mark_read(&self, request: Request<pb::MarkReadRequest>) -> Result<Response<pb::Notification>, Status> {
        self.store
            .work(request, |mut work, ask: pb::MarkReadRequest| async move {
                let before = notification::lock(&work.tx, &ask.name).await?;
                if !work.context.sight.sees_own_of(before.recipient) {
                    return Err(Refusal::missing(&ask.name).into());
                }
                work.check_etag(&ask.name, &ask.etag, before.version)?;
                work.take_effect_after(before.created_at)?;
                if before.read_at.is_some() {
                    return Ok(work.done(wire::notification::answer(&before)));
                }
                let read = notification::mark_read(&work.tx, &before, work.now).await?;
                let answer = wire::notification::answer(&read);
                let change = Change::new("notification.read", read.name(), "MarkRead").thread(&answer.recipient);
                work.record(change.data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn mark_all_read(
        &self,
        request: Request<pb::MarkAllReadRequest>,
    ) -> Result<Response<pb::MarkAllReadResponse>, Status> {
        self.store
            .work(request, |mut work, ask: pb::MarkAllReadRequest| async move {
                let recipient = employee::get_seen(&work.tx, &ask.recipient, &work.context.sight).await?;
                let marked = notification::mark_all_read(&work.tx, recipient.id, work.now).await?;
                let answer = pb::MarkAllReadResponse { marked: i64::try_from(marked).unwrap_or(i64::MAX) };
                if marked > 0 {
                    work.record(Change::new("notification.all_read", recipient.name(), "MarkAllRead").data(&answer));
                }
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    /// The feed of the recipient's thread: what is numbered there is neither skipped nor doubled (R-API-2).
    async fn watch_notifications(
        &self,
        request: Request<pb::WatchNotificationsRequest>,
    ) -> Result<Response<News>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let recipient = employee::get_seen(self.store.reader(), &ask.recipient, &sight).await?;
        let after_position = if ask.new_only { self.head().await? } else { ask.after_position };
        let wanted = SubscribeRequest {
            after_position,
            types: vec![CREATED.to_owned()],
            follow: true,
            thread: recipient.name(),
            ..SubscribeRequest::default()
        };
        let batches = FeedServiceClient::new(self.feed.clone()).subscribe(wanted).await?.into_inner();
        let news = batches.flat_map(|batch| {
            stream::iter(match batch {
                Ok(batch) => batch.events.into_iter().map(told).collect(),
                Err(status) => vec![Err(status)],
            })
        });
        let bookmark = pb::WatchNotificationsResponse { notification: None, position: after_position };
        let bookmark = stream::iter(ask.new_only.then_some(Ok(bookmark)));
        Ok(Response::new(bookmark.chain(news).boxed()))
    }

    async fn notify_deal_closed(
        &self,
        request: Request<pb::NotifyDealClosedRequest>,
    ) -> Result<Response<pb::NotifyDealClosedResponse>, Status> {
        let clock = self.store.clock().now();
        self.store
            .work(request, move |mut work, ask: pb::NotifyDealClosedRequest| async move {
                let owner = wire::id(names::EMPLOYEES, "owner", &ask.owner)?;
                let asked = settings::CLOSE_NOTIFICATION_RECIPIENTS.read(&work).await?;
                let mut recipients = Vec::new();
                if asked.iter().any(|who| who == settings::OWNER) {
                    recipients.extend(owner);
                }
                if let Some(owner) = owner
                    && asked.iter().any(|who| who == settings::OWNER_MANAGER)
                {
                    recipients.extend(hierarchy::managers(&work.tx, owner).await?.first().map(|manager| manager.id));
                }
                let news = wire::notification::closed(&ask, &recipients)?;
                schedule::release(&work.tx, &ask.opportunity).await?;
                let told = notification::tell(&mut work, clock, news, "NotifyDealClosed").await?;
                let notifications = told.iter().map(wire::notification::answer).collect();
                Ok::<_, Error>(work.done(pb::NotifyDealClosedResponse { notifications }))
            })
            .await
    }
}

impl Notifications {
    /// Where the feed ends now: what comes later stands behind it.
    async fn head(&self) -> Result<i64, Status> {
        let nothing = SubscribeRequest { types: vec!["nothing.at_all".to_owned()], ..SubscribeRequest::default() };
        let mut feed = FeedServiceClient::new(self.feed.clone()).subscribe(nothing).await?.into_inner();
        Ok(feed.message().await?.map(|bookmark| bookmark.position).unwrap_or_default())
    }
}

/// An event of the feed as its reader gets it.
fn told(event: dealflow_proto::feed::v1::Event) -> Result<pb::WatchNotificationsResponse, Status> {
    let data = event.data.map(|data| data.value).unwrap_or_default();
    let notification = pb::Notification::decode(data.as_slice()).map_err(Refusal::internal)?;
    Ok(pb::WatchNotificationsResponse { notification: Some(notification), position: event.position })
}
