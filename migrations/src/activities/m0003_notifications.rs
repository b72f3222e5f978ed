//! What people are told, shared calendars, interactions, the knowledge base.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(notification()).await?;
        manager.create_table(calendar_share()).await?;
        manager.create_table(interaction()).await?;
        manager.create_table(knowledge()).await?;
        manager.create_table(knowledge_content()).await?;
        for index in indexes(manager.get_database_backend()) {
            manager.get_connection().execute_unprepared(&index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["knowledge_content", "knowledge", "interaction", "calendar_share", "notification"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

/// `dedup` says why somebody is told: the same reason tells the same person once.
fn notification() -> TableCreateStatement {
    Table::create()
        .table("notification")
        .col(uuid("id").primary_key())
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(uuid("recipient"))
        .col(text("kind"))
        .col(text("title"))
        .col(text("text"))
        .col(text("regarding"))
        .col(text("deal"))
        .col(timestamp_with_time_zone_null("read_at"))
        .col(text("dedup"))
        .to_owned()
}

fn calendar_share() -> TableCreateStatement {
    Table::create()
        .table("calendar_share")
        .col(uuid("owner").primary_key())
        .col(text("token"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn interaction() -> TableCreateStatement {
    Table::create()
        .table("interaction")
        .col(uuid("id").primary_key())
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(text("regarding"))
        .col(uuid_null("contact"))
        .col(text("channel"))
        .col(text("direction"))
        .col(text("subject"))
        .col(text("notes"))
        .col(timestamp_with_time_zone("happened_at"))
        .col(json_binary("participants"))
        .col(text("author"))
        .to_owned()
}

fn knowledge() -> TableCreateStatement {
    Table::create()
        .table("knowledge")
        .col(uuid("id").primary_key())
        .col(text("slug"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(text("title"))
        .col(text("language"))
        .col(text("summary"))
        .col(text("tags"))
        .col(text("link"))
        .col(text("file_name"))
        .col(text("media_type"))
        .col(big_integer("size"))
        .to_owned()
}

/// Apart from the rest, so that a list never reads it.
fn knowledge_content() -> TableCreateStatement {
    Table::create().table("knowledge_content").col(uuid("document").primary_key()).col(blob("content")).to_owned()
}

fn indexes(backend: DbBackend) -> Vec<String> {
    let by_code = if backend == DbBackend::Postgres { " COLLATE \"C\"" } else { "" };
    vec![
        "CREATE UNIQUE INDEX notification_once ON notification (dedup)".to_owned(),
        "CREATE INDEX notification_by_time ON notification (recipient, created_at, id)".to_owned(),
        "CREATE INDEX notification_unread ON notification (recipient, id) WHERE read_at IS NULL".to_owned(),
        "CREATE INDEX interaction_by_regarding ON interaction (regarding, happened_at, id)".to_owned(),
        "CREATE INDEX interaction_by_time ON interaction (happened_at, id)".to_owned(),
        "CREATE INDEX interaction_by_creation ON interaction (created_at, id)".to_owned(),
        format!("CREATE UNIQUE INDEX knowledge_slug ON knowledge (slug{by_code})"),
        format!("CREATE INDEX knowledge_by_title ON knowledge (title{by_code}, id)"),
        "CREATE INDEX knowledge_by_time ON knowledge (created_at, id)".to_owned(),
    ]
}
