//! What a peer may do on one connection (HTTP/2): the size of its headers, streams at once, streams opened and dropped.

use std::time::Duration;

use dealflow_chassis::serve::{Part, ServeConfig, Serving, serve};
use h2::Reason;
use h2::client::{ResponseFuture, SendRequest};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::pig::{Pig, ask, eventually, remote};

/// An empty string as a gRPC message.
pub const MESSAGE: &[u8] = &[0; 5];

/// A bare connection: what it may send, and how it ends.
pub async fn connected(to: &Serving) -> (SendRequest<&'static [u8]>, JoinHandle<Result<(), h2::Error>>) {
    let socket = TcpStream::connect(to.address).await.unwrap();
    let (sender, connection) = h2::client::Builder::new().handshake(socket).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn request(method: &str, note: &str) -> http::Request<()> {
    http::Request::post(format!("http://pig/test.v1.Pig/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("x-note", note)
        .body(())
        .unwrap()
}

/// Sends a whole call; the answer is still to come.
async fn send(on: &SendRequest<&'static [u8]>, method: &str, note: &str) -> ResponseFuture {
    let mut on = on.clone().ready().await.unwrap();
    let (answer, mut body) = on.send_request(request(method, note), false).unwrap();
    body.send_data(MESSAGE, true).unwrap();
    answer
}

#[tokio::test]
async fn headers_that_are_too_large_reach_no_handler_and_the_connection_goes_on() {
    let stop = CancellationToken::new();
    let pig = Pig::new();
    let (serving, _) = pig.serve(ServeConfig { max_headers: 4096, ..ServeConfig::default() }, &stop).await;
    let (sender, _connection) = connected(&serving).await;
    let refused = send(&sender, "Count", &"x".repeat(5000)).await.await;
    assert!(refused.as_ref().map_or(true, |answer| !answer.status().is_success()), "{refused:?}");
    assert_eq!(pig.begun(), 0, "no handler saw it");
    let answer = send(&sender, "Count", &"x".repeat(3000)).await.await.unwrap();
    assert!(answer.status().is_success() && pig.begun() == 1, "{answer:?}");
}

/// Platform, item 16: a call of one message ends where that may end, however many its sender goes on with: each of them
/// is small enough, and all of them would fill the memory of who keeps a call whole to pass it on.
#[tokio::test]
async fn a_call_of_one_message_holds_no_more_than_one() {
    let stop = CancellationToken::new();
    let pig = Pig::new();
    let (behind, _) = pig.serve(ServeConfig::default(), &stop).await;
    let gate = Part::new("gate").pass_on("test.v1.Pig", remote(&behind));
    let config = ServeConfig { max_message: 1000, ..ServeConfig::default() };
    let gate = serve(gate, config, stop.clone()).await.unwrap();
    let (sender, _connection) = connected(&gate).await;
    let frame: &'static [u8] = Box::leak([&[0, 0, 0, 0x03, 0x20][..], &[0; 800]].concat().into_boxed_slice());
    let mut sender = sender.ready().await.unwrap();
    let (answer, mut body) = sender.send_request(request("Count", ""), false).unwrap();
    for _ in 0..20 {
        // Refused before the last of them, the rest may go nowhere.
        if body.send_data(frame, false).is_err() {
            break;
        }
    }
    // The sender says nothing of an end: it is the server that has had enough.
    let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.expect("it is answered").unwrap();
    let code = answer.headers().get("grpc-status").and_then(|code| code.to_str().ok());
    assert_eq!(code, Some((Code::OutOfRange as i32).to_string().as_str()), "{answer:?}");
    assert_eq!(pig.begun(), 0, "and no part behind heard of it");
}

#[tokio::test]
async fn a_connection_has_so_many_calls_at_once_and_the_next_waits_for_its_turn() {
    let stop = CancellationToken::new();
    let pig = Pig::new();
    let config = ServeConfig { max_streams_per_connection: 1, ..ServeConfig::default() };
    let (serving, wire) = pig.serve(config, &stop).await;
    let (sender, _connection) = connected(&serving).await;
    let first = send(&sender, "Hang", "").await;
    eventually("the first call is at work", async || pig.begun() == 1).await;
    let second = tokio::spawn(async move { send(&sender, "Hang", "").await.await });
    assert!(ask(&wire, "Echo").await.is_ok(), "other connections have places of their own");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(pig.begun(), 1, "the second call waits");
    pig.0.release.add_permits(1);
    first.await.unwrap();
    eventually("the second call is at work", async || pig.begun() == 2).await;
    pig.0.release.add_permits(1);
    assert!(second.await.unwrap().unwrap().status().is_success());
}

#[tokio::test]
async fn who_opens_and_drops_streams_without_end_loses_the_connection_and_nobody_else_does() {
    let stop = CancellationToken::new();
    let pig = Pig::new();
    let (serving, wire) = pig.serve(ServeConfig::default(), &stop).await;
    assert!(ask(&wire, "Echo").await.is_ok());
    let (mut sender, mut connection) = connected(&serving).await;
    let flood = async {
        loop {
            for _ in 0..1000 {
                // Refused once the connection is over; what is still queued goes with it.
                let Ok((_, mut stream)) = sender.send_request(request("Hang", ""), false) else { break };
                stream.send_reset(Reason::CANCEL);
            }
            if let Ok(ended) = tokio::time::timeout(Duration::from_millis(20), &mut connection).await {
                return ended.unwrap();
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), flood).await.expect("it is not let go on");
    // The server says why and closes; who goes on sending may find the connection gone before he reads it.
    let error = ended.expect_err("the server ends it");
    assert!(error.is_io() || error.reason() == Some(Reason::ENHANCE_YOUR_CALM), "{error}");
    assert!(ask(&wire, "Echo").await.is_ok(), "others notice nothing");
}
