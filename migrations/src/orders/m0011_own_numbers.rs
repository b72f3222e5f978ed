//! One number for one document (R-INV-1).

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::Statement;

/// A unique index where no two of them have a number already.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const BILLS: [&str; 2] = ["invoice", "credit_note"];

/// The index over our own numbers: an imported invoice has its number from the ERP, and no series.
fn index(table: &str) -> String {
    format!("{table}_own_number")
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for table in BILLS {
            // What was posted twice under one number stays as it is: then the rule stands alone, without this net.
            let twice = format!(
                "SELECT number FROM {table} WHERE series <> '' AND number IS NOT NULL GROUP BY number
                 HAVING COUNT(*) > 1 LIMIT 1"
            );
            if db.query_one_raw(Statement::from_string(manager.get_database_backend(), twice)).await?.is_none() {
                let index = index(table);
                let unique = format!("CREATE UNIQUE INDEX {index} ON {table} (number) WHERE series <> ''");
                db.execute_unprepared(&unique).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for table in BILLS {
            db.execute_unprepared(&format!("DROP INDEX IF EXISTS {}", index(table))).await?;
        }
        Ok(())
    }
}
