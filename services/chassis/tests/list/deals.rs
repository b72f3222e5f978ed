//! A table of deals to list, in a database of its own.

#![expect(unreachable_pub, reason = "the entity derive wants its Model and Relation public")]

use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::list::{self, Fields, ListError, ListRequest, Page};
use dealflow_testbed::{Cluster, postgres_available};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Schema, Set};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub title: String,
    pub owner: Option<String>,
    pub amount: i64,
    pub rating: Option<i32>,
    pub state: State,
    pub won: bool,
    pub account: Option<Uuid>,
    pub create_time: DateTime<Utc>,
    pub close_date: Option<NaiveDate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::None)")]
pub enum State {
    #[sea_orm(string_value = "LOST")]
    Lost,
    #[sea_orm(string_value = "OPEN")]
    Open,
    #[sea_orm(string_value = "WON")]
    Won,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of deals declares.
pub(crate) static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .text("title", Column::Title)
        .text("owner", Column::Owner)
        .scaled("amount", Column::Amount, 2)
        .int("rating", Column::Rating)
        .variants("state", Column::State, |state: &State| state.to_value().into())
        .bool("won", Column::Won)
        .uuid("account", "accounts", Column::Account)
        .time("create_time", Column::CreateTime)
        .date("close_date", Column::CloseDate)
        .filter_only()
});

/// A deal named `title`; the other fields are plain.
pub(crate) fn deal(title: &str) -> Model {
    Model {
        id: Uuid::now_v7(),
        title: title.to_owned(),
        owner: None,
        amount: 0,
        rating: None,
        state: State::Open,
        won: false,
        account: None,
        create_time: DateTime::from_timestamp(1_780_000_000, 0).expect("a time of this century"),
        close_date: None,
    }
}

/// A database with an empty table of deals.
pub(crate) struct Store {
    pub(crate) db: DatabaseConnection,
    _folder: tempfile::TempDir,
}

impl Store {
    /// One store for each database at hand.
    pub(crate) async fn each() -> Vec<Self> {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let file = format!("sqlite://{}?mode=rwc", folder.path().join("deals.db").display());
        let mut stores = vec![Self::at(&file, folder).await];
        if postgres_available().is_some() {
            let address = Cluster::shared().url("postgres");
            // A schema per store: tests run beside each other.
            let schema = format!("s{}", Uuid::new_v4().simple());
            let db = Database::connect(&address).await.expect("PostgreSQL");
            db.execute_unprepared(&format!("CREATE SCHEMA {schema}")).await.expect("a schema");
            db.close().await.expect("closed");
            let folder = tempfile::tempdir().expect("a folder");
            let address = format!("{address}&options=-c%20search_path%3D{schema}");
            stores.push(Self::at(&address, folder).await);
        }
        stores
    }

    async fn at(address: &str, folder: tempfile::TempDir) -> Self {
        let db = Database::connect(address).await.expect("a database");
        let table = Schema::new(db.get_database_backend()).create_table_from_entity(Entity);
        db.execute(&table).await.expect("the table of deals");
        Self { db, _folder: folder }
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    pub(crate) async fn insert(&self, deals: &[Model]) {
        if deals.is_empty() {
            return;
        }
        let rows = deals.iter().cloned().map(|deal| ActiveModel {
            id: Set(deal.id),
            title: Set(deal.title),
            owner: Set(deal.owner),
            amount: Set(deal.amount),
            rating: Set(deal.rating),
            state: Set(deal.state),
            won: Set(deal.won),
            account: Set(deal.account),
            create_time: Set(deal.create_time),
            close_date: Set(deal.close_date),
        });
        Entity::insert_many(rows).exec_without_returning(&self.db).await.expect("rows");
    }

    pub(crate) async fn list(&self, ask: ListRequest<'_>) -> Result<Page<Model>, ListError> {
        list::list(&self.db, Entity::find(), &FIELDS, ask).await
    }

    /// The titles of the first page under `filter`, in the order of `order_by`.
    pub(crate) async fn titles(&self, filter: &str, order_by: &str) -> Vec<String> {
        let page = self.list(ListRequest { filter, order_by, ..Default::default() }).await;
        let page = page.unwrap_or_else(|refusal| panic!("{filter}: {refusal}"));
        page.items.into_iter().map(|deal| deal.title).collect()
    }
}
