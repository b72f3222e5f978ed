//! One sync of SQLite's log for all commits that wait for one.
//!
//! With `synchronous = FULL` SQLite syncs its write-ahead log inside each commit, while it holds the only writer: one
//! commit per sync, and nobody works meanwhile. Here the connection runs with `NORMAL`, which writes the same frames and
//! syncs them only at a checkpoint, and the commit is acknowledged after this module has synced the log file. That is
//! the same promise (an acknowledged commit survives a power loss), but the next transaction runs during the sync, and
//! all that committed before a sync began share it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// The log of one database file.
#[derive(Clone)]
pub(crate) struct LogSync(Arc<Inner>);

struct Inner {
    log: PathBuf,
    /// Commits that asked for a sync so far.
    asked: AtomicU64,
    /// The commits that are synced. Who holds the lock syncs; who waits for it may find the work done.
    synced: Mutex<u64>,
}

impl LogSync {
    /// The log beside a database file.
    pub(crate) fn of(database: &Path) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        Self(Arc::new(Inner { log: log.into(), asked: AtomicU64::new(0), synced: Mutex::new(0) }))
    }

    /// Returns when everything that was committed before the call is on disk.
    pub(crate) async fn sync(&self) -> io::Result<()> {
        let mine = self.0.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut synced = self.0.synced.lock().await;
        if *synced >= mine {
            return Ok(());
        }
        let all = self.0.asked.load(Ordering::Acquire);
        let log = self.0.log.clone();
        // Opened anew each time: the file is the one that stands now. SQLite holds no lock on it that closing could drop.
        let done = tokio::task::spawn_blocking(move || File::open(&log)?.sync_data()).await;
        done.map_err(io::Error::other)??;
        *synced = all;
        Ok(())
    }
}
