//! What a SIGKILL leaves: every acknowledged request done once and remembered, nothing half done (R-API-1, R-API-2).
//!
//! A child process, this test binary again, counts on from several tasks and says what it asks and what was
//! acknowledged. It is killed at random moments; each time the database is opened again and examined.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use dealflow_chassis::{Clock, Durability, Store, StoreConfig, history};
use dealflow_proto::leads::v1::ContactLeadRequest;
use dealflow_testbed::{TestClock, TestDb, both, id};
use rand::Rng;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::counter::{Counters, Migrator, make};
use crate::feed::{SOON, assert_sound, numbering, whole};

/// Says to the child where the database is.
const PLACE: &str = "DEALFLOW_SPINE_PLACE";
/// How often the child is killed.
const KILLS: usize = 24;
const COUNTERS: usize = 3;
const WRITERS: usize = 6;

/// What the child said in its life, by request id.
#[derive(Default)]
struct Said {
    /// What it began to ask: the counter.
    asked: BTreeMap<String, usize>,
    /// What was acknowledged: the answer's etag.
    acknowledged: BTreeMap<String, String>,
    /// What was going to be refused.
    in_vain: BTreeSet<String>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        // The test harness may have begun the line.
        let Some((_, words)) = line.split_once('@') else { return };
        match words.split(' ').collect::<Vec<_>>()[..] {
            ["ask", id, counter] => drop(self.asked.insert(id.to_owned(), counter.parse().expect("a number"))),
            ["ack", id, etag] => drop(self.acknowledged.insert(id.to_owned(), etag.to_owned())),
            ["vain", id] => drop(self.in_vain.insert(id.to_owned())),
            _ => panic!("the child said {line}"),
        }
    }
}

async fn open(config: &StoreConfig) -> Counters {
    let store = Store::open::<Migrator>(config, Clock::system()).await.expect("the store opens");
    let ids = (1..=COUNTERS as u128).map(Uuid::from_u128);
    Counters { names: make(&store, ids).await, store, time: TestClock::new() }
}

/// Lets a child live for a while, and answers what it said. Every third is killed while it still opens the database.
async fn live_and_be_killed(config: &StoreConfig, round: usize) -> Said {
    let mut child = spawn(config);
    let mut lines = BufReader::new(child.stdout.take().expect("its output is a pipe")).lines();
    let mut said = Said::default();
    let (early, life) = {
        let mut random = rand::rng();
        (round % 3 == 2, Duration::from_micros(random.random_range(0..250_000)))
    };
    let death = tokio::time::sleep(life);
    tokio::pin!(death);
    loop {
        tokio::select! {
            () = &mut death, if early || !said.acknowledged.is_empty() => break,
            line = lines.next_line() => {
                said.hear(&line.expect("it is text").expect("the child lives until it is killed"));
                if said.acknowledged.len() == 1 {
                    death.as_mut().reset(tokio::time::Instant::now() + life);
                }
            }
        }
    }
    child.kill().await.expect("it can be killed");
    while let Some(line) = lines.next_line().await.expect("it is text") {
        said.hear(&line);
    }
    said
}

fn spawn(config: &StoreConfig) -> Child {
    let place = match config {
        StoreConfig::Sqlite { path, .. } => path.display().to_string(),
        StoreConfig::Postgres { url, .. } => url.expose_secret().to_owned(),
    };
    Command::new(std::env::current_exe().expect("this binary has a path"))
        .args(["--exact", "killed::counts_until_it_is_killed", "--ignored", "--nocapture"])
        .env(PLACE, place)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the child starts")
}

/// What the last child said is asked again: first what it did not hear an answer to, which settles it.
async fn assert_kept(counters: &Counters, said: &Said) {
    let again = |id: &String, counter: usize| {
        let name = counters.names[counter].clone();
        ContactLeadRequest { name, request_id: id.clone(), ..Default::default() }
    };
    for (id, counter) in said.asked.iter().filter(|(id, _)| !said.acknowledged.contains_key(*id)) {
        counters.send(again(id, *counter)).await.expect("what was lost on the way can be asked again");
    }
    for (id, etag) in &said.acknowledged {
        let answer = counters.send(again(id, said.asked[id])).await.expect("it is remembered");
        assert_eq!(&answer.etag, etag, "the answer that was acknowledged");
    }
}

/// Each request that was ever asked is there once, with its change, its history and its answer; nothing else is.
async fn assert_once(counters: &Counters, asked: &BTreeSet<String>, in_vain: &BTreeSet<String>) {
    let mut changes = 0;
    for counter in 0..COUNTERS {
        let value = counters.counter(counter).await.value;
        counters.assert_counted(counter, value).await;
        changes += value;
    }
    assert_eq!(usize::try_from(changes).expect("not negative"), asked.len());
    let told: Vec<Uuid> = history::Entity::find()
        .select_only()
        .column(history::Column::RequestId)
        .into_tuple()
        .all(counters.store.reader())
        .await
        .expect("the database answers");
    let told: BTreeSet<String> = told.iter().map(Uuid::to_string).collect();
    assert_eq!(&told, asked);
    assert!(told.is_disjoint(in_vain));
    let remembered: Vec<Uuid> = history::Entity::find()
        .filter(history::Column::Digest.is_not_null())
        .select_only()
        .column(history::Column::RequestId)
        .into_tuple()
        .all(counters.store.reader())
        .await
        .expect("the database answers");
    assert_eq!(remembered.len(), told.len(), "one answer for each request");
    assert_eq!(remembered.iter().map(Uuid::to_string).collect::<BTreeSet<_>>(), told);
}

both! {
    async fn every_acknowledged_request_is_done_once_whenever_the_process_is_killed(db: TestDb) {
        let mut config = db.config_for("spine");
        if let StoreConfig::Sqlite { durability, .. } = &mut config {
            *durability = Durability::Full;
        }
        let (mut asked, mut in_vain) = (BTreeSet::new(), BTreeSet::new());
        let (mut acknowledged, mut unheard) = (0, 0);
        for round in 0..KILLS {
            let life = tokio::time::timeout(SOON, live_and_be_killed(&config, round)).await;
            let said = life.expect("a child acknowledges something and is killed");
            let counters = open(&config).await;
            assert_kept(&counters, &said).await;
            acknowledged += said.acknowledged.len();
            unheard += said.asked.len() - said.acknowledged.len();
            asked.extend(said.asked.into_keys());
            in_vain.extend(said.in_vain);
            assert_once(&counters, &asked, &in_vain).await;
            counters.store.close().await.expect("it closes");
        }
        assert!(acknowledged >= KILLS && unheard >= KILLS / 3, "{acknowledged} acknowledged, {unheard} not heard of");

        let counters = open(&config).await;
        let _numbering = numbering(&counters.store);
        let events = whole(&counters.store).await;
        assert_sound(&events);
        assert_eq!(events.into_iter().map(|event| event.request_id).collect::<BTreeSet<_>>(), asked);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of every_acknowledged_request_is_done_once_whenever_the_process_is_killed"]
async fn counts_until_it_is_killed() {
    let place = std::env::var(PLACE).expect("the parent says where");
    let config = if place.starts_with("postgres:") {
        StoreConfig::Postgres { url: place.into(), schema: "spine".to_owned(), max_connections: 8 }
    } else {
        StoreConfig::Sqlite { path: place.into(), durability: Durability::Full }
    };
    let counters = open(&config).await;
    let _numbering = numbering(&counters.store);
    let writers = (0..WRITERS).map(|writer| {
        let counters = counters.clone();
        tokio::spawn(async move {
            for n in writer.. {
                let (counter, request_id) = (n % COUNTERS, id());
                let ask = ContactLeadRequest { request_id: request_id.clone(), ..counters.ask(counter) };
                if n % 7 == 3 {
                    say(&format!("vain {request_id}"));
                    counters.send_in_vain(ask).await;
                    continue;
                }
                say(&format!("ask {request_id} {counter}"));
                let answer = counters.send(ask).await.expect("it is done");
                say(&format!("ack {request_id} {}", answer.etag));
            }
        })
    });
    let (ended, ..) = futures::future::select_all(writers).await;
    ended.expect("a writer goes on until the process is killed");
}

/// One line in one write: it arrives whole or not at all.
fn say(words: &str) {
    let line = format!("@{words}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).expect("the parent listens");
}
