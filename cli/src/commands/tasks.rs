//! `dealflow tasks` and `dealflow complete`: what somebody has to do, and that it is done (R-ACT-2).

use std::collections::HashMap;

use anyhow::bail;
use clap::{Args, ValueEnum};
use dealflow_proto::activities::v1::{
    Activity, ListActivitiesRequest, ListMyTasksRequest, ListMyTasksResponse, TaskBucket, TaskCounts,
};
use dealflow_proto::gateway::v1::CompleteActivityRequest;
use serde_json::json;
use tonic::Status;

use super::deal::quoted;
use super::named;
use super::people::People;
use super::subjects::titles;
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow tasks --of 'Anna Snelling'
  dealflow tasks --of 'Dustin Brinkmann' --team --bucket overdue
  dealflow tasks --unassigned                               what nobody is to do yet
  dealflow tasks --of 'Anna Snelling' --time-zone Europe/Berlin --json";

const COMPLETE_EXAMPLES: &str = "\
Examples:
  dealflow complete 019abc4e-… done
  dealflow complete 'Call the client' done --deal 1C1I7A6R
  dealflow complete 019abc4e-… refused --text 'they bought elsewhere' --minutes 20

The results of an activity, and what each does, are shown by dealflow tasks, deal show and activity show.";

/// The filter of what is not ended.
const OPEN: &str = "state != \"COMPLETED\" AND state != \"CANCELED\"";

/// As many are named where a subject is not one activity's alone.
const CANDIDATES: i32 = 10;

/// Arguments of `tasks`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Tasks {
    /// Whose tasks: a name as people say it; who asks where it is not said
    #[arg(long, value_name = "NAME")]
    of: Option<String>,
    /// Nobody's: what is open and has no performer, the earliest due first
    #[arg(long, conflicts_with_all = ["of", "team", "bucket"])]
    unassigned: bool,
    /// Also what everybody has to do whom that person leads, all the way down
    #[arg(long)]
    team: bool,
    /// Only these
    #[arg(long, value_enum)]
    bucket: Option<Bucket>,
    /// Whose day is meant, e.g. Europe/Berlin
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    time_zone: String,
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

/// When a task is due.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bucket {
    /// Due before now
    Overdue,
    /// Due from now to the end of the day
    Today,
    /// Due later, or at no time
    Planned,
}

/// Arguments of `complete`.
#[derive(Debug, Args)]
#[command(after_help = COMPLETE_EXAMPLES)]
pub struct Complete {
    /// The activity: its name, its UUID, or its subject where no other open one has it
    activity: String,
    /// One of its results; need not be said where there is only one
    #[arg(default_value = "")]
    result: String,
    /// The deal that it is of, where several activities have its subject
    #[arg(long, value_name = "DEAL")]
    deal: Option<String>,
    /// What was said or reached
    #[arg(long, default_value = "")]
    text: String,
    /// Minutes it took
    #[arg(long, default_value_t = 0)]
    minutes: i32,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Tasks {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        let read = async |api: Api| {
            let people = People::read(&api).await?;
            if self.unassigned {
                let page = unassigned(&api, self.limit).await?;
                let about = titles(&api, page.activities.iter().map(|task| task.regarding.as_str())).await?;
                return Ok((page, people, about));
            }
            let ask = ListMyTasksRequest {
                page_size: self.limit,
                performer: people.meant(self.of.as_deref(), &self.target)?,
                team: self.team,
                bucket: bucket(self.bucket).into(),
                time_zone: self.time_zone.clone(),
                ..ListMyTasksRequest::default()
            };
            let page = api.tasks.clone().list_my_tasks(api.ask(ask)).await?.into_inner();
            let about = titles(&api, page.activities.iter().map(|task| task.regarding.as_str())).await?;
            Ok((page, people, about))
        };
        let (page, people, about) = self.target.ask(read).await?;
        let more = !page.next_page_token.is_empty();
        if self.json {
            return data::print(&json!({
                "tasks": data::list(&page.activities, data::activity),
                "counts": counts(&page).map(|it| json!({ "overdue": it.overdue, "today": it.today, "planned": it.planned })),
                "more": more,
            }));
        }
        println!("{}", table(&page.activities, &people, &about));
        if let Some(counts) = counts(&page) {
            println!("{} overdue, {} today, {} planned", counts.overdue, counts.today, counts.planned);
        }
        if more {
            println!("There are more; --limit shows them.");
        }
        Ok(())
    }
}

/// What nobody is to do yet.
async fn unassigned(api: &Api, page_size: i32) -> Result<ListMyTasksResponse, Status> {
    let filter = format!("NOT performer:* AND {OPEN}");
    let ask = ListActivitiesRequest {
        page_size,
        filter,
        order_by: "due_time".to_owned(),
        ..ListActivitiesRequest::default()
    };
    let page = api.activities.clone().list_activities(api.ask(ask)).await?.into_inner();
    let (activities, next_page_token) = (page.activities, page.next_page_token);
    Ok(ListMyTasksResponse { activities, next_page_token, counts: None })
}

/// The name of the activity that somebody means: a name, a UUID, or the subject of one that is open.
async fn find(api: &Api, which: &str, deal: Option<&str>) -> anyhow::Result<String> {
    let name = named("activities", which);
    if name.starts_with("activities/") {
        return Ok(name);
    }
    let mut filter = format!("subject = {} AND {OPEN}", quoted(which));
    if let Some(deal) = deal {
        filter = format!("{filter} AND regarding = {}", quoted(&super::deal::find(api, deal).await?));
    }
    let ask = ListActivitiesRequest { page_size: CANDIDATES, filter, ..ListActivitiesRequest::default() };
    let found = api.activities.clone().list_activities(api.ask(ask)).await?.into_inner().activities;
    match found.as_slice() {
        [one] => Ok(one.name.clone()),
        [] => bail!("no open activity has the subject `{which}`; dealflow tasks and dealflow deal show list them"),
        several => {
            let told: String = several.iter().map(|it| format!("\n  {}  {}", it.name, it.regarding)).collect();
            bail!(
                "several open activities have the subject `{which}`; --deal says of which deal, or their names:{told}"
            )
        }
    }
}

impl Complete {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        let complete = async |api: Api| {
            let ask = CompleteActivityRequest {
                activity: find(&api, &self.activity, self.deal.as_deref()).await?,
                result: self.result,
                result_text: self.text,
                actual_minutes: self.minutes,
                request_id: new_id(),
                ..CompleteActivityRequest::default()
            };
            Ok(api.deals.clone().complete_activity(api.ask(ask)).await?.into_inner())
        };
        let done = self.target.ask(complete).await?;
        if self.json {
            return data::print(&json!({
                "activities": data::list(&done.activities, data::activity),
                "opportunity": done.opportunity.as_ref().map(data::opportunity),
                "guidance": data::guidance(done.guidance.as_ref()),
            }));
        }
        for activity in &done.activities {
            println!("{}: {}", word(activity.state().as_str_name(), "STATE_"), activity.subject);
        }
        if let Some(deal) = &done.opportunity {
            println!("{} is {} in {}", deal.title, word(deal.state().as_str_name(), "STATE_"), deal.stage);
        }
        Ok(())
    }
}

fn bucket(bucket: Option<Bucket>) -> TaskBucket {
    match bucket {
        None => TaskBucket::Unspecified,
        Some(Bucket::Overdue) => TaskBucket::Overdue,
        Some(Bucket::Today) => TaskBucket::Today,
        Some(Bucket::Planned) => TaskBucket::Planned,
    }
}

fn counts(page: &ListMyTasksResponse) -> Option<&TaskCounts> {
    page.counts.as_ref()
}

/// Tasks as people read them: when, what, about what, with which results.
pub(super) fn table(tasks: &[Activity], people: &People, about: &HashMap<String, String>) -> comfy_table::Table {
    let mut table = show::whole(show::table(&["due (UTC)", "what", "state", "about", "who", "results", "activity"]), 6);
    for task in tasks {
        let due = show::time(task.due_time.as_ref());
        table.add_row([
            &if task.overdue { format!("{due} !") } else { due },
            &task.subject,
            word(task.state().as_str_name(), "STATE_"),
            about.get(&task.regarding).unwrap_or(&task.regarding),
            people.display(&task.performer),
            &results(task),
            task.name.trim_start_matches("activities/"),
        ]);
    }
    table
}

/// Each result, and what it does.
pub(super) fn results(task: &Activity) -> String {
    let result = |it: &dealflow_proto::activities::v1::AllowedResult| match it.effect.as_str() {
        "" => it.code.clone(),
        effect => format!("{}: {effect}", it.code),
    };
    task.allowed_results.iter().map(result).collect::<Vec<_>>().join("\n")
}
