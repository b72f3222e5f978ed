//! Processes and stages as their readers see them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use dealflow_chassis::Mask;
use dealflow_proto::Violation;
use dealflow_proto::names::{KNOWLEDGE, PROCESSES, STAGES};
use dealflow_proto::opportunities::v1 as pb;
use pb::activity_result::Effect as WireEffect;
use uuid::Uuid;

use crate::document;
use crate::error::Error;
use crate::library::{
    Asked, Control, Difference, Effect, ForecastCategory, Language, Meaning, Outcome, Process, ProcessStage, Stage,
    Stages, Template, Text, is_slug,
};
use crate::sale::Sale;

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
pub(crate) fn stage(stage: &Stage) -> pb::Stage {
    pb::Stage {
        name: STAGES.slug(&stage.id),
        captions: captions(&stage.captions),
        meaning: meaning(stage.meaning).into(),
        probability: stage.probability,
        forecast_category: forecast(stage.forecast_category).into(),
        position: stage.place,
        etag: stage.version.to_string(),
    }
}

/// A stage as a caller gives it: captions in both languages, and what it means.
///
/// # Errors
/// [`Error::Fields`] with everything that is missing or cannot be meant.
pub(crate) fn new_stage(given: &pb::Stage, id: &str, now: DateTime<Utc>) -> Result<Stage, Error> {
    let mut faults = Vec::new();
    if !is_slug(id) {
        faults.push(("stage_id", "must be 1 to 60 of a-z, 0-9, `-`, `_`"));
    }
    let captions = both(&given.captions);
    if captions.is_none() {
        faults.push(("stage.captions", CAPTIONS));
    }
    let meaning = match given.meaning() {
        pb::stage::Meaning::Unspecified => None,
        pb::stage::Meaning::Open => Some(Meaning::Open),
        pb::stage::Meaning::Won => Some(Meaning::Won),
        pb::stage::Meaning::Lost => Some(Meaning::Lost),
    };
    if meaning.is_none() {
        faults.push(("stage.meaning", "is required: what a stage means is given once"));
    }
    let (Some(captions), Some(meaning), true) = (captions, meaning, faults.is_empty()) else {
        let violation =
            |(field, wrong): (&str, &str)| Violation { field: field.to_owned(), description: wrong.to_owned() };
        return Err(Error::Fields(faults.into_iter().map(violation).collect()));
    };
    let forecast_category = forecast_of(given.forecast_category()).unwrap_or(match meaning {
        Meaning::Open => ForecastCategory::Pipeline,
        Meaning::Won => ForecastCategory::Closed,
        Meaning::Lost => ForecastCategory::Omitted,
    });
    let (probability, place) = (given.probability, given.position);
    let id = id.to_owned();
    Ok(Stage { id, version: 1, updated_at: now, place, captions, meaning, probability, forecast_category })
}

/// Lays the fields that the mask takes over a stage.
///
/// # Errors
/// [`Error::Fields`] for what cannot be meant.
pub(crate) fn overlay_stage(stage: &mut Stage, given: &pb::Stage, mask: &Mask) -> Result<(), Error> {
    if mask.takes("captions", !given.captions.is_empty()) {
        stage.captions = both(&given.captions).ok_or_else(|| Error::field("stage.captions", CAPTIONS))?;
    }
    if mask.takes("probability", given.probability != 0) {
        stage.probability = given.probability;
    }
    if mask.takes("forecast_category", given.forecast_category != 0) {
        let category = forecast_of(given.forecast_category());
        stage.forecast_category = category.ok_or_else(|| Error::field("stage.forecast_category", "is required"))?;
    }
    if mask.takes("position", given.position != 0) {
        stage.place = given.position;
    }
    Ok(())
}

/// What a caption must be.
const CAPTIONS: &str = "must be two: one in `en` and one in `ru`";

/// A text from its two captions.
fn both(captions: &[pb::Caption]) -> Option<Text> {
    let text = |code: &str| {
        let found = captions.iter().find(|caption| caption.language_code == code);
        found.map(|caption| caption.text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    (captions.len() == 2).then(|| Some(Text { en: text("en")?, ru: text("ru")? })).flatten()
}

/// What a file changes.
pub(crate) fn process_change(difference: Difference) -> pb::ProcessChange {
    use pb::process_change::Kind;
    let kind = match (&difference.before, &difference.after) {
        (None, _) => Kind::Added,
        (Some(_), None) => Kind::Removed,
        (Some(_), Some(_)) => Kind::Changed,
    };
    pb::ProcessChange {
        kind: kind.into(),
        path: difference.path,
        before: difference.before.unwrap_or_default(),
        after: difference.after.unwrap_or_default(),
    }
}

/// A process that could be started, from how the sale would be then.
pub(crate) fn startable(process: &Process, started: &Sale) -> pb::StartableProcess {
    pb::StartableProcess {
        process: PROCESSES.slug(&process.id.value),
        version: process.version,
        captions: captions(&process.captions),
        stage: STAGES.slug(&started.opportunity.stage),
        missing_fields: started.guidance().missing_fields,
    }
}

/// Documents as a caller tells of them.
///
/// # Errors
/// [`Error::Fields`] for a state that is not said.
pub(crate) fn documents(
    given: &[pb::DealDocument],
    opportunity: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<document::Model>, Error> {
    use document::State;
    use pb::deal_document::State as Wire;
    // The same document twice in one call: the later version counts.
    let mut latest: BTreeMap<&str, document::Model> = BTreeMap::new();
    for (index, given) in given.iter().enumerate() {
        let state = match given.state() {
            Wire::Unspecified => return Err(Error::field(&format!("documents[{index}].state"), "is required")),
            Wire::QuoteActive => State::QuoteActive,
            Wire::QuoteAccepted => State::QuoteAccepted,
            Wire::InvoiceAccepted => State::InvoiceAccepted,
            Wire::Void => State::Void,
        };
        let (document, version) = (given.document.clone(), given.version);
        let row = document::Model { opportunity, document, state, version, recorded_at: now };
        match latest.get(given.document.as_str()) {
            Some(known) if known.version >= version => {}
            _ => drop(latest.insert(&given.document, row)),
        }
    }
    Ok(latest.into_values().collect())
}

/// A result as it stands at an activity of a template.
pub(super) fn activity_result(of: &Template, outcome: &Outcome, language: Language) -> pb::ActivityResult {
    let (effect, target) = effect(&outcome.effect.value);
    pb::ActivityResult {
        code: outcome.code.value.clone(),
        caption: caption(&outcome.captions, language),
        effect: effect.into(),
        target,
        needs_text: of.needs_text_for(outcome),
    }
}

/// A text in one language.
pub(super) fn caption(text: &Text, language: Language) -> String {
    text.in_language(language).to_owned()
}

fn process_stage(stage: &ProcessStage, stages: &Stages) -> pb::ProcessStage {
    let in_lookup = stages.get(&stage.stage.value);
    pb::ProcessStage {
        stage: STAGES.slug(&stage.stage.value),
        captions: in_lookup.map(|stage| captions(&stage.captions)).unwrap_or_default(),
        goals: stage.goal.as_ref().map(captions).unwrap_or_default(),
        activities: stage.activities.iter().map(template).collect(),
        record: stage.record.map(|record| record.as_str().to_owned()).unwrap_or_default(),
        fields: stage.fields.iter().map(Asked::path).collect(),
        documents: stage.documents.iter().map(|document| document.path().to_owned()).collect(),
        completes: stage.completes,
        prepares_quote: stage.prepares_quote,
        makes_customer: stage.makes_customer,
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
        results: template.results.iter().map(|outcome| activity_result(template, outcome, Language::En)).collect(),
        on_entry: template.on_entry,
        needs_text: template.needs_text,
        category: template.category.clone().unwrap_or_default(),
        knowledge: documents_of(template),
    }
}

/// The names of the documents that a template points at.
pub(super) fn documents_of(template: &Template) -> Vec<String> {
    template.knowledge.iter().map(|document| KNOWLEDGE.slug(document)).collect()
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
        Effect::Wait(days) => (WireEffect::Wait, days.to_string()),
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

/// None where it is not said.
fn forecast_of(category: pb::stage::ForecastCategory) -> Option<ForecastCategory> {
    ForecastCategory::ALL.iter().copied().find(|known| forecast(*known) == category)
}

fn meaning(meaning: Meaning) -> pb::stage::Meaning {
    match meaning {
        Meaning::Open => pb::stage::Meaning::Open,
        Meaning::Won => pb::stage::Meaning::Won,
        Meaning::Lost => pb::stage::Meaning::Lost,
    }
}
