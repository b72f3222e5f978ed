//! A new flow's lease begins by the database's clock, the one that all replicas share.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The default of `flow.lease_until` on PostgreSQL; a SQLite file has one process, and needs none.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        change(manager, "SET DEFAULT clock_timestamp() + interval '5 seconds'").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        change(manager, "DROP DEFAULT").await
    }
}

async fn change(manager: &SchemaManager<'_>, default: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let sql = format!("ALTER TABLE flow ALTER COLUMN lease_until {default}");
    manager.get_connection().execute_unprepared(&sql).await.map(drop)
}
