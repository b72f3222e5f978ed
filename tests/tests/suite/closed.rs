//! R-OPP-3: a closed deal refuses the gateway's verbs as it refuses its own service's, and each attempt is in the audit.

use std::collections::BTreeSet;

use dealflow::api::new_id;
use dealflow_proto::gateway::v1::{
    AcceptQuoteRequest, DevelopDealRequest, FulfillDealRequest, LoseDealRequest, MoveToStageRequest,
    ProposeQuoteRequest, StartProcessRequest, WinDealRequest,
};
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::{ListRefusedAttemptsRequest, RefusedAttempt};
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::deal::developed;
use dealflow_tests::sandbox::ACTOR;
use tonic::{Code, Status};

async fn attempts(sandbox: &Sandbox, deal: &str) -> Vec<RefusedAttempt> {
    let ask = ListRefusedAttemptsRequest { filter: format!("opportunity = \"{deal}\""), ..Default::default() };
    let listed = sandbox.api.opportunities.clone().list_refused_attempts(sandbox.api.ask(ask)).await;
    listed.expect("listed").into_inner().refused_attempts
}

/// Every verb of the gateway that is about a deal, asked of the closed one; each with the name of what refuses it.
async fn everything(sandbox: &Sandbox, deal: &str, only_check: bool) -> Vec<(&'static str, Status)> {
    let mut told = Vec::new();
    macro_rules! ask {
        ($verb:literal, $method:ident, $message:ident { $($field:ident: $value:expr),* $(,)? }) => {
            let ask = $message {
                $($field: $value,)*
                opportunity: deal.to_owned(),
                request_id: new_id(),
                validate_only: only_check,
                ..Default::default()
            };
            let answer = sandbox.api.deals.clone().$method(sandbox.api.ask(ask.clone())).await;
            told.push(($verb, answer.expect_err("it is closed")));
            // The same request again is the same attempt.
            sandbox.api.deals.clone().$method(sandbox.api.ask(ask)).await.expect_err("it is closed");
        };
    }
    ask!("UpdateOpportunity", develop_deal, DevelopDealRequest { tactics: "wait".to_owned() });
    ask!("DevelopDeal", develop_deal, DevelopDealRequest { lines: developed(deal).lines });
    ask!("StartProcess", start_process, StartProcessRequest { process: "Corporate sale".to_owned() });
    ask!("MoveToStage", move_to_stage, MoveToStageRequest { stage: "stages/proposal".to_owned() });
    ask!("ProposeQuote", propose_quote, ProposeQuoteRequest { terms: "cash".to_owned() });
    ask!("AcceptQuote", accept_quote, AcceptQuoteRequest { customer_reference: "7".to_owned() });
    ask!("WinDeal", win_deal, WinDealRequest { spent_minutes: Some(5) });
    let has_order = !sandbox.view(deal).await.orders.is_empty();
    if has_order {
        ask!("LoseDeal", lose_deal, LoseDealRequest { reason: LoseReason::Price.into() });
    } else {
        ask!("LoseOpportunity", lose_deal, LoseDealRequest { reason: LoseReason::Price.into() });
        ask!("FulfillDeal", fulfill_deal, FulfillDealRequest { lines: Vec::new() });
    }
    told
}

both! {
    /// R-OPP-3: whether it was won by a quote that the customer took, or lost; and to ask beforehand is no attempt.
    async fn a_closed_deal_refuses_every_verb_of_the_gateway_and_each_attempt_is_in_the_audit(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        for winning in [true, false] {
            let deal = sandbox.deal_without_process().await;
            sandbox.propose(&deal).await;
            if winning {
                sandbox.accept(&deal).await;
            } else {
                let ask = LoseDealRequest {
                    opportunity: deal.clone(),
                    reason: LoseReason::Price.into(),
                    request_id: new_id(),
                    ..Default::default()
                };
                sandbox.api.deals.clone().lose_deal(sandbox.api.ask(ask)).await.expect("it is lost");
            }
            sandbox.rest().await;
            let state = if winning { State::Won } else { State::Lost };
            let before = sandbox.view(&deal).await;
            assert_eq!(before.opportunity.as_ref().map(|deal| deal.state()), Some(state));
            everything(&sandbox, &deal, true).await;
            assert_eq!(attempts(&sandbox, &deal).await, [], "nothing was tried");

            let told = everything(&sandbox, &deal, false).await;
            for (verb, status) in &told {
                let refused = refusal(status);
                assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "TERMINAL"), "{verb}: {status}");
                assert!(status.message().contains("changes no more"), "{verb}: {status}");
            }
            let kept = attempts(&sandbox, &deal).await;
            assert_eq!(kept.len(), told.len(), "{kept:?}");
            let verbs = |all: &mut dyn Iterator<Item = String>| all.collect::<BTreeSet<_>>();
            let kept_verbs = verbs(&mut kept.iter().map(|attempt| attempt.verb.clone()));
            assert_eq!(kept_verbs, verbs(&mut told.iter().map(|(verb, _)| (*verb).to_owned())));
            assert!(kept.iter().all(|attempt| attempt.actor == ACTOR && attempt.state() == state && attempt.attempt_time.is_some()));
            assert!(kept.iter().all(|attempt| attempt.message.contains("changes no more")), "{kept:?}");
            sandbox.rest().await;
            assert_eq!(sandbox.view(&deal).await, before, "and nothing of it has changed");
        }
        sandbox.finish().await;
    }

    /// R-OPP-2, R-OPP-3: a won deal is not told to cancel its order first, for that would not help; an open one is.
    async fn only_an_open_deal_is_told_to_cancel_its_order_before_it_is_lost(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let open = sandbox.qualified_deal().await;
        sandbox.develop(&open).await;
        sandbox.propose(&open).await;
        sandbox.accept(&open).await;
        let won = sandbox.deal_without_process().await;
        sandbox.propose(&won).await;
        sandbox.accept(&won).await;
        for (deal, reason, advised) in [(&open, "GUARD", true), (&won, "TERMINAL", false)] {
            let ask = LoseDealRequest {
                opportunity: deal.clone(),
                reason: LoseReason::Price.into(),
                request_id: new_id(),
                ..Default::default()
            };
            let refused = sandbox.api.deals.clone().lose_deal(sandbox.api.ask(ask)).await.expect_err("it is ordered");
            assert_eq!(refusal(&refused).reason, reason, "{refused}");
            assert_eq!(refused.message().contains("cancel it first"), advised, "{refused}");
        }
        sandbox.finish().await;
    }
}
