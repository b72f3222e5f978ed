//! A part's database: SQLite in a file of its own, or a schema of its own on PostgreSQL, behind one behaviour.
//!
//! SQLite has one writer connection, so that writers queue fairly instead of spinning on a lock, and a pool of readers
//! that cannot write. What is acknowledged is on disk, unless the durability is relaxed (see `log_sync.rs`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::database_url;
use crate::log_sync::LogSync;
use crate::reader::{self, Reader};
use crate::schema;
use crate::settings::Recent;
use crate::telemetry::{self, Database as Told};

/// How long statements may take to end when a store is closed.
const CLOSING: Duration = Duration::from_secs(2);

/// Where a part keeps its records.
#[derive(Debug, Clone)]
pub enum StoreConfig {
    /// A SQLite file; made with its folder where it is not there.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What survives: `Full` also a power loss, `Relaxed` only the death of the process.
        durability: Durability,
    },
    /// A schema on PostgreSQL; made where it is not there.
    Postgres {
        /// `postgres://user:password@host/database`.
        url: SecretString,
        /// The schema, e.g. `leads`.
        schema: String,
        /// Connections at most.
        max_connections: u32,
    },
}

impl StoreConfig {
    /// The name of the schema, or of the file without its folder and ending.
    fn namespace(&self) -> String {
        match self {
            Self::Sqlite { path, .. } => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Postgres { schema, .. } => schema.clone(),
        }
    }
}

/// A pool of connections, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) name: &'static str,
    pub(crate) used: u32,
    pub(crate) idle: u32,
    pub(crate) max: u32,
}

impl Pool {
    fn of<D: sqlx::Database>(name: &'static str, pool: &sqlx::Pool<D>) -> Self {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        Self { name, used: pool.size().saturating_sub(idle), idle, max: pool.options().get_max_connections() }
    }
}

/// What an acknowledged write survives on SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A power loss too: the log is synced before a commit is acknowledged.
    #[default]
    Full,
    /// The death of the process, not a power loss.
    Relaxed,
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "full" => Ok(Self::Full),
            "relaxed" => Ok(Self::Relaxed),
            other => Err(format!("`{other}` is not a durability; known are full, relaxed")),
        }
    }
}

/// A commit on its way: done when it survives what the durability promises, and told to nobody yet.
pub type Committing = BoxFuture<'static, Result<(), DbErr>>;

/// What is put round each commit of a store.
pub type AroundCommits = Arc<dyn Fn(Committing) -> Committing + Send + Sync>;

/// Brings a database to a part's schema.
type Migrate = fn(&DatabaseConnection) -> BoxFuture<'_, Result<(), DbErr>>;

/// A part's database, open and migrated.
#[derive(Clone)]
pub struct Store {
    writer: DatabaseConnection,
    reader: Reader,
    clock: Clock,
    changed: watch::Sender<u64>,
    statements: Arc<AtomicU64>,
    told: Arc<Told>,
    log: Option<LogSync>,
    around: Option<AroundCommits>,
    settings: Arc<Recent>,
}

impl Store {
    /// Opens the database, makes it where it is not there, and migrates it. Instances that start at once wait for
    /// each other: migrations take no lock of their own.
    pub fn open<M: MigratorTrait + 'static>(config: &StoreConfig, clock: Clock) -> BoxFuture<'_, Result<Self, DbErr>> {
        Self::open_and(|db| Box::pin(schema::expand::<M>(db)), config, clock).boxed()
    }

    /// The migrations that this version has for a database, in their order, each with whether it is applied. Nothing is
    /// changed, and nothing is made where there is nothing.
    ///
    /// # Errors
    /// What the database says.
    pub async fn migrations<M: MigratorTrait>(config: &StoreConfig) -> Result<Vec<(String, bool)>, DbErr> {
        let connection = match config {
            StoreConfig::Sqlite { path, .. } if !path.exists() => {
                return Ok(schema::all::<M>().into_iter().map(|name| (name, false)).collect());
            }
            StoreConfig::Sqlite { path, .. } => sqlite(path, true, 1).await?,
            StoreConfig::Postgres { url, schema, .. } => {
                database_url::reach(url.expose_secret()).await?;
                postgres(url, schema, 1, reader::LONGEST).await?
            }
        };
        let status = schema::status::<M>(&connection).await;
        connection.close().await?;
        status
    }

    async fn open_and(migrate: Migrate, config: &StoreConfig, clock: Clock) -> Result<Self, DbErr> {
        let (mut writer, mut reader, log) = match config {
            StoreConfig::Sqlite { path, durability } => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).map_err(|e| io(folder, &e))?;
                }
                let lock = lock_file(path)?;
                let writer = sqlite(path, false, 1).await?;
                migrate(&writer).await?;
                drop(lock);
                let log = (*durability == Durability::Full).then(|| LogSync::of(path));
                (writer, sqlite(path, true, 4).await?, log)
            }
            StoreConfig::Postgres { url, schema, max_connections } => {
                prepare_schema(migrate, url, schema).await?;
                let pool = postgres(url, schema, *max_connections, reader::LONGEST).await?;
                (pool.clone(), pool, None)
            }
        };
        let (changed, _) = watch::channel(0);
        let statements = Arc::new(AtomicU64::new(0));
        let told = Arc::new(Told { backend: writer.get_database_backend(), namespace: config.namespace() });
        for connection in [&mut writer, &mut reader] {
            let (statements, told) = (statements.clone(), told.clone());
            connection.set_metric_callback(move |it| {
                statements.fetch_add(1, Ordering::Relaxed);
                telemetry::ended(&told, &it.statement.sql, it.statement.values.is_some(), it.elapsed, it.failed);
            });
        }
        let reader = Reader(reader);
        Ok(Self { writer, reader, clock, changed, statements, told, log, around: None, settings: Arc::default() })
    }

    /// The same store with something round each of its commits: a drill dies before, inside or after one.
    #[must_use]
    pub fn around_commits(self, around: AroundCommits) -> Self {
        Self { around: Some(around), ..self }
    }

    /// For queries outside a transaction; on SQLite it cannot write.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// A write transaction. On SQLite it holds the only writer: nothing slow may be awaited inside.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        match self.backend() {
            DbBackend::Sqlite => {
                let mode = Some(SqliteTransactionMode::Immediate);
                let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
                self.writer.begin_with_options(options).await
            }
            _ => {
                let tx = self.writer.begin().await?;
                reader::bound(&tx).await?;
                Ok(tx)
            }
        }
    }

    /// Commits, and tells who waits for changes. When it returns, the change survives what the durability promises.
    pub async fn commit(&self, tx: DatabaseTransaction) -> Result<(), DbErr> {
        let began = Instant::now();
        let done = match &self.around {
            None => committed(tx, self.log.clone()).await,
            Some(around) => around(committed(tx, self.log.clone()).boxed()).await,
        };
        telemetry::ended(&self.told, "COMMIT", false, began.elapsed(), done.is_err());
        done?;
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
        Ok(())
    }

    /// Commits what can be made again from the rest, and nobody waits for: not synced, and nobody is woken.
    pub async fn commit_aside(&self, tx: DatabaseTransaction) -> Result<(), DbErr> {
        match &self.around {
            None => tx.commit().await,
            Some(around) => around(committed(tx, None).boxed()).await,
        }
    }

    /// Waits until everything that is committed survives what the durability promises. On SQLite a commit is seen before
    /// its sync is done; what was seen and goes out as a fact (an answer, an event) is settled first.
    pub(crate) async fn settle(&self) -> Result<(), DbErr> {
        settled(self.log.as_ref()).await
    }

    /// Wakes at each commit of this process; other replicas' commits are found by looking again after a while.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// How many transactions this process has committed here.
    pub fn commits(&self) -> u64 {
        *self.changed.borrow()
    }

    /// How many statements this process has sent, but for those that begin and end transactions.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// The pools: on SQLite the writer's and the readers', on PostgreSQL one for both.
    pub(crate) fn pools(&self) -> Vec<Pool> {
        match self.backend() {
            DbBackend::Postgres => vec![Pool::of("both", self.writer.get_postgres_connection_pool())],
            _ => vec![
                Pool::of("writer", self.writer.get_sqlite_connection_pool()),
                Pool::of("readers", self.reader.0.get_sqlite_connection_pool()),
            ],
        }
    }

    /// Which database it is.
    pub fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// What was read of settings a moment ago.
    pub(crate) fn settings(&self) -> &Arc<Recent> {
        &self.settings
    }

    /// The clock of this part.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> bool {
        self.reader.execute_unprepared("SELECT 1").await.is_ok()
    }

    /// Closes all connections; on SQLite the log is folded into the file.
    ///
    /// # Errors
    /// What the database says, or that a statement did not end in [`CLOSING`]: then it is left to the database.
    pub async fn close(self) -> Result<(), DbErr> {
        let closed = async {
            self.reader.0.close().await?;
            self.writer.close().await
        };
        let late = |_| Err(DbErr::Custom(format!("a statement did not end within {CLOSING:?}")));
        tokio::time::timeout(CLOSING, closed).await.unwrap_or_else(late)
    }
}

async fn committed(tx: DatabaseTransaction, log: Option<LogSync>) -> Result<(), DbErr> {
    tx.commit().await?;
    settled(log.as_ref()).await
}

async fn settled(log: Option<&LogSync>) -> Result<(), DbErr> {
    let Some(log) = log else { return Ok(()) };
    log.sync().await.map_err(|error| DbErr::Custom(format!("the log cannot be synced: {error}")))
}

async fn sqlite(path: &Path, read_only: bool, max: u32) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", path.display()));
    pool_options(&mut options, max).map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(10))
            .pragma("cache_size", "-16000")
            .pragma("temp_store", "memory");
        if read_only { sqlite.pragma("query_only", "on") } else { sqlite }
    });
    Database::connect(options).await
}

async fn postgres(url: &SecretString, schema: &str, max: u32, longest: Duration) -> Result<DatabaseConnection, DbErr> {
    let url = url.expose_secret();
    database_url::check(url)?;
    let mut options = ConnectOptions::new(url);
    pool_options(&mut options, max).set_schema_search_path(schema).set_application_name(format!("dealflow-{schema}"));
    options.statement_timeout(longest);
    Database::connect(options).await
}

/// What both pools have in common: a short wait for a connection (then UNAVAILABLE), no SQL in the log, no ping
/// before each use.
fn pool_options(options: &mut ConnectOptions, max: u32) -> &mut ConnectOptions {
    options
        .max_connections(max)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false)
        .test_before_acquire(false)
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
}

/// Makes the schema and migrates it under an advisory lock.
async fn prepare_schema(migrate: Migrate, url: &SecretString, schema: &str) -> Result<(), DbErr> {
    if schema.is_empty() || !schema.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        return Err(DbErr::Custom(format!("`{schema}` is no name for a schema: a-z and _ only")));
    }
    database_url::reach(url.expose_secret()).await?;
    // A migration takes as long as it takes.
    let connection = postgres(url, schema, 1, Duration::ZERO).await?;
    connection.execute_unprepared("SELECT pg_advisory_lock(hashtext('dealflow-migrate'))").await?;
    let migrated = async {
        connection.execute_unprepared(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await?;
        migrate(&connection).await
    }
    .await;
    connection.execute_unprepared("SELECT pg_advisory_unlock(hashtext('dealflow-migrate'))").await?;
    connection.close().await?;
    migrated
}

/// An exclusive lock beside the database, held while it is migrated.
fn lock_file(path: &Path) -> Result<File, DbErr> {
    let path = path.with_extension("lock");
    let file = File::options().create(true).write(true).truncate(false).open(&path).map_err(|e| io(&path, &e))?;
    file.lock().map_err(|e| io(&path, &e))?;
    Ok(file)
}

fn io(path: &Path, error: &std::io::Error) -> DbErr {
    DbErr::Custom(format!("{}: {error}", path.display()))
}
