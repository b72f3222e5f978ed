//! What a win does with quotes that are open beside it: it closes them, or they refuse it, as the installation wants
//! (states.md, win).

use dealflow::api::new_id;
use dealflow_proto::gateway::v1::{DealProgress, WinDealRequest};
use dealflow_proto::opportunities::v1::opportunity::State;
use dealflow_proto::orders::v1::{CloseQuoteRequest, quote};
use dealflow_proto::settings::v1::SettingValue;
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use tonic::{Code, Status};

use crate::settings::set;

async fn win(sandbox: &Sandbox, deal: &str, quote: &str) -> Result<DealProgress, Status> {
    let (opportunity, quote) = (deal.to_owned(), quote.to_owned());
    let ask = WinDealRequest { opportunity, quote, request_id: new_id(), ..WinDealRequest::default() };
    Ok(sandbox.api.deals.clone().win_deal(sandbox.api.ask(ask)).await?.into_inner())
}

async fn close(sandbox: &Sandbox, name: &str) {
    let (name, reason) = (name.to_owned(), quote::CloseReason::Canceled.into());
    let ask = CloseQuoteRequest { name, reason, request_id: new_id(), ..CloseQuoteRequest::default() };
    sandbox.api.quotes.clone().close_quote(sandbox.api.ask(ask)).await.expect("it is open");
}

async fn refuse(sandbox: &Sandbox) {
    let value = SettingValue { text: Some("REFUSE".to_owned()), ..SettingValue::default() };
    set(sandbox, "gateway.open_quotes_at_win", "", value).await.expect("it is changed");
}

both! {
    /// R-OPP-2, R-QUO-4: a win closes the other quotes, or is refused for them with their numbers, where it is decided so.
    async fn other_open_quotes_are_closed_by_a_win_or_refuse_it(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        let (one, other) = (sandbox.propose(&deal).await, sandbox.propose(&deal).await);
        win(&sandbox, &deal, &one.name).await.expect("the others do not matter");
        let closed = sandbox.view(&deal).await.quotes.into_iter().find(|quote| quote.name == other.name);
        assert_eq!(closed.map(|quote| quote.state()), Some(quote::State::Closed));

        refuse(&sandbox).await;
        let deal = sandbox.deal_without_process().await;
        let (one, other) = (sandbox.propose(&deal).await, sandbox.propose(&deal).await);
        for (taken, open) in [(&one.name, vec![&other]), (&String::new(), vec![&one, &other])] {
            let refused = win(&sandbox, &deal, taken).await.expect_err("another is open");
            let told = refusal(&refused);
            assert_eq!((told.code, told.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
            assert!(open.iter().all(|quote| refused.message().contains(&quote.number)), "{refused}");
            assert_eq!(told.preconditions.len(), open.len(), "{told:?}");
        }
        let view = sandbox.view(&deal).await;
        assert!(view.quotes.iter().all(|quote| quote.state() == quote::State::Presented), "none was closed for nothing");
        assert_eq!(view.opportunity.map(|deal| deal.state()), Some(State::Open));
        close(&sandbox, &other.name).await;
        let won = win(&sandbox, &deal, &one.name).await.expect("none is open but the one that is taken");
        assert_eq!(won.opportunity.map(|deal| deal.state()), Some(State::Won));

        // The acceptance of a quote supersedes the others: that is its own rule (R-QUO-4).
        let deal = sandbox.deal_without_process().await;
        sandbox.propose(&deal).await;
        let taken = sandbox.propose(&deal).await;
        let ask = dealflow_proto::gateway::v1::AcceptQuoteRequest {
            opportunity: deal.clone(),
            quote: taken.name,
            request_id: new_id(),
            ..Default::default()
        };
        let won = sandbox.api.deals.clone().accept_quote(sandbox.api.ask(ask)).await.expect("taken").into_inner();
        assert_eq!(won.opportunity.map(|deal| deal.state()), Some(State::Won));
        sandbox.finish().await;
    }

    /// R-OPP-2, R-STG-4: nor does the last activity win the deal over an open quote; it stays open, and can be completed
    /// when the quote is closed.
    async fn the_last_activity_does_not_win_over_an_open_quote_where_that_is_decided(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        refuse(&sandbox).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        let quote = sandbox.propose(&deal).await;
        sandbox.move_to(&deal, "stages/contracting").await;
        let mut open = sandbox.to_do(&deal).await;
        let last = open.pop().expect("there are three");
        for activity in open {
            sandbox.complete(&activity.name, "done").await.expect("it wins nothing yet");
        }
        let refused = sandbox.complete(&last.name, "done").await.expect_err("a quote is open");
        assert!(refused.message().contains(&quote.number), "{refused}");
        assert_eq!(sandbox.to_do(&deal).await.len(), 1, "the activity is still open");
        close(&sandbox, &quote.name).await;
        let won = sandbox.complete(&last.name, "done").await.expect("none is open");
        assert_eq!(won.opportunity.map(|deal| deal.state()), Some(State::Won));
        sandbox.finish().await;
    }
}
