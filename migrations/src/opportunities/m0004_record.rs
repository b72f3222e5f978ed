//! The opportunity record in full (R-OPP-1, R-OPP-2, R-OPP-3, R-OPP-6): who takes part, who competes, whether it waits,
//! what it follows, the user's own reasons of loss; the history of its tactics, and what was tried on closed ones.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

/// New columns and tables; what stands there keeps its meaning without them.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const INDEXES: &[&str] = &[
    "CREATE INDEX opportunity_by_follow_up ON opportunity (follow_up_of)",
    "CREATE INDEX opportunity_by_title ON opportunity (title, id)",
    "CREATE INDEX opportunity_by_held ON opportunity (held_at, id)",
    "CREATE UNIQUE INDEX tactics_by_number ON tactics (opportunity, number)",
    "CREATE INDEX tactics_by_opportunity ON tactics (opportunity, at, id)",
    "CREATE INDEX tactics_by_time ON tactics (at, id)",
    // One row for each attempt, however often its request is sent; listed by record, by person, by time.
    "CREATE UNIQUE INDEX refused_attempt_by_request ON refused_attempt (request_id, opportunity)",
    "CREATE INDEX refused_attempt_by_opportunity ON refused_attempt (opportunity, at, id)",
    "CREATE INDEX refused_attempt_by_actor ON refused_attempt (actor, at, id)",
    "CREATE INDEX refused_attempt_by_time ON refused_attempt (at, id)",
];

/// Closed opportunities say why they were lost by its code, too.
const CODES: &str = "UPDATE opportunity SET lose_reason_code = lose_reason WHERE lose_reason IS NOT NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table("opportunity").add_column(column).to_owned()).await?;
        }
        for table in [tactics(), refused_attempt(), lose_reason()] {
            manager.create_table(table).await?;
        }
        for statement in INDEXES.iter().chain([&CODES]) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["opportunity_by_follow_up", "opportunity_by_title", "opportunity_by_held"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        for table in ["lose_reason", "refused_attempt", "tactics"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for column in columns() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table("opportunity").drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

fn columns() -> [ColumnDef; 8] {
    [
        json_binary("competitors").default("[]").take(),
        json_binary("participants").default("[]").take(),
        json_binary("team").default("[]").take(),
        timestamp_with_time_zone_null("held_at"),
        text("hold_reason").default("").take(),
        date_null("hold_until"),
        uuid_null("follow_up_of"),
        text("lose_reason_code").default("").take(),
    ]
}

fn tactics() -> TableCreateStatement {
    Table::create()
        .table("tactics")
        .col(uuid("id").primary_key())
        .col(uuid("opportunity"))
        .col(integer("number"))
        .col(text("text"))
        .col(text("author"))
        .col(timestamp_with_time_zone("at"))
        .to_owned()
}

fn refused_attempt() -> TableCreateStatement {
    Table::create()
        .table("refused_attempt")
        .col(uuid("id").primary_key())
        .col(uuid("opportunity"))
        .col(text("state"))
        .col(text("verb"))
        .col(text("actor"))
        .col(timestamp_with_time_zone("at"))
        .col(text("message"))
        .col(uuid("request_id"))
        .col(text("traceparent"))
        .to_owned()
}

fn lose_reason() -> TableCreateStatement {
    Table::create()
        .table("lose_reason")
        .col(text("code").primary_key())
        .col(big_integer("version"))
        .col(text("caption_en"))
        .col(text("caption_ru"))
        .col(boolean("comment_required"))
        .col(boolean("retired"))
        .to_owned()
}
