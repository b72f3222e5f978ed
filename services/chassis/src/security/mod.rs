//! Who may come in, and how often: certificates, tokens, roles (R-SEC-1).
//!
//! - `guard.rs`  lets a call in or not; `caller.rs` who it is then
//! - `tokens.rs` from a bearer token to a caller, `token.rs` what can be wrong with one; `keys.rs` whose signatures are
//!   believed, `fetch.rs` those keys by URL
//! - `roles.rs`  which role may do what, read from `roles.txt`; which RPC asks for what stands in the .proto files
//! - `sight.rs`  whose records one sees
//! - `rate.rs`   how often one caller may call
//! - `fresh.rs`  files that are read again when they change
//!
//! Where neither keys of tokens nor authorities of callers are configured, nobody is asked, and headers are believed: that
//! is for one machine, and [`SecurityConfig::check`] refuses it elsewhere unless it is asked for by name.

mod caller;
mod fetch;
pub(crate) mod fresh;
#[cfg(test)]
mod fuzz;
mod guard;
mod keys;
mod rate;
mod roles;
mod sight;
mod streams;
mod token;
mod tokens;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use futures::future::BoxFuture;
use tonic::Status;
use uuid::Uuid;

pub use caller::Caller;
pub use fresh::FileError;
pub(crate) use guard::Guard;
pub use keys::Algorithm;
pub use roles::{Permissions, Roles};
pub use sight::Sight;
pub(crate) use streams::{StreamPlace, Streams};
pub use tokens::TokenConfig;

use crate::tls::TlsConfig;

/// Finds whom an employee leads, all the way down.
pub(crate) type Reports = Arc<dyn Fn(Uuid) -> BoxFuture<'static, Result<Vec<Uuid>, Status>> + Send + Sync>;

/// The mark of a call that comes from this process: only a link can put it there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inside;

/// Calls of one caller per second, where nothing else is said.
const CALLER_RATE: u32 = 500;

/// What guards a server.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SecurityConfig {
    /// Certificates
    #[command(flatten)]
    pub tls: TlsConfig,
    /// Tokens
    #[command(flatten)]
    pub tokens: TokenConfig,
    /// Which role may do what, instead of the table that ships
    #[arg(long, env = "DEALFLOW_ROLES", value_name = "FILE")]
    pub roles: Option<PathBuf>,
    /// Calls of one caller per second, twice as many at once; 0 for no limit. Parts of the suite have none
    #[arg(long, env = "DEALFLOW_CALLER_RATE", value_name = "CALLS", default_value_t = CALLER_RATE)]
    pub caller_rate: u32,
    /// Serve beyond this machine without TLS, or without knowing who calls: only where the network itself keeps everybody
    /// out who may not change every record
    #[arg(
        long,
        env = "DEALFLOW_INSECURE",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        action = clap::ArgAction::Set
    )]
    pub insecure: bool,
}

impl Default for SecurityConfig {
    fn default() -> Self {
        Self {
            tls: TlsConfig::default(),
            tokens: TokenConfig::default(),
            roles: None,
            caller_rate: CALLER_RATE,
            insecure: false,
        }
    }
}

/// That a server would be open to whoever reaches it.
#[derive(Debug, thiserror::Error)]
#[error(
    "{address} is not this machine alone, and {missing}; give {remedy}, listen on 127.0.0.1, or say --insecure where the \
     network itself keeps everybody out"
)]
pub struct Open {
    /// Where it would listen.
    pub address: SocketAddr,
    missing: &'static str,
    remedy: &'static str,
}

impl SecurityConfig {
    /// Whether callers are asked who they are.
    #[must_use]
    pub fn authenticates(&self) -> bool {
        self.takes_tokens() || self.tls.client_ca.is_some()
    }

    /// Whether people and programs may call; else only parts of the suite.
    pub(crate) fn takes_tokens(&self) -> bool {
        self.tokens.keys.is_some()
    }

    /// Refuses to be open to a network by mistake.
    ///
    /// # Errors
    ///
    /// When the address is not this machine alone, and calls would not be encrypted or nobody be asked who he is.
    pub fn check(&self, address: SocketAddr) -> Result<(), Open> {
        if address.ip().is_loopback() || self.insecure {
            return Ok(());
        }
        if self.tls.cert.is_none() {
            let missing = "there is no certificate: calls would not be encrypted";
            return Err(Open { address, missing, remedy: "--tls-cert and --tls-key" });
        }
        if !self.authenticates() {
            let missing = "nothing says who may call";
            return Err(Open { address, missing, remedy: "--token-keys, or --tls-client-ca and --tls-peers" });
        }
        Ok(())
    }
}
