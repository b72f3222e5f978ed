//! In which sales an employee works beside the owner: what those who are in a team see (R-SEC-1), by an index.
//!
//! The team itself stands in its opportunity. The rows here follow it by triggers: no verb can forget them, and an older
//! replica that runs beside leaves them too. Where there is no team they cost nothing.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The table, and what fills it.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const POSTGRES: [&str; 4] = [
    "INSERT INTO opportunity_member (employee, opportunity)
     SELECT DISTINCT (member->>'employee')::uuid, o.id
     FROM opportunity o, jsonb_array_elements(o.team) member",
    "CREATE FUNCTION opportunity_members() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     DELETE FROM opportunity_member WHERE opportunity = NEW.id;
     INSERT INTO opportunity_member (employee, opportunity)
     SELECT DISTINCT (member->>'employee')::uuid, NEW.id FROM jsonb_array_elements(NEW.team) member;
     RETURN NULL;
     END $$",
    "CREATE TRIGGER opportunity_members_insert AFTER INSERT ON opportunity FOR EACH ROW
     WHEN (NEW.team <> '[]') EXECUTE FUNCTION opportunity_members()",
    "CREATE TRIGGER opportunity_members_update AFTER UPDATE OF team ON opportunity FOR EACH ROW
     WHEN (OLD.team <> NEW.team) EXECUTE FUNCTION opportunity_members()",
];

const SQLITE: [&str; 3] = [
    "INSERT INTO opportunity_member (employee, opportunity)
     SELECT DISTINCT UNHEX(JSON_EXTRACT(member.value, '$.employee'), '-'), o.id
     FROM opportunity o, JSON_EACH(o.team) member",
    "CREATE TRIGGER opportunity_members_insert AFTER INSERT ON opportunity WHEN NEW.team <> '[]'
     BEGIN
     INSERT INTO opportunity_member (employee, opportunity)
     SELECT DISTINCT UNHEX(JSON_EXTRACT(member.value, '$.employee'), '-'), NEW.id FROM JSON_EACH(NEW.team) member;
     END",
    "CREATE TRIGGER opportunity_members_update AFTER UPDATE OF team ON opportunity WHEN OLD.team <> NEW.team
     BEGIN
     DELETE FROM opportunity_member WHERE opportunity = NEW.id;
     INSERT INTO opportunity_member (employee, opportunity)
     SELECT DISTINCT UNHEX(JSON_EXTRACT(member.value, '$.employee'), '-'), NEW.id FROM JSON_EACH(NEW.team) member;
     END",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("opportunity_member")
            .col(uuid("employee"))
            .col(uuid("opportunity"))
            .primary_key(Index::create().col("employee").col("opportunity"))
            .to_owned();
        manager.create_table(table).await?;
        let by_opportunity = "CREATE INDEX opportunity_member_of ON opportunity_member (opportunity)";
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let rest: &[&str] = if postgres { &POSTGRES } else { &SQLITE };
        for statement in [by_opportunity].iter().chain(rest) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let db = manager.get_connection();
        for trigger in ["opportunity_members_insert", "opportunity_members_update"] {
            let on = if postgres { " ON opportunity" } else { "" };
            db.execute_unprepared(&format!("DROP TRIGGER {trigger}{on}")).await?;
        }
        if postgres {
            db.execute_unprepared("DROP FUNCTION opportunity_members()").await?;
        }
        manager.drop_table(Table::drop().table("opportunity_member").to_owned()).await
    }
}
