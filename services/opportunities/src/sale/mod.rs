//! A sale: an opportunity, the stage entry it is in, and the process that leads it. The rules of the product.
//!
//! - this file   opened, loaded, locked, saved
//! - `engine`    the process: start, move, results and what follows from them
//! - `gates`     what a process asks for before it lets a sale go on
//! - `runs`      how a run is canceled, stops, goes on and is completed
//! - `migration` a run that moves to another version of its process
//! - `closing`   win and lose
//! - `waiting`   hold and resume
//! - `following` the sale after a closed one
//! - `guidance`  what may come next
//!
//! A verb changes the sale in memory and notes each [`Step`]; `save` writes the rows, the RPC records the steps as
//! history and events. No verb enters more than one stage.

mod closing;
mod engine;
mod following;
mod gates;
mod guidance;
mod migration;
mod runs;
mod waiting;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::security::Sight;
use dealflow_chassis::{Lifecycle, rows};
use dealflow_proto::names::PROCESSES;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

pub use closing::{Loss, Win};
pub use engine::{Performed, Recorded};
pub use following::FollowUp;
use guidance::FOLLOW_UP;
pub use guidance::{Guidance, NextAction};
pub use migration::{Moved, Plan, save_moved};

use crate::document;
use crate::error::Error;
use crate::library::{Language, Library, Process, Stages};
use crate::opportunity::{self, Run, RunState, State, Verb, attempt};
use crate::stage_entry::{self, Cause};

/// An opportunity with its current stage entry and its process.
#[derive(Debug, Clone)]
pub struct Sale {
    /// The opportunity.
    pub opportunity: opportunity::Model,
    /// The stage entry that it is in, or ended in.
    pub entry: stage_entry::Model,
    /// The version of the process that its run is pinned to; none where it cannot be followed.
    pub process: Option<Arc<Process>>,
    /// Why the definition cannot be followed, where it cannot.
    pub unfollowable: Option<String>,
    /// The documents that its gates ask for; not read where none does.
    pub documents: Vec<document::Model>,
    /// What was done to it, in order; not stored, but recorded as history.
    pub steps: Vec<Step>,
    stages: Arc<Stages>,
    /// The entry that a verb left; the current one is then new.
    left: Option<stage_entry::Model>,
    /// Opportunity and entry as they were read: only what changed since is written.
    read: Option<Box<(opportunity::Model, stage_entry::Model)>>,
}

/// One thing that was done to a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The kind of its event, e.g. `opportunity.stage_changed`.
    pub kind: &'static str,
    /// State before, or the stage where that is what changed; empty on creation.
    pub from: String,
    /// State or stage after.
    pub to: String,
    /// When `from` began.
    pub since: Option<DateTime<Utc>>,
    /// Why.
    pub reason: String,
}

/// When a verb takes effect.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The effective time.
    pub now: DateTime<Utc>,
    /// The clock's day: no day of a sale lies after it.
    pub today: NaiveDate,
    /// Whether a sale advances by itself when its stage is done (R-STG-4): a setting.
    pub auto_advance: bool,
}

impl Sale {
    /// Opens an opportunity in a stage; with a process, its run starts there (R-PRC-1).
    ///
    /// # Errors
    /// [`Error`] where the stage is final, not known, or none of the process's.
    pub fn open(
        mut opportunity: opportunity::Model,
        process: Option<(Arc<Process>, Language)>,
        stage: Option<&str>,
        stages: Arc<Stages>,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let first = match (&process, stage) {
            (_, Some(stage)) => stage,
            (Some((process, _)), None) => gates::first_stage(process, &opportunity),
            (None, None) => &stages.first().id,
        };
        let entry = stage_entry::Model::new(opportunity.id, 1, first, Cause::Opened, now);
        first.clone_into(&mut opportunity.stage);
        opportunity.entry = entry.id;
        let mut sale = Self {
            opportunity,
            entry,
            process: None,
            unfollowable: None,
            documents: Vec::new(),
            steps: Vec::new(),
            stages,
            left: None,
            read: None,
        };
        sale.open_stage(&sale.entry.stage)?;
        sale.step("opportunity.created", "", State::Open, None, "");
        if let Some((process, language)) = process {
            sale.start(process, language, now)?;
        }
        Ok(sale)
    }

    /// A sale, to be read.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none of this id that is seen.
    pub async fn find(db: &impl ConnectionTrait, library: &Library, id: Uuid, sight: &Sight) -> Result<Self, Error> {
        Self::complete(db, library, opportunity::find(db, id, sight).await?).await
    }

    /// A sale that one means to change; its opportunity stays locked until the transaction ends.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none of this id that is seen.
    pub async fn lock(db: &impl ConnectionTrait, library: &Library, id: Uuid, sight: &Sight) -> Result<Self, Error> {
        Self::complete(db, library, opportunity::lock(db, id, sight).await?).await
    }

    /// A page of opportunities, in its order: one query for their entries.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of_page(
        db: &impl ConnectionTrait,
        library: &Library,
        page: Vec<opportunity::Model>,
    ) -> Result<Vec<Self>, Error> {
        let entries = stage_entry::of_ids(db, page.iter().map(|opportunity| opportunity.entry).collect()).await?;
        let mut entries: std::collections::HashMap<Uuid, _> =
            entries.into_iter().map(|entry| (entry.id, entry)).collect();
        let mut sales = Vec::with_capacity(page.len());
        for opportunity in page {
            let entry = entries.remove(&opportunity.entry);
            let entry = entry.ok_or_else(|| Error::Broken(format!("{} has no entry", opportunity.name())))?;
            sales.push(Self::with_entry(db, library, opportunity, entry).await?);
        }
        let asking = sales.iter().filter(|sale| sale.asks_documents()).map(|sale| sale.opportunity.id).collect();
        for document in document::of_opportunities(db, asking).await? {
            let of = sales.iter_mut().find(|sale| sale.opportunity.id == document.opportunity);
            of.into_iter().for_each(|sale| sale.documents.push(document.clone()));
        }
        Ok(sales)
    }

    async fn complete(
        db: &impl ConnectionTrait,
        library: &Library,
        (found, entry): (opportunity::Model, stage_entry::Model),
    ) -> Result<Self, Error> {
        let mut sale = Self::with_entry(db, library, found, entry).await?;
        if sale.asks_documents() {
            sale.documents = document::of_opportunities(db, vec![sale.opportunity.id]).await?;
        }
        Ok(sale)
    }

    /// The process comes from memory; the database is asked once in a version's life. A definition that cannot be
    /// followed is no reason not to show the sale: its run is in ERROR.
    async fn with_entry(
        db: &impl ConnectionTrait,
        library: &Library,
        opportunity: opportunity::Model,
        entry: stage_entry::Model,
    ) -> Result<Self, Error> {
        let (mut process, mut unfollowable) = (None, None);
        if let Some(run) = &opportunity.run {
            match library.pinned(db, &run.process, run.version).await {
                Ok(pinned) => process = Some(pinned),
                Err(Error::Unfollowable { cause, .. }) => unfollowable = Some(cause),
                Err(error) => return Err(error),
            }
        }
        let read = Some(Box::new((opportunity.clone(), entry.clone())));
        let (steps, documents, stages) = (Vec::new(), Vec::new(), library.stages());
        Ok(Self { opportunity, entry, process, unfollowable, documents, steps, stages, left: None, read })
    }

    /// Writes a new sale.
    ///
    /// # Errors
    /// What the database says.
    pub async fn insert(&self, db: &impl ConnectionTrait) -> Result<(), Error> {
        opportunity::Entity::insert(self.opportunity.clone().into_active_model()).exec_without_returning(db).await?;
        stage_entry::Entity::insert(self.entry.clone().into_active_model()).exec_without_returning(db).await?;
        Ok(())
    }

    /// Writes what a verb changed: the opportunity, the entry it left and the one it entered, or the current one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn save(&mut self, db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), Error> {
        self.save_opportunity(db, now).await?;
        let changed = self.left.as_ref().unwrap_or(&self.entry);
        let row = match &self.read {
            Some(read) => rows::changed::<stage_entry::Entity>(&read.1, changed),
            None => without_id(changed.clone().into_active_model().reset_all()),
        };
        if row.is_changed() {
            let same = stage_entry::Column::Id.eq(changed.id);
            stage_entry::Entity::update_many().set(row).filter(same).exec(db).await?;
        }
        if self.left.take().is_some() {
            stage_entry::Entity::insert(self.entry.clone().into_active_model()).exec_without_returning(db).await?;
        }
        Ok(())
    }

    /// Writes the opportunity alone: no stage entry changed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn save_opportunity(&mut self, db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), Error> {
        self.opportunity.version += 1;
        self.opportunity.updated_at = now;
        let row = match &self.read {
            Some(read) => rows::changed::<opportunity::Entity>(&read.0, &self.opportunity),
            None => {
                let all = self.opportunity.clone().into_active_model().reset_all();
                opportunity::ActiveModel { id: ActiveValue::NotSet, ..all }
            }
        };
        let same = opportunity::Column::Id.eq(self.opportunity.id);
        opportunity::Entity::update_many().set(row).filter(same).exec(db).await?;
        Ok(())
    }

    /// Lets a verb pass that the state accepts. The refusal of a closed sale names it, for the audit (R-OPP-3).
    ///
    /// # Errors
    /// A refusal that names the state and the allowed verbs.
    pub fn accept(&self, verb: Verb) -> Result<State, Error> {
        let accepted = self.opportunity.state.accept(verb);
        let refused = accepted.map_err(|refusal| {
            let refusal = refusal.with(attempt::CLOSED, self.opportunity.name());
            match self.opportunity.state {
                State::Open => refusal,
                // What is closed stays so; what goes on is another one that follows it (R-OPP-3).
                _ => refusal.with("allowed", FOLLOW_UP),
            }
        });
        Ok(refused?)
    }

    /// The stage lookup.
    pub fn stages(&self) -> &Stages {
        &self.stages
    }

    /// The language that the run speaks; English where none was started.
    pub fn language(&self) -> Language {
        self.opportunity.run.as_ref().map_or(Language::En, |run| run.language)
    }

    /// Probability of winning in percent: given by hand, else the stage's (R-STG-1).
    pub fn probability(&self) -> i32 {
        let of_stage = || self.stages.get(&self.opportunity.stage).map_or(0, |stage| stage.probability);
        self.opportunity.probability.unwrap_or_else(of_stage)
    }

    /// The process, while it leads the sale.
    fn leading(&self) -> Option<Arc<Process>> {
        let running = self.opportunity.run.as_ref().is_some_and(|run| run.state == RunState::Running);
        self.process.clone().filter(|_| running)
    }

    /// The process, if it leads the sale; refused where one would, and cannot be followed.
    fn followed(&self) -> Result<Option<Arc<Process>>, Error> {
        let Some(run) = self.opportunity.running() else { return Ok(None) };
        match (self.leading(), self.run_error()) {
            (Some(process), None) => Ok(Some(process)),
            (_, cause) => Err(Error::RunInError {
                process: PROCESSES.slug(&run.process),
                cause: cause.unwrap_or_default().to_owned(),
            }),
        }
    }

    /// Why the run cannot go on, where it cannot: noted when it stopped, or seen now.
    pub fn run_error(&self) -> Option<&str> {
        let run = self.opportunity.running()?;
        run.error.as_deref().or(self.unfollowable.as_deref())
    }

    /// Whether the process that leads it has gates that ask for documents.
    pub fn asks_documents(&self) -> bool {
        self.leading().is_some_and(|process| process.asks_documents())
    }

    /// Notes what was done.
    fn step(
        &mut self,
        kind: &'static str,
        from: impl ToString,
        to: impl ToString,
        since: Option<DateTime<Utc>>,
        why: &str,
    ) {
        self.steps.push(Step { kind, from: from.to_string(), to: to.to_string(), since, reason: why.to_owned() });
    }

    /// Adds time that somebody spent on it (R-OPP-2).
    ///
    /// # Errors
    /// A refusal that names the state.
    pub fn record_time(&mut self, minutes: i32, spent_on: &str) -> Result<(), Error> {
        let state = self.accept(Verb::RecordTime)?;
        if minutes > 0 {
            self.opportunity.spent_minutes += i64::from(minutes);
            self.step("opportunity.time_recorded", state, state, None, spent_on);
        }
        Ok(())
    }

    /// Notes that the record was updated, and whether it is somebody else's now: who has to do what follows from that.
    pub fn updated(&mut self, owner_before: Option<Uuid>) {
        let state = self.opportunity.state;
        let is_reassigned = self.opportunity.owner != owner_before;
        let kind = if is_reassigned { "opportunity.reassigned" } else { "opportunity.updated" };
        self.step(kind, state, state, None, "");
    }

    fn begin_run(&mut self, process: Arc<Process>, language: Language, now: DateTime<Utc>) {
        self.opportunity.set_run(Run {
            process: process.id.value.clone(),
            version: process.version,
            language,
            state: RunState::Running,
            started_at: now,
            ended_at: None,
            error: None,
        });
        self.process = Some(process);
        self.unfollowable = None;
    }

    /// Changes the run.
    fn change_run(&mut self, change: impl FnOnce(&mut Run)) {
        if let Some(mut run) = self.opportunity.run.clone() {
            change(&mut run);
            self.opportunity.set_run(run);
        }
    }
}

fn without_id(mut row: stage_entry::ActiveModel) -> stage_entry::ActiveModel {
    row.id = ActiveValue::NotSet;
    row
}
