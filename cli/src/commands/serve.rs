//! `dealflow serve [PART]`: all parts in one process, or one.

use std::net::SocketAddr;

use anyhow::ensure;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use dealflow_chassis::Clock;
use dealflow_chassis::serve::ServeConfig;
use tokio::signal::unix::{SignalKind, signal};

use crate::adapters::Adapters;
use crate::broker::Broker;
use crate::delivery::Delivery;
use crate::show;
use crate::suite::{Addresses, Databases, PartName, Plan, Suite};

const EXAMPLES: &str = "\
Examples:
  dealflow serve                                            all parts, data in ./dealflow-data
  dealflow serve --data /var/lib/dealflow --listen 0.0.0.0:7400 --tls-cert tls.crt --tls-key tls.key \
      --token-keys https://id.example.com/jwks --token-issuer https://id.example.com --token-audience dealflow
  dealflow serve --database-url postgres://user:password@host/dealflow
  dealflow serve leads                                      one part, on 127.0.0.1:7401
  dealflow serve --admin-listen 127.0.0.1:7410              metrics and health for operators, on a port of their own
  dealflow serve gateway --leads-url http://leads:7401      the gateway, its neighbours elsewhere
  dealflow serve erp-ubl --ubl-folder /srv/edi/out --ubl-sellers sellers.yaml
  dealflow serve erp-erpnext --erpnext-url https://erp.example.com --erpnext-token-file token --erpnext-mapping erpnext.yaml
  dealflow serve --erp-url http://127.0.0.1:7406            all parts but the stub; documents go to the UBL adapter
  dealflow serve gateway --erp-url http://127.0.0.1:7407    documents go to ERPNext, by the adapter above
  dealflow serve events-nats --nats-url nats://127.0.0.1    events of all parts, on a broker

Ports: the gateway takes the one of --listen; leads, opportunities, activities, orders and the ERP stub take the next
five, what is started beside them (erp-ubl, erp-erpnext, events-nats) the three after. One part alone takes the one of
its own --listen; without it, its place behind DEALFLOW_LISTEN or 7400, so that all parts may share one environment.
Ctrl-C or SIGTERM stops: calls under way come to their end, then the databases are closed.";

/// The argument that says where the ERP is.
const ERP: &str = "erp_url";

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("address", |arg| arg
    .default_value("127.0.0.1:7400")
    .help("Where the gateway listens, the other parts take the next five ports; or where the one PART itself listens. \
        The variable is always the gateway's: a part counts its own port from it. Port 0 takes free ones")))]
pub struct Serve {
    /// One part: leads, opportunities, activities, orders, erp or gateway, all of them where it is not said; or what is
    /// started beside them: erp-ubl, erp-erpnext, events-nats
    #[arg(value_name = "PART")]
    part: Option<PartName>,
    /// Whether `--listen` is on the command line, where it means the part that is named there
    #[arg(skip)]
    own_address: bool,
    /// The addresses of other parts that are said, by the names of their arguments
    #[arg(skip)]
    others: Vec<&'static str>,
    /// Where records are kept
    #[command(flatten)]
    databases: Databases,
    /// How it listens
    #[command(flatten)]
    serve: ServeConfig,
    /// Where operators are answered, in plaintext: GET /metrics for Prometheus, gRPC health of all parts for probes
    #[arg(long, env = "DEALFLOW_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
    /// Where a gateway that runs alone finds its neighbours, and a whole suite its ERP
    #[command(flatten)]
    addresses: Addresses,
    /// How documents are handed to the ERP
    #[command(flatten)]
    delivery: Delivery,
    /// How an adapter reaches its ERP
    #[command(flatten)]
    adapters: Adapters,
    /// Where events are published
    #[command(flatten)]
    broker: Broker,
}

impl Serve {
    /// Takes from what was typed which values are the operator's own, and which are defaults or the environment's.
    pub fn note(&mut self, typed: &ArgMatches) {
        self.own_address = typed.value_source("address") == Some(ValueSource::CommandLine);
        let addresses = ["leads_url", "opportunities_url", "activities_url", "orders_url", ERP];
        self.others = addresses.into_iter().filter(|id| said(typed, id)).collect();
    }

    /// Serves until a signal says stop.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut plan = Plan::embedded(&self.databases.data);
        plan.databases = self.databases;
        plan.serve = self.serve;
        plan.admin = self.admin_listen;
        plan.clock = Clock::system();
        plan.gateway.handoff = self.delivery.settings()?;
        plan.adapters = self.adapters;
        plan.broker = self.broker;
        let suite = match self.part {
            None => {
                alone(&self.others)?;
                plan.erp_url = self.others.contains(&ERP).then_some(self.addresses.erp_url);
                Suite::start(&plan).await?
            }
            Some(part) => {
                if !self.own_address {
                    plan.serve.address = part.behind(plan.serve.address)?;
                }
                Suite::start_one(&plan, part, &self.addresses).await?
            }
        };
        print(&suite, &plan);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        println!("stopping: calls under way come to their end");
        let stopped = suite.stop();
        tokio::select! {
            () = stopped => println!("stopped"),
            _ = interrupt.recv() => anyhow::bail!("stopped at once, at the second signal; nothing acknowledged is lost"),
        }
        Ok(())
    }
}

/// Whether a value was given, on the command line or by the environment.
fn said(typed: &ArgMatches, id: &str) -> bool {
    matches!(typed.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

/// Refuses a whole suite that is to find parts elsewhere, which it runs itself; only its ERP may be there.
fn alone(others: &[&str]) -> anyhow::Result<()> {
    let others: Vec<String> =
        others.iter().filter(|id| **id != ERP).map(|id| format!("--{}", id.replace('_', "-"))).collect();
    ensure!(
        others.is_empty(),
        "a whole suite runs all of its parts: leave out {} (or its variable, such as DEALFLOW_LEADS_URL), or start the \
        gateway alone: dealflow serve gateway",
        others.join(", ")
    );
    Ok(())
}

/// What runs, where it is reached, where it keeps its records, and how it is stopped.
fn print(suite: &Suite, plan: &Plan) {
    let databases = &plan.databases;
    let mut table = show::table(&["part", "reach it at", "serves", "records"]);
    let mut parts: Vec<_> = suite.addresses().zip(suite.uris().map(|(_, uri)| uri)).collect();
    parts.sort_by_key(|((_, address), _)| address.port());
    for ((part, _), uri) in &parts {
        let records = match &databases.database_url {
            _ if *part == PartName::ErpErpnext => "none: ERPNext has them".to_owned(),
            Some(_) => format!("PostgreSQL, schema {}", part.schema()),
            None => databases.data.join(format!("{part}.db")).display().to_string(),
        };
        table.add_row([part.word(), uri, part.serves(), &records]);
    }
    println!("{table}");
    if let Some(url) = &plan.erp_url {
        println!("Documents go to the ERP at {url}.");
    }
    let security = &plan.serve.security;
    if let Some(((_, gateway), uri)) = parts.iter().find(|((part, _), _)| *part == PartName::Gateway) {
        let reflection = plan.serve.reflection;
        println!(
            "All services answer at the gateway too{}:",
            if reflection { ", and tell their API by reflection" } else { "" }
        );
        if security.authenticates() {
            println!("  dealflow pipeline --gateway {uri} --token-file FILE");
        } else {
            if reflection {
                println!("  grpcurl {}{gateway} list", if uri.starts_with("https") { "" } else { "-plaintext " });
            }
            println!("  dealflow pipeline --gateway {uri}");
        }
    }
    if !security.authenticates() {
        println!("Nobody is asked who he is: whoever reaches a port may do everything, in any name.");
        if security.insecure {
            tracing::warn!("nobody is asked who he is (--insecure): whoever reaches a port may do everything");
        }
    }
    if let Some(admin) = suite.admin() {
        println!("For operators: http://{admin}/metrics, and gRPC health (dealflow health http://{admin})");
    }
    println!("Ctrl-C or SIGTERM (kill {}) stops.", std::process::id());
}
