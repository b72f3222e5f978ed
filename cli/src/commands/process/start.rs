//! `dealflow process start`: by its name as typed, with a new deal or on one that is there (R-PRC-1).

use clap::Args;
use dealflow_proto::gateway::v1::{DealProgress, StartDealRequest, StartProcessRequest};
use dealflow_proto::opportunities::v1::Opportunity;
use serde_json::json;

use super::super::deal;
use super::super::people::People;
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data};

/// Arguments of `process start`.
#[derive(Debug, Args)]
pub struct Start {
    /// The process, as you would say it: 'Corporate sale', 'корпоративная продажа', corporate-sale
    process: String,
    /// Open a new deal of this title
    #[arg(long, required_unless_present = "opportunity", conflicts_with = "opportunity")]
    title: Option<String>,
    /// Who owns the new deal: a name, or employees/{uuid}
    #[arg(long, value_name = "PERSON", conflicts_with = "opportunity")]
    owner: Option<String>,
    /// Start it on this deal, from the stage it is in: its name, UUID or external id
    #[arg(long, value_name = "DEAL")]
    opportunity: Option<String>,
    /// The language of its activities: en or ru
    #[arg(long, default_value = "en", value_parser = ["en", "ru"])]
    language: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Start {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let done = self.target.ask(async |api| self.start(&api).await).await?;
        let opportunity = done.opportunity.clone().unwrap_or_default();
        if self.json {
            return data::print(&json!({
                "opportunity": opportunity.name,
                "title": opportunity.title,
                "stage": opportunity.stage,
                "owner": data::text(&opportunity.owner),
                "process": opportunity.process_run.as_ref().map(|run| run.process.as_str()),
                "activities": data::list(&done.activities, data::activity),
                "guidance": data::guidance(done.guidance.as_ref()),
            }));
        }
        println!("{} ({}) is in {}", opportunity.title, opportunity.name, super::stage(&opportunity.stage));
        if !done.activities.is_empty() {
            let mut table = show::table(&["to do", "due (UTC)", "results"]);
            for activity in &done.activities {
                let results: Vec<&str> = activity.allowed_results.iter().map(|result| result.code.as_str()).collect();
                table.add_row([activity.subject.clone(), show::time(activity.due_time.as_ref()), results.join(", ")]);
            }
            println!("{table}");
        }
        let guidance = done.guidance.unwrap_or_default();
        if !guidance.missing_fields.is_empty() {
            println!("still to be filled in: {}", guidance.missing_fields.join(", "));
        }
        if done.activities.is_empty() {
            println!("no activities in this stage; `dealflow deal move` leads on");
        }
        Ok(())
    }

    async fn start(&self, api: &Api) -> anyhow::Result<DealProgress> {
        let (process, language_code) = (self.process.clone(), self.language.clone());
        let Some(which) = &self.opportunity else {
            let title = self.title.clone().unwrap_or_default();
            let owner = match &self.owner {
                Some(who) if who.starts_with("employees/") => who.clone(),
                Some(who) => People::read(api).await?.who(who)?.to_owned(),
                None => String::new(),
            };
            let ask = StartDealRequest {
                process,
                opportunity: Some(Opportunity { title, owner, ..Opportunity::default() }),
                language_code,
                request_id: new_id(),
                ..StartDealRequest::default()
            };
            return Ok(api.deals.clone().start_deal(api.ask(ask)).await?.into_inner());
        };
        let ask = StartProcessRequest {
            opportunity: deal::find(api, which).await?,
            process,
            language_code,
            request_id: new_id(),
            ..StartProcessRequest::default()
        };
        Ok(api.deals.clone().start_process(api.ask(ask)).await?.into_inner())
    }
}
