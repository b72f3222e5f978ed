//! R-OPP-1, R-OPP-5: what a deal says is sold can be ordered, and this is asked while it can still be mended.

use dealflow::api::new_id;
use dealflow_proto::gateway::v1::{DealProgress, DevelopDealRequest, WinDealRequest};
use dealflow_proto::google::type_::Money;
use dealflow_proto::opportunities::v1::opportunity::State;
use dealflow_proto::orders::v1::order;
use dealflow_proto::types::v1::Line;
use dealflow_testbed::{RefusalView, TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::values::{decimal, usd};
use tonic::Code;

fn line(product: &str, description: &str, price: Option<Money>) -> Line {
    Line {
        product: product.to_owned(),
        description: description.to_owned(),
        quantity: decimal("2"),
        unit_price: price,
        ..Line::default()
    }
}

async fn develop(sandbox: &Sandbox, deal: &str, lines: Vec<Line>) -> Result<DealProgress, RefusalView> {
    let opportunity = deal.to_owned();
    let ask = DevelopDealRequest { opportunity, lines, request_id: new_id(), ..DevelopDealRequest::default() };
    let answer = sandbox.api.deals.clone().develop_deal(sandbox.api.ask(ask)).await;
    answer.map(tonic::Response::into_inner).map_err(|status| refusal(&status))
}

both! {
    /// R-OPP-1: in the words of the request, all of it at once, and nothing is written.
    async fn lines_that_nothing_can_be_ordered_for_are_refused_when_they_are_developed(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        let nobody = format!("products/{}", new_id());
        let unknown = vec![line(&nobody, "", None), line("", "Pump", usd(-1))];
        let refused = develop(&sandbox, &deal, unknown).await.expect_err("there is no such product");
        assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
        assert_eq!(refused.field_names(), ["lines[0].product", "lines[1].unit_price"]);
        assert!(refused.message.starts_with("lines[0].product: "), "{}", refused.message);

        let euros = Some(Money { currency_code: "EUR".to_owned(), units: 5, nanos: 0 });
        let refused = develop(&sandbox, &deal, vec![line("", "Pump", euros)]).await.expect_err("the deal is in dollars");
        assert_eq!(refused.reason, "CURRENCY_MISMATCH");
        let back = vec![line("", "Pump", usd(10)), Line { quantity: decimal("-9"), ..line("", "Old pump", usd(10)) }];
        let refused = develop(&sandbox, &deal, back).await.expect_err("it comes to less than nothing");
        assert_eq!(refused.field_names(), ["lines"]);
        let view = sandbox.view(&deal).await.opportunity.expect("it is there");
        assert!(view.lines.is_empty() && view.estimated_value.is_none());
        sandbox.finish().await;
    }

    /// R-OPP-1, R-PRD-1: a product without a price has its list price; what has no price counts nothing.
    async fn a_line_without_a_price_takes_its_products_and_takes_nothing_from_the_estimate(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, product) = (sandbox.qualified_deal().await, sandbox.product().await);
        let told = develop(&sandbox, &deal, vec![line(&product.name, "", None)]).await.expect("the product has a price");
        let known = told.opportunity.expect("the verb tells of it");
        assert_eq!((known.lines[0].unit_price.clone(), known.estimated_value), (usd(1200), usd(2400)));
        let told = develop(&sandbox, &deal, vec![line("", "Something with pumps", None)]).await.expect("a need in words");
        assert_eq!(told.opportunity.and_then(|deal| deal.estimated_value), usd(2400));
        sandbox.finish().await;
    }

    /// R-OPP-5, R-FLW-1: what the winner says it was sold for is ordered too, and asked for its customer before the win.
    async fn a_win_for_a_value_that_nobody_would_pay_is_refused_before_the_deal_is_won(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.bare_opportunity().await.name;
        let win = |actual_value| WinDealRequest {
            opportunity: deal.clone(),
            actual_value,
            request_id: new_id(),
            ..WinDealRequest::default()
        };
        let answer = sandbox.api.deals.clone().win_deal(sandbox.api.ask(win(usd(100)))).await;
        let refused = refusal(&answer.expect_err("it has no customer"));
        assert_eq!((refused.reason.as_str(), refused.preconditions[0].1.as_str()), ("GUARD", "opportunity.account"));
        assert_eq!(sandbox.view(&deal).await.opportunity.map(|deal| deal.state()), Some(State::Open));
        let won = sandbox.api.deals.clone().win_deal(sandbox.api.ask(win(None))).await.expect("nothing is ordered");
        assert!(won.into_inner().order.is_none());
        sandbox.finish().await;
    }

    /// R-OPP-5, R-STG-4: the last activity is not completed while its win could not be ordered.
    async fn a_win_that_cannot_be_ordered_is_refused_before_its_last_activity_is_completed(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        develop(&sandbox, &deal, vec![line("", "Something with pumps", None)]).await.expect("a need in words");
        sandbox.move_to(&deal, "stages/contracting").await;
        let mut open = sandbox.to_do(&deal).await;
        let last = open.pop().expect("there are three");
        for activity in open {
            sandbox.complete(&activity.name, "done").await.expect("it wins nothing yet");
        }
        let refused = refusal(&sandbox.complete(&last.name, "done").await.expect_err("it has no price"));
        assert_eq!(refused.field_names(), ["opportunity.lines[0].unit_price"]);
        let ask = WinDealRequest { opportunity: deal.clone(), request_id: new_id(), ..WinDealRequest::default() };
        let won = sandbox.api.deals.clone().win_deal(sandbox.api.ask(ask)).await;
        assert_eq!(refusal(&won.expect_err("nor so")).field_names(), ["opportunity.lines[0].unit_price"]);
        let view = sandbox.view(&deal).await;
        assert_eq!(view.opportunity.map(|deal| deal.state()), Some(State::Open));
        assert_eq!(view.action_panel.len(), 1, "the activity is still open");

        develop(&sandbox, &deal, vec![line("", "Pump", usd(500))]).await.expect("now it has a price");
        let won = sandbox.complete(&last.name, "done").await.expect("it can be ordered");
        let deal = won.opportunity.expect("it is won");
        assert_eq!((deal.state(), deal.actual_value), (State::Won, usd(1000)));
        assert_eq!(won.order.map(|order| order.state()), Some(order::State::Submitted), "20 % VAT by the installation");
        sandbox.finish().await;
    }
}
