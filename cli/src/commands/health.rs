//! `dealflow health [URL]`: whether a suite or a part lives and can do its work. For probes: the image has no other
//! program that could ask.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::tls::ClientTls;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Arguments of `health`.
#[derive(Debug, Args)]
pub struct Health {
    /// The operators' port, or a part's own
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:7410")]
    url: String,
    /// What is asked for: `ready`, `live`, a part such as `leads`, or a service by its full name
    #[arg(long, default_value = "ready", value_name = "NAME")]
    of: String,
    /// Authorities (PEM) to believe of a part at https://; those that browsers believe where it is not said
    #[arg(long, env = "DEALFLOW_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Health {
    /// Ends with 0 where it is SERVING.
    pub async fn run(self) -> anyhow::Result<()> {
        let tls = self.ca.as_deref().map(|ca| ClientTls::believing(Some(ca))).transpose()?;
        let config = LinkConfig { tls, ..LinkConfig::default() };
        let link = Link::remote(&self.url, &config).with_context(|| format!("{} is no address", self.url))?;
        let ask = HealthCheckRequest { service: self.of.clone() };
        let answer =
            HealthClient::new(link).check(ask).await.with_context(|| format!("{} does not answer", self.url))?;
        let status = answer.into_inner().status();
        println!("{}: {}", self.of, status.as_str_name());
        if status == ServingStatus::Serving { Ok(()) } else { bail!("{} of {} is not serving", self.of, self.url) }
    }
}
