//! `dealflow deal list`: which deals there are (R-OPP-1).

use clap::{Args, ValueEnum};
use dealflow_proto::opportunities::v1::ListOpportunitiesRequest;
use serde_json::json;

use super::quoted;
use crate::api::Api;
use crate::client::Target;
use crate::commands::forecast::slug;
use crate::commands::{lookups, people::People};
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow deal list --state open --owner 'Anna Snelling'
  dealflow deal list --stage proposal --json
  dealflow deal list --filter 'title : \"GTX\"' --limit 200";

/// Arguments of `deal list`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct List {
    /// Only deals in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only deals in this stage, by its slug, e.g. proposal
    #[arg(long)]
    stage: Option<String>,
    /// Only deals of this employee: a name, or employees/{uuid}
    #[arg(long, value_name = "PERSON")]
    owner: Option<String>,
    /// A filter of the API, e.g. `close_date >= "2026-01-01"`
    #[arg(long)]
    filter: Option<String>,
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

/// How a deal stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Open,
    Won,
    Lost,
}

impl State {
    fn filter(self) -> &'static str {
        match self {
            Self::Open => "state = \"OPEN\"",
            Self::Won => "state = \"WON\"",
            Self::Lost => "state = \"LOST\"",
        }
    }
}

impl List {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Self { state, stage, owner, filter, limit, json, target } = self;
        let listed = async |api: Api| {
            let people = People::read(&api).await?;
            let mut parts: Vec<String> = Vec::new();
            parts.extend(state.map(|state| state.filter().to_owned()));
            parts.extend(stage.map(|stage| format!("stage = {}", quoted(&slug("stages", &stage)))));
            if let Some(who) = owner {
                let owner = if who.starts_with("employees/") { who.as_str() } else { people.who(&who)? };
                parts.push(format!("owner = {}", quoted(owner)));
            }
            parts.extend(filter.map(|filter| format!("({filter})")));
            let ask = ListOpportunitiesRequest {
                page_size: limit,
                filter: parts.join(" AND "),
                order_by: "create_time desc".to_owned(),
                ..ListOpportunitiesRequest::default()
            };
            let page = api.opportunities.clone().list_opportunities(api.ask(ask)).await?.into_inner();
            Ok((page, people, lookups::stages(&api).await?))
        };
        let (page, people, stages) = target.ask(listed).await?;
        let more = !page.next_page_token.is_empty();
        if json {
            return data::print(&json!({ "deals": data::list(&page.opportunities, data::opportunity), "more": more }));
        }
        let mut table = show::whole(show::table(&["deal", "title", "state", "stage", "owner", "value"]), 0);
        for deal in &page.opportunities {
            table.add_row([
                if deal.external_id.is_empty() { deal.name.as_str() } else { deal.external_id.as_str() },
                &deal.title,
                word(deal.state().as_str_name(), "STATE_"),
                stages.get(&deal.stage).unwrap_or(&deal.stage),
                people.display(&deal.owner),
                &show::money(deal.actual_value.as_ref().or(deal.estimated_value.as_ref())),
            ]);
        }
        println!("{table}");
        if more {
            println!("There are more; --limit shows them.");
        }
        Ok(())
    }
}
