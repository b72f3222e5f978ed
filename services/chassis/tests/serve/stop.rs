//! Health, and the stop that comes to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dealflow_chassis::link::{Link, Sent, sent};
use dealflow_chassis::serve::{Part, ServeConfig, serve};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::pig::{Pig, ask, eventually, remote, stream};

async fn health(link: &Link, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(link.clone()).check(request).await.map_err(|status| status.code())?;
    Ok(answer.into_inner().status())
}

#[tokio::test]
async fn an_open_stream_is_ended_by_the_stop_and_calls_under_way_are_finished() {
    let stop = CancellationToken::new();
    let pig = Pig::new();
    let (serving, wire) = pig.serve(ServeConfig::default(), &stop).await;
    let local = serving.link.clone();
    let mut streams = vec![stream(&wire, "wire", None).await, stream(&local, "local", None).await];
    let calls = [wire.clone(), local].map(|link| tokio::spawn(async move { ask(&link, "Hang").await }));
    eventually("both calls are at work", async || pig.begun() == 2).await;

    let began = Instant::now();
    stop.cancel();
    for stream in &mut streams {
        let ended = stream.message().await.unwrap_err();
        assert_ne!(sent(&ended), Sent::No);
        assert_eq!(ended.code(), Code::Unavailable, "{ended:?}");
    }
    pig.0.release.add_permits(2);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), "released");
    }
    serving.stopped().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_stop_waits_no_longer_than_its_limit() {
    let stop = CancellationToken::new();
    let pig = Pig::new();
    let config = ServeConfig { stop_drain: Duration::from_millis(300), ..ServeConfig::default() };
    let (serving, wire) = pig.serve(config, &stop).await;
    let calls = [wire, serving.link.clone()].map(|link| tokio::spawn(async move { ask(&link, "Hang").await }));
    eventually("both calls are at work", async || pig.begun() == 2).await;
    let began = Instant::now();
    stop.cancel();
    serving.stopped().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(pig.over(), 2, "no handler outlives the stop");
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    }
}

#[tokio::test]
async fn a_peer_that_never_speaks_does_not_hold_up_the_stop() {
    let stop = CancellationToken::new();
    let config = ServeConfig { stop_drain: Duration::from_millis(300), ..ServeConfig::default() };
    let (serving, _) = Pig::new().serve(config, &stop).await;
    let _mute = tokio::net::TcpStream::connect(serving.address).await.unwrap();
    let began = Instant::now();
    stop.cancel();
    serving.stopped().await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn at_a_stop_health_says_not_serving_before_the_port_closes() {
    let stop = CancellationToken::new();
    let config = ServeConfig { stop_notice: Duration::from_secs(2), ..ServeConfig::default() };
    let (serving, wire) = Pig::new().serve(config, &stop).await;
    for name in ["", "test.v1.Pig", "ready", "live"] {
        assert_eq!(health(&wire, name).await, Ok(ServingStatus::Serving), "{name:?}");
    }
    assert_eq!(health(&wire, "nobody").await, Err(Code::NotFound));
    let request = HealthCheckRequest { service: "ready".to_owned() };
    let mut watch = HealthClient::new(wire.clone()).watch(request).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);

    stop.cancel();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    for name in ["", "test.v1.Pig", "ready"] {
        assert_eq!(health(&wire, name).await, Ok(ServingStatus::NotServing), "{name:?}");
    }
    assert_eq!(health(&wire, "live").await, Ok(ServingStatus::Serving), "a draining process is not to be killed");
    assert!(ask(&wire, "Echo").await.is_ok(), "it still works during the notice");
    serving.stopped().await;
}

#[tokio::test]
async fn readiness_follows_its_check() {
    let stop = CancellationToken::new();
    let database = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&database);
    let part = Part::new("pig").service(Pig::new()).ready(move || {
        let is = asked.load(Ordering::SeqCst);
        Box::pin(async move { is })
    });
    let serving = serve(part, ServeConfig::default(), stop.clone()).await.unwrap();
    let wire = remote(&serving);
    assert_eq!(health(&wire, "ready").await, Ok(ServingStatus::NotServing));
    assert_eq!(health(&wire, "live").await, Ok(ServingStatus::Serving));
    database.store(true, Ordering::SeqCst);
    eventually("it is ready", async || health(&wire, "ready").await == Ok(ServingStatus::Serving)).await;
    stop.cancel();
    serving.stopped().await;
}

#[tokio::test]
async fn background_work_begins_with_the_part_and_is_awaited_at_its_stop() {
    let stop = CancellationToken::new();
    let (begun, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (begin, end) = (Arc::clone(&begun), Arc::clone(&ended));
    let part = Part::new("pig").service(Pig::new()).task(async move |stop: CancellationToken| {
        begin.store(true, Ordering::SeqCst);
        stop.cancelled().await;
        tokio::task::yield_now().await;
        end.store(true, Ordering::SeqCst);
    });
    let serving = serve(part, ServeConfig::default(), stop.clone()).await.unwrap();
    eventually("the work has begun", async || begun.load(Ordering::SeqCst)).await;
    serving.stop().await;
    assert!(!stop.is_cancelled(), "one part was stopped, not all");
    assert!(ended.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_part_whose_background_work_panics_is_no_longer_live() {
    let stop = CancellationToken::new();
    let part = Part::new("pig").service(Pig::new()).task(|_| async { panic!("out of ideas") });
    let serving = serve(part, ServeConfig::default(), stop.clone()).await.unwrap();
    let wire = remote(&serving);
    eventually("it is not live", async || health(&wire, "live").await == Ok(ServingStatus::NotServing)).await;
    assert!(ask(&wire, "Echo").await.is_ok(), "what can answer goes on answering");
    stop.cancel();
    serving.stopped().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_refusal_with_the_address() {
    let stop = CancellationToken::new();
    let (first, _) = Pig::new().serve(ServeConfig::default(), &stop).await;
    let config = ServeConfig { address: first.address, ..ServeConfig::default() };
    let taken = serve(Part::new("second"), config, stop.clone()).await.unwrap_err();
    assert!(taken.to_string().contains(&first.address.to_string()), "{taken}");
}
