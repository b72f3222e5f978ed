//! The files in which an operator says how our words are called in the ERP: YAML, read once at the start, and refused
//! as a whole with everything that it lacks.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be read.
    #[error("{} cannot be read: {why}", file.display())]
    Unread {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// It lacks entries; the list is complete.
    #[error("{} is not complete: {}", file.display(), missing.join("; "))]
    Incomplete {
        /// The file.
        file: PathBuf,
        /// What is missing, entry by entry.
        missing: Vec<String>,
    },
}

/// What a file holds, once nothing is missing in it.
pub(crate) fn read<T: DeserializeOwned>(file: &Path, missing: impl Fn(&T) -> Vec<String>) -> Result<T, DataError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| DataError::Unread { file: file.to_owned(), why: error.to_string() })?;
    parsed(file, &text, missing)
}

/// The same of its text.
pub(crate) fn parsed<T: DeserializeOwned>(
    file: &Path,
    text: &str,
    missing: impl Fn(&T) -> Vec<String>,
) -> Result<T, DataError> {
    let unread = |why: String| DataError::Unread { file: file.to_owned(), why };
    let held: T = serde_saphyr::from_str(text).map_err(|error| unread(error.without_snippet().to_string()))?;
    let missing = missing(&held);
    if missing.is_empty() { Ok(held) } else { Err(DataError::Incomplete { file: file.to_owned(), missing }) }
}
