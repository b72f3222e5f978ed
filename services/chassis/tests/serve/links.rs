//! What a caller learns of a failure, and how often a call is repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dealflow_chassis::deadline::Deadline;
use dealflow_chassis::link::{Link, LinkConfig, Names, Sent, sent, was_repeated};
use dealflow_chassis::serve::{Part, ServeConfig, serve};
use futures::FutureExt;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::ServiceExt;

use crate::pig::{Pig, ask, ask_within, eventually, remote};

/// A link that makes calls again.
fn repeating(address: &str) -> Link {
    Link::remote(address, &LinkConfig { repeats: true, ..LinkConfig::default() }).unwrap()
}

/// An address where nobody listens.
async fn dead_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_call_to_a_dead_port_is_unavailable_and_certainly_not_sent() {
    let link = Link::remote(&dead_port().await, &LinkConfig::default()).unwrap();
    let refused = ask(&link, "Echo").await.unwrap_err();
    assert_eq!((refused.code(), sent(&refused)), (Code::Unavailable, Sent::No));
}

#[tokio::test]
async fn a_call_to_a_stopped_part_is_unavailable_and_certainly_not_sent() {
    let stop = CancellationToken::new();
    let (serving, wire) = Pig::new().serve(ServeConfig::default(), &stop).await;
    let local = serving.link.clone();
    assert!(ask(&wire, "Echo").await.is_ok() && ask(&local, "Echo").await.is_ok());
    stop.cancel();
    serving.stopped().await;
    for link in [local, wire] {
        let refused = ask(&link, "Echo").await.unwrap_err();
        assert_eq!((refused.code(), sent(&refused)), (Code::Unavailable, Sent::No), "{refused:?}");
    }
}

#[tokio::test]
async fn a_connection_lost_after_sending_leaves_the_outcome_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    // Reads the request and hangs up without a word.
    let peer = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 4096];
        let mut read = Vec::new();
        while !read.windows(5).any(|part| part == [0, 0, 0, 0, 0]) || read.len() < 100 {
            let count = socket.read(&mut bytes).await.unwrap();
            if count == 0 {
                break;
            }
            read.extend_from_slice(&bytes[..count]);
        }
    });
    let link = Link::remote(&address, &LinkConfig::default()).unwrap();
    let lost = ask(&link, "Echo").await.unwrap_err();
    assert_eq!((lost.code(), sent(&lost)), (Code::Unknown, Sent::Maybe), "{lost:?}");
    peer.await.unwrap();
}

#[tokio::test]
async fn connections_that_are_renewed_all_the_time_cost_no_call() {
    let stop = CancellationToken::new();
    let config = ServeConfig { max_connection_age: Duration::from_millis(20), ..ServeConfig::default() };
    let (serving, _) = Pig::new().serve(config, &stop).await;
    let link = repeating(&serving.uri());
    let until = Deadline::within(Duration::from_secs(1));
    let callers = (0..8).map(|_| async {
        while !until.has_passed() {
            assert_eq!(ask(&link, "Echo").await.expect("renewed in peace"), "");
        }
    });
    futures::future::join_all(callers).await;
}

#[tokio::test]
async fn time_that_runs_out_before_the_call_is_told_from_time_that_runs_out_during_it() {
    let stop = CancellationToken::new();
    let (_serving, wire) = Pig::new().serve(ServeConfig::default(), &stop).await;
    let before = ask_within(&wire, "Echo", Duration::ZERO).await.unwrap_err();
    assert_eq!((before.code(), sent(&before)), (Code::DeadlineExceeded, Sent::No));
    let during = ask_within(&wire, "Hang", Duration::from_millis(100)).await.unwrap_err();
    assert_eq!(during.code(), Code::DeadlineExceeded);
    assert_ne!(sent(&during), Sent::No);
}

#[tokio::test]
async fn a_refusal_is_the_servers_word_also_behind_a_gate() {
    let stop = CancellationToken::new();
    let (behind, wire) = Pig::new().serve(ServeConfig::default(), &stop).await;
    let gate = Part::new("gate").pass_on("test.v1.Pig", wire.clone());
    let gate = serve(gate, ServeConfig::default(), stop.clone()).await.unwrap();
    for link in [behind.link.clone(), wire, gate.link.clone(), remote(&gate)] {
        let refused = ask(&link, "Refuse").await.unwrap_err();
        assert_eq!((refused.code(), sent(&refused)), (Code::FailedPrecondition, Sent::Answered));
        assert_eq!(refused.message(), "the pig refuses");
        assert_eq!(refused.metadata().get("pig-says").unwrap(), "oink");
        assert_eq!(ask(&link, "Nonsense").await.unwrap_err().code(), Code::Unimplemented);
    }
}

/// Platform, item 6: whatever breaks behind a gate, its caller reads a reason of the catalogue and what to do, and nothing of
/// our hosts and sockets; the gate itself has the cause.
#[tokio::test]
async fn what_breaks_behind_a_gate_is_told_in_words_of_the_catalogue() {
    let stop = CancellationToken::new();
    let not_found = |_, _| futures::future::ready(Err(std::io::Error::other("no such host: db.inner"))).boxed();
    let nameless = Names::by(not_found, Duration::from_secs(5));
    let nameless = Link::remote_by("http://db.inner:7401", &LinkConfig::default(), nameless).unwrap();
    let dead = Link::remote(&dead_port().await, &LinkConfig::default()).unwrap();
    // Takes a connection and hangs up.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 4096];
            let mut read = Vec::new();
            while !read.windows(5).any(|part| part == [0, 0, 0, 0, 0]) || read.len() < 100 {
                let count = socket.read(&mut bytes).await.unwrap();
                if count == 0 {
                    break;
                }
                read.extend_from_slice(&bytes[..count]);
            }
        }
    });
    let lossy = Link::remote(&address, &LinkConfig::default()).unwrap();
    let (pig, _) = Pig::new().serve(ServeConfig::default(), &stop).await;
    for (behind, method, code, reason, retries) in [
        (nameless, "Echo", Code::Unavailable, "UNAVAILABLE", true),
        (dead, "Echo", Code::Unavailable, "UNAVAILABLE", true),
        (lossy, "Echo", Code::Unknown, "ANSWER_LOST", true),
        (pig.link.clone(), "/test.v1.Cow/Echo", Code::Unimplemented, "NO_SUCH_METHOD", false),
    ] {
        let gate = Part::new("gate").pass_on("test.v1.Pig", behind.clone());
        let gate = serve(gate, ServeConfig::default(), stop.clone()).await.unwrap();
        let told = match method.strip_prefix('/') {
            None => ask(&remote(&gate), method).await.unwrap_err(),
            Some(path) => {
                let mut client = tonic::client::Grpc::new(remote(&gate));
                client.ready().await.unwrap();
                let path = http::uri::PathAndQuery::try_from(format!("/{path}")).unwrap();
                let codec = tonic_prost::ProstCodec::<String, String>::default();
                client.unary(tonic::Request::new(String::new()), path, codec).await.unwrap_err()
            }
        };
        let info = told.get_details_error_info().expect("a reason");
        assert_eq!((told.code(), info.reason.as_str(), info.domain.as_str()), (code, reason, "dealflow"), "{told:?}");
        assert_eq!(told.get_details_retry_info().is_some(), retries);
        for inner in ["inner", "127.0.0.1", "os error", "refused", "connect", "Cow", "h2"] {
            assert!(!told.message().contains(inner), "{inner}: {}", told.message());
        }
        if code == Code::Unavailable {
            let own = ask(&behind, method).await.unwrap_err();
            let causes = std::iter::successors(std::error::Error::source(&own), |cause| cause.source());
            let last = causes.last().map(ToString::to_string).expect("a cause");
            assert!(last.contains("db.inner") || last.contains("refused"), "{last}");
        }
    }
}

#[tokio::test]
async fn a_layer_on_a_link_can_lose_replies_after_the_work_was_done() {
    let pig = Pig::new();
    pig.0.release.add_permits(2);
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    // Loses the first reply.
    let lossy = tower::layer::layer_fn(move |inner: dealflow_chassis::link::Transport| {
        let count = Arc::clone(&count);
        tower::service_fn(move |request| {
            let (inner, lost) = (inner.clone(), count.fetch_add(1, Ordering::SeqCst) == 0);
            async move {
                let answer = inner.oneshot(request).await?;
                if lost { Err(Status::unavailable("the reply is lost")) } else { Ok(answer) }
            }
        })
    });
    let link = Part::new("pig").service(pig.clone()).link().layered(lossy);
    assert_eq!(ask(&link, "Hang").await.unwrap_err().message(), "the reply is lost");
    let answer = ask(&link, "Hang").await.unwrap();
    assert_eq!((answer.as_str(), pig.over(), calls.load(Ordering::SeqCst)), ("released", 2, 2));
}

/// Platform, item 12: what a server sees that answers UNAVAILABLE to everything.
#[tokio::test]
async fn a_server_that_is_not_available_sees_at_most_a_tenth_more_calls_than_were_made() {
    let (stop, pig) = (CancellationToken::new(), Pig::new());
    let (serving, wire) = pig.serve(ServeConfig::default(), &stop).await;
    let link = repeating(&serving.uri());
    let calls = (0..1000).map(|_| ask_within(&link, "Away", Duration::from_secs(20)));
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|status| status.code() == Code::Unavailable)));
    assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(was_repeated)), "and whoever asked can know it");
    let seen = pig.begun();
    assert!((1001..=1100).contains(&seen), "{seen} calls for 1000");
    println!("1000 calls, {seen} seen by the server");
    let once = ask(&wire, "Away").await.unwrap_err();
    assert_eq!((once.code(), was_repeated(&once)), (Code::Unavailable, false));
    assert_eq!(pig.begun(), seen + 1, "a link makes a call once, unless it is to repeat it");
}

/// Platform, item 14: what was not sent is sent again, when the server is there again.
#[tokio::test]
async fn a_call_waits_for_a_server_that_comes_back() {
    let (stop, pig) = (CancellationToken::new(), Pig::new());
    let (serving, _) = pig.serve(ServeConfig::default(), &stop).await;
    let (address, link) = (serving.address, repeating(&serving.uri()));
    ask(&link, "Echo").await.unwrap();
    stop.cancel();
    serving.stopped().await;
    let call = tokio::spawn(async move { ask(&link, "Echo").await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let _again = pig.serve(ServeConfig { address, ..ServeConfig::default() }, &CancellationToken::new()).await;
    assert_eq!(call.await.unwrap().unwrap(), "");
}

#[tokio::test]
async fn a_name_with_two_kinds_of_addresses_is_one_server() {
    let (stop, pig) = (CancellationToken::new(), Pig::new());
    let (serving, _) = pig.serve(ServeConfig::default(), &stop).await;
    let port = serving.address.port();
    let six = |port| std::net::SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port));
    let four = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let nobody = dead_port().await;
    let dead: u16 = nobody.rsplit(':').next().unwrap().parse().unwrap();
    for addresses in [vec![six(port), four(port)], vec![six(dead), four(port)], vec![four(dead), six(dead), four(port)]]
    {
        let look_up = move |_, _| futures::future::ready(Ok(addresses.clone())).boxed();
        let names = Names::by(look_up, Duration::from_secs(5));
        let link = Link::remote_by(&format!("http://localhost:{port}"), &LinkConfig::default(), names).unwrap();
        for _ in 0..4 {
            ask(&link, "Echo").await.expect("it goes to who is there, though nothing is repeated");
        }
    }
}

/// Platform, item 15: calls go to the replicas in turn; one that is added gets its share, one that is killed costs no call.
#[tokio::test]
async fn replicas_are_called_in_turn_one_is_added_and_one_is_killed() {
    let stops = [CancellationToken::new(), CancellationToken::new(), CancellationToken::new()];
    let pigs = [Pig::new(), Pig::new(), Pig::new()];
    // One port on several addresses of the loopback: what a headless Service is in a cluster.
    let (first, _) = pigs[0].serve(ServeConfig::default(), &stops[0]).await;
    let port = first.address.port();
    let at = |last: u8| ServeConfig { address: ([127, 0, 0, last], port).into(), ..ServeConfig::default() };
    let (_second, _) = pigs[1].serve(at(2), &stops[1]).await;
    let there = Arc::new(AtomicUsize::new(2));
    let up_to = Arc::clone(&there);
    let look_up = move |_, port| {
        let addresses = (1..=up_to.load(Ordering::SeqCst) as u8).map(|last| ([127, 0, 0, last], port).into()).collect();
        futures::future::ready(Ok(addresses)).boxed()
    };
    let names = Names::by(look_up, Duration::from_millis(100));
    let config = LinkConfig { repeats: true, ..LinkConfig::default() };
    let link = Link::remote_by(&format!("http://pigs.test:{port}"), &config, names).unwrap();
    let call = async |count: usize| {
        for _ in 0..count {
            ask(&link, "Count").await.expect("answered");
        }
    };
    let seen = || pigs.iter().map(Pig::begun).collect::<Vec<_>>();
    call(100).await;
    assert_eq!(seen(), [50, 50, 0]);

    let (third, _) = pigs[2].serve(at(3), &stops[2]).await;
    there.store(3, Ordering::SeqCst);
    eventually("the new one is found", async || {
        call(1).await;
        pigs[2].begun() > 0
    })
    .await;
    let before = seen();
    call(90).await;
    let shares: Vec<usize> = seen().iter().zip(before).map(|(now, before)| now - before).collect();
    assert_eq!(shares, [30, 30, 30]);

    // Killed, and still in the name service.
    stops[2].cancel();
    third.stopped().await;
    let before = seen();
    call(100).await;
    let shares: Vec<usize> = seen().iter().zip(before).map(|(now, before)| now - before).collect();
    assert_eq!((shares[2], shares[0] + shares[1]), (0, 100));
    println!("two replicas 50 and 50 of 100; with a third 30 each of 90; one killed: 100 of 100 answered by two");
}
