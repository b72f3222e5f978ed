//! What may come next for a sale (R-PRC-4).

use dealflow_chassis::Lifecycle;

use super::Sale;
use crate::library::Language;
use crate::opportunity::{Field, Verb};

/// What may come next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guidance {
    /// The verbs that the sale accepts now.
    pub allowed_verbs: Vec<Verb>,
    /// What a person would do next, best first.
    pub next_actions: Vec<NextAction>,
    /// The fields that the process still asks for, in the order of its stages.
    pub missing_fields: Vec<&'static str>,
}

/// One step that moves the sale on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextAction {
    /// The verb to call on the opportunity.
    pub verb: Verb,
    /// What it does, in the language of the run.
    pub description: String,
}

impl Sale {
    /// What may come next: open activities first, then the stages it could move to. A closed sale asks for nothing.
    pub fn guidance(&self) -> Guidance {
        let allowed_verbs: Vec<Verb> =
            self.opportunity.state.allowed().into_iter().filter(|verb| self.is_possible(*verb)).collect();
        if allowed_verbs.is_empty() {
            return Guidance::default();
        }
        Guidance { next_actions: self.next_actions(), missing_fields: self.missing_fields(), allowed_verbs }
    }

    /// Of what the state accepts, what there is an occasion for.
    fn is_possible(&self, verb: Verb) -> bool {
        match verb {
            Verb::StartProcess => self.opportunity.running().is_none(),
            Verb::HoldOpportunity => !self.is_on_hold(),
            Verb::ResumeOpportunity => self.is_on_hold(),
            Verb::RecordActivityResult => self.leading().is_some() && self.entry.planned.open().next().is_some(),
            Verb::ReserveOpportunity | Verb::LoseOpportunity => self.opportunity.reserved_order.is_none(),
            Verb::ReleaseOpportunity => self.opportunity.reserved_order.is_some(),
            _ => true,
        }
    }

    fn next_actions(&self) -> Vec<NextAction> {
        let language = self.language();
        let mut actions = Vec::new();
        let process = self.leading();
        for planned in self.entry.planned.open() {
            let template = process.as_ref().and_then(|process| process.template(&planned.template));
            actions.extend(template.map(|template| NextAction {
                verb: Verb::RecordActivityResult,
                description: template.subject.in_language(language).to_owned(),
            }));
        }
        for stage in self.other_stages() {
            let caption = stage.captions.in_language(language);
            let description = match language {
                Language::En => format!("Move to {caption}"),
                Language::Ru => format!("Перейти на стадию «{caption}»"),
            };
            actions.push(NextAction { verb: Verb::MoveToStage, description });
        }
        actions
    }

    fn missing_fields(&self) -> Vec<&'static str> {
        let asked: Vec<Field> = match self.leading() {
            Some(process) => process.stages.iter().flat_map(|stage| stage.fields.clone()).collect(),
            None => Field::BASIC.to_vec(),
        };
        asked.into_iter().filter(|field| field.is_missing(&self.opportunity)).map(Field::path).collect()
    }
}
