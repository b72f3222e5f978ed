//! The guinea pig: a counter that is named and answered like a lead, and counts the requests that took effect.

#![expect(unreachable_pub, reason = "the entity derive wants its Model and Relation public")]

use std::future::{Ready, ready};

use chrono::{DateTime, Utc};
use dealflow_chassis::work::Done;
use dealflow_chassis::{Change, Refusal, Store, Work, history};
use dealflow_proto::leads::v1::{ContactLeadRequest, Lead, ReactivateLeadRequest};
use dealflow_proto::{Mutation, Validate, names};
use dealflow_testbed::{TestClock, TestDb, id};
use prost::{Message, Name};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, IntoActiveModel, QueryOrder, QuerySelect};
use sea_orm_migration::prelude::{ColumnDef, DeriveMigrationName, SchemaManager, Table, async_trait};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use tonic::{Request, Status};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "counter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub value: i64,
    pub version: i64,
    pub updated_at: DateTime<Utc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    fn to_lead(&self) -> Lead {
        Lead {
            name: names::LEADS.name(self.id),
            etag: self.version.to_string(),
            notes: self.value.to_string(),
            ..Lead::default()
        }
    }
}

/// What every part's database holds, and the counters.
pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(dealflow_migrations::work::Migration),
            Box::new(dealflow_migrations::audit::Migration),
            Box::new(CounterTable),
        ]
    }
}

#[derive(DeriveMigrationName)]
struct CounterTable;

#[async_trait::async_trait]
impl MigrationTrait for CounterTable {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Entity)
            .col(ColumnDef::new(Column::Id).uuid().not_null().primary_key())
            .col(ColumnDef::new(Column::Value).big_integer().not_null())
            .col(ColumnDef::new(Column::Version).big_integer().not_null())
            .col(ColumnDef::new(Column::UpdatedAt).timestamp_with_time_zone().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}

/// The requests that count: their bytes may be equal, their types are not.
pub(crate) trait Counting: Message + Name + Validate + Mutation + Clone + 'static {
    fn subject(&self) -> &str;
}

impl Counting for ContactLeadRequest {
    fn subject(&self) -> &str {
        &self.name
    }
}

impl Counting for ReactivateLeadRequest {
    fn subject(&self) -> &str {
        &self.name
    }
}

/// Counters in a store, under a clock that stands.
#[derive(Clone)]
pub(crate) struct Counters {
    pub(crate) store: Store,
    pub(crate) time: TestClock,
    /// Resource names.
    pub(crate) names: Vec<String>,
}

impl Counters {
    /// Some counters in a test's database.
    pub(crate) async fn new(db: &TestDb, count: usize) -> Self {
        let time = TestClock::new();
        let store = db.store::<Migrator>("spine", time.clock()).await;
        Self { names: make(&store, (0..count).map(|_| Uuid::now_v7())).await, store, time }
    }

    /// A new request to count on.
    pub(crate) fn ask(&self, counter: usize) -> ContactLeadRequest {
        ContactLeadRequest { name: self.names[counter].clone(), request_id: id(), ..Default::default() }
    }

    /// Sends a request.
    pub(crate) async fn send<Q: Counting>(&self, ask: Q) -> Result<Lead, Status> {
        count(&self.store, Request::new(ask), || ready(Ok(()))).await
    }

    /// Sends a request whose handler does something after its change is written and before it is recorded.
    pub(crate) async fn send_and<Q, F, Fut>(&self, ask: Q, then: F) -> Result<Lead, Status>
    where
        Q: Counting,
        F: FnOnce() -> Fut + Send,
        Fut: Future<Output = Result<(), Refusal>> + Send,
    {
        count(&self.store, Request::new(ask), then).await
    }

    /// Sends a request that the rules refuse after its change is written.
    pub(crate) async fn send_in_vain<Q: Counting>(&self, ask: Q) -> Status {
        self.send_and(ask, refused).await.expect_err("the rule refuses it")
    }

    /// The counter as it stands.
    pub(crate) async fn counter(&self, counter: usize) -> Model {
        let id = names::LEADS.parse(&self.names[counter]).expect("a counter's name");
        let found = Entity::find_by_id(id).one(self.store.reader()).await.expect("the database answers");
        found.expect("the counter is there")
    }

    /// What happened to a counter, oldest first.
    pub(crate) async fn history(&self, counter: usize) -> Vec<history::Model> {
        history::Entity::find()
            .filter(history::Column::Subject.eq(&self.names[counter]))
            .order_by_asc(history::Column::Seq)
            .all(self.store.reader())
            .await
            .expect("the database answers")
    }

    /// How many answers are remembered.
    pub(crate) async fn remembered(&self) -> u64 {
        history::Entity::find()
            .filter(history::Column::Digest.is_not_null())
            .count(self.store.reader())
            .await
            .expect("the database answers")
    }

    /// Asserts that the counter, its version and its history tell of the same number of changes.
    pub(crate) async fn assert_counted(&self, counter: usize, times: i64) {
        let model = self.counter(counter).await;
        assert_eq!((model.value, model.version), (times, times + 1), "value and version after {times} changes");
        let told: Vec<i64> =
            self.history(counter).await.iter().map(|row| row.to_state.parse().expect("a number")).collect();
        assert_eq!(told, (1..=times).collect::<Vec<_>>(), "the history of {times} changes");
    }
}

/// Inserts counters at zero, and answers their names.
pub(crate) async fn make(store: &Store, ids: impl Iterator<Item = Uuid>) -> Vec<String> {
    let tx = store.begin().await.expect("a transaction begins");
    let mut made = Vec::new();
    for id in ids {
        let counter = Model { id, value: 0, version: 1, updated_at: store.clock().now() };
        Entity::insert(counter.into_active_model())
            .on_conflict_do_nothing()
            .exec_without_returning(&tx)
            .await
            .expect("a counter can be inserted");
        made.push(names::LEADS.name(id));
    }
    store.commit(tx).await.expect("it commits");
    made
}

/// Counts one on: the handler of an RPC, as services write them.
pub(crate) async fn count<Q, F, Fut>(store: &Store, request: Request<Q>, then: F) -> Result<Lead, Status>
where
    Q: Counting,
    F: FnOnce() -> Fut + Send,
    Fut: Future<Output = Result<(), Refusal>> + Send,
{
    let answer = store.work(request, |mut work, ask: Q| async move {
        let counter = lock(&work, ask.subject()).await?;
        work.check_etag(ask.subject(), ask.etag(), counter.version)?;
        work.take_effect_after(counter.updated_at)?;
        let since = counter.updated_at;
        let (counter, before) = save(&work, counter).await?;
        then().await?;
        Ok::<_, Refusal>(recorded(work, &counter, before, since))
    });
    Ok(answer.await?.into_inner())
}

async fn lock(work: &Work, name: &str) -> Result<Model, Refusal> {
    let id = names::LEADS.parse(name)?;
    Entity::find_by_id(id).lock_exclusive().one(&work.tx).await?.ok_or_else(|| Refusal::missing(name))
}

async fn save(work: &Work, counter: Model) -> Result<(Model, i64), Refusal> {
    let next = Model { value: counter.value + 1, version: counter.version + 1, updated_at: work.now, ..counter };
    let columns = ActiveModel {
        id: Set(next.id),
        value: Set(next.value),
        version: Set(next.version),
        updated_at: Set(next.updated_at),
    };
    Entity::update(columns).exec(&work.tx).await?;
    Ok((next, counter.value))
}

fn recorded(mut work: Work, counter: &Model, before: i64, since: DateTime<Utc>) -> Done<Lead> {
    let lead = counter.to_lead();
    let kind = if counter.value % 2 == 0 { "counter.even" } else { "counter.odd" };
    let change = Change::new(kind, &lead.name, "ContactLead")
        .states(before, counter.value)
        .since(since)
        .reason("it was asked for")
        .thread("opportunities/one")
        .data(&lead);
    work.record(change);
    work.done(lead)
}

/// The refusal of [`Counters::send_in_vain`].
fn refused() -> Ready<Result<(), Refusal>> {
    ready(Err(Refusal::guard("not today", &[("day", "come back tomorrow")])))
}
