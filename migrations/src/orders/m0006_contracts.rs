//! What a contract says, how far the customer is with it, and until when it holds (R-CON-1).

use sea_orm_migration::prelude::*;

/// More columns of contracts.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

fn columns() -> Vec<ColumnDef> {
    let named = |name: &str| ColumnDef::new(Alias::new(name));
    vec![
        named("terms").text().not_null().default("").to_owned(),
        named("terms_version").integer().not_null().default(1).to_owned(),
        named("start_date").date().to_owned(),
        named("end_date").date().to_owned(),
        named("receipt").text().to_owned(),
        named("comments").text().not_null().default("").to_owned(),
        named("documents").json_binary().to_owned(),
        named("amends_id").uuid().to_owned(),
        named("terminated_date").date().to_owned(),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table(Alias::new("contract")).add_column(column).to_owned()).await?;
        }
        let db = manager.get_connection();
        db.execute_unprepared("CREATE INDEX contract_expiring ON contract (state, end_date, id)").await?;
        db.execute_unprepared("CREATE INDEX contract_by_amended ON contract (amends_id)").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("DROP INDEX contract_by_amended").await?;
        db.execute_unprepared("DROP INDEX contract_expiring").await?;
        for column in columns() {
            let name = column.get_column_name();
            db.execute_unprepared(&format!("ALTER TABLE contract DROP COLUMN {name}")).await?;
        }
        Ok(())
    }
}
