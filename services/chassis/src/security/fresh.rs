//! What is read from files, and read again when they change: a renewed certificate needs no restart.
//!
//! Whoever uses the value looks, at most once a second, whether the files' contents are still those it was made of; so
//! there is no watcher, and a mounted secret that is swapped by a link is found too. What cannot be read, or does not
//! fit together (the certificate is new, its key not yet), is told once, and the last good value stays in use.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// How long a value counts as looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct FileError {
    what: String,
    why: String,
}

impl FileError {
    pub(crate) fn new(what: impl Into<String>, why: impl ToString) -> Self {
        Self { what: what.into(), why: why.to_string() }
    }
}

type Load<T> = Box<dyn Fn(&[Vec<u8>]) -> Result<T, FileError> + Send + Sync>;

/// A value made of files.
pub(crate) struct Fresh<T> {
    files: Vec<PathBuf>,
    load: Load<T>,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Arc<T>,
    /// Of the contents that were looked at last, good or not: the same fault is told once.
    digest: Option<[u8; 32]>,
    looked: Instant,
}

impl<T> Fresh<T> {
    /// Reads the files for the first time; `load` gets their contents in this order.
    pub(crate) fn open(
        files: Vec<PathBuf>,
        load: impl Fn(&[Vec<u8>]) -> Result<T, FileError> + Send + Sync + 'static,
    ) -> Result<Self, FileError> {
        let contents = read(&files)?;
        let value = Arc::new(load(&contents)?);
        let state = State { value, digest: Some(digest(&contents)), looked: Instant::now() };
        Ok(Self { files, load: Box::new(load), state: Mutex::new(state) })
    }

    /// The value of the files as they are now, or as they last made sense.
    pub(crate) fn current(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK_AGAIN {
            state.looked = Instant::now();
            self.look(&mut state);
        }
        Arc::clone(&state.value)
    }

    fn look(&self, state: &mut State<T>) {
        let contents = read(&self.files);
        let seen = contents.as_deref().ok().map(digest);
        if seen == state.digest {
            return;
        }
        state.digest = seen;
        match contents.and_then(|contents| (self.load)(&contents)) {
            Ok(value) => {
                state.value = Arc::new(value);
                tracing::info!(files = ?self.files, "read anew");
            }
            Err(error) => tracing::warn!(%error, "changed files cannot be used; what they held before stays in use"),
        }
    }
}

impl<T> std::fmt::Debug for Fresh<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").field("files", &self.files).finish_non_exhaustive()
    }
}

fn read(files: &[PathBuf]) -> Result<Vec<Vec<u8>>, FileError> {
    files.iter().map(|file| fs::read(file).map_err(|error| FileError::new(file.display().to_string(), error))).collect()
}

fn digest(contents: impl AsRef<[Vec<u8>]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for content in contents.as_ref() {
        hash.update(content.len().to_be_bytes());
        hash.update(content);
    }
    hash.finalize().into()
}
