//! On which terms an opportunity is sold, what it may bring, and how it came (R-OPP-1).

use sea_orm_migration::prelude::*;

/// New columns; what stands there keeps its meaning without them.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const COLUMNS: &[(&str, &str)] = &[
    ("terms_of_sale", "TEXT NOT NULL DEFAULT ''"),
    ("revenue_expectation", "BIGINT"),
    ("channel", "TEXT NOT NULL DEFAULT ''"),
    ("campaign", "TEXT NOT NULL DEFAULT ''"),
    ("proposal_handover_date", "DATE"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (column, form) in COLUMNS {
            let add = format!("ALTER TABLE opportunity ADD COLUMN {column} {form}");
            manager.get_connection().execute_unprepared(&add).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (column, _) in COLUMNS {
            let drop = format!("ALTER TABLE opportunity DROP COLUMN {column}");
            manager.get_connection().execute_unprepared(&drop).await?;
        }
        Ok(())
    }
}
