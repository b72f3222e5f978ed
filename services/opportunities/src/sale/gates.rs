//! What a process asks for before it lets a sale go on (R-STG-2).
//!
//! Under GATED, leaving forward needs the gates of every stage that is left behind; under STRICT only the next stage
//! follows, and that needs the gate of the present one; under FREE nothing is asked. Going back, and losing, are free.

use dealflow_proto::names::{PROCESSES, STAGES};

use super::Sale;
use crate::error::Error;
use crate::library::{Asked, Control, DocumentGate, Process, ProcessStage};
use crate::opportunity::Model;
use crate::stage_entry::Cause;

/// Where a process starts with an opportunity: its first stage, or behind those of the lead that it came from, if their
/// gates are open.
pub(super) fn first_stage<'a>(process: &'a Process, opportunity: &Model) -> &'a str {
    let first = &process.first(false).stage.value;
    let behind_lead = &process.first(opportunity.lead.is_some()).stage.value;
    let skipped = process.stages.iter().take_while(|stage| stage.stage.value != *behind_lead);
    let open = skipped.into_iter().all(|stage| missing_fields(stage, opportunity).is_empty());
    if open { behind_lead } else { first }
}

/// What of a stage's fields is not known.
pub(super) fn missing_fields(stage: &ProcessStage, opportunity: &Model) -> Vec<String> {
    let missing = stage.fields.iter().filter(|asked| asked.0.iter().all(|field| field.is_missing(opportunity)));
    missing.map(Asked::path).collect()
}

impl Sale {
    /// Refuses a stage that the control does not let follow: STRICT goes stage by stage for people, and for all of them
    /// the gates on the way forward are asked.
    pub(super) fn check_control(&self, process: &Process, to: &str, cause: Cause) -> Result<(), Error> {
        if process.control == Control::Strict && cause == Cause::Manual {
            self.check_next(process, to)?;
        }
        self.check_gate(process, to, false)
    }

    /// Refuses any stage but the next.
    pub(super) fn check_next(&self, process: &Process, to: &str) -> Result<(), Error> {
        match process.after(&self.opportunity.stage).map(|next| next.stage.value.as_str()) {
            Some(next) if next != to => Err(Error::OnlyNext {
                process: PROCESSES.slug(&process.id.value),
                from: STAGES.slug(&self.opportunity.stage),
                next: STAGES.slug(next),
            }),
            _ => Ok(()),
        }
    }

    /// Refuses to go forward while a gate on the way is shut, and names all that is missing at it.
    pub(super) fn check_gate(&self, process: &Process, to: &str, assume_accepted_quote: bool) -> Result<(), Error> {
        let places = process.position(&self.opportunity.stage).zip(process.position(to));
        let Some((from, to)) = places.filter(|(from, to)| process.control != Control::Free && from < to) else {
            return Ok(());
        };
        let behind = &process.stages[from..to];
        let mut missing: Vec<(String, String)> = behind
            .iter()
            .flat_map(|stage| missing_fields(stage, &self.opportunity))
            .map(|path| (path, "is missing".to_owned()))
            .collect();
        for gate in behind.iter().flat_map(|stage| &stage.documents) {
            let assumed = assume_accepted_quote && *gate != DocumentGate::InvoiceAccepted;
            if !assumed && !self.has(*gate) {
                missing.push((gate.path().to_owned(), gate.missing().to_owned()));
            }
        }
        let stage = STAGES.slug(&self.opportunity.stage);
        if missing.is_empty() { Ok(()) } else { Err(Error::Gate { stage, missing }) }
    }

    /// Whether a document that a gate asks for is there.
    pub(super) fn has(&self, gate: DocumentGate) -> bool {
        self.documents.iter().any(|document| document.state.opens(gate))
    }

    /// The documents of a stage's gate that are not there.
    pub(super) fn missing_documents(&self, stage: &ProcessStage) -> Vec<DocumentGate> {
        stage.documents.iter().copied().filter(|gate| !self.has(*gate)).collect()
    }
}
