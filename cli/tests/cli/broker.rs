//! The publisher of events as a part of the program, beside a suite, against Debian's nats-server.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream;
use dealflow_testbed::eventually;

use super::serve::Serving;
use super::{run, run_on};

const LONG: Duration = Duration::from_secs(60);

/// A server that is killed at the end.
struct Nats(Child);

impl Drop for Nats {
    fn drop(&mut self) {
        // It may be dead already, which is as good.
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Where it is: on PATH, or where Debian puts it, which is not on everybody's.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join("nats-server")).find(|program| program.is_file())
}

/// R-API-2: a suite's events, of each part and of the gateway, are published by `serve events-nats`, started beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_of_a_suite_are_published_beside_it() {
    let Some(program) = program() else {
        let required = std::env::var_os("DEALFLOW_REQUIRE_NATS").is_some_and(|value| value == "1");
        assert!(!required, "nats-server is not installed, and DEALFLOW_REQUIRE_NATS=1 asks for it");
        eprintln!("not run: nats-server is not installed");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port().to_string();
    let mut server = Command::new(program);
    server.args(["--jetstream", "--addr", "127.0.0.1", "--port", &port, "--store_dir"]).arg(folder.path().join("nats"));
    let _nats = Nats(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the server starts"));

    let suite = Serving::start(&folder.path().join("suite"));
    let at = |part: &str| {
        let row = suite.told.lines().find(|line| line.contains(&format!("│ {part} "))).expect("a row of the part");
        row.split_whitespace().find(|word| word.starts_with("http")).expect("an address").to_owned()
    };
    let url = format!("nats://127.0.0.1:{port}");
    let places =
        ["leads", "opportunities", "activities", "orders", "gateway"].map(|part| (format!("--{part}-url"), at(part)));
    let mut flags = vec!["--nats-url", &url, "--nats-prefix", "sales"];
    flags.extend(places.iter().flat_map(|(flag, place)| [flag.as_str(), place]));
    let publisher = Serving::start_part(&folder.path().join("publisher"), "events-nats", &flags);
    assert_eq!(run(&["health", &publisher.gateway]).code, Some(0));

    let deals = run(&["bench", "1", "--gateway", &suite.gateway]);
    assert_eq!(deals.code, Some(0), "{}", deals.err);
    let client = async_nats::connect(&url).await.expect("it is there");
    let context = jetstream::new(client);
    let sources = ["activities", "gateway", "leads", "opportunities", "orders"].map(|part| format!("/dealflow/{part}"));
    eventually("events of every part to be published", LONG, || async {
        let mut stream = context.get_stream("DEALFLOW").await.ok()?;
        let last = stream.info().await.ok()?.state.last_sequence;
        let mut seen = BTreeSet::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await.ok()?;
            assert!(message.subject.starts_with("sales."), "{}", message.subject);
            seen.extend(message.headers.get("ce-source").map(ToString::to_string));
        }
        seen.into_iter().eq(sources.iter().cloned()).then_some(())
    })
    .await;
    let (status, rest) = publisher.stop();
    assert!(status.success(), "{rest}");
}

/// R-API-2: it says what it lacks, and does not start.
#[test]
fn a_publisher_without_a_broker_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let serve = ["serve", "events-nats", "--listen", "127.0.0.1:0"];
    let refused = run_on(folder.path(), &serve);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.err.contains("--nats-url"), "{}", refused.err);
    let far = [&serve[..], &["--nats-url", "nats://deal:s3cret@nats.test"]].concat();
    let refused = run_on(folder.path(), &far);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.err.contains("unencrypted") && !refused.err.contains("s3cret"), "{}", refused.err);
}
