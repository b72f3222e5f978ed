//! R-SEC-1: history as a chain: what is changed, removed or put in later is found, and a chain written anew too.

use std::collections::BTreeSet;
use std::time::Duration;

use dealflow_chassis::audit::{Audit, seal};
use dealflow_chassis::redact::{blanked, redact};
use dealflow_chassis::{Change, Store};
use dealflow_proto::audit::v1::audit_service_server::AuditService;
use dealflow_proto::audit::v1::{AuditVerdict, GetAuditVerdictRequest};
use dealflow_proto::leads::v1::{ContactLeadRequest, Lead};
use dealflow_testbed::{TestClock, TestDb, both, eventually, id};
use sea_orm::{ConnectionTrait, Statement, Value};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use tokio_util::sync::CancellationToken;
use tonic::Request;

use crate::counter::{Counters, Migrator, make};
use crate::feed::{SOON, assert_sound, numbering, whole};

/// What every part's database holds, with what keeps history as it was written.
struct Kept;

impl MigratorTrait for Kept {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = Migrator::migrations();
        all.push(Box::new(dealflow_migrations::append_only::Migration));
        all
    }
}

/// A stretch of the chain as the service finds it.
async fn ask(store: &Store, ask: GetAuditVerdictRequest) -> AuditVerdict {
    Audit::new(store.clone()).get_audit_verdict(Request::new(ask)).await.expect("it is checked").into_inner()
}

async fn all(store: &Store) -> AuditVerdict {
    ask(store, GetAuditVerdictRequest::default()).await
}

/// What is wrong, by kind.
fn faults(verdict: &AuditVerdict) -> BTreeSet<&'static str> {
    verdict.faults.iter().map(|fault| fault.kind().as_str_name().trim_start_matches("AUDIT_FAULT_KIND_")).collect()
}

/// Some counted changes, all of them chained.
async fn chained(db: &TestDb, changes: usize) -> Counters {
    let counters = Counters::new(db, 2).await;
    for change in 0..changes {
        counters.send(counters.ask(change % 2)).await.expect("it counts");
    }
    let _numbering = numbering(&counters.store);
    chain(&counters.store, changes).await;
    counters
}

async fn chain(store: &Store, rows: usize) {
    let stop = CancellationToken::new();
    // Two replicas: both at once make one chain.
    let sealing = [seal(store.clone(), stop.clone()), seal(store.clone(), stop.clone())].map(tokio::spawn);
    eventually("every row has its link", SOON, || async {
        let verdict = all(store).await;
        verdict.unsealed_count == 0 && verdict.row_count == rows as i64
    })
    .await;
    stop.cancel();
    for sealing in sealing {
        tokio::time::timeout(Duration::from_secs(10), sealing).await.expect("it ends").expect("it does not panic");
    }
}

async fn execute(store: &Store, sql: &str, values: Vec<Value>) {
    let tx = store.begin().await.expect("a transaction begins");
    let statement = Statement::from_sql_and_values(store.backend(), sql, values);
    assert!(tx.execute_raw(statement).await.expect(sql).rows_affected() > 0, "{sql} found nothing");
    store.commit(tx).await.expect("it commits");
}

both! {
    /// R-SEC-1: a history that nobody touched is as it was, stretch by stretch or whole.
    async fn an_untouched_history_is_as_it_was(db: TestDb) {
        let counters = chained(&db, 30).await;
        let whole = all(&counters.store).await;
        assert_eq!((faults(&whole).len(), whole.row_count, whole.more), (0, 30, false));
        let (mut position, mut link, mut rows) = (0, String::new(), 0);
        loop {
            let stretch = GetAuditVerdictRequest { after_position: position, after_link: link, max_rows: 7, ..Default::default() };
            let verdict = ask(&counters.store, stretch).await;
            assert!(verdict.faults.is_empty(), "{:?}", verdict.faults);
            (position, link, rows) = (verdict.position, verdict.link.clone(), rows + verdict.row_count);
            if !verdict.more {
                break;
            }
        }
        assert_eq!((position, link, rows), (whole.position, whole.link, 30));
    }

    /// R-SEC-1: whatever is done to a row of history afterwards is found, and where.
    async fn a_touched_history_is_not_what_it_was(db: TestDb) {
        let changes: [(&str, &str); 9] = [
            ("UPDATE history SET actor = 'employees/bob' WHERE seq = 5", "CHANGED"),
            ("UPDATE history SET reason = '' WHERE seq = 5", "CHANGED"),
            ("UPDATE history SET to_state = '9' WHERE seq = 5", "CHANGED"),
            ("UPDATE history SET data = digest WHERE seq = 5", "CHANGED"),
            ("UPDATE history SET flow = request_id WHERE seq = 5", "CHANGED"),
            ("DELETE FROM history WHERE seq = 5", "REMOVED"),
            ("UPDATE audit_link SET frame = content WHERE place = 5", "BROKEN"),
            ("UPDATE audit_link SET link = frame WHERE place = 5", "BROKEN"),
            ("DELETE FROM audit_link WHERE place = 5", "INSERTED"),
        ];
        let counters = chained(&db, 12).await;
        for (sql, kind) in changes {
            schema(&counters.store, "CREATE TABLE kept_history AS SELECT * FROM history").await;
            schema(&counters.store, "CREATE TABLE kept_link AS SELECT * FROM audit_link").await;
            execute(&counters.store, sql, vec![]).await;
            let verdict = all(&counters.store).await;
            assert!(faults(&verdict).contains(kind), "{sql}: {:?}", verdict.faults);
            assert!(verdict.faults.iter().all(|fault| (5..=6).contains(&fault.position)), "{sql}: {:?}", verdict.faults);
            for back in [
                "DELETE FROM history",
                "INSERT INTO history SELECT * FROM kept_history",
                "DELETE FROM audit_link",
                "INSERT INTO audit_link SELECT * FROM kept_link",
            ] {
                execute(&counters.store, back, vec![]).await;
            }
            for gone in ["DROP TABLE kept_history", "DROP TABLE kept_link"] {
                schema(&counters.store, gone).await;
            }
            assert_eq!(faults(&all(&counters.store).await).len(), 0, "put back as it was");
        }
    }

    /// R-SEC-1: the database itself changes nothing of what happened and removes none of it; what has no place yet is given
    /// one, and a person is blanked.
    async fn what_is_written_in_history_stays(db: TestDb) {
        let time = TestClock::new();
        let store = db.store::<Kept>("spine", time.clock()).await;
        let names = make(&store, [uuid::Uuid::now_v7()].into_iter()).await;
        let counters = Counters { names, store, time };
        for _ in 0..3 {
            counters.send(counters.ask(0)).await.expect("it counts");
        }
        for sql in [
            "UPDATE history SET actor = 'employees/bob'",
            "UPDATE history SET reason = '', data = digest WHERE seq = 2",
            "UPDATE history SET at = at",
            "DELETE FROM history WHERE seq = 2",
            "DELETE FROM history",
        ] {
            let tx = counters.store.begin().await.expect("a transaction begins");
            let refused = tx.execute_unprepared(sql).await.expect_err(sql).to_string();
            assert!(refused.contains("history is appended to only"), "{sql}: {refused}");
            tx.rollback().await.expect("it rolls back");
        }
        let _numbering = numbering(&counters.store);
        assert_sound(&whole(&counters.store).await);
        let blank = |kind: &str, data: &[u8]| blanked::<Lead>(kind, data, |lead| "erased".clone_into(&mut lead.notes));
        let tx = counters.store.begin().await.expect("a transaction begins");
        assert_eq!(redact(&tx, &counters.names, blank).await.expect("it is blanked"), 3);
        counters.store.commit(tx).await.expect("it commits");
        counters.assert_counted(0, 3).await;
    }

    /// R-SEC-1: somebody who writes the whole chain anew is found out by a link that was noted elsewhere.
    async fn a_chain_written_anew_is_not_the_one_that_was_noted(db: TestDb) {
        let counters = chained(&db, 10).await;
        let noted = all(&counters.store).await;
        execute(&counters.store, "UPDATE history SET actor = 'employees/bob' WHERE seq = 5", vec![]).await;
        execute(&counters.store, "DELETE FROM audit_link", vec![]).await;
        chain(&counters.store, 10).await;
        assert_eq!(faults(&all(&counters.store).await).len(), 0, "in itself it is in order");
        let against = GetAuditVerdictRequest { after_position: noted.position, after_link: noted.link, ..Default::default() };
        assert_eq!(faults(&ask(&counters.store, against).await), BTreeSet::from(["REWRITTEN"]));
    }

    /// R-SEC-1, R-ACC-3: what an erasure blanked is told as such, and what happened stays proven.
    async fn an_erasure_breaks_no_chain(db: TestDb) {
        let counters = chained(&db, 8).await;
        let (store, subject) = (&counters.store, counters.names[0].clone());
        let erase = ContactLeadRequest { name: subject.clone(), request_id: id(), ..Default::default() };
        let blank = |kind: &str, data: &[u8]| blanked::<Lead>(kind, data, |lead| "erased".clone_into(&mut lead.notes));
        let erased = store.work(Request::new(erase), |mut work, ask: ContactLeadRequest| async move {
            redact(&work.tx, std::slice::from_ref(&ask.name), blank).await?;
            let lead = Lead { name: ask.name.clone(), ..Lead::default() };
            work.record(Change::new("lead.erased", ask.name, "ErasePerson").data(&lead));
            Ok::<_, dealflow_chassis::Refusal>(work.done(lead))
        });
        erased.await.expect("it is erased");
        let _numbering = numbering(store);
        chain(store, 9).await;
        let verdict = all(store).await;
        assert_eq!((faults(&verdict).len(), verdict.erased_count), (0, 4), "{:?}", verdict.faults);
        // An erasure excuses what was, not who did it, and no other record.
        execute(store, "UPDATE history SET actor = 'x' WHERE seq = (SELECT min(seq) FROM history WHERE subject = $1)", vec![subject.into()]).await;
        execute(store, "UPDATE history SET data = digest WHERE seq = (SELECT min(seq) FROM history WHERE subject = $1)", vec![counters.names[1].clone().into()]).await;
        let touched = all(store).await;
        assert_eq!((touched.faults.len(), touched.erased_count), (2, 3), "{:?}", touched.faults);
    }
}

async fn schema(store: &Store, sql: &str) {
    let tx = store.begin().await.expect("a transaction begins");
    tx.execute_unprepared(sql).await.expect(sql);
    store.commit(tx).await.expect("it commits");
}
