//! What lists of opportunities are filtered by and no verb writes: the process of the run, and the actual value in units
//! of 10^-4 whatever the currency. The database derives both, so an older replica that runs beside leaves no gaps.
//!
//! PostgreSQL writes the table anew once for the two columns; SQLite derives them as it reads.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The columns and the index of the first.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// How many units of 10^-4 a minor unit of the currency is (ISO 4217).
const PER_MINOR: &str = "CASE \
     WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', \
     'XAF', 'XOF', 'XPF') THEN 10000 \
     WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 10 \
     WHEN currency IN ('CLF', 'UYW') THEN 1 \
     ELSE 100 END";

fn columns(backend: DbBackend) -> Vec<String> {
    if backend == DbBackend::Postgres {
        // An amount near the end of the type does not fit it any more in the finer unit.
        return vec![format!(
            "ALTER TABLE opportunity \
             ADD COLUMN process text GENERATED ALWAYS AS (run->>'process') STORED, \
             ADD COLUMN actual_rank bigint GENERATED ALWAYS AS \
             (LEAST(actual_value::numeric * {PER_MINOR}, 9223372036854775807)::bigint) STORED"
        )];
    }
    vec![
        "ALTER TABLE opportunity ADD COLUMN process text GENERATED ALWAYS AS (run->>'$.process') VIRTUAL".to_owned(),
        format!(
            "ALTER TABLE opportunity ADD COLUMN actual_rank bigint GENERATED ALWAYS AS (actual_value * {PER_MINOR}) VIRTUAL"
        ),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for statement in columns(manager.get_database_backend()) {
            db.execute_unprepared(&statement).await?;
        }
        // In place of the one over the expression: in the order of the list, too.
        db.execute_unprepared("DROP INDEX opportunity_by_process").await?;
        db.execute_unprepared("CREATE INDEX opportunity_by_process ON opportunity (process, id)").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let process = if postgres { "(run->>'process')" } else { "JSON_EXTRACT(run, '$.process')" };
        let db = manager.get_connection();
        db.execute_unprepared("DROP INDEX opportunity_by_process").await?;
        db.execute_unprepared(&format!("CREATE INDEX opportunity_by_process ON opportunity ({process})")).await?;
        for column in ["actual_rank", "process"] {
            manager.alter_table(Table::alter().table("opportunity").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
