//! A closed opportunity changes no more, by no route: the database itself refuses (R-OPP-3).
//!
//! The verbs refuse long before; this is what stands behind them, for a statement that goes round them. A later
//! migration that must touch closed rows drops the triggers first, and makes them again.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The triggers.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const SQLITE: &[&str] = &[
    "CREATE TRIGGER opportunity_closed_update BEFORE UPDATE ON opportunity WHEN OLD.state <> 'OPEN'
     BEGIN SELECT RAISE(ABORT, 'the opportunity is closed and changes no more'); END",
    "CREATE TRIGGER opportunity_closed_delete BEFORE DELETE ON opportunity WHEN OLD.state <> 'OPEN'
     BEGIN SELECT RAISE(ABORT, 'the opportunity is closed and is not deleted'); END",
];

const POSTGRES: &[&str] = &[
    "CREATE FUNCTION opportunity_is_closed() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN RAISE EXCEPTION 'the opportunity % is closed and changes no more', OLD.id; END $$",
    "CREATE TRIGGER opportunity_closed_update BEFORE UPDATE ON opportunity FOR EACH ROW
     WHEN (OLD.state <> 'OPEN') EXECUTE FUNCTION opportunity_is_closed()",
    "CREATE TRIGGER opportunity_closed_delete BEFORE DELETE ON opportunity FOR EACH ROW
     WHEN (OLD.state <> 'OPEN') EXECUTE FUNCTION opportunity_is_closed()",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = if manager.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE };
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        for trigger in ["opportunity_closed_update", "opportunity_closed_delete"] {
            let on = if postgres { " ON opportunity" } else { "" };
            manager.get_connection().execute_unprepared(&format!("DROP TRIGGER {trigger}{on}")).await?;
        }
        if postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION opportunity_is_closed()").await?;
        }
        Ok(())
    }
}
