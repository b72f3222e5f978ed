//! What the ERP refused, and where our record cannot follow it, is a task for the owner of the deal (`erp-handoff.md` §4,
//! R-FLW-3): what the ERP said, and what can be done.
//!
//! It is a step of the flow that follows the refusal, so it is made once for each; by whom it is done where the owner has
//! left, `aftercare.rs` knows.

use chrono::Days;
use dealflow_proto::activities::v1::{Activity, activity};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{DocumentType, Handoff};
use dealflow_proto::opportunities::v1::GetOpportunityRequest;
use tonic::Code;

use crate::aftercare::make;
use crate::flow::{Run, Stop};
use crate::handoff::DEPENDENCY_ABANDONED;

/// The steps' names: for the owner, for who stands in for him, for nobody.
const STEPS: [&str; 3] = ["task", "task by a manager", "task by nobody"];
/// The longest instructions of an activity.
const LONGEST: usize = 4000;
/// Days until it is due.
const DAYS: Days = Days::new(1);

/// The ERP refused a document.
pub(crate) async fn refused(run: &Run, handoff: &Handoff) -> Result<(), Stop> {
    let name = &handoff.name;
    let to_do = match handoff.r#type() {
        DocumentType::Order => format!(
            "The order is CONFIRMED again, or will be when it is released: mend what the ERP names, and SubmitOrder hands \
             it over anew. One that was delivered meanwhile stays so: ReplayHandoff {name} sends it again, as the records \
             say it then."
        ),
        DocumentType::OrderChange => format!(
            "The order goes on as it is. ChangeOrder asks for another change, ReplayHandoff {name} for this one again, \
             AbandonHandoff leaves it at that."
        ),
        DocumentType::OrderCancellation => {
            format!("The order goes on as it is. ReplayHandoff {name} asks again, AbandonHandoff leaves it at that.")
        }
        _ => format!(
            "It stays posted, as it is. Mend what the ERP names, and ReplayHandoff {name} sends it again; where the document \
             itself lacks something, {} takes it back, and it is made anew. AbandonHandoff gives it up, and what waits for it.",
            if handoff.r#type() == DocumentType::CreditNote { "VoidCreditNote" } else { "VoidInvoice" }
        ),
    };
    let mut said = vec![handoff.last_error.clone()];
    said.extend(handoff.reasons.iter().map(|reason| reason.action.clone()).filter(|action| !action.is_empty()));
    let said = said.join("\n");
    let unsent = handoff.reasons.iter().any(|reason| reason.code == DEPENDENCY_ABANDONED);
    let did = if unsent { "The ERP does not get" } else { "The ERP refused" };
    task(run, handoff, format!("{did} {}", in_words(handoff)), format!("{said}\n\n{to_do}")).await
}

/// Our record cannot follow what the ERP said.
pub(crate) async fn diverged(run: &Run, handoff: &Handoff) -> Result<(), Stop> {
    let to_do = "When it is mended, Reconcile and a REFRESH of its row bring the record to where the ERP is.";
    let subject = format!("The ERP and our record differ: {}", in_words(handoff));
    task(run, handoff, subject, format!("{}\n\n{to_do}", handoff.divergence)).await
}

async fn task(run: &Run, handoff: &Handoff, subject: String, instructions: String) -> Result<(), Stop> {
    let (regarding, owner) = match handoff.opportunity.as_str() {
        "" => (handoff.document.clone(), String::new()),
        deal => match run.read("deal", GetOpportunityRequest { name: deal.to_owned() }).await {
            Ok(deal) => (deal.name, deal.owner),
            // A deal that is kept elsewhere.
            Err(Stop::Refused(refused)) if refused.status.code() == Code::NotFound => {
                (handoff.document.clone(), String::new())
            }
            Err(stop) => return Err(stop),
        },
    };
    let activity = Activity {
        r#type: activity::Type::Task.into(),
        subject,
        instructions: instructions.chars().take(LONGEST).collect(),
        regarding,
        origin: activity::Origin::Manual.into(),
        performer: owner,
        due_time: run.now().checked_add_days(DAYS).map(convert::timestamp),
        ..Activity::default()
    };
    make(run, STEPS, activity).await
}

/// E.g. `invoice INV-2026-000001`.
fn in_words(handoff: &Handoff) -> String {
    let kind = match handoff.r#type() {
        DocumentType::Invoice => "invoice",
        DocumentType::CreditNote => "credit note",
        DocumentType::OrderChange => "the change of order",
        DocumentType::OrderCancellation => "the cancellation of order",
        DocumentType::Order | DocumentType::Unspecified => "order",
    };
    // `{source}:{type}:{number}`, and more where it is about a document that has that id itself.
    let number = handoff.external_id.split(':').nth(2).unwrap_or(&handoff.external_id);
    format!("{kind} {number}")
}
