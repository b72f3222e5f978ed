//! A database for each test: a SQLite folder of its own, or a database of its own on the process's cluster.

use std::path::Path;
use std::sync::Arc;

use dealflow_chassis::{Clock, Durability, Store, StoreConfig};
use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;
use uuid::Uuid;

use crate::cluster::{Cluster, REQUIRE, postgres_available};

/// Connections that one store may hold: a test of seven parts stays far below the cluster's 400.
const CONNECTIONS: u32 = 8;

/// The two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file for each part.
    Sqlite,
    /// A schema for each part.
    Postgres,
}

/// One test's database; gone when it is dropped.
#[derive(Debug)]
pub struct TestDb {
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder(TempDir),
    Database { cluster: Arc<Cluster>, name: String },
}

impl TestDb {
    /// An empty database; panics where PostgreSQL is asked for and not installed.
    pub async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = tempfile::Builder::new().prefix("dealflow-").tempdir();
                Self { place: Place::Folder(folder.expect("a temporary folder can be made")) }
            }
            Kind::Postgres => {
                let cluster = tokio::task::spawn_blocking(Cluster::shared).await;
                Self::on(cluster.expect("the cluster starts")).await
            }
        }
    }

    /// An empty database on PostgreSQL; `None`, said in one line, where it is not installed and need not be.
    pub async fn postgres() -> Option<Self> {
        if postgres_available().is_some() {
            return Some(Self::new(Kind::Postgres).await);
        }
        let required = std::env::var_os(REQUIRE).is_some_and(|value| value == "1");
        assert!(!required, "PostgreSQL is not installed, and {REQUIRE}=1 asks for it");
        eprintln!("not run: PostgreSQL is not installed");
        None
    }

    /// An empty database on a cluster of the test's own.
    pub async fn on(cluster: Arc<Cluster>) -> Self {
        let name = format!("t_{}", Uuid::new_v4().simple());
        cluster.execute(&format!("CREATE DATABASE {name}")).await.expect("a database can be made");
        Self { place: Place::Database { cluster, name } }
    }

    /// A copy of its own, of a database that nobody is connected to.
    pub async fn copy(&self) -> Self {
        match &self.place {
            Place::Folder(folder) => {
                let copy = Self::new(Kind::Sqlite).await;
                if let Place::Folder(to) = &copy.place {
                    copy_files(folder.path(), to.path()).expect("the folder can be copied");
                }
                copy
            }
            Place::Database { cluster, name: template } => {
                let name = format!("t_{}", Uuid::new_v4().simple());
                let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
                cluster.execute(&sql).await.expect("the database can be copied");
                Self { place: Place::Database { cluster: cluster.clone(), name } }
            }
        }
    }

    /// Which database it is.
    pub fn kind(&self) -> Kind {
        match self.place {
            Place::Folder(_) => Kind::Sqlite,
            Place::Database { .. } => Kind::Postgres,
        }
    }

    /// Where a part keeps its records here; the same part gets the same place again.
    pub fn config_for(&self, part: &str) -> StoreConfig {
        match &self.place {
            Place::Folder(folder) => {
                StoreConfig::Sqlite { path: folder.path().join(format!("{part}.db")), durability: Durability::Relaxed }
            }
            Place::Database { cluster, name } => StoreConfig::Postgres {
                url: cluster.url(name).into(),
                schema: part.replace('-', "_"),
                max_connections: CONNECTIONS,
            },
        }
    }

    /// Opens a part's store, migrated.
    pub async fn store<M: MigratorTrait + 'static>(&self, part: &str, clock: Clock) -> Store {
        Store::open::<M>(&self.config_for(part), clock).await.expect("the store opens")
    }

    /// Ends every connection to this database from the server's side, as a failing network does; nothing on SQLite.
    pub async fn cut_connections(&self) {
        if let Place::Database { cluster, name } = &self.place {
            let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
            cluster.execute(&cut).await.expect("connections can be ended");
        }
    }
}

impl Drop for TestDb {
    /// Frees the database's space and connections at once: the cluster serves hundreds of tests.
    fn drop(&mut self) {
        let Place::Database { cluster, name } = &self.place else {
            return;
        };
        let (cluster, sql) = (cluster.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        // The test's runtime may be on its way out; a thread with one of its own is not.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(cluster.execute(&sql)).map_err(std::io::Error::other)
        });
        match dropping.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("{name} stays until the cluster is removed: {error}"),
            Err(_) => eprintln!("{name} stays until the cluster is removed"),
        }
    }
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    for file in std::fs::read_dir(from)? {
        let file = file?;
        std::fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

/// What a test function may return; for [`crate::both!`].
pub trait Verdict {
    /// The verdict of a test that could not run here.
    fn not_run() -> Self;
}

impl Verdict for () {
    fn not_run() -> Self {}
}

impl<E> Verdict for Result<(), E> {
    fn not_run() -> Self {
        Ok(())
    }
}
