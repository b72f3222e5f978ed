//! What a bill says beside its amounts and parties: delivery, references, due day (R-INV-3).

use sea_orm_migration::prelude::*;

/// A column of invoices and credit notes.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const BILLS: [&str; 2] = ["invoice", "credit_note"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in BILLS {
            let column = ColumnDef::new(Alias::new("details")).json_binary().to_owned();
            manager.alter_table(Table::alter().table(Alias::new(table)).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in BILLS {
            manager.get_connection().execute_unprepared(&format!("ALTER TABLE {table} DROP COLUMN details")).await?;
        }
        Ok(())
    }
}
