//! R-ERP-1: the crash matrix. Each kind of document, each call of its delivery, a worker that dies before the call leaves,
//! inside it, or after the ERP has done its work: each ends with one document in the ERP. The table is printed.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use dealflow_chassis::link::Transport;
use dealflow_gateway::handoff::record::State;
use dealflow_proto::erp::v1::{Document, FaultKind};
use dealflow_testbed::{TestDb, both, eventually};
use tower::{Service, ServiceExt, layer::layer_fn, service_fn};

use crate::house::{House, LONG, cancellation, change, credit_note, invoice, order, settings, work};

/// Where the worker dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// It has claimed the document, and the call has not left the house.
    BeforeCall,
    /// The ERP has the request, and has committed nothing.
    InsideCall,
    /// The ERP has committed, and the answer is on its way.
    AfterCall,
    /// The answer is here, and what came of it is not written: the next worker holds the lease.
    BeforeOutcome,
}

/// A call that a delivery makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Submit,
    LookUp,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Submit { "Submit" } else { "GetDocumentStatus" })
    }
}

/// Stops the first call of a kind at a point, for ever.
#[derive(Clone)]
struct Trap {
    call: Call,
    point: Point,
    armed: Arc<AtomicBool>,
    reached: Arc<Mutex<bool>>,
}

impl Trap {
    fn new(call: Call, point: Point) -> Self {
        Self { call, point, armed: Arc::new(AtomicBool::new(true)), reached: Arc::default() }
    }

    fn is_of(&self, path: &str) -> bool {
        let look_up = path.ends_with("/GetDocumentStatus");
        let submission = path.contains("/Submit") || path.ends_with("/ChangeOrder") || path.ends_with("/CancelOrder");
        if self.call == Call::LookUp { look_up } else { submission }
    }

    fn layered(&self, link: dealflow_chassis::link::Link) -> dealflow_chassis::link::Link {
        let trap = self.clone();
        link.layered(layer_fn(move |transport: Transport| {
            let trap = trap.clone();
            service_fn(move |request: http::Request<tonic::body::Body>| {
                let (mut transport, trap) = (transport.clone(), trap.clone());
                async move {
                    let caught = trap.is_of(request.uri().path()) && trap.armed.swap(false, Ordering::SeqCst);
                    if caught && trap.point == Point::BeforeCall {
                        return trap.hold().await;
                    }
                    if caught && trap.point == Point::InsideCall {
                        *trap.reached.lock().expect("nobody panicked") = true;
                    }
                    let answer = transport.ready().await?.call(request).await;
                    if caught {
                        return trap.hold().await;
                    }
                    answer
                }
            })
        }))
    }

    async fn hold<T>(&self) -> T {
        *self.reached.lock().expect("nobody panicked") = true;
        std::future::pending().await
    }
}

/// The documents that come before the one under test, and that one.
fn chain(kind: &str, number: &str) -> Vec<Document> {
    let order = order(number);
    match kind {
        "order" => vec![order],
        "invoice" => vec![order.clone(), invoice(&order, number)],
        "credit note" => {
            let bill = invoice(&order, number);
            vec![order, bill.clone(), credit_note(&bill, number)]
        }
        "change" => vec![order.clone(), change(&order, 7)],
        _ => vec![order.clone(), cancellation(&order)],
    }
}

both! {
    /// R-ERP-1, R-FLW-1
    async fn a_worker_that_dies_at_any_point_of_any_delivery_leaves_one_document_in_the_erp(db: TestDb) {
        let house = House::build(db, settings()).await;
        let (mut table, mut number) = (Vec::new(), 0);
        for kind in ["order", "invoice", "credit note", "change", "cancellation"] {
            for call in [Call::Submit, Call::LookUp] {
                for point in [Point::BeforeCall, Point::InsideCall, Point::AfterCall, Point::BeforeOutcome] {
                    number += 1;
                    let documents = chain(kind, &format!("M-{number:03}"));
                    let (tested, before) = documents.split_last().expect("there is one");
                    let (worker, stop) = house.work();
                    for document in before {
                        let name = house.hand_over(document).await;
                        house.becomes(&name, State::Delivered).await;
                    }
                    stop.cancel();
                    worker.await.expect("the worker ends");
                    if call == Call::LookUp {
                        // Only what may be there already is looked up: its first answer is lost.
                        house.plan(&[(FaultKind::LoseAnswer, 1, &tested.external_id)]).await;
                    } else if point == Point::InsideCall {
                        house.plan(&[(FaultKind::Hang, 1, &tested.external_id)]).await;
                    }
                    let trap = Trap::new(call, point);
                    let doomed = house.replica_over(settings(), trap.layered(house.erp.clone())).await;
                    let name = house.hand_over(tested).await;
                    let (worker, stop) = work(&doomed);
                    eventually(format!("{kind} {call} {point:?}"), LONG, || async {
                        house.time.advance(TimeDelta::seconds(1));
                        doomed.wake();
                        *trap.reached.lock().expect("nobody panicked")
                    })
                    .await;
                    // The one that holds an answer lives on a while; its lease does not.
                    if point != Point::BeforeOutcome {
                        worker.abort();
                    }
                    house.time.advance(TimeDelta::seconds(91));
                    stop.cancel();
                    house.clear().await;
                    let (heir, heir_stop) = house.work();
                    eventually(format!("{kind} {call} {point:?} to be delivered"), LONG, || async {
                        house.time.advance(TimeDelta::seconds(2));
                        house.handoffs.wake();
                        house.get(&name).await.state() == State::Delivered.wire()
                    })
                    .await;
                    heir_stop.cancel();
                    heir.await.expect("the heir ends");
                    let books = crate::reconciling::all_books(&house).await;
                    let copies = books.iter().filter(|it| it.external_id == tested.external_id).count();
                    let sent = house.calls(&tested.external_id).await;
                    assert_eq!(copies, 1, "{kind} {call} {point:?}: {sent:?}");
                    table.push(format!("{kind:<13} {call:<18} {:<14} {copies} in the ERP, {} calls", format!("{point:?}"), sent.len()));
                }
            }
        }
        println!("{}", table.join("\n"));
        println!("{} cases", table.len());
    }
}
