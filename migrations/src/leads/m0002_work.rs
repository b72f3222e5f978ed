//! Lead stages with their time, distribution, what a contact wants, and whose person was erased.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const NEW: [(&str, &str); 6] = [
    ("lead", "stage_since"),
    ("lead", "erased_at"),
    ("contact", "erased_at"),
    ("contact", "department"),
    ("contact", "preferred_channel"),
    ("contact", "language_code"),
];

fn column(name: &'static str) -> ColumnDef {
    match name {
        "stage_since" | "erased_at" => timestamp_with_time_zone_null(name),
        _ => text(name).default("").to_owned(),
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for (table, name) in NEW {
            manager.alter_table(Table::alter().table(table).add_column(column(name)).to_owned()).await?;
        }
        let turn = Table::create()
            .table("distribution_turn")
            .col(uuid("employee").primary_key())
            .col(big_integer("turn"))
            .to_owned();
        manager.create_table(turn).await?;
        let db = manager.get_connection();
        // Who owns how many open leads: of the closed ones, which grow without end, the index holds none.
        let open = "CREATE INDEX lead_open_by_owner ON lead (owner) WHERE state IN ('NEW', 'CONTACTED')";
        db.execute_unprepared(open).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX lead_open_by_owner").await?;
        manager.drop_table(Table::drop().table("distribution_turn").to_owned()).await?;
        for (table, name) in NEW {
            manager.alter_table(Table::alter().table(table).drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}
