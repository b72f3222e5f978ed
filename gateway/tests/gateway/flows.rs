//! What a caller may rely on: one effect, the same answer, an end (R-FLW-1, R-API-1).

use std::time::Duration;

use dealflow_chassis::deadline::Deadline;
use dealflow_proto::gateway::v1::{DealProgress, QualifyLeadRequest, flow};
use dealflow_testbed::{TestDb, both, eventually, id, refusal};
use futures::future::join_all;
use tonic::{Code, Request, Status};

use crate::house::{House, LEAD, OPPORTUNITY, QUALIFICATION, SOON, guard, neighbour, qualify};

async fn send(house: &House, ask: &QualifyLeadRequest) -> Result<DealProgress, Status> {
    house.deals.clone().qualify_lead(ask.clone()).await.map(tonic::Response::into_inner)
}

/// Every effect of a qualification, whatever the order of those that are made side by side.
fn sorted(mut effects: Vec<String>) -> Vec<String> {
    effects.sort();
    effects
}

fn once_each() -> Vec<String> {
    sorted(QUALIFICATION.map(str::to_owned).to_vec())
}

both! {
    /// R-FLW-1
    async fn a_verb_answers_what_it_changed_and_is_remembered_as_completed(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let ask = qualify();
        let done = send(&house, &ask).await.expect("the lead is qualified");
        assert_eq!(done.flow, format!("flows/{}", ask.request_id));
        assert_eq!(done.opportunity.expect("it is told").name, OPPORTUNITY);
        assert_eq!(done.lead.expect("it is told").name, LEAD);
        assert_eq!(done.activities.len(), 1, "the activity of the first stage");
        assert_eq!(sorted(neighbour.effects()), once_each());
        let flow = house.reaches(&ask.request_id, flow::State::Completed).await;
        assert_eq!((flow.verb.as_str(), flow.subject.as_str(), flow.run_count), ("QualifyLead", LEAD, 1));
    }

    /// R-API-1
    async fn the_same_request_again_gets_the_same_answer_and_has_no_effect(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let ask = qualify();
        let first = send(&house, &ask).await.expect("the lead is qualified");
        let at_once = send(&house, &ask).await.expect("the answer is remembered");
        house.reaches(&ask.request_id, flow::State::Completed).await;
        let later = send(&house, &ask).await.expect("the answer is remembered");
        assert_eq!((&at_once, &later), (&first, &first));
        assert_eq!(sorted(neighbour.effects()), once_each());
    }

    /// R-API-1
    async fn the_same_request_id_with_other_content_is_refused_while_it_runs_and_after(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let ask = qualify();
        let other = QualifyLeadRequest { create_account: true, ..ask.clone() };
        let open = neighbour.hold("CreateOpportunity");
        let running = tokio::spawn({
            let (deals, ask) = (house.deals.clone(), ask.clone());
            async move { deals.clone().qualify_lead(ask).await }
        });
        eventually("the flow is under way", SOON, || async { neighbour.has_come("CreateOpportunity") }).await;
        let meanwhile = refusal(&send(&house, &other).await.expect_err("the id is taken"));
        assert_eq!((meanwhile.code, meanwhile.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
        open.send_replace(true);
        running.await.expect("no panic").expect("the lead is qualified");
        house.reaches(&ask.request_id, flow::State::Completed).await;
        let after = refusal(&send(&house, &other).await.expect_err("the id is taken"));
        assert_eq!((after.code, after.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    }

    /// R-FLW-1
    async fn sixty_four_copies_at_once_have_one_effect_and_one_answer(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let ask = qualify();
        let answers = join_all((0..64).map(|_| send(&house, &ask))).await;
        let first = answers[0].as_ref().expect("the lead is qualified");
        assert!(answers.iter().all(|answer| answer.as_ref().ok() == Some(first)), "all copies get the one answer");
        assert_eq!(sorted(neighbour.effects()), once_each());
    }

    /// R-FLW-1: many flows share a commit, and one whose id is taken fails none of the others.
    async fn flows_that_are_stored_together_do_not_disturb_each_other(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let old: Vec<_> = (0..8).map(|_| qualify()).collect();
        let before = join_all(old.iter().map(|ask| send(&house, ask))).await;
        for ask in &old {
            house.reaches(&ask.request_id, flow::State::Completed).await;
        }
        let fresh: Vec<_> = (0..32).map(|_| qualify()).collect();
        let both = old.iter().chain(&fresh);
        let after = join_all(both.map(|ask| send(&house, ask))).await;
        assert!(after.iter().all(Result::is_ok), "all are answered: {after:?}");
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.as_ref().ok(), after.as_ref().ok(), "a repeat gets the first answer");
        }
        for ask in &fresh {
            house.reaches(&ask.request_id, flow::State::Completed).await;
        }
        let qualified = neighbour.effects().iter().filter(|effect| *effect == "QualifyLead").count();
        assert_eq!(qualified, 40, "one effect for each flow");
    }

    /// R-FLW-1
    async fn a_reply_lost_at_any_step_leaves_one_effect_and_the_whole_answer(db: TestDb) {
        for step in QUALIFICATION {
            let neighbour = neighbour();
            let house = House::open(&db, &neighbour).await;
            neighbour.lose_replies(step, 2);
            let done = send(&house, &qualify()).await.expect("the flow ends");
            assert!(done.opportunity.is_some() && done.lead.is_some(), "all is told, though {step} was answered late");
            assert_eq!(sorted(neighbour.effects()), once_each(), "with {step} answered late");
            house.close().await;
        }
    }

    /// R-FLW-1: a concurrent change at a record is no refusal.
    async fn a_service_that_is_away_or_busy_for_a_while_is_waited_for(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        neighbour.refuse("QualifyLead", 1, &Status::unavailable("not here"));
        neighbour.refuse("CreateOpportunity", 1, &Status::deadline_exceeded("too slow"));
        neighbour.refuse("LinkOpportunity", 1, &Status::unknown("reset"));
        let ask = qualify();
        send(&house, &ask).await.expect("the flow ends");
        assert_eq!(sorted(neighbour.effects()), once_each());
        assert_eq!(house.reaches(&ask.request_id, flow::State::Completed).await.run_count, 4);
    }

    /// R-FLW-3
    async fn a_refusal_before_anything_changed_is_passed_on_and_not_remembered(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        neighbour.refuse("QualifyLead", 1, &guard("the need is not known"));
        let ask = qualify();
        let refused = refusal(&send(&house, &ask).await.expect_err("it is refused"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
        assert_eq!(refused.message, "the need is not known");
        assert_eq!(refused.preconditions.len(), 1, "what is missing is passed on");
        assert_eq!(refused.metadata.get("step").map(String::as_str), Some("qualify"));
        assert_eq!(house.flow(&ask.request_id).await.expect_err("it is forgotten").code(), Code::NotFound);
        send(&house, &ask).await.expect("the same request is good once the need is known");
    }

    /// R-FLW-1
    async fn a_flow_goes_on_when_its_caller_does_not(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let open = neighbour.hold("CreateOpportunity");
        let ask = qualify();
        let mut impatient = Request::new(ask.clone());
        impatient.extensions_mut().insert(Deadline::within(Duration::from_millis(300)));
        let late = house.deals.clone().qualify_lead(impatient).await.expect_err("the caller has no more time");
        assert_eq!(late.code(), Code::DeadlineExceeded);
        open.send_replace(true);
        house.reaches(&ask.request_id, flow::State::Completed).await;
        assert_eq!(sorted(neighbour.effects()), once_each());
        send(&house, &ask).await.expect("the answer waits for whoever asks again");
    }

    /// R-API-1
    async fn a_check_changes_nothing_and_stores_no_flow(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let ask = QualifyLeadRequest { validate_only: true, ..qualify() };
        let told = send(&house, &ask).await.expect("it would be qualified");
        assert_eq!(told.lead.expect("the first step says what it would do").name, LEAD);
        assert!(neighbour.effects().is_empty());
        assert_eq!(house.flow(&ask.request_id).await.expect_err("there is none").code(), Code::NotFound);
        neighbour.refuse("QualifyLead", 1, &guard("the need is not known"));
        assert_eq!(send(&house, &ask).await.expect_err("it would be refused").code(), Code::FailedPrecondition);
    }

    /// R-API-1
    async fn a_malformed_request_is_refused_with_all_its_fields(db: TestDb) {
        let house = House::open(&db, &neighbour()).await;
        let ask = QualifyLeadRequest { lead: "nobody".to_owned(), request_id: "no uuid".to_owned(), ..Default::default() };
        let refused = refusal(&send(&house, &ask).await.expect_err("it is malformed"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
        assert_eq!(refused.field_names(), ["lead", "request_id"]);
    }

    /// R-SEC-1: every call of a flow carries who asked and which flow it is.
    async fn every_step_carries_the_actor_and_the_flow(db: TestDb) {
        let neighbour = neighbour();
        let house = House::open(&db, &neighbour).await;
        let ask = qualify();
        let mut request = Request::new(ask.clone());
        let actor = format!("employees/{}", id());
        request.metadata_mut().insert("dealflow-actor", actor.parse().expect("it is ASCII"));
        house.deals.clone().qualify_lead(request).await.expect("the lead is qualified");
        let carried = neighbour.carried();
        let of_flow: Vec<_> = carried.iter().filter(|(_, flow)| flow.as_deref() == Some(&*ask.request_id)).collect();
        assert_eq!(of_flow.len(), 6, "the lead is read, its opportunity foreseen, and four steps");
        assert!(of_flow.iter().all(|(said, _)| *said == actor));
    }
}
