//! The crash matrix: the suite dies before, inside and after every commit and every call of close, fulfill and hand-over,
//! lives again, and the deal must end as if nothing had happened (R-FLW-1, R-ERP-1).
//!
//! - [`points`]: where it can die, and how it does
//! - [`child`]: the one who dies, a process that is the whole suite; [`life`]: how its parent sees it
//! - [`case`]: one verb on one database, undisturbed and with each death
//! - [`table`]: what is shown
//!
//! `cargo run -p dealflow-tests --bin crash_matrix -- --help`

mod case;
mod child;
mod life;
mod points;
mod table;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::ensure;
use clap::{Parser, Subcommand, ValueEnum};
use dealflow_testbed::{Kind, postgres_available};
use dealflow_tests::verbs::Verb;
use futures::stream::{self, StreamExt, TryStreamExt};

use case::{Case, Verdict};
use child::Child;
use points::{Moment, Point};
use table::{Death, Matrix, word};

/// Close in all its ways, and fulfill; what they hand over to the ERP goes on behind them, and is killed too.
const VERBS: [Verb; 6] =
    [Verb::AcceptAndWin, Verb::WinWithQuote, Verb::WinWithoutQuote, Verb::CompleteWinning, Verb::Lose, Verb::Fulfill];

/// How often it is told how far it is.
const TOLD: usize = 50;

/// Kills the suite at every point of a verb, and looks whether the deal ends as if nothing had happened
///
/// For each verb a deal is made once, and the verb is asked on a copy of its database: that tells the points, and how the
/// deal stands in the end. Then, for each point, on a fresh copy: the suite runs in a process of its own, is asked the verb
/// over TCP, and at the point kills itself by SIGKILL. It is started again; what was under way ends by itself; the caller
/// asks again with the same request id. The deal must then stand as it does without a death, and in the whole suite
/// nothing may be lost, doubled or left undone: flows, hand-overs, numbers, one document per id in the ERP, its totals.
///
/// A point is a place and a moment. Places are calls to a neighbour (`orders AcceptQuote 1`: the first of its kind), the
/// commits that the callee makes for it (`orders AcceptQuote 1 commit 1`), and the commits that a part makes by itself
/// (`gateway commit 3`: flows, claims and outcomes of hand-overs, positions of feeds). Moments are `before` (nothing is
/// sent), `inside` (the callee has begun, the database has its COMMIT), `after` (done, and the caller has not seen it).
/// What a part does by itself has no fixed order: some of its later commits are not reached every time, which is told.
///
/// Ends non-zero if any death ends otherwise. Ctrl-C ends it early, with the table of what was tried. PostgreSQL is started for the run where it is installed.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Drill {
    /// Only this verb; again for more. Close, fulfill and their hand-overs where it is not said
    #[arg(long, value_enum, hide_possible_values = true)]
    verb: Vec<Verb>,
    /// Only points that this text is in, such as 'erp SubmitOrder 1 after' or 'gateway commit'; again for more
    #[arg(long, value_name = "TEXT")]
    point: Vec<String>,
    /// On which database
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    database: Databases,
    /// How many deaths at a time
    #[arg(long, default_value_t = 4)]
    side_by_side: usize,
    /// Only tells the way of each verb: its calls and commits, in order
    #[arg(long)]
    list: bool,
    /// For machines
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    child: Option<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Databases {
    Sqlite,
    Postgres,
    Both,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// The one who dies
    #[command(hide = true)]
    Child(Child),
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut drill = Drill::parse();
    if let Some(Part::Child(child)) = drill.child.take() {
        child.live().await?;
        return Ok(ExitCode::SUCCESS);
    }
    let begun = Instant::now();
    let kinds = drill.kinds()?;
    let cases = drill.cases(&kinds).await?;
    if drill.list {
        for case in &cases {
            println!("{} on {}:\n  {}", case.verb.word(), word(case.kind), case.sites.join("\n  "));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let matrix = Matrix { deaths: drill.die(&cases).await?, kinds, seconds: begun.elapsed().as_secs_f64() };
    if drill.json {
        println!("{}", serde_json::to_string_pretty(&matrix.json())?);
    } else {
        matrix.print();
    }
    let good = matrix.failed() == 0 && matrix.consistent() > 0;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Drill {
    fn kinds(&self) -> anyhow::Result<Vec<Kind>> {
        let kinds = match self.database {
            Databases::Sqlite => vec![Kind::Sqlite],
            Databases::Postgres => vec![Kind::Postgres],
            Databases::Both => vec![Kind::Sqlite, Kind::Postgres],
        };
        let possible = !kinds.contains(&Kind::Postgres) || postgres_available().is_some();
        ensure!(possible, "PostgreSQL is not installed; --database sqlite does without");
        Ok(kinds)
    }

    /// Each verb on each database, verb by verb.
    async fn cases(&self, kinds: &[Kind]) -> anyhow::Result<Vec<Arc<Case>>> {
        let verbs = if self.verb.is_empty() { VERBS.to_vec() } else { self.verb.clone() };
        let all = verbs.into_iter().flat_map(|verb| kinds.iter().map(move |kind| (verb, *kind)));
        stream::iter(all)
            .map(|(verb, kind)| async move {
                let case = Case::prepare(verb, kind).await?;
                eprintln!("{} on {}: {} calls and commits", verb.word(), word(kind), case.sites.len());
                Ok(Arc::new(case))
            })
            .buffered(self.side_by_side.max(1))
            .try_collect()
            .await
    }

    fn is_wanted(&self, point: &Point) -> bool {
        let name = point.to_string();
        self.point.is_empty() || self.point.iter().any(|text| name.contains(text))
    }

    /// All deaths, in the order of the ways.
    async fn die(&self, cases: &[Arc<Case>]) -> anyhow::Result<Vec<Death>> {
        let points = cases.iter().flat_map(|case| {
            let of_site = |site: &String| Moment::ALL.map(|moment| Point { site: site.clone(), moment });
            case.sites.iter().flat_map(of_site).map(|point| (case.clone(), point))
        });
        let points: Vec<(Arc<Case>, Point)> = points.filter(|(_, point)| self.is_wanted(point)).collect();
        ensure!(!points.is_empty(), "no point is called so; --list tells their names");
        let (all, done) = (points.len(), AtomicUsize::new(0));
        let deaths = stream::iter(points.into_iter().enumerate()).map(|(place, (case, point))| {
            let done = &done;
            async move {
                let (verb, kind) = (case.verb, case.kind);
                let dying = point.clone();
                // A task of its own: what panics in it is the failure of this one.
                let verdict = tokio::spawn(async move { case.dies_at(&dying).await }).await;
                let verdict = verdict.unwrap_or_else(|error| Verdict::Failed(error.to_string()));
                if let Verdict::Failed(reason) = &verdict {
                    eprintln!("{} on {}, {point}: {reason}", verb.word(), word(kind));
                }
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                if done.is_multiple_of(TOLD) {
                    eprintln!("{done} of {all}");
                }
                (place, Death { verb, kind, point, verdict })
            }
        });
        let deaths = deaths.buffer_unordered(self.side_by_side.max(1)).take_until(tokio::signal::ctrl_c());
        let mut deaths: Vec<(usize, Death)> = deaths.collect().await;
        if deaths.len() < all {
            eprintln!("stopped: {} of {all} points were not tried", all - deaths.len());
        }
        deaths.sort_by_key(|(place, _)| *place);
        Ok(deaths.into_iter().map(|(_, death)| death).collect())
    }
}
