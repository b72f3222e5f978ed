//! Allowances and charges of whole documents beside the discount, and what was asked to be rounded (R-QUO-1, R-INV-1).
//! A line's stand in its line.

use sea_orm_migration::prelude::*;

/// More columns of documents.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const DOCUMENTS: [&str; 4] = ["quote", "sales_order", "invoice", "credit_note"];
const BILLS: [&str; 2] = ["invoice", "credit_note"];

async fn add(manager: &SchemaManager<'_>, table: &str, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(Alias::new(table)).add_column(column).to_owned()).await
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in DOCUMENTS {
            add(manager, table, ColumnDef::new(Alias::new("adjustments")).json_binary().to_owned()).await?;
        }
        for table in BILLS {
            let asked = ColumnDef::new(Alias::new("asked_rounding")).big_integer().not_null().default(0).to_owned();
            add(manager, table, asked).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for table in DOCUMENTS {
            db.execute_unprepared(&format!("ALTER TABLE {table} DROP COLUMN adjustments")).await?;
        }
        for table in BILLS {
            db.execute_unprepared(&format!("ALTER TABLE {table} DROP COLUMN asked_rounding")).await?;
        }
        Ok(())
    }
}
