//! What a caller learns of a failure, and how often a call is repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dealflow_chassis::deadline::Deadline;
use dealflow_chassis::link::{Link, LinkConfig, RetryBudget, Sent, retry, sent};
use dealflow_chassis::serve::{Part, ServeConfig, serve};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tower::ServiceExt;

use crate::pig::{Pig, ask, ask_within, remote};

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
async fn connections_that_are_renewed_all_the_time_cost_no_call_that_may_be_repeated() {
    let stop = CancellationToken::new();
    let config = ServeConfig { max_connection_age: Duration::from_millis(20), ..ServeConfig::default() };
    let (_serving, wire) = Pig::new().serve(config, &stop).await;
    let until = Deadline::within(Duration::from_secs(1));
    let callers = (0..8).map(|_| async {
        while !until.has_passed() {
            let call = || async {
                let answer = ask(&wire, "Echo").await;
                if let Err(status) = &answer {
                    assert_eq!((status.code(), sent(status)), (Code::Unavailable, Sent::No), "{status:?}");
                }
                answer
            };
            retry(wire.budget(), None, call).await.expect("renewed in peace");
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
    let answer = retry(link.budget(), None, || ask(&link, "Hang")).await.unwrap();
    assert_eq!((answer.as_str(), pig.over(), calls.load(Ordering::SeqCst)), ("released", 2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_sees_at_most_a_tenth_more_calls_than_were_made() {
    let budget = RetryBudget::default();
    let tries = AtomicUsize::new(0);
    for _ in 0..1000 {
        let call = || {
            tries.fetch_add(1, Ordering::SeqCst);
            async { Err::<(), _>(Status::unavailable("nobody there")) }
        };
        assert_eq!(retry(&budget, None, call).await.unwrap_err().code(), Code::Unavailable);
    }
    let tries = tries.load(Ordering::SeqCst);
    assert!((1001..=1100).contains(&tries), "{tries} tries for 1000 calls");
}

#[tokio::test]
async fn a_real_dead_port_sees_no_more_than_that_either() {
    let link = Link::remote(&dead_port().await, &LinkConfig::default()).unwrap();
    let tries = Arc::new(AtomicUsize::new(0));
    let calls = (0..1000).map(|_| {
        let (link, tries) = (link.clone(), Arc::clone(&tries));
        async move {
            let patience = Deadline::within(Duration::from_secs(20));
            let call = || {
                tries.fetch_add(1, Ordering::SeqCst);
                ask(&link, "Echo")
            };
            retry(link.budget(), Some(patience), call).await.unwrap_err().code()
        }
    });
    let codes = futures::future::join_all(calls).await;
    assert!(codes.iter().all(|code| *code == Code::Unavailable));
    let tries = tries.load(Ordering::SeqCst);
    assert!((1001..=1100).contains(&tries), "{tries} tries for 1000 calls");
}

#[tokio::test(start_paused = true)]
async fn only_unavailable_is_repeated_five_times_at_most_and_never_beyond_the_deadline() {
    async fn tries(code: Code, deadline: Option<Deadline>) -> usize {
        let (budget, tries) = (RetryBudget::default(), AtomicUsize::new(0));
        let call = || {
            tries.fetch_add(1, Ordering::SeqCst);
            async { Err::<(), _>(Status::new(code, "no")) }
        };
        assert_eq!(retry(&budget, deadline, call).await.unwrap_err().code(), code);
        assert!(deadline.is_none_or(|deadline| !deadline.has_passed()), "it gave up before the deadline, not after");
        tries.load(Ordering::SeqCst)
    }
    assert_eq!(tries(Code::Unavailable, None).await, 5);
    for other in [Code::Aborted, Code::DeadlineExceeded, Code::Unknown, Code::ResourceExhausted, Code::Internal] {
        assert_eq!(tries(other, None).await, 1, "{other:?}");
    }
    assert_eq!(tries(Code::Unavailable, Some(Deadline::within(Duration::from_millis(20)))).await, 1);
}

#[tokio::test]
async fn a_repeated_call_can_be_made_from_a_task_of_its_own() {
    let link = Link::remote(&dead_port().await, &LinkConfig::default()).unwrap();
    let task = tokio::spawn(async move {
        let patience = Deadline::within(Duration::from_millis(50));
        retry(link.budget(), Some(patience), || ask(&link, "Echo")).await
    });
    assert_eq!(task.await.unwrap().unwrap_err().code(), Code::Unavailable);
}
