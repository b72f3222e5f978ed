//! History is appended to, in the database too: no statement of any program changes or removes what is written there, but
//! for its place in the feed, which is given after the commit, and for the record and the answer in it, which an erasure
//! blanks (R-ACC-3). Whoever owns the database can still take the triggers away; that is what the chain over history is for.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The triggers on `history`, the same in every part.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// The columns that stay as they were written: all but `position`, `data` and `answer`.
const KEPT: &str = "seq, id, kind, subject, thread, verb, from_state, to_state, actor, reason, at, spent_micros, request_id, \
     flow, traceparent, data_type, method, digest";

/// What whoever tries it is told.
const REFUSAL: &str = "history is appended to only";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = match manager.get_database_backend() {
            DbBackend::Postgres => vec![
                format!(
                    "CREATE FUNCTION history_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                     RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation';
                     END $$"
                ),
                format!(
                    "CREATE TRIGGER history_kept_update BEFORE UPDATE OF {KEPT} ON history
                     FOR EACH STATEMENT EXECUTE FUNCTION history_is_kept()"
                ),
                "CREATE TRIGGER history_kept_delete BEFORE DELETE OR TRUNCATE ON history
                 FOR EACH STATEMENT EXECUTE FUNCTION history_is_kept()"
                    .to_owned(),
            ],
            _ => vec![
                format!(
                    "CREATE TRIGGER history_kept_update BEFORE UPDATE OF {KEPT} ON history
                     BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
                ),
                format!(
                    "CREATE TRIGGER history_kept_delete BEFORE DELETE ON history
                     BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
                ),
            ],
        };
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let db = manager.get_connection();
        for trigger in ["history_kept_update", "history_kept_delete"] {
            let on = if postgres { " ON history" } else { "" };
            db.execute_unprepared(&format!("DROP TRIGGER {trigger}{on}")).await?;
        }
        if postgres {
            db.execute_unprepared("DROP FUNCTION history_is_kept()").await?;
        }
        Ok(())
    }
}
