//! Where events are published, and what the stream is like that is made there.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::ServerAddr;
use async_nats::jetstream::stream;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};

/// Where events are published.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `nats://[user:password@]host:port`, or `tls://…`; several servers of one cluster with commas between them, and the
    /// password of the first that has one.
    pub url: SecretString,
    /// Authorities (PEM) whose certificates are believed; those of the system where there are none.
    pub ca: Option<PathBuf>,
    /// The stream; made where it is not there.
    pub stream: String,
    /// The first word of all subjects.
    pub prefix: String,
    /// How long a stream that is made here keeps events.
    pub keep: Duration,
    /// How long a stream that is made here knows a message id again.
    pub window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: SecretString::default(),
            ca: None,
            stream: "DEALFLOW".to_owned(),
            prefix: "dealflow".to_owned(),
            keep: Duration::from_secs(7 * 24 * 3600),
            window: Duration::from_secs(600),
        }
    }
}

impl Settings {
    /// Whether these can be: words that NATS takes, addresses, and no address that others on the network could read
    /// along, unless that is `insecure` with everybody's knowledge.
    ///
    /// # Errors
    /// What is wrong, in one sentence.
    pub fn check(&self, insecure: bool) -> Result<(), String> {
        let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        for (what, word) in [("stream", &self.stream), ("first word of subjects", &self.prefix)] {
            if word.is_empty() || !word.bytes().all(sign) {
                return Err(format!("`{word}` is no {what}: letters, digits, - and _"));
            }
        }
        for server in self.servers()? {
            let here = matches!(server.host(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
            if server.scheme() != "tls" && !here && !insecure {
                let host = server.host();
                return Err(format!(
                    "events would go to {host} unencrypted; say tls://, or --insecure where the network itself keeps \
                     everybody out"
                ));
            }
        }
        Ok(())
    }

    /// The servers. What is wrong with an address is told without it: it may hold a password.
    pub(crate) fn servers(&self) -> Result<Vec<ServerAddr>, String> {
        let parse = |url: &str| match url.trim().parse::<ServerAddr>() {
            Ok(server) if ["nats", "tls"].contains(&server.scheme()) && !server.host().is_empty() => Ok(server),
            _ => Err("that is no address of NATS; one is nats://127.0.0.1:4222".to_owned()),
        };
        self.url.expose_secret().split(',').map(parse).collect()
    }

    /// Who says so with which password, if anybody: the client library does not look at the addresses for it.
    pub(crate) fn user(&self) -> Option<(String, String)> {
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let servers = self.servers().ok()?;
        servers.iter().find_map(|server| Some((plain(server.username()?), plain(server.password()?))))
    }

    /// The stream as it is made where it is not there.
    pub(crate) fn stream(&self) -> stream::Config {
        stream::Config {
            name: self.stream.clone(),
            subjects: vec![format!("{}.>", self.prefix)],
            max_age: self.keep,
            duplicate_window: self.window.min(self.keep),
            ..stream::Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Settings {
        Settings { url: url.into(), ..Settings::default() }
    }

    #[test]
    fn r_sec_1_events_go_nowhere_unencrypted_and_a_password_is_never_shown() {
        for fine in ["nats://127.0.0.1", "localhost:4222", "tls://a.test,tls://b.test:4223"] {
            assert_eq!(at(fine).check(false), Ok(()), "{fine}");
        }
        let settings = at("tls://a.test,nats://us:s3cret@b.test");
        let told = settings.check(false).expect_err("b.test would be read along");
        assert!(told.contains("b.test unencrypted") && !told.contains("s3cret"), "{told}");
        assert_eq!(settings.check(true), Ok(()));
        assert!(!format!("{settings:?}").contains("s3cret"));
        let told = at("http://us:s3cret@b.test").check(true).expect_err("another protocol");
        assert!(told.contains("no address of NATS") && !told.contains("s3cret"), "{told}");
    }

    #[test]
    fn a_password_may_have_any_sign() {
        let user = at("tls://a.test,tls://us:p%40ss%2Fword@b.test").user();
        assert_eq!(user, Some(("us".to_owned(), "p@ss/word".to_owned())));
        assert_eq!(at("tls://a.test").user(), None);
    }

    #[test]
    fn a_stream_and_a_prefix_are_words() {
        for word in ["", "two words", "a.b", "a>"] {
            assert!(Settings { stream: word.to_owned(), ..at("localhost") }.check(false).is_err(), "{word}");
            assert!(Settings { prefix: word.to_owned(), ..at("localhost") }.check(false).is_err(), "{word}");
        }
    }
}
