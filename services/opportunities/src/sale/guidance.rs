//! What may come next for a sale (R-PRC-4).

use dealflow_chassis::Lifecycle;

use super::{Sale, gates};
use crate::library::{Control, Effect, Language, Outcome, Process, Template};
use crate::opportunity::{Field, RunState, RunVerb, State, Verb};

/// What a closed sale accepts still.
pub(super) const FOLLOW_UP: &str = "CreateFollowUpOpportunity";

/// What may come next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guidance {
    /// The verbs that the sale, and its run, accept now.
    pub allowed_verbs: Vec<String>,
    /// What a person would do next, best first.
    pub next_actions: Vec<NextAction>,
    /// What is still to be known, or to be there: the next gate's, where there are gates.
    pub missing_fields: Vec<String>,
}

/// One step that moves the sale on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextAction {
    /// The verb to call on the opportunity.
    pub verb: &'static str,
    /// What it does, in the language of the run.
    pub description: String,
}

impl Sale {
    /// What may come next: open activities first, then the stages it could move to. A closed sale may be followed by another
    /// one (R-OPP-3), and asks for nothing but what its process waits for behind the win.
    pub fn guidance(&self) -> Guidance {
        let of_state = self.opportunity.state.allowed().into_iter().filter(|verb| self.is_possible(*verb));
        let mut allowed_verbs: Vec<String> = of_state.map(|verb| verb.to_string()).collect();
        allowed_verbs.extend(self.run_verbs().iter().map(ToString::to_string));
        if self.opportunity.state != State::Open {
            let missing_fields = self.missing_at_the_end().into_iter().map(|(path, _)| path).collect();
            allowed_verbs.push(FOLLOW_UP.to_owned());
            let description = match self.language() {
                Language::En => "Open another one that follows it",
                Language::Ru => "Открыть следующую сделку",
            };
            let next_actions = vec![NextAction { verb: FOLLOW_UP, description: description.to_owned() }];
            return Guidance { allowed_verbs, next_actions, missing_fields };
        }
        Guidance { next_actions: self.next_actions(), missing_fields: self.missing(), allowed_verbs }
    }

    /// Of what the state accepts, what there is an occasion for and the process does not refuse.
    fn is_possible(&self, verb: Verb) -> bool {
        match verb {
            Verb::StartProcess => self.opportunity.running().is_none(),
            Verb::HoldOpportunity => !self.is_on_hold(),
            Verb::ResumeOpportunity => self.is_on_hold(),
            Verb::RecordActivityResult => {
                self.opportunity.running().is_some() && self.entry.planned.open().next().is_some()
            }
            Verb::MoveToStage => !self.other_stages().is_empty(),
            Verb::WinOpportunity => self.check_win(false).is_ok(),
            Verb::ReserveOpportunity | Verb::LoseOpportunity => self.opportunity.reserved_order.is_none(),
            Verb::ReleaseOpportunity => self.opportunity.reserved_order.is_some(),
            Verb::CancelProcess => {
                self.shown_run_state().is_some_and(|state| state.next(RunVerb::CancelProcess).is_some())
            }
            Verb::ResumeProcess => {
                self.shown_run_state().is_some_and(|state| state.next(RunVerb::ResumeProcess).is_some())
            }
            _ => true,
        }
    }

    /// What the run of a closed sale accepts; what that of an open one does are verbs of the sale.
    fn run_verbs(&self) -> &'static [&'static str] {
        match (self.shown_run_state(), self.opportunity.state) {
            (Some(RunState::Running), State::Won) if self.missing_at_the_end().is_empty() => &["CompleteProcess"],
            _ => &[],
        }
    }

    fn next_actions(&self) -> Vec<NextAction> {
        let language = self.language();
        let mut actions = Vec::new();
        if let Some(process) = self.leading() {
            for planned in self.entry.planned.open() {
                let template = process.template(&planned.template);
                actions.extend(template.map(|template| NextAction {
                    verb: "RecordActivityResult",
                    description: described(&process, template, language),
                }));
            }
        }
        if self.shown_run_state() == Some(RunState::Error) {
            let description = self.run_error().unwrap_or_default().to_owned();
            actions.push(NextAction { verb: "ResumeProcess", description });
        }
        for stage in self.other_stages() {
            let caption = stage.captions.in_language(language);
            let description = match language {
                Language::En => format!("Move to {caption}"),
                Language::Ru => format!("Перейти на стадию «{caption}»"),
            };
            actions.push(NextAction { verb: "MoveToStage", description });
        }
        actions
    }

    /// Under FREE, and without a process, everything that is still to be found out; else what the next gate waits for.
    fn missing(&self) -> Vec<String> {
        let Some(process) = self.leading() else {
            let asked = Field::BASIC.iter().filter(|field| field.is_missing(&self.opportunity));
            return asked.map(|field| field.path().to_owned()).collect();
        };
        if process.control == Control::Free {
            let stages = process.stages.iter();
            return stages.flat_map(|stage| gates::missing_fields(stage, &self.opportunity)).collect();
        }
        let Some(stage) = process.stage(&self.opportunity.stage) else { return Vec::new() };
        let documents = self.missing_documents(stage).into_iter().map(|gate| gate.path().to_owned());
        gates::missing_fields(stage, &self.opportunity).into_iter().chain(documents).collect()
    }
}

/// What an activity asks for, and what each of its results would do.
fn described(process: &Process, template: &Template, language: Language) -> String {
    let results: Vec<String> = template.results.iter().map(|outcome| result(process, outcome, language)).collect();
    format!("{} [{}]", template.subject.in_language(language), results.join("; "))
}

fn result(process: &Process, outcome: &Outcome, language: Language) -> String {
    let caption = outcome.captions.in_language(language);
    let effect = effect(process, &outcome.effect.value, language);
    if effect.is_empty() { caption.to_owned() } else { format!("{caption} → {effect}") }
}

/// What a result does, in a word or two; nothing where it only completes the activity.
pub(crate) fn effect(process: &Process, effect: &Effect, language: Language) -> String {
    let subject = |code: &str| {
        let template = process.template(code);
        template.map_or(code, |template| template.subject.in_language(language)).to_owned()
    };
    match (effect, language) {
        (Effect::None, _) => String::new(),
        (Effect::Advance, Language::En) => "next stage".to_owned(),
        (Effect::Advance, Language::Ru) => "следующая стадия".to_owned(),
        (Effect::Goto(stage), Language::En) => format!("stage {stage}"),
        (Effect::Goto(stage), Language::Ru) => format!("стадия {stage}"),
        (Effect::Create(code), Language::En) => format!("once more: {}", subject(code)),
        (Effect::Create(code), Language::Ru) => format!("снова: {}", subject(code)),
        (Effect::Win, Language::En) => "won".to_owned(),
        (Effect::Win, Language::Ru) => "победа".to_owned(),
        (Effect::Lose(reason), Language::En) => format!("lost: {reason}"),
        (Effect::Lose(reason), Language::Ru) => format!("проигрыш: {reason}"),
        (Effect::Wait(days), Language::En) => format!("again in {days} d"),
        (Effect::Wait(days), Language::Ru) => format!("повторить через {days} дн."),
    }
}
