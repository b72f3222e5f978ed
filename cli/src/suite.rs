//! The suite as a value: which parts run in this process, on which databases, and how they reach each other.
//!
//! All in one, every part listens on loopback as it would alone, and the gateway reaches its neighbours through the
//! same generated clients in process. Alone, a part is the same part; the gateway then goes over the wire.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use dealflow_chassis::Clock;
use dealflow_chassis::link::Link;
use dealflow_chassis::serve::{Admin, Part, ServeConfig, ServeError, Serving, serve};
use dealflow_chassis::store::{AroundCommits, Store, StoreConfig};
use dealflow_chassis::telemetry;
use dealflow_gateway::Neighbours;
use futures::future::{BoxFuture, join_all};
use tokio_util::sync::CancellationToken;

use crate::adapters::Adapters;
use crate::broker::Broker;
use crate::hold::Hold;
pub use crate::part::PartName;
use crate::places;
pub(crate) use crate::places::url_or_file;
pub use crate::places::{Addresses, Databases};

/// What is put round a neighbour's link.
pub type Wrap = Arc<dyn Fn(PartName, Link) -> Link + Send + Sync>;

/// What is put round the commits of a part.
pub type WrapCommits = Arc<dyn Fn(PartName) -> AroundCommits + Send + Sync>;

/// What runs in this process.
#[derive(Clone)]
pub struct Plan {
    /// Where records are kept.
    pub databases: Databases,
    /// Limits and stop of each server. Of a whole suite its port is the gateway's, the others follow; one part alone
    /// listens there itself. Port 0 takes free ones.
    pub serve: ServeConfig,
    /// Where operators are answered, if anywhere: metrics and health of all parts of this process.
    pub admin: Option<SocketAddr>,
    /// The time.
    pub clock: Clock,
    /// What is put round a neighbour's link before the gateway gets it: a bench counts calls here, a test loses replies.
    pub wrap: Wrap,
    /// What is put round each part's commits, if anything: the crash matrix dies there.
    pub wrap_commits: Option<WrapCommits>,
    /// What the gateway is told.
    pub gateway: dealflow_gateway::Settings,
    /// Where the ERP of a whole suite listens; none: its own stub.
    pub erp_url: Option<String>,
    /// How an adapter reaches its ERP.
    pub adapters: Adapters,
    /// Where events are published.
    pub broker: Broker,
}

impl Plan {
    /// The whole suite on embedded databases in a folder, on free ports.
    pub fn embedded(data: impl Into<PathBuf>) -> Self {
        Self {
            databases: Databases::embedded(data),
            serve: ServeConfig::default(),
            admin: None,
            clock: Clock::system(),
            wrap: Arc::new(|_, link| link),
            wrap_commits: None,
            gateway: dealflow_gateway::Settings::default(),
            erp_url: None,
            adapters: Adapters::default(),
            broker: Broker::default(),
        }
    }

    /// The parts that a whole suite runs: no stub where the ERP is elsewhere.
    fn whole(&self) -> impl Iterator<Item = PartName> {
        let stub = self.erp_url.is_none();
        PartName::ALL.into_iter().filter(move |part| stub || *part != PartName::Erp)
    }

    /// The same plan for one part of a whole suite: it listens behind the gateway's port.
    fn behind(&self, part: PartName) -> anyhow::Result<Self> {
        let mut plan = self.clone();
        plan.serve.address = part.behind(self.serve.address)?;
        Ok(plan)
    }

    async fn open(&self, part: PartName) -> anyhow::Result<Store> {
        let store = open(&self.databases.of(part), part, self.clock.clone()).await?;
        Ok(match &self.wrap_commits {
            Some(wrap) => store.around_commits(wrap(part)),
            None => store,
        })
    }
}

/// Parts that run in this process.
pub struct Suite {
    parts: Vec<Running>,
    stores: Vec<(PartName, Store)>,
    admin: Option<Admin>,
    hold: Option<Hold>,
}

/// A part at work, with the token that ends it.
struct Running {
    name: PartName,
    serving: Serving,
    stop: CancellationToken,
}

impl Suite {
    /// Starts all parts.
    pub fn start(plan: &Plan) -> BoxFuture<'_, anyhow::Result<Self>> {
        Box::pin(async move {
            let mut suite = Self::empty(plan, &plan.whole().collect::<Vec<_>>())?;
            let mut started = suite.start_all(plan).await;
            if started.is_ok() {
                started = suite.start_admin(plan).await;
            }
            suite.or_stopped(started).await
        })
    }

    /// Starts one part; a gateway finds its neighbours at their addresses.
    pub fn start_one<'a>(
        plan: &'a Plan,
        name: PartName,
        addresses: &'a Addresses,
    ) -> BoxFuture<'a, anyhow::Result<Self>> {
        Box::pin(async move {
            let mut suite = Self::empty(plan, &[name])?;
            let mut started = match name {
                PartName::Gateway => {
                    match addresses.neighbours(&plan.serve.security.tls, plan.adapters.erp_ca.as_deref()) {
                        Ok(neighbours) => suite.start_gateway(plan, neighbours).await,
                        Err(error) => Err(error),
                    }
                }
                // It keeps nothing: ERPNext is its register.
                PartName::ErpErpnext => suite.start_erpnext(plan).await,
                PartName::EventsNats => suite.start_publisher(plan, addresses).await,
                name => suite.start_service(plan, name).await,
            };
            if started.is_ok() {
                started = suite.start_admin(plan).await;
            }
            suite.or_stopped(started).await
        })
    }

    fn empty(plan: &Plan, parts: &[PartName]) -> anyhow::Result<Self> {
        plan.serve.security.check(plan.serve.address)?;
        let embedded = plan.databases.database_url.is_none();
        let hold = embedded.then(|| Hold::take(&plan.databases.data, parts)).transpose()?;
        Ok(Self { parts: Vec::new(), stores: Vec::new(), admin: None, hold })
    }

    async fn start_all(&mut self, plan: &Plan) -> anyhow::Result<()> {
        can_listen(plan)?;
        // One notice is enough: when the others stop, the gateway that called them has stopped.
        let serve = ServeConfig { stop_notice: Duration::ZERO, ..plan.serve.clone() };
        let quiet = Plan { serve, ..plan.clone() };
        for name in plan.whole().filter(|name| *name != PartName::Gateway) {
            self.start_service(&quiet.behind(name)?, name).await?;
        }
        let link = |name| (plan.wrap)(name, self.link(name));
        let neighbours = Neighbours {
            leads: link(PartName::Leads),
            opportunities: link(PartName::Opportunities),
            activities: link(PartName::Activities),
            orders: link(PartName::Orders),
            erp: match &plan.erp_url {
                None => link(PartName::Erp),
                Some(url) => {
                    let (tls, ca) = (&plan.serve.security.tls, plan.adapters.erp_ca.as_deref());
                    (plan.wrap)(PartName::Erp, places::erp(url, tls, ca)?)
                }
            },
        };
        self.start_gateway(plan, neighbours).await
    }

    async fn start_service(&mut self, plan: &Plan, name: PartName) -> anyhow::Result<()> {
        let store = plan.open(name).await?;
        self.stores.push((name, store.clone()));
        let part = watched(name, service(plan, name, store.clone()).await?, store);
        self.serve(name, part, plan.serve.clone()).await
    }

    async fn start_publisher(&mut self, plan: &Plan, addresses: &Addresses) -> anyhow::Result<()> {
        let security = &plan.serve.security;
        let settings = plan.broker.settings(security.insecure)?;
        let feeds = addresses.feeds(&plan.broker.gateway_url, &security.tls)?;
        let store = plan.open(PartName::EventsNats).await?;
        self.stores.push((PartName::EventsNats, store.clone()));
        let part = dealflow_events_nats::part(store.clone(), feeds, settings);
        let part = watched(PartName::EventsNats, part, store);
        self.serve(PartName::EventsNats, part, plan.serve.clone()).await
    }

    async fn start_erpnext(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let settings = plan.adapters.erpnext(plan.serve.security.insecure)?;
        let part = dealflow_erp_adapters::erpnext::part(settings)?;
        self.serve(PartName::ErpErpnext, part, plan.serve.clone()).await
    }

    async fn start_gateway(&mut self, plan: &Plan, neighbours: Neighbours) -> anyhow::Result<()> {
        let store = plan.open(PartName::Gateway).await?;
        self.stores.push((PartName::Gateway, store.clone()));
        let gateway = dealflow_gateway::part(store.clone(), neighbours, plan.gateway.clone());
        let gateway = watched(PartName::Gateway, gateway, store);
        self.serve(PartName::Gateway, gateway, plan.serve.clone()).await
    }

    async fn serve(&mut self, name: PartName, part: Part, config: ServeConfig) -> anyhow::Result<()> {
        let address = config.address;
        let stop = CancellationToken::new();
        let serving = serve(part, config, stop.clone()).await.map_err(|error| not_served(name, address, error))?;
        if let Some(hold) = &mut self.hold {
            hold.tell(name, &serving.uri())?;
        }
        self.parts.push(Running { name, serving, stop });
        Ok(())
    }

    /// Opens the operators' port, when all parts of this process serve.
    async fn start_admin(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let Some(address) = plan.admin else { return Ok(()) };
        let parts: Vec<&Serving> = self.parts.iter().map(|running| &running.serving).collect();
        self.admin = Some(Admin::serve(address, &parts).await?);
        Ok(())
    }

    /// A suite that could not start whole is stopped whole.
    async fn or_stopped(self, started: anyhow::Result<()>) -> anyhow::Result<Self> {
        if let Err(error) = started {
            self.stop().await;
            return Err(error);
        }
        Ok(self)
    }

    /// What runs, and where.
    pub fn addresses(&self) -> impl Iterator<Item = (PartName, SocketAddr)> + '_ {
        self.parts.iter().map(|running| (running.name, running.serving.address))
    }

    /// Where operators are answered.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|admin| admin.address)
    }

    /// What runs, and its address as a client takes it.
    pub fn uris(&self) -> impl Iterator<Item = (PartName, String)> + '_ {
        self.parts.iter().map(|running| (running.name, running.serving.uri()))
    }

    /// How a part is reached in this process.
    ///
    /// # Panics
    /// If the part does not run here.
    pub fn link(&self, name: PartName) -> Link {
        let running = self.parts.iter().find(|running| running.name == name);
        running.map(|running| running.serving.link.clone()).expect("the part runs in this process")
    }

    /// The databases of the parts that run here.
    pub fn stores(&self) -> &[(PartName, Store)] {
        &self.stores
    }

    /// Stops all parts, the gateway first, so that its neighbours outlive its calls; then closes the databases.
    pub fn stop(self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            for running in self.parts.into_iter().rev() {
                running.stop.cancel();
                running.serving.stopped().await;
            }
            if let Some(admin) = self.admin {
                admin.stop().await;
            }
            let close = |(name, store): (PartName, Store)| async move {
                if let Err(error) = store.close().await {
                    tracing::warn!(part = name.word(), %error, "the database was not closed in order");
                }
            };
            join_all(self.stores.into_iter().map(close)).await;
        })
    }
}

/// Refuses to start where any part cannot listen, and tells of all of them at once: somebody who chooses other ports
/// wants to choose once. The ports are free again for the parts themselves.
fn can_listen(plan: &Plan) -> anyhow::Result<()> {
    let mut taken = Vec::new();
    let mut held = Vec::new();
    for name in plan.whole() {
        let address = name.behind(plan.serve.address)?;
        match std::net::TcpListener::bind(address) {
            Ok(listener) => held.push(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => taken.push(format!("{name} on {address}")),
            // Told when the part itself tries.
            Err(_) => {}
        }
    }
    match taken.as_slice() {
        [] => Ok(()),
        several => bail!(
            "cannot listen, another program does: {}; choose the first port of all with --listen",
            several.join(", ")
        ),
    }
}

/// Why a part is not served, in the words of who chose the address.
fn not_served(name: PartName, address: SocketAddr, error: ServeError) -> anyhow::Error {
    match &error {
        ServeError::Bind { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
            anyhow::anyhow!(
                "{name} cannot listen on {address}: another program does; choose another port with --listen"
            )
        }
        _ => anyhow::Error::new(error).context(format!("{name} cannot be served on {address}")),
    }
}

/// Opens a part's database and migrates it.
pub fn open(config: &StoreConfig, part: PartName, clock: Clock) -> BoxFuture<'_, anyhow::Result<Store>> {
    Box::pin(async move {
        use dealflow_migrations::{activities, erp_stub, erp_ubl, events_nats, gateway, leads, opportunities, orders};
        let opened = match part {
            PartName::Leads => Store::open::<leads::Migrator>(config, clock),
            PartName::Opportunities => Store::open::<opportunities::Migrator>(config, clock),
            PartName::Activities => Store::open::<activities::Migrator>(config, clock),
            PartName::Orders => Store::open::<orders::Migrator>(config, clock),
            PartName::Erp => Store::open::<erp_stub::Migrator>(config, clock),
            PartName::ErpUbl => Store::open::<erp_ubl::Migrator>(config, clock),
            PartName::EventsNats => Store::open::<events_nats::Migrator>(config, clock),
            PartName::ErpErpnext => bail!("{part} keeps no records"),
            PartName::Gateway => Store::open::<gateway::Migrator>(config, clock),
        };
        opened.await.with_context(|| format!("the database of {part} cannot be opened"))
    })
}

/// The migrations of a part's database, in their order, each with whether it is applied; nothing is changed.
///
/// # Errors
/// What the database says.
pub async fn migrations(config: &StoreConfig, part: PartName) -> anyhow::Result<Vec<(String, bool)>> {
    use dealflow_migrations::{activities, erp_stub, erp_ubl, events_nats, gateway, leads, opportunities, orders};
    let asked = match part {
        PartName::Leads => Store::migrations::<leads::Migrator>(config).await,
        PartName::Opportunities => Store::migrations::<opportunities::Migrator>(config).await,
        PartName::Activities => Store::migrations::<activities::Migrator>(config).await,
        PartName::Orders => Store::migrations::<orders::Migrator>(config).await,
        PartName::Erp => Store::migrations::<erp_stub::Migrator>(config).await,
        PartName::ErpUbl => Store::migrations::<erp_ubl::Migrator>(config).await,
        PartName::EventsNats => Store::migrations::<events_nats::Migrator>(config).await,
        PartName::ErpErpnext => Ok(Vec::new()),
        PartName::Gateway => Store::migrations::<gateway::Migrator>(config).await,
    };
    asked.with_context(|| format!("the database of {part} cannot be looked at"))
}

/// A part that tells of its store too: pools and outbox.
fn watched(name: PartName, part: Part, store: Store) -> Part {
    part.task(move |stop| telemetry::watch(name.word(), store, stop))
}

async fn service(plan: &Plan, name: PartName, store: Store) -> anyhow::Result<Part> {
    Ok(match name {
        PartName::Leads => dealflow_leads::part(store),
        PartName::Opportunities => dealflow_opportunities::part(store).await?,
        PartName::Activities => dealflow_activities::part(store),
        PartName::Orders => dealflow_orders::part(store, dealflow_orders::Settings::default()),
        PartName::Erp => dealflow_erp_stub::part(store),
        PartName::ErpUbl => dealflow_erp_adapters::ubl::part(store, plan.adapters.ubl(plan.serve.security.insecure)?)?,
        PartName::ErpErpnext => bail!("{name} keeps no records"),
        PartName::EventsNats => bail!("the publisher needs its feeds"),
        PartName::Gateway => bail!("the gateway needs its neighbours"),
    })
}
