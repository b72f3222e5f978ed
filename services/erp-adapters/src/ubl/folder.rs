//! A folder that somebody reads: a file per external id, there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use dealflow_chassis::Refusal;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Put;
use crate::submission::{Submission, hex, other_content};

/// What is being written: hidden, and not named as what is ready.
const PART: &str = ".part";
/// After this long it is nobody's work any more.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The folder.
pub(super) struct Folder(PathBuf);

/// What stands under a name now.
enum Stands {
    /// The file with these bytes.
    Ours,
    /// A file with others, of this hash.
    Other(String),
}

impl Folder {
    /// Makes the folder, tries to write to it, and clears away what killed processes left half written.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let probe = folder.join(format!(".{}{PART}", Uuid::new_v4()));
        File::create(&probe)?;
        fs::remove_file(&probe)?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let old = entry
                .metadata()
                .and_then(|data| data.modified())
                .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > ABANDONED));
            let name = entry.file_name();
            if old && name.to_string_lossy().starts_with('.') && name.to_string_lossy().ends_with(PART) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self(folder))
    }

    /// Writes a document: to a name of its own, synced, then renamed. A file that is there already with the same bytes
    /// is the same answer; one with other bytes is left as it is.
    pub(super) async fn put(&self, submission: &Submission, xml: String) -> Put {
        let name = name_of(&submission.external_id);
        let (folder, file) = (self.0.clone(), name.clone());
        let written = tokio::task::spawn_blocking(move || write(&folder, &file, xml.as_bytes())).await;
        match written.map_err(io::Error::other).and_then(|written| written) {
            Ok(Stands::Ours) => Put::Taken(name),
            Ok(Stands::Other(sha256)) => Put::Unknown(other_content(&submission.external_id, &name, &sha256)),
            Err(error) => {
                tracing::error!(%error, file = name, "a document cannot be written to the folder");
                Put::Unknown(Refusal::unavailable("the folder cannot be written to", Duration::from_secs(10)).into())
            }
        }
    }
}

/// `dealflow:order:SO-000017` is `dealflow_order_SO-000017.xml`, a name that every system takes. A `_` of the id itself is a
/// `~`, which no id holds: no two ids have one name.
fn name_of(external_id: &str) -> String {
    format!("{}.xml", external_id.replace('_', "~").replace(':', "_"))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<Stands> {
    let ready = folder.join(name);
    match fs::read(&ready) {
        Ok(there) if there == bytes => return Ok(Stands::Ours),
        Ok(there) => return Ok(Stands::Other(hex(&Sha256::digest(&there)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let part = folder.join(format!(".{name}.{}{PART}", Uuid::new_v4()));
    let mut file = File::create(&part)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&part, &ready));
    if let Err(error) = written {
        // What could not be written cannot always be removed either; it is cleared away at the next start.
        fs::remove_file(&part)
            .or_else(|left| if left.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(left) })?;
        return Err(error);
    }
    // The name survives a power loss too.
    File::open(folder)?.sync_all()?;
    Ok(Stands::Ours)
}
