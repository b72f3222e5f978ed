//! Whose documents they are, and who was asked to approve them: what a caller sees (R-SEC-1), by indexes.
//!
//! Who was asked stands in the steps of an approval. The rows here follow it by triggers: no verb can forget them, and an
//! older replica that runs beside leaves them too. Whoever was asked once, and gave it on, sees it still.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The indexes, the table, and what fills it.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const INDEXES: [(&str, &str); 5] = [
    ("quote_by_owner", "quote (owner_id, created_at, id)"),
    ("contract_by_owner", "contract (owner_id, created_at, id)"),
    ("sales_order_by_owner", "sales_order (owner_id, created_at, id)"),
    ("approval_by_owner", "approval (owner, created_at, id)"),
    ("approval_by_requester", "approval (requester, created_at, id)"),
];

const POSTGRES: [&str; 4] = [
    "INSERT INTO approver (employee, approval, subject)
     SELECT DISTINCT SUBSTRING(name FROM 11)::uuid, a.id, SPLIT_PART(a.subject, '/', 2)::uuid
     FROM approval a, jsonb_array_elements(a.steps) step, jsonb_array_elements_text(step->'approvers') name
     WHERE name ~ '^employees/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'",
    "CREATE FUNCTION approvers() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO approver (employee, approval, subject)
     SELECT DISTINCT SUBSTRING(name FROM 11)::uuid, NEW.id, SPLIT_PART(NEW.subject, '/', 2)::uuid
     FROM jsonb_array_elements(NEW.steps) step, jsonb_array_elements_text(step->'approvers') name
     WHERE name ~ '^employees/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
     ON CONFLICT DO NOTHING;
     RETURN NULL;
     END $$",
    "CREATE TRIGGER approvers_insert AFTER INSERT ON approval FOR EACH ROW EXECUTE FUNCTION approvers()",
    "CREATE TRIGGER approvers_update AFTER UPDATE OF steps ON approval FOR EACH ROW
     WHEN (OLD.steps <> NEW.steps) EXECUTE FUNCTION approvers()",
];

const SQLITE: [&str; 3] = [
    "INSERT OR IGNORE INTO approver (employee, approval, subject)
     SELECT UNHEX(SUBSTR(name.value, 11), '-'), a.id, UNHEX(SUBSTR(a.subject, INSTR(a.subject, '/') + 1), '-')
     FROM approval a, JSON_EACH(a.steps) step, JSON_EACH(step.value, '$.approvers') name
     WHERE name.value LIKE 'employees/%' AND LENGTH(UNHEX(SUBSTR(name.value, 11), '-')) = 16",
    "CREATE TRIGGER approvers_insert AFTER INSERT ON approval
     BEGIN
     INSERT INTO approver (employee, approval, subject)
     SELECT UNHEX(SUBSTR(name.value, 11), '-'), NEW.id, UNHEX(SUBSTR(NEW.subject, INSTR(NEW.subject, '/') + 1), '-')
     FROM JSON_EACH(NEW.steps) step, JSON_EACH(step.value, '$.approvers') name
     WHERE name.value LIKE 'employees/%' AND LENGTH(UNHEX(SUBSTR(name.value, 11), '-')) = 16
     ON CONFLICT DO NOTHING;
     END",
    "CREATE TRIGGER approvers_update AFTER UPDATE OF steps ON approval WHEN OLD.steps <> NEW.steps
     BEGIN
     INSERT INTO approver (employee, approval, subject)
     SELECT UNHEX(SUBSTR(name.value, 11), '-'), NEW.id, UNHEX(SUBSTR(NEW.subject, INSTR(NEW.subject, '/') + 1), '-')
     FROM JSON_EACH(NEW.steps) step, JSON_EACH(step.value, '$.approvers') name
     WHERE name.value LIKE 'employees/%' AND LENGTH(UNHEX(SUBSTR(name.value, 11), '-')) = 16
     ON CONFLICT DO NOTHING;
     END",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("approver")
            .col(uuid("employee"))
            .col(uuid("approval"))
            .col(uuid("subject"))
            .primary_key(Index::create().col("employee").col("approval").col("subject"))
            .to_owned();
        manager.create_table(table).await?;
        let db = manager.get_connection();
        for (name, columns) in INDEXES {
            db.execute_unprepared(&format!("CREATE INDEX {name} ON {columns}")).await?;
        }
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let rest: &[&str] = if postgres { &POSTGRES } else { &SQLITE };
        for statement in rest {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let db = manager.get_connection();
        for trigger in ["approvers_insert", "approvers_update"] {
            let on = if postgres { " ON approval" } else { "" };
            db.execute_unprepared(&format!("DROP TRIGGER {trigger}{on}")).await?;
        }
        if postgres {
            db.execute_unprepared("DROP FUNCTION approvers()").await?;
        }
        for (name, _) in INDEXES {
            db.execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        manager.drop_table(Table::drop().table("approver").to_owned()).await
    }
}
