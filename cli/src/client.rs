//! How a command talks to a suite: one that runs elsewhere, or one that it starts for as long as it runs.

use anyhow::Context as _;
use dealflow_chassis::link::{Link, LinkConfig};

use crate::api::Api;
use crate::suite::{Databases, PartName, Plan, Suite};

/// Which suite a command talks to.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Which suite")]
pub struct Target {
    /// The gateway of a running suite, e.g. http://127.0.0.1:7400; without it one is started on the data folder
    #[arg(long, env = "DEALFLOW_GATEWAY", value_name = "URL")]
    pub gateway: Option<String>,
    /// Who asks, as the history will name it
    #[arg(long, env = "DEALFLOW_ACTOR", default_value = "cli", value_name = "NAME")]
    pub actor: String,
    /// Where a suite that is started keeps its records
    #[command(flatten)]
    pub databases: Databases,
}

impl Target {
    /// Does a command's work on this suite, and ends the suite again if it was started for it.
    pub async fn ask<T>(&self, work: impl AsyncFnOnce(Api) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let client = Client::connect(self).await?;
        let done = work(Api::new(&client.link, &self.actor)).await;
        client.close().await;
        done
    }
}

/// A connection to a suite.
pub struct Client {
    /// How the gateway is reached; it passes its neighbours' services on.
    pub link: Link,
    /// The suite, where this command started it.
    pub suite: Option<Suite>,
}

impl Client {
    /// Connects to a running suite, or starts one.
    pub async fn connect(target: &Target) -> anyhow::Result<Self> {
        match &target.gateway {
            Some(address) => Self::remote(address),
            None => {
                let mut plan = Plan::embedded(&target.databases.data);
                plan.databases = target.databases.clone();
                Self::start(&plan).await
            }
        }
    }

    /// Connects to a running suite.
    pub fn remote(address: &str) -> anyhow::Result<Self> {
        let link = Link::remote(address, &LinkConfig::default()).with_context(|| format!("{address} is no address"))?;
        Ok(Self { link, suite: None })
    }

    /// Starts a suite and reaches its gateway over the wire, as anybody else would.
    pub async fn start(plan: &Plan) -> anyhow::Result<Self> {
        let suite = Suite::start(plan).await?;
        let gateway = suite.addresses().find(|(name, _)| *name == PartName::Gateway).context("no gateway runs")?;
        let link = Link::remote(&format!("http://{}", gateway.1), &LinkConfig::default())?;
        Ok(Self { link, suite: Some(suite) })
    }

    /// Ends the suite, if this command started it.
    pub async fn close(self) {
        // The connection goes first: a server's stop waits for those that are open.
        drop(self.link);
        if let Some(suite) = self.suite {
            suite.stop().await;
        }
    }
}
