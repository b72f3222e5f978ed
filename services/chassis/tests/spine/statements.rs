//! Statements on PostgreSQL end with the call that they are for, and a store closes whatever they do.

use std::time::Duration;

use dealflow_chassis::deadline::Deadline;
use dealflow_chassis::{Refusal, Store, StoreConfig};
use dealflow_testbed::{TestClock, TestDb, eventually};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tonic::{Code, Status};

use crate::counter::Migrator;

/// A store of one connection: whoever holds it keeps all others waiting.
async fn narrow(db: &TestDb) -> Store {
    let mut config = db.config_for("spine");
    if let StoreConfig::Postgres { max_connections, .. } = &mut config {
        *max_connections = 1;
    }
    Store::open::<Migrator>(&config, TestClock::new().clock()).await.expect("the store opens")
}

/// Platform, item 11: a call's deadline bounds its SQL, in a transaction and out of one: the connection is free when the
/// call is over, though its statement would have taken minutes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_ends_with_the_deadline_of_its_call() {
    let Some(db) = TestDb::postgres().await else { return };
    let store = narrow(&db).await;
    let soon = || Deadline::within(Duration::from_millis(300));
    let read = soon().scope(store.reader().execute_unprepared("SELECT pg_sleep(300)")).await;
    let written = async {
        let tx = store.begin().await?;
        tx.execute_unprepared("SELECT pg_sleep(300)").await
    };
    let written = soon().scope(written).await;
    for ended in [read, written] {
        let refused = Status::from(Refusal::from(ended.expect_err("its time was up")));
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        assert!(refused.message().contains("took too long"), "{refused:?}");
    }
    // A handler that is given up in the middle of a statement, as the deadline of its call does it.
    let given_up = soon().scope(store.reader().execute_unprepared("SELECT pg_sleep(300)"));
    drop(tokio::time::timeout(Duration::from_millis(100), given_up).await);
    assert!(store.ping().await, "the one connection is free again");
    let patient = Deadline::within(Duration::from_secs(60)).scope(store.reader().execute_unprepared("SELECT 1")).await;
    patient.expect("a call of usual patience needs no transaction");
    store.close().await.expect("closed");
}

/// Platform, item 14: a stop has a limit of our own: a statement that hangs does not hold it up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_closes_though_a_statement_hangs() {
    let Some(db) = TestDb::postgres().await else { return };
    let store = narrow(&db).await;
    let hanging = store.clone();
    let hanging = tokio::spawn(async move { hanging.reader().execute_unprepared("SELECT pg_sleep(300)").await });
    let (other, of_database) = (narrow(&db).await, DbBackend::Postgres);
    let hangs =
        "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(300)' AND datname = current_database()";
    eventually("the statement is at work", Duration::from_secs(10), || async {
        let statement = Statement::from_string(of_database, hangs);
        other.reader().query_one_raw(statement).await.expect("it answers").is_some()
    })
    .await;
    let closed =
        tokio::time::timeout(Duration::from_secs(20), store.close()).await.expect("it does not wait for minutes");
    assert!(closed.expect_err("it says so").to_string().contains("did not end"));
    hanging.abort();
}

/// R-SEC-1: a URL that is not understood is told of, and not told: a password stands in it.
#[tokio::test]
async fn the_url_of_a_database_is_in_no_refusal() {
    for url in [
        "postgres://dealflow:CAN#ARY@db.example:5432/x",
        "postgres://dealflow:CANARY@db.example:port/x",
        "mysql://dealflow:CANARY@db.example/x",
        "\"postgres://dealflow:CANARY@db.example/x\"",
        "CANARY",
        "postgres://dealflow:CANARY@/x?sslmode=CANARY",
    ] {
        let config = StoreConfig::Postgres { url: url.into(), schema: "spine".to_owned(), max_connections: 1 };
        let refused = Store::open::<Migrator>(&config, TestClock::new().clock()).await.err().expect("it is no URL");
        let told = format!("{refused} {refused:?}");
        assert!(told.contains("is not understood") && told.contains("%23"), "{url}: {told}");
        assert!(!told.contains("CAN") && !told.contains("ARY"), "{url}: {told}");
        assert!(!format!("{config:?}").contains("CAN"), "nor in a log of it");
    }
}
