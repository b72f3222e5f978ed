//! The text of a Mermaid flowchart: a box for each stage with its activities in it, an arrow for each result that leads
//! somewhere.

use std::fmt::Write as _;

use super::super::{Effect, Meaning};
use super::{Drawing, Mark, StageDrawing};

const CLASSES: &str = "\
  classDef current fill:#dbeafe,stroke:#1d4ed8,stroke-width:3px,color:#1e3a8a
  classDef visited fill:#dcfce7,stroke:#15803d,color:#14532d
  classDef won fill:#bbf7d0,stroke:#15803d,color:#14532d
  classDef lost fill:#fee2e2,stroke:#b91c1c,color:#7f1d1d
";

/// The flowchart. Writing to a string does not fail, so nothing is asked of it.
pub(super) fn text(drawing: &Drawing) -> String {
    let mut out = format!("---\ntitle: {}\n---\nflowchart TB\n", quoted(&drawing.title));
    for (place, stage) in drawing.stages.iter().enumerate() {
        nodes(&mut out, place, stage);
    }
    for (place, stage) in drawing.stages.iter().enumerate() {
        edges(&mut out, drawing, place, stage);
    }
    out.push_str(CLASSES);
    for (place, stage) in drawing.stages.iter().enumerate() {
        classes(&mut out, place, stage);
    }
    out
}

fn nodes(out: &mut String, place: usize, stage: &StageDrawing) {
    let mut caption = stage.caption.clone();
    if !stage.gate.is_empty() {
        let _ = write!(caption, "<br/>⛔ {}", stage.gate);
    }
    if stage.activities.is_empty() {
        let (open, close) = if stage.meaning == Meaning::Open { ("[", "]") } else { ("([", "])") };
        let _ = writeln!(out, "  s{place}{open}{}{close}", quoted(&caption));
        return;
    }
    let _ = writeln!(out, "  subgraph s{place}[{}]", quoted(&caption));
    let _ = writeln!(out, "    direction LR");
    for (index, activity) in stage.activities.iter().enumerate() {
        let _ = writeln!(out, "    s{place}a{index}[{}]", quoted(&activity.subject));
    }
    let _ = writeln!(out, "  end");
}

fn edges(out: &mut String, drawing: &Drawing, place: usize, stage: &StageDrawing) {
    let lost = drawing.stages.len().saturating_sub(1);
    if place < drawing.won() {
        let arrow = if stage.completes { "-.->" } else { "==>" };
        let _ = writeln!(out, "  s{place} {arrow} s{}", place + 1);
    }
    for (index, activity) in stage.activities.iter().enumerate() {
        for result in &activity.results {
            let target = match &result.effect {
                Effect::None => continue,
                Effect::Advance => Some(format!("s{}", place + 1)),
                Effect::Goto(stage) => drawing.place(stage).map(|place| format!("s{place}")),
                Effect::Create(code) => activity_of(drawing, code),
                Effect::Win => Some(format!("s{}", drawing.won())),
                Effect::Lose(_) => Some(format!("s{lost}")),
                Effect::Wait(_) => Some(format!("s{place}a{index}")),
            };
            let caption = match &result.effect {
                Effect::Wait(days) => format!("{} ({days} d)", result.caption),
                _ => result.caption.clone(),
            };
            if let Some(target) = target {
                let _ = writeln!(out, "  s{place}a{index} -->|{}| {target}", quoted(&caption));
            }
        }
    }
}

fn activity_of(drawing: &Drawing, code: &str) -> Option<String> {
    drawing.stages.iter().enumerate().find_map(|(place, stage)| {
        let index = stage.activities.iter().position(|activity| activity.code == code)?;
        Some(format!("s{place}a{index}"))
    })
}

fn classes(out: &mut String, place: usize, stage: &StageDrawing) {
    let class = match (stage.mark, stage.meaning) {
        (Mark::Current, _) => Some("current"),
        (Mark::Visited, _) => Some("visited"),
        (Mark::None, Meaning::Won) => Some("won"),
        (Mark::None, Meaning::Lost) => Some("lost"),
        (Mark::None, Meaning::Open) => None,
    };
    if let Some(class) = class {
        let _ = writeln!(out, "  class s{place} {class}");
    }
    for (index, activity) in stage.activities.iter().enumerate() {
        match activity.mark {
            Mark::Current => drop(writeln!(out, "  class s{place}a{index} current")),
            Mark::Visited => drop(writeln!(out, "  class s{place}a{index} visited")),
            Mark::None => {}
        }
    }
}

/// A text that Mermaid takes as it is.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "&quot;").replace('\n', " "))
}
