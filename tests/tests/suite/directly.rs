//! R-FLW-2: what happens in a service directly moves the process just the same, and both ways together do it once.

use std::time::Duration;

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::activities::v1::{Activity, CompleteActivityRequest};
use dealflow_proto::gateway::v1::Deal;
use dealflow_proto::leads::v1::{GetLeadRequest, QualifyLeadRequest, lead};
use dealflow_proto::opportunities::v1::{
    ListOpportunitiesRequest, LoseOpportunityRequest, WinOpportunityRequest, opportunity, opportunity::LoseReason,
};
use dealflow_proto::orders::v1::{order, quote};
use dealflow_testbed::{TestDb, both, eventually};
use dealflow_tests::Sandbox;

/// How long the gateway may take to follow.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Completes an activity in the activities service, past the gateway.
async fn complete_directly(sandbox: &Sandbox, activity: &Activity, result: &str) {
    let api = sandbox.direct(PartName::Activities);
    let ask = CompleteActivityRequest {
        name: activity.name.clone(),
        result: result.to_owned(),
        request_id: new_id(),
        ..CompleteActivityRequest::default()
    };
    api.activities.clone().complete_activity(api.ask(ask)).await.expect("an open activity can be completed");
}

/// Waits until a deal looks so.
pub(crate) async fn until(sandbox: &Sandbox, deal: &str, what: &str, look: impl Fn(&Deal) -> bool) -> Deal {
    eventually(what, SOON, || async {
        let view = sandbox.view(deal).await;
        look(&view).then_some(view)
    })
    .await
}

fn state(view: &Deal) -> opportunity::State {
    view.opportunity.as_ref().map(|deal| deal.state()).unwrap_or_default()
}

both! {
    /// R-FLW-2, R-STG-4
    async fn activities_completed_in_their_service_lead_the_deal_from_stage_to_stage_to_the_win(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        for next in ["stages/presentation", "stages/proposal", "stages/contracting"] {
            for activity in sandbox.to_do(&deal).await {
                complete_directly(&sandbox, &activity, "done").await;
            }
            until(&sandbox, &deal, next, |view| {
                let there = view.opportunity.as_ref().is_some_and(|deal| deal.stage == next);
                there && !view.action_panel.is_empty()
            })
            .await;
        }
        for activity in sandbox.to_do(&deal).await {
            complete_directly(&sandbox, &activity, "done").await;
        }
        let won = until(&sandbox, &deal, "the win and its order", |view| {
            state(view) == opportunity::State::Won && view.orders.iter().any(|it| it.state() == order::State::Submitted)
        })
        .await;
        assert_eq!(won.stage_entries.len(), 5, "each stage is entered once");
        sandbox.finish().await;
    }

    /// R-FLW-2, R-STG-5
    async fn a_losing_result_given_in_the_activities_service_loses_the_deal(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        let first = sandbox.to_do(&deal).await.remove(0);
        complete_directly(&sandbox, &first, "no_budget").await;
        let lost = until(&sandbox, &deal, "the loss", |view| {
            state(view) == opportunity::State::Lost && view.action_panel.is_empty()
        })
        .await;
        assert_eq!(lost.opportunity.map(|deal| deal.lose_reason()), Some(LoseReason::NoBudget));
        sandbox.finish().await;
    }

    /// R-FLW-2, R-LED-3
    async fn a_lead_qualified_in_its_service_gets_its_opportunity_and_its_process_once(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let lead = sandbox.lead().await;
        let api = sandbox.direct(PartName::Leads);
        let ask = QualifyLeadRequest { name: lead.name.clone(), request_id: new_id(), ..Default::default() };
        api.leads.clone().qualify_lead(api.ask(ask)).await.expect("the lead can be qualified");
        let deal = eventually("the lead is linked", SOON, || async {
            let ask = GetLeadRequest { name: lead.name.clone() };
            let lead = api.leads.clone().get_lead(api.ask(ask)).await.expect("it is there").into_inner();
            Some(lead.opportunity).filter(|opportunity| !opportunity.is_empty())
        })
        .await;
        let view = until(&sandbox, &deal, "its activities", |view| view.action_panel.len() == 2).await;
        assert_eq!(view.lead.map(|lead| lead.stage()), Some(lead::Stage::AwaitingSale));
        let ask = ListOpportunitiesRequest { filter: format!("lead = \"{}\"", lead.name), ..Default::default() };
        let of_lead = sandbox.api.opportunities.clone().list_opportunities(sandbox.api.ask(ask)).await.expect("a list");
        assert_eq!(of_lead.into_inner().opportunities.len(), 1);
        sandbox.finish().await;
    }

    /// R-FLW-2, R-OPP-5
    async fn a_win_in_the_opportunities_service_makes_the_order_and_satisfies_the_lead(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        sandbox.propose(&deal).await;
        let api = sandbox.direct(PartName::Opportunities);
        let ask = WinOpportunityRequest { name: deal.clone(), request_id: new_id(), ..Default::default() };
        api.opportunities.clone().win_opportunity(api.ask(ask)).await.expect("an open deal can be won");
        let won = until(&sandbox, &deal, "what follows a win", |view| {
            view.orders.iter().any(|order| order.state() == order::State::Submitted)
                && view.action_panel.is_empty()
                && view.lead.as_ref().is_some_and(|lead| lead.stage() == lead::Stage::Satisfied)
                && view.quotes.iter().all(|quote| quote.state() == quote::State::Closed)
        })
        .await;
        assert_eq!(state(&won), opportunity::State::Won);
        sandbox.finish().await;
    }

    /// R-FLW-2
    async fn a_loss_in_the_opportunities_service_closes_the_quotes(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        sandbox.propose(&deal).await;
        let api = sandbox.direct(PartName::Opportunities);
        let ask = LoseOpportunityRequest {
            name: deal.clone(),
            reason: LoseReason::Price.into(),
            request_id: new_id(),
            ..LoseOpportunityRequest::default()
        };
        api.opportunities.clone().lose_opportunity(api.ask(ask)).await.expect("an open deal can be lost");
        until(&sandbox, &deal, "what follows a loss", |view| {
            view.action_panel.is_empty() && view.quotes.iter().all(|quote| quote.close_reason() == quote::CloseReason::Lost)
        })
        .await;
        sandbox.finish().await;
    }

    /// R-FLW-2, R-STG-3
    async fn the_same_stage_completed_both_ways_at_once_is_left_once(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        for _ in 0..5 {
            let deal = sandbox.qualified_deal().await;
            let open = sandbox.to_do(&deal).await;
            let [first, second] = open.as_slice() else { panic!("the first stage has two activities") };
            let (_, through) =
                tokio::join!(complete_directly(&sandbox, first, "done"), sandbox.complete(&second.name, "done"));
            through.expect("the other one goes through the gateway");
            until(&sandbox, &deal, "the next stage, with its activity", |view| {
                let there = view.opportunity.as_ref().is_some_and(|deal| deal.stage == "stages/presentation");
                there && view.action_panel.len() == 1
            })
            .await;
            sandbox.rest().await;
            let view = sandbox.view(&deal).await;
            let stages: Vec<&str> = view.stage_entries.iter().map(|entry| entry.stage.as_str()).collect();
            assert_eq!(stages, ["stages/qualification", "stages/presentation"], "it is left once");
            assert_eq!(view.action_panel.len(), 1, "and its activity is made once");
        }
        sandbox.finish().await;
    }
}
