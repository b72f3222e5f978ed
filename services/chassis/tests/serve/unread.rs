//! Answers that nobody reads: a peer that opens no window keeps neither memory nor places.

use std::time::Duration;

use dealflow_chassis::link::Link;
use dealflow_chassis::serve::{ServeConfig, Serving};
use h2::client::{ResponseFuture, SendRequest};
use hyper::body::Bytes;
use prost::Message;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::pig::{Pig, ask, eventually};

/// Calls that the server takes.
const PLACES: usize = 3;

/// A connection whose peer makes room for so many bytes of each answer.
async fn connected(to: &Serving, window: u32) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let socket = TcpStream::connect(to.address).await.unwrap();
    let handshake = h2::client::Builder::new().initial_window_size(window).handshake(socket);
    let (sender, connection) = handshake.await.unwrap();
    (sender, tokio::spawn(connection))
}

/// Asks for an answer of a megabyte.
async fn ask_for_much(on: &SendRequest<Bytes>) -> ResponseFuture {
    let message = "x".repeat(1 << 20).encode_to_vec();
    let mut call = vec![0];
    call.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    call.extend(message);
    let request = http::Request::post("http://pig/test.v1.Pig/Echo").header("content-type", "application/grpc");
    let request = request.header("te", "trailers").body(()).unwrap();
    let (answer, mut body) = on.clone().ready().await.unwrap().send_request(request, false).unwrap();
    body.send_data(call.into(), true).unwrap();
    answer
}

/// As many unread answers as there are places; the next call finds none.
async fn fill(on: &SendRequest<Bytes>, wire: &Link) -> Vec<h2::RecvStream> {
    let mut unread = Vec::new();
    for _ in 0..PLACES {
        let answer = ask_for_much(on).await.await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        unread.push(answer.into_body());
    }
    assert_eq!(ask(wire, "Echo").await.unwrap_err().code(), Code::ResourceExhausted, "unread answers have places");
    unread
}

/// Platform, item 16: an answer that is not read is one under way. It keeps its place, and after the longest time of a call
/// it is given up and its stream is reset, whether its reader makes room for nothing or for next to nothing.
#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    for window in [0, 1] {
        let stop = CancellationToken::new();
        let most = Duration::from_secs(2);
        let config = ServeConfig { max_calls: PLACES, max_deadline: most, ..ServeConfig::default() };
        let (serving, wire) = Pig::new().serve(config, &stop).await;
        let (sender, _connection) = connected(&serving, window).await;
        for mut body in fill(&sender, &wire).await {
            let mut read = 0;
            let ended = tokio::time::timeout(Duration::from_secs(20), async {
                loop {
                    match body.data().await {
                        Some(Ok(data)) => read += data.len(),
                        end => return end,
                    }
                }
            });
            let ended = ended.await.expect("it is given up");
            let reset = ended.and_then(Result::err).and_then(|error| error.reason());
            assert_eq!(reset, Some(h2::Reason::CANCEL), "window {window}");
            assert!(read <= window as usize, "{read}");
        }
        eventually("the places are free again", async || ask(&wire, "Echo").await.is_ok()).await;
    }
}

/// Platform, item 16: who leaves takes what he did not read with him, at once.
#[tokio::test]
async fn an_answer_that_nobody_reads_goes_with_its_connection() {
    let stop = CancellationToken::new();
    let config = ServeConfig { max_calls: PLACES, ..ServeConfig::default() };
    let (serving, wire) = Pig::new().serve(config, &stop).await;
    let (sender, connection) = connected(&serving, 0).await;
    let unread = fill(&sender, &wire).await;
    connection.abort();
    eventually("the places are free again", async || ask(&wire, "Echo").await.is_ok()).await;
    drop(unread);
}

/// Platform, item 16: a reader that takes its time is told everything, a long answer in its pieces included.
#[tokio::test]
async fn an_answer_that_is_read_bit_by_bit_arrives_whole() {
    let stop = CancellationToken::new();
    let config = ServeConfig { max_calls: PLACES, ..ServeConfig::default() };
    let (serving, _) = Pig::new().serve(config, &stop).await;
    let (sender, _connection) = connected(&serving, 40_000).await;
    for _ in 0..2 * PLACES {
        let mut body = ask_for_much(&sender).await.await.unwrap().into_body();
        let mut read = 0;
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            read += data.len();
            body.flow_control().release_capacity(data.len()).unwrap();
        }
        assert!(read > 1 << 20, "{read}");
        let trailers = body.trailers().await.unwrap().unwrap();
        assert_eq!(trailers.get("grpc-status").and_then(|code| code.to_str().ok()), Some("0"));
    }
}
