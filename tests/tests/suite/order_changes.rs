//! R-ORD-1, R-ERP-1: an order that is to be otherwise, before and after the ERP has it, and one whose hand-over was given up.

use dealflow::api::new_id;
use dealflow::suite::Plan;
use dealflow_proto::erp::v1::reconciliation_service_client::ReconciliationServiceClient;
use dealflow_proto::erp::v1::{
    AbandonHandoffRequest, BusinessStatus, DocumentType, ErpDocument, Fault, FaultKind, GetDocumentStatusRequest,
    GetReconciliationReportRequest, Handoff, ReconcileRequest, SetFaultPlanRequest, handoff,
};
use dealflow_proto::gateway::v1::{
    CancelOrderRequest, ChangeOrderRequest, DealProgress, FulfillDealRequest, ListFlowsRequest,
};
use dealflow_proto::orders::v1::price_service_client::PriceServiceClient;
use dealflow_proto::orders::v1::{
    ConfirmOrderRequest, CreatePriceListRequest, FulfillOrderRequest, LineQuantity, Order, PriceList,
    SubmitOrderRequest, UpdatePriceListRequest, order,
};
use dealflow_proto::types::v1::Line;
use dealflow_testbed::{RefusalView, TestDb, both, eventually, refusal};
use dealflow_tests::sandbox::databases;
use dealflow_tests::values::decimal;
use dealflow_tests::{Fault as Broken, Sandbox};
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::directly::SOON;
use crate::erp_steps::{
    becomes, delivers, handed, hold, order, order_id, ordered, pause, refuses, resume, submit, taken, tasks,
};
use crate::ordered::order_directly;

/// The lines of an order, so many of the first.
pub(crate) fn so_many(made: &Order, quantity: &str) -> Vec<Line> {
    let mut lines = made.lines.clone();
    lines[0].quantity = decimal(quantity);
    lines
}

pub(crate) fn wanted(made: &Order, lines: Vec<Line>) -> ChangeOrderRequest {
    let (order, reason) = (made.name.clone(), "as he wrote".to_owned());
    ChangeOrderRequest { order, lines, reason, request_id: new_id(), ..ChangeOrderRequest::default() }
}

pub(crate) async fn change(sandbox: &Sandbox, ask: ChangeOrderRequest) -> Result<DealProgress, Status> {
    sandbox.api.deals.clone().change_order(sandbox.api.ask(ask)).await.map(tonic::Response::into_inner)
}

pub(crate) async fn cancel(sandbox: &Sandbox, made: &Order) -> Result<DealProgress, Status> {
    let (order, reason) = (made.name.clone(), "ordered twice".to_owned());
    let ask = CancelOrderRequest { order, reason, request_id: new_id(), ..CancelOrderRequest::default() };
    sandbox.api.deals.clone().cancel_order(sandbox.api.ask(ask)).await.map(tonic::Response::into_inner)
}

/// A refusal by a guard of the gateway or the order.
pub(crate) fn guarded<T: std::fmt::Debug>(answer: Result<T, Status>) -> RefusalView {
    let refused = refusal(&answer.expect_err("it is refused"));
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "GUARD"), "{refused:?}");
    refused
}

pub(crate) async fn in_erp(sandbox: &Sandbox, external_id: &str) -> ErpDocument {
    let ask = GetDocumentStatusRequest { external_id: external_id.to_owned() };
    sandbox.api.erp.clone().get_document_status(sandbox.api.ask(ask)).await.expect("the ERP has it").into_inner()
}

pub(crate) fn is(state: handoff::State, revision: i32) -> impl Fn(&Handoff) -> bool {
    move |it| it.state() == state && it.revision == revision
}

/// Waits until the books agree: what the ERP told of a moment ago is read by then.
pub(crate) async fn reconciled(sandbox: &Sandbox) {
    eventually("the books to agree", SOON, || async {
        let mut books = ReconciliationServiceClient::new(sandbox.link.clone());
        let ask = ReconcileRequest { request_id: new_id(), ..ReconcileRequest::default() };
        let run = books.reconcile(sandbox.api.ask(ask)).await.expect("the books are compared").into_inner();
        let ask = GetReconciliationReportRequest { name: run.name, ..GetReconciliationReportRequest::default() };
        let report = books.get_reconciliation_report(sandbox.api.ask(ask)).await.expect("it is there").into_inner();
        run.clean && report.rows.is_empty()
    })
    .await;
}

/// What happened to an order, as its deal tells it.
async fn updates(sandbox: &Sandbox, deal: &str) -> Vec<(String, String)> {
    let timeline = sandbox.view(deal).await.timeline.into_iter();
    timeline.filter(|event| event.r#type == "order.updated").map(|event| (event.actor, event.reason)).collect()
}

/// A suite whose hand-overs have one attempt.
async fn impatient(db: &TestDb) -> Sandbox {
    let mut plan = Plan::embedded(".");
    plan.databases = databases(db);
    plan.gateway.handoff.schedule.waits.clear();
    Sandbox::planned(plan).await
}

/// An order whose hand-over failed so, and was given up.
async fn given_up(sandbox: &Sandbox, fault: FaultKind) -> (String, Order) {
    // Of an order: what else is on its way goes through.
    let external_id_contains = "dealflow:order".to_owned();
    let fault = Fault { kind: fault.into(), times: 1, external_id_contains, ..Fault::default() };
    let ask = SetFaultPlanRequest { faults: vec![fault], seed: 0 };
    sandbox.api.stub.clone().set_fault_plan(sandbox.api.ask(ask)).await.expect("it is planned");
    let (deal, made) = taken(sandbox).await;
    let dead = handed(sandbox, &order_id(&made), "dead", is(handoff::State::DeadLettered, 1)).await;
    abandon(sandbox, &dead).await;
    (deal, order(sandbox, &made.name).await)
}

pub(crate) async fn abandon(sandbox: &Sandbox, handoff: &Handoff) {
    let (name, reason) = (handoff.name.clone(), "it is not to be there".to_owned());
    let ask = AbandonHandoffRequest { name, reason, request_id: new_id(), ..AbandonHandoffRequest::default() };
    sandbox.api.handoffs.clone().abandon_handoff(sandbox.api.ask(ask)).await.expect("it can be given up");
}

both! {
    /// R-ORD-1: what the ERP does not have is changed at once, and goes to it as it was changed.
    async fn an_order_that_the_erp_does_not_have_is_changed_at_once(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        let made = order_directly(&sandbox, &deal).await;
        let ask = ChangeOrderRequest { discount_percent: decimal("10"), ..wanted(&made, so_many(&made, "5")) };
        let checked = change(&sandbox, ChangeOrderRequest { validate_only: true, request_id: new_id(), ..ask.clone() }).await;
        assert_eq!(checked.expect("it can be").order.map(|it| it.revision), Some(1));
        let changed = change(&sandbox, ask.clone()).await.expect("it is a draft");
        let now = changed.order.clone().expect("the answer tells of the order");
        assert_eq!((now.state(), now.revision, changed.handoffs.len()), (order::State::Draft, 1, 0));
        assert_eq!(change(&sandbox, ask.clone()).await.expect("the same answer"), changed);
        let other = ChangeOrderRequest { discount_percent: decimal("11"), ..ask };
        assert_eq!(change(&sandbox, other).await.expect_err("another request").code(), Code::AlreadyExists);
        let stale = ChangeOrderRequest { etag: made.etag.clone(), ..wanted(&made, so_many(&made, "6")) };
        assert_eq!(refusal(&change(&sandbox, stale).await.expect_err("it has changed")).reason, "STALE_ETAG");

        let billed = sandbox.fulfill(&deal).await.invoice.expect("it is delivered and billed");
        assert_eq!(billed.lines.len(), 2);
        sandbox.rest().await;
        assert_eq!(in_erp(&sandbox, &order_id(&made)).await.total_with_vat, now.totals.and_then(|it| it.total_with_vat));
        reconciled(&sandbox).await;
        sandbox.finish().await;
    }

    /// R-ORD-1, R-PRD-1: what the ERP agreed to has the prices that were agreed, also where the order's price list holds no
    /// more by then; under another list the ERP is not asked.
    async fn a_change_that_the_erp_agrees_to_is_followed_without_its_price_list(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (api, mut prices) = (&sandbox.api, PriceServiceClient::new(sandbox.link.clone()));
        let mut lists = Vec::new();
        for display_name in ["Dealers", "Friends"] {
            let (display_name, currency_code) = (display_name.to_owned(), "USD".to_owned());
            let list = PriceList { display_name, currency_code, decimals: 2, ..PriceList::default() };
            let ask = CreatePriceListRequest { price_list: Some(list), request_id: new_id(), ..Default::default() };
            lists.push(prices.create_price_list(api.ask(ask)).await.expect("it is made").into_inner());
        }
        let deal = sandbox.deal_without_process().await;
        let made = order_directly(&sandbox, &deal).await;
        let price_list = lists[0].name.clone();
        change(&sandbox, ChangeOrderRequest { price_list, ..wanted(&made, so_many(&made, "4")) }).await.expect("a draft");
        let ask = ConfirmOrderRequest { name: made.name.clone(), request_id: new_id(), ..Default::default() };
        api.orders.clone().confirm_order(api.ask(ask)).await.expect("it is confirmed");
        submit(&sandbox, &made.name).await;
        sandbox.rest().await;
        let made = order(&sandbox, &made.name).await;
        assert_eq!(made.price_list, lists[0].name);

        let other = ChangeOrderRequest { price_list: lists[1].name.clone(), ..wanted(&made, so_many(&made, "5")) };
        let refused = refusal(&change(&sandbox, other).await.expect_err("not under another list"));
        assert_eq!(refused.field_names(), ["price_list"]);
        pause(&sandbox).await;
        change(&sandbox, wanted(&made, so_many(&made, "5"))).await.expect("the ERP is asked");
        let list = PriceList { name: lists[0].name.clone(), disabled: true, ..PriceList::default() };
        let update_mask = Some(FieldMask { paths: vec!["disabled".to_owned()] });
        let ask = UpdatePriceListRequest { price_list: Some(list), update_mask, request_id: new_id(), ..Default::default() };
        prices.update_price_list(api.ask(ask)).await.expect("it holds no more");
        resume(&sandbox).await;
        let now = becomes(&sandbox, &made.name, order::State::Submitted).await;
        assert_eq!((now.lines[0].quantity.clone(), now.lines[0].unit_price.clone()), (decimal("5"), made.lines[0].unit_price.clone()));
        let followed = handed(&sandbox, &format!("{}:c1", order_id(&made)), "agreed", is(handoff::State::Delivered, 1)).await;
        assert!(!followed.diverges, "{}", followed.divergence);
        reconciled(&sandbox).await;
        sandbox.finish().await;
    }

    /// R-ORD-1, R-ERP-1, R-INV-1: what the ERP has is changed once it agrees; until then nobody delivers, bills, changes or
    /// cancels it, and whoever tries is told what it waits for. Then it is delivered and billed as it was changed.
    async fn an_order_that_the_erp_has_is_changed_once_it_agrees(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, made) = ordered(&sandbox).await;
        let same = refusal(&change(&sandbox, wanted(&made, made.lines.clone())).await.expect_err("nothing changes"));
        assert_eq!(same.field_names(), ["update_mask"]);
        let checked = ChangeOrderRequest { validate_only: true, ..wanted(&made, so_many(&made, "5")) };
        let checked = change(&sandbox, checked).await.expect("it can be asked for");
        assert_eq!((checked.handoffs.len(), order(&sandbox, &made.name).await), (0, made.clone()));
        pause(&sandbox).await;
        let mut lines = so_many(&made, "5");
        lines.truncate(1);
        lines.push(Line { line_id: String::new(), description: "Hose".to_owned(), ..made.lines[1].clone() });
        let ask = wanted(&made, lines);
        let asked = change(&sandbox, ask.clone()).await.expect("the ERP is asked");
        assert_eq!(asked.handoffs.len(), 1);
        let held = order(&sandbox, &made.name).await;
        assert_eq!((held.state(), &held.lines, &held.totals), (order::State::OnHold, &made.lines, &made.totals));
        assert!(held.hold_reason.contains("asked to change it: as he wrote"), "{}", held.hold_reason);
        let external_id = format!("{}:c1", order_id(&made));
        let waits = handed(&sandbox, &external_id, "it waits", |_| true).await;
        assert_eq!((waits.r#type(), &waits.name), (DocumentType::OrderChange, &asked.handoffs[0]));
        for refused in [
            guarded(change(&sandbox, wanted(&made, so_many(&made, "9"))).await),
            guarded(cancel(&sandbox, &made).await),
            guarded(sandbox.api.deals.clone().fulfill_deal(sandbox.api.ask(FulfillDealRequest {
                opportunity: deal.clone(),
                request_id: new_id(),
                ..Default::default()
            })).await),
        ] {
            assert!(refused.message.contains("the ERP is asked to change it"), "{refused:?}");
        }
        let pending = guarded(change(&sandbox, wanted(&made, so_many(&made, "9"))).await);
        assert_eq!(pending.metadata["handoff"], waits.name);
        assert!(pending.message.contains(&external_id), "{pending:?}");
        resume(&sandbox).await;
        let changed = becomes(&sandbox, &made.name, order::State::Submitted).await;
        let ids: Vec<&str> = changed.lines.iter().map(|line| line.line_id.as_str()).collect();
        assert_eq!((ids, changed.revision, &changed.lines[1].description), (vec!["1", "3"], 1, &"Hose".to_owned()));
        assert_eq!(change(&sandbox, ask).await.expect("the same answer"), asked);
        sandbox.rest().await;
        let [(actor, reason)] = updates(&sandbox, &deal).await.try_into().expect("one update");
        assert!(actor == "erp" && reason.contains(&external_id) && reason.contains("as he wrote"), "{actor}: {reason}");
        let gross = changed.totals.clone().and_then(|it| it.total_with_vat);
        assert_eq!(in_erp(&sandbox, &order_id(&made)).await.total_with_vat, gross);
        reconciled(&sandbox).await;

        let first = vec![LineQuantity { line_id: "1".to_owned(), quantity: decimal("4") }];
        let some = FulfillDealRequest { opportunity: deal.clone(), lines: first, request_id: new_id(), ..Default::default() };
        sandbox.api.deals.clone().fulfill_deal(sandbox.api.ask(some)).await.expect("four of five");
        // The next one is another document, and part-delivered is not ordered less.
        let less = guarded(change(&sandbox, wanted(&changed, so_many(&changed, "3"))).await);
        assert_eq!(less.metadata["delivered"], "4");
        let asked = change(&sandbox, wanted(&changed, so_many(&changed, "4"))).await.expect("no more than is there");
        assert_eq!(asked.order.map(|it| it.state()), Some(order::State::OnHold));
        handed(&sandbox, &format!("{}:c2", order_id(&made)), "taken", is(handoff::State::Delivered, 1)).await;
        becomes(&sandbox, &made.name, order::State::InFulfillment).await;
        let rest = sandbox.fulfill(&deal).await.invoice.expect("the rest is billed");
        assert_eq!(rest.lines.iter().map(|line| line.line_id.as_str()).collect::<Vec<_>>(), ["3"]);
        let late = guarded(change(&sandbox, wanted(&changed, so_many(&changed, "9"))).await);
        assert!(late.message.contains("FULFILLED"), "{late:?}");
        sandbox.rest().await;
        reconciled(&sandbox).await;
        sandbox.finish().await;
    }

    /// R-ORD-1, R-ERP-1, R-FLW-3: what the ERP refuses to change goes on as it was; the owner hears why, and may ask for
    /// another change, which takes the refused one's place.
    async fn a_change_that_the_erp_refuses_leaves_the_order_as_it_was(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, made) = ordered(&sandbox).await;
        let external_id = format!("{}:c1", order_id(&made));
        refuses(&sandbox, 1, &external_id).await;
        change(&sandbox, wanted(&made, so_many(&made, "5"))).await.expect("the ERP is asked");
        let refused = handed(&sandbox, &external_id, "refused", is(handoff::State::Rejected, 1)).await;
        let now = becomes(&sandbox, &made.name, order::State::Submitted).await;
        assert_eq!((&now.lines, &now.totals, now.revision, now.hold_reason.as_str()), (&made.lines, &made.totals, 0, ""));
        eventually("the task", SOON, || async { tasks(&sandbox, &deal, "the change").await.len() == 1 }).await;
        let task = tasks(&sandbox, &deal, "the change").await.remove(0);
        assert!(task.instructions.contains(&refused.last_error), "{}", task.instructions);
        assert!(task.instructions.contains("ChangeOrder"), "{}", task.instructions);

        // What the ERP delivered while it was asked is recorded as soon as the order goes on.
        refuses(&sandbox, 1, &external_id).await;
        pause(&sandbox).await;
        change(&sandbox, wanted(&made, so_many(&made, "6"))).await.expect("the ERP is asked");
        delivers(&sandbox, &made, BusinessStatus::PartiallyFulfilled, &[("1", decimal("2"))]).await;
        handed(&sandbox, &order_id(&made), "it waits", |it| it.diverges).await;
        resume(&sandbox).await;
        handed(&sandbox, &external_id, "refused again", is(handoff::State::Rejected, 2)).await;
        let on = becomes(&sandbox, &made.name, order::State::InFulfillment).await;
        assert_eq!(on.line_progress[0].fulfilled, decimal("2"));

        change(&sandbox, wanted(&made, so_many(&made, "7"))).await.expect("the ERP is asked");
        handed(&sandbox, &external_id, "taken", is(handoff::State::Delivered, 3)).await;
        eventually("the change", SOON, || async {
            let now = order(&sandbox, &made.name).await;
            now.revision == 1 && now.state() == order::State::InFulfillment && now.lines[0].quantity == decimal("7")
        })
        .await;
        sandbox.rest().await;
        reconciled(&sandbox).await;
        sandbox.finish().await;
    }

    /// R-ORD-1, R-ERP-1: an order whose hand-over was given up is canceled or changed at once where the ERP does not have it,
    /// which the ERP is asked where it may; where it has it, it is asked to.
    async fn an_order_whose_hand_over_was_given_up_is_asked_for_only_where_the_erp_may_have_it(db: TestDb) {
        let sandbox = impatient(&db).await;
        // Nothing was booked, and nobody could know.
        let (_, made) = given_up(&sandbox, FaultKind::Poison).await;
        assert_eq!(made.state(), order::State::Submitted);
        let gone = cancel(&sandbox, &made).await.expect("the ERP has nothing of it");
        assert_eq!((gone.order.map(|it| it.state()), gone.handoffs.len()), (Some(order::State::Canceled), 0));

        let (deal, made) = given_up(&sandbox, FaultKind::Poison).await;
        let ask = wanted(&made, so_many(&made, "5"));
        let changed = change(&sandbox, ask.clone()).await.expect("the ERP has nothing of it");
        let back = changed.order.clone().expect("the answer tells of the order");
        assert_eq!((back.state(), back.revision, changed.handoffs.len()), (order::State::Confirmed, 1, 0));
        assert!(back.erp_refusal.contains("given up"), "{}", back.erp_refusal);
        assert_eq!(change(&sandbox, ask).await.expect("the same answer"), changed);
        let again = SubmitOrderRequest { name: made.name.clone(), request_id: new_id(), ..Default::default() };
        sandbox.api.orders.clone().submit_order(sandbox.api.ask(again)).await.expect("it is CONFIRMED");
        handed(&sandbox, &order_id(&made), "it is taken", is(handoff::State::Delivered, 2)).await;
        let gross = back.totals.and_then(|it| it.total_with_vat);
        assert_eq!(in_erp(&sandbox, &order_id(&made)).await.total_with_vat, gross);
        sandbox.fulfill(&deal).await.invoice.expect("and billed");

        // Booked, and the answer lost.
        let (_, made) = given_up(&sandbox, FaultKind::LoseAnswer).await;
        let asked = change(&sandbox, wanted(&made, so_many(&made, "4"))).await.expect("the ERP is asked");
        assert_eq!(asked.handoffs.len(), 1);
        eventually("the change", SOON, || async {
            let now = order(&sandbox, &made.name).await;
            now.revision == 1 && now.state() == order::State::Submitted
        })
        .await;
        let asked = cancel(&sandbox, &made).await.expect("the ERP is asked");
        assert_eq!(asked.handoffs.len(), 1);
        becomes(&sandbox, &made.name, order::State::Canceled).await;
        assert_eq!(in_erp(&sandbox, &order_id(&made)).await.status(), BusinessStatus::Cancelled);
        sandbox.stop().await;
    }

    /// R-ORD-1, R-FLW-3: what is delivered in part is not canceled; that is refused before anybody's hold is lifted, and leaves
    /// nothing behind.
    async fn an_order_that_is_delivered_in_part_keeps_its_hold_when_it_is_not_canceled(db: TestDb) {
        let sandbox = impatient(&db).await;
        let (_, made) = given_up(&sandbox, FaultKind::Poison).await;
        let api = sandbox.api.asked_by("integration");
        let lines = vec![LineQuantity { line_id: made.lines[0].line_id.clone(), quantity: decimal("1") }];
        let ask = FulfillOrderRequest { name: made.name.clone(), lines, request_id: new_id(), ..Default::default() };
        api.orders.clone().fulfill_order(api.ask(ask)).await.expect("one is delivered");
        hold(&sandbox, &made.name).await;
        let held = order(&sandbox, &made.name).await;
        let refused = guarded(cancel(&sandbox, &made).await);
        assert!(refused.message.contains("ChangeOrder"), "{refused:?}");
        let now = order(&sandbox, &made.name).await;
        assert_eq!((now.state(), &now.hold_reason), (order::State::OnHold, &"the customer asks to wait".to_owned()));
        assert_eq!(now.etag, held.etag, "nothing is changed");
        let filter = "state = \"PARKED\"".to_owned();
        let flows = sandbox.api.flows.clone().list_flows(ListFlowsRequest { filter, ..Default::default() }).await;
        assert!(flows.expect("they are listed").into_inner().flows.is_empty());
        sandbox.stop().await;
    }

    /// R-ORD-1, R-FLW-1: of changes that are asked for at the same time one goes to the ERP, and the others are refused.
    async fn of_changes_at_the_same_time_one_is_asked_for(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (_, made) = ordered(&sandbox).await;
        pause(&sandbox).await;
        let all = ["4", "5", "6", "7"].map(|quantity| change(&sandbox, wanted(&made, so_many(&made, quantity))));
        let answers = futures::future::join_all(all).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        for refused in answers.iter().filter_map(|answer| answer.as_ref().err()).map(refusal) {
            assert!(["GUARD", "STALE_ETAG"].contains(&refused.reason.as_str()), "{refused:?}");
        }
        resume(&sandbox).await;
        becomes(&sandbox, &made.name, order::State::Submitted).await;
        sandbox.rest().await;
        assert_eq!(order(&sandbox, &made.name).await.revision, 1);
        reconciled(&sandbox).await;
        sandbox.finish().await;
    }

    /// R-ORD-1, R-FLW-1: whichever reply is lost while it is asked for, an order is canceled once the ERP agrees.
    async fn an_order_is_canceled_whichever_reply_is_lost(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let mut calls = Vec::new();
        // Reads, the order's own refusal, and the hold; then the ERP is called.
        for lost in 1..=4 {
            let (_, made) = ordered(&sandbox).await;
            let trace = sandbox.faults.plan(Some((lost, Broken::LoseReply)));
            let (order, reason) = (made.name.clone(), "ordered twice".to_owned());
            let ask = CancelOrderRequest { order, reason, request_id: new_id(), ..CancelOrderRequest::default() };
            let asked = sandbox.api.deals.clone().cancel_order(trace.carry(sandbox.api.ask(ask))).await;
            assert_eq!(asked.expect("the ERP is asked").into_inner().handoffs.len(), 1);
            becomes(&sandbox, &made.name, order::State::Canceled).await;
            calls = sandbox.faults.calls(&trace);
        }
        assert!(calls.len() > 4 && calls[3].contains("HoldOrder"), "{calls:?}");
        sandbox.finish().await;
    }
}
