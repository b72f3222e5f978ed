//! `dealflow handoffs`: how orders and invoices reach the ERP, and what an operator does where they do not (R-ERP-1).

use clap::{Args, Subcommand};
use dealflow_proto::erp::v1::{
    AbandonHandoffRequest, AdoptHandoffRequest, AttachedFile, GetHandoffRequest, Handoff, ListHandoffsRequest,
    ReplayHandoffRequest, ReplayHandoffsRequest,
};
use serde_json::json;

use super::deal::quoted;
use super::named;
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow handoffs list --state dead_lettered
  dealflow handoffs show dealflow:order:SO-000001               by external id, with every attempt
  dealflow handoffs replay 019abc4e-…                           the same key and the same bytes again
  dealflow handoffs replay-all --filter 'type = \"INVOICE\"'
  dealflow handoffs abandon 019abc4e-… --reason 'sent by hand'
  dealflow handoffs adopt 019abc4e-… --erp-number ERP-SO-000017";

/// What to do with hand-overs.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Handoffs {
    /// List hand-overs, the latest first
    List(List),
    /// Show one hand-over with every attempt
    Show(One),
    /// Send a dead-lettered hand-over again, or an invoice or credit note that the ERP refused
    Replay(Replay),
    /// Send all dead letters again, or those that match a filter
    ReplayAll(ReplayAll),
    /// Give a hand-over up that is not delivered nor just on its way, and what waits for it
    Abandon(Abandon),
    /// Take over the number under which the document stands in the ERP already
    Adopt(Adopt),
}

/// Arguments of `handoffs list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only hand-overs in this state, e.g. delivered, rejected, retry_wait, dead_lettered
    #[arg(long)]
    state: Option<String>,
    /// Only those where our record cannot follow what the ERP did
    #[arg(long)]
    diverging: bool,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: i32,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Which hand-over.
#[derive(Debug, Args)]
pub struct One {
    /// The hand-over: its name, its UUID, or its external id
    handoff: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `handoffs replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// Which hand-over
    #[command(flatten)]
    one: One,
    /// You looked, and the ERP does not have it: it is sent without asking the ERP first
    #[arg(long)]
    not_there: bool,
}

/// Arguments of `handoffs replay-all`.
#[derive(Debug, Args)]
pub struct ReplayAll {
    /// AIP-160 filter, e.g. 'type = "INVOICE" AND create_time > "2026-11-01T00:00:00Z"'
    #[arg(long, default_value = "")]
    filter: String,
    /// At most so many, the oldest first
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: i32,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl ReplayAll {
    async fn run(self) -> anyhow::Result<()> {
        let ask = ReplayHandoffsRequest {
            filter: self.filter,
            max_count: self.limit,
            request_id: new_id(),
            ..ReplayHandoffsRequest::default()
        };
        let replay = async |api: Api| Ok(api.handoffs.clone().replay_handoffs(api.ask(ask)).await?.into_inner());
        let done = self.target.ask(replay).await?;
        if self.json {
            return data::print(&json!({ "handoffs": done.handoffs, "more": done.more }));
        }
        println!("{} sent again", done.handoffs.len());
        if done.more {
            println!("There are more: the same command goes on with them.");
        }
        Ok(())
    }
}

/// Arguments of `handoffs abandon`.
#[derive(Debug, Args)]
pub struct Abandon {
    /// Which hand-over
    #[command(flatten)]
    one: One,
    /// Why, for the history
    #[arg(long)]
    reason: String,
}

/// Arguments of `handoffs adopt`.
#[derive(Debug, Args)]
pub struct Adopt {
    /// Which hand-over
    #[command(flatten)]
    one: One,
    /// The ERP's number
    #[arg(long)]
    erp_number: String,
}

impl Handoffs {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(one) => one.answer(async |_, standing| Ok(standing)).await,
            Self::Replay(Replay { one, not_there }) => {
                one.answer(async |api, Handoff { name, etag, .. }| {
                    let ask =
                        ReplayHandoffRequest { name, etag, not_there, request_id: new_id(), validate_only: false };
                    Ok(api.handoffs.clone().replay_handoff(api.ask(ask)).await?.into_inner())
                })
                .await
            }
            Self::ReplayAll(all) => all.run().await,
            Self::Abandon(Abandon { one, reason }) => {
                one.answer(async |api, Handoff { name, etag, .. }| {
                    let ask = AbandonHandoffRequest { name, etag, reason, request_id: new_id(), validate_only: false };
                    Ok(api.handoffs.clone().abandon_handoff(api.ask(ask)).await?.into_inner())
                })
                .await
            }
            Self::Adopt(Adopt { one, erp_number }) => {
                one.answer(async |api, Handoff { name, etag, .. }| {
                    let ask =
                        AdoptHandoffRequest { name, etag, erp_number, request_id: new_id(), validate_only: false };
                    Ok(api.handoffs.clone().adopt_handoff(api.ask(ask)).await?.into_inner())
                })
                .await
            }
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let state = self.state.map(|state| format!("state = {}", quoted(&state.to_uppercase())));
        let diverging = self.diverging.then(|| "diverges = true".to_owned());
        let ask = ListHandoffsRequest {
            page_size: self.limit,
            filter: state.into_iter().chain(diverging).collect::<Vec<_>>().join(" AND "),
            order_by: "create_time desc".to_owned(),
            ..ListHandoffsRequest::default()
        };
        let list = async |api: Api| Ok(api.handoffs.clone().list_handoffs(api.ask(ask)).await?.into_inner());
        let page = self.target.ask(list).await?;
        let more = !page.next_page_token.is_empty();
        if self.json {
            return data::print(&json!({ "handoffs": data::list(&page.handoffs, data::handoff), "more": more }));
        }
        println!("{}", table(&page.handoffs));
        if more {
            println!("There are more; --limit shows them.");
        }
        Ok(())
    }
}

impl One {
    /// Does something with the hand-over as it stands, and shows what it is then.
    async fn answer(&self, act: impl AsyncFnOnce(Api, Handoff) -> anyhow::Result<Handoff>) -> anyhow::Result<()> {
        let read = async |api: Api| {
            let standing = find(&api, &self.handoff).await?;
            let name = standing.name.clone();
            act(api.clone(), standing).await?;
            get(&api, name).await
        };
        let handoff = self.target.ask(read).await?;
        if self.json {
            return data::print(&data::handoff(&handoff));
        }
        println!("{}", table(std::slice::from_ref(&handoff)));
        if !handoff.attempts.is_empty() {
            println!("{}", attempts(&handoff));
            for line in files(&handoff) {
                println!("{line}");
            }
        }
        for reason in &handoff.reasons {
            println!("  {} {}: {}; {}", reason.code, reason.field, reason.message, reason.action);
        }
        Ok(())
    }
}

async fn get(api: &Api, name: String) -> anyhow::Result<Handoff> {
    Ok(api.handoffs.clone().get_handoff(api.ask(GetHandoffRequest { name })).await?.into_inner())
}

/// The hand-over that somebody means.
async fn find(api: &Api, which: &str) -> anyhow::Result<Handoff> {
    let by_name = named("handoffs", which);
    if which.starts_with("handoffs/") || by_name != which {
        return get(api, by_name).await;
    }
    let ask = ListHandoffsRequest {
        page_size: 1,
        filter: format!("external_id = {}", quoted(which)),
        ..ListHandoffsRequest::default()
    };
    let mut found = api.handoffs.clone().list_handoffs(api.ask(ask)).await?.into_inner().handoffs;
    found
        .pop()
        .ok_or_else(|| anyhow::anyhow!("no hand-over has the external id `{which}`; a name is handoffs/{{uuid}}"))
}

/// Hand-overs, one to a row.
pub(super) fn table(handoffs: &[Handoff]) -> comfy_table::Table {
    let mut table = show::whole(
        show::table(&["external id", "type", "state", "to be paid", "calls", "ERP number", "there", "what is wrong"]),
        0,
    );
    for handoff in handoffs {
        table.add_row([
            handoff.external_id.as_str(),
            word(handoff.r#type().as_str_name(), "DOCUMENT_TYPE_"),
            word(handoff.state().as_str_name(), "STATE_"),
            &show::money(handoff.payable.as_ref()),
            &handoff.call_count.to_string(),
            &handoff.erp_number,
            word(handoff.business_status().as_str_name(), "BUSINESS_STATUS_"),
            &wrong(handoff),
        ]);
    }
    table
}

/// What the ERP said of it last, and why our record does not follow.
fn wrong(handoff: &Handoff) -> String {
    let said = [handoff.last_error.as_str(), handoff.divergence.as_str()];
    said.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The files that it brings, and why one is missing.
fn files(handoff: &Handoff) -> Vec<String> {
    let file =
        |file: &AttachedFile| format!("brings {} ({} bytes, SHA-256 {})", file.file_name, file.size_bytes, file.sha256);
    let missing = Some(&handoff.not_attached).filter(|why| !why.is_empty());
    handoff.attachments.iter().map(file).chain(missing.map(|why| format!("without a file: {why}"))).collect()
}

/// The attempts of a hand-over, one to a row.
pub(super) fn attempts(handoff: &Handoff) -> comfy_table::Table {
    let mut table = show::table(&["#", "when (UTC)", "called", "answer", "in words", "state after"]);
    for attempt in &handoff.attempts {
        table.add_row([
            attempt.number.to_string().as_str(),
            &show::time(attempt.start_time.as_ref()),
            &attempt.method,
            &attempt.code,
            &attempt.message,
            word(attempt.state().as_str_name(), "STATE_"),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use dealflow_proto::erp::v1::handoff;

    use super::*;

    /// R-ERP-1: a list of refused hand-overs says why the ERP refused them, what it means for the record, and how often it was
    /// called.
    #[test]
    fn a_refused_hand_over_is_listed_with_its_reasons_and_its_calls() {
        let refused = Handoff {
            external_id: "dealflow:order:SO-000017".to_owned(),
            state: handoff::State::Rejected.into(),
            call_count: 3,
            last_error: "REC: the ERP has no such customer".to_owned(),
            divergence: "ReplayHandoff sends it again".to_owned(),
            ..Handoff::default()
        };
        let row = table(std::slice::from_ref(&refused)).row(0).cloned().expect("one row");
        let cells: Vec<String> = row.cell_iter().map(comfy_table::Cell::content).collect();
        let said = "REC: the ERP has no such customer; ReplayHandoff sends it again";
        assert_eq!((cells[4].as_str(), cells[7].as_str()), ("3", said));
        assert_eq!(wrong(&Handoff { divergence: String::new(), ..refused }), "REC: the ERP has no such customer");
    }
}
