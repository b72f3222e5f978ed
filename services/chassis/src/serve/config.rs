//! How a part listens, what it takes at most, and how it stops.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::time::Duration;

use clap::Args;

use crate::layers::Limits;
use crate::security::SecurityConfig;

/// How many times as many calls a part takes that stands behind another: a call there becomes several here.
const BEHIND_A_DOOR: usize = 8;

/// Calls at work for each processor, and at most: where nobody says otherwise.
const CALLS_PER_PROCESSOR: usize = 64;
const CALLS_AT_MOST: usize = 1024;
/// Connections, where nobody says otherwise and the system gives as many.
const CONNECTIONS: usize = 1024;

/// The limits of a server and its stop. Tests pass a value; the program reads flags and environment.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ServeConfig {
    /// Where to listen; port 0 takes a free one
    #[arg(long = "listen", env = "DEALFLOW_LISTEN", default_value = "127.0.0.1:0")]
    pub address: SocketAddr,
    /// Bytes of one message, at most; above 4 MiB a service must also raise its own limit
    #[arg(long, env = "DEALFLOW_MAX_MESSAGE", default_value_t = 4 * 1024 * 1024)]
    pub max_message: usize,
    /// Calls at work at the same time; further ones are answered RESOURCE_EXHAUSTED at once. A part behind the gateway
    /// takes eight times as many. By default 64 for each processor, 1024 at most
    #[arg(long, env = "DEALFLOW_MAX_CALLS", default_value_t = calls_by_default(), hide_default_value = true)]
    pub max_calls: usize,
    /// Connections at the same time, of each port; further ones wait. By default 1024, or a quarter of the files that this
    /// process may have open where that is less
    #[arg(long, env = "DEALFLOW_MAX_CONNECTIONS", default_value_t = connections_by_default(), hide_default_value = true)]
    pub max_connections: usize,
    /// Seconds that a peer may take for its handshake, and then for its first words
    #[arg(long, env = "DEALFLOW_MAX_SILENCE", value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    pub max_silence: Duration,
    /// Server streams open at the same time; as many again of parts of the suite, which have places of their own
    #[arg(long, env = "DEALFLOW_MAX_STREAMS", default_value_t = 1024)]
    pub max_streams: usize,
    /// Server streams that one caller by a token may have open at the same time: no one takes all of them
    #[arg(long, env = "DEALFLOW_MAX_STREAMS_PER_CALLER", default_value_t = 128)]
    pub max_streams_per_caller: usize,
    /// Calls and streams of one connection at the same time (HTTP/2)
    #[arg(long, env = "DEALFLOW_MAX_STREAMS_PER_CONNECTION", default_value_t = 512)]
    pub max_streams_per_connection: u32,
    /// Bytes of a call's headers, at most
    #[arg(long, env = "DEALFLOW_MAX_HEADERS", default_value_t = 16 * 1024)]
    pub max_headers: u32,
    /// The longest a handler may take, whatever its caller allows, in seconds
    #[arg(long, env = "DEALFLOW_MAX_DEADLINE", value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    pub max_deadline: Duration,
    /// Seconds between pings on a connection; a peer that does not answer for 10 s is gone
    #[arg(long, env = "DEALFLOW_KEEPALIVE", value_name = "SECONDS", value_parser = seconds, default_value = "20")]
    pub keepalive: Duration,
    /// Seconds after which a connection is asked to be made anew, so that clients find new replicas (0: never)
    #[arg(long, env = "DEALFLOW_MAX_CONNECTION_AGE", value_name = "SECONDS", value_parser = seconds, default_value = "300")]
    pub max_connection_age: Duration,
    /// Seconds after which a stream is to be opened anew, so that its caller is asked again who he is and what he sees
    /// (0: only its token's end ends it)
    #[arg(long, env = "DEALFLOW_MAX_STREAM_AGE", value_name = "SECONDS", value_parser = seconds, default_value = "3600")]
    pub max_stream_age: Duration,
    /// Seconds between saying NOT_SERVING and closing the port, for balancers to notice
    #[arg(long, env = "DEALFLOW_STOP_NOTICE", value_name = "SECONDS", value_parser = seconds, default_value = "0")]
    pub stop_notice: Duration,
    /// Seconds that calls under way may take to end at a stop
    #[arg(long, env = "DEALFLOW_STOP_DRAIN", value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    pub stop_drain: Duration,
    /// Tell the API to whoever asks (gRPC reflection); off for an open network
    #[arg(long, env = "DEALFLOW_REFLECTION", default_value_t = true, action = clap::ArgAction::Set)]
    pub reflection: bool,
    /// Who may come in
    #[command(flatten, next_help_heading = "Security")]
    pub security: SecurityConfig,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            max_message: 4 * 1024 * 1024,
            max_calls: calls_by_default(),
            max_connections: connections_by_default(),
            max_silence: Duration::from_secs(10),
            max_streams: 1024,
            max_streams_per_caller: 128,
            max_streams_per_connection: 512,
            max_headers: 16 * 1024,
            max_deadline: Duration::from_secs(60),
            keepalive: Duration::from_secs(20),
            max_connection_age: Duration::from_secs(300),
            max_stream_age: Duration::from_secs(3600),
            stop_notice: Duration::ZERO,
            stop_drain: Duration::from_secs(10),
            reflection: true,
            security: SecurityConfig::default(),
        }
    }
}

impl ServeConfig {
    pub(crate) fn limits(&self, behind_a_door: bool) -> Limits {
        let calls = if behind_a_door { self.max_calls.saturating_mul(BEHIND_A_DOOR) } else { self.max_calls };
        Limits {
            calls,
            deadline: self.max_deadline,
            message: self.max_message,
            stream_age: self.max_stream_age,
            streams_of_one: self.max_streams_per_caller,
        }
    }
}

/// As many as a processor answers before their callers give up; more would only wait behind each other, and what waits
/// too long is work for nothing (`bench overload` shows it).
fn calls_by_default() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    processors.saturating_mul(CALLS_PER_PROCESSOR).min(CALLS_AT_MOST)
}

/// As many as leave descriptors for the database, for neighbours and for those who ask after health.
fn connections_by_default() -> usize {
    files().map_or(CONNECTIONS, |files| CONNECTIONS.min(files / 4)).max(1)
}

/// How many files this process may have open; nothing where the system does not say so.
fn files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    files.split_whitespace().next()?.parse().ok()
}

/// Seconds with or without a fraction: `10`, `0.5`.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "seconds are expected, such as 10 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches};

    use super::*;

    #[test]
    fn no_flags_mean_the_defaults_of_a_value() {
        let matches = ServeConfig::augment_args(Command::new("serve")).get_matches_from(["serve"]);
        assert_eq!(ServeConfig::from_arg_matches(&matches).ok(), Some(ServeConfig::default()));
    }
}
