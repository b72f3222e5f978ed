//! A child as its parent sees it: its address, its lines, its end.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use anyhow::{Context as _, bail, ensure};
use dealflow::api::Api;
use dealflow_chassis::StoreConfig;
use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_testbed::TestDb;
use dealflow_tests::faults::Trace;
use dealflow_tests::sandbox::ACTOR;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::points::Point;

/// A suite's life in a process of its own; it ends with this value.
pub(crate) struct Life {
    /// Its clients, over TCP.
    pub(crate) api: Api,
    /// The sites of the verb that it has told of, in order.
    pub(crate) met: Vec<String>,
    last: String,
    /// Where it said that it dies; what else ran may have said something behind that.
    dying: Option<String>,
    process: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
    complaints: JoinHandle<String>,
}

impl Life {
    /// Starts a suite on a database, to die at a point or not to die.
    pub(crate) async fn begin(db: &TestDb, trace: &Trace, death: Option<&Point>) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["child", "--trace", trace.id()]);
        match db.config_for("gateway") {
            StoreConfig::Sqlite { path, .. } => command.arg("--data").arg(path.parent().context("a folder")?),
            StoreConfig::Postgres { url, .. } => command.arg("--url").arg(url.expose_secret()),
        };
        if let Some(point) = death {
            command.args(["--site", &point.site, "--moment", point.moment.word()]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().context("the suite's process does not start")?;
        let to = process.stdin.take().context("its stdin")?;
        let mut from = BufReader::new(process.stdout.take().context("its stdout")?).lines();
        let mut stderr = process.stderr.take().context("its stderr")?;
        let complaints = tokio::spawn(async move {
            let mut text = String::new();
            // What cannot be read is not told.
            let _read = stderr.read_to_string(&mut text).await;
            text
        });
        // A flow that a death left behind may be taken up again before the suite says where it listens.
        let (mut met, mut last) = (Vec::new(), String::new());
        while let Some(line) = from.next_line().await? {
            if let Some(address) = line.strip_prefix("listening ") {
                let api = Api::new(&Link::remote(address, &LinkConfig::default())?, ACTOR);
                return Ok(Self { api, met, last: line, dying: None, process, to, from, complaints });
            }
            met.extend(line.strip_prefix("met ").map(str::to_owned));
            last = line;
        }
        bail!("the suite does not start, its last words are `{last}`: {}", complaints.await.unwrap_or_default().trim())
    }

    /// Tells it a word, and reads on until it says the other; false where its lines end before.
    async fn tell(&mut self, word: &str, until: &str) -> anyhow::Result<bool> {
        // One who is dead cannot be told, and says nothing.
        let _told = self.to.write_all(format!("{word}\n").as_bytes()).await;
        self.read(Some(until)).await
    }

    /// Reads on to its last line.
    pub(crate) async fn read_to_end(&mut self) -> anyhow::Result<()> {
        self.read(None).await.map(drop)
    }

    async fn read(&mut self, until: Option<&str>) -> anyhow::Result<bool> {
        while let Some(line) = self.from.next_line().await? {
            if let Some(site) = line.strip_prefix("met ") {
                self.met.push(site.to_owned());
            }
            if let Some(point) = line.strip_prefix("dying ") {
                self.dying = Some(point.to_owned());
            }
            let seen = until == Some(line.as_str());
            self.last = line;
            if seen {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Its end, when its lines have ended: by SIGKILL from its own hand at this point, and nothing else.
    pub(crate) async fn died_at(mut self, point: &Point) -> anyhow::Result<()> {
        let status = self.process.wait().await?;
        if status.signal() == Some(9) && self.dying == Some(point.to_string()) {
            return Ok(());
        }
        bail!("it did not die at its point: {}", self.told(status).await)
    }

    /// Comes to rest, and to its end without a death; false where it died on the way.
    pub(crate) async fn outlives(&mut self) -> anyhow::Result<bool> {
        Ok(self.tell("rest", "rested").await? && self.tell("finish", "finished").await?)
    }

    /// What must hold in a suite at rest holds, and it stops in order.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        let finished = self.tell("finish", "finished").await?;
        let status = self.process.wait().await?;
        ensure!(finished && status.success(), "{}", self.told(status).await);
        Ok(())
    }

    /// Waits until nothing is on its way.
    pub(crate) async fn rest(&mut self) -> anyhow::Result<()> {
        if self.tell("rest", "rested").await? {
            return Ok(());
        }
        let status = self.process.wait().await?;
        let complaints = std::mem::replace(&mut self.complaints, tokio::spawn(async { String::new() }));
        bail!("it does not come to rest: {status}: {}", complaints.await.unwrap_or_default().trim())
    }

    async fn told(self, status: ExitStatus) -> String {
        format!("{status}, its last line `{}`: {}", self.last, self.complaints.await.unwrap_or_default().trim())
    }
}
