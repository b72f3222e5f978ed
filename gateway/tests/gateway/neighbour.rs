//! All neighbours in one: a service that does what a test says, and remembers its answers as the real ones do.

use std::any::type_name;
use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, to_bytes};
use dealflow_chassis::link::Link;
use dealflow_gateway::Neighbours;
use dealflow_proto::Mutation;
use dealflow_proto::feed::v1::{Event, SubscribeRequest, SubscribeResponse};
use prost::Message;
use tokio::sync::watch;
use tonic::Status;

type Answer = Result<Vec<u8>, Status>;
type Handler = Arc<dyn Fn(&[u8]) -> Answer + Send + Sync>;

/// A scripted neighbour; its copies are the same one.
#[derive(Clone, Default)]
pub(crate) struct Neighbour(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    handlers: HashMap<&'static str, Handler>,
    remembered: HashMap<String, (String, Vec<u8>)>,
    /// Calls that are to fail: the status, and whether the work is done before.
    faults: HashMap<&'static str, VecDeque<(Status, bool)>>,
    gates: HashMap<&'static str, watch::Receiver<bool>>,
    effects: Vec<String>,
    arrived: HashSet<String>,
    flows: Vec<(String, Option<String>)>,
    events: Vec<Event>,
    read_up_to: i64,
}

impl Neighbour {
    /// The neighbours of a gateway, all of them this one but for the ERP, which does nothing yet.
    pub(crate) fn neighbours(&self) -> Neighbours {
        let link = self.link();
        Neighbours {
            leads: link.clone(),
            opportunities: link.clone(),
            activities: link.clone(),
            orders: link,
            // Of its own: what the ERP is asked is none of the services' business.
            erp: Self::default().link(),
        }
    }

    fn link(&self) -> Link {
        let neighbour = self.clone();
        Link::local(tower::service_fn(move |request: http::Request<tonic::body::Body>| {
            let neighbour = neighbour.clone();
            async move {
                let answer = neighbour.serve(request.map(Body::new)).await;
                Ok::<_, Infallible>(answer.map(tonic::body::Body::new))
            }
        }))
    }

    /// What a verb does; a repeated request id gets the first answer, and has no effect.
    pub(crate) fn verb<Q: Message + Mutation + Default + std::fmt::Debug, A: Message>(
        &self,
        method: &'static str,
        act: impl Fn(Q) -> Result<A, Status> + Send + Sync + 'static,
    ) {
        let neighbour = self.clone();
        let handler = move |input: &[u8]| {
            let ask = Q::decode(input).map_err(|error| Status::internal(format!("{}: {error}", type_name::<Q>())))?;
            let id = format!("{method} {}", ask.request_id());
            let content = format!("{ask:?}");
            if let Some((first, answer)) = neighbour.state().remembered.get(&id) {
                return if *first == content {
                    Ok(answer.clone())
                } else {
                    Err(Status::already_exists("other content"))
                };
            }
            let check = ask.validate_only();
            let answer = act(ask)?.encode_to_vec();
            if !check {
                let mut state = neighbour.state();
                state.effects.push(method.to_owned());
                state.remembered.insert(id, (content, answer.clone()));
            }
            Ok(answer)
        };
        self.state().handlers.insert(method, Arc::new(handler));
    }

    /// What a read answers.
    pub(crate) fn read<Q: Message + Default, A: Message>(
        &self,
        method: &'static str,
        act: impl Fn(Q) -> Result<A, Status> + Send + Sync + 'static,
    ) {
        let handler = move |input: &[u8]| {
            let ask = Q::decode(input).map_err(|error| Status::internal(error.to_string()))?;
            act(ask).map(|answer| answer.encode_to_vec())
        };
        self.state().handlers.insert(method, Arc::new(handler));
    }

    /// The next calls of a method do their work, and their replies are lost.
    pub(crate) fn lose_replies(&self, method: &'static str, times: usize) {
        self.fail(method, times, &Status::unavailable("the reply was lost"), true);
    }

    /// The next calls of a method fail before their work.
    pub(crate) fn refuse(&self, method: &'static str, times: usize, status: &Status) {
        self.fail(method, times, status, false);
    }

    fn fail(&self, method: &'static str, times: usize, status: &Status, done: bool) {
        let failures = std::iter::repeat_n((status.clone(), done), times);
        self.state().faults.entry(method).or_default().extend(failures);
    }

    /// Calls of a method wait until the gate is sent `true`.
    pub(crate) fn hold(&self, method: &'static str) -> watch::Sender<bool> {
        let (open, gate) = watch::channel(false);
        self.state().gates.insert(method, gate);
        open
    }

    /// Whether a call of the method has come, answered or not.
    pub(crate) fn has_come(&self, method: &str) -> bool {
        self.state().arrived.contains(method)
    }

    /// Something happened in the service directly: its feed tells it.
    pub(crate) fn happened(&self, event: Event) {
        let mut state = self.state();
        let position = i64::try_from(state.events.len()).expect("few events") + 1;
        state.events.push(Event { position, ..event });
    }

    /// From where the feed was last read on: what the reader has kept.
    pub(crate) fn read_up_to(&self) -> i64 {
        self.state().read_up_to
    }

    /// What the feed answers: all that is wanted of it in one batch, and its end.
    fn feed(&self, message: &[u8]) -> Answer {
        let ask = SubscribeRequest::decode(message).map_err(|error| Status::internal(error.to_string()))?;
        let mut state = self.state();
        state.read_up_to = state.read_up_to.max(ask.after_position);
        let later = state.events.iter().filter(|event| event.position > ask.after_position);
        let events: Vec<_> = later.filter(|event| ask.types.contains(&event.r#type)).cloned().collect();
        let position = state.events.last().map(|event| event.position).unwrap_or_default().max(ask.after_position);
        Ok(SubscribeResponse { events, position, caught_up: true }.encode_to_vec())
    }

    /// What had an effect, in order.
    pub(crate) fn effects(&self) -> Vec<String> {
        self.state().effects.clone()
    }

    /// The flow and the actor that each call carried.
    pub(crate) fn carried(&self) -> Vec<(String, Option<String>)> {
        self.state().flows.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the neighbour")
    }

    async fn serve(&self, request: http::Request<Body>) -> http::Response<Body> {
        let (request, body) = request.into_parts();
        let method = request.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let carried = (header("dealflow-actor").unwrap_or_default(), header("dealflow-flow"));
        let gate = {
            let mut state = self.state();
            state.flows.push(carried);
            state.arrived.insert(method.clone());
            state.gates.get(method.as_str()).cloned()
        };
        let body = to_bytes(body, usize::MAX).await.expect("the message arrives");
        if let Some(mut gate) = gate {
            // A gate whose test has ended lets everybody through.
            let _open = gate.wait_for(|open| *open).await;
        }
        match self.act(&method, &body[5..]) {
            Ok(message) => framed(&message),
            Err(status) => status.into_http(),
        }
    }

    fn act(&self, method: &str, message: &[u8]) -> Answer {
        if method == "Subscribe" {
            return self.feed(message);
        }
        let (handler, fault) = {
            let mut state = self.state();
            let fault = state.faults.get_mut(method).and_then(VecDeque::pop_front);
            (state.handlers.get(method).cloned(), fault)
        };
        let Some(handler) = handler else {
            return Err(Status::unimplemented(format!("no test said what {method} does")));
        };
        match fault {
            Some((status, false)) => Err(status),
            Some((status, true)) => handler(message).and(Err(status)),
            None => handler(message),
        }
    }
}

/// One message in gRPC's frame: not compressed, its length, its bytes; the status goes ahead in the headers.
fn framed(message: &[u8]) -> http::Response<Body> {
    let length = u32::try_from(message.len()).expect("a test's message is small");
    let mut frame = vec![0];
    frame.extend(length.to_be_bytes());
    frame.extend(message);
    http::Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", "0")
        .body(Body::from(frame))
        .expect("the headers are well formed")
}
