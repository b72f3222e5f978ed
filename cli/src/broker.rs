//! Where events are published (R-API-2), as an operator says it: `serve events-nats`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use dealflow_events_nats::Settings;
use secrecy::SecretString;

use crate::suite::url_or_file;

/// Where events are published.
#[derive(Debug, Clone, Args)]
pub struct Broker {
    /// Where NATS with JetStream is: nats://[USER:PASSWORD@]HOST:PORT, or tls://…, several servers of a cluster with commas
    /// between them; @FILE reads it from a file, such as a mounted secret (events-nats)
    #[arg(long, env = "DEALFLOW_NATS_URL", value_name = "URL", value_parser = url_or_file, hide_env_values = true)]
    pub nats_url: Option<SecretString>,
    /// Authorities (PEM) that vouch for its certificate; those of the system where it is not said
    #[arg(long, env = "DEALFLOW_NATS_CA", value_name = "FILE")]
    pub nats_ca: Option<PathBuf>,
    /// The stream; made where it is not there
    #[arg(long, env = "DEALFLOW_NATS_STREAM", default_value = "DEALFLOW", value_name = "NAME")]
    pub nats_stream: String,
    /// The first word of all subjects
    #[arg(long, env = "DEALFLOW_NATS_PREFIX", default_value = "dealflow", value_name = "WORD")]
    pub nats_prefix: String,
    /// Hours that a stream which is made keeps events
    #[arg(long, env = "DEALFLOW_NATS_KEEP", default_value_t = 168, value_name = "HOURS")]
    pub nats_keep: u32,
    /// Where the gateway listens, whose own events are published too
    #[arg(long, env = "DEALFLOW_GATEWAY_URL", default_value = GATEWAY, value_name = "URL")]
    pub gateway_url: String,
}

const GATEWAY: &str = "http://127.0.0.1:7400";

impl Default for Broker {
    fn default() -> Self {
        let Settings { stream, prefix, .. } = Settings::default();
        Self {
            nats_url: None,
            nats_ca: None,
            nats_stream: stream,
            nats_prefix: prefix,
            nats_keep: 168,
            gateway_url: GATEWAY.to_owned(),
        }
    }
}

impl Broker {
    /// As the publisher takes it.
    ///
    /// # Errors
    /// Where something is not said, or cannot be.
    pub fn settings(&self, insecure: bool) -> anyhow::Result<Settings> {
        let url = self.nats_url.clone().context("events-nats: --nats-url URL says where NATS is")?;
        ensure!(self.nats_keep > 0, "events-nats: --nats-keep must be 1 at the least");
        if let Some(ca) = &self.nats_ca {
            std::fs::metadata(ca).with_context(|| format!("events-nats: --nats-ca {} cannot be read", ca.display()))?;
        }
        let settings = Settings {
            url,
            ca: self.nats_ca.clone(),
            stream: self.nats_stream.clone(),
            prefix: self.nats_prefix.clone(),
            keep: Duration::from_secs(u64::from(self.nats_keep) * 3600),
            ..Settings::default()
        };
        match settings.check(insecure) {
            Ok(()) => Ok(settings),
            Err(error) => bail!("events-nats: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        broker: Broker,
    }

    fn parsed(arguments: &[&str]) -> Broker {
        let arguments = std::iter::once("program").chain(arguments.iter().copied());
        Program::try_parse_from(arguments).expect("flags").broker
    }

    #[test]
    fn what_nobody_says_is_the_default_of_a_value() {
        assert_eq!(format!("{:?}", parsed(&[])), format!("{:?}", Broker::default()));
    }

    #[test]
    fn r_api_2_what_is_missing_or_cannot_be_is_told_with_its_flag() {
        let told = |flags: &[&str]| parsed(flags).settings(false).map(drop).expect_err("refused").to_string();
        assert!(told(&[]).contains("--nats-url"));
        assert!(told(&["--nats-url", "localhost", "--nats-keep", "0"]).contains("--nats-keep"));
        assert!(told(&["--nats-url", "localhost", "--nats-ca", "/nowhere/ca.pem"]).contains("--nats-ca"));
        assert!(told(&["--nats-url", "localhost", "--nats-prefix", "a.b"]).contains("`a.b`"));
        let near = parsed(&["--nats-url", "nats://deal:s3cret@localhost:4222"]);
        assert!(near.settings(false).is_ok() && !format!("{near:?}").contains("s3cret"));
        let far = parsed(&["--nats-url", "nats://deal:s3cret@nats.test:4222"]);
        let told = far.settings(false).map(drop).expect_err("it could be read").to_string();
        assert!(told.contains("unencrypted") && !told.contains("s3cret"), "{told}");
        assert!(far.settings(true).is_ok(), "where the network itself keeps everybody out");
    }
}
