//! The ERP as it is dealt with: stopped and let go on by operators, resting by itself; and how far its events are read.

use chrono::{DateTime, Utc};
use dealflow_chassis::{Change, Refusal, Work};
use dealflow_proto::erp::v1::{self as pb, target};
use dealflow_proto::{convert, names};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{DatabaseTransaction, QuerySelect};

use super::Inner;

/// The one target of a gateway.
pub(super) const ERP: &str = "erp";

/// A target.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "erp_target")]
pub(super) struct Model {
    /// Its name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Whether an operator stopped it.
    pub paused: bool,
    /// Why.
    pub reason: String,
    /// Who stopped it or let it go on.
    pub actor: String,
    /// Up to where its events are taken in.
    pub event_cursor: String,
    /// Version, for the etag.
    pub version: i64,
    /// When it was stopped or let go on.
    pub updated_at: DateTime<Utc>,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The target of a resource name.
pub(super) async fn find<C: ConnectionTrait>(db: &C, name: &str) -> Result<Model, Refusal> {
    let found = Entity::find_by_id(names::TARGETS.parse_slug(name)?).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name))
}

/// Whether an operator stopped deliveries.
pub(super) async fn is_paused<C: ConnectionTrait>(db: &C) -> Result<bool, DbErr> {
    Ok(Entity::find_by_id(ERP).one(db).await?.is_some_and(|row| row.paused))
}

/// Up to where the ERP's events are taken in.
pub(super) async fn cursor<C: ConnectionTrait>(db: &C) -> Result<String, DbErr> {
    Ok(Entity::find_by_id(ERP).one(db).await?.map(|row| row.event_cursor).unwrap_or_default())
}

/// Notes up to where, with the effects of the events.
pub(super) async fn reached(tx: &DatabaseTransaction, cursor: &str) -> Result<(), DbErr> {
    let reached = ActiveModel { event_cursor: Set(cursor.to_owned()), ..Default::default() };
    Entity::update_many().set(reached).filter(Column::Name.eq(ERP)).exec(tx).await.map(drop)
}

/// Stops or lets go on; asked for what is so already, it only notes who asked last.
pub(super) async fn turn(
    work: &mut Work,
    (name, etag): (&str, &str),
    paused: bool,
    reason: String,
) -> Result<Model, Refusal> {
    let found = Entity::find_by_id(names::TARGETS.parse_slug(name)?).lock_exclusive().one(&work.tx).await?;
    let before = found.ok_or_else(|| Refusal::missing(name))?;
    work.check_etag(name, etag, before.version)?;
    let after = Model {
        paused,
        reason,
        actor: work.context.actor.clone(),
        version: before.version + 1,
        updated_at: work.now,
        ..before.clone()
    };
    let change = ActiveModel {
        paused: Set(after.paused),
        reason: Set(after.reason.clone()),
        actor: Set(after.actor.clone()),
        version: Set(after.version),
        updated_at: Set(after.updated_at),
        ..Default::default()
    };
    Entity::update_many().set(change).filter(Column::Name.eq(after.name.as_str())).exec(&work.tx).await?;
    let word = |paused: bool| if paused { "PAUSED" } else { "OPEN" };
    let (kind, verb) = if paused { ("target.paused", "PauseTarget") } else { ("target.resumed", "ResumeTarget") };
    let name = names::TARGETS.slug(&after.name);
    work.record(
        Change::new(kind, name.clone(), verb)
            .thread(name.as_str())
            .states(word(before.paused), word(after.paused))
            .reason(&after.reason)
            .data(&after.to_wire(word_state(after.paused), None)),
    );
    Ok(after)
}

fn word_state(paused: bool) -> target::State {
    if paused { target::State::Paused } else { target::State::Open }
}

impl Model {
    /// As the contract shows it, from the view of a replica's breaker.
    pub(super) fn seen_by(&self, inner: &Inner) -> pb::Target {
        let breaker = inner.breaker();
        let state = match (self.paused, breaker.is_denied(), breaker.is_open()) {
            (true, ..) => target::State::Paused,
            (_, true, _) => target::State::Denied,
            (_, _, true) => target::State::Resting,
            _ => target::State::Open,
        };
        self.to_wire(state, breaker.next_probe())
    }

    fn to_wire(&self, state: target::State, probe: Option<DateTime<Utc>>) -> pb::Target {
        pb::Target {
            name: names::TARGETS.slug(&self.name),
            etag: self.version.to_string(),
            update_time: Some(convert::timestamp(self.updated_at)),
            state: state.into(),
            reason: self.reason.clone(),
            actor: self.actor.clone(),
            event_cursor: self.event_cursor.clone(),
            next_probe_time: probe.map(convert::timestamp),
        }
    }
}
