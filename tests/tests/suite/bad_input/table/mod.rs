//! A request for each RPC that changes something.

use dealflow::api::new_id;
use dealflow_proto::erp::v1::reconciliation_service_client::ReconciliationServiceClient;
use dealflow_proto::erp::v1::{
    AbandonHandoffRequest, AdoptHandoffRequest, DocumentType, ErpEvent, PauseTargetRequest, ReconcileRequest,
    ReconciliationAction, ReplayHandoffRequest, ReplayHandoffsRequest, ReportEventsRequest,
    ResolveReconciliationRequest, ResumeTargetRequest,
};
use dealflow_proto::gateway::v1::*;
use dealflow_proto::opportunities::v1::Opportunity;
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::settings::v1::{SettingValue, UpdateSettingRequest};
use dealflow_tests::Sandbox;
use dealflow_tests::deal::developed;
use prost::Message;

/// What an RPC answers to the same request under a new id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// It goes through: another record, or the same values once more.
    Fine,
    /// The first one has changed the state; the reason.
    Refused(&'static str),
    /// The record that the row can offer is in a state that refuses already the first one; the reason.
    RefusedAtOnce(&'static str),
}

/// One row.
pub(crate) struct Row {
    /// A request that is well-formed and names records that are there; its request id is put in later.
    pub(crate) ask: Vec<u8>,
    pub(crate) again: Again,
}

/// What a verb that the state refuses says.
const STATE: Again = Again::Refused("STATE_REFUSES_VERB");
/// What a verb on a record that is closed says.
const TERMINAL: Again = Again::Refused("TERMINAL");
/// What a verb says whose condition is not fulfilled any more.
const GUARD: Again = Again::Refused("GUARD");
/// What a creation says whose key is another record's.
const TAKEN: Again = Again::Refused("TAKEN");

macro_rules! row {
    ($again:expr, $($request:ident)::+ { $($field:ident: $value:expr),* $(,)? }) => {
        Some(Row { ask: $($request)::+ { $($field: $value,)* ..Default::default() }.encode_to_vec(), again: $again })
    };
}

mod approvals;
mod billing;
mod desk;
mod documents;
mod leads;
mod prices;
mod processes;
mod sales;

/// The row of an RPC, with records of its own.
pub(crate) async fn row(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let (service, _) = method.split_once('/')?;
    match service {
        "LeadService" | "AccountService" | "ContactService" | "PersonService" => leads::leads(method, sandbox).await,
        "OpportunityService" => sales::opportunities(method, sandbox).await,
        "RunService" => processes::runs(method, sandbox).await,
        "ProcessService" => processes::library(method, sandbox).await,
        "ActivityService" | "EmployeeService" => sales::activities(method, sandbox).await,
        "CategoryService" | "CalendarService" | "NotificationService" | "InteractionService" | "KnowledgeService" => {
            desk::desk(method, sandbox).await
        }
        "ProductService" | "QuoteService" | "ContractService" => documents::quotes(method, sandbox).await,
        "SettingService" => {
            let flag = SettingValue { flag: Some(false), ..Default::default() };
            row!(
                Again::Fine,
                UpdateSettingRequest { name: "settings/leads.qualification_guard".to_owned(), value: Some(flag) }
            )
        }
        "PriceService" | "LegalEntityService" | "PaymentTermsService" => prices::prices(method, sandbox).await,
        "ApprovalService" => approvals::approvals(method, sandbox).await,
        "CreditNoteService" | "PaymentService" => billing::billing(method, sandbox).await,
        "OrderService" | "InvoiceService" => documents::orders(method, sandbox).await,
        _ => of_gateway(method, sandbox).await,
    }
}

async fn of_gateway(method: &str, sandbox: &Sandbox) -> Option<Row> {
    match method {
        "DealService/QualifyLead" => row!(STATE, QualifyLeadRequest { lead: sandbox.lead().await.name }),
        "DealService/DevelopDeal" => {
            let ask = DevelopDealRequest { request_id: String::new(), ..developed(&sandbox.qualified_deal().await) };
            Some(Row { ask: ask.encode_to_vec(), again: Again::Fine })
        }
        "DealService/StartDeal" => {
            let opportunity = Some(Opportunity { title: sandbox.unique(), ..Opportunity::default() });
            row!(Again::Fine, StartDealRequest { opportunity: opportunity, process: "Corporate sale".to_owned() })
        }
        "DealService/StartProcess" => {
            let opportunity = sandbox.deal_without_process().await;
            row!(GUARD, StartProcessRequest { opportunity: opportunity, process: "Corporate sale".to_owned() })
        }
        "PrivacyService/ErasePersonalData" => {
            row!(Again::Fine, ErasePersonalDataRequest { name: sandbox.lead().await.name })
        }
        "DealService/MoveToStage" => {
            let opportunity = sandbox.qualified_deal().await;
            row!(GUARD, MoveToStageRequest { opportunity: opportunity, stage: "stages/proposal".to_owned() })
        }
        "DealService/CompleteActivity" => {
            let deal = sandbox.qualified_deal().await;
            let activity = sandbox.to_do(&deal).await.first()?.name.clone();
            row!(TERMINAL, CompleteActivityRequest { activity: activity, result: "done".to_owned() })
        }
        "DealService/ProposeQuote" => {
            row!(Again::Fine, ProposeQuoteRequest { opportunity: sandbox.deal_without_process().await })
        }
        "DealService/AcceptQuote" => {
            let opportunity = sandbox.deal_without_process().await;
            sandbox.propose(&opportunity).await;
            row!(TERMINAL, AcceptQuoteRequest { opportunity: opportunity })
        }
        "DealService/WinDeal" => row!(TERMINAL, WinDealRequest { opportunity: sandbox.deal_without_process().await }),
        "DealService/LoseDeal" => {
            let opportunity = sandbox.deal_without_process().await;
            row!(TERMINAL, LoseDealRequest { opportunity: opportunity, reason: LoseReason::Price.into() })
        }
        "DealService/FulfillDeal" => {
            let opportunity = sandbox.deal_without_process().await;
            sandbox.propose(&opportunity).await;
            sandbox.accept(&opportunity).await;
            row!(GUARD, FulfillDealRequest { opportunity: opportunity })
        }
        "DealService/CancelOrder" => {
            let order = documents::draft_order(sandbox).await?;
            row!(TERMINAL, CancelOrderRequest { order: order, reason: "ordered twice".to_owned() })
        }
        "DealService/ChangeOrder" => {
            let order = documents::draft_order(sandbox).await?;
            let customer_reference = "PO-7".to_owned();
            let reason = "as he wrote".to_owned();
            row!(
                Again::Fine,
                ChangeOrderRequest { order: order, customer_reference: customer_reference, reason: reason }
            )
        }
        "FlowService/RetryFlow" | "FlowService/AbandonFlow" => {
            let name = sandbox.qualify(&sandbox.lead().await.name).await.flow;
            let ended = Again::RefusedAtOnce("STATE_REFUSES_VERB");
            if method == "FlowService/RetryFlow" {
                return row!(ended, RetryFlowRequest { name: name });
            }
            row!(ended, AbandonFlowRequest { name: name, reason: "not worth it".to_owned() })
        }
        "ErpCallbackService/ReportEvents" => {
            let event = ErpEvent { external_id: "nobody's".to_owned(), sequence: 1, ..ErpEvent::default() };
            row!(Again::Fine, ReportEventsRequest { events: vec![event] })
        }
        "HandoffService/ReplayHandoffs" => row!(Again::Fine, ReplayHandoffsRequest { max_count: 1 }),
        "HandoffService/PauseTarget" => {
            row!(Again::Fine, PauseTargetRequest { name: TARGET.to_owned(), reason: "month-end".to_owned() })
        }
        "HandoffService/ResumeTarget" => row!(Again::Fine, ResumeTargetRequest { name: TARGET.to_owned() }),
        "ReconciliationService/Reconcile" => {
            row!(Again::Fine, ReconcileRequest { r#type: DocumentType::CreditNote.into() })
        }
        "ReconciliationService/ResolveReconciliation" => {
            let ask = ReconcileRequest { request_id: new_id(), ..Default::default() };
            let run = ReconciliationServiceClient::new(sandbox.link.clone()).reconcile(ask).await.ok()?.into_inner();
            row!(
                Again::Fine,
                ResolveReconciliationRequest {
                    name: run.name,
                    action: ReconciliationAction::Ignore.into(),
                    reason: "it is known".to_owned()
                }
            )
        }
        _ => of_handoffs(method, sandbox).await,
    }
}

/// The one target.
const TARGET: &str = "targets/erp";

async fn of_handoffs(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let deal = sandbox.deal_without_process().await;
    sandbox.propose(&deal).await;
    sandbox.accept(&deal).await;
    sandbox.rest().await;
    let name = sandbox.view(&deal).await.handoffs.first()?.name.clone();
    let delivered = Again::RefusedAtOnce("TERMINAL");
    match method {
        "HandoffService/ReplayHandoff" => row!(delivered, ReplayHandoffRequest { name: name }),
        "HandoffService/AbandonHandoff" => {
            row!(delivered, AbandonHandoffRequest { name: name, reason: "gone".to_owned() })
        }
        "HandoffService/AdoptHandoff" => {
            row!(delivered, AdoptHandoffRequest { name: name, erp_number: "1".to_owned() })
        }
        _ => None,
    }
}
