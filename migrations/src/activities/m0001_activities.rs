//! Activities, employees, and how far each opportunity's process activities have been synced.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(activity()).await?;
        manager.create_table(employee()).await?;
        manager.create_table(stage_sync()).await?;
        for index in indexes(manager.get_database_backend()) {
            manager.get_connection().execute_unprepared(&index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["stage_sync", "employee", "activity"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn activity() -> TableCreateStatement {
    Table::create()
        .table("activity")
        .col(uuid("id").primary_key())
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(text("state"))
        .col(timestamp_with_time_zone("state_since"))
        .col(text("kind"))
        .col(text("subject"))
        .col(text("instructions"))
        .col(text("regarding"))
        .col(text("origin"))
        .col(uuid_null("stage_entry"))
        .col(integer_null("entry_number"))
        .col(text_null("planned_key"))
        .col(uuid_null("performer"))
        .col(text("author"))
        .col(text("importance"))
        .col(boolean("required"))
        .col(json_binary("allowed_results"))
        .col(text("result"))
        .col(text("result_text"))
        .col(timestamp_with_time_zone_null("due_at"))
        .col(timestamp_with_time_zone_null("started_at"))
        .col(timestamp_with_time_zone_null("ended_at"))
        .col(integer("actual_minutes"))
        .col(text("cancel_reason"))
        .to_owned()
}

fn employee() -> TableCreateStatement {
    Table::create()
        .table("employee")
        .col(uuid("id").primary_key())
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(text("display_name"))
        .col(uuid_null("manager"))
        .col(text("office"))
        .col(text("team"))
        .col(text("email"))
        .to_owned()
}

/// One row per opportunity: its lock is what concurrent syncs queue at, its number is the last entry that was seen.
fn stage_sync() -> TableCreateStatement {
    Table::create()
        .table("stage_sync")
        .col(uuid("opportunity").primary_key())
        .col(uuid("stage_entry"))
        .col(integer("entry_number"))
        .col(boolean("closed"))
        .to_owned()
}

/// Written as SQL: both databases take it, but for the collation, without which PostgreSQL would sort names by the
/// rules of a language and a page could not be sought by key.
fn indexes(backend: DbBackend) -> Vec<String> {
    let by_code = if backend == DbBackend::Postgres { " COLLATE \"C\"" } else { "" };
    let mut all: Vec<String> = [
        "UNIQUE INDEX activity_planned ON activity (stage_entry, planned_key)",
        "INDEX activity_by_regarding ON activity (regarding, state, id)",
        "INDEX activity_by_performer ON activity (performer, state, due_at)",
        "INDEX activity_by_state ON activity (state, id)",
        "INDEX activity_by_due ON activity (due_at, id)",
        "INDEX activity_by_time ON activity (created_at, id)",
        "INDEX employee_by_manager ON employee (manager, id)",
    ]
    .map(|index| format!("CREATE {index}"))
    .into();
    all.push(format!("CREATE UNIQUE INDEX employee_display_name ON employee (display_name{by_code})"));
    all.push("CREATE INDEX employee_by_team ON employee (team, id)".to_owned());
    all
}
