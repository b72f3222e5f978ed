//! Expand and contract: a version is started on the schema of the one after it, as after a roll back, and while an upgrade
//! has migrated and not replaced every replica yet.

use dealflow_chassis::Clock;
use dealflow_testbed::{TestDb, both};
use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::prelude::*;

use crate::counter::Migrator;

/// The next version: one migration more.
struct Next;

impl MigratorTrait for Next {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = Migrator::migrations();
        all.push(Box::new(Expanded));
        all
    }
}

#[derive(DeriveMigrationName)]
struct Expanded;

#[async_trait::async_trait]
impl MigrationTrait for Expanded {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = ColumnDef::new(Alias::new("text")).text().not_null().default("new").to_owned();
        manager.alter_table(Table::alter().table(Alias::new("counter")).add_column(text).to_owned()).await
    }
}

both! {
    /// Of platform.md item 26: one version forward and back, again and again; what the newer one added stays, and each
    /// migration is applied once.
    async fn a_version_starts_on_the_schema_of_the_next_one(db: TestDb) {
        let ours = <i64 as TryFrom<usize>>::try_from(Migrator::migrations().len()).expect("few");
        let mut expanded = false;
        for newer in [false, true, false, true, false] {
            let store = if newer {
                db.store::<Next>("counter", Clock::system()).await
            } else {
                db.store::<Migrator>("counter", Clock::system()).await
            };
            expanded |= newer;
            let count = async |sql: &str| {
                let ask = Statement::from_string(store.backend(), sql);
                let row = store.reader().query_one_raw(ask).await.expect("readable").expect("a row");
                row.try_get_by_index::<i64>(0).expect("a count")
            };
            assert_eq!(count("SELECT count(*) FROM seaql_migrations").await, ours + i64::from(expanded));
            if expanded {
                assert_eq!(count("SELECT count(text) FROM counter").await, 0, "the new column is there");
            }
            store.close().await.expect("closed");
        }
    }
}
