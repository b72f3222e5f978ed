//! Opportunities, their stage entries, and the versions of process definitions.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

/// The first tables of the part.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Indexes, each for a list's order or filter, a look-up, or a figure.
const INDEXES: &[&str] = &[
    // One opportunity per lead, one per imported id: the second net behind the rules.
    "CREATE UNIQUE INDEX opportunity_by_lead ON opportunity (lead)",
    "CREATE UNIQUE INDEX opportunity_by_external_id ON opportunity (external_id)",
    // The pipeline, all and by owner; lists by state, by stage.
    "CREATE INDEX opportunity_by_state ON opportunity (state, stage, currency)",
    "CREATE INDEX opportunity_by_stage ON opportunity (stage, id)",
    "CREATE INDEX opportunity_by_owner ON opportunity (owner, state)",
    "CREATE INDEX opportunity_by_account ON opportunity (account, state)",
    // Won and lost of a period; lists by the day.
    "CREATE INDEX opportunity_by_close_date ON opportunity (close_date, id)",
    "CREATE INDEX opportunity_by_estimated_close_date ON opportunity (estimated_close_date, id)",
    "CREATE INDEX opportunity_by_created_at ON opportunity (created_at, id)",
    "CREATE INDEX opportunity_by_updated_at ON opportunity (updated_at, id)",
    "CREATE INDEX opportunity_by_estimate ON opportunity (estimated_rank, id)",
    "CREATE UNIQUE INDEX stage_entry_by_number ON stage_entry (opportunity, number)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(opportunity()).await?;
        manager.create_table(stage_entry()).await?;
        manager.create_table(process_definition()).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["process_definition", "stage_entry", "opportunity"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn opportunity() -> TableCreateStatement {
    Table::create()
        .table("opportunity")
        .col(uuid("id").primary_key())
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(text("state"))
        .col(text("stage"))
        .col(uuid("entry"))
        .col(text("title"))
        .col(uuid_null("lead"))
        .col(uuid_null("account"))
        .col(uuid_null("contact"))
        .col(uuid_null("owner"))
        .col(json_binary("bant"))
        .col(text("currency"))
        .col(json_binary("lines"))
        .col(big_integer_null("estimated_value"))
        .col(boolean("estimated_by_hand"))
        .col(big_integer_null("estimated_rank"))
        .col(date_null("estimated_close_date"))
        .col(integer_null("probability"))
        .col(text("tactics"))
        .col(text("competitor"))
        .col(date_null("presentation_date"))
        .col(text("notes"))
        .col(text("source"))
        .col(text_null("external_id"))
        .col(date("open_date"))
        .col(date_null("close_date"))
        .col(big_integer_null("actual_value"))
        .col(big_integer("spent_minutes"))
        .col(text_null("lose_reason"))
        .col(text("lose_comment"))
        .col(integer_null("cycle_days"))
        .col(json_binary_null("run"))
        .to_owned()
}

fn stage_entry() -> TableCreateStatement {
    Table::create()
        .table("stage_entry")
        .col(uuid("id").primary_key())
        .col(uuid("opportunity"))
        .col(integer("number"))
        .col(text("stage"))
        .col(timestamp_with_time_zone("entered_at"))
        .col(timestamp_with_time_zone_null("left_at"))
        .col(text("cause"))
        .col(json_binary("planned"))
        .to_owned()
}

fn process_definition() -> TableCreateStatement {
    Table::create()
        .table("process_definition")
        .col(text("process"))
        .col(integer("version"))
        .col(text("body"))
        .col(timestamp_with_time_zone("registered_at"))
        .primary_key(Index::create().col("process").col("version"))
        .to_owned()
}
