//! The process library (R-PRC-2): what ships, what was imported, and what is in memory.
//!
//! - `text`        texts in both languages
//! - `stages`      the stage lookup
//! - `definition`  a process; `tree`, `reading`, `parse` its file, `check` what it must hold to
//! - `diff`        what a file changes; `diagram` a process drawn
//! - `stored`      its versions in the database; `latest` the latest of each, to be listed
//!
//! A version never changes, so it is read and checked once and kept. Which one is the latest is asked for anew where it
//! matters, in the transaction at hand: an import is seen by the next request, on every replica. The stage lookup is
//! kept too; other replicas see a change of it within [`LOOK_AGAIN`], and a stage that they do not know at once.

mod check;
mod definition;
pub mod diagram;
mod diff;
pub mod latest;
mod parse;
mod reading;
pub mod stages;
pub mod stored;
mod text;
mod tree;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use dealflow_chassis::Store;
use dealflow_proto::names::PROCESSES;
use sea_orm::{ConnectionTrait, DbErr};

pub use definition::{
    ActivityType, Asked, At, Control, DocumentGate, Effect, Fault, Faults, Outcome, Process, ProcessStage, RecordKind,
    Template,
};
pub use diff::{Difference, differences};
pub(crate) use reading::is_slug;
pub use stages::{ForecastCategory, Meaning, Stage, Stages};
pub use text::{Language, Text};

use crate::error::{Error, StartError};

/// The definitions that ship: file and content.
pub const SHIPPED: &[(&str, &str)] = &[
    ("corporate-sale.yaml", include_str!("../../processes/corporate-sale.yaml")),
    ("qualify-sales-opportunity.yaml", include_str!("../../processes/qualify-sales-opportunity.yaml")),
    ("sales-lifecycle.yaml", include_str!("../../processes/sales-lifecycle.yaml")),
];

/// How long another replica may take to see a change of the lookup.
pub const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The library of one part.
#[derive(Debug)]
pub struct Library {
    stages: RwLock<Arc<Stages>>,
    /// Versions that were read once.
    versions: RwLock<BTreeMap<(String, i32), Arc<Process>>>,
}

impl Library {
    /// Registers what ships and reads the stage lookup.
    ///
    /// # Errors
    /// [`StartError`] if what ships is wrong or the database does not answer.
    pub async fn open(store: &Store) -> Result<Self, StartError> {
        let shipped = Stages::shipped()?;
        let now = store.clock().now();
        let tx = store.begin().await?;
        shipped.register(&tx, now).await?;
        let stages = Stages::stored(&tx).await?;
        for (file, body) in SHIPPED {
            let process = Process::parse(file, body, &stages)?;
            stored::register(&tx, &process.id.value, body, now).await?;
        }
        tx.commit().await?;
        Ok(Self { stages: RwLock::new(Arc::new(stages)), versions: RwLock::default() })
    }

    /// The stage lookup.
    pub fn stages(&self) -> Arc<Stages> {
        self.stages.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the stage lookup again.
    ///
    /// # Errors
    /// What the database says.
    pub async fn look_again(&self, db: &impl ConnectionTrait) -> Result<Arc<Stages>, DbErr> {
        let stages = Arc::new(Stages::stored(db).await?);
        *self.stages.write().unwrap_or_else(PoisonError::into_inner) = stages.clone();
        Ok(stages)
    }

    /// Reads the lookup again if it does not know this stage: another replica may have added it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn know(&self, db: &impl ConnectionTrait, stage: &str) -> Result<(), DbErr> {
        if self.stages().get(stage).is_none() {
            self.look_again(db).await?;
        }
        Ok(())
    }

    /// The latest version of every process that can be read, by slug.
    ///
    /// # Errors
    /// What the database says.
    pub async fn all(&self, db: &impl ConnectionTrait) -> Result<Vec<Arc<Process>>, Error> {
        let mut all = Vec::new();
        for (process, version) in stored::latest_versions(db).await? {
            // From memory, but for versions that were never asked for.
            match self.pinned(db, &process, version).await {
                Ok(process) => all.push(process),
                Err(Error::Unfollowable { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// The latest version of the process of a slug.
    ///
    /// # Errors
    /// What the database says, or that the version cannot be read.
    pub async fn latest(&self, db: &impl ConnectionTrait, id: &str) -> Result<Option<Arc<Process>>, Error> {
        match stored::latest_version(db, id).await? {
            Some(version) => self.pinned(db, id, version).await.map(Some),
            None => Ok(None),
        }
    }

    /// The process that a person means: `processes/corporate-sale`, or its name in either language (R-PRC-1).
    ///
    /// # Errors
    /// [`Error::NoProcess`] where none or several are meant; it lists those that could be.
    pub async fn named(&self, db: &impl ConnectionTrait, name: &str) -> Result<Arc<Process>, Error> {
        let slug = name.trim().strip_prefix("processes/").unwrap_or(name.trim());
        if let Some(process) = self.latest(db, slug).await? {
            return Ok(process);
        }
        let all = self.all(db).await?;
        let mut meant = all.iter().filter(|process| process.captions.is_named(name));
        match (meant.next(), meant.next()) {
            (Some(one), None) => Ok(one.clone()),
            (None, _) => Err(Error::NoProcess { name: name.to_owned(), several: false, candidates: candidates(&all) }),
            (Some(_), Some(_)) => {
                let meant: Vec<_> = all.iter().filter(|it| it.captions.is_named(name)).cloned().collect();
                Err(Error::NoProcess { name: name.to_owned(), several: true, candidates: candidates(&meant) })
            }
        }
    }

    /// The version that a run is pinned to.
    ///
    /// # Errors
    /// [`Error::Unfollowable`] where there is no such version or it cannot be read, or what the database says.
    pub async fn pinned(&self, db: &impl ConnectionTrait, id: &str, version: i32) -> Result<Arc<Process>, Error> {
        if let Some(known) = self.read_before(id, version) {
            return Ok(known);
        }
        let row = stored::find(db, id, Some(version)).await?;
        let missing = || unfollowable(id, version, "it is not stored".to_owned());
        self.read(db, id, version, &row.ok_or_else(missing)?.body).await
    }

    /// A version, from memory or from its file.
    ///
    /// # Errors
    /// [`Error::Unfollowable`] where it cannot be read, or what the database says.
    pub async fn read(
        &self,
        db: &impl ConnectionTrait,
        id: &str,
        version: i32,
        body: &str,
    ) -> Result<Arc<Process>, Error> {
        if let Some(known) = self.read_before(id, version) {
            return Ok(known);
        }
        let file = format!("{id} version {version}");
        let mut read = Process::parse(&file, body, &self.stages());
        if read.is_err() {
            // It may name stages that another replica has added since.
            read = Process::parse(&file, body, &*self.look_again(db).await?);
        }
        let process = read.map_err(|faults| unfollowable(id, version, faults.to_string()))?;
        let process = Arc::new(Process { version, ..process });
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        versions.insert((id.to_owned(), version), process.clone());
        Ok(process)
    }

    fn read_before(&self, id: &str, version: i32) -> Option<Arc<Process>> {
        self.versions.read().unwrap_or_else(PoisonError::into_inner).get(&(id.to_owned(), version)).cloned()
    }
}

fn unfollowable(id: &str, version: i32, cause: String) -> Error {
    Error::Unfollowable { process: PROCESSES.slug(id), version, cause }
}

/// How a person could name them, for a refusal.
fn candidates(processes: &[Arc<Process>]) -> Vec<String> {
    let named = |process: &Arc<Process>| {
        let captions = &process.captions;
        format!("{} ({}, {})", PROCESSES.slug(&process.id.value), captions.en, captions.ru)
    };
    processes.iter().map(named).collect()
}
