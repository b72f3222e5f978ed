//! `dealflow deal`: one deal, from lead to ERP.

mod view;

use anyhow::bail;
use clap::{Args, Subcommand};
use dealflow_proto::gateway::v1::GetDealRequest;
use dealflow_proto::names;
use dealflow_proto::opportunities::v1::{ListOpportunitiesRequest, Opportunity};
use uuid::Uuid;

use crate::api::Api;
use crate::client::Target;
use crate::show::json as data;

pub(super) use view::View;

const EXAMPLES: &str = "\
Examples:
  dealflow deal show 1C1I7A6R                  by its id in the system that it was imported from
  dealflow deal show opportunities/019abc4e-…  by its name
  dealflow deal show 1C1I7A6R --json";

/// What to do with a deal.
#[derive(Debug, Subcommand)]
pub enum Deal {
    /// Show a deal: stages, activities with what each result does, documents, timeline, what may come next
    Show(Show),
}

impl Deal {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Show(show) => show.run().await,
        }
    }
}

/// Arguments of `deal show`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Show {
    /// The opportunity: its name, its UUID, or its external id
    #[arg(value_name = "NAME_OR_EXTERNAL_ID")]
    deal: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Show {
    async fn run(self) -> anyhow::Result<()> {
        let deal = self.deal.as_str();
        let view = self
            .target
            .ask(async |api| {
                let name = find(&api, deal).await?;
                View::read(&api, &name).await
            })
            .await?;
        if self.json {
            return data::print(&view.to_json());
        }
        println!("{}", view.to_text());
        Ok(())
    }
}

/// The name of the opportunity that somebody means.
pub(super) async fn find(api: &Api, deal: &str) -> anyhow::Result<String> {
    if deal.starts_with("opportunities/") {
        return Ok(deal.to_owned());
    }
    if let Ok(id) = Uuid::try_parse(deal) {
        return Ok(names::OPPORTUNITIES.name(id));
    }
    let ask = ListOpportunitiesRequest {
        page_size: 2,
        filter: format!("external_id = {}", quoted(deal)),
        ..ListOpportunitiesRequest::default()
    };
    let found = api.opportunities.clone().list_opportunities(api.ask(ask)).await?.into_inner().opportunities;
    match found.as_slice() {
        [Opportunity { name, .. }] => Ok(name.clone()),
        _ => bail!("no deal has the external id `{deal}`; a name is opportunities/{{uuid}}"),
    }
}

/// A text as a literal of a filter.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl View {
    /// Reads a deal, and who its people are.
    pub(super) async fn read(api: &Api, name: &str) -> anyhow::Result<Self> {
        let ask = GetDealRequest { opportunity: name.to_owned() };
        let deal = api.deals.clone().get_deal(api.ask(ask)).await?.into_inner();
        let people = super::people::People::read(api).await?;
        Ok(Self::new(deal, people))
    }
}
