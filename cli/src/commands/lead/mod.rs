//! `dealflow lead`: captured, imported, distributed, qualified, set aside (R-LED).

mod csv;
mod import;
mod records;
mod verbs;

use anyhow::bail;
use clap::{Args, Subcommand};
use dealflow_proto::leads::v1::{GetLeadRequest, Lead, ListLeadsRequest};
use dealflow_proto::names;
use serde_json::json;
use uuid::Uuid;

use super::deal::quoted;
use super::people::People;
use crate::api::Api;
use crate::client::Target;
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow lead add --company 'Berg AG' --family-name Berg --email berg@berg.example --source 'trade show'
  dealflow lead import fair.csv --map Kunde=company_name
  dealflow lead set crm-17 need=must-have budget_status=can-buy address.city=Wien
  dealflow lead list --state new --stage distribution
  dealflow lead distribute crm-17 crm-18 --to 'Dustin Brinkmann' --to 'Cara Losch' --method least-busy
  dealflow lead distribute crm-19 --office Central --method round-robin
  dealflow lead stage crm-17 qualification --reason 'the budget is open again'
  dealflow lead qualify crm-17 --create-contact
  dealflow lead disqualify crm-18 --reason no-longer-interested

A lead is named by its name (leads/{uuid}), its UUID, or its external id.";

/// What to do with leads.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum LeadCommand {
    /// List leads, the latest first
    List(List),
    /// Show one lead and what may come next for it
    Show(Show),
    /// Capture a lead
    Add(Box<verbs::Add>),
    /// Change what is known of a lead, field by field
    Set(verbs::Set),
    /// Import leads from a CSV file
    Import(import::Import),
    /// Make an opportunity of a lead, with account and contact, and start its process
    Qualify(verbs::Qualify),
    /// Set a lead aside
    Disqualify(verbs::Disqualify),
    /// Take a lead up again that was set aside
    Reactivate(Show),
    /// Give leads their owners, who take them over
    Distribute(verbs::Distribute),
    /// Move a lead to another stage
    Stage(verbs::Stage),
}

impl LeadCommand {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run(async |api, name| read(api, name).await).await,
            Self::Add(add) => add.run().await,
            Self::Set(set) => set.run().await,
            Self::Import(import) => import.run().await,
            Self::Qualify(qualify) => qualify.run().await,
            Self::Disqualify(disqualify) => disqualify.run().await,
            Self::Reactivate(show) => show.run(async |api, name| verbs::reactivate(api, name).await).await,
            Self::Distribute(distribute) => distribute.run().await,
            Self::Stage(stage) => stage.run().await,
        }
    }
}

/// Arguments of `lead list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only leads in this state: new, contacted, qualified, disqualified
    #[arg(long)]
    state: Option<String>,
    /// Only leads in this stage: qualification, distribution, handoff-to-sales, awaiting-sale, satisfied
    #[arg(long)]
    stage: Option<String>,
    /// Only leads of this employee: a name, or employees/{uuid}
    #[arg(long)]
    owner: Option<String>,
    /// Only leads from this source, e.g. `web`
    #[arg(long)]
    source: Option<String>,
    /// A filter of the API, e.g. `company_name : "berg"`
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

/// Which lead.
#[derive(Debug, Args)]
pub struct Show {
    /// The lead: its name, its UUID, or its external id
    lead: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let Self { state, stage, owner, source, filter, limit, json, target } = self;
        let listed = async |api: Api| {
            let people = People::read(&api).await?;
            let is = |field: &str, word: &str| format!("{field} = {}", quoted(&enum_word(word)));
            let mut parts: Vec<String> = Vec::new();
            parts.extend(state.map(|word| is("state", &word)));
            parts.extend(stage.map(|word| is("stage", &word)));
            parts.extend(source.map(|word| is("source", &word)));
            if let Some(who) = owner {
                let owner = if who.starts_with("employees/") { who.as_str() } else { people.who(&who)? };
                parts.push(format!("owner = {}", quoted(owner)));
            }
            parts.extend(filter.map(|filter| format!("({filter})")));
            let ask = ListLeadsRequest {
                page_size: limit,
                filter: parts.join(" AND "),
                order_by: "create_time desc".to_owned(),
                ..ListLeadsRequest::default()
            };
            let page = api.leads.clone().list_leads(api.ask(ask)).await?.into_inner();
            Ok((page, people))
        };
        let (page, people) = target.ask(listed).await?;
        let more = !page.next_page_token.is_empty();
        if json {
            return data::print(&json!({ "leads": data::list(&page.leads, data::lead), "more": more }));
        }
        let mut table =
            show::whole(show::table(&["lead", "company", "person", "state", "stage", "source", "owner", "worth"]), 0);
        for lead in &page.leads {
            table.add_row([
                if lead.external_id.is_empty() { lead.name.as_str() } else { lead.external_id.as_str() },
                &lead.company_name,
                format!("{} {}", lead.given_name, lead.family_name).trim(),
                word(lead.state().as_str_name(), "STATE_"),
                word(lead.stage().as_str_name(), "STAGE_"),
                word(lead.source().as_str_name(), "SOURCE_"),
                people.display(&lead.owner),
                &show::money(lead.estimated_value.as_ref()),
            ]);
        }
        println!("{table}");
        if more {
            println!("There are more; --limit shows them.");
        }
        Ok(())
    }
}

impl Show {
    async fn run(self, act: impl AsyncFnOnce(&Api, String) -> anyhow::Result<Lead>) -> anyhow::Result<()> {
        let (which, json) = (self.lead, self.json);
        let lead = self.target.ask(async |api: Api| act(&api, find(&api, &which).await?).await).await?;
        tell(&lead, json)
    }
}

async fn read(api: &Api, name: String) -> anyhow::Result<Lead> {
    Ok(api.leads.clone().get_lead(api.ask(GetLeadRequest { name })).await?.into_inner())
}

/// Shows a lead.
fn tell(lead: &Lead, json: bool) -> anyhow::Result<()> {
    if json {
        return data::print(&data::lead(lead));
    }
    let mut record = data::lead(lead);
    // What may come next is told in words below.
    record.as_object_mut().and_then(|fields| fields.remove("guidance"));
    println!("{}", show::fields(&record));
    if let Some(guidance) = &lead.guidance {
        println!("May come next: {}", guidance.allowed_verbs.join(", "));
        for missing in &guidance.missing_fields {
            println!("  missing: {missing}");
        }
    }
    Ok(())
}

/// The name of the lead that somebody means.
async fn find(api: &Api, which: &str) -> anyhow::Result<String> {
    if which.starts_with("leads/") {
        return Ok(which.to_owned());
    }
    if let Ok(id) = Uuid::try_parse(which) {
        return Ok(names::LEADS.name(id));
    }
    let filter = format!("external_id = {}", quoted(which));
    let ask = ListLeadsRequest { page_size: 1, filter, ..ListLeadsRequest::default() };
    match api.leads.clone().list_leads(api.ask(ask)).await?.into_inner().leads.as_slice() {
        [lead, ..] => Ok(lead.name.clone()),
        [] => bail!("no lead has the external id `{which}`; a name is leads/{{uuid}}"),
    }
}

/// A word of an enum as people write it: `handoff-to-sales`.
fn enum_word(word: &str) -> String {
    word.trim().to_uppercase().replace(['-', ' '], "_")
}
