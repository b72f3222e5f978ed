//! Drills: faults that are drawn, come and go with time; copies of the books; and starting over.

use dealflow_proto::erp::v1::{
    BusinessStatus, DocumentType, Fault, FaultKind, GetConfigurationRequest, MasterData, Outcome, Personality,
    ResetRequest, RestoreRequest, Simulation, SnapshotRequest,
};
use dealflow_testbed::{TestDb, both};
use tonic::Code;

use crate::house::{SO1, Stub, document};

async fn ups_and_downs(stub: &mut Stub, step: i64, looks: usize) -> String {
    let mut seen = String::new();
    for _ in 0..looks {
        let up = stub.look_up(SO1).await.is_ok_and(|it| it.outcome() == Outcome::Accepted);
        seen.push(if up { '+' } else { '-' });
        stub.pass(step).await;
    }
    seen
}

both! {
    /// erp-handoff §6: an outage ends when its time is over; a flapping ERP is away half of the time.
    async fn an_outage_has_an_end_and_flapping_a_period(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        stub.booked(&document(DocumentType::Order, SO1, "")).await;
        let span = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        let outage = Fault { kind: FaultKind::Outage.into(), lasts: span(25), ..Fault::default() };
        stub.plan(vec![outage], 0).await;
        assert_eq!(ups_and_downs(&mut stub, 10, 5).await, "---++");
        let flapping = Fault { kind: FaultKind::Flapping.into(), period: span(20), ..Fault::default() };
        stub.plan(vec![flapping], 0).await;
        assert_eq!(ups_and_downs(&mut stub, 5, 8).await, "--++--++");
        let expired = Fault { kind: FaultKind::Unauthenticated.into(), times: 1, ..Fault::default() };
        stub.plan(vec![expired], 0).await;
        assert_eq!(stub.look_up(SO1).await.expect_err("expired").code(), Code::Unauthenticated);
        assert!(stub.look_up(SO1).await.is_ok());
    }

    /// erp-handoff §6: faults are drawn by the plan's seed and by nothing else.
    async fn the_same_seed_hits_the_same_calls(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let mut runs = Vec::new();
        for seed in [7, 7, 8] {
            let fault = Fault { kind: FaultKind::ErrorBeforeCommit.into(), percent: 40, ..Fault::default() };
            stub.plan(vec![fault], seed).await;
            let mut run = String::new();
            for number in 0..40 {
                let paper = document(DocumentType::Order, &format!("dealflow:order:SO-{number}"), "");
                run.push(if stub.submit(&paper).await.is_ok() { '+' } else { '-' });
            }
            runs.push(run);
        }
        assert_eq!(runs[0], runs[1]);
        assert_ne!(runs[0], runs[2]);
        assert!((8..=24).contains(&runs[0].matches('-').count()), "{}", runs[0]);
    }

    /// erp-handoff §6: a wrong answer books nothing, a repeated request once, a poison document never.
    async fn wrong_answers_repeated_requests_and_poison_do_what_they_say(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let paper = document(DocumentType::Order, SO1, "");
        stub.fail(FaultKind::WrongAnswer, 1).await;
        assert_eq!(stub.submit(&paper).await.expect("answered").outcome(), Outcome::Unspecified);
        assert!(stub.books().await.is_empty());
        stub.fail(FaultKind::DuplicateRequest, 1).await;
        assert!(!stub.booked(&paper).await.replayed);
        assert_eq!(stub.books().await.len(), 1);
        stub.be(Personality::LookupOnly, Simulation::default(), MasterData::default()).await;
        stub.fail(FaultKind::DuplicateRequest, 1).await;
        stub.booked(&document(DocumentType::Order, "dealflow:order:SO-2", "")).await;
        assert_eq!(stub.books().await.len(), 3, "who knows no keys takes both");
        let poison = Fault {
            kind: FaultKind::Poison.into(),
            external_id_contains: "BAD".to_owned(),
            ..Fault::default()
        };
        stub.plan(vec![poison], 0).await;
        let bad = document(DocumentType::Order, "dealflow:order:BAD", "");
        for _ in 0..3 {
            assert_eq!(stub.submit(&bad).await.expect_err("it chokes").code(), Code::Internal);
        }
        assert_eq!(stub.look_up("dealflow:order:BAD").await.expect_err("never booked").code(), Code::NotFound);
        stub.booked(&document(DocumentType::Order, "dealflow:order:GOOD", "")).await;
    }

    /// erp-handoff §6: amnesia. A restored backup has forgotten what came after it; events are told from the beginning.
    async fn a_restored_backup_has_forgotten_what_came_after_it(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        stub.booked(&document(DocumentType::Order, SO1, "")).await;
        let name = || "friday".to_owned();
        let kept = stub.control.snapshot(SnapshotRequest { name: name() }).await.expect("kept").into_inner();
        assert_eq!(kept.documents, 1);
        let second = document(DocumentType::Order, "dealflow:order:SO-2", "");
        assert_eq!(stub.booked(&second).await.erp_number, "ERP-SO-000002");
        stub.act(SO1, BusinessStatus::Fulfilled).await;
        let (_, cursor) = stub.events("").await;
        let back = stub.control.restore(RestoreRequest { name: name() }).await.expect("put back").into_inner();
        assert_eq!((back.documents, back.forgotten), (1, 1));
        assert_eq!(stub.look_up(SO1).await.expect("there").status(), BusinessStatus::Confirmed);
        assert_eq!(stub.look_up("dealflow:order:SO-2").await.expect_err("forgotten").code(), Code::NotFound);
        assert_eq!(stub.events(&cursor).await.0.len(), 1, "the cursor is of a time that never was");
        assert_eq!(stub.booked(&second).await.erp_number, "ERP-SO-000002");
        let unknown = stub.control.restore(RestoreRequest { name: "monday".to_owned() }).await;
        assert_eq!(unknown.expect_err("no such copy").code(), Code::NotFound);
    }

    /// erp-handoff §6: amnesia, again and again: books that were put back are copied, and put back, like any others.
    async fn books_are_copied_and_put_back_as_often_as_one_likes(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        stub.booked(&document(DocumentType::Order, SO1, "")).await;
        for round in 1..=3 {
            let name = || format!("day {}", round % 2);
            let kept = stub.control.snapshot(SnapshotRequest { name: name() }).await.expect("kept").into_inner();
            assert_eq!(kept.documents, 1);
            let second = document(DocumentType::Order, "dealflow:order:SO-2", "");
            assert_eq!(stub.booked(&second).await.erp_number, "ERP-SO-000002");
            let back = stub.control.restore(RestoreRequest { name: name() }).await.expect("put back").into_inner();
            assert_eq!((back.documents, back.forgotten), (1, 1), "round {round}");
        }
    }

    /// erp-handoff §6: what the stub is like outlives it, as its books do; a reset empties all.
    async fn a_restart_loses_nothing_and_a_reset_everything(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        stub.be(Personality::Async, Simulation::default(), MasterData::default()).await;
        stub.submit(&document(DocumentType::Order, SO1, "")).await.expect("taken");
        stub.pass(3600).await;
        drop(stub);
        let mut stub = Stub::open(&db).await;
        let is = stub.control.get_configuration(GetConfigurationRequest {}).await.expect("told").into_inner();
        assert_eq!(is.personality(), Personality::Async);
        assert_eq!(stub.look_up(SO1).await.expect("there").outcome(), Outcome::Accepted);
        assert_eq!(stub.journal(SO1).await.len(), 2);
        stub.control.reset(ResetRequest {}).await.expect("emptied");
        assert!(stub.books().await.is_empty() && stub.journal("").await.is_empty() && stub.events("").await.0.is_empty());
        let is = stub.control.get_configuration(GetConfigurationRequest {}).await.expect("told").into_inner();
        assert_eq!(is.personality(), Personality::Native);
    }
}
