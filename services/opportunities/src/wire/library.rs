//! Processes and stages as their readers see them.

use dealflow_proto::names::{PROCESSES, STAGES};
use dealflow_proto::opportunities::v1 as pb;
use pb::activity_result::Effect as WireEffect;

use crate::library::{
    Control, Effect, ForecastCategory, Language, Meaning, Outcome, Process, ProcessStage, Stage, Stages, Template, Text,
};

/// A process with its stages and activity templates.
pub(crate) fn process(process: &Process, stages: &Stages) -> pb::Process {
    let control = match process.control {
        Control::Free => pb::process::Control::Free,
        Control::Gated => pb::process::Control::Gated,
        Control::Strict => pb::process::Control::Strict,
    };
    pb::Process {
        name: PROCESSES.slug(&process.id.value),
        version: process.version,
        captions: captions(&process.captions),
        control: control.into(),
        stages: process.stages.iter().map(|stage| process_stage(stage, stages)).collect(),
    }
}

/// A stage of the lookup.
pub(crate) fn stage(stage: &Stage, stages: &Stages) -> pb::Stage {
    let meaning = match stage.meaning {
        Meaning::Open => pb::stage::Meaning::Open,
        Meaning::Won => pb::stage::Meaning::Won,
        Meaning::Lost => pb::stage::Meaning::Lost,
    };
    pb::Stage {
        name: STAGES.slug(&stage.id),
        captions: captions(&stage.captions),
        meaning: meaning.into(),
        probability: stage.probability,
        forecast_category: forecast(stage.forecast_category).into(),
        position: i32::try_from(stages.position(&stage.id)).unwrap_or(i32::MAX),
    }
}

/// A result as it stands at an activity.
pub(super) fn activity_result(outcome: &Outcome, language: Language) -> pb::ActivityResult {
    let (effect, target) = effect(&outcome.effect.value);
    pb::ActivityResult {
        code: outcome.code.value.clone(),
        caption: caption(&outcome.captions, language),
        effect: effect.into(),
        target,
    }
}

/// A text in one language.
pub(super) fn caption(text: &Text, language: Language) -> String {
    text.in_language(language).to_owned()
}

fn process_stage(stage: &ProcessStage, stages: &Stages) -> pb::ProcessStage {
    let known = stages.get(&stage.stage.value);
    pb::ProcessStage {
        stage: STAGES.slug(&stage.stage.value),
        captions: known.map(|stage| captions(&stage.captions)).unwrap_or_default(),
        goals: stage.goal.as_ref().map(captions).unwrap_or_default(),
        activities: stage.activities.iter().map(template).collect(),
    }
}

fn template(template: &Template) -> pb::ActivityTemplate {
    pb::ActivityTemplate {
        template: template.code.value.clone(),
        r#type: template.r#type.as_str().to_owned(),
        subjects: captions(&template.subject),
        instructions: captions(&template.instructions),
        required: template.required,
        due_days: template.due_days,
        results: template.results.iter().map(|outcome| activity_result(outcome, Language::En)).collect(),
        on_entry: template.on_entry,
    }
}

fn captions(text: &Text) -> Vec<pb::Caption> {
    let caption =
        |language: Language| pb::Caption { language_code: language.code().to_owned(), text: caption(text, language) };
    Language::ALL.map(caption).to_vec()
}

/// The effect, and the stage, template or reason that it names.
fn effect(effect: &Effect) -> (WireEffect, String) {
    match effect {
        Effect::None => (WireEffect::None, String::new()),
        Effect::Advance => (WireEffect::Advance, String::new()),
        Effect::Goto(stage) => (WireEffect::Goto, STAGES.slug(stage)),
        Effect::Create(template) => (WireEffect::Create, template.clone()),
        Effect::Win => (WireEffect::Win, String::new()),
        Effect::Lose(reason) => (WireEffect::Lose, reason.to_string()),
    }
}

pub(super) fn forecast(category: ForecastCategory) -> pb::stage::ForecastCategory {
    use pb::stage::ForecastCategory as Wire;
    match category {
        ForecastCategory::Pipeline => Wire::Pipeline,
        ForecastCategory::BestCase => Wire::BestCase,
        ForecastCategory::MostLikely => Wire::MostLikely,
        ForecastCategory::Commit => Wire::Commit,
        ForecastCategory::Closed => Wire::Closed,
        ForecastCategory::Omitted => Wire::Omitted,
    }
}
