//! What an operator sees and does: parked flows, run again or given up (R-FLW-3).

use dealflow_proto::gateway::v1::{AbandonFlowRequest, ListFlowsRequest, QualifyLeadRequest, RetryFlowRequest, flow};
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::Code;

use crate::house::{House, LEAD, guard, neighbour, opens, qualify};
use crate::neighbour::Neighbour;

/// A flow that was refused after its first step.
async fn parked(house: &House, neighbour: &Neighbour) -> QualifyLeadRequest {
    opens(neighbour, Some(guard("the currency is not traded")));
    let ask = qualify();
    let refused = house.deals.clone().qualify_lead(ask.clone()).await.expect_err("it cannot end");
    let refused = refusal(&refused);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "FLOW_PARKED"));
    assert_eq!(refused.metadata.get("flow"), Some(&format!("flows/{}", ask.request_id)));
    assert!(refused.message.contains("the currency is not traded"), "the reason is told: {}", refused.message);
    ask
}

both! {
    /// R-FLW-3
    async fn a_refusal_half_way_parks_the_flow_with_its_reason(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let ask = parked(&house, &neighbour).await;
        let filter = "state = \"PARKED\"".to_owned();
        let listed = house.flows.clone().list_flows(ListFlowsRequest { filter, ..ListFlowsRequest::default() }).await;
        let flows = listed.expect("they are listed").into_inner().flows;
        assert_eq!(flows.len(), 1);
        assert_eq!(flows[0].name, format!("flows/{}", ask.request_id));
        assert_eq!((flows[0].subject.as_str(), flows[0].step.as_str()), (LEAD, "open"));
        assert!(flows[0].reason.contains("the currency is not traded"));
        let again = refusal(&house.deals.clone().qualify_lead(ask).await.expect_err("it stays parked"));
        assert_eq!(again.reason, "FLOW_PARKED");
        assert_eq!(neighbour.effects(), ["QualifyLead"], "nothing was done twice");
    }

    /// R-FLW-3
    async fn a_parked_flow_that_is_run_again_ends_with_each_effect_once(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let ask = parked(&house, &neighbour).await;
        opens(&neighbour, None);
        let retry = RetryFlowRequest {
            name: format!("flows/{}", ask.request_id),
            request_id: id(),
            ..RetryFlowRequest::default()
        };
        let retried = house.flows.clone().retry_flow(retry.clone()).await.expect("it is run again").into_inner();
        assert_eq!(retried.state(), flow::State::Running);
        house.reaches(&ask.request_id, flow::State::Completed).await;
        assert_eq!(neighbour.effects().len(), 4, "each step once: {:?}", neighbour.effects());
        let answer = house.deals.clone().qualify_lead(ask).await.expect("the caller gets the answer at last");
        assert!(answer.into_inner().opportunity.is_some());
        let copy = house.flows.clone().retry_flow(retry).await.expect("the same request, the same answer").into_inner();
        assert_eq!(copy, retried);
    }

    /// R-FLW-3
    async fn a_flow_that_was_given_up_is_final(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let ask = parked(&house, &neighbour).await;
        let name = format!("flows/{}", ask.request_id);
        let abandon = AbandonFlowRequest {
            name: name.clone(),
            reason: "the customer went elsewhere".to_owned(),
            request_id: id(),
            ..AbandonFlowRequest::default()
        };
        let abandoned = house.flows.clone().abandon_flow(abandon).await.expect("it is given up").into_inner();
        assert_eq!((abandoned.state(), abandoned.reason.as_str()), (flow::State::Abandoned, "the customer went elsewhere"));
        let retry = RetryFlowRequest { name, request_id: id(), ..RetryFlowRequest::default() };
        let refused = refusal(&house.flows.clone().retry_flow(retry).await.expect_err("it is final"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "STATE_REFUSES_VERB"));
        let again = refusal(&house.deals.clone().qualify_lead(ask).await.expect_err("its caller is told"));
        assert!(again.message.contains("the customer went elsewhere"), "{}", again.message);
    }

    /// R-FLW-3, R-API-1: who decides about a flow that ran again since he looked is told, and looks again.
    async fn a_decision_about_a_flow_that_has_moved_since_is_refused(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let ask = parked(&house, &neighbour).await;
        let seen = house.flow(&ask.request_id).await.expect("it is listed");
        let retry = RetryFlowRequest {
            name: seen.name.clone(),
            etag: seen.etag.clone(),
            request_id: id(),
            ..RetryFlowRequest::default()
        };
        house.flows.clone().retry_flow(retry).await.expect("he saw what it is");
        // What stopped it is still so: it is parked again.
        let parked_again = house.reaches(&ask.request_id, flow::State::Parked).await;
        let abandon = |etag: &str| AbandonFlowRequest {
            name: seen.name.clone(),
            reason: "nobody wants it".to_owned(),
            etag: etag.to_owned(),
            request_id: id(),
            ..AbandonFlowRequest::default()
        };
        let stale = house.flows.clone().abandon_flow(abandon(&seen.etag)).await.expect_err("it ran again since");
        let stale = refusal(&stale);
        assert_eq!((stale.code, stale.reason.as_str()), (Code::Aborted, "STALE_ETAG"));
        assert_eq!(stale.metadata.get("etag"), Some(&parked_again.etag));
        house.flows.clone().abandon_flow(abandon(&parked_again.etag)).await.expect("that is what it is now");
    }

    /// R-FLW-3
    async fn only_a_parked_flow_accepts_verbs(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let ask = qualify();
        house.deals.clone().qualify_lead(ask.clone()).await.expect("the lead is qualified");
        house.reaches(&ask.request_id, flow::State::Completed).await;
        let name = format!("flows/{}", ask.request_id);
        let retry = RetryFlowRequest { name, request_id: id(), ..RetryFlowRequest::default() };
        let refused = refusal(&house.flows.clone().retry_flow(retry).await.expect_err("it is completed"));
        assert_eq!(refused.metadata.get("state").map(String::as_str), Some("COMPLETED"));
        let unknown = RetryFlowRequest { name: format!("flows/{}", id()), request_id: id(), ..RetryFlowRequest::default() };
        let missing = house.flows.clone().retry_flow(unknown).await.expect_err("there is none");
        assert_eq!(missing.code(), Code::NotFound);
    }

    /// A defect of a service is no reason to wait for ever.
    async fn a_step_that_always_fails_inside_parks_the_flow(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        opens(&neighbour, Some(tonic::Status::internal("a defect")));
        let ask = qualify();
        let refused = refusal(&house.deals.clone().qualify_lead(ask.clone()).await.expect_err("it cannot end"));
        assert_eq!(refused.reason, "FLOW_PARKED");
        assert_eq!(house.flow(&ask.request_id).await.expect("it is listed").state(), flow::State::Parked);
    }
}
