//! Events on NATS JetStream, against Debian's nats-server: killed, away, restarted, emptied; nothing is missing, the order
//! is kept, and what comes twice can be told.

mod house;
mod server;

use std::collections::BTreeSet;
use std::time::Duration;

use dealflow_events_nats::Settings;
use dealflow_proto::feed::v1::Event;
use dealflow_testbed::keys::Authority;
use dealflow_testbed::{TestDb, both};
use prost::Message;

use house::{House, LONG, arrive, ids, ids_of};
use server::Nats;

both! {
    /// R-API-2: events come in order, each under its own id, and none is missing, while leads are created, NATS is killed
    /// three times, and the publisher is.
    async fn a_broker_and_a_publisher_that_are_killed_miss_nothing(db: TestDb) {
        let Some(mut nats) = Nats::start().await else { return };
        let house = House::open(db).await;
        let mut publisher = house.publishes(&nats.url(), LONG * 10);
        let creating = tokio::spawn(house.leads().happens(150));
        for round in 1..=3 {
            arrive(&nats, round * 20).await;
            nats.kill();
            if round == 2 {
                publisher.abort();
                publisher = house.publishes(&nats.url(), LONG * 10);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            nats.restart().await;
        }
        creating.await.expect("all of them are created");
        let events = house.feed(150).await;
        let seen = arrive(&nats, events.len()).await;
        assert_eq!(ids(&seen), ids_of(&events), "in order, and none twice: the stream knows an id again");

        // All of it once more, within the stream's window: nothing is added but what is new.
        publisher.abort();
        house.forgets_its_position().await;
        publisher = house.publishes(&nats.url(), LONG * 10);
        house.leads().happens(1).await;
        let events = house.feed(events.len() + 1).await;
        assert_eq!(ids(&arrive(&nats, events.len()).await), ids_of(&events));
        assert!(!publisher.is_finished());
        house.stop.cancel();
        publisher.await.expect("it stops when it is told");
    }

    /// R-API-2: a publisher goes on where it was, even when the stream does not know the ids any more.
    async fn a_publisher_resumes_where_everything_was_acknowledged(db: TestDb) {
        let Some(nats) = Nats::start().await else { return };
        let house = House::open(db).await;
        let window = Duration::from_millis(100);
        let publisher = house.publishes(&nats.url(), window);
        house.leads().happens(20).await;
        let before = house.feed(20).await;
        arrive(&nats, before.len()).await;
        house.has_stored(before.len()).await;
        publisher.abort();
        house.leads().happens(5).await;
        tokio::time::sleep(window * 3).await;
        let _publisher = house.publishes(&nats.url(), window);
        let events = house.feed(before.len() + 5).await;
        house.has_stored(events.len()).await;
        assert_eq!(ids(&arrive(&nats, events.len()).await), ids_of(&events));
    }

    /// R-API-2: beyond the stream's window what is sent again comes twice, in order, and says so by its id.
    async fn what_comes_twice_can_be_told(db: TestDb) {
        let Some(nats) = Nats::start().await else { return };
        let house = House::open(db).await;
        let window = Duration::from_millis(100);
        let publisher = house.publishes(&nats.url(), window);
        house.leads().happens(5).await;
        let events = house.feed(5).await;
        arrive(&nats, events.len()).await;
        publisher.abort();
        house.forgets_its_position().await;
        tokio::time::sleep(window * 3).await;
        let _again = house.publishes(&nats.url(), window);
        let seen = ids(&arrive(&nats, events.len() * 2).await);
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!((distinct.len(), seen.len()), (events.len(), events.len() * 2));
        assert_eq!(seen[..events.len()], seen[events.len()..]);
    }

    /// R-API-2: replicas that publish at once are the same as one.
    async fn two_publishers_are_as_one(db: TestDb) {
        let Some(nats) = Nats::start().await else { return };
        let house = House::open(db).await;
        let _publishers = [house.publishes(&nats.url(), LONG), house.publishes(&nats.url(), LONG)];
        house.leads().happens(60).await;
        let events = house.feed(60).await;
        house.has_stored(events.len()).await;
        assert_eq!(ids(&arrive(&nats, events.len()).await), ids_of(&events));
    }

    /// R-API-2: a stream that was lost with its disk is filled again, with the feeds in which nothing happens too.
    async fn a_stream_that_was_lost_is_filled_again(db: TestDb) {
        let Some(mut nats) = Nats::start().await else { return };
        let house = House::open(db).await;
        let _publisher = house.publishes(&nats.url(), LONG);
        house.leads().happens(10).await;
        let events = house.feed(10).await;
        house.has_stored(events.len()).await;
        nats.restart_empty().await;
        assert_eq!(ids(&arrive(&nats, events.len()).await), ids_of(&events));
        house.leads().happens(1).await;
        let events = house.feed(events.len() + 1).await;
        assert_eq!(ids(&arrive(&nats, events.len()).await), ids_of(&events));
    }
}

/// R-API-2: what a message says: CloudEvents 1.0 in headers, the event as its data, the subject by its type.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_a_cloud_event() {
    let Some(nats) = Nats::start().await else { return };
    let house = House::open(TestDb::new(dealflow_testbed::Kind::Sqlite).await).await;
    let _publisher = house.publishes(&nats.url(), LONG);
    house.leads().happens(1).await;
    let event = house.feed(1).await.remove(0);
    let seen = arrive(&nats, 1).await.remove(0);
    assert_eq!(seen.subject, "dealflow.lead.created");
    let header = |name: &str| seen.headers.get(name).map(String::as_str).unwrap_or_default();
    for (name, value) in [
        ("Nats-Msg-Id", event.event_id.as_str()),
        ("ce-specversion", "1.0"),
        ("ce-id", &event.event_id),
        ("ce-source", "/dealflow/leads"),
        ("ce-type", "dealflow.lead.created"),
        ("ce-subject", &event.subject),
        ("ce-sequence", "1"),
        ("content-type", "application/protobuf"),
    ] {
        assert_eq!(header(name), value, "{name}");
    }
    assert!(header("ce-time").starts_with("20"), "{}", header("ce-time"));
    assert_eq!(Event::decode(seen.data.as_slice()).expect("an event"), event);
}

/// R-API-2: a record that is larger than the server's messages is left out of its event, which comes all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_too_large_does_not_stop_the_feed() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("nats.conf");
    std::fs::write(&config, "max_payload: 4096\n").expect("written");
    let Some(nats) = Nats::start_with(&["--config", &config.display().to_string()]).await else { return };
    let house = House::open(TestDb::new(dealflow_testbed::Kind::Sqlite).await).await;
    let _publisher = house.publishes(&nats.url(), LONG);
    house.leads().created("Ovens", &"A long story. ".repeat(300)).await;
    house.leads().happens(1).await;
    let events = house.feed(2).await;
    let seen = arrive(&nats, 2).await;
    assert_eq!(ids(&seen), ids_of(&events));
    let decoded: Vec<Event> = seen.iter().map(|it| Event::decode(it.data.as_slice()).expect("an event")).collect();
    assert_eq!(seen[0].headers.get("ce-recordleftout").map(String::as_str), Some("true"));
    assert_eq!(decoded[0], Event { data: None, ..events[0].clone() });
    assert!(!seen[1].headers.contains_key("ce-recordleftout"));
    assert_eq!(decoded[1], events[1]);
}

/// R-API-2, R-SEC-1: over TLS, with a password; nothing comes where the certificate is not believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_over_tls_with_a_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (ca, other) = (ours.write(folder.path(), "ca"), theirs.write(folder.path(), "other"));
    let files = ours.certify(folder.path(), "nats", &["localhost", "127.0.0.1"], None);
    let (cert, key) = (files.cert.display().to_string(), files.key.display().to_string());
    let told = ["--tls", "--tlscert", &cert, "--tlskey", &key, "--user", "deal", "--pass", "s3/cret"];
    let Some(nats) = Nats::start_with(&told).await else { return };
    let house = House::open(TestDb::new(dealflow_testbed::Kind::Sqlite).await).await;
    let url = format!("tls://deal:s3%2Fcret@localhost:{}", nats.port());
    let to = |ca| Settings { url: url.as_str().into(), ca: Some(ca), ..Settings::default() };
    house.leads().happens(3).await;
    let unbelieved = house.publishes_to(to(other));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(house.stored().await, None, "nobody was told anything");
    unbelieved.abort();
    let _publisher = house.publishes_to(to(ca));
    house.has_stored(house.feed(3).await.len()).await;
}
