//! What the database alone could do: the least SQL of the same deal, one transaction per service step.
//!
//! No gRPC, no validation, no request ids, no history, no outbox, no flows: only the rows that the deal consists of,
//! each in a table with its key, one index, a state, a version and a body of the size that the real record has. A row
//! that a step changes is read first, as its rule would have to. Every commit is as durable as the suite's: on SQLite
//! `synchronous = FULL` in each commit, on PostgreSQL as the server is set. The suite cannot be faster than this
//! without doing less; how near it comes is the ratio.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use dealflow_chassis::Durability;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use uuid::Uuid;

use self::Sql::{Insert, InsertRows, Read, Update};
use crate::suite::{Databases, PartName};

/// What was found.
#[derive(Debug, Serialize)]
pub struct Limit {
    /// Deals per second.
    pub deals_per_second: f64,
    /// Transactions of one deal.
    pub transactions_per_deal: usize,
    /// Statements of one deal, without BEGIN and COMMIT.
    pub statements_per_deal: usize,
}

/// A table and the bytes of its rows' bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Table(&'static str, usize);

const LEAD: Table = Table("lead", 400);
const ACCOUNT: Table = Table("account", 200);
const CONTACT: Table = Table("contact", 150);
const OPPORTUNITY: Table = Table("opportunity", 500);
const ENTRY: Table = Table("entry", 900);
const ACTIVITY: Table = Table("activity", 500);
const QUOTE: Table = Table("quote", 800);
const ORDER: Table = Table("sales_order", 900);
const INVOICE: Table = Table("invoice", 800);
const NUMBER: Table = Table("number", 0);
const HANDOFF: Table = Table("handoff", 500);
const DOCUMENT: Table = Table("document", 400);

/// One statement; `Insert` makes the row that later statements of the deal read and update.
#[derive(Debug, Clone, Copy)]
enum Sql {
    Insert(Table),
    /// Several rows in one statement.
    InsertRows(Table, usize),
    Read(Table),
    Update(Table),
}

/// One service step: a transaction in a part's database.
type Step = (PartName, &'static [Sql]);

const CHANGE_LEAD: Step = (PartName::Leads, &[Read(LEAD), Update(LEAD)]);
const COMPLETE: Step = (PartName::Activities, &[Read(ACTIVITY), Update(ACTIVITY)]);
const RECORD: Step = (PartName::Opportunities, &[Read(OPPORTUNITY), Read(ENTRY), Update(ENTRY), Update(OPPORTUNITY)]);
const ADVANCE: Step =
    (PartName::Opportunities, &[Read(OPPORTUNITY), Read(ENTRY), Update(ENTRY), Insert(ENTRY), Update(OPPORTUNITY)]);
const PLAN_ONE: Step = (PartName::Activities, &[Insert(ACTIVITY)]);
const PLAN_TWO: Step = (PartName::Activities, &[InsertRows(ACTIVITY, 2)]);
const PLAN_THREE: Step = (PartName::Activities, &[InsertRows(ACTIVITY, 3)]);
const CHANGE_QUOTE: Step = (PartName::Orders, &[Read(QUOTE), Update(QUOTE)]);
const CHANGE_ORDER: Step = (PartName::Orders, &[Read(ORDER), Update(ORDER)]);
const STORE_HANDOFF: Step = (PartName::Gateway, &[Insert(HANDOFF)]);
const BOOK: Step = (PartName::Erp, &[Read(DOCUMENT), Update(NUMBER), Insert(DOCUMENT)]);
const DELIVERED: Step = (PartName::Gateway, &[Update(HANDOFF)]);

/// The deal of `deal.rs`, step by step.
const DEAL: &[Step] = &[
    // capture
    (PartName::Leads, &[Insert(LEAD)]),
    // qualify
    (PartName::Leads, &[Read(LEAD), Insert(ACCOUNT), Insert(CONTACT), Update(LEAD)]),
    (PartName::Opportunities, &[Insert(OPPORTUNITY), Insert(ENTRY)]),
    PLAN_TWO,
    CHANGE_LEAD,
    // develop, with the stages Qualification and Presentation
    (PartName::Opportunities, &[Read(OPPORTUNITY), Update(OPPORTUNITY)]),
    COMPLETE,
    RECORD,
    COMPLETE,
    ADVANCE,
    PLAN_ONE,
    COMPLETE,
    ADVANCE,
    PLAN_THREE,
    // propose, with the stage Proposal
    (PartName::Orders, &[Insert(QUOTE)]),
    CHANGE_QUOTE,
    CHANGE_QUOTE,
    COMPLETE,
    RECORD,
    COMPLETE,
    RECORD,
    COMPLETE,
    ADVANCE,
    PLAN_THREE,
    // close, with the stage Contracting
    (PartName::Orders, &[Read(QUOTE), Update(QUOTE), Insert(ORDER)]),
    CHANGE_ORDER,
    CHANGE_ORDER,
    STORE_HANDOFF,
    BOOK,
    DELIVERED,
    COMPLETE,
    RECORD,
    COMPLETE,
    RECORD,
    COMPLETE,
    ADVANCE,
    CHANGE_LEAD,
    (PartName::Orders, &[Read(QUOTE)]),
    // fulfill
    CHANGE_ORDER,
    (PartName::Orders, &[Read(ORDER), Insert(INVOICE), Update(ORDER)]),
    (PartName::Orders, &[Read(INVOICE), Update(NUMBER), Update(INVOICE)]),
    STORE_HANDOFF,
    BOOK,
    DELIVERED,
];

/// Runs as many deals, so many at a time, in tables of its own beside the suite's.
pub(super) async fn run(databases: &Databases, deals: u64, concurrency: u64) -> anyhow::Result<Limit> {
    let mut pools = HashMap::new();
    for part in PartName::ALL {
        let pool = connect(databases, part).await.with_context(|| format!("the limit's database of {part}"))?;
        make_tables(&pool, part).await?;
        pools.insert(part.word(), pool);
    }
    let pools = Arc::new(pools);
    run_deals(&pools, concurrency.min(deals), concurrency).await?; // fills caches and prepares statements
    let start = Instant::now();
    run_deals(&pools, deals, concurrency).await?;
    let seconds = start.elapsed().as_secs_f64();
    for pool in pools.values() {
        pool.close_by_ref().await?;
    }
    Ok(Limit {
        deals_per_second: deals as f64 / seconds,
        transactions_per_deal: DEAL.len(),
        statements_per_deal: DEAL.iter().map(|(_, statements)| statements.len()).sum(),
    })
}

async fn run_deals(
    pools: &Arc<HashMap<&'static str, DatabaseConnection>>,
    deals: u64,
    concurrency: u64,
) -> anyhow::Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let workers: Vec<_> = (0..concurrency.max(1))
        .map(|_| {
            let (pools, next) = (pools.clone(), next.clone());
            tokio::spawn(async move {
                while next.fetch_add(1, Ordering::Relaxed) < deals {
                    one_deal(&pools).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for worker in workers {
        worker.await.context("a worker of the limit ended")??;
    }
    Ok(())
}

async fn one_deal(pools: &HashMap<&'static str, DatabaseConnection>) -> anyhow::Result<()> {
    let mut made: HashMap<Table, Uuid> = HashMap::new();
    let deal = Uuid::now_v7();
    for (part, statements) in DEAL {
        let pool = pools.get(part.word()).context("every part has a pool")?;
        let mode = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..TransactionOptions::default() };
        let tx = match pool.get_database_backend() {
            DbBackend::Sqlite => pool.begin_with_options(options).await?,
            _ => pool.begin().await?,
        };
        for statement in *statements {
            execute(&tx, *statement, deal, &mut made).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn execute(
    tx: &DatabaseTransaction,
    sql: Sql,
    deal: Uuid,
    made: &mut HashMap<Table, Uuid>,
) -> anyhow::Result<()> {
    let backend = tx.get_database_backend();
    match sql {
        Insert(table) => insert(tx, table, 1, deal, made).await?,
        InsertRows(table, rows) => insert(tx, table, rows, deal, made).await?,
        Read(table) => {
            let lock = if backend == DbBackend::Postgres { " FOR UPDATE" } else { "" };
            let text = format!("SELECT id, deal, state, version, body FROM limit_{} WHERE id = $1{lock}", table.0);
            let id = made.get(&table).copied().unwrap_or(deal);
            tx.query_one_raw(Statement::from_sql_and_values(backend, text, [id.into()])).await?;
        }
        Update(table) => {
            let text =
                format!("UPDATE limit_{} SET state = $1, version = version + 1, body = $2 WHERE id = $3", table.0);
            let id = made.get(&table).copied().unwrap_or(Uuid::nil());
            let values = ["NEXT".into(), "y".repeat(table.1).into(), id.into()];
            tx.execute_raw(Statement::from_sql_and_values(backend, text, values)).await?;
        }
    }
    Ok(())
}

/// Inserts rows in one statement; the last is the one that later steps read and update.
async fn insert(
    tx: &DatabaseTransaction,
    table: Table,
    rows: usize,
    deal: Uuid,
    made: &mut HashMap<Table, Uuid>,
) -> anyhow::Result<()> {
    let mut places = Vec::with_capacity(rows);
    let mut values: Vec<sea_orm::Value> = Vec::with_capacity(rows * 5);
    for row in 0..rows {
        let id = Uuid::now_v7();
        made.insert(table, id);
        let first = row * 5 + 1;
        places.push(format!("(${}, ${}, ${}, ${}, ${})", first, first + 1, first + 2, first + 3, first + 4));
        values.extend([id.into(), deal.into(), "NEW".into(), 1_i64.into(), "x".repeat(table.1).into()]);
    }
    let text = format!("INSERT INTO limit_{} (id, deal, state, version, body) VALUES {}", table.0, places.join(", "));
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), text, values)).await?;
    Ok(())
}

async fn connect(databases: &Databases, part: PartName) -> anyhow::Result<DatabaseConnection> {
    let mut options = match &databases.database_url {
        Some(url) => {
            let mut options = ConnectOptions::new(url.expose_secret());
            options.max_connections(databases.database_connections).set_schema_search_path(part.word());
            options
        }
        None => {
            let file = databases.data.join(format!("{part}-limit.db"));
            let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
            let full = databases.durability == Durability::Full;
            options.max_connections(1).map_sqlx_sqlite_opts(move |sqlite| {
                let synchronous = if full { "FULL" } else { "NORMAL" };
                sqlite.pragma("journal_mode", "WAL").pragma("synchronous", synchronous).pragma("cache_size", "-16000")
            });
            options
        }
    };
    options
        .sqlx_logging(false)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(30));
    Ok(Database::connect(options).await?)
}

/// The tables of the part's rows; those of an earlier run are dropped.
async fn make_tables(pool: &DatabaseConnection, part: PartName) -> anyhow::Result<()> {
    let (id, text) = match pool.get_database_backend() {
        DbBackend::Sqlite => ("uuid_text", "text"),
        _ => ("uuid", "text"),
    };
    let mut tables: Vec<&str> = DEAL
        .iter()
        .filter(|(owner, _)| *owner == part)
        .flat_map(|(_, statements)| statements.iter())
        .map(|statement| match statement {
            Insert(table) | InsertRows(table, _) | Read(table) | Update(table) => table.0,
        })
        .collect();
    tables.sort_unstable();
    tables.dedup();
    for table in tables {
        pool.execute_unprepared(&format!("DROP TABLE IF EXISTS limit_{table}")).await?;
        pool.execute_unprepared(&format!(
            "CREATE TABLE limit_{table} (id {id} NOT NULL PRIMARY KEY, deal {id} NOT NULL, state {text} NOT NULL, \
             version bigint NOT NULL, body {text} NOT NULL)"
        ))
        .await?;
        pool.execute_unprepared(&format!("CREATE INDEX limit_{table}_by_deal ON limit_{table} (deal)")).await?;
    }
    if part == PartName::Orders || part == PartName::Erp {
        // The counter that numbers are drawn from: one row that all deals share.
        let first = "INSERT INTO limit_number (id, deal, state, version, body) VALUES ($1, $1, $2, $3, $4)";
        let values = [Uuid::nil().into(), "NUMBER".into(), 0_i64.into(), "".into()];
        pool.execute_raw(Statement::from_sql_and_values(pool.get_database_backend(), first, values)).await?;
    }
    Ok(())
}
