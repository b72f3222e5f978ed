//! The one who dies: the whole suite in a process of its own, on a database that it is given.
//!
//! It talks in lines. It says `listening ADDRESS`, then `met SITE` for each call and commit of the verb, `dying POINT` as
//! its last word. It is told `rest`, and says `rested` when nothing is on its way any more; it is told `finish`, checks
//! what must hold in a suite at rest, stops in order, and says `finished`. What does not hold is a panic.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use chrono::TimeDelta;
use clap::Args;
use dealflow::suite::{Databases, PartName, Plan};
use dealflow_tests::Sandbox;
use secrecy::SecretString;

use crate::points::{Moment, Point, Points};

/// Connections of each part: four suites beside each other stay far below the cluster's 400.
const CONNECTIONS: u32 = 4;

/// A suite that may die.
#[derive(Debug, Args)]
pub(crate) struct Child {
    /// Folder of SQLite files
    #[arg(long, required_unless_present = "url")]
    data: Option<PathBuf>,
    /// Database on PostgreSQL
    #[arg(long)]
    url: Option<String>,
    /// The verb's trace
    #[arg(long)]
    trace: String,
    /// Where it dies
    #[arg(long, requires = "moment")]
    site: Option<String>,
    /// When it dies there
    #[arg(long, value_enum)]
    moment: Option<Moment>,
}

impl Child {
    /// Lives until it is told to finish, or dies.
    pub(crate) async fn live(self) -> anyhow::Result<()> {
        let death = self.site.zip(self.moment).map(|(site, moment)| Point { site, moment });
        let points = Points::new(self.trace, death);
        let mut plan = Plan::embedded(".");
        plan.databases = Databases {
            database_url: self.url.map(SecretString::from),
            database_connections: CONNECTIONS,
            ..Databases::embedded(self.data.unwrap_or_default())
        };
        plan.wrap = points.wrap();
        plan.wrap_commits = Some(points.wrap_commits());
        // Nobody asks what it can do, and it is half of a start.
        plan.serve.reflection = false;
        // The next life waits for the end of this one's leases: here it comes soon.
        plan.gateway.handoff.look_up_deadline = Duration::from_secs(1);
        plan.gateway.handoff.call_deadline = Duration::from_secs(3);
        plan.gateway.handoff.lease = TimeDelta::seconds(5);
        let sandbox = Sandbox::planned(plan).await;
        println!("listening {}", sandbox.address(PartName::Gateway));
        while let Some(word) = tokio::task::block_in_place(|| std::io::stdin().lines().next()) {
            match word?.as_str() {
                "rest" => {
                    sandbox.rest().await;
                    println!("rested");
                }
                "finish" => {
                    sandbox.finish().await;
                    println!("finished");
                    return Ok(());
                }
                other => bail!("`{other}` is none of rest, finish"),
            }
        }
        // Whoever asked is gone.
        Ok(())
    }
}
