//! The chain over history, the same in every part.

use sea_orm_migration::prelude::*;

/// The table of `chassis::audit`. It is filled in the background, history that is older than it included.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[derive(DeriveIden)]
enum AuditLink {
    Table,
    Place,
    Frame,
    Content,
    Link,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(AuditLink::Table)
                    .col(ColumnDef::new(AuditLink::Place).big_integer().not_null().primary_key())
                    .col(ColumnDef::new(AuditLink::Frame).binary().not_null())
                    .col(ColumnDef::new(AuditLink::Content).binary().not_null())
                    .col(ColumnDef::new(AuditLink::Link).binary().not_null())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(AuditLink::Table).to_owned()).await
    }
}
