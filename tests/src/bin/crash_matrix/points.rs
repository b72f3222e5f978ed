//! Where a suite can die: before, inside and after each call and each commit that one verb leads to.
//!
//! A call has the name `orders AcceptQuote 1`: who is called, what, and the how-manyeth of its kind. A commit that the
//! callee makes on the way has the name `orders AcceptQuote 1 commit 1`; one that belongs to no call is the part's own
//! work, such as flows and hand-overs: `gateway commit 3`. Calls are counted by the verb's trace, the part's own
//! commits from the verb's first call on.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use clap::ValueEnum;
use dealflow::suite::{PartName, Wrap, WrapCommits};
use dealflow_chassis::link::Transport;
use dealflow_tests::faults::trace_of;
use futures::future::{BoxFuture, FutureExt};
use http::{Request, Response};
use rustix::process::{Signal, getpid, kill_process};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

tokio::task_local! {
    /// The call that this task answers.
    static ANSWERED: String;
}

/// When at a call or a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Moment {
    /// Nothing is sent.
    Before,
    /// The callee has begun, the database has its COMMIT; nothing has come back.
    Inside,
    /// It is done, and its caller has not seen that.
    After,
}

impl Moment {
    pub(crate) const ALL: [Self; 3] = [Self::Before, Self::Inside, Self::After];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Inside => "inside",
            Self::After => "after",
        }
    }
}

/// A place in a verb's way, and the moment there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) site: String,
    pub(crate) moment: Moment,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.site, self.moment.word())
    }
}

/// What a suite meets on a verb's way, told line by line; at one point it dies. Copies are the same.
#[derive(Clone)]
pub(crate) struct Points(Arc<Inner>);

struct Inner {
    trace: String,
    death: Option<Point>,
    begun: AtomicBool,
    met: Mutex<HashMap<String, usize>>,
}

impl Points {
    pub(crate) fn new(trace: String, death: Option<Point>) -> Self {
        Self(Arc::new(Inner { trace, death, begun: AtomicBool::new(false), met: Mutex::default() }))
    }

    /// What the suite puts round each neighbour's link.
    pub(crate) fn wrap(&self) -> Wrap {
        let points = self.clone();
        Arc::new(move |part, link| link.layered(Between { part, points: points.clone() }))
    }

    /// What the suite puts round each part's commits.
    pub(crate) fn wrap_commits(&self) -> WrapCommits {
        let points = self.clone();
        Arc::new(move |part| {
            let points = points.clone();
            Arc::new(move |commit| match points.commit_of(part) {
                None => commit,
                Some(what) => points.clone().pass(what, |_| commit).boxed(),
            })
        })
    }

    fn commit_of(&self, part: PartName) -> Option<String> {
        match ANSWERED.try_with(|call| format!("{call} commit")) {
            Ok(of_call) => Some(of_call),
            Err(_) => self.0.begun.load(Ordering::Acquire).then(|| format!("{part} commit")),
        }
    }

    fn is_of_verb(&self, request: &Request<Body>) -> bool {
        trace_of(request) == Some(self.0.trace.as_str())
    }

    /// Tells that it is here, and goes through, or dies.
    async fn pass<T>(self, what: String, act: impl FnOnce(&str) -> BoxFuture<'static, T>) -> T {
        let site = {
            let mut met = self.0.met.lock().unwrap_or_else(PoisonError::into_inner);
            let count = met.entry(what.clone()).or_default();
            *count += 1;
            let site = format!("{what} {count}");
            println!("met {site}");
            site
        };
        let mut act = act(&site);
        match self.0.death.as_ref().filter(|death| death.site == site) {
            None => act.await,
            Some(point) => {
                match point.moment {
                    Moment::Before => {}
                    // Once round is enough for the callee to begin, and for the database to be told.
                    Moment::Inside => drop((&mut act).now_or_never()),
                    Moment::After => drop(act.await),
                }
                die(point)
            }
        }
    }
}

/// SIGKILL, from this very line: nothing of this process runs after it.
fn die(point: &Point) -> ! {
    println!("dying {point}");
    loop {
        // A process may always kill itself.
        if kill_process(getpid(), Signal::KILL).is_err() {
            std::process::abort();
        }
    }
}

struct Between {
    part: PartName,
    points: Points,
}

impl Layer<Transport> for Between {
    type Service = Watched;

    fn layer(&self, inner: Transport) -> Watched {
        Watched { part: self.part, points: self.points.clone(), inner }
    }
}

/// A transport on whose calls the suite can die.
#[derive(Clone)]
pub(crate) struct Watched {
    part: PartName,
    points: Points,
    inner: Transport,
}

impl Service<Request<Body>> for Watched {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !self.points.is_of_verb(&request) {
            return self.inner.call(request);
        }
        self.points.0.begun.store(true, Ordering::Release);
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        let what = format!("{} {method}", self.part);
        // The transport that was polled ready is the one to call.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let call = |site: &str| ANSWERED.scope(site.to_owned(), async move { inner.call(request).await }).boxed();
        self.points.clone().pass(what, call).boxed()
    }
}
