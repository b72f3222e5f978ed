//! `dealflow process import`: a file into the library, and what it changes.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use dealflow_proto::opportunities::v1::{ImportProcessRequest, ImportProcessResponse};
use serde_json::json;

use crate::api::new_id;
use crate::client::Target;
use crate::show::{self, json as data, word};

/// Arguments of `process import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The definition, in YAML
    file: PathBuf,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Import {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let yaml =
            std::fs::read_to_string(&self.file).with_context(|| format!("cannot read {}", self.file.display()))?;
        let validate_only = self.dry_run;
        let ask = ImportProcessRequest { yaml, validate_only, request_id: new_id(), ..Default::default() };
        let import =
            async |api: crate::api::Api| Ok(api.processes.clone().import_process(api.ask(ask)).await?.into_inner());
        let done = self.target.ask(import).await?;
        if self.json {
            return data::print(&json!({
                "process": done.process,
                "version": done.version,
                "previous_version": done.previous_version,
                "dry_run": self.dry_run,
                "changes": data::list(&done.changes, |change| json!({
                    "kind": word(change.kind().as_str_name(), "KIND_"),
                    "path": change.path,
                    "before": data::text(&change.before),
                    "after": data::text(&change.after),
                })),
            }));
        }
        println!("{}", self.text(&done));
        Ok(())
    }

    fn text(&self, done: &ImportProcessResponse) -> String {
        let process = done.process.trim_start_matches("processes/");
        if done.changes.is_empty() {
            return format!("{process} is at version {} already; nothing changes", done.version);
        }
        let mut table = show::table(&["change", "what", "before", "after"]);
        for change in &done.changes {
            let kind = word(change.kind().as_str_name(), "KIND_").to_lowercase();
            table.add_row([kind.as_str(), &change.path, &change.before, &change.after]);
        }
        let would = if self.dry_run { "would become" } else { "is now" };
        format!("{table}\n{process} {would} version {}", done.version)
    }
}
