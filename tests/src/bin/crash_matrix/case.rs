//! One verb on one database: its way when nothing happens, and how it ends when the suite dies on it.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use dealflow_testbed::{Kind, TestDb};
use dealflow_tests::Sandbox;
use dealflow_tests::faults::Trace;
use dealflow_tests::verbs::{Asked, Verb, difference};

use crate::life::Life;
use crate::points::Point;

/// How often the way is gone undisturbed: what the parts do by themselves has no fixed order.
const UNDISTURBED: usize = 2;
/// How often a death is tried whose point is not reached.
const TRIES: usize = 2;
/// How long a suite that was killed may need to see it.
const SEEN: Duration = Duration::from_secs(10);
/// How long a case may take in all.
const LONGEST: Duration = Duration::from_secs(240);

/// A deal where a verb can be asked, on a database that is copied for each death.
pub(crate) struct Case {
    pub(crate) verb: Verb,
    pub(crate) kind: Kind,
    /// The calls and commits of its way, in the order of the first time.
    pub(crate) sites: Vec<String>,
    db: TestDb,
    asked: Asked,
    /// How the deal stands in the end.
    want: String,
}

/// How a death ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As if nothing had happened.
    Consistent,
    /// Otherwise, and how.
    Failed(String),
    /// The suite did not come by that point.
    NotReached,
}

impl Case {
    /// Makes the deal, and goes the way undisturbed.
    pub(crate) async fn prepare(verb: Verb, kind: Kind) -> anyhow::Result<Self> {
        let db = TestDb::new(kind).await;
        let sandbox = Sandbox::start(&db).await;
        let asked = verb.prepare(&sandbox).await;
        sandbox.rest().await;
        sandbox.stop().await;
        let mut case = Self { verb, kind, sites: Vec::new(), db, asked, want: String::new() };
        for time in 0..UNDISTURBED {
            let (met, ends) = case.undisturbed().await.with_context(|| format!("{} undisturbed", verb.word()))?;
            if time > 0 {
                let difference = difference(&case.want, &ends);
                ensure!(difference.is_none(), "{} ends otherwise each time {difference:?}", verb.word());
            }
            case.want = ends;
            let new: Vec<String> = met.into_iter().filter(|site| !case.sites.contains(site)).collect();
            case.sites.extend(new);
        }
        Ok(case)
    }

    async fn undisturbed(&self) -> anyhow::Result<(Vec<String>, String)> {
        let (copy, trace) = (self.db.copy().await, Trace::new());
        let mut life = Life::begin(&copy, &trace, None).await?;
        self.asked.ask(&life.api, &trace).await?;
        life.rest().await?;
        let (met, ends) = (life.met.clone(), self.asked.end_state(&life.api).await);
        life.finish().await?;
        Ok((met, ends))
    }

    /// Dies at a point, lives again, and compares.
    pub(crate) async fn dies_at(&self, point: &Point) -> Verdict {
        for _ in 0..TRIES {
            match tokio::time::timeout(LONGEST, self.die_once(point)).await {
                Ok(Ok(true)) => return Verdict::Consistent,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => return Verdict::Failed(format!("{error:#}")),
                Err(_) => return Verdict::Failed(format!("no end after {} s", LONGEST.as_secs())),
            }
        }
        Verdict::NotReached
    }

    /// False where the point was not reached.
    async fn die_once(&self, point: &Point) -> anyhow::Result<bool> {
        let (copy, trace) = (self.db.copy().await, Trace::new());
        let mut life = Life::begin(&copy, &trace, Some(point)).await?;
        let answered = self.asked.ask(&life.api, &trace).await;
        match &answered {
            Ok(_) => {
                if life.outlives().await? {
                    return Ok(false);
                }
            }
            // Whoever has no answer sees a connection that ended: its process has ended, or this is another refusal.
            Err(status) => {
                let ended = tokio::time::timeout(SEEN, life.read_to_end()).await;
                ended.with_context(|| format!("not killed, and refused: {status}"))??;
            }
        }
        life.died_at(point).await?;

        let mut next = Life::begin(&copy, &trace, None).await.context("after the death")?;
        next.rest().await.context("after the death")?;
        match (answered, self.asked.ask(&next.api, &trace).await) {
            (_, Err(status)) => bail!("asked again, it is refused: {status}"),
            (Ok(before), Ok(after)) if before != after => {
                let (before, after) = (format!("{before:#?}"), format!("{after:#?}"));
                bail!("asked again, it answers otherwise {}", difference(&before, &after).unwrap_or_default());
            }
            _ => {}
        }
        next.rest().await.context("asked again")?;
        if let Some(difference) = difference(&self.want, &self.asked.end_state(&next.api).await) {
            bail!("it ends otherwise than without a death {difference}");
        }
        next.finish().await.context("what must hold does not")?;
        Ok(true)
    }
}
