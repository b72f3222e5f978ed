//! `dealflow process show`: a process as a table, a picture, or its file.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use dealflow_proto::opportunities::v1::{
    ActivityResult, ActivityTemplate, Caption, ExportProcessRequest, GetProcessDiagramRequest, GetProcessRequest,
    ListStagesRequest, Process, ProcessStage, Stage, activity_result::Effect, get_process_diagram_request::Format,
};
use serde_json::{Value, json};

use super::super::deal;
use super::{called, caption, find, stage};
use crate::api::Api;
use crate::client::Target;
use crate::show::{self, json as data, word};

/// Arguments of `process show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The process, by id or name
    process: String,
    /// A version; the latest where it is not said
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    version: i32,
    /// Print its file
    #[arg(long, conflicts_with_all = ["mermaid", "svg", "json"])]
    yaml: bool,
    /// Print it as a Mermaid flowchart
    #[arg(long, conflicts_with_all = ["svg", "json"])]
    mermaid: bool,
    /// Draw it into an SVG file
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    svg: Option<PathBuf>,
    /// Mark the way of this deal in the drawing: its name, UUID or external id
    #[arg(long, value_name = "DEAL")]
    opportunity: Option<String>,
    /// The language of texts: en or ru
    #[arg(long, default_value = "en", value_parser = ["en", "ru"])]
    language: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        if self.yaml {
            let text = self.target.ask(async |api| self.file(&api).await).await?;
            print!("{text}");
            return Ok(());
        }
        if self.mermaid || self.svg.is_some() {
            let text = self.target.ask(async |api| self.drawing(&api).await).await?;
            return match &self.svg {
                Some(path) => std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display())),
                None => {
                    print!("{text}");
                    Ok(())
                }
            };
        }
        let (process, stages) = self.target.ask(async |api| self.read(&api).await).await?;
        if self.json {
            return data::print(&to_json(&process));
        }
        println!("{}", self.text(&process, &stages));
        Ok(())
    }

    async fn read(&self, api: &Api) -> anyhow::Result<(Process, Vec<Stage>)> {
        let name = find(api, &self.process).await?.name;
        let ask = GetProcessRequest { name, version: self.version };
        let process = api.processes.clone().get_process(api.ask(ask)).await?.into_inner();
        let stages = api.processes.clone().list_stages(api.ask(ListStagesRequest {})).await?.into_inner().stages;
        Ok((process, stages))
    }

    async fn file(&self, api: &Api) -> anyhow::Result<String> {
        let name = find(api, &self.process).await?.name;
        let ask = ExportProcessRequest { name, version: self.version };
        Ok(api.processes.clone().export_process(api.ask(ask)).await?.into_inner().yaml)
    }

    async fn drawing(&self, api: &Api) -> anyhow::Result<String> {
        let name = find(api, &self.process).await?.name;
        let opportunity = match &self.opportunity {
            Some(which) => deal::find(api, which).await?,
            None => String::new(),
        };
        let format = if self.mermaid { Format::Mermaid } else { Format::Svg };
        let ask = GetProcessDiagramRequest {
            name,
            version: self.version,
            format: format.into(),
            language_code: self.language.clone(),
            opportunity,
        };
        Ok(api.processes.clone().get_process_diagram(api.ask(ask)).await?.into_inner().text)
    }

    fn text(&self, process: &Process, stages: &[Stage]) -> String {
        let language = self.language.as_str();
        let control = word(process.control().as_str_name(), "CONTROL_");
        let title = caption(&process.captions, language);
        let mut text = format!("{title}, version {}, control {control}\n", process.version);
        let mut table = show::table(&["stage", "activity", "type", "due", "result", "then"]);
        for stage in &process.stages {
            rows(&mut table, stage, stages, language);
        }
        text.push_str(&table.to_string());
        text
    }
}

/// A stage: its gate, and its activities with a line for each result.
fn rows(table: &mut comfy_table::Table, of: &ProcessStage, stages: &[Stage], language: &str) {
    let mut name = called(stages, &of.stage, language).to_owned();
    let asked: Vec<&str> = of.fields.iter().chain(&of.documents).map(String::as_str).collect();
    if !asked.is_empty() {
        name = format!("{name}\n  asks {}", asked.join(", "));
    }
    if of.activities.is_empty() {
        table.add_row([name.as_str(), "", "", "", "", if of.completes { "ends the process" } else { "" }]);
    }
    for activity in &of.activities {
        let lines = |text: fn(&ActivityResult, &str) -> String| {
            activity.results.iter().map(|result| text(result, language)).collect::<Vec<_>>().join("\n")
        };
        table.add_row([
            std::mem::take(&mut name),
            format!("{}{}", caption(&activity.subjects, language), if activity.on_entry { "" } else { " (on demand)" }),
            activity.r#type.clone(),
            format!("{} d", activity.due_days),
            lines(|result, _| format!("{}: {}", result.code, result.caption)),
            lines(|result, _| then(result)),
        ]);
    }
}

/// What a result does.
fn then(result: &ActivityResult) -> String {
    let target = stage(&result.target);
    match result.effect() {
        Effect::Unspecified | Effect::None => "-".to_owned(),
        Effect::Advance => "next stage".to_owned(),
        Effect::Goto => format!("to {target}"),
        Effect::Create => format!("adds {target}"),
        Effect::Win => "won".to_owned(),
        Effect::Lose => format!("lost: {target}"),
        Effect::Wait => format!("waits {target} d"),
    }
}

/// `{"en": …, "ru": …}`.
pub(super) fn captions(captions: &[Caption]) -> Value {
    captions.iter().map(|it| (it.language_code.clone(), Value::from(it.text.as_str()))).collect()
}

fn to_json(process: &Process) -> Value {
    json!({
        "name": process.name,
        "version": process.version,
        "control": word(process.control().as_str_name(), "CONTROL_"),
        "captions": captions(&process.captions),
        "stages": data::list(&process.stages, |stage| json!({
            "stage": stage.stage,
            "captions": captions(&stage.captions),
            "goal": captions(&stage.goals),
            "record": data::text(&stage.record),
            "fields": stage.fields,
            "documents": stage.documents,
            "completes": stage.completes,
            "prepares_quote": stage.prepares_quote,
            "makes_customer": stage.makes_customer,
            "activities": data::list(&stage.activities, activity),
        })),
    })
}

fn activity(activity: &ActivityTemplate) -> Value {
    json!({
        "template": activity.template,
        "type": activity.r#type,
        "subject": captions(&activity.subjects),
        "instructions": captions(&activity.instructions),
        "required": activity.required,
        "on_entry": activity.on_entry,
        "needs_text": activity.needs_text,
        "due_days": activity.due_days,
        "category": data::text(&activity.category),
        "knowledge": activity.knowledge,
        "results": data::list(&activity.results, |result| json!({
            "code": result.code,
            "caption": result.caption,
            "effect": word(result.effect().as_str_name(), "EFFECT_"),
            "target": data::text(&result.target),
        })),
    })
}
