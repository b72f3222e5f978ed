//! `dealflow process`: the process library, and its runs (R-PRC-1 to R-PRC-3).

mod import;
mod list;
mod migrate;
mod show;
mod shown;
mod start;

use clap::Subcommand;
use dealflow_proto::opportunities::v1::{Caption, Process as Definition, Stage};

use crate::api::Api;
use crate::commands::lookups;

const EXAMPLES: &str = "\
Examples:
  dealflow process list
  dealflow process show 'Corporate sale'                    stages, goals, activities, what each result does
  dealflow process show 'Corporate sale' --svg sale.svg     as a picture; --mermaid and --yaml as text
  dealflow process show 'Corporate sale' --opportunity 1C1I7A6R            how far the deal is in it
  dealflow process show 'Corporate sale' --opportunity 1C1I7A6R --svg here.svg
  dealflow process start 'Корпоративная продажа' --title 'Pumps for Acme' --owner 'Anna Snelling'
  dealflow process start 'Corporate sale' --opportunity 1C1I7A6R
  dealflow process import sale.yaml --dry-run               what would change
  dealflow process versions 'Corporate sale'
  dealflow process migrate 'Corporate sale' --from 1 --to 2 --map proposal=contracting

A process is named by its id, or by its name in either language, however it is typed.";

/// What to do with processes.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Process {
    /// List the processes
    List(list::List),
    /// Show a process: stages, activities, results; or draw it, or print its file
    Show(show::Show),
    /// Take a definition in: a new process, or the next version of one
    Import(import::Import),
    /// Start a process: with a new deal, or on one from the stage it is in
    Start(start::Start),
    /// List the versions of a process, and how many runs each leads
    Versions(list::Versions),
    /// Move the runs of one version to another, and report which moved and which cannot
    Migrate(migrate::Migrate),
}

impl Process {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Import(import) => import.run().await,
            Self::Start(start) => start.run().await,
            Self::Versions(versions) => versions.run().await,
            Self::Migrate(migrate) => migrate.run().await,
        }
    }
}

/// The process that somebody means: by its id, its resource name, or what it is called in either language.
pub(super) async fn find(api: &Api, name: &str) -> anyhow::Result<Definition> {
    let all = lookups::all_processes(api).await?;
    let typed = as_typed(name);
    let is_meant = |process: &&Definition| {
        let slug = process.name.trim_start_matches("processes/");
        let called = process.captions.iter().any(|caption| as_typed(&caption.text) == typed);
        called || slug == name.trim() || process.name == name.trim()
    };
    let meant: Vec<&Definition> = all.iter().filter(is_meant).collect();
    match meant.as_slice() {
        [one] => Ok((*one).clone()),
        [] => anyhow::bail!("no process goes by `{name}`; known are {}", names(&all.iter().collect::<Vec<_>>())),
        several => anyhow::bail!("several processes go by `{name}`: {}", names(several)),
    }
}

fn names(processes: &[&Definition]) -> String {
    let named = |process: &&Definition| {
        format!("{} ({})", process.name.trim_start_matches("processes/"), caption(&process.captions, "en"))
    };
    processes.iter().map(named).collect::<Vec<_>>().join(", ")
}

fn as_typed(name: &str) -> String {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").replace('ё', "е")
}

/// A text in a language; the first one where that is not there.
fn caption<'a>(captions: &'a [Caption], language: &str) -> &'a str {
    let found = captions.iter().find(|caption| caption.language_code == language).or(captions.first());
    found.map_or("", |caption| caption.text.as_str())
}

/// The slug of a stage's name.
fn stage(name: &str) -> &str {
    name.trim_start_matches("stages/")
}

/// What a stage is called.
fn called<'a>(stages: &'a [Stage], name: &'a str, language: &str) -> &'a str {
    let found = stages.iter().find(|stage| stage.name == name);
    found.map_or(name, |stage| caption(&stage.captions, language))
}
