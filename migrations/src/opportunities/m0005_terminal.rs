//! A closed opportunity changes no more, by no route: the database itself refuses (R-OPP-3).
//!
//! The verbs refuse long before; this is what stands behind them, for a statement that goes round them. A later
//! migration that must touch closed rows drops the triggers first, and makes them again.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The triggers.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// What of a closed opportunity stands: all columns but its run, which may end later than the sale (a process that waits
/// for a document), and with it version and time of the last change.
const COLUMNS: &str = "id, created_at, state, stage, entry, title, lead, account, contact, owner, bant, currency, lines, \
     estimated_value, estimated_by_hand, estimated_rank, estimated_close_date, probability, tactics, competitor, \
     presentation_date, notes, source, external_id, open_date, close_date, actual_value, spent_minutes, lose_reason, \
     lose_comment, cycle_days, terms_of_sale, revenue_expectation, channel, campaign, proposal_handover_date, \
     competitors, participants, team, held_at, hold_reason, hold_until, follow_up_of, lose_reason_code";

fn sqlite() -> Vec<String> {
    vec![
        format!(
            "CREATE TRIGGER opportunity_closed_update BEFORE UPDATE OF {COLUMNS} ON opportunity \
             WHEN OLD.state <> 'OPEN' \
             BEGIN SELECT RAISE(ABORT, 'the opportunity is closed and changes no more'); END"
        ),
        "CREATE TRIGGER opportunity_closed_delete BEFORE DELETE ON opportunity WHEN OLD.state <> 'OPEN' \
         BEGIN SELECT RAISE(ABORT, 'the opportunity is closed and is not deleted'); END"
            .to_owned(),
    ]
}

fn postgres() -> Vec<String> {
    vec![
        "CREATE FUNCTION opportunity_is_closed() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'the opportunity % is closed and changes no more', OLD.id; END $$"
            .to_owned(),
        format!(
            "CREATE TRIGGER opportunity_closed_update BEFORE UPDATE OF {COLUMNS} ON opportunity FOR EACH ROW \
             WHEN (OLD.state <> 'OPEN') EXECUTE FUNCTION opportunity_is_closed()"
        ),
        "CREATE TRIGGER opportunity_closed_delete BEFORE DELETE ON opportunity FOR EACH ROW \
         WHEN (OLD.state <> 'OPEN') EXECUTE FUNCTION opportunity_is_closed()"
            .to_owned(),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = if manager.get_database_backend() == DbBackend::Postgres { postgres() } else { sqlite() };
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
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
