//! The suite of one test: all parts in a runtime of their own, which can be killed and started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dealflow::api::Api;
use dealflow::suite::{Databases, PartName, Plan, Suite};
use dealflow_chassis::StoreConfig;
use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::security::SecurityConfig;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::leads::v1::contact_service_client::ContactServiceClient;
use dealflow_proto::orders::v1::contract_service_client::ContractServiceClient;
use dealflow_proto::orders::v1::quote_service_client::QuoteServiceClient;
use dealflow_testbed::{Kind, TestDb};
use tokio::runtime::{Builder, Runtime};

use crate::faults::Faults;

/// Who asks in these tests.
pub const ACTOR: &str = "employees/01890000-0000-7000-8000-00000000000a";

/// Connections of each part: six parts of two tests at once stay far below the cluster's 400.
const CONNECTIONS: u32 = 8;

/// A whole suite and its clients.
pub struct Sandbox {
    /// The typed clients, through the gateway's port.
    pub api: Api,
    /// The gateway's port.
    pub link: Link,
    /// What is to go wrong between the gateway and its neighbours.
    pub faults: Faults,
    pub(crate) kind: Kind,
    pub(crate) running: Running,
    plan: Plan,
    names: AtomicU64,
}

/// A suite at work, in a runtime that ends with it.
pub(crate) struct Running {
    pub(crate) suite: Option<Suite>,
    addresses: Vec<(PartName, String)>,
    runtime: Option<Runtime>,
    /// What the clients of this sandbox say who they are with.
    token: Option<String>,
}

impl Sandbox {
    /// Starts all parts on a test's database; nobody is asked who he is.
    pub async fn start(db: &TestDb) -> Self {
        Self::started(db, SecurityConfig::default(), None).await
    }

    /// Starts all parts behind a guard; this sandbox's clients come with a token.
    pub async fn start_behind(db: &TestDb, security: SecurityConfig, token: &str) -> Self {
        Self::started(db, security, Some(token.to_owned())).await
    }

    async fn started(db: &TestDb, security: SecurityConfig, token: Option<String>) -> Self {
        let faults = Faults::default();
        let mut plan = Plan::embedded(".");
        plan.databases = databases(db);
        plan.wrap = faults.wrap();
        plan.serve.security = security;
        Self::of(plan, faults, token).await
    }

    /// Starts a second replica of every part on the same databases, which must be PostgreSQL. Its gateway reaches every
    /// other part in its own replica and the rest in this one, as behind a balancer.
    pub async fn replica(&self, db: &TestDb) -> Self {
        let theirs = [PartName::Opportunities, PartName::Orders].map(|part| (part, self.open_link_of(part)));
        let mut plan = Plan::embedded(".");
        plan.databases = databases(db);
        plan.wrap = Arc::new(move |part, own| {
            let of_this = theirs.iter().find(|(name, _)| *name == part);
            of_this.map_or(own, |(_, link)| link.clone())
        });
        let replica = Self::of(plan, Faults::default(), None).await;
        replica.names.store(50_000, Ordering::Relaxed);
        replica
    }

    /// Starts all parts as planned, with what the plan puts round links and commits; no faults.
    pub async fn planned(plan: Plan) -> Self {
        Self::of(plan, Faults::default(), None).await
    }

    async fn of(plan: Plan, faults: Faults, token: Option<String>) -> Self {
        let running = Running::start(&plan, token).await;
        let link = running.link(PartName::Gateway);
        let api = Api::new(&link, ACTOR);
        let kind = if plan.databases.database_url.is_some() { Kind::Postgres } else { Kind::Sqlite };
        Self { api, link, faults, kind, running, plan, names: AtomicU64::new(0) }
    }

    /// Where a part is reached.
    pub fn address(&self, part: PartName) -> &str {
        self.running.address(part)
    }

    /// Ends every part at once, as a kill does: no call is answered any more, no work is brought to its end.
    pub async fn kill(&mut self) {
        self.running.kill().await;
    }

    /// Starts the suite again on the same databases.
    pub async fn restart(&mut self) {
        self.running = Running::start(&self.plan, self.running.token.clone()).await;
        self.link = self.running.link(PartName::Gateway);
        self.api = Api::new(&self.link, ACTOR);
    }

    /// Stops the suite in order.
    pub async fn stop(mut self) {
        self.running.stop().await;
    }

    /// The gateway's port, without a token.
    pub fn open_link(&self) -> Link {
        self.running.open_link(PartName::Gateway)
    }

    /// A part's own port, without a token.
    pub fn open_link_of(&self, part: PartName) -> Link {
        self.running.open_link(part)
    }

    /// A part's own port: what an internal client of that service talks to.
    pub fn direct(&self, part: PartName) -> Api {
        Api::new(&self.running.link(part), ACTOR)
    }

    /// A part's feed.
    pub fn feed(&self, part: PartName) -> FeedServiceClient<Link> {
        FeedServiceClient::new(self.running.link(part))
    }

    /// Quotes, through the gateway's port.
    pub fn quotes(&self) -> QuoteServiceClient<Link> {
        QuoteServiceClient::new(self.link.clone())
    }

    /// Contracts, through the gateway's port.
    pub fn contracts(&self) -> ContractServiceClient<Link> {
        ContractServiceClient::new(self.link.clone())
    }

    /// Contacts, through the gateway's port.
    pub fn contacts(&self) -> ContactServiceClient<Link> {
        ContactServiceClient::new(self.link.clone())
    }

    /// A word that no other record of this suite has in its name.
    pub fn unique(&self) -> String {
        // Only the number itself is shared; nothing else is ordered by it.
        format!("Nr{:06}", self.names.fetch_add(1, Ordering::Relaxed))
    }
}

impl Running {
    async fn start(plan: &Plan, token: Option<String>) -> Self {
        let runtime =
            Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime can be built");
        let planned = plan.clone();
        let suite = runtime.spawn(async move { Suite::start(&planned).await });
        let suite = suite.await.expect("the start does not panic").expect("the suite starts");
        let addresses = suite.addresses().map(|(part, address)| (part, format!("http://{address}"))).collect();
        Self { suite: Some(suite), addresses, runtime: Some(runtime), token }
    }

    pub(crate) fn link(&self, part: PartName) -> Link {
        let open = self.open_link(part);
        match &self.token {
            None => open,
            Some(token) => open.bearing(token).expect("a token is ASCII"),
        }
    }

    /// A part's port, as one reaches it who says nothing of himself.
    fn open_link(&self, part: PartName) -> Link {
        Link::remote(self.address(part), &LinkConfig::default()).expect("the part has an address")
    }

    fn address(&self, part: PartName) -> &str {
        let address = self.addresses.iter().find(|(name, _)| *name == part).map(|(_, address)| address);
        address.expect("all parts run")
    }

    async fn kill(&mut self) {
        let (runtime, suite) = (self.runtime.take(), self.suite.take());
        let killing = tokio::task::spawn_blocking(move || {
            if let Some(runtime) = runtime {
                runtime.shutdown_timeout(Duration::from_secs(5));
            }
            drop(suite);
        });
        killing.await.expect("the runtime ends");
    }

    async fn stop(&mut self) {
        if let (Some(runtime), Some(suite)) = (self.runtime.as_ref(), self.suite.take()) {
            runtime.spawn(suite.stop()).await.expect("the stop does not panic");
        }
        self.kill().await;
    }
}

impl Drop for Running {
    /// A test that failed leaves its suite behind; nobody waits for it.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One SQLite file per part, or one schema per part.
pub fn databases(db: &TestDb) -> Databases {
    match db.config_for("gateway") {
        StoreConfig::Sqlite { path, durability } => {
            let folder = path.parent().expect("the file lies in the test's folder").to_owned();
            Databases { durability, ..Databases::embedded(folder) }
        }
        StoreConfig::Postgres { url, .. } => {
            let mut databases = Databases::embedded(".");
            databases.database_url = Some(url);
            databases.database_connections = CONNECTIONS;
            databases
        }
    }
}
