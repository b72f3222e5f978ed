//! What every call meets: deadlines, panics, limits. In process and over the wire alike.

use std::time::{Duration, Instant};

use dealflow_chassis::deadline::Deadline;
use dealflow_chassis::serve::{Part, ServeConfig, serve};
use dealflow_testbed::keys::Provider;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use crate::frames::{MESSAGE, connected};
use crate::pig::{Pig, ask, ask_within, call, eventually, remote, stream};
use crate::whom::{Whom, believing, serving_part};

fn reason(status: &tonic::Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

#[tokio::test]
async fn the_server_caps_the_patience_of_its_caller_and_says_so() {
    let stop = CancellationToken::new();
    let pig = Pig::new();
    let config = ServeConfig { max_deadline: Duration::from_millis(200), ..ServeConfig::default() };
    let (serving, wire) = pig.serve(config, &stop).await;
    for link in [&serving.link, &wire] {
        let left: u64 = ask_within(link, "Left", Duration::from_secs(30)).await.unwrap().parse().unwrap();
        assert!((1..=200).contains(&left), "{left} ms");

        let began = Instant::now();
        let late = ask_within(link, "Hang", Duration::from_secs(30)).await.unwrap_err();
        assert_eq!((late.code(), reason(&late).as_deref()), (Code::DeadlineExceeded, Some("DEADLINE")));
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    assert_eq!((pig.begun(), pig.over()), (2, 2), "handlers are ended with their calls");
}

#[tokio::test]
async fn a_caller_whose_time_runs_out_sees_deadline_exceeded_and_the_handler_is_ended() {
    let stop = CancellationToken::new();
    let pig = Pig::new();
    let (serving, wire) = pig.serve(ServeConfig::default(), &stop).await;
    for link in [&serving.link, &wire] {
        let late = ask_within(link, "Hang", Duration::from_secs(1)).await.unwrap_err();
        assert_eq!((late.code(), reason(&late).as_deref()), (Code::DeadlineExceeded, Some("DEADLINE")));
    }
    eventually("both handlers are over", async || pig.over() == 2).await;
}

#[tokio::test]
async fn a_server_tells_any_client_that_its_time_ran_out() {
    // A client without a timer of its own, so that it is the server's word that is read.
    let stop = CancellationToken::new();
    let config = ServeConfig { max_deadline: Duration::from_millis(100), ..ServeConfig::default() };
    let (serving, _) = Pig::new().serve(config, &stop).await;
    let channel = tonic::transport::Endpoint::from_shared(serving.uri()).unwrap().connect().await.unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/test.v1.Pig/Hang");
    let codec = tonic_prost::ProstCodec::<String, String>::default();
    let late = client.unary(Request::new(String::new()), path, codec).await.unwrap_err();
    assert_eq!((late.code(), reason(&late).as_deref()), (Code::DeadlineExceeded, Some("DEADLINE")));
}

/// Platform, item 11: the time that it takes to find out what a caller sees is time of his call: it ends with that, and
/// reads so, also to a client without a timer of its own.
#[tokio::test]
async fn the_guards_own_question_is_bounded_by_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let part = Part::new("whom").service(Whom).reports(|_| Box::pin(futures::future::pending()));
    let (serving, _stop) = serving_part(part, believing(&house, folder.path())).await;
    let (sender, _connection) = connected(&serving).await;
    let token = house.token("01890000-0000-7000-8000-00000000000a", &["sales_rep"]);
    let request = http::Request::post("http://whom/dealflow.leads.v1.LeadService/GetLead")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"))
        .header("grpc-timeout", "300m")
        .body(())
        .unwrap();
    let (answer, mut body) = sender.ready().await.unwrap().send_request(request, false).unwrap();
    body.send_data(MESSAGE, true).unwrap();
    let answer = answer.await.unwrap();
    let code = answer.headers().get("grpc-status").and_then(|code| code.to_str().ok());
    assert_eq!(code, Some((Code::DeadlineExceeded as i32).to_string().as_str()), "{answer:?}");
}

#[tokio::test]
async fn the_time_left_is_sent_and_shrinks_on_its_way() {
    let stop = CancellationToken::new();
    let (behind, _) = Pig::new().serve(ServeConfig::default(), &stop).await;
    for onward in [behind.link.clone(), remote(&behind)] {
        let gate = Part::new("gate").pass_on("test.v1.Pig", onward.clone());
        let gate = serve(gate, ServeConfig::default(), stop.clone()).await.unwrap();
        for link in [gate.link.clone(), remote(&gate)] {
            let left: u64 = ask_within(&link, "Left", Duration::from_secs(7)).await.unwrap().parse().unwrap();
            assert!((5000..=7000).contains(&left), "{left} ms of 7 s are left behind the gate");
        }
        let scoped = Deadline::within(Duration::from_secs(3)).scope(ask(&onward, "Left")).await;
        let left: u64 = scoped.unwrap().parse().unwrap();
        assert!((1000..=3000).contains(&left), "{left} ms of the task's 3 s are left");
        assert_ne!(ask(&onward, "Timeout").await.unwrap(), "", "a call without a deadline gets one");
    }
}

#[tokio::test]
async fn a_deadline_of_the_caller_ends_a_stream_and_the_servers_cap_does_not() {
    let stop = CancellationToken::new();
    let config = ServeConfig { max_deadline: Duration::from_millis(50), ..ServeConfig::default() };
    let (serving, wire) = Pig::new().serve(config, &stop).await;
    for link in [&serving.link, &wire] {
        let began = Instant::now();
        let mut bounded = stream(link, "bounded", Some(Duration::from_millis(300))).await;
        let late = bounded.message().await.unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded);
        assert!(began.elapsed() > Duration::from_millis(100), "the cap of 50 ms is for handlers");
    }
}

#[tokio::test]
async fn a_panic_is_internal_for_its_caller_and_nothing_for_the_others() {
    let stop = CancellationToken::new();
    let (serving, wire) = Pig::new().serve(ServeConfig::default(), &stop).await;
    for link in [&serving.link, &wire] {
        let fault = ask(link, "Panic").await.unwrap_err();
        assert_eq!((fault.code(), reason(&fault).as_deref()), (Code::Internal, Some("INTERNAL")));
        assert!(!fault.message().contains("secret"));
        assert_eq!(call(link, "Echo", Request::new("well".to_owned())).await.unwrap(), "well");
    }
}

#[tokio::test]
async fn beyond_the_limit_a_call_is_refused_at_once_with_a_time_to_come_back() {
    let stop = CancellationToken::new();
    let pig = Pig::new();
    let (serving, wire) = pig.serve(ServeConfig { max_calls: 1, ..ServeConfig::default() }, &stop).await;
    let hanging = tokio::spawn({
        let wire = wire.clone();
        async move { ask(&wire, "Hang").await }
    });
    eventually("the first call is at work", async || pig.begun() == 1).await;
    for link in [&serving.link, &wire] {
        let shed = ask(link, "Echo").await.unwrap_err();
        assert_eq!((shed.code(), reason(&shed).as_deref()), (Code::ResourceExhausted, Some("OVERLOADED")));
        assert!(shed.get_details_retry_info().and_then(|info| info.retry_delay).is_some_and(|wait| !wait.is_zero()));
        let health = HealthClient::new(link.clone()).check(HealthCheckRequest { service: "live".into() }).await;
        assert!(health.is_ok(), "health answers a full server's probe");
    }
    pig.0.release.add_permits(1);
    assert_eq!(hanging.await.unwrap().unwrap(), "released");
    assert!(ask(&wire, "Echo").await.is_ok(), "the place is free again");
}

#[tokio::test]
async fn streams_are_limited_apart_from_calls() {
    let stop = CancellationToken::new();
    let (_serving, wire) = Pig::new().serve(ServeConfig { max_streams: 1, ..ServeConfig::default() }, &stop).await;
    let first = stream(&wire, "first", None).await;
    let mut second = stream(&wire, "second", None).await;
    assert_eq!(second.message().await.unwrap_err().code(), Code::ResourceExhausted);
    drop(first);
    eventually("the first one's place is free", async || {
        let mut again = stream(&wire, "again", Some(Duration::from_millis(50))).await;
        again.message().await.unwrap_err().code() == Code::DeadlineExceeded
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_by_name() {
    let stop = CancellationToken::new();
    let (serving, wire) = Pig::new().serve(ServeConfig { max_message: 1000, ..ServeConfig::default() }, &stop).await;
    for link in [&serving.link, &wire] {
        assert!(call(link, "Echo", Request::new("x".repeat(900))).await.is_ok());
        let large = call(link, "Echo", Request::new("x".repeat(1001))).await.unwrap_err();
        assert_eq!((large.code(), reason(&large).as_deref()), (Code::OutOfRange, Some("TOO_LARGE")));
        assert!(large.message().contains("1000"), "{}", large.message());
    }
}
