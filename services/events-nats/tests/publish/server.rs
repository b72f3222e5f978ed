//! Debian's nats-server on a port and a folder of the test's own.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream;
use dealflow_testbed::eventually;
use tempfile::TempDir;

/// The server; killed at the end.
pub(crate) struct Nats {
    program: PathBuf,
    arguments: Vec<String>,
    child: Child,
    port: u16,
    folder: TempDir,
}

/// A message of the stream.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) subject: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) data: Vec<u8>,
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Nats {
    /// Starts one.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// Starts one with arguments; none, said in one line, where it is not installed and need not be.
    pub(crate) async fn start_with(arguments: &[&str]) -> Option<Self> {
        let Some(program) = program() else {
            let required = std::env::var_os("DEALFLOW_REQUIRE_NATS").is_some_and(|value| value == "1");
            assert!(!required, "nats-server is not installed, and DEALFLOW_REQUIRE_NATS=1 asks for it");
            eprintln!("not run: nats-server is not installed");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let folder = tempfile::tempdir().expect("a folder");
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let child = spawn(&program, &arguments, port, folder.path());
        let nats = Self { program, arguments, child, port, folder };
        nats.answers().await;
        Some(nats)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// SIGKILL: nothing is told before.
    pub(crate) fn kill(&mut self) {
        // It may be dead already, which is as good.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }

    /// The same server again, on what it had stored.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.program, &self.arguments, self.port, self.folder.path());
        self.answers().await;
    }

    /// The server again, on an empty disk.
    pub(crate) async fn restart_empty(&mut self) {
        self.kill();
        self.folder = tempfile::tempdir().expect("a folder");
        self.restart().await;
    }

    async fn answers(&self) {
        eventually("the server to answer", Duration::from_secs(30), || async {
            tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok().then_some(())
        })
        .await;
    }

    /// All messages of the stream, in its order; none while it is not there.
    pub(crate) async fn seen(&self) -> Option<Vec<Seen>> {
        let client = async_nats::connect(self.url()).await.ok()?;
        let mut stream = jetstream::new(client).get_stream("DEALFLOW").await.ok()?;
        let last = stream.info().await.ok()?.state.last_sequence;
        let mut all = Vec::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await.ok()?;
            let headers = message
                .headers
                .iter()
                .map(|(name, values)| (name.to_string(), values.first().map(ToString::to_string).unwrap_or_default()));
            let (subject, headers) = (message.subject.to_string(), headers.collect());
            all.push(Seen { subject, headers, data: message.payload.to_vec() });
        }
        Some(all)
    }
}

/// Where it is: on PATH, or where Debian puts it, which is not on everybody's.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("nats-server"))
        .find(|program| program.is_file())
}

fn spawn(program: &Path, arguments: &[String], port: u16, folder: &Path) -> Child {
    Command::new(program)
        .args(["--jetstream", "--addr", "127.0.0.1", "--port", &port.to_string(), "--store_dir"])
        .arg(folder)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts")
}
