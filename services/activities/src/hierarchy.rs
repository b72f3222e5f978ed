//! Who leads whom: the line upwards and the people below, each in one recursive query (R-ACT-7).

use sea_orm::entity::prelude::*;
use sea_orm::{DbBackend, ExprTrait, Statement};

use crate::employee::{Column, Entity, Model};
use crate::error::Error;

/// No line upwards is longer; a cycle, which nothing can make, would end here.
const MOST_LEVELS: u32 = 100;

/// The condition of being led by a manager, directly or all the way down; the manager is not among them.
pub fn reports(manager: Uuid, all_levels: bool, backend: DbBackend) -> Expr {
    if !all_levels {
        return Column::Manager.eq(manager);
    }
    Column::Id.ne(manager).and(Expr::cust(format!("employee.id IN ({})", below(manager, backend))))
}

/// The condition that an activity is to be done by this person or by somebody below.
pub fn of_team(manager: Uuid, backend: DbBackend) -> Expr {
    Expr::cust(format!("activity.performer IN ({})", below(manager, backend)))
}

/// A select of the ids of a manager and of all below. UNION without ALL: whom it has seen it does not follow again.
fn below(manager: Uuid, backend: DbBackend) -> String {
    let root = literal(manager, backend);
    format!(
        "WITH RECURSIVE below(id) AS (SELECT {root} UNION \
         SELECT led.id FROM employee led JOIN below ON led.manager = below.id) SELECT id FROM below"
    )
}

/// The line upwards, the nearest first.
pub async fn managers(db: &impl ConnectionTrait, of: Uuid) -> Result<Vec<Model>, Error> {
    let backend = db.get_database_backend();
    let sql = format!(
        "WITH RECURSIVE above(id, level) AS (\
         SELECT manager, 1 FROM employee WHERE id = {} AND manager IS NOT NULL UNION ALL \
         SELECT led.manager, level + 1 FROM employee led JOIN above ON led.id = above.id \
         WHERE led.manager IS NOT NULL AND level < {MOST_LEVELS}) \
         SELECT employee.* FROM employee JOIN above ON employee.id = above.id ORDER BY above.level",
        literal(of, backend)
    );
    Ok(Entity::find().from_raw_sql(Statement::from_string(backend, sql)).all(db).await?)
}

/// Whether somebody leads somebody, at whatever distance.
pub async fn is_above(db: &impl ConnectionTrait, who: Uuid, whom: Uuid) -> Result<bool, Error> {
    Ok(managers(db, whom).await?.iter().any(|manager| manager.id == who))
}

/// Refuses a manager who is led by the employee, and keeps the hierarchy still until the end of the transaction: two
/// changes at once could make a cycle of which neither sees the other half.
pub async fn check_no_cycle(tx: &impl ConnectionTrait, employee: Uuid, manager: Uuid) -> Result<(), Error> {
    if tx.get_database_backend() == DbBackend::Postgres {
        let lock = "SELECT pg_advisory_xact_lock(hashtext('dealflow-hierarchy-' || current_schema()))";
        tx.execute_unprepared(lock).await?;
    }
    if employee == manager || is_above(tx, employee, manager).await? {
        return Err(Error::Cycle { employee, manager });
    }
    Ok(())
}

/// A UUID as this database writes it. Nothing but a UUID comes here, so there is nothing to escape.
fn literal(id: Uuid, backend: DbBackend) -> String {
    match backend {
        DbBackend::Sqlite => format!("x'{}'", id.simple()),
        _ => format!("'{id}'::uuid"),
    }
}
