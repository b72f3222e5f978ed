//! The guinea pig: a service of strings that echoes, hangs, panics, streams and tells what reached it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use dealflow_chassis::deadline::Deadline;
use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::refusal::Refusal;
use dealflow_chassis::serve::{Part, ServeConfig, Serving, serve};
use dealflow_chassis::telemetry::traceparent_of_current_span;
use dealflow_proto::Violation;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http::uri::PathAndQuery;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

/// What a test sees of the pig from inside.
#[derive(Debug)]
pub struct Seen {
    /// Calls of Hang, Count and Away that have begun.
    pub begun: AtomicUsize,
    /// Calls of Hang that came to their end or were dropped.
    pub over: AtomicUsize,
    /// A permit lets one call of Hang answer.
    pub release: Semaphore,
}

#[derive(Clone)]
pub struct Pig(pub Arc<Seen>);

impl Pig {
    pub fn new() -> Self {
        Self(Arc::new(Seen { begun: AtomicUsize::new(0), over: AtomicUsize::new(0), release: Semaphore::new(0) }))
    }

    /// The pig on a port, with its link over the wire.
    pub async fn serve(&self, config: ServeConfig, stop: &CancellationToken) -> (Serving, Link) {
        let part = Part::new("pig").service(self.clone());
        let serving = serve(part, config, stop.clone()).await.expect("a free port");
        let link = remote(&serving);
        (serving, link)
    }

    pub fn begun(&self) -> usize {
        self.0.begun.load(Ordering::SeqCst)
    }

    pub fn over(&self) -> usize {
        self.0.over.load(Ordering::SeqCst)
    }
}

/// Counts the end of a call however it ends.
struct Over(Arc<Seen>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.over.fetch_add(1, Ordering::SeqCst);
    }
}

impl NamedService for Pig {
    const NAME: &'static str = "test.v1.Pig";
}

impl Service<http::Request<Body>> for Pig {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let seen = Arc::clone(&self.0);
        let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<String, String>::default());
            if method == "Stream" {
                let answer = service_fn(|request: Request<String>| async move {
                    let message = request.into_inner();
                    if let Some(asked) = message.strip_prefix("then ") {
                        let items = [Ok(message.clone()), Err(long(asked))];
                        return Ok(Response::new(futures::stream::iter(items).boxed() as BoxStream<_>));
                    }
                    let first = futures::stream::iter([Ok(message)]);
                    Ok(Response::new(first.chain(futures::stream::pending()).boxed() as BoxStream<_>))
                });
                return Ok(grpc.server_streaming(answer, request).await);
            }
            let answer = service_fn(move |request: Request<String>| answer(method.clone(), Arc::clone(&seen), request));
            Ok(grpc.unary(answer, request).await)
        })
    }
}

async fn answer(method: String, seen: Arc<Seen>, request: Request<String>) -> Result<Response<String>, Status> {
    let header = |name: &str| request.metadata().get(name).and_then(|it| it.to_str().ok()).unwrap_or("").to_owned();
    let answer = match method.as_str() {
        "Hang" => {
            seen.begun.fetch_add(1, Ordering::SeqCst);
            let _over = Over(Arc::clone(&seen));
            seen.release.acquire().await.expect("never closed").forget();
            "released".to_owned()
        }
        "Count" => {
            seen.begun.fetch_add(1, Ordering::SeqCst);
            String::new()
        }
        "Away" => {
            seen.begun.fetch_add(1, Ordering::SeqCst);
            return Err(Status::unavailable("the pig is away"));
        }
        "Panic" => panic!("the secret of the pig"),
        "Left" => match request.extensions().get::<Deadline>() {
            Some(deadline) if Deadline::current() == Some(*deadline) => deadline.remaining().as_millis().to_string(),
            other => format!("the extension says {other:?}, the task {:?}", Deadline::current()),
        },
        "Timeout" => header("grpc-timeout"),
        "Trace" => format!("{} {}", header("traceparent"), traceparent_of_current_span().unwrap_or_default()),
        "Refuse" => {
            let mut refused = Status::failed_precondition("the pig refuses");
            refused.metadata_mut().insert("pig-says", "oink".parse().expect("ASCII"));
            return Err(refused);
        }
        "Echo" => request.into_inner(),
        "Long" => return Err(long(&request.into_inner())),
        _ => return Err(Status::unimplemented(method)),
    };
    Ok(Response::new(answer))
}

/// A refusal that has much to tell: so many violations of so many characters, `fields 300 60 я`.
fn long(asked: &str) -> Status {
    let words: Vec<&str> = asked.split(' ').collect();
    let [kind, count, length, character] = words[..] else { return Status::internal(asked) };
    let text = character.repeat(length.parse().expect("a number"));
    let count: usize = count.parse().expect("a number");
    let refusal = match kind {
        "fields" => Refusal::fields(
            (0..count).map(|n| Violation { field: format!("lines[{n}].sku"), description: text.clone() }).collect(),
        ),
        "guard" => {
            let refusal = Refusal::guard(text.clone(), &[]);
            (0..count).fold(refusal, |refusal, n| refusal.precondition("GUARD", &n.to_string(), &text))
        }
        _ => (0..count).fold(Refusal::missing(&text), |refusal, n| refusal.with(&n.to_string(), &*text)),
    };
    Status::from(refusal)
}

fn path(method: &str) -> PathAndQuery {
    PathAndQuery::try_from(format!("/test.v1.Pig/{method}")).expect("a method's name is a path")
}

/// A unary call.
pub async fn call(link: &Link, method: &str, request: Request<String>) -> Result<String, Status> {
    let mut client = tonic::client::Grpc::new(link.clone());
    client.ready().await?;
    let answer = client.unary(request, path(method), ProstCodec::<String, String>::default()).await?;
    Ok(answer.into_inner())
}

/// A unary call without anything to say.
pub async fn ask(link: &Link, method: &str) -> Result<String, Status> {
    call(link, method, Request::new(String::new())).await
}

/// A unary call whose caller has so much patience.
pub async fn ask_within(link: &Link, method: &str, patience: Duration) -> Result<String, Status> {
    let mut request = Request::new(String::new());
    request.set_timeout(patience);
    call(link, method, request).await
}

/// A stream whose first message has come.
pub async fn stream(link: &Link, message: &str, patience: Option<Duration>) -> Streaming<String> {
    let mut request = Request::new(message.to_owned());
    if let Some(patience) = patience {
        request.set_timeout(patience);
    }
    let mut client = tonic::client::Grpc::new(link.clone());
    client.ready().await.expect("a link is ready");
    let answer = client.server_streaming(request, path("Stream"), ProstCodec::<String, String>::default()).await;
    let mut messages = answer.expect("the stream opens").into_inner();
    assert_eq!(messages.message().await.expect("a first message").as_deref(), Some(message));
    messages
}

/// A link over the wire.
pub fn remote(serving: &Serving) -> Link {
    Link::remote(&serving.uri(), &LinkConfig::default()).expect("an address")
}

/// Waits until something is so; fails when it is not within five seconds.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let patience = Deadline::within(Duration::from_secs(5));
    while !is_so().await {
        assert!(!patience.has_passed(), "it did not come about: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
