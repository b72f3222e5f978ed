//! A process drawn as a flowchart (R-PRC-2): what is drawn is the same for both forms, `mermaid` and `svg`.

mod arrows;
mod layout;
mod mermaid;
mod svg;

use std::collections::BTreeSet;

use super::{Effect, Language, Meaning, Process, ProcessStage, Stages, Template};

/// How far an opportunity is in a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// The stage that it is in.
    pub current: String,
    /// The stages that it entered.
    pub visited: BTreeSet<String>,
    /// The activities of the current entry that are done.
    pub done: BTreeSet<String>,
    /// Those that are open.
    pub open: BTreeSet<String>,
}

/// How a stage or an activity is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// Not at all.
    #[default]
    None,
    /// The opportunity was there; the activity is done.
    Visited,
    /// The opportunity is there; the activity is open.
    Current,
}

/// A process as it is drawn, in one language.
#[derive(Debug, Clone)]
pub struct Drawing {
    title: String,
    control: &'static str,
    stages: Vec<StageDrawing>,
}

/// One stage.
#[derive(Debug, Clone)]
struct StageDrawing {
    id: String,
    caption: String,
    goal: String,
    /// What its gate asks for, where the control asks for it.
    gate: String,
    meaning: Meaning,
    mark: Mark,
    completes: bool,
    activities: Vec<ActivityDrawing>,
}

/// One activity.
#[derive(Debug, Clone)]
struct ActivityDrawing {
    code: String,
    subject: String,
    kind: &'static str,
    mark: Mark,
    /// Whether its stage waits for it.
    required: bool,
    results: Vec<ResultDrawing>,
}

/// One result of an activity: what it is called, and where it leads.
#[derive(Debug, Clone)]
struct ResultDrawing {
    caption: String,
    effect: Effect,
}

impl Drawing {
    /// What there is to draw.
    pub fn of(process: &Process, stages: &Stages, language: Language, way: Option<Way>) -> Self {
        let way = way.unwrap_or_default();
        Self {
            title: process.captions.in_language(language).to_owned(),
            control: process.control.as_str(),
            stages: process.stages.iter().map(|stage| stage_drawing(process, stage, stages, language, &way)).collect(),
        }
    }

    /// As the text of a Mermaid flowchart.
    pub fn to_mermaid(&self) -> String {
        mermaid::text(self)
    }

    /// As a picture.
    pub fn to_svg(&self) -> String {
        svg::picture(self)
    }

    /// The place of the stage that won sales end in: the last but one.
    fn won(&self) -> usize {
        self.stages.len().saturating_sub(2)
    }

    fn place(&self, stage: &str) -> Option<usize> {
        self.stages.iter().position(|known| known.id == stage)
    }
}

fn stage_drawing(
    process: &Process,
    stage: &ProcessStage,
    stages: &Stages,
    language: Language,
    way: &Way,
) -> StageDrawing {
    let id = stage.stage.value.clone();
    let in_lookup = stages.get(&id);
    let mark = match () {
        () if way.current == id => Mark::Current,
        () if way.visited.contains(&id) => Mark::Visited,
        () => Mark::None,
    };
    let gate: Vec<String> = match process.control {
        super::Control::Free => Vec::new(),
        _ => {
            let fields = stage.fields.iter().map(super::Asked::path);
            fields.chain(stage.documents.iter().map(|document| document.path().to_owned())).collect()
        }
    };
    StageDrawing {
        caption: in_lookup.map_or_else(|| id.clone(), |it| it.captions.in_language(language).to_owned()),
        goal: stage.goal.as_ref().map(|goal| goal.in_language(language).to_owned()).unwrap_or_default(),
        gate: gate.join(", "),
        meaning: in_lookup.map_or(Meaning::Open, |it| it.meaning),
        completes: stage.completes,
        activities: stage.activities.iter().map(|it| activity(it, mark, language, way)).collect(),
        mark,
        id,
    }
}

fn activity(template: &Template, stage: Mark, language: Language, way: &Way) -> ActivityDrawing {
    let code = template.code.value.clone();
    let mark = match stage {
        Mark::Current if way.open.contains(&code) => Mark::Current,
        Mark::Current if way.done.contains(&code) => Mark::Visited,
        _ => Mark::None,
    };
    let result = |outcome: &super::Outcome| ResultDrawing {
        caption: outcome.captions.in_language(language).to_owned(),
        effect: outcome.effect.value.clone(),
    };
    ActivityDrawing {
        subject: template.subject.in_language(language).to_owned(),
        kind: template.r#type.as_str(),
        required: template.required,
        results: template.results.iter().map(result).collect(),
        mark,
        code,
    }
}
