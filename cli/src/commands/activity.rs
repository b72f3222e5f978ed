//! `dealflow activity`: one activity, from its making to its end; it is completed by `dealflow complete`.

use clap::{Args, Subcommand, ValueEnum};
use dealflow_proto::activities::v1::{
    Activity as Record, BatchGetKnowledgeDocumentsRequest, CancelActivityRequest, CreateActivityRequest,
    DeferActivityRequest, GetActivityRequest, KnowledgeDocument, ReassignActivityRequest, StartActivityRequest,
    activity,
};
use prost_types::Timestamp;
use tonic::Status;

use super::moment::moment;
use super::named;
use super::people::People;
use super::tasks::results;
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow activity show 019abc4e-…
  dealflow activity add 'Call Erika' --type call --of 'Anna Snelling' --due '2026-03-05 14:00' --about opportunities/019…
  dealflow activity start 019abc4e-…
  dealflow activity defer 019abc4e-… --until 2026-03-09 --why 'she is on holiday'
  dealflow activity reassign 019abc4e-… 'Markita Hansen'
  dealflow activity cancel 019abc4e-…
  dealflow complete 019abc4e-… done";

/// What to do with an activity.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Activity {
    /// Show an activity: when, who, how, what each result does, what helps
    Show(One),
    /// Make an activity by hand
    Add(Box<Add>),
    /// Begin an activity
    Start(One),
    /// Put an activity off; it comes back by itself
    Defer(Defer),
    /// Give an activity to somebody else, who is notified
    Reassign(Reassign),
    /// Cancel an activity that no stage waits for
    Cancel(One),
}

/// Which activity, and how it is shown.
#[derive(Debug, Args)]
pub struct One {
    /// The activity: its name, or its UUID
    activity: String,
    /// Why, for the history
    #[arg(long, default_value = "")]
    why: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `activity defer`.
#[derive(Debug, Args)]
pub struct Defer {
    /// Which
    #[command(flatten)]
    one: One,
    /// When it comes back: 2026-03-05, '2026-03-05 14:00' or RFC 3339; UTC
    #[arg(long, value_parser = moment)]
    until: Timestamp,
}

/// Arguments of `activity reassign`.
#[derive(Debug, Args)]
pub struct Reassign {
    /// Which
    #[command(flatten)]
    one: One,
    /// Who does it from now on
    to: String,
}

/// Arguments of `activity add`.
#[derive(Debug, Args)]
pub struct Add {
    /// What is to be done
    subject: String,
    /// What kind
    #[arg(long = "type", value_enum, default_value = "task")]
    kind: Kind,
    /// Who does it
    #[arg(long, value_name = "NAME")]
    of: Option<String>,
    /// What it is about, e.g. opportunities/019…
    #[arg(long, default_value = "", value_name = "RECORD")]
    about: String,
    /// When it begins
    #[arg(long, value_parser = moment, value_name = "TIME")]
    start: Option<Timestamp>,
    /// When it is due: 2026-03-05, '2026-03-05 14:00' or RFC 3339; UTC
    #[arg(long, value_parser = moment, value_name = "TIME")]
    due: Option<Timestamp>,
    /// How it is done
    #[arg(long, default_value = "")]
    instructions: String,
    /// Documents that help, e.g. knowledge/pricing
    #[arg(long, value_name = "DOCUMENT")]
    knowledge: Vec<String>,
    /// Minutes before its time at which the performer is reminded; negative for never
    #[arg(long, value_name = "MINUTES", allow_negative_numbers = true)]
    remind: Option<i32>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// What kind of activity.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Task,
    Call,
    Email,
    Meeting,
}

impl Activity {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => add.run().await,
            Self::Show(one) => {
                let ask = GetActivityRequest { name: one.name() };
                one.answer(async |api| Ok(api.activities.clone().get_activity(api.ask(ask)).await?.into_inner())).await
            }
            Self::Start(one) => {
                let ask = StartActivityRequest { name: one.name(), request_id: new_id(), ..Default::default() };
                one.answer(async |api| Ok(api.activities.clone().start_activity(api.ask(ask)).await?.into_inner()))
                    .await
            }
            Self::Cancel(one) => {
                let (name, comment, request_id) = (one.name(), one.why.clone(), new_id());
                let ask = CancelActivityRequest { name, comment, request_id, ..Default::default() };
                one.answer(async |api| Ok(api.activities.clone().cancel_activity(api.ask(ask)).await?.into_inner()))
                    .await
            }
            Self::Defer(Defer { one, until }) => {
                let (name, comment, request_id) = (one.name(), one.why.clone(), new_id());
                let until_time = Some(until);
                let ask = DeferActivityRequest { name, comment, request_id, until_time, ..Default::default() };
                one.answer(async |api| Ok(api.activities.clone().defer_activity(api.ask(ask)).await?.into_inner()))
                    .await
            }
            Self::Reassign(Reassign { one, to }) => {
                let (name, comment, request_id) = (one.name(), one.why.clone(), new_id());
                let give = async |api: Api| {
                    let performer = People::read(&api).await?.who(&to)?.to_owned();
                    let ask = ReassignActivityRequest { name, comment, request_id, performer, ..Default::default() };
                    Ok(api.activities.clone().reassign_activity(api.ask(ask)).await?.into_inner())
                };
                one.answer(give).await
            }
        }
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let Self { subject, kind, of, about, start, due, instructions, knowledge, remind, json, target } = self;
        let kind = match kind {
            Kind::Task => activity::Type::Task,
            Kind::Call => activity::Type::Call,
            Kind::Email => activity::Type::Email,
            Kind::Meeting => activity::Type::Meeting,
        };
        let add = async |api: Api| {
            let people = People::read(&api).await?;
            let activity = Record {
                subject,
                r#type: kind.into(),
                performer: of.as_deref().map(|who| people.who(who)).transpose()?.unwrap_or_default().to_owned(),
                regarding: about,
                planned_start_time: start,
                due_time: due,
                instructions,
                knowledge,
                reminder_minutes: remind,
                ..Record::default()
            };
            let ask = CreateActivityRequest { activity: Some(activity), request_id: new_id(), ..Default::default() };
            let made = api.activities.clone().create_activity(api.ask(ask)).await?.into_inner();
            let knowledge = documents(&api, &made).await?;
            Ok((made, people, knowledge))
        };
        let (made, people, knowledge) = target.ask(add).await?;
        print(&made, &people, &knowledge, json)
    }
}

impl One {
    fn name(&self) -> String {
        named("activities", &self.activity)
    }

    async fn answer(&self, ask: impl AsyncFnOnce(Api) -> anyhow::Result<Record>) -> anyhow::Result<()> {
        let read = async |api: Api| {
            let activity = ask(api.clone()).await?;
            let knowledge = documents(&api, &activity).await?;
            Ok((activity, People::read(&api).await?, knowledge))
        };
        let (activity, people, knowledge) = self.target.ask(read).await?;
        print(&activity, &people, &knowledge, self.json)
    }
}

/// The documents that help to do it.
async fn documents(api: &Api, activity: &Record) -> Result<Vec<KnowledgeDocument>, Status> {
    if activity.knowledge.is_empty() {
        return Ok(Vec::new());
    }
    let ask = BatchGetKnowledgeDocumentsRequest { names: activity.knowledge.clone() };
    Ok(api.knowledge.clone().batch_get_knowledge_documents(api.ask(ask)).await?.into_inner().documents)
}

fn print(activity: &Record, people: &People, knowledge: &[KnowledgeDocument], json: bool) -> anyhow::Result<()> {
    if json {
        let mut value = data::activity(activity);
        value["documents"] = data::list(knowledge, data::knowledge);
        return data::print(&value);
    }
    let state = word(activity.state().as_str_name(), "STATE_");
    let overdue = if activity.overdue { ", overdue" } else { "" };
    println!("{} ({state}{overdue})\n{}", activity.subject, activity.name);
    let times = [
        ("begins", &activity.planned_start_time),
        ("due", &activity.due_time),
        ("reminder", &activity.reminder_time),
        ("comes back", &activity.resume_time),
        ("begun", &activity.start_time),
        ("ended", &activity.end_time),
    ];
    let mut table = show::table(&["field", "value"]);
    for (what, time) in times.iter().filter(|(_, time)| time.is_some()) {
        table.add_row([*what, &format!("{} UTC", show::time(time.as_ref()))]);
    }
    let texts = [
        ("who", people.display(&activity.performer).to_owned()),
        ("made by", people.display(&activity.author).to_owned()),
        ("about", activity.regarding.clone()),
        ("how", activity.instructions.clone()),
        ("results", if activity.result.is_empty() { results(activity) } else { String::new() }),
        ("result", [activity.result.as_str(), activity.result_text.as_str()].join(" ").trim().to_owned()),
        ("minutes", if activity.actual_minutes > 0 { activity.actual_minutes.to_string() } else { String::new() }),
        ("what helps", knowledge.iter().map(helps).collect::<Vec<_>>().join("\n")),
    ];
    for (what, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
        table.add_row([*what, text]);
    }
    println!("{table}");
    Ok(())
}

fn helps(document: &KnowledgeDocument) -> String {
    let place = if document.link.is_empty() { &document.name } else { &document.link };
    format!("{}: {place}", document.title)
}
