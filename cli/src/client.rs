//! How a command talks to a suite: one that runs elsewhere, or one that it starts for as long as it runs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::tls::ClientTls;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::api::Api;
use crate::mistakes::explained;
use crate::suite::{Databases, PartName, Plan, Suite};

/// Which suite a command talks to.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Which suite")]
pub struct Target {
    /// The gateway of a running suite, e.g. http://127.0.0.1:7400; without it one is started on the data folder
    #[arg(long, env = "DEALFLOW_GATEWAY", value_name = "URL")]
    pub gateway: Option<String>,
    /// Authorities (PEM) to believe of a gateway at https://; those that browsers believe where it is not said
    #[arg(long, env = "DEALFLOW_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// File with the token that says who calls; the variable DEALFLOW_TOKEN may hold the token itself
    #[arg(long, env = "DEALFLOW_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Who asks, as the history will name it where the suite does not ask for tokens
    #[arg(long, env = "DEALFLOW_ACTOR", default_value = "cli", value_name = "NAME")]
    pub actor: String,
    /// Where a suite that is started keeps its records
    #[command(flatten)]
    pub databases: Databases,
}

/// What says who calls, from the file or the environment; never from the command line, which others can read.
///
/// # Errors
/// When the file cannot be read.
pub fn token(file: Option<&Path>) -> anyhow::Result<Option<SecretString>> {
    let Some(file) = file else {
        return Ok(std::env::var(TOKEN).ok().filter(|token| !token.is_empty()).map(SecretString::from));
    };
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Some(text.trim().into()))
}

impl Target {
    /// Does a command's work on this suite, and ends the suite again if it was started for it.
    pub async fn ask<T>(&self, work: impl AsyncFnOnce(Api) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let client = Client::connect(self).await?;
        let done = work(Api::new(&client.link, &self.actor)).await;
        client.close().await;
        done
    }

    /// Who asks: the employee whom the token names where there is one, nobody where it names none; else the actor. It is
    /// what a command means where nobody is named; what the one who asks may see, the suite finds out by itself.
    ///
    /// # Errors
    /// When the token's file cannot be read.
    pub fn me(&self) -> anyhow::Result<String> {
        // A suite that is started for the command asks for no token.
        let token = if self.gateway.is_some() { token(self.token_file.as_deref())? } else { None };
        Ok(match token {
            Some(token) => employee_of(token.expose_secret()).unwrap_or_default(),
            None => self.actor.clone(),
        })
    }
}

/// The employee whom a token names as its subject.
fn employee_of(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    let subject = claims.get("sub")?.as_str()?;
    let id = Uuid::try_parse(subject.strip_prefix("employees/").unwrap_or(subject)).ok()?;
    Some(format!("employees/{id}"))
}

/// The variable that may hold a token.
const TOKEN: &str = "DEALFLOW_TOKEN";

/// Whether an address is this machine.
fn near(address: &str) -> bool {
    let host = address.trim_start_matches("http://");
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|near| host == *near || host.starts_with(&format!("{near}:")))
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
            Some(address) => Self::secured(address, target.ca.as_deref(), token(target.token_file.as_deref())?),
            None => {
                let mut plan = Plan::embedded(&target.databases.data);
                plan.databases = target.databases.clone();
                Self::start(&plan).await
            }
        }
    }

    /// Connects to a running suite that asks nobody who he is.
    pub fn remote(address: &str) -> anyhow::Result<Self> {
        Self::secured(address, None, None)
    }

    /// Connects to a running suite: whom to believe, and what says who calls.
    pub fn secured(address: &str, ca: Option<&Path>, token: Option<SecretString>) -> anyhow::Result<Self> {
        let tls = ca.map(|ca| ClientTls::believing(Some(ca))).transpose()?;
        let config = LinkConfig { tls, ..LinkConfig::default() };
        let link = Link::remote(address, &config).with_context(|| format!("{address} is no address"))?;
        let link = explained(link, address, token.is_some());
        let link = match token {
            None => link,
            Some(_) if address.starts_with("http://") && !near(address) => {
                bail!("a token is not sent to {address}, where everybody on the way could read it; use https://")
            }
            Some(token) => link.bearing(token.expose_secret()).context("the token holds what a header cannot")?,
        };
        Ok(Self { link, suite: None })
    }

    /// Starts a suite and reaches its gateway over the wire, as anybody else would.
    pub async fn start(plan: &Plan) -> anyhow::Result<Self> {
        let suite = Suite::start(plan).await?;
        let gateway = suite.uris().find(|(name, _)| *name == PartName::Gateway).context("no gateway runs")?;
        let link = Link::remote(&gateway.1, &LinkConfig::default())?;
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
