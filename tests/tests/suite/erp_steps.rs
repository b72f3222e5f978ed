//! What the ERP is made to do in a script, and what our records and hand-overs are waited to be.

use dealflow::api::new_id;
use dealflow_proto::activities::v1::{Activity, ListActivitiesRequest};
use dealflow_proto::erp::v1::reconciliation_service_client::ReconciliationServiceClient;
use dealflow_proto::erp::v1::{
    ActRequest, BusinessStatus, Fault, FaultKind, GetReconciliationReportRequest, Handoff, LineStatus,
    ListHandoffsRequest, PauseTargetRequest, ReconcileRequest, ReconciliationRow, ResumeTargetRequest,
    SetFaultPlanRequest,
};
use dealflow_proto::google::type_::Decimal;
use dealflow_proto::orders::v1::{
    GetOrderRequest, HoldOrderRequest, Order, ReleaseOrderRequest, SubmitOrderRequest, order,
};
use dealflow_testbed::eventually;
use dealflow_tests::Sandbox;

use crate::directly::SOON;

const GOES: &str = "a step of the script goes through";
const TARGET: &str = "targets/erp";

pub(crate) async fn order(sandbox: &Sandbox, name: &str) -> Order {
    let ask = GetOrderRequest { name: name.to_owned() };
    sandbox.api.orders.clone().get_order(sandbox.api.ask(ask)).await.expect(GOES).into_inner()
}

/// Waits until an order looks so.
pub(crate) async fn becomes(sandbox: &Sandbox, name: &str, state: order::State) -> Order {
    eventually(format!("{name} to be {state:?}"), SOON, || async {
        let found = order(sandbox, name).await;
        (found.state() == state).then_some(found)
    })
    .await
}

pub(crate) fn order_id(order: &Order) -> String {
    format!("dealflow:order:{}", order.number)
}

/// Waits until the hand-over of a document looks so.
pub(crate) async fn handed(
    sandbox: &Sandbox,
    external_id: &str,
    what: &str,
    look: impl Fn(&Handoff) -> bool,
) -> Handoff {
    eventually(format!("{external_id}: {what}"), SOON, || async {
        let filter = format!("external_id = \"{external_id}\"");
        let ask = ListHandoffsRequest { filter, ..ListHandoffsRequest::default() };
        let page = sandbox.api.handoffs.clone().list_handoffs(sandbox.api.ask(ask)).await.expect(GOES);
        page.into_inner().handoffs.pop().filter(&look)
    })
    .await
}

pub(crate) async fn act(sandbox: &Sandbox, ask: ActRequest) {
    sandbox.api.stub.clone().act(sandbox.api.ask(ask)).await.expect("the clerk does it");
}

pub(crate) async fn delivers(
    sandbox: &Sandbox,
    order: &Order,
    status: BusinessStatus,
    quantities: &[(&str, Option<Decimal>)],
) {
    let line = |(line_id, quantity): &(&str, Option<Decimal>)| LineStatus {
        line_id: (*line_id).to_owned(),
        delivered_quantity: quantity.clone(),
        ..LineStatus::default()
    };
    let lines = quantities.iter().map(line).collect();
    act(sandbox, ActRequest { external_id: order_id(order), status: status.into(), lines, ..Default::default() }).await;
}

pub(crate) async fn pause(sandbox: &Sandbox) {
    let (name, reason) = (TARGET.to_owned(), "month-end".to_owned());
    let ask = PauseTargetRequest { name, reason, request_id: new_id(), ..PauseTargetRequest::default() };
    sandbox.api.handoffs.clone().pause_target(sandbox.api.ask(ask)).await.expect(GOES);
}

pub(crate) async fn resume(sandbox: &Sandbox) {
    let ask = ResumeTargetRequest { name: TARGET.to_owned(), request_id: new_id(), ..Default::default() };
    sandbox.api.handoffs.clone().resume_target(sandbox.api.ask(ask)).await.expect(GOES);
}

/// The ERP refuses the next documents whose external id has this in it.
pub(crate) async fn refuses(sandbox: &Sandbox, times: i32, external_id_contains: &str) {
    let external_id_contains = external_id_contains.to_owned();
    let fault = Fault { kind: FaultKind::Refuse.into(), times, external_id_contains, ..Fault::default() };
    let ask = SetFaultPlanRequest { faults: vec![fault], seed: 0 };
    sandbox.api.stub.clone().set_fault_plan(sandbox.api.ask(ask)).await.expect(GOES);
}

/// A deal whose customer took a quote: the deal, and its order.
pub(crate) async fn taken(sandbox: &Sandbox) -> (String, Order) {
    let deal = sandbox.deal_without_process().await;
    sandbox.propose(&deal).await;
    let made = sandbox.accept(&deal).await.order.expect("the acceptance makes an order");
    (deal, made)
}

/// As [`taken`], once the ERP has it.
pub(crate) async fn ordered(sandbox: &Sandbox) -> (String, Order) {
    let (deal, made) = taken(sandbox).await;
    sandbox.rest().await;
    (deal, order(sandbox, &made.name).await)
}

/// Holds an order, as the integration may at any time.
pub(crate) async fn hold(sandbox: &Sandbox, name: &str) {
    let (name, reason) = (name.to_owned(), "the customer asks to wait".to_owned());
    let ask = HoldOrderRequest { name, reason, request_id: new_id(), ..HoldOrderRequest::default() };
    let api = sandbox.api.asked_by("integration");
    api.orders.clone().hold_order(api.ask(ask)).await.expect("it can be held");
}

pub(crate) async fn release(sandbox: &Sandbox, name: &str) {
    let ask = ReleaseOrderRequest { name: name.to_owned(), request_id: new_id(), ..Default::default() };
    let api = sandbox.api.asked_by("integration");
    api.orders.clone().release_order(api.ask(ask)).await.expect("it goes on");
}

pub(crate) async fn submit(sandbox: &Sandbox, name: &str) {
    let ask = SubmitOrderRequest { name: name.to_owned(), request_id: new_id(), ..Default::default() };
    sandbox.api.orders.clone().submit_order(sandbox.api.ask(ask)).await.expect("it is CONFIRMED");
}

/// The row of a document in a reconciliation.
pub(crate) async fn row(sandbox: &Sandbox, external_id: &str) -> Option<ReconciliationRow> {
    let mut books = ReconciliationServiceClient::new(sandbox.link.clone());
    let ask = ReconcileRequest { request_id: new_id(), ..ReconcileRequest::default() };
    let run = books.reconcile(sandbox.api.ask(ask)).await.expect("the books are compared").into_inner();
    let ask = GetReconciliationReportRequest { name: run.name, ..GetReconciliationReportRequest::default() };
    let report = books.get_reconciliation_report(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
    report.rows.into_iter().find(|row| row.external_id == external_id)
}

/// What is to be done for a deal, made by nobody's hand.
pub(crate) async fn tasks(sandbox: &Sandbox, deal: &str, subject: &str) -> Vec<Activity> {
    let ask = ListActivitiesRequest { filter: format!("regarding = \"{deal}\""), ..Default::default() };
    let page = sandbox.api.activities.clone().list_activities(sandbox.api.ask(ask)).await.expect(GOES);
    page.into_inner().activities.into_iter().filter(|it| it.subject.contains(subject)).collect()
}
