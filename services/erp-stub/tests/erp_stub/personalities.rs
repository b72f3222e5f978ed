//! Other kinds of ERP: what each does with the same documents.

use dealflow_proto::erp::v1::{
    BusinessStatus, DocumentType, FaultKind, GetCapabilitiesRequest, MasterData, Outcome, Personality, Simulation,
};
use dealflow_testbed::{TestDb, both};
use tonic::Code;

use crate::house::{SO1, Stub, document, usd, written};

async fn stub(db: &TestDb, personality: Personality) -> Stub {
    let mut stub = Stub::open(db).await;
    stub.be(personality, Simulation::default(), MasterData::default()).await;
    stub
}

both! {
    /// erp-handoff §6: without keys, what is sent twice is booked twice, and a look-up finds the first.
    async fn an_erp_that_knows_no_keys_books_twice_what_is_sent_twice(db: TestDb) {
        let mut stub = stub(&db, Personality::LookupOnly).await;
        let paper = document(DocumentType::Order, SO1, "");
        let first = stub.booked(&paper).await;
        let second = stub.booked(&paper).await;
        assert!(!second.replayed);
        assert_ne!(first.erp_number, second.erp_number);
        assert_eq!(stub.books().await.len(), 2);
        assert_eq!(stub.look_up(SO1).await.expect("found").erp_number, first.erp_number);
        let can = stub.erp.get_capabilities(GetCapabilitiesRequest {}).await.expect("told").into_inner();
        assert!(!can.idempotent && can.look_up && can.events);
    }

    /// erp-handoff §6: it takes at once and decides later, for or against.
    async fn an_erp_that_decides_later_tells_it_by_status_and_event(db: TestDb) {
        let mut stub = stub(&db, Personality::Async).await;
        let good = document(DocumentType::Order, SO1, "");
        let mut bad = document(DocumentType::Order, "dealflow:order:SO-2", "");
        bad.totals.as_mut().expect("totals").total_vat = usd(602);
        for paper in [&good, &bad] {
            let answer = stub.submit(paper).await.expect("taken");
            assert_eq!((answer.outcome(), answer.erp_number.as_str()), (Outcome::Pending, ""));
        }
        assert_eq!(stub.look_up(SO1).await.expect("there").outcome(), Outcome::Pending);
        stub.pass(1).await;
        let decided = stub.look_up(SO1).await.expect("there");
        assert_eq!((decided.outcome(), decided.status()), (Outcome::Accepted, BusinessStatus::Confirmed));
        assert_eq!(decided.erp_number, "ERP-SO-000001");
        let refused = stub.look_up("dealflow:order:SO-2").await.expect("there");
        assert_eq!((refused.outcome(), refused.reasons[0].code.as_str()), (Outcome::Rejected, "TOTALS_MISMATCH"));
        assert!(stub.submit(&good).await.expect("known").replayed);
        bad.totals.as_mut().expect("totals").total_vat = usd(601);
        assert_eq!(stub.submit(&bad).await.expect("a correction is taken").outcome(), Outcome::Pending);
        stub.pass(1).await;
        assert_eq!(stub.look_up("dealflow:order:SO-2").await.expect("there").erp_number, "ERP-SO-000002");
    }

    /// erp-handoff §2, §6: VAT rounded on each line differs by cents, and the refusal says by which.
    async fn an_erp_that_rounds_each_line_refuses_with_what_it_expects(db: TestDb) {
        let mut stub = stub(&db, Personality::LineRounding).await;
        // 3 × 0.13 at 20 %: 0.078 together, 0.03 on each of three lines.
        let lines = [("1", "1", 13), ("2", "1", 13), ("3", "1", 13)];
        let paper = written(DocumentType::Order, SO1, "", &lines);
        let answer = stub.submit(&paper).await.expect("answered");
        assert_eq!(answer.outcome(), Outcome::Rejected);
        let reason = &answer.reasons[0];
        assert_eq!((reason.rule.as_str(), reason.expected.as_str(), reason.actual.as_str()), ("LINE-VAT", "0.09 USD", "0.08 USD"));
        stub.booked(&document(DocumentType::Order, "dealflow:order:SO-2", "")).await;
    }

    /// erp-handoff §6: a crash between draft and post leaves nothing in the books, and what comes again completes it.
    async fn a_draft_that_was_left_behind_is_completed_and_not_doubled(db: TestDb) {
        let mut stub = stub(&db, Personality::DraftThenPost).await;
        let paper = document(DocumentType::Order, SO1, "");
        stub.fail(FaultKind::CrashBetween, 1).await;
        assert_eq!(stub.submit(&paper).await.expect_err("crashes").code(), Code::Internal);
        assert_eq!(stub.look_up(SO1).await.expect_err("a draft is not in the books").code(), Code::NotFound);
        assert!(stub.books().await.is_empty());
        let posted = stub.booked(&paper).await;
        assert_eq!((posted.erp_number.as_str(), posted.replayed), ("ERP-SO-000001", false));
        assert_eq!(stub.books().await.len(), 1);
    }
}
