//! R-OPP-2: a deal whose order stands is lost by nobody, by no route, whatever happens at the same time.

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::activities::v1::CompleteActivityRequest;
use dealflow_proto::gateway::v1::{
    AcceptQuoteRequest, CancelOrderRequest as CancelAnyRequest, Deal, FulfillDealRequest, ListFlowsRequest,
    LoseDealRequest, ProposeQuoteRequest, RetryFlowRequest, WinDealRequest, flow,
};
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::{LoseOpportunityRequest, WinOpportunityRequest};
use dealflow_proto::orders::v1::{
    AcceptQuoteRequest as TakeQuoteRequest, CancelOrderRequest, CreateOrderRequest, Order,
};
use dealflow_proto::orders::v1::{order, quote};
use dealflow_testbed::{RefusalView, TestDb, both, eventually, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::deal::developed;
use tonic::{Code, Status};

use crate::directly::{SOON, until};

/// A deal of the corporate sale in Proposal, whose quote the customer took: the deal, and its order.
async fn ordered(sandbox: &Sandbox) -> (String, String) {
    let deal = sandbox.qualified_deal().await;
    sandbox.develop(&deal).await;
    sandbox.move_to(&deal, "stages/proposal").await;
    sandbox.propose(&deal).await;
    let order = sandbox.accept(&deal).await.order.expect("the acceptance makes an order");
    (deal, order.name)
}

fn lose(deal: &str) -> LoseDealRequest {
    let (opportunity, reason) = (deal.to_owned(), LoseReason::Price.into());
    LoseDealRequest { opportunity, reason, request_id: new_id(), ..LoseDealRequest::default() }
}

async fn lose_directly(sandbox: &Sandbox, deal: &str) -> Result<State, Status> {
    let api = sandbox.direct(PartName::Opportunities);
    let (name, reason) = (deal.to_owned(), LoseReason::Price.into());
    let ask = LoseOpportunityRequest { name, reason, request_id: new_id(), ..LoseOpportunityRequest::default() };
    api.opportunities.clone().lose_opportunity(api.ask(ask)).await.map(|lost| lost.into_inner().state())
}

/// Cancels an order whose hand-over is refused by nobody: in its service, past the gateway.
pub(crate) async fn cancel_directly(sandbox: &Sandbox, order: &str) {
    let api = sandbox.direct(PartName::Orders);
    let ask = CancelOrderRequest { name: order.to_owned(), request_id: new_id(), ..CancelOrderRequest::default() };
    api.orders.clone().cancel_order(api.ask(ask)).await.expect("a draft can be canceled");
}

/// An order for what a deal asks for, made in its service.
pub(crate) async fn order_directly(sandbox: &Sandbox, deal: &str) -> Order {
    let account = sandbox.view(deal).await.opportunity.expect("it is there").account;
    let api = sandbox.direct(PartName::Orders);
    let order = Order {
        opportunity: deal.to_owned(),
        account,
        currency_code: "USD".to_owned(),
        lines: developed(deal).lines,
        ..Order::default()
    };
    let ask = CreateOrderRequest { order: Some(order), request_id: new_id(), ..CreateOrderRequest::default() };
    api.orders.clone().create_order(api.ask(ask)).await.expect("it can be ordered").into_inner()
}

fn names_the_order(refused: &RefusalView, order: &str) {
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "GUARD"), "{refused:?}");
    assert!(refused.preconditions.iter().any(|(_, subject, _)| subject == order), "{refused:?}");
}

both! {
    /// R-OPP-2, R-STG-5
    async fn an_ordered_deal_is_lost_neither_by_a_verb_nor_by_a_result_nor_in_its_service(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, order) = ordered(&sandbox).await;
        let refused = sandbox.api.deals.clone().lose_deal(sandbox.api.ask(lose(&deal))).await.expect_err("it is ordered");
        names_the_order(&refusal(&refused), &order);
        names_the_order(&refusal(&lose_directly(&sandbox, &deal).await.expect_err("it is ordered")), &order);
        let first = sandbox.to_do(&deal).await.remove(0);
        let refused = refusal(&sandbox.complete(&first.name, "refused").await.expect_err("it would lose the deal"));
        names_the_order(&refused, &order);
        let view = sandbox.view(&deal).await;
        assert_eq!(view.opportunity.map(|deal| deal.state()), Some(State::Open));
        assert!(view.action_panel.iter().any(|open| open.name == first.name), "the activity is still open");
        sandbox.complete(&first.name, "done").await.expect("another result is as good as ever");
        sandbox.finish().await;
    }

    /// R-FLW-2, R-FLW-3: in its service nobody refuses the result; the flow says what to do, and ends when it is done.
    async fn a_losing_result_of_an_ordered_deal_given_in_its_service_waits_until_the_order_is_canceled(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        let order = order_directly(&sandbox, &deal).await.name;
        until(&sandbox, &deal, "the reservation", |view| {
            view.opportunity.as_ref().is_some_and(|deal| deal.reserved_order == order)
        })
        .await;
        let first = sandbox.to_do(&deal).await.remove(0);
        let api = sandbox.direct(PartName::Activities);
        let (name, result) = (first.name, "no_budget".to_owned());
        let ask = CompleteActivityRequest { name, result, request_id: new_id(), ..CompleteActivityRequest::default() };
        api.activities.clone().complete_activity(api.ask(ask)).await.expect("its service knows nothing of orders");
        let parked = eventually("the flow is parked", SOON, || async {
            let filter = "state = \"PARKED\"".to_owned();
            let flows = sandbox.api.flows.clone().list_flows(ListFlowsRequest { filter, ..Default::default() }).await;
            flows.expect("they are listed").into_inner().flows.pop()
        })
        .await;
        assert!(parked.reason.contains(&order) && parked.reason.contains("CancelOrder"), "{}", parked.reason);
        assert_eq!(sandbox.view(&deal).await.opportunity.map(|deal| deal.state()), Some(State::Open));

        cancel_directly(&sandbox, &order).await;
        let retry = RetryFlowRequest { name: parked.name, request_id: new_id(), ..RetryFlowRequest::default() };
        let retried = sandbox.api.flows.clone().retry_flow(sandbox.api.ask(retry)).await.expect("it is run again");
        assert_eq!(retried.into_inner().state(), flow::State::Running);
        until(&sandbox, &deal, "the loss", |view| view.opportunity.as_ref().is_some_and(|it| it.state() == State::Lost)).await;
        sandbox.finish().await;
    }

    /// R-OPP-2, R-OPP-5, R-FLW-1: one of them comes first, and the others are refused; nothing waits for an operator.
    async fn a_deal_that_is_won_lost_and_ordered_at_once_ends_as_one_of_them(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let mut ends = Vec::new();
        for turn in 0..12 {
            let deal = sandbox.qualified_deal().await;
            sandbox.develop(&deal).await;
            sandbox.propose(&deal).await;
            let opportunity = deal.clone();
            let accept = AcceptQuoteRequest { opportunity: deal.clone(), request_id: new_id(), ..Default::default() };
            let win = WinDealRequest { opportunity, request_id: new_id(), ..Default::default() };
            let (mut one, mut other, mut third) =
                (sandbox.api.deals.clone(), sandbox.api.deals.clone(), sandbox.api.deals.clone());
            let (accepted, won, lost, lost_directly) = tokio::join!(
                one.accept_quote(sandbox.api.ask(accept)),
                async {
                    if turn % 3 == 0 { Err(Status::cancelled("not asked")) } else { other.win_deal(sandbox.api.ask(win)).await }
                },
                third.lose_deal(sandbox.api.ask(lose(&deal))),
                async { if turn % 2 == 0 { lose_directly(&sandbox, &deal).await } else { Err(Status::cancelled("not asked")) } },
            );
            let refusals = [accepted.as_ref().err(), won.as_ref().err(), lost.as_ref().err(), lost_directly.as_ref().err()];
            for refused in refusals.into_iter().flatten().filter(|refused| refused.code() != Code::Cancelled) {
                let refused = refusal(refused);
                assert_eq!(refused.code, Code::FailedPrecondition, "{refused:?}");
                assert_ne!(refused.reason, "FLOW_PARKED", "{refused:?}");
            }
            sandbox.rest().await;
            let view = sandbox.view(&deal).await;
            let state = view.opportunity.map(|deal| deal.state()).unwrap_or_default();
            let live = view.orders.iter().filter(|order| order.state() != order::State::Canceled).count();
            let wanted = if state == State::Lost { 0 } else { 1 };
            assert_eq!(live, wanted, "{state:?}: accepted {accepted:?}, won {won:?}, lost {lost:?}");
            assert!(state == State::Lost || (lost.is_err() && lost_directly.is_err()), "{state:?}");
            ends.push(state);
        }
        println!("{ends:?}");
        sandbox.finish().await;
    }

    /// R-OPP-2, R-ORD-1: an order that is canceled, at once or by the ERP's agreement, frees its deal, which is then worth
    /// what it was estimated to be, and not what the dead order was.
    async fn an_order_that_is_canceled_through_the_gateway_frees_its_deal(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let cancel = async |order: &str| {
            let (order, reason) = (order.to_owned(), "ordered twice".to_owned());
            let ask = CancelAnyRequest { order, reason, request_id: new_id(), ..CancelAnyRequest::default() };
            sandbox.api.deals.clone().cancel_order(sandbox.api.ask(ask)).await.expect("it can be canceled");
        };
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        let made = order_directly(&sandbox, &deal).await.name;
        let reserved = |order: String| move |view: &Deal| view.opportunity.as_ref().is_some_and(|it| it.reserved_order == order);
        until(&sandbox, &deal, "the reservation", reserved(made.clone())).await;
        cancel(&made).await;
        let free = sandbox.view(&deal).await.opportunity.expect("it is there");
        assert_eq!(free.reserved_order, "");
        sandbox.api.deals.clone().lose_deal(sandbox.api.ask(lose(&deal))).await.expect("nothing stands any more");

        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        sandbox.move_to(&deal, "stages/proposal").await;
        let (opportunity, discount_percent) = (deal.clone(), dealflow_tests::values::decimal("10"));
        let ask = ProposeQuoteRequest { opportunity, discount_percent, request_id: new_id(), ..Default::default() };
        sandbox.api.deals.clone().propose_quote(sandbox.api.ask(ask)).await.expect("it is offered");
        let made = sandbox.accept(&deal).await.order.expect("the acceptance makes an order").name;
        sandbox.rest().await;
        let held = sandbox.view(&deal).await.opportunity.expect("it is there");
        assert_eq!(held.reserved_order, made);
        cancel(&made).await;
        until(&sandbox, &deal, "the freedom", reserved(String::new())).await;
        let ask = WinDealRequest { opportunity: deal.clone(), request_id: new_id(), ..WinDealRequest::default() };
        let won = sandbox.api.deals.clone().win_deal(sandbox.api.ask(ask)).await.expect("it can be won").into_inner();
        let won = won.opportunity.expect("the win tells of it");
        assert_eq!(won.actual_value, held.estimated_value);
        assert_eq!(won.actual_value, dealflow_tests::values::usd(3330));
        sandbox.finish().await;
    }

    /// R-OPP-2, R-ORD-1
    async fn a_lost_deal_is_neither_ordered_nor_fulfilled(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        sandbox.propose(&deal).await;
        sandbox.api.deals.clone().lose_deal(sandbox.api.ask(lose(&deal))).await.expect("nothing is ordered");
        let ask = FulfillDealRequest { opportunity: deal.clone(), request_id: new_id(), ..Default::default() };
        let refused = sandbox.api.deals.clone().fulfill_deal(sandbox.api.ask(ask)).await.expect_err("it is lost");
        assert_eq!(refusal(&refused).reason, "TERMINAL");

        let order = order_directly(&sandbox, &deal).await.name;
        until(&sandbox, &deal, "its cancellation", |view| {
            view.orders.iter().any(|it| it.name == order && it.state() == order::State::Canceled)
        })
        .await;
        sandbox.finish().await;
    }

    /// R-OPP-2, R-FLW-2
    async fn an_order_made_in_its_service_holds_the_deal_until_it_is_canceled_there(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        let order = order_directly(&sandbox, &deal).await.name;
        until(&sandbox, &deal, "the reservation", |view| {
            view.opportunity.as_ref().is_some_and(|deal| deal.reserved_order == order)
        })
        .await;
        names_the_order(&refusal(&lose_directly(&sandbox, &deal).await.expect_err("it is ordered")), &order);
        cancel_directly(&sandbox, &order).await;
        // At once, whether or not the gateway has followed yet.
        sandbox.api.deals.clone().lose_deal(sandbox.api.ask(lose(&deal))).await.expect("nothing stands any more");
        sandbox.finish().await;
    }

    /// R-OPP-2, R-QUO-4: the deal is worth what the customer took, not what was estimated.
    async fn a_deal_won_by_its_process_is_worth_its_accepted_quote(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        for directly in [false, true] {
            let deal = sandbox.qualified_deal().await;
            sandbox.develop(&deal).await;
            sandbox.move_to(&deal, "stages/contracting").await;
            let discount_percent = dealflow_tests::values::decimal("10");
            let opportunity = deal.clone();
            let ask = ProposeQuoteRequest { opportunity, discount_percent, request_id: new_id(), ..Default::default() };
            let offered = sandbox.api.deals.clone().propose_quote(sandbox.api.ask(ask)).await.expect("it is offered");
            let name = offered.into_inner().quote.expect("a quote").name;
            if directly {
                let ask = TakeQuoteRequest { name, request_id: new_id(), ..TakeQuoteRequest::default() };
                sandbox.quotes().accept_quote(sandbox.api.ask(ask)).await.expect("it is taken");
                until(&sandbox, &deal, "the reservation", |view| {
                    view.opportunity.as_ref().is_some_and(|deal| !deal.reserved_order.is_empty())
                })
                .await;
            } else {
                sandbox.accept(&deal).await;
            }
            sandbox.complete_stage(&deal).await;
            let won = sandbox.view(&deal).await.opportunity.expect("it is there");
            assert_eq!((won.state(), won.actual_value), (State::Won, dealflow_tests::values::usd(2997)));
        }
        sandbox.finish().await;
    }

    /// R-FLW-3, R-OPP-3: a quote that comes too late is refused, and none stays open on a closed deal.
    async fn a_proposal_beside_the_close_of_its_deal_leaves_no_open_quote(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        for turn in 0..10 {
            let deal = sandbox.qualified_deal().await;
            sandbox.develop(&deal).await;
            let ask = ProposeQuoteRequest { opportunity: deal.clone(), request_id: new_id(), ..Default::default() };
            let (mut one, mut other) = (sandbox.api.deals.clone(), sandbox.api.deals.clone());
            let close = async {
                tokio::time::sleep(std::time::Duration::from_millis(turn * 2)).await;
                other.lose_deal(sandbox.api.ask(lose(&deal))).await
            };
            let (offered, lost) = tokio::join!(one.propose_quote(sandbox.api.ask(ask)), close);
            lost.expect("nothing is ordered");
            if let Err(refused) = offered {
                let refused = refusal(&refused);
                assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "TERMINAL"), "{refused:?}");
            }
            sandbox.rest().await;
            let view = sandbox.view(&deal).await;
            assert!(view.quotes.iter().all(|it| it.state() == quote::State::Closed), "{:?}", view.quotes);
        }
        sandbox.finish().await;
    }

    /// R-OPP-5: a win in its service beside an acceptance through the gateway.
    async fn a_win_beside_an_acceptance_makes_one_order(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        for _ in 0..5 {
            let deal = sandbox.qualified_deal().await;
            sandbox.develop(&deal).await;
            sandbox.propose(&deal).await;
            let api = sandbox.direct(PartName::Opportunities);
            let win = WinOpportunityRequest { name: deal.clone(), request_id: new_id(), ..Default::default() };
            let accept = AcceptQuoteRequest { opportunity: deal.clone(), request_id: new_id(), ..Default::default() };
            let (mut inner, mut deals) = (api.opportunities.clone(), sandbox.api.deals.clone());
            let (won, accepted) =
                tokio::join!(inner.win_opportunity(api.ask(win)), deals.accept_quote(sandbox.api.ask(accept)));
            won.expect("an open deal can be won, ordered or not");
            if let Err(refused) = accepted {
                assert_ne!(refusal(&refused).reason, "FLOW_PARKED", "{refused:?}");
            }
            sandbox.rest().await;
            let view = sandbox.view(&deal).await;
            let live = view.orders.iter().filter(|order| order.state() != order::State::Canceled).count();
            assert_eq!((view.opportunity.map(|deal| deal.state()), live), (Some(State::Won), 1));
        }
        sandbox.finish().await;
    }
}
