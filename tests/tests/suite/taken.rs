//! R-QUO-4, R-OPP-5: a quote that the customer took, by whichever way, and the deal that it wins.

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::gateway::v1::{DevelopDealRequest, ProposeQuoteRequest, WinDealRequest};
use dealflow_proto::opportunities::v1::opportunity::State;
use dealflow_proto::orders::v1::{AcceptQuoteRequest, CancelOrderRequest, Order, Quote, order, quote};
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::values::usd;
use tonic::Code;

use crate::directly::until;

/// The customer takes a quote, in its service or through the gateway's port.
async fn take(sandbox: &Sandbox, name: &str, directly: bool) -> Quote {
    let api =
        if directly { sandbox.direct(PartName::Orders) } else { sandbox.api.asked_by(dealflow_tests::sandbox::ACTOR) };
    let ask = AcceptQuoteRequest { name: name.to_owned(), request_id: new_id(), ..AcceptQuoteRequest::default() };
    api.quotes.clone().accept_quote(api.ask(ask)).await.expect("it is presented").into_inner()
}

both! {
    /// R-QUO-4, R-FLW-2: a quote that is accepted in its service wins its deal with the order, as our own verb does; with
    /// all that follows a win, once.
    async fn a_quote_that_is_taken_in_its_service_wins_its_deal(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        for directly in [true, false] {
            let deal = sandbox.deal_without_process().await;
            let (one, other) = (sandbox.propose(&deal).await, sandbox.propose(&deal).await);
            take(&sandbox, &one.name, directly).await;
            let won = until(&sandbox, &deal, "the win", |view| {
                view.opportunity.as_ref().is_some_and(|deal| deal.state() == State::Won)
                    && view.orders.iter().any(|order| order.state() == order::State::Submitted)
            })
            .await;
            assert_eq!(won.opportunity.and_then(|deal| deal.actual_value), usd(3330));
            sandbox.rest().await;
            let view = sandbox.view(&deal).await;
            let closed = view.quotes.iter().find(|quote| quote.name == other.name).map(Quote::state);
            assert_eq!((closed, view.orders.len()), (Some(quote::State::Closed), 1));
        }
        sandbox.finish().await;
    }

    /// R-QUO-4 (C): a deal whose process has work before the win stays open, and is ordered.
    async fn a_quote_that_is_taken_in_its_service_leaves_a_deal_with_work_open(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        let offered = sandbox.propose(&deal).await;
        take(&sandbox, &offered.name, true).await;
        until(&sandbox, &deal, "the order", |view| {
            view.orders.iter().any(|order| order.state() == order::State::Submitted)
        })
        .await;
        sandbox.rest().await;
        assert_eq!(sandbox.view(&deal).await.opportunity.map(|deal| deal.state()), Some(State::Open));
        sandbox.finish().await;
    }

    /// R-OPP-5: a deal whose accepted quote became an order that was canceled is won with an order of its own.
    async fn a_win_after_the_order_of_the_accepted_quote_was_canceled_makes_an_order(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        let offered = sandbox.propose(&deal).await;
        let first = sandbox.accept(&deal).await.order.expect("the acceptance makes an order");
        sandbox.rest().await;
        let erp = sandbox.api.asked_by("erp");
        let ask = CancelOrderRequest { name: first.name.clone(), request_id: new_id(), ..Default::default() };
        erp.orders.clone().cancel_order(erp.ask(ask)).await.expect("the ERP agrees");
        let win = |quote: &str| WinDealRequest {
            opportunity: deal.clone(),
            quote: quote.to_owned(),
            request_id: new_id(),
            ..WinDealRequest::default()
        };
        let answer = sandbox.api.deals.clone().win_deal(sandbox.api.ask(win(&offered.name))).await;
        let refused = refusal(&answer.expect_err("its order is canceled"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
        let won = sandbox.api.deals.clone().win_deal(sandbox.api.ask(win(""))).await.expect("it is won").into_inner();
        assert_eq!(won.opportunity.map(|deal| deal.state()), Some(State::Won));
        let made = won.order.expect("the win makes an order");
        assert_ne!(made.name, first.name);
        assert_eq!(made.state(), order::State::Submitted);
        let live = |order: &&Order| order.state() != order::State::Canceled;
        assert_eq!(sandbox.view(&deal).await.orders.iter().filter(live).count(), 1);
        sandbox.stop().await;
    }

    /// R-QUO-1: a quote is prefilled with the terms on which the deal is to be sold, unless others are said.
    async fn a_quote_takes_the_terms_of_sale_of_its_deal(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        let terms_of_sale = "Half in advance, FCA Hamburg".to_owned();
        let ask = DevelopDealRequest { opportunity: deal.clone(), terms_of_sale, request_id: new_id(), ..Default::default() };
        sandbox.api.deals.clone().develop_deal(sandbox.api.ask(ask)).await.expect("it is developed");
        assert_eq!(sandbox.propose(&deal).await.terms, "Half in advance, FCA Hamburg");
        let ask = ProposeQuoteRequest {
            opportunity: deal,
            terms: "30 days net".to_owned(),
            request_id: new_id(),
            ..ProposeQuoteRequest::default()
        };
        let said = sandbox.api.deals.clone().propose_quote(sandbox.api.ask(ask)).await.expect("it is proposed");
        assert_eq!(said.into_inner().quote.map(|quote| quote.terms).as_deref(), Some("30 days net"));
        sandbox.finish().await;
    }
}
