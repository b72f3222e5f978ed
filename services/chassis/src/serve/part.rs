//! A part of the suite: its services, its background work, and when it is ready.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::{Request, Response};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::{Service, ServiceExt};
use uuid::Uuid;

use super::ServeConfig;
use crate::layers::{self, Drain, Routes, Stack};
use crate::link::Link;
use crate::security::Reports;

pub(super) type Check = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;
pub(super) type Task = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// A part: what [`super::serve`] puts on a port, or a test reaches in process.
///
/// ```ignore
/// let part = Part::new("leads")
///     .service(LeadServiceServer::new(leads))
///     .ready(move || Box::pin(store.clone().is_reachable()))
///     .task(move |stop| feed.number(stop));
/// ```
pub struct Part {
    pub(super) name: &'static str,
    pub(super) behind: bool,
    pub(super) routes: Routes,
    pub(super) services: Vec<&'static str>,
    pub(super) pages: Vec<&'static str>,
    pub(super) reports: Option<Reports>,
    pub(super) ready: Option<Check>,
    pub(super) tasks: Vec<Task>,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("name", &self.name).field("services", &self.services).finish_non_exhaustive()
    }
}

impl Part {
    /// A part without services, ready as soon as it listens. The name is for logs: `leads`.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            behind: false,
            routes: Routes::default(),
            services: Vec::new(),
            pages: Vec::new(),
            reports: None,
            ready: None,
            tasks: Vec::new(),
        }
    }

    /// This part is called by a part of ours, for its callers. What is too much is refused there, before anything is
    /// done; a call that is refused here has cost its work already. So it takes several times as many calls.
    #[must_use]
    pub fn behind_a_door(mut self) -> Self {
        self.behind = true;
        self
    }

    /// Adds a generated server, such as `LeadServiceServer::new(..)`.
    #[must_use]
    pub fn service<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.routes.add(S::NAME, Stack::new(service));
        self.services.push(S::NAME);
        self
    }

    /// Passes every method of a service on to another part, messages unread: `dealflow.leads.v1.LeadService`.
    ///
    /// What the callee answers, its refusals included, reaches the caller unchanged.
    #[must_use]
    pub fn pass_on(self, service: &'static str, link: Link) -> Self {
        self.pass_through(service, move |request| link.clone().oneshot(request))
    }

    /// As [`pass_on`](Self::pass_on), through something that stands between: what it refuses is an answer, too.
    #[must_use]
    pub fn pass_through<F>(
        mut self,
        service: &'static str,
        between: impl Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Response<Body>, Status>> + Send + 'static,
    {
        let answered = tower::service_fn(move |request| {
            let answer = between(request);
            async { Ok(answer.await.unwrap_or_else(Status::into_http)) }
        });
        self.routes.add(service, Stack::new(answered));
        self.services.push(service);
        self
    }

    /// Answers plain HTTP below a first segment: `calendar` for `/calendar/…`. What stands there is no gRPC service (it
    /// has no health and no reflection), and passes the same layers; nobody is asked for a token, so it must ask for a secret
    /// of its own.
    #[must_use]
    pub fn http<S>(mut self, segment: &'static str, pages: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.routes.add(segment, Stack::new(pages));
        self.pages.push(segment);
        self
    }

    /// How to find whom an employee leads, all the way down: callers who do not see everybody's records see theirs
    /// beside their own. Only the part that people call needs to know.
    #[must_use]
    pub fn reports(
        mut self,
        find: impl Fn(Uuid) -> BoxFuture<'static, Result<Vec<Uuid>, Status>> + Send + Sync + 'static,
    ) -> Self {
        self.reports = Some(Arc::new(find));
        self
    }

    /// When the part can do its work: asked every two seconds, told by the health service as `ready`.
    ///
    /// A check that takes longer than that counts as no.
    #[must_use]
    pub fn ready(mut self, check: impl Fn() -> BoxFuture<'static, bool> + Send + Sync + 'static) -> Self {
        self.ready = Some(Arc::new(check));
        self
    }

    /// Adds background work. It begins with [`super::serve`]; when its token is cancelled it has three seconds to end.
    ///
    /// Work that panics is logged, and the part's `live` becomes NOT_SERVING: half a part is to be started anew.
    #[must_use]
    pub fn task<F>(mut self, work: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.push(Box::new(move |stop| Box::pin(work(stop))));
        self
    }

    /// The part in process, without a port, behind the same layers as over the wire. Its background work is not begun.
    #[must_use]
    pub fn link(&self) -> Link {
        let config = ServeConfig::default();
        let drain = Drain::new(config.max_streams);
        let (limits, closed) = (config.limits(self.behind), drain.stopping.clone());
        Link::into_stack(layers::stack(self.name, self.routes.clone(), &limits, Arc::default(), drain), closed)
    }
}
