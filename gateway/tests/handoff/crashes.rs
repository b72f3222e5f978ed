//! R-ERP-1: workers that die, and workers that meet.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use dealflow_chassis::Context;
use dealflow_chassis::link::{Link, Transport};
use dealflow_gateway::handoff::Settings;
use dealflow_gateway::handoff::record::State;
use dealflow_proto::erp::v1::{FaultKind, handoff};
use dealflow_testbed::{TestDb, both, eventually};
use tokio::sync::watch;
use tonic::Status;
use tower::{Service, ServiceExt, layer::layer_fn, service_fn};

use crate::house::{House, LONG, new, order, settings, work};

/// Calls wait at a gate before they reach the ERP.
fn held(link: Link, gate: watch::Receiver<bool>) -> Link {
    link.layered(layer_fn(move |transport: Transport| {
        let gate = gate.clone();
        service_fn(move |request| {
            let (mut transport, mut gate) = (transport.clone(), gate.clone());
            async move {
                gate.wait_for(|open| *open).await.map_err(|_| Status::internal("the test has ended"))?;
                transport.ready().await?.call(request).await
            }
        })
    }))
}

both! {
    /// R-ERP-1
    async fn a_worker_that_dies_after_the_booking_leaves_a_look_up_to_the_next(db: TestDb) {
        let holds = Arc::new(AtomicBool::new(true));
        let held = holds.clone();
        let house = House::build_over(db, settings(), move |link| {
            link.layered(layer_fn(move |transport: Transport| {
                let held = held.clone();
                service_fn(move |request| {
                    let (mut transport, held) = (transport.clone(), held.clone());
                    async move {
                        let answer = transport.ready().await?.call(request).await;
                        if held.load(Ordering::Relaxed) {
                            return std::future::pending().await;
                        }
                        answer
                    }
                })
            }))
        })
        .await;
        let (worker, _stop) = house.work();
        let document = order("SO-1");
        let name = house.hand_over(&document).await;
        eventually("the booking", LONG, || async { house.times_sent(&document.external_id).await == 1 }).await;
        assert_eq!(house.books().await.len(), 1);
        worker.abort();
        worker.await.expect_err("the worker is killed");
        assert_eq!(house.get(&name).await.state(), handoff::State::InFlight);
        holds.store(false, Ordering::Relaxed);

        house.work();
        house.time.advance(TimeDelta::seconds(89));
        assert_eq!(house.get(&name).await.state(), handoff::State::InFlight, "the lease holds");
        house.time.advance(TimeDelta::seconds(2));
        let found = house.becomes(&name, State::Delivered).await;
        assert_eq!(house.calls(&document.external_id).await, ["SubmitOrder", "GetDocumentStatus"]);
        assert_eq!(found.attempts.len(), 1, "the dead worker told nothing");
        assert_eq!(house.books().await.len(), 1);
    }

    /// R-ERP-1
    async fn a_worker_that_dies_before_the_booking_leaves_the_sending_to_the_next(db: TestDb) {
        let house = House::build(db, settings()).await;
        house.plan(&[(FaultKind::Hang, 1, "")]).await;
        let (worker, _stop) = house.work();
        let document = order("SO-1");
        let name = house.hand_over(&document).await;
        eventually("the claim", LONG, || async { house.get(&name).await.state() == handoff::State::InFlight }).await;
        worker.abort();
        worker.await.expect_err("the worker is killed");
        house.clear().await;
        house.time.advance(TimeDelta::seconds(91));
        house.work();
        house.becomes(&name, State::Delivered).await;
        assert_eq!(house.books().await.len(), 1);
        let calls = house.calls(&document.external_id).await;
        assert!(calls.ends_with(&["GetDocumentStatus".to_owned(), "SubmitOrder".to_owned()]), "{calls:?}");
    }

    /// R-ERP-1
    async fn two_workers_on_one_database_send_nothing_twice(db: TestDb) {
        let house = House::build(db, Settings { batch: 4, ..settings() }).await;
        house.plan(&[(FaultKind::Latency, 0, "")]).await;
        let orders: Vec<_> = (0..40).map(|number| order(&format!("SO-{number}"))).collect();
        let mut names = Vec::new();
        for order in &orders {
            names.push(house.hand_over(order).await);
        }
        let other = house.replica(Settings { batch: 4, ..settings() }).await;
        house.work();
        work(&other);
        for name in &names {
            house.becomes(name, State::Delivered).await;
        }
        for order in &orders {
            assert_eq!(house.calls(&order.external_id).await, ["SubmitOrder"], "{}", order.external_id);
        }
        assert!(house.all().await.iter().all(|row| row.fence == 1), "each was claimed once");
    }

    /// R-ERP-1
    async fn a_worker_whose_lease_ran_out_decides_nothing_any_more(db: TestDb) {
        let (open_slow, slow_gate) = watch::channel(false);
        let (open_other, other_gate) = watch::channel(false);
        // It does not look again: it would find its own lease run out.
        let patient = Settings {
            call_deadline: Duration::from_secs(30),
            look_up_deadline: Duration::from_secs(30),
            ..settings()
        };
        let asleep = Settings { look_again: Duration::from_secs(3600), ..patient.clone() };
        let house = House::build_over(db, asleep, |link| held(link, slow_gate)).await;
        let (slow, stop) = house.work();
        let document = order("SO-1");
        let name = house.hand_over(&document).await;
        eventually("the claim", LONG, || async { house.get(&name).await.state() == handoff::State::InFlight }).await;
        house.time.advance(TimeDelta::seconds(91));
        let other = house.replica_over(patient, held(house.erp.clone(), other_gate)).await;
        let (_other, _other_stop) = work(&other);
        eventually("the other's claim", LONG, || async { house.all().await[0].fence == 2 }).await;

        // The slow one's call arrives after all, and is booked; what came of it is no longer its to write.
        let claimed = house.get(&name).await;
        open_slow.send(true).expect("the slow worker listens");
        stop.cancel();
        slow.await.expect("the slow worker has had its say");
        assert_eq!(house.books().await.len(), 1);
        assert_eq!(house.get(&name).await, claimed);

        open_other.send(true).expect("the other worker listens");
        house.becomes(&name, State::Delivered).await;
        assert_eq!(house.calls(&document.external_id).await, ["SubmitOrder", "GetDocumentStatus"]);
    }

    /// R-ERP-1
    async fn a_worker_that_is_stopped_gives_back_what_it_has_not_sent(db: TestDb) {
        let house = House::build(db, Settings { concurrency: 1, batch: 8, ..settings() }).await;
        house.plan(&[(FaultKind::Latency, 0, "")]).await;
        let mut names = Vec::new();
        for number in 0..8 {
            names.push(house.hand_over(&order(&format!("SO-{number}"))).await);
        }
        let (worker, stop) = house.work();
        eventually("the first delivery", LONG, || async { !house.books().await.is_empty() }).await;
        stop.cancel();
        worker.await.expect("the worker ends");
        assert!(house.all().await.iter().all(|row| row.state != State::InFlight), "no lease is left behind");
        house.work();
        for name in &names {
            house.becomes(name, State::Delivered).await;
        }
        assert!(house.all().await.iter().all(|row| row.calls == 1), "each was sent once");
    }

    /// R-ERP-1, R-SEC-1
    async fn the_trace_of_who_handed_over_goes_on_in_the_erp(db: TestDb) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = heard.clone();
        let house = House::build_over(db, settings(), move |link| {
            link.layered(layer_fn(move |transport: Transport| {
                let ears = ears.clone();
                service_fn(move |request: http::Request<tonic::body::Body>| {
                    if request.uri().path().ends_with("/WatchEvents") {
                        let mut transport = transport.clone();
                        return futures::future::Either::Left(async move { transport.ready().await?.call(request).await });
                    }
                    let trace = request.headers().get("traceparent").map(|it| it.to_str().unwrap_or_default().to_owned());
                    ears.lock().expect("nobody panicked").push(trace);
                    let mut transport = transport.clone();
                    futures::future::Either::Right(async move { transport.ready().await?.call(request).await })
                })
            }))
        })
        .await;
        house.work();
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut new = new(&order("SO-1"));
        new.context = Context { traceparent: Some(trace.to_owned()), ..Context::internal("employees/ann") };
        let name = house.handoffs.store(new).await.expect("it is stored");
        house.becomes(&name, State::Delivered).await;
        let heard = heard.lock().expect("nobody panicked");
        assert_eq!(*heard, [Some(trace.to_owned())]);
    }
}
