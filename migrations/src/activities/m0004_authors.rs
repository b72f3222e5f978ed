//! Who made an activity and who recorded an interaction: what a caller sees (R-SEC-1), by an index.

use sea_orm_migration::prelude::*;

/// The indexes.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const INDEXES: [(&str, &str); 2] = [
    ("activity_by_author", "activity (author, created_at, id)"),
    ("interaction_by_author", "interaction (author, happened_at, id)"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, columns) in INDEXES {
            manager.get_connection().execute_unprepared(&format!("CREATE INDEX {name} ON {columns}")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in INDEXES {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        Ok(())
    }
}
