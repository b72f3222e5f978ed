//! The process library (R-PRC-2): what ships, what is stored, and what is in memory.
//!
//! - `text`        texts in both languages
//! - `stages`      the stage lookup
//! - `definition`  a process as its file says it; `check` what it must hold to
//! - `stored`      its versions in the database
//!
//! At start the files that ship are registered; a changed one is a new version. The latest version of each process is
//! what new runs start on, older ones are read when a run asks for them, and kept.

mod check;
mod definition;
mod stages;
mod stored;
mod text;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use dealflow_chassis::Store;
use sea_orm::{ConnectionTrait, EntityTrait};

pub use definition::{ActivityType, Control, Effect, Fault, Outcome, Process, ProcessStage, Template};
pub use stages::{ForecastCategory, Meaning, Stage, Stages};
pub use text::{Language, Text};

use crate::error::{Error, StartError};

/// The definitions that ship: file and content.
pub const SHIPPED: &[(&str, &str)] = &[("corporate-sale.yaml", include_str!("../../processes/corporate-sale.yaml"))];

/// The library of one part.
#[derive(Debug)]
pub struct Library {
    /// The stage lookup.
    pub stages: Arc<Stages>,
    latest: BTreeMap<String, Arc<Process>>,
    pinned: RwLock<BTreeMap<(String, i32), Arc<Process>>>,
}

impl Library {
    /// Registers what ships and reads the latest version of every process.
    ///
    /// # Errors
    /// [`StartError`] if a definition is wrong or the database does not answer.
    pub async fn open(store: &Store) -> Result<Self, StartError> {
        let stages = Arc::new(Stages::shipped()?);
        let now = store.clock().now();
        let tx = store.begin().await?;
        for (file, body) in SHIPPED {
            let process = Process::parse(file, body, &stages)?;
            stored::register(&tx, &process.id.value, body, now).await?;
        }
        let latest = stored::latest(&tx).await?;
        tx.commit().await?;
        let latest = latest
            .into_iter()
            .map(|row| Ok((row.process.clone(), Arc::new(read(&row, &stages)?))))
            .collect::<Result<BTreeMap<_, _>, Fault>>()?;
        Ok(Self { stages, latest, pinned: RwLock::default() })
    }

    /// The latest version of each process.
    pub fn processes(&self) -> impl Iterator<Item = &Arc<Process>> {
        self.latest.values()
    }

    /// The latest version of the process of a slug.
    pub fn latest(&self, id: &str) -> Option<&Arc<Process>> {
        self.latest.get(id)
    }

    /// The process that a person means: `processes/corporate-sale`, or its name in either language (R-PRC-1).
    pub fn named(&self, name: &str) -> Option<&Arc<Process>> {
        let slug = name.trim().strip_prefix("processes/");
        slug.and_then(|slug| self.latest(slug))
            .or_else(|| self.processes().find(|process| process.captions.is_named(name)))
    }

    /// The version that a run is pinned to.
    pub async fn pinned(&self, db: &impl ConnectionTrait, id: &str, version: i32) -> Result<Arc<Process>, Error> {
        if let Some(latest) = self.latest(id).filter(|latest| latest.version == version) {
            return Ok(latest.clone());
        }
        let key = (id.to_owned(), version);
        let known = self.pinned.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let row = stored::Entity::find_by_id(key.clone()).one(db).await?;
        let row = row.ok_or_else(|| Error::Broken(format!("no version {version} of the process {id} is stored")))?;
        let process = Arc::new(read(&row, &self.stages).map_err(|fault| Error::Broken(fault.to_string()))?);
        self.pinned.write().unwrap_or_else(PoisonError::into_inner).insert(key, process.clone());
        Ok(process)
    }

    /// Refuses to start where the lookup gives a stage another meaning while opportunities are in it (R-OPP-3).
    ///
    /// # Errors
    /// [`StartError::Meaning`] for the first such stage, or what the database says.
    pub async fn check_meanings(&self, store: &Store) -> Result<(), StartError> {
        for (state, stage) in crate::opportunity::states_and_stages(store.reader()).await? {
            let meaning = self.stages.get(&stage).map(|stage| stage.meaning);
            if meaning != Some(state.meaning()) {
                return Err(StartError::Meaning { stage, state });
            }
        }
        Ok(())
    }
}

/// A stored definition; that it once passed the check is no reason not to check it again.
fn read(row: &stored::Model, stages: &Stages) -> Result<Process, Fault> {
    let file = format!("{} version {}", row.process, row.version);
    let process = Process::parse(&file, &row.body, stages)?;
    Ok(Process { version: row.version, ..process })
}
