//! The testbed keeps its promises: a database for each test, nothing left behind, waiting that says what for.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use dealflow_chassis::{Refusal, StoreConfig};
use dealflow_testbed::{Cluster, Kind, RefusalView, TestClock, TestDb, both, eventually, postgres_available, refusal};
use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use secrecy::ExposeSecret as _;
use tonic::{Code, Status};

/// No tables.
struct Empty;

impl MigratorTrait for Empty {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

both! {
    async fn each_test_has_a_database_of_its_own(db: TestDb) {
        let other = TestDb::new(db.kind()).await;
        for db in [&db, &other] {
            let store = db.store::<Empty>("part", TestClock::new().clock()).await;
            let tx = store.begin().await.expect("a transaction begins");
            tx.execute_unprepared("CREATE TABLE mine (id bigint)").await.expect("the table is not there yet");
            store.commit(tx).await.expect("it commits");
        }
    }

    async fn two_parts_of_a_test_do_not_see_each_other(db: TestDb) {
        for part in ["leads", "orders"] {
            let store = db.store::<Empty>(part, TestClock::new().clock()).await;
            let tx = store.begin().await.expect("a transaction begins");
            tx.execute_unprepared("CREATE TABLE mine (id bigint)").await.expect("the table is not there yet");
            store.commit(tx).await.expect("it commits");
        }
    }

    async fn a_part_opened_again_finds_its_records(db: TestDb) -> Result<(), sea_orm::DbErr> {
        let store = db.store::<Empty>("part", TestClock::new().clock()).await;
        let tx = store.begin().await?;
        tx.execute_unprepared("CREATE TABLE mine (id bigint)").await?;
        store.commit(tx).await?;
        store.close().await?;
        let again = db.store::<Empty>("part", TestClock::new().clock()).await;
        again.reader().execute_unprepared("SELECT * FROM mine").await.map(drop)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_leaves_no_database_behind() {
    let sqlite = TestDb::new(Kind::Sqlite).await;
    let StoreConfig::Sqlite { path, .. } = sqlite.config_for("part") else { panic!("a file was asked for") };
    drop(sqlite.store::<Empty>("part", TestClock::new().clock()).await);
    assert!(path.exists());
    drop(sqlite);
    assert!(!path.parent().expect("it lies in a folder").exists());

    let Some(postgres) = TestDb::postgres().await else {
        return;
    };
    let StoreConfig::Postgres { url, .. } = postgres.config_for("part") else { panic!("a database was asked for") };
    let _still_open = postgres.store::<Empty>("part", TestClock::new().clock()).await;
    drop(postgres);
    let gone = sea_orm::Database::connect(url.expose_secret()).await.expect_err("the database is gone");
    assert!(gone.to_string().contains("does not exist"), "{gone}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_works_again_after_its_connections_were_cut() {
    let Some(db) = TestDb::postgres().await else {
        return;
    };
    let store = db.store::<Empty>("part", TestClock::new().clock()).await;
    let server = "SELECT pg_backend_pid() AS pid";
    let pid = || async {
        let row = store.reader().query_one_raw(Statement::from_string(store.backend(), server)).await.ok()??;
        row.try_get::<i32>("", "pid").ok()
    };
    let before = pid().await.expect("the database answers");
    db.cut_connections().await;
    let after = eventually("a new connection", Duration::from_secs(10), pid).await;
    assert_ne!(before, after, "the old connection was ended");
}

#[test]
fn the_cluster_goes_with_a_process_that_is_killed() {
    if postgres_available().is_none() {
        eprintln!("not run: PostgreSQL is not installed");
        return;
    }
    let mut child = Command::new(std::env::current_exe().expect("this binary has a path"))
        .args(["--exact", "holds_a_cluster_until_it_is_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let lines = BufReader::new(child.stdout.take().expect("its output is a pipe")).lines();
    let folder = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("cluster in ")?.1.to_owned()))
        .expect("the child names its cluster's folder");
    assert!(Path::new(&folder).exists());
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(eventually("the cluster's folder to go", Duration::from_secs(20), || async {
        !Path::new(&folder).exists()
    }));
}

#[test]
#[ignore = "the child of the_cluster_goes_with_a_process_that_is_killed"]
fn holds_a_cluster_until_it_is_killed() {
    let cluster = Arc::new(Cluster::start(false));
    let folder = cluster.url("").split_once("host=").map(|(_, folder)| folder.to_owned());
    println!("cluster in {}", folder.expect("the URL names the folder"));
    loop {
        std::thread::park();
    }
}

#[tokio::test]
async fn waiting_in_vain_says_what_for_and_where() {
    let line = line!() + 1;
    let waiting = eventually("the reply", Duration::from_millis(30), || async { false });
    let panic = tokio::spawn(waiting).await.expect_err("it waits in vain").into_panic();
    let said = panic.downcast_ref::<String>().expect("a panic with a message");
    assert!(said.contains(&format!("testbed.rs:{line}:")), "{said}");
    assert!(said.contains("waited 30ms in vain for: the reply"), "{said}");
}

#[tokio::test]
async fn waiting_gives_what_it_saw() {
    let mut looks = 0;
    let seen = eventually("the third look", Duration::from_secs(5), || {
        looks += 1;
        let seen = (looks == 3).then_some("seen");
        async move { seen }
    });
    assert_eq!(seen.await, "seen");
}

#[test]
fn a_clock_stands_until_it_is_moved() {
    let time = TestClock::new();
    let clock = time.clock();
    let start = clock.now();
    assert_eq!(clock.now(), start);
    assert_eq!(time.advance(TimeDelta::days(30)), start + TimeDelta::days(30));
    assert_eq!(clock.now(), start + TimeDelta::days(30));
    time.set(start);
    assert_eq!(clock.now(), start);
}

#[test]
fn a_refusal_is_shown_with_all_its_parts() {
    let stale: RefusalView = refusal(&Status::from(Refusal::stale("leads/1", "3", "4")));
    assert_eq!((stale.code, stale.reason.as_str()), (Code::Aborted, "STALE_ETAG"));
    assert_eq!(stale.metadata["etag"], "4");
    assert!(stale.message.contains("read it again"));

    let wrong = refusal(&Refusal::field("note", "at most 4000 characters").into());
    assert_eq!(wrong.field_names(), ["note"]);
    assert_eq!(wrong.fields[0].1, "at most 4000 characters");

    let guard = refusal(&Refusal::guard("not yet", &[("budget", "allocate it")]).into());
    assert_eq!(guard.preconditions, [("GUARD".to_owned(), "budget".to_owned(), "allocate it".to_owned())]);

    assert_eq!(refusal(&Refusal::missing("leads/1").into()).resource.as_deref(), Some("leads/1"));
    let later = refusal(&Refusal::unavailable("not now", Duration::from_millis(500)).into());
    assert_eq!(later.retry_after, Some(Duration::from_millis(500)));
    assert_eq!(refusal(&Status::not_found("bare")).reason, "");
}
