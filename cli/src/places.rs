//! Where things are: the databases of the parts, and the parts for one that runs alone; as an operator says it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::store::{Durability, StoreConfig};
use dealflow_chassis::tls::{ClientTls, TlsConfig};
use dealflow_gateway::Neighbours;
use secrecy::SecretString;

use crate::part::PartName;

/// Where the parts keep their records.
#[derive(Debug, Clone, clap::Args)]
pub struct Databases {
    /// Folder of the embedded databases, one SQLite file per part; made where it is not there
    #[arg(long, env = "DEALFLOW_DATA", default_value = "dealflow-data", value_name = "DIR")]
    pub data: PathBuf,
    /// PostgreSQL instead of the embedded databases: one schema per part in this database; @FILE reads the URL from a
    /// file, such as a mounted secret
    #[arg(long, env = "DEALFLOW_DATABASE_URL", value_name = "URL", value_parser = url_or_file, hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// What an acknowledged write survives on SQLite: `full` a power loss too, `relaxed` only a killed process
    #[arg(long, env = "DEALFLOW_DURABILITY", default_value = "full")]
    pub durability: Durability,
    /// Connections of each part to PostgreSQL
    #[arg(long, env = "DEALFLOW_DATABASE_CONNECTIONS", default_value_t = 10)]
    pub database_connections: u32,
}

impl Databases {
    /// Embedded databases in a folder.
    pub fn embedded(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), database_url: None, durability: Durability::Full, database_connections: 10 }
    }

    /// Where one part keeps its records.
    pub fn of(&self, part: PartName) -> StoreConfig {
        match &self.database_url {
            Some(url) => StoreConfig::Postgres {
                url: url.clone(),
                schema: part.schema(),
                max_connections: self.database_connections,
            },
            None => StoreConfig::Sqlite { path: self.data.join(format!("{part}.db")), durability: self.durability },
        }
    }
}

/// A URL that may hold a password, as it stands or, as `@FILE`, the content of a file.
pub(crate) fn url_or_file(text: &str) -> Result<SecretString, String> {
    let Some(file) = text.strip_prefix('@') else { return Ok(text.into()) };
    let content = std::fs::read_to_string(file).map_err(|error| format!("{file} cannot be read: {error}"))?;
    let url = content.trim();
    if url.is_empty() { Err(format!("{file} holds no URL")) } else { Ok(url.into()) }
}

/// Where a gateway that runs alone finds its neighbours, and a whole suite its ERP.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Addresses {
    /// Where leads listen
    #[arg(long, env = "DEALFLOW_LEADS_URL", default_value = "http://127.0.0.1:7401")]
    pub leads_url: String,
    /// Where opportunities listen
    #[arg(long, env = "DEALFLOW_OPPORTUNITIES_URL", default_value = "http://127.0.0.1:7402")]
    pub opportunities_url: String,
    /// Where activities listen
    #[arg(long, env = "DEALFLOW_ACTIVITIES_URL", default_value = "http://127.0.0.1:7403")]
    pub activities_url: String,
    /// Where orders listen
    #[arg(long, env = "DEALFLOW_ORDERS_URL", default_value = "http://127.0.0.1:7404")]
    pub orders_url: String,
    /// Where the ERP, its adapter or the stub listens. A whole suite to which it is said runs no stub
    #[arg(long, env = "DEALFLOW_ERP_URL", default_value = "http://127.0.0.1:7405")]
    pub erp_url: String,
}

impl Addresses {
    /// The feeds of all parts that have one.
    pub(crate) fn feeds(&self, gateway_url: &str, tls: &TlsConfig) -> anyhow::Result<Vec<(&'static str, Link)>> {
        let of = [
            ("leads", self.leads_url.as_str()),
            ("opportunities", &self.opportunities_url),
            ("activities", &self.activities_url),
            ("orders", &self.orders_url),
            ("gateway", gateway_url),
        ];
        let link = links(tls, true)?;
        of.into_iter().map(|(name, address)| Ok((name, link(address)?))).collect()
    }

    /// The gateway's; who vouches for the ERP may be somebody else, `erp_ca`.
    pub(crate) fn neighbours(&self, tls: &TlsConfig, erp_ca: Option<&Path>) -> anyhow::Result<Neighbours> {
        let link = links(tls, true)?;
        Ok(Neighbours {
            leads: link(&self.leads_url)?,
            opportunities: link(&self.opportunities_url)?,
            activities: link(&self.activities_url)?,
            orders: link(&self.orders_url)?,
            erp: erp(&self.erp_url, tls, erp_ca)?,
        })
    }
}

/// How the ERP is reached at its address. It is none of the parts: who vouches for it may be somebody else, `erp_ca`. Whether
/// a document is sent again is the hand-over's to decide.
pub(crate) fn erp(address: &str, tls: &TlsConfig, erp_ca: Option<&Path>) -> anyhow::Result<Link> {
    let ca = erp_ca.map(Path::to_owned).or_else(|| tls.ca.clone());
    links(&TlsConfig { ca, ..tls.clone() }, false)?(address)
}

/// How neighbours are reached at their addresses.
fn links(tls: &TlsConfig, repeats: bool) -> anyhow::Result<impl Fn(&str) -> anyhow::Result<Link>> {
    let config = LinkConfig { tls: Some(ClientTls::of(tls)?), repeats, ..LinkConfig::default() };
    Ok(move |address: &str| Link::remote(address, &config).with_context(|| format!("{address} is no address")))
}
