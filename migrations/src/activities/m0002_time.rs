//! What time does to activities: reminders, what waits, the calendar; categories, and people with roles.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in activity_columns() {
            manager.alter_table(Table::alter().table("activity").add_column(column).to_owned()).await?;
        }
        for column in employee_columns() {
            manager.alter_table(Table::alter().table("employee").add_column(column).to_owned()).await?;
        }
        manager.create_table(category()).await?;
        manager.create_table(reminder_pause()).await?;
        for index in indexes(manager.get_database_backend()) {
            manager.get_connection().execute_unprepared(&index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for index in ["activity_by_reminder", "activity_by_resume", "activity_by_calendar"] {
            db.execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        for table in ["reminder_pause", "category"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for name in EMPLOYEE {
            manager.alter_table(Table::alter().table("employee").drop_column(name).to_owned()).await?;
        }
        for name in ACTIVITY {
            manager.alter_table(Table::alter().table("activity").drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

const ACTIVITY: [&str; 8] = [
    "category",
    "planned_start_at",
    "calendar_start",
    "calendar_end",
    "reminder_minutes",
    "remind_at",
    "resume_at",
    "knowledge",
];
const EMPLOYEE: [&str; 3] = ["roles", "active", "updated_at"];

fn activity_columns() -> [ColumnDef; 8] {
    [
        uuid_null("category"),
        timestamp_with_time_zone_null("planned_start_at"),
        timestamp_with_time_zone_null("calendar_start"),
        timestamp_with_time_zone_null("calendar_end"),
        integer_null("reminder_minutes"),
        timestamp_with_time_zone_null("remind_at"),
        timestamp_with_time_zone_null("resume_at"),
        json_binary("knowledge").default("[]").to_owned(),
    ]
}

fn employee_columns() -> [ColumnDef; 3] {
    [
        json_binary("roles").default("[]").to_owned(),
        boolean("active").default(true).to_owned(),
        timestamp_with_time_zone_null("updated_at"),
    ]
}

fn category() -> TableCreateStatement {
    Table::create()
        .table("category")
        .col(uuid("id").primary_key())
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(text("display_name"))
        .col(json_binary("allowed_results"))
        .col(boolean("archived"))
        .to_owned()
}

/// One row per record that was ever put on hold: its version tells a late word from the last one.
fn reminder_pause() -> TableCreateStatement {
    Table::create()
        .table("reminder_pause")
        .col(text("regarding").primary_key())
        .col(big_integer("version"))
        .col(boolean("paused"))
        .to_owned()
}

fn indexes(backend: DbBackend) -> Vec<String> {
    let by_code = if backend == DbBackend::Postgres { " COLLATE \"C\"" } else { "" };
    vec![
        // What the clock looks for each second is a handful of rows among millions.
        "CREATE INDEX activity_by_reminder ON activity (remind_at) WHERE remind_at IS NOT NULL".to_owned(),
        "CREATE INDEX activity_by_resume ON activity (resume_at) WHERE resume_at IS NOT NULL".to_owned(),
        "CREATE INDEX activity_by_calendar ON activity (performer, calendar_end, id)".to_owned(),
        format!("CREATE UNIQUE INDEX category_display_name ON category (display_name{by_code})"),
    ]
}
