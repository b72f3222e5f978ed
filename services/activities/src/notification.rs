//! What people are told (R-ACT-4, R-OPP-4): each piece of news once to each person, in the transaction that makes it so.
//!
//! Why somebody is told is written down as a key that is unique in the database: whatever is repeated, raced or crashed,
//! the same reason makes no second notification. Each is an event of its recipient's thread, which is what the live
//! stream follows.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_chassis::list::Fields;
use dealflow_chassis::{Change, Refusal, Work, rows};
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveEnum, DeriveActiveEnum, ExprTrait, IntoActiveModel, QuerySelect};

use crate::activity::{self, Verb};
use crate::employee;
use crate::error::Error;
use crate::wire;

/// What is older when it is told is no news: a history that is taken over from another system tells nobody.
const NEWS: TimeDelta = TimeDelta::days(1);

/// The event that a new notification is.
pub const CREATED: &str = "notification.created";

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notification")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The etag.
    pub version: i64,
    /// When it was told.
    pub created_at: DateTime<Utc>,
    /// Who is told.
    pub recipient: Uuid,
    /// What it is about.
    pub kind: Kind,
    /// The news in one line.
    pub title: String,
    /// What else there is to say.
    pub text: String,
    /// The record's resource name.
    pub regarding: String,
    /// The deal that the record belongs to; empty for none.
    pub deal: String,
    /// When it was read; none while it is unread.
    pub read_at: Option<DateTime<Utc>>,
    /// Why the recipient is told; unique.
    pub dedup: String,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Kind {
    /// A new activity is the recipient's to do.
    #[sea_orm(string_value = "ACTIVITY_ASSIGNED")]
    ActivityAssigned,
    /// An activity is due soon.
    #[sea_orm(string_value = "REMINDER")]
    Reminder,
    /// A deal was won.
    #[sea_orm(string_value = "DEAL_WON")]
    DealWon,
    /// A deal was lost.
    #[sea_orm(string_value = "DEAL_LOST")]
    DealLost,
    /// An activity is somebody else's now.
    #[sea_orm(string_value = "ACTIVITY_TAKEN")]
    ActivityTaken,
}

/// What the list of notifications lets be filtered and sorted; each order has its index in `m0003_notifications`.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .time("create_time", Column::CreatedAt)
        .variants("kind", Column::Kind, |kind: &Kind| kind.to_value().into())
        .filter_only()
        .text("title", Column::Title)
        .filter_only()
        .text("regarding", Column::Regarding)
        .filter_only()
        .text("deal", Column::Deal)
        .filter_only()
        .time("read_time", Column::ReadAt)
        .filter_only()
        .default_order("create_time desc")
});

/// A notification that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Who is told.
    pub recipient: Uuid,
    /// What it is about.
    pub kind: Kind,
    /// In one line.
    pub title: String,
    /// What else there is to say.
    pub text: String,
    /// The record.
    pub regarding: String,
    /// The deal that it belongs to.
    pub deal: String,
    /// Why: the same reason tells once.
    pub reason: String,
}

impl Model {
    /// Its resource name.
    pub fn name(&self) -> String {
        names::NOTIFICATIONS.name(self.id)
    }
}

impl News {
    /// That an activity is somebody's to do; none where nobody is to do it, or who made it does it.
    pub fn assigned(activity: &activity::Model, actor: &str) -> Option<Self> {
        let performer = activity.performer.filter(|performer| names::EMPLOYEES.name(*performer) != actor)?;
        Some(Self {
            reason: format!("assigned/{}/{}", activity.id, activity.version),
            title: activity.subject.clone(),
            text: activity.instructions.clone(),
            ..Self::of(activity, performer, Kind::ActivityAssigned)
        })
    }

    /// That an activity was somebody's; none where nobody had it, or who had it gave it away.
    pub fn taken(before: &activity::Model, comment: &str, actor: &str) -> Option<Self> {
        let performer = before.performer.filter(|performer| names::EMPLOYEES.name(*performer) != actor)?;
        Some(Self {
            reason: format!("{}/{}/{}", Verb::ReassignActivity, before.id, before.version),
            title: before.subject.clone(),
            text: comment.to_owned(),
            ..Self::of(before, performer, Kind::ActivityTaken)
        })
    }

    /// That an activity is due soon; none where nobody is to do it.
    pub fn reminder(activity: &activity::Model) -> Option<Self> {
        let at = activity.remind_at?;
        let due = activity.planned_start_at.or(activity.due_at)?;
        Some(Self {
            reason: format!("reminder/{}/{}", activity.id, at.timestamp_micros()),
            title: activity.subject.clone(),
            text: format!("due {}", due.format("%Y-%m-%d %H:%M UTC")),
            ..Self::of(activity, activity.performer?, Kind::Reminder)
        })
    }

    fn of(activity: &activity::Model, recipient: Uuid, kind: Kind) -> Self {
        Self {
            recipient,
            kind,
            title: String::new(),
            text: String::new(),
            regarding: activity.name(),
            deal: activity.deal().to_owned(),
            reason: String::new(),
        }
    }
}

/// Tells people, in the transaction at hand: those who are here, each reason once. Answers what was told anew. `clock`
/// is the present: what took effect long before it is no news.
pub async fn tell(work: &mut Work, clock: DateTime<Utc>, news: Vec<News>, verb: &str) -> Result<Vec<Model>, Error> {
    if news.is_empty() || work.now < clock - NEWS {
        return Ok(Vec::new());
    }
    let mut recipients: Vec<Uuid> = news.iter().map(|news| news.recipient).collect();
    recipients.sort_unstable();
    recipients.dedup();
    let here = employee::active(&work.tx, &recipients).await?;
    let rows: Vec<Model> = news
        .into_iter()
        .filter(|news| here.iter().any(|employee| employee.id == news.recipient))
        .map(|news| model(news, work.now))
        .collect();
    let told = insert(&work.tx, rows).await?;
    for notification in &told {
        let change =
            Change::new(CREATED, notification.name(), verb).thread(names::EMPLOYEES.name(notification.recipient));
        work.record(change.data(&wire::notification::answer(notification)));
    }
    Ok(told)
}

fn model(news: News, now: DateTime<Utc>) -> Model {
    Model {
        id: Uuid::now_v7(),
        version: 1,
        created_at: now,
        dedup: format!("{}/{}", news.reason, news.recipient),
        recipient: news.recipient,
        kind: news.kind,
        title: news.title,
        text: news.text,
        regarding: news.regarding,
        deal: news.deal,
        read_at: None,
    }
}

/// Adds those that are new, in one statement; answers them.
async fn insert(tx: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Model>, Error> {
    if rows.is_empty() {
        return Ok(rows);
    }
    let rows = rows.into_iter().map(|row| row.into_active_model().reset_all());
    let once = OnConflict::column(Column::Dedup).do_nothing().to_owned();
    Ok(Entity::insert_many(rows).on_conflict(once).exec_with_returning(tx).await?)
}

/// The notification of this name, locked until the end of the transaction.
pub async fn lock(tx: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let id = names::NOTIFICATIONS.parse(name).map_err(Refusal::from)?;
    Ok(Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or_else(|| Refusal::missing(name))?)
}

/// How many are unread.
pub async fn unread(db: &impl ConnectionTrait, recipient: Uuid) -> Result<u64, Error> {
    Ok(Entity::find().filter(unread_of(recipient)).count(db).await?)
}

/// The condition of being somebody's, and unread.
pub fn unread_of(recipient: Uuid) -> Expr {
    Column::Recipient.eq(recipient).and(Column::ReadAt.is_null())
}

/// Marks one as read; the first time stays.
pub async fn mark_read(tx: &impl ConnectionTrait, before: &Model, now: DateTime<Utc>) -> Result<Model, Error> {
    let read = Model { read_at: Some(now), version: before.version + 1, ..before.clone() };
    let row = rows::changed::<Entity>(before, &read);
    Entity::update_many().set(row).filter(Column::Id.eq(read.id)).exec(tx).await?;
    Ok(read)
}

/// Marks all as read, in one statement; answers how many there were.
pub async fn mark_all_read(tx: &impl ConnectionTrait, recipient: Uuid, now: DateTime<Utc>) -> Result<u64, Error> {
    let marked = Entity::update_many()
        .col_expr(Column::ReadAt, Expr::value(now))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(unread_of(recipient))
        .exec(tx)
        .await?;
    Ok(marked.rows_affected)
}
