//! The documents that help to sell an opportunity (R-ACT-6); of a closed one they change no more, as its other fields.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The column, and its lock.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TRIGGER: &str = "opportunity_closed_knowledge";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let (form, lock) = if postgres {
            (
                "JSONB NOT NULL DEFAULT '[]'",
                "FOR EACH ROW WHEN (OLD.state <> 'OPEN') EXECUTE FUNCTION opportunity_is_closed()",
            )
        } else {
            (
                "JSON NOT NULL DEFAULT '[]'",
                "WHEN OLD.state <> 'OPEN' \
                 BEGIN SELECT RAISE(ABORT, 'the opportunity is closed and changes no more'); END",
            )
        };
        for statement in [
            format!("ALTER TABLE opportunity ADD COLUMN knowledge {form}"),
            format!("CREATE TRIGGER {TRIGGER} BEFORE UPDATE OF knowledge ON opportunity {lock}"),
        ] {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = if manager.get_database_backend() == DbBackend::Postgres { " ON opportunity" } else { "" };
        for statement in
            [format!("DROP TRIGGER {TRIGGER}{on}"), "ALTER TABLE opportunity DROP COLUMN knowledge".to_owned()]
        {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
