//! Whose data a folder is while a suite runs: one lock per part, held by the system for as long as the process lives.
//!
//! A whole suite holds the locks of all parts, a part that runs alone only its own. A killed process leaves none: the
//! files stay, their locks do not. On PostgreSQL any number of replicas may run, and nothing is held.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::suite::PartName;

/// Locks on the parts of a data folder; let go when dropped.
#[derive(Debug)]
pub struct Hold(Vec<File>);

impl Hold {
    /// Takes the parts of a folder for this process.
    ///
    /// # Errors
    /// Where another process has one of them: says which process, and how to reach it.
    pub fn take(folder: &Path, parts: &[PartName]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut held = Vec::with_capacity(parts.len());
        for part in parts {
            let path = folder.join(format!("{part}.running"));
            let open = File::options().create(true).truncate(false).read(true).write(true).open(&path);
            let mut file = open.with_context(|| format!("{} cannot be opened", path.display()))?;
            match file.try_lock() {
                Ok(()) => held.push(file),
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    file.read_to_string(&mut holder).with_context(|| format!("{} cannot be read", path.display()))?;
                    bail!("{}", taken(folder, *part, holder.trim()));
                }
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("{} cannot be locked", path.display()));
                }
            }
        }
        Ok(Self(held))
    }

    /// Writes down where a part is reached, for the message that the next one gets; the last one stays: the gateway.
    pub(crate) fn tell(&mut self, part: PartName, address: &str) -> anyhow::Result<()> {
        for file in &mut self.0 {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "process {}, {part} at {address}", std::process::id())?;
        }
        Ok(())
    }
}

fn taken(folder: &Path, part: PartName, holder: &str) -> String {
    let by = if holder.is_empty() { "another process".to_owned() } else { format!("another suite ({holder})") };
    format!(
        "{} is in use: {by} keeps {part} in it; talk to that one with --gateway, or choose another folder with --data",
        folder.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_suite_on_the_same_folder_is_told_who_has_it() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut first = Hold::take(folder.path(), &PartName::ALL)?;
        first.tell(PartName::Leads, "http://127.0.0.1:7401")?;
        first.tell(PartName::Gateway, "http://127.0.0.1:7400")?;
        let refused = Hold::take(folder.path(), &PartName::ALL).map_err(|error| error.to_string());
        let refused = refused.err().unwrap_or_default();
        assert!(refused.contains("is in use") && refused.contains("gateway at http://127.0.0.1:7400)"), "{refused}");
        assert!(refused.contains("--gateway") && refused.contains("--data"), "{refused}");
        Ok(())
    }

    #[test]
    fn a_part_alone_holds_only_itself_and_lets_go_at_its_end() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let leads = Hold::take(folder.path(), &[PartName::Leads])?;
        let _orders = Hold::take(folder.path(), &[PartName::Orders])?;
        assert!(Hold::take(folder.path(), &[PartName::Leads]).is_err());
        drop(leads);
        Hold::take(folder.path(), &[PartName::Leads])?;
        Ok(())
    }
}
