//! R-ERP-1, R-ORD-1: what the ERP refuses: a task for the owner, an order that goes back or stands, and what is still to be had.

use dealflow::api::new_id;
use dealflow_proto::activities::v1::{CreateEmployeeRequest, Employee, UpdateEmployeeRequest, activity};
use dealflow_proto::erp::v1::{
    ClearFaultsRequest, Configuration, ConfigureRequest, Handoff, ListHandoffsRequest, MasterData,
    ReconciliationAction, ReconciliationClass, ReplayHandoffRequest, handoff,
};
use dealflow_proto::leads::v1::{Account, UpdateAccountRequest};
use dealflow_proto::opportunities::v1::{Opportunity, UpdateOpportunityRequest};
use dealflow_proto::orders::v1::{VoidInvoiceRequest, order};
use dealflow_testbed::{TestDb, both, eventually};
use dealflow_tests::Sandbox;
use prost_types::FieldMask;

use crate::directly::SOON;
use crate::erp_steps::{
    becomes, handed, hold, order, order_id, pause, refuses, release, resume, row, submit, taken, tasks,
};
use crate::order_changes::{abandon, cancel, change, guarded, in_erp, is, reconciled, so_many, wanted};

const GOES: &str = "a step of the script goes through";

async fn hire(sandbox: &Sandbox, manager: &str) -> String {
    let employee = Employee { display_name: sandbox.unique(), manager: manager.to_owned(), ..Employee::default() };
    let ask = CreateEmployeeRequest { employee: Some(employee), request_id: new_id(), ..Default::default() };
    sandbox.api.employees.clone().create_employee(sandbox.api.ask(ask)).await.expect(GOES).into_inner().name
}

both! {
    /// R-ERP-1, R-ORD-1: an order that was delivered and billed before the ERP refused it stands; it is replayed once the
    /// ERP is mended, and its invoice follows.
    async fn an_order_that_was_delivered_before_the_erp_refused_it_is_replayed_with_its_invoice(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        pause(&sandbox).await;
        let (deal, made) = taken(&sandbox).await;
        let billed = sandbox.fulfill(&deal).await.invoice.expect("it is billed");
        refuses(&sandbox, 1, &made.number).await;
        resume(&sandbox).await;
        let refused = handed(&sandbox, &order_id(&made), "it is refused", |it| it.diverges).await;
        assert_eq!(refused.state(), handoff::State::Rejected);
        assert!(refused.divergence.contains("ReplayHandoff"), "{}", refused.divergence);
        assert_eq!(order(&sandbox, &made.name).await.state(), order::State::Fulfilled);
        let found = row(&sandbox, &order_id(&made)).await.expect("the reconciliation names it");
        assert_eq!((found.class(), found.action()), (ReconciliationClass::RejectedOpen, ReconciliationAction::Replay));
        let ask = ReplayHandoffRequest { name: refused.name, request_id: new_id(), ..Default::default() };
        sandbox.api.handoffs.clone().replay_handoff(sandbox.api.ask(ask)).await.expect("what stands is sent again");
        let external_id = format!("dealflow:invoice:{}", billed.number);
        handed(&sandbox, &external_id, "it follows", |it| it.state() == handoff::State::Delivered).await;
        sandbox.finish().await;
    }

    /// R-ERP-1, erp-handoff §4: an order that stands though the ERP refused it goes again as the records say it by then, in the
    /// place of the refused one. What is posted says what it said: it is taken back, and billed anew.
    async fn an_order_that_stands_is_replayed_as_its_records_were_mended(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let vat_id = "ATU12345675".to_owned();
        let customers = vec![vat_id.clone()];
        let known = MasterData { customers, ..MasterData::default() };
        let configuration = Configuration { master_data: Some(known), ..Configuration::default() };
        let ask = sandbox.api.ask(ConfigureRequest { configuration: Some(configuration) });
        sandbox.api.stub.clone().configure(ask).await.expect("the ERP knows one customer");
        pause(&sandbox).await;
        let (deal, made) = taken(&sandbox).await;
        let billed = sandbox.fulfill(&deal).await.invoice.expect("it is billed");
        resume(&sandbox).await;
        let refused = handed(&sandbox, &order_id(&made), "it is refused", |it| it.diverges).await;
        assert_eq!((refused.state(), refused.reasons[0].field.as_str()), (handoff::State::Rejected, "buyer"));
        let account = Account { name: made.account.clone(), vat_id, ..Account::default() };
        let update_mask = Some(FieldMask { paths: vec!["vat_id".to_owned()] });
        let ask = UpdateAccountRequest { account: Some(account), update_mask, request_id: new_id(), ..Default::default() };
        sandbox.api.accounts.clone().update_account(sandbox.api.ask(ask)).await.expect("it is mended");
        let replay = async |name: &str| {
            let ask = ReplayHandoffRequest { name: name.to_owned(), request_id: new_id(), ..Default::default() };
            sandbox.api.handoffs.clone().replay_handoff(sandbox.api.ask(ask)).await.expect("it is sent again").into_inner()
        };
        let sent = replay(&refused.name).await;
        assert_eq!(sent.revision, 2);
        assert_ne!(sent.document_sha256, refused.document_sha256);
        handed(&sandbox, &order_id(&made), "it is taken", |it| it.state() == handoff::State::Delivered).await;

        let external_id = format!("dealflow:invoice:{}", billed.number);
        let posted = handed(&sandbox, &external_id, "it is refused", |it| it.state() == handoff::State::Rejected).await;
        let again = replay(&posted.name).await;
        assert_eq!((again.revision, &again.document_sha256), (1, &posted.document_sha256), "what is posted stays so");
        handed(&sandbox, &external_id, "it is refused again", |it| {
            it.state() == handoff::State::Rejected && it.call_count == posted.call_count + 1
        })
        .await;
        let ask = VoidInvoiceRequest { name: billed.name, reason: "as they say it".to_owned(), request_id: new_id(), ..Default::default() };
        sandbox.api.invoices.clone().void_invoice(sandbox.api.ask(ask)).await.expect("the ERP does not have it");
        let anew = sandbox.fulfill(&deal).await.invoice.expect("it is billed anew");
        let external_id = format!("dealflow:invoice:{}", anew.number);
        handed(&sandbox, &external_id, "it is taken", |it| it.state() == handoff::State::Delivered).await;
        sandbox.finish().await;
    }

    /// R-ERP-1, R-ORD-1: an order that the ERP refuses while it is on hold goes back to CONFIRMED when it is released, and
    /// each refusal after that does the same.
    async fn an_order_that_is_refused_on_hold_goes_back_when_it_goes_on(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        pause(&sandbox).await;
        let (_, made) = taken(&sandbox).await;
        hold(&sandbox, &made.name).await;
        refuses(&sandbox, 2, &made.number).await;
        resume(&sandbox).await;
        handed(&sandbox, &order_id(&made), "it is refused", |it| it.diverges).await;
        release(&sandbox, &made.name).await;
        let back = becomes(&sandbox, &made.name, order::State::Confirmed).await;
        assert!(!back.erp_refusal.is_empty());
        submit(&sandbox, &made.name).await;
        let again = |it: &Handoff| it.revision == 2 && it.state() == handoff::State::Rejected;
        handed(&sandbox, &order_id(&made), "it is refused again", again).await;
        becomes(&sandbox, &made.name, order::State::Confirmed).await;
        submit(&sandbox, &made.name).await;
        handed(&sandbox, &order_id(&made), "it is taken", |it| it.state() == handoff::State::Delivered).await;
        sandbox.finish().await;
    }

    /// R-ERP-1 (erp-handoff §4: rejected, a task for the owner): the owner of the deal gets what the ERP said and what to do,
    /// once for each refusal; where he has left, his nearest manager.
    async fn what_the_erp_refuses_is_a_task_for_the_owner_of_the_deal(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let boss = hire(&sandbox, "").await;
        let owner = hire(&sandbox, &boss).await;
        for performer in [&owner, &boss] {
            let deal = sandbox.deal_without_process().await;
            let opportunity = Opportunity { name: deal.clone(), owner: owner.clone(), ..Opportunity::default() };
            let update_mask = Some(prost_types::FieldMask { paths: vec!["owner".to_owned()] });
            let ask = UpdateOpportunityRequest { opportunity: Some(opportunity), update_mask, request_id: new_id(), ..Default::default() };
            sandbox.api.opportunities.clone().update_opportunity(sandbox.api.ask(ask)).await.expect(GOES);
            sandbox.propose(&deal).await;
            sandbox.accept(&deal).await;
            if performer == &boss {
                let employee = Employee { name: owner.clone(), active: Some(false), ..Employee::default() };
                let update_mask = Some(prost_types::FieldMask { paths: vec!["active".to_owned()] });
                let ask = UpdateEmployeeRequest { employee: Some(employee), update_mask, request_id: new_id(), ..Default::default() };
                sandbox.api.employees.clone().update_employee(sandbox.api.ask(ask)).await.expect("gone");
            }
            sandbox.rest().await;
            refuses(&sandbox, 1, "invoice").await;
            let made = sandbox.fulfill(&deal).await.invoice.expect("it is billed");
            let external_id = format!("dealflow:invoice:{}", made.number);
            let refused = handed(&sandbox, &external_id, "refused", |it| it.state() == handoff::State::Rejected).await;
            eventually("the task", SOON, || async { !tasks(&sandbox, &deal, &made.number).await.is_empty() }).await;
            let found = tasks(&sandbox, &deal, &made.number).await;
            let [task] = found.as_slice() else { panic!("one task: {found:?}") };
            assert_eq!((task.r#type(), &task.performer), (activity::Type::Task, performer));
            assert!(task.instructions.contains(&refused.last_error), "{}", task.instructions);
            assert!(task.instructions.contains("ReplayHandoff"), "{}", task.instructions);
            let ask = ReplayHandoffRequest { name: refused.name, request_id: new_id(), ..Default::default() };
            sandbox.api.handoffs.clone().replay_handoff(sandbox.api.ask(ask)).await.expect("it is sent again");
            handed(&sandbox, &external_id, "taken", |it| it.state() == handoff::State::Delivered).await;
        }
        sandbox.finish().await;
    }

    /// R-ORD-1, R-ERP-1: an order that the ERP refused is corrected in its lines and handed over anew; what the ERP was to be
    /// asked about it beside is asked no more.
    async fn a_refused_order_is_corrected_and_handed_over_anew(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        pause(&sandbox).await;
        let (_, made) = taken(&sandbox).await;
        let made = order(&sandbox, &made.name).await;
        let external_id = format!("{}:c1", order_id(&made));
        change(&sandbox, wanted(&made, so_many(&made, "2"))).await.expect("the ERP is to be asked");
        handed(&sandbox, &external_id, "it waits for its order", is(handoff::State::Blocked, 1)).await;
        refuses(&sandbox, 1, &made.number).await;
        resume(&sandbox).await;
        handed(&sandbox, &external_id, "it is given up", is(handoff::State::Abandoned, 1)).await;
        let back = becomes(&sandbox, &made.name, order::State::Confirmed).await;
        assert!(!back.erp_refusal.is_empty());
        assert_eq!(back.lines, made.lines);
        let corrected = change(&sandbox, wanted(&back, so_many(&back, "2"))).await.expect("the ERP does not have it");
        assert_eq!(corrected.order.map(|it| it.state()), Some(order::State::Confirmed));
        submit(&sandbox, &made.name).await;
        handed(&sandbox, &order_id(&made), "it is taken", is(handoff::State::Delivered, 2)).await;
        let now = order(&sandbox, &made.name).await;
        let gross = now.totals.and_then(|it| it.total_with_vat);
        assert_eq!(in_erp(&sandbox, &order_id(&made)).await.total_with_vat, gross);
        reconciled(&sandbox).await;
        // What was given up is no number for another.
        change(&sandbox, wanted(&made, so_many(&made, "4"))).await.expect("the ERP is asked");
        handed(&sandbox, &format!("{}:c2", order_id(&made)), "taken", is(handoff::State::Delivered, 1)).await;
        becomes(&sandbox, &made.name, order::State::Submitted).await;
        reconciled(&sandbox).await;
        sandbox.stop().await;
    }

    /// R-ORD-1: refused by the ERP while somebody held it, and then given up: it is canceled at once all the same.
    async fn an_order_on_hold_that_the_erp_refused_is_canceled_at_once(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        pause(&sandbox).await;
        let (_, made) = taken(&sandbox).await;
        hold(&sandbox, &made.name).await;
        let told = guarded(change(&sandbox, wanted(&made, so_many(&made, "5"))).await);
        assert!(told.message.contains("the customer asks to wait") && told.message.contains("ReleaseOrder"), "{told:?}");
        refuses(&sandbox, 1, &made.number).await;
        resume(&sandbox).await;
        let refused = handed(&sandbox, &order_id(&made), "it is refused", |it| it.diverges).await;
        abandon(&sandbox, &refused).await;
        let gone = cancel(&sandbox, &made).await.expect("the ERP has nothing of it");
        assert_eq!((gone.order.map(|it| it.state()), gone.handoffs.len()), (Some(order::State::Canceled), 0));
        sandbox.api.stub.clone().clear_faults(sandbox.api.ask(ClearFaultsRequest {})).await.expect("they end");
        sandbox.stop().await;
    }

    /// R-ORD-1, R-ERP-1: of an order that the ERP refused there is nothing to ask: it is canceled or changed at once, also
    /// before it was told so, and no wish waits behind it until it is submitted anew.
    async fn an_order_that_the_erp_refused_is_canceled_at_once_and_nothing_waits(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        pause(&sandbox).await;
        let (_, made) = taken(&sandbox).await;
        let (_, other) = taken(&sandbox).await;
        for one in [&made, &other] {
            hold(&sandbox, &one.name).await;
        }
        refuses(&sandbox, 2, "dealflow:order").await;
        resume(&sandbox).await;
        for one in [&made, &other] {
            handed(&sandbox, &order_id(one), "it is refused", |it| it.diverges).await;
        }
        let gone = cancel(&sandbox, &made).await.expect("the ERP has nothing of it");
        assert_eq!((gone.order.map(|it| it.state()), gone.handoffs.len()), (Some(order::State::Canceled), 0));
        handed(&sandbox, &order_id(&made), "it follows", |it| !it.diverges).await;
        release(&sandbox, &other.name).await;
        becomes(&sandbox, &other.name, order::State::Confirmed).await;
        submit(&sandbox, &other.name).await;
        handed(&sandbox, &order_id(&other), "it is taken", is(handoff::State::Delivered, 2)).await;
        for one in [&made, &other] {
            let filter = format!("external_id = \"{}:x\"", order_id(one));
            let ask = ListHandoffsRequest { filter, ..ListHandoffsRequest::default() };
            let wishes = sandbox.api.handoffs.clone().list_handoffs(sandbox.api.ask(ask)).await.expect("a list");
            assert!(wishes.into_inner().handoffs.is_empty());
        }
        sandbox.stop().await;
    }
}
