//! Queries outside a transaction, bounded by the deadline of the call at hand.
//!
//! A handler whose time is up is dropped, but PostgreSQL would go on with its statement, and the connection be lost to
//! others for as long. So a statement may take [`LONGEST`] on any connection, and where a call has less than [`HURRY`]
//! left, it may take no more than that: in a transaction of its own, which costs three statements, and which calls of
//! usual patience do not pay.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    TransactionTrait,
};

use crate::deadline::Deadline;

/// How long a statement may take at most.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);
/// With less time left than this a call bounds its statements by itself.
const HURRY: Duration = Duration::from_secs(10);

/// The pool that queries outside a transaction use.
#[derive(Debug, Clone)]
pub struct Reader(pub(crate) DatabaseConnection);

/// What is left for a statement of a call in a hurry, on PostgreSQL.
fn left(backend: DbBackend) -> Option<Duration> {
    let left = Deadline::current()?.remaining();
    (backend == DbBackend::Postgres && left < HURRY).then_some(left)
}

/// Bounds what follows in a transaction by the deadline at hand.
pub(crate) async fn bound(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if let Some(left) = left(tx.get_database_backend()) {
        // 0 would mean no bound.
        let millis = left.as_millis().max(1);
        tx.execute_unprepared(&format!("SET LOCAL statement_timeout = {millis}")).await?;
    }
    Ok(())
}

impl Reader {
    /// A transaction for one statement, if the call at hand is in a hurry.
    async fn hurried(&self) -> Result<Option<DatabaseTransaction>, DbErr> {
        if left(self.get_database_backend()).is_none() {
            return Ok(None);
        }
        let tx = self.0.begin().await?;
        bound(&tx).await?;
        Ok(Some(tx))
    }
}

#[tonic::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let Some(tx) = self.hurried().await? else { return self.0.execute_raw(statement).await };
        let answer = tx.execute_raw(statement).await?;
        tx.commit().await?;
        Ok(answer)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let Some(tx) = self.hurried().await? else { return self.0.execute_unprepared(sql).await };
        let answer = tx.execute_unprepared(sql).await?;
        tx.commit().await?;
        Ok(answer)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let Some(tx) = self.hurried().await? else { return self.0.query_one_raw(statement).await };
        let answer = tx.query_one_raw(statement).await?;
        tx.commit().await?;
        Ok(answer)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let Some(tx) = self.hurried().await? else { return self.0.query_all_raw(statement).await };
        let answer = tx.query_all_raw(statement).await?;
        tx.commit().await?;
        Ok(answer)
    }
}
