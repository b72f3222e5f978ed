//! What every part's database holds beside its records: history, which remembers requests too.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The tables of `chassis::work` and `chassis::feed`; the first migration of every part.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[derive(DeriveIden)]
enum History {
    Table,
    Seq,
    Position,
    Id,
    Kind,
    Subject,
    Thread,
    Verb,
    FromState,
    ToState,
    Actor,
    Reason,
    At,
    SpentMicros,
    RequestId,
    Flow,
    Traceparent,
    DataType,
    Data,
    Method,
    Digest,
    Answer,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(History::Table)
                    .col(ColumnDef::new(History::Seq).big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new(History::Position).big_integer())
                    .col(ColumnDef::new(History::Id).uuid().not_null())
                    .col(ColumnDef::new(History::Kind).text().not_null())
                    .col(ColumnDef::new(History::Subject).text().not_null())
                    .col(ColumnDef::new(History::Thread).text().not_null())
                    .col(ColumnDef::new(History::Verb).text().not_null())
                    .col(ColumnDef::new(History::FromState).text().not_null())
                    .col(ColumnDef::new(History::ToState).text().not_null())
                    .col(ColumnDef::new(History::Actor).text().not_null())
                    .col(ColumnDef::new(History::Reason).text().not_null())
                    .col(ColumnDef::new(History::At).timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new(History::SpentMicros).big_integer())
                    .col(ColumnDef::new(History::RequestId).uuid().not_null())
                    .col(ColumnDef::new(History::Flow).uuid())
                    .col(ColumnDef::new(History::Traceparent).text())
                    .col(ColumnDef::new(History::DataType).text().not_null())
                    .col(ColumnDef::new(History::Data).binary().not_null())
                    .col(ColumnDef::new(History::Method).text().not_null())
                    .col(ColumnDef::new(History::Digest).binary())
                    .col(ColumnDef::new(History::Answer).binary())
                    .to_owned(),
            )
            .await?;
        for column in [History::Subject, History::Thread] {
            let name = format!("history_by_{}", column.to_string());
            manager
                .create_index(Index::create().name(name).table(History::Table).col(column).col(History::Seq).to_owned())
                .await?;
        }
        // One answer per request id (R-API-1): the claim of every request.
        let claim = "CREATE UNIQUE INDEX history_by_request ON history (request_id) WHERE digest IS NOT NULL";
        manager.get_connection().execute_unprepared(claim).await?;
        // Only PostgreSQL numbers its feed after the commit; the second index is the numbering's list of work.
        if manager.get_database_backend() == DbBackend::Postgres {
            let db = manager.get_connection();
            db.execute_unprepared("CREATE UNIQUE INDEX history_by_position ON history (position)").await?;
            db.execute_unprepared("CREATE INDEX history_unnumbered ON history (seq) WHERE position IS NULL").await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(History::Table).to_owned()).await
    }
}
