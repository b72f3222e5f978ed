//! R-ERP-1: the ERP's books against our hand-overs, and what is done about what differs.

use dealflow_chassis::link::Link;
use dealflow_chassis::serve::Part;
use dealflow_gateway::handoff::record::State;
use dealflow_gateway::reconcile::Reconciler;
use dealflow_proto::erp::v1::reconciliation_service_client::ReconciliationServiceClient;
use dealflow_proto::erp::v1::reconciliation_service_server::ReconciliationServiceServer;
use dealflow_proto::erp::v1::{
    BusinessStatus, CompareReconciliationsRequest, Document, ErpDocument, FaultKind, GetReconciliationReportRequest,
    ListDocumentsRequest, ListReconciliationsRequest, Personality, ReconcileRequest, Reconciliation,
    ReconciliationAction as Action, ReconciliationClass as Class, ReconciliationRow, ResolveReconciliationRequest,
    RestoreRequest, Simulation, SnapshotRequest,
};
use dealflow_proto::google::type_::Date;
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::Code;

use crate::house::{House, invoice, order, settings};

/// Documents that the ERP lists on more than one page.
const MANY: usize = 510;

/// A run and all that it found.
pub(crate) struct Report {
    pub(crate) run: Reconciliation,
    pub(crate) rows: Vec<ReconciliationRow>,
}

impl Report {
    pub(crate) fn clean(&self) -> bool {
        self.run.clean && self.rows.is_empty()
    }

    fn of(&self, external_id: &str) -> Option<Class> {
        self.rows.iter().find(|row| row.external_id == external_id).map(ReconciliationRow::class)
    }

    fn count(&self, class: Class) -> i64 {
        self.run.counts.iter().find(|it| it.class() == class).map_or(0, |it| it.count)
    }
}

fn desk(house: &House) -> ReconciliationServiceClient<Link> {
    let reconciler = Reconciler::new(house.store.clone(), house.erp.clone(), house.handoffs.clone());
    let part = Part::new("gateway").service(ReconciliationServiceServer::new(reconciler));
    ReconciliationServiceClient::new(part.link())
}

async fn asked(house: &House, ask: ReconcileRequest) -> Report {
    let run = desk(house).reconcile(ask).await.expect("the books are compared").into_inner();
    let (mut rows, mut page_token) = (Vec::new(), String::new());
    loop {
        let ask =
            GetReconciliationReportRequest { name: run.name.clone(), page_size: 3, page_token, ..Default::default() };
        let page = desk(house).get_reconciliation_report(ask).await.expect("the report is read").into_inner();
        rows.extend(page.rows);
        if page.next_page_token.is_empty() {
            return Report { run, rows };
        }
        page_token = page.next_page_token;
    }
}

/// Compares everything.
pub(crate) async fn compared(house: &House) -> Report {
    asked(house, ReconcileRequest { request_id: id(), ..ReconcileRequest::default() }).await
}

async fn resolve(house: &House, report: &Report, action: Action, class: Class, reason: &str) -> i32 {
    let mut resolved = 0;
    loop {
        let ask = ResolveReconciliationRequest {
            name: report.run.name.clone(),
            action: action.into(),
            class: class.into(),
            reason: reason.to_owned(),
            request_id: id(),
            ..ResolveReconciliationRequest::default()
        };
        let done = desk(house).resolve_reconciliation(ask).await.expect("something is done").into_inner();
        resolved += done.resolved;
        if !done.more || done.resolved == 0 {
            return resolved;
        }
    }
}

/// Sends again what the ERP does not have.
pub(crate) async fn replay(house: &House, report: &Report) {
    resolve(house, report, Action::Replay, Class::MissingInErp, "the backup was restored").await;
}

/// Takes over how far the ERP is.
pub(crate) async fn refresh(house: &House, report: &Report) {
    resolve(house, report, Action::Refresh, Class::StatusMismatch, "").await;
}

/// The ERP's books, all pages.
pub(crate) async fn all_books(house: &House) -> Vec<ErpDocument> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let ask = ListDocumentsRequest { page_size: 1000, page_token, ..ListDocumentsRequest::default() };
        let page = house.erp_client().list_documents(ask).await.expect("the books are read").into_inner();
        all.extend(page.documents);
        if page.next_page_token.is_empty() {
            return all;
        }
        page_token = page.next_page_token;
    }
}

both! {
    /// R-ERP-1: what is booked anew in an ERP that was restored from a backup counts its events anew, and is followed from
    /// the first of them.
    async fn what_is_booked_anew_after_amnesia_is_followed_from_its_first_event_on(db: TestDb) {
        let house = House::open(db).await;
        let ask = SnapshotRequest { name: "empty".to_owned() };
        house.control().snapshot(ask).await.expect("the books are kept");
        let document = order("SO-1");
        let name = house.hand_over(&document).await;
        house.becomes(&name, State::Delivered).await;
        for _ in 0..3 {
            house.act(&document.external_id, BusinessStatus::PartiallyFulfilled).await;
        }
        house.handoffs.read_events().await.expect("events are read");
        let before = house.get(&name).await.business_sequence;
        assert!(before > 3, "{before}");
        let ask = RestoreRequest { name: "empty".to_owned() };
        house.control().restore(ask).await.expect("the backup is restored");
        let report = compared(&house).await;
        assert_eq!(report.of(&document.external_id), Some(Class::MissingInErp));
        replay(&house, &report).await;
        house.becomes(&name, State::Delivered).await;
        house.act(&document.external_id, BusinessStatus::Fulfilled).await;
        house.handoffs.read_events().await.expect("events are read");
        let found = house.get(&name).await;
        assert_eq!(found.business_status(), BusinessStatus::Fulfilled);
        assert!(found.business_sequence < before, "{}", found.business_sequence);
        assert!(compared(&house).await.clean());
    }

    /// R-ERP-1, erp-handoff §6, §7: a document that survived in an ERP that was restored from a backup counts its events
    /// anew from there; the reconciliation names it, and refreshed it is followed from there on.
    async fn what_survives_amnesia_is_asked_again_and_followed_from_there(db: TestDb) {
        let house = House::open(db).await;
        let document = order("SO-1");
        let name = house.hand_over(&document).await;
        house.becomes(&name, State::Delivered).await;
        house.control().snapshot(SnapshotRequest { name: "friday".to_owned() }).await.expect("the books are kept");
        for _ in 0..3 {
            house.act(&document.external_id, BusinessStatus::PartiallyFulfilled).await;
        }
        house.handoffs.read_events().await.expect("events are read");
        let before = house.get(&name).await.business_sequence;
        house.control().restore(RestoreRequest { name: "friday".to_owned() }).await.expect("the backup is restored");
        let report = compared(&house).await;
        assert_eq!(report.of(&document.external_id), Some(Class::StatusMismatch), "{:?}", report.rows);
        refresh(&house, &report).await;
        let then = house.becomes(&name, State::Delivered).await;
        assert!((1..before).contains(&then.business_sequence), "{}", then.business_sequence);
        let healed = compared(&house).await;
        assert!(healed.clean(), "{:?}", healed.rows);
        house.act(&document.external_id, BusinessStatus::Fulfilled).await;
        house.handoffs.read_events().await.expect("events are read");
        let found = house.get(&name).await;
        assert_eq!(found.business_status(), BusinessStatus::Fulfilled);
        assert!(found.business_sequence < before, "{}", found.business_sequence);
        assert!(compared(&house).await.clean());
    }

    /// R-ERP-1, erp-handoff §7: each class on one document, with control totals that say by how much.
    async fn each_kind_of_difference_has_its_class_and_its_action(db: TestDb) {
        let house = House::open(db).await;
        let good = order("GOOD");
        let delivered = house.hand_over(&good).await;
        house.becomes(&delivered, State::Delivered).await;
        let delivered = house.hand_over(&invoice(&good, "INV-1")).await;
        house.becomes(&delivered, State::Delivered).await;
        house.handoffs.read_events().await.expect("events are read");
        let report = compared(&house).await;
        assert!(report.clean(), "{:?}", report.rows);
        assert_eq!(report.count(Class::Matched), 2);

        // Unknown: entered by hand. Other content: a dead letter of ours.
        let by_hand = order("HAND");
        crate::operators::enter_by_hand(&house, &by_hand).await;
        let ours = order("OTHER");
        let mut other = ours.clone();
        other.lines[0].description = "Another piece".to_owned();
        crate::operators::enter_by_hand(&house, &other).await;
        let dead = house.hand_over(&ours).await;
        house.becomes(&dead, State::DeadLettered).await;
        // Refused and left.
        house.plan(&[(FaultKind::Refuse, 1, "BAD"), (FaultKind::DuplicateRequest, 1, "TWICE")]).await;
        let refused = house.hand_over(&order("BAD")).await;
        house.becomes(&refused, State::Rejected).await;
        // Twice in an ERP without keys.
        house.be(Personality::LookupOnly, Simulation::default()).await;
        let twice = house.hand_over(&order("TWICE")).await;
        house.becomes(&twice, State::Delivered).await;
        // Waiting for an order that never comes.
        let waiting = house.hand_over(&invoice(&order("NEVER"), "INV-9")).await;
        house.time.advance(chrono::TimeDelta::hours(25));

        let report = compared(&house).await;
        let expected = [
            ("df:order:HAND", Class::UnknownInErp),
            ("df:order:OTHER", Class::AmountMismatch),
            ("df:order:BAD", Class::RejectedOpen),
            ("df:order:TWICE", Class::DuplicateInErp),
            ("df:invoice:INV-9", Class::Stuck),
        ];
        for (external_id, class) in expected {
            assert_eq!(report.of(external_id), Some(class), "{external_id}: {:?}", report.rows);
        }
        assert!(!report.run.clean);
        let orders = report.run.totals.iter().find(|total| total.r#type == 1).expect("a total of orders");
        let count = |side: &Option<dealflow_proto::erp::v1::TotalSide>| side.as_ref().map_or(0, |side| side.count);
        assert_eq!((count(&orders.ours), count(&orders.theirs), orders.agrees), (2, 5, false));
        assert_eq!(house.get(&waiting).await.state(), State::Blocked.wire());

        let ignore = ResolveReconciliationRequest {
            name: report.run.name.clone(),
            action: Action::Ignore.into(),
            external_id: "df:order:HAND".to_owned(),
            request_id: id(),
            ..ResolveReconciliationRequest::default()
        };
        let refused = desk(&house).resolve_reconciliation(ignore.clone()).await.expect_err("without a reason");
        assert_eq!(refusal(&refused).field_names(), ["reason"]);
        let with_reason = ResolveReconciliationRequest { reason: "a test of the clerk's".to_owned(), request_id: id(), ..ignore };
        let done = desk(&house).resolve_reconciliation(with_reason).await.expect("it is left").into_inner();
        assert_eq!(done.resolved, 1);
        let wrong = ResolveReconciliationRequest {
            name: report.run.name,
            action: Action::Replay.into(),
            class: Class::UnknownInErp.into(),
            request_id: id(),
            ..ResolveReconciliationRequest::default()
        };
        let refused = desk(&house).resolve_reconciliation(wrong).await.expect_err("there is nothing to replay");
        assert_eq!(refusal(&refused).field_names(), ["class"]);
    }

    /// R-ERP-1, erp-handoff §7: after a restored backup the report lists exactly what is lost; replayed, nothing is left.
    async fn amnesia_is_listed_exactly_and_replay_heals_it(db: TestDb) {
        let house = House::open(db).await;
        let kept = order("KEPT");
        let name = house.hand_over(&kept).await;
        house.becomes(&name, State::Delivered).await;
        house.control().snapshot(SnapshotRequest { name: "friday".to_owned() }).await.expect("kept");
        let lost = order("LOST");
        let mut names = vec![house.hand_over(&lost).await];
        for number in 0..3 {
            names.push(house.hand_over(&invoice(&lost, &format!("LOST-{number}"))).await);
        }
        for name in &names {
            house.becomes(name, State::Delivered).await;
        }
        house.handoffs.read_events().await.expect("events are read");
        let before = compared(&house).await;
        assert!(before.clean(), "{:?}", before.rows);
        house.control().restore(RestoreRequest { name: "friday".to_owned() }).await.expect("restored");
        let report = compared(&house).await;
        let missing: Vec<&str> = report.rows.iter().map(|row| row.external_id.as_str()).collect();
        assert_eq!(missing, ["df:invoice:LOST-0", "df:invoice:LOST-1", "df:invoice:LOST-2", "df:order:LOST"]);
        assert!(report.rows.iter().all(|row| row.class() == Class::MissingInErp && row.action() == Action::Replay));
        let ask = CompareReconciliationsRequest { name: report.run.name.clone(), earlier: before.run.name.clone() };
        let difference = desk(&house).compare_reconciliations(ask).await.expect("compared").into_inner();
        assert_eq!((difference.appeared.len(), difference.gone.len()), (4, 0));

        assert_eq!(resolve(&house, &report, Action::Replay, Class::MissingInErp, "backup of friday").await, 4);
        assert_eq!(resolve(&house, &report, Action::Replay, Class::MissingInErp, "again").await, 0, "once is enough");
        for name in &names {
            house.becomes_in_time(name, State::Delivered, chrono::TimeDelta::seconds(90)).await;
        }
        house.handoffs.read_events().await.expect("events are read");
        let healed = compared(&house).await;
        assert!(healed.rows.iter().all(|row| row.class() == Class::StatusMismatch), "{:?}", healed.rows);
        assert!(healed.run.totals.iter().all(|total| total.agrees));
        let ask = CompareReconciliationsRequest { name: healed.run.name, earlier: report.run.name.clone() };
        assert_eq!(desk(&house).compare_reconciliations(ask).await.expect("compared").into_inner().gone.len(), 4);
        let runs = ListReconciliationsRequest { filter: "clean = false".to_owned(), ..Default::default() };
        let runs = desk(&house).list_reconciliations(runs).await.expect("runs are kept").into_inner();
        assert!(runs.reconciliations.iter().any(|it| it.name == report.run.name));
    }

    /// R-ERP-1: what the ERP has and our delivery gave up on is adopted; what its events did not tell is asked.
    async fn what_the_erp_has_is_adopted_and_how_far_it_is_asked(db: TestDb) {
        let house = House::build(db, settings()).await;
        let (worker, stop) = house.work();
        let first = order("SO-1");
        let name = house.hand_over(&first).await;
        house.becomes(&name, State::Delivered).await;
        house.plan(&[(FaultKind::Refuse, 1, "SO-2"), (FaultKind::EventDrop, 0, "")]).await;
        let second = order("SO-2");
        let refused = house.hand_over(&second).await;
        house.becomes(&refused, State::Rejected).await;
        let number = crate::operators::enter_by_hand(&house, &second).await;
        house.act(&first.external_id, BusinessStatus::InProcess).await;
        let report = compared(&house).await;
        assert_eq!(report.of(&first.external_id), Some(Class::StatusMismatch));
        assert_eq!(report.of(&second.external_id), Some(Class::StatusMismatch));
        assert_eq!(resolve(&house, &report, Action::Adopt, Class::StatusMismatch, "entered by hand").await, 1);
        assert_eq!(house.becomes(&refused, State::Delivered).await.erp_number, number);
        refresh(&house, &report).await;
        let found = house.becomes(&name, State::Delivered).await;
        assert!(found.attempts.len() >= 2 || found.business_status() == BusinessStatus::InProcess);
        dealflow_testbed::eventually("the status", crate::house::LONG, || async {
            house.get(&name).await.business_status() == BusinessStatus::InProcess
        })
        .await;
        stop.cancel();
        worker.await.expect("the worker ends");
    }

    /// R-ERP-1, R-API-1: who asks again while a run is being made, here or at another replica, gets that run; neither spoils
    /// what the other has copied, and one whose caller has gone is made all the same.
    async fn a_run_that_is_asked_for_twice_at_once_is_one_and_right(db: TestDb) {
        let house = House::open(db).await;
        let mut names = Vec::new();
        for number in 0..MANY {
            names.push(house.hand_over(&order(&format!("SO-{number}"))).await);
        }
        for name in &names {
            house.becomes(name, State::Delivered).await;
        }
        house.handoffs.read_events().await.expect("events are read");
        let (one, other) = (desk(&house), desk(&house));
        for _ in 0..3 {
            let ask = ReconcileRequest { request_id: id(), ..ReconcileRequest::default() };
            let (mut first, mut second, mut third) = (one.clone(), other.clone(), one.clone());
            let (first, second, third) =
                tokio::join!(first.reconcile(ask.clone()), second.reconcile(ask.clone()), third.reconcile(ask));
            let run = first.expect("compared").into_inner();
            assert!(run.clean, "{:?}", run.counts);
            for again in [second, third] {
                assert_eq!(again.expect("compared").into_inner(), run);
            }
        }
        let ask = ReconcileRequest { request_id: id(), ..ReconcileRequest::default() };
        let mut left = one.clone();
        let gone = tokio::time::timeout(std::time::Duration::ZERO, left.reconcile(ask.clone())).await;
        assert!(gone.is_err(), "the caller has no patience");
        let runs = async || {
            let ask = ListReconciliationsRequest::default();
            one.clone().list_reconciliations(ask).await.expect("runs are kept").into_inner().reconciliations.len()
        };
        dealflow_testbed::eventually("the run", crate::house::LONG, || async { runs().await == 4 }).await;
        assert!(one.clone().reconcile(ask).await.expect("it was made").into_inner().clean);
        assert_eq!(runs().await, 4);
    }

    /// R-ERP-1: only the period, the type and the legal entity that are asked for; the same request is one run.
    async fn a_run_is_of_a_period_a_type_and_a_legal_entity(db: TestDb) {
        let house = House::open(db).await;
        let of_day = |number: &str, day: i32, entity: &str| Document {
            issue_date: Some(Date { year: 2026, month: 3, day }),
            legal_entity: entity.to_owned(),
            ..order(number)
        };
        for document in [of_day("A", 1, "north"), of_day("B", 15, "north"), of_day("C", 15, "south")] {
            let name = house.hand_over(&document).await;
            house.becomes(&name, State::Delivered).await;
        }
        house.handoffs.read_events().await.expect("events are read");
        let ask = ReconcileRequest {
            legal_entity: "north".to_owned(),
            from_date: Some(Date { year: 2026, month: 3, day: 10 }),
            until_date: Some(Date { year: 2026, month: 4, day: 1 }),
            r#type: 1,
            request_id: id(),
            ..ReconcileRequest::default()
        };
        let report = asked(&house, ask.clone()).await;
        assert!(report.clean(), "{:?}", report.rows);
        assert_eq!(report.count(Class::Matched), 1);
        assert_eq!(asked(&house, ask.clone()).await.run, report.run, "the same request, the same run");
        let backwards = ReconcileRequest { until_date: ask.from_date, request_id: id(), ..ask };
        let refused = desk(&house).reconcile(backwards).await.expect_err("no such period");
        assert_eq!((refused.code(), refusal(&refused).field_names()), (Code::InvalidArgument, vec!["until_date"]));
    }
}
