//! `dealflow deal`: one deal, from lead to ERP.

mod about;
mod find;
mod list;
mod team;
mod verbs;
mod view;

use clap::{Args, Subcommand};
use dealflow_proto::gateway::v1::GetDealRequest;

pub(super) use self::find::find;
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
    /// List deals, the latest first
    List(list::List),
    /// Show a deal: stages, activities with what each result does, documents, timeline, what may come next
    Show(Show),
    /// Change what is known of a deal, field by field
    Set(verbs::Set),
    /// Move a deal to another open stage
    Move(verbs::Move),
    /// Win a deal: the order of its quote, its lines or its value is made, and goes to the ERP
    Win(verbs::Win),
    /// Lose a deal, for a reason
    Lose(verbs::Lose),
    /// Let a deal wait: reminders pause, nothing is cancelled
    Hold(verbs::Hold),
    /// Go on with a deal that waits
    Resume(verbs::Resume),
    /// Open the deal that follows a closed one
    FollowUp(verbs::FollowUp),
    /// Show who works on a deal beside its owner, and change it
    Team(team::Team),
}

impl Deal {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Set(set) => set.run().await,
            Self::Move(verb) => verb.run().await,
            Self::Win(verb) => verb.run().await,
            Self::Lose(verb) => verb.run().await,
            Self::Hold(verb) => verb.run().await,
            Self::Resume(verb) => verb.run().await,
            Self::FollowUp(verb) => verb.run().await,
            Self::Team(team) => team.run().await,
        }
    }
}

/// Arguments of `deal show`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Show {
    /// The deal: its title, its external id, its UUID or its name
    #[arg(value_name = "DEAL")]
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

/// A text as a literal of a filter.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl View {
    /// Reads a deal, and who its people are.
    pub(super) async fn read(api: &Api, name: &str) -> anyhow::Result<Self> {
        let ask = GetDealRequest { opportunity: name.to_owned(), ..Default::default() };
        let deal = api.deals.clone().get_deal(api.ask(ask)).await?.into_inner();
        let people = super::people::People::read(api).await?;
        let named = deal.opportunity.as_ref().map(about::named).unwrap_or_default();
        let named = super::subjects::titles(api, named).await?;
        Ok(Self::new(deal, people, named))
    }
}
