//! `dealflow audit`: whether history is what it was (R-SEC-1).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use dealflow_proto::audit::v1::{AuditFault, AuditFaultKind, AuditVerdict, GetAuditVerdictRequest};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::Api;
use crate::client::Target;
use crate::show::{self, word};

const EXAMPLES: &str = "\
Examples:
  dealflow audit verify                        every row of every part's history against its chain
  dealflow audit verify --note heads.json      and notes how far the chains are, to be kept elsewhere
  dealflow audit verify --against heads.json   a chain that was written anew since is found out

Exit codes: 0 all is as it was, 1 something is not.";

/// The parts that keep a history.
const PARTS: [&str; 5] = ["gateway", "leads", "opportunities", "activities", "orders"];

/// What to do with the audit.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum AuditCommand {
    /// Check that no row of history was changed, removed or put in since it was written
    Verify(Verify),
}

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Verify {
    /// Only this part: gateway, leads, opportunities, activities or orders
    #[arg(long, value_parser = PARTS)]
    part: Option<String>,
    /// Write down where the chains end, to be kept where nobody who can write to the databases can write
    #[arg(long, value_name = "FILE")]
    note: Option<PathBuf>,
    /// Compare with what was written down before
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Where a chain ended when it was noted.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    position: i64,
    link: String,
}

type Heads = BTreeMap<String, Head>;

impl AuditCommand {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        let Self::Verify(verify) = self;
        verify.run().await
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<()> {
        let noted = self.against.as_deref().map(read).transpose()?.unwrap_or_default();
        let parts: Vec<&str> =
            PARTS.into_iter().filter(|part| self.part.as_deref().is_none_or(|one| one == *part)).collect();
        let verdicts = self
            .target
            .ask(async |api: Api| {
                let mut verdicts = Vec::with_capacity(parts.len());
                for part in &parts {
                    verdicts.push(whole(&api, part, noted.get(*part)).await?);
                }
                Ok(verdicts)
            })
            .await?;
        if self.json {
            let all: Vec<_> = verdicts.iter().map(data).collect();
            println!("{}", serde_json::to_string_pretty(&json!({ "verdicts": all }))?);
        } else {
            print(&verdicts);
        }
        if let Some(file) = &self.note {
            write(file, &verdicts)?;
        }
        if verdicts.iter().any(|verdict| !verdict.faults.is_empty()) {
            bail!("history is not what it was");
        }
        Ok(())
    }
}

/// The whole chain of a part, stretch by stretch; it must pass through what was noted.
async fn whole(api: &Api, part: &str, noted: Option<&Head>) -> anyhow::Result<AuditVerdict> {
    let mut whole = AuditVerdict { part: part.to_owned(), ..AuditVerdict::default() };
    loop {
        // A stretch ends where a link was noted, so that the next one can be asked to begin with it.
        let to_noted = noted.map(|head| head.position - whole.position).filter(|rows| *rows > 0);
        let ask = GetAuditVerdictRequest {
            part: part.to_owned(),
            after_position: whole.position,
            after_link: noted
                .filter(|head| head.position == whole.position)
                .map(|head| head.link.clone())
                .unwrap_or_default(),
            max_rows: i32::try_from(to_noted.unwrap_or_default()).unwrap_or_default(),
        };
        let verdict = api.audits.clone().get_audit_verdict(api.ask(ask)).await?.into_inner();
        let stands_still = verdict.position == whole.position;
        whole.row_count += verdict.row_count;
        whole.erased_count += verdict.erased_count;
        whole.position = verdict.position;
        whole.link = verdict.link;
        whole.unsealed_count = verdict.unsealed_count;
        whole.faults.extend(verdict.faults);
        let at_noted = noted.is_some_and(|head| head.position == whole.position) && !stands_still;
        if stands_still || !(verdict.more || at_noted) {
            break;
        }
    }
    if let Some(head) = noted.filter(|head| head.position > whole.position) {
        let kind = AuditFaultKind::Removed.into();
        whole.faults.push(AuditFault { position: head.position, kind, subject: String::new() });
    }
    Ok(whole)
}

fn print(verdicts: &[AuditVerdict]) {
    let mut table = show::table(&["part", "rows", "erased", "not chained yet", "up to", "link", "verdict"]);
    for it in verdicts {
        let verdict = if it.faults.is_empty() { "as it was".to_owned() } else { format!("{} faults", it.faults.len()) };
        let short: String = it.link.chars().take(16).collect();
        table.add_row([
            it.part.clone(),
            it.row_count.to_string(),
            it.erased_count.to_string(),
            it.unsealed_count.to_string(),
            it.position.to_string(),
            short,
            verdict,
        ]);
    }
    println!("{table}");
    for (part, fault) in verdicts.iter().flat_map(|it| it.faults.iter().map(|fault| (&it.part, fault))) {
        println!(
            "{part}, row {}: {} {}",
            fault.position,
            word(fault.kind().as_str_name(), "AUDIT_FAULT_KIND_"),
            fault.subject
        );
    }
}

fn data(verdict: &AuditVerdict) -> serde_json::Value {
    let faults: Vec<_> = verdict
        .faults
        .iter()
        .map(|fault| json!({ "position": fault.position, "kind": word(fault.kind().as_str_name(), "AUDIT_FAULT_KIND_"), "subject": fault.subject }))
        .collect();
    json!({
        "part": verdict.part, "rows": verdict.row_count, "erased": verdict.erased_count,
        "unsealed": verdict.unsealed_count, "position": verdict.position, "link": verdict.link, "faults": faults,
    })
}

fn read(file: &Path) -> anyhow::Result<Heads> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no noted heads", file.display()))
}

fn write(file: &Path, verdicts: &[AuditVerdict]) -> anyhow::Result<()> {
    let heads: Heads =
        verdicts.iter().map(|it| (it.part.clone(), Head { position: it.position, link: it.link.clone() })).collect();
    let text = serde_json::to_string_pretty(&heads)? + "\n";
    std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}
