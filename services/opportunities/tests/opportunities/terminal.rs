//! The terminal lock by every route, and the audit of what was tried (R-OPP-3).

use std::collections::BTreeSet;

use dealflow_chassis::Context;
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::*;
use dealflow_testbed::{Kind, TestDb, both, id, refusal};
use sea_orm::ConnectionTrait;
use tonic::{Code, Request, Status};

use crate::desk::{CORPORATE_SALE, Desk, OPEN_STAGES, titled};

/// An administrator: nobody may more.
const ADMINISTRATOR: &str = "administrators/root";

fn asked<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    Context::internal(ADMINISTRATOR).carry(request.metadata_mut());
    request
}

/// Every verb that changes an opportunity, asked of the closed one; the name of each as the service's contract has it.
async fn everything(desk: &Desk, closed: &Opportunity) -> Vec<(&'static str, Status)> {
    let (name, mut to) = (closed.name.clone(), desk.opportunities.clone());
    let entry = closed.stage_entry.clone().expect("it ended in one").name;
    let mut told = Vec::new();
    macro_rules! ask {
        ($verb:literal, $method:ident, $message:ident { $($field:ident: $value:expr),* $(,)? }) => {
            let ask = $message { $($field: $value,)* request_id: id(), ..Default::default() };
            told.push(($verb, to.$method(asked(ask)).await.expect_err("it is closed")));
        };
    }
    let changed = |it: Opportunity| Some(Opportunity { name: name.clone(), ..it });
    let of = |field: &str| Some(prost_types::FieldMask { paths: vec![field.to_owned()] });
    ask!(
        "UpdateOpportunity",
        update_opportunity,
        UpdateOpportunityRequest {
            opportunity: changed(Opportunity { notes: "x".to_owned(), ..Opportunity::default() }),
        }
    );
    for field in FIELDS {
        ask!(
            "UpdateOpportunity",
            update_opportunity,
            UpdateOpportunityRequest { opportunity: changed(titled("Valves")), update_mask: of(field) }
        );
    }
    let open = desk.create(titled("Open"), "").await.expect("opened").name;
    ask!(
        "BatchUpdateOpportunities",
        batch_update_opportunities,
        BatchUpdateOpportunitiesRequest {
            names: vec![open, name.clone()],
            opportunity: Some(Opportunity { name: "opportunities/-".to_owned(), ..titled("Valves") }),
            update_mask: of("title"),
        }
    );
    ask!("StartProcess", start_process, StartProcessRequest { name: name.clone(), process: CORPORATE_SALE.to_owned() });
    ask!("MoveToStage", move_to_stage, MoveToStageRequest { name: name.clone(), stage: OPEN_STAGES[1].to_owned() });
    ask!(
        "RecordActivityResult",
        record_activity_result,
        RecordActivityResultRequest {
            name: name.clone(),
            stage_entry: entry,
            planned_key: "contact_client#1".to_owned(),
            result: "done".to_owned(),
        }
    );
    ask!("RecordTime", record_time, RecordTimeRequest { name: name.clone(), minutes: 5 });
    let order = format!("orders/{}", id());
    ask!(
        "ReserveOpportunity",
        reserve_opportunity,
        ReserveOpportunityRequest { name: name.clone(), order: order.clone() }
    );
    ask!("ReleaseOpportunity", release_opportunity, ReleaseOpportunityRequest { name: name.clone(), order: order });
    ask!("WinOpportunity", win_opportunity, WinOpportunityRequest { name: name.clone() });
    ask!(
        "LoseOpportunity",
        lose_opportunity,
        LoseOpportunityRequest { name: name.clone(), reason: LoseReason::Price.into() }
    );
    ask!("HoldOpportunity", hold_opportunity, HoldOpportunityRequest { name: name.clone(), reason: "x".to_owned() });
    ask!("ResumeOpportunity", resume_opportunity, ResumeOpportunityRequest { name: name.clone() });
    told
}

/// The fields that an update can take over.
const FIELDS: &[&str] = &[
    "title",
    "lead",
    "account",
    "contact",
    "owner",
    "bant",
    "currency_code",
    "lines",
    "estimated_value",
    "estimated_close_date",
    "probability",
    "tactics",
    "competitor",
    "presentation_date",
    "notes",
    "source",
    "external_id",
    "open_date",
    "terms_of_sale",
    "revenue_expectation",
    "channel",
    "campaign",
    "proposal_handover_date",
    "decision_maker",
    "competitors",
    "participants",
    "team",
    "knowledge",
];

/// What changes something in this service and is no verb of an opportunity that is there.
const ELSEWHERE: &[&str] =
    &["CreateOpportunity", "CreateFollowUpOpportunity", "CreateLoseReason", "UpdateLoseReason", "NoteRefusedAttempt"];

async fn attempts(desk: &Desk, opportunity: &str) -> Vec<RefusedAttempt> {
    let ask = ListRefusedAttemptsRequest {
        filter: format!("opportunity = \"{opportunity}\""),
        page_size: 1000,
        ..ListRefusedAttemptsRequest::default()
    };
    let listed = desk.opportunities.clone().list_refused_attempts(ask).await.expect("listed").into_inner();
    listed.refused_attempts
}

both! {
    /// R-OPP-3: every verb, every field and the bulk edit, for an administrator too; each attempt is in the audit.
    async fn a_closed_opportunity_refuses_everybody_everything_and_each_attempt_is_in_the_audit(db: TestDb) {
        let desk = Desk::open(&db).await;
        for winning in [true, false] {
            let opened = desk.led().await;
            let name = opened.name.as_str();
            let closed = if winning { desk.win(name).await } else { desk.lose(name, LoseReason::Price).await };
            let closed = closed.expect("closed");
            let events = desk.events(name).await.len();
            let told = everything(&desk, &closed).await;
            for (verb, status) in &told {
                let refused = refusal(status);
                assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "TERMINAL"), "{verb}");
                assert_eq!(refused.metadata["allowed"], "CreateFollowUpOpportunity", "{verb}");
            }
            let guidance = closed.guidance.clone().expect("guided");
            assert_eq!(guidance.allowed_verbs, ["CreateFollowUpOpportunity"]);
            assert_eq!(guidance.next_actions[0].verb, "CreateFollowUpOpportunity");
            assert_eq!(desk.get(name).await, closed);
            assert_eq!(desk.events(name).await.len(), events, "an attempt is no event");

            let kept = attempts(&desk, name).await;
            assert_eq!(kept.len(), told.len());
            assert!(kept.iter().all(|attempt| attempt.actor == ADMINISTRATOR && attempt.state() == closed.state()));
            assert!(kept.iter().all(|attempt| attempt.message.contains("final") && attempt.attempt_time.is_some()));
            let verbs: BTreeSet<&str> = kept.iter().map(|attempt| attempt.verb.as_str()).collect();
            // A bulk edit is an update of each.
            let asked: BTreeSet<&str> = told.iter().map(|(verb, _)| *verb).filter(|it| !it.starts_with("Batch")).collect();
            assert_eq!(verbs, asked);
        }
    }

    /// R-OPP-3: an attempt is kept once, however often its request is sent; asking beforehand is no attempt, and other
    /// refusals are none.
    async fn an_attempt_is_kept_once_and_a_question_is_none(db: TestDb) {
        let desk = Desk::open(&db).await;
        let (open, closed) = (desk.led().await, desk.led().await);
        desk.move_to(&open.name, OPEN_STAGES[0]).await.expect_err("it is there already");
        desk.win(&closed.name).await.expect("won");
        let ask = MoveToStageRequest {
            name: closed.name.clone(),
            stage: OPEN_STAGES[1].to_owned(),
            request_id: id(),
            ..MoveToStageRequest::default()
        };
        let mut to = desk.opportunities.clone();
        to.move_to_stage(MoveToStageRequest { validate_only: true, ..ask.clone() }).await.expect_err("closed");
        assert!(attempts(&desk, &closed.name).await.is_empty());
        for _ in 0..3 {
            to.move_to_stage(ask.clone()).await.expect_err("closed");
        }
        let kept = attempts(&desk, &closed.name).await;
        assert_eq!((kept.len(), &kept[0].request_id, kept[0].actor.as_str()), (1, &ask.request_id, "anonymous"));
        assert!(attempts(&desk, &open.name).await.is_empty());
        let all = ListRefusedAttemptsRequest { order_by: "attempt_time".to_owned(), ..Default::default() };
        assert_eq!(to.list_refused_attempts(all).await.expect("listed").into_inner().refused_attempts, kept);
    }

    /// R-OPP-3: what another part refused in the name of a closed opportunity is kept like what is refused here, once; an
    /// open one has nothing to refuse.
    async fn an_attempt_that_was_refused_elsewhere_is_kept_too(db: TestDb) {
        let desk = Desk::open(&db).await;
        let (open, closed) = (desk.led().await, desk.led().await);
        desk.lose(&closed.name, LoseReason::Price).await.expect("lost");
        let ask = NoteRefusedAttemptRequest {
            name: closed.name.clone(),
            verb: "ProposeQuote".to_owned(),
            message: "it is lost".to_owned(),
            request_id: id(),
            ..NoteRefusedAttemptRequest::default()
        };
        let mut to = desk.opportunities.clone();
        to.note_refused_attempt(asked(NoteRefusedAttemptRequest { validate_only: true, ..ask.clone() })).await.expect("it may");
        assert!(attempts(&desk, &closed.name).await.is_empty(), "to ask is not to note");
        let mut noted = Vec::new();
        for _ in 0..3 {
            noted.push(to.note_refused_attempt(asked(ask.clone())).await.expect("noted").into_inner());
        }
        assert!(noted.iter().all(|it| *it == noted[0]));
        assert_eq!(attempts(&desk, &closed.name).await, noted[..1]);
        let kept = &noted[0];
        let told = (kept.verb.as_str(), kept.actor.as_str(), kept.message.as_str(), kept.state());
        assert_eq!(told, ("ProposeQuote", ADMINISTRATOR, "it is lost", State::Lost));

        let ask = NoteRefusedAttemptRequest { name: open.name.clone(), request_id: id(), ..ask };
        let refused = refusal(&to.note_refused_attempt(asked(ask)).await.expect_err("it is open"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
        assert!(attempts(&desk, &open.name).await.is_empty());
    }

    /// R-OPP-3: nor by a statement that goes round all verbs.
    async fn the_database_itself_lets_nobody_change_or_delete_a_closed_opportunity(db: TestDb) {
        let desk = Desk::open(&db).await;
        let closed = desk.led().await;
        let closed = desk.win(&closed.name).await.expect("won");
        for statement in [
            "UPDATE opportunity SET title = 'Valves'",
            "UPDATE opportunity SET state = 'OPEN'",
            "DELETE FROM opportunity",
        ] {
            let tx = desk.store.begin().await.expect("a transaction");
            let refused = tx.execute_unprepared(statement).await.expect_err("it is closed");
            assert!(refused.to_string().contains("closed"), "{refused}");
            tx.rollback().await.expect("rolled back");
        }
        assert_eq!(desk.get(&closed.name).await, closed);
        let open = desk.led().await;
        assert_eq!(open.state(), State::Open, "open ones are not touched by it");
        desk.move_to(&open.name, OPEN_STAGES[1]).await.expect("an open one changes");
    }
}

/// R-OPP-3: a verb that is added to the contract is added to these tests.
#[tokio::test]
async fn no_verb_of_the_contract_is_forgotten() {
    let db = TestDb::new(Kind::Sqlite).await;
    let desk = Desk::open(&db).await;
    let opened = desk.led().await;
    let closed = desk.win(&opened.name).await.expect("won");
    let tried: BTreeSet<&str> = everything(&desk, &closed).await.into_iter().map(|(verb, _)| verb).collect();
    let set: prost_types::FileDescriptorSet =
        prost::Message::decode(dealflow_proto::FILE_DESCRIPTOR_SET).expect("the descriptors are ours");
    let messages: Vec<_> = set.file.iter().flat_map(|file| &file.message_type).collect();
    let changes = |input: &str| {
        let name = input.rsplit('.').next().unwrap_or_default();
        let of_this_package = |it: &&&prost_types::DescriptorProto| it.name() == name;
        messages
            .iter()
            .find(of_this_package)
            .is_some_and(|it| it.field.iter().any(|field| field.name() == "request_id"))
    };
    let services = set.file.iter().filter(|file| file.package() == "dealflow.opportunities.v1");
    let methods = services.flat_map(|file| &file.service).filter(|it| it.name() == "OpportunityService");
    let verbs: BTreeSet<&str> = methods
        .flat_map(|service| &service.method)
        .filter(|method| changes(method.input_type()))
        .map(|method| method.name())
        .filter(|verb| !ELSEWHERE.contains(verb))
        .collect();
    assert_eq!(tried, verbs);
}
