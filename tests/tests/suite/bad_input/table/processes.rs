//! Rows of the process library and of runs.

use dealflow::api::new_id;
use dealflow_opportunities::library::SHIPPED;
use dealflow_proto::opportunities::v1::*;
use dealflow_tests::Sandbox;
use prost::Message;

use super::{Again, Row, TAKEN, TERMINAL};

pub(super) async fn runs(method: &str, sandbox: &Sandbox) -> Option<Row> {
    if method == "RunService/MigrateRuns" {
        let process = sandbox.unique().to_lowercase();
        for file in [definition(&process), definition(&process).replacen("due_days: 1", "due_days: 2", 1)] {
            let ask = ImportProcessRequest { yaml: file, request_id: new_id(), ..Default::default() };
            sandbox.api.processes.clone().import_process(sandbox.api.ask(ask)).await.ok()?;
        }
        return row!(Again::Fine, MigrateRunsRequest { process: format!("processes/{process}"), from_version: 1 });
    }
    let name = sandbox.qualified_deal().await;
    match method {
        "RunService/CancelProcess" => row!(TERMINAL, CancelProcessRequest { name: name }),
        "RunService/ResumeProcess" => {
            row!(Again::RefusedAtOnce("STATE_REFUSES_VERB"), ResumeProcessRequest { name: name })
        }
        "RunService/CompleteProcess" => row!(Again::RefusedAtOnce("GUARD"), CompleteProcessRequest { name: name }),
        "RunService/RecordDocuments" => {
            let state = deal_document::State::QuoteActive.into();
            let document = DealDocument { document: format!("quotes/{}", new_id()), state, version: 1 };
            row!(Again::Fine, RecordDocumentsRequest { name: name, documents: vec![document] })
        }
        _ => None,
    }
}

pub(super) async fn library(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let id = sandbox.unique().to_lowercase();
    match method {
        "ProcessService/ImportProcess" => row!(Again::Fine, ImportProcessRequest { yaml: definition(&id) }),
        "ProcessService/CreateStage" => {
            row!(TAKEN, CreateStageRequest { stage: Some(stage(&id)), stage_id: id })
        }
        "ProcessService/UpdateStage" => {
            let ask = CreateStageRequest {
                stage: Some(stage(&id)),
                stage_id: id,
                request_id: new_id(),
                ..CreateStageRequest::default()
            };
            let made = sandbox.api.processes.clone().create_stage(sandbox.api.ask(ask)).await.ok()?.into_inner();
            let stage = Some(Stage { name: made.name, probability: 7, ..Stage::default() });
            row!(Again::Fine, UpdateStageRequest { stage: stage })
        }
        _ => None,
    }
}

/// The corporate sale under another id and name.
fn definition(id: &str) -> String {
    let named = SHIPPED[0].1.replacen("id: corporate-sale", &format!("id: {id}"), 1);
    named.replacen("{en: Corporate sale, ru: Корпоративная продажа}", &format!("{{en: {id}, ru: {id}}}"), 1)
}

fn stage(id: &str) -> Stage {
    let caption = |code: &str| Caption { language_code: code.to_owned(), text: id.to_owned() };
    Stage {
        captions: vec![caption("en"), caption("ru")],
        meaning: stage::Meaning::Open.into(),
        probability: 5,
        ..Stage::default()
    }
}
