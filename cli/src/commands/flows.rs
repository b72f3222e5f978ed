//! `dealflow flows`: what the gateway drives to its end, and what waits for an operator (R-FLW-3).

use clap::{Args, Subcommand};
use dealflow_proto::gateway::v1::{AbandonFlowRequest, Flow, GetFlowRequest, ListFlowsRequest, RetryFlowRequest};
use serde_json::json;

use super::deal::quoted;
use super::named;
use super::people::People;
use super::subjects::titles;
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow flows list --state parked
  dealflow flows show 019abc4e-…
  dealflow flows retry 019abc4e-…
  dealflow flows abandon 019abc4e-… --reason 'the customer went out of business'";

/// What to do with flows.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Flows {
    /// List flows, the latest first
    List(List),
    /// Show one flow
    Show(One),
    /// Run a parked flow again from the top; steps that were done answer as before
    Retry(One),
    /// Give a parked flow up
    Abandon(Abandon),
}

/// Arguments of `flows list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only flows in this state: running, completed, parked, abandoned
    #[arg(long)]
    state: Option<String>,
    /// Only flows of this verb, e.g. WinDeal
    #[arg(long)]
    verb: Option<String>,
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

/// Which flow.
#[derive(Debug, Args)]
pub struct One {
    /// The flow: its name, or its UUID
    flow: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `flows abandon`.
#[derive(Debug, Args)]
pub struct Abandon {
    /// Which flow
    #[command(flatten)]
    one: One,
    /// Why, for the history
    #[arg(long)]
    reason: String,
}

impl Flows {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(one) => {
                let ask = GetFlowRequest { name: named("flows", &one.flow) };
                one.answer(async |api: Api| Ok(api.flows.clone().get_flow(api.ask(ask)).await?.into_inner())).await
            }
            Self::Retry(one) => {
                let name = named("flows", &one.flow);
                let ask = RetryFlowRequest { name, request_id: new_id(), ..RetryFlowRequest::default() };
                one.answer(async |api: Api| Ok(api.flows.clone().retry_flow(api.ask(ask)).await?.into_inner())).await
            }
            Self::Abandon(Abandon { one, reason }) => {
                let name = named("flows", &one.flow);
                let ask = AbandonFlowRequest { name, reason, request_id: new_id(), ..AbandonFlowRequest::default() };
                one.answer(async |api: Api| Ok(api.flows.clone().abandon_flow(api.ask(ask)).await?.into_inner())).await
            }
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let state = self.state.map(|state| format!("state = {}", quoted(&state.to_uppercase())));
        let verb = self.verb.map(|verb| format!("verb = {}", quoted(&verb)));
        let ask = ListFlowsRequest {
            page_size: self.limit,
            filter: [state, verb].into_iter().flatten().collect::<Vec<_>>().join(" AND "),
            order_by: "create_time desc".to_owned(),
            ..ListFlowsRequest::default()
        };
        let json = self.json;
        let list = async |api: Api| {
            let page = api.flows.clone().list_flows(api.ask(ask)).await?.into_inner();
            let text = if json { String::new() } else { told(&api, &page.flows).await? };
            Ok((page, text))
        };
        let (page, text) = self.target.ask(list).await?;
        let more = !page.next_page_token.is_empty();
        if self.json {
            return data::print(&json!({ "flows": data::list(&page.flows, data::flow), "more": more }));
        }
        println!("{text}");
        if more {
            println!("There are more; --limit shows them.");
        }
        Ok(())
    }
}

impl One {
    async fn answer(&self, ask: impl AsyncFnOnce(Api) -> anyhow::Result<Flow>) -> anyhow::Result<()> {
        let read = async |api: Api| {
            let flow = ask(api.clone()).await?;
            let text = if self.json { String::new() } else { told(&api, std::slice::from_ref(&flow)).await? };
            Ok((flow, text))
        };
        let (flow, text) = self.target.ask(read).await?;
        if self.json {
            return data::print(&data::flow(&flow));
        }
        println!("{text}");
        Ok(())
    }
}

/// Flows as people read them: the table, and under it why those stopped that did.
async fn told(api: &Api, flows: &[Flow]) -> anyhow::Result<String> {
    let titles = titles(api, flows.iter().map(|flow| flow.subject.as_str())).await?;
    let people = People::read(api).await?;
    let mut table = show::whole(show::table(&["flow", "what", "state", "runs", "began (UTC)", "who"]), 0);
    for flow in flows {
        let about = titles.get(&flow.subject).unwrap_or(&flow.subject);
        table.add_row([
            flow.name.trim_start_matches("flows/"),
            &format!("{}\n{about}", flow.verb),
            word(flow.state().as_str_name(), "STATE_"),
            &flow.run_count.to_string(),
            &show::time(flow.create_time.as_ref()).replace(' ', "\n"),
            people.display(&flow.actor),
        ]);
    }
    let mut text = table.to_string();
    for flow in flows.iter().filter(|flow| !flow.reason.is_empty() || !flow.step.is_empty()) {
        let mut line = flow.name.trim_start_matches("flows/").to_owned();
        if !flow.step.is_empty() {
            line = format!("{line} at `{}`", flow.step);
        }
        if !flow.reason.is_empty() {
            line = format!("{line}: {}", flow.reason);
        }
        text = format!("{text}\n{}", show::wrapped(&line, 2));
    }
    Ok(text)
}
