//! `dealflow serve [PART]`: all parts in one process, or one.

use clap::Args;
use dealflow_chassis::serve::ServeConfig;
use dealflow_chassis::store::Clock;
use tokio::signal::unix::{SignalKind, signal};

use crate::delivery::Delivery;
use crate::show;
use crate::suite::{Addresses, Databases, PartName, Plan, Suite};

const EXAMPLES: &str = "\
Examples:
  dealflow serve                                            all parts, data in ./dealflow-data
  dealflow serve --data /var/lib/dealflow --listen 0.0.0.0:7400
  dealflow serve --database-url postgres://user:password@host/dealflow
  dealflow serve leads                                      one part, on 127.0.0.1:7401
  dealflow serve gateway --leads-url http://leads:7401      the gateway, its neighbours elsewhere

Ports: the gateway takes the one of --listen; leads, opportunities, activities, orders and the ERP stub take the next
five. Ctrl-C or SIGTERM stops: calls under way come to their end, then the databases are closed.";

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("address", |arg| arg
    .default_value("127.0.0.1:7400")
    .help("Where the gateway listens; the other parts take the next five ports, port 0 free ones")))]
pub struct Serve {
    /// One part: leads, opportunities, activities, orders, erp or gateway; all of them where it is not said
    #[arg(value_name = "PART")]
    part: Option<PartName>,
    /// Where records are kept
    #[command(flatten)]
    databases: Databases,
    /// How it listens
    #[command(flatten)]
    serve: ServeConfig,
    /// Where a gateway that runs alone finds its neighbours
    #[command(flatten)]
    addresses: Addresses,
    /// How documents are handed to the ERP
    #[command(flatten)]
    delivery: Delivery,
}

impl Serve {
    /// Serves until a signal says stop.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut plan = Plan::embedded(&self.databases.data);
        plan.databases = self.databases;
        plan.serve = self.serve;
        plan.clock = Clock::system();
        plan.gateway.handoff = self.delivery.settings()?;
        let suite = match self.part {
            None => Suite::start(&plan).await?,
            Some(part) => Suite::start_one(&plan, part, &self.addresses).await?,
        };
        print(&suite, &plan.databases);
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

/// What runs, where it is reached, where it keeps its records, and how it is stopped.
fn print(suite: &Suite, databases: &Databases) {
    let mut table = show::table(&["part", "reach it at", "serves", "records"]);
    let mut parts: Vec<_> = suite.addresses().collect();
    parts.sort_by_key(|(_, address)| address.port());
    for (part, address) in &parts {
        let records = match &databases.database_url {
            Some(_) => format!("PostgreSQL, schema {part}"),
            None => databases.data.join(format!("{part}.db")).display().to_string(),
        };
        table.add_row([part.word(), &format!("http://{address}"), part.serves(), &records]);
    }
    println!("{table}");
    if let Some((_, gateway)) = parts.iter().find(|(part, _)| *part == PartName::Gateway) {
        println!("All services answer at the gateway too, and tell their API by reflection:");
        println!("  grpcurl -plaintext {gateway} list");
        println!("  dealflow pipeline --gateway http://{gateway}");
    }
    println!("Ctrl-C or SIGTERM (kill {}) stops.", std::process::id());
}
