//! `dealflow bench overload`: what a running suite does with one, two and three times the calls that it can answer.
//!
//! What it can answer is measured first, by callers who wait. Then calls come at a rate, answered or not, as the world's
//! do. Goodput is what was answered OK before its deadline. A suite that is built to be overloaded keeps it.
//!
//! What a run leaves undone (feeds, hand-overs, audit) is worked off in the next, and tables grow: so each rate has its
//! turn early and late, and the mean of its runs counts.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use dealflow_proto::gateway::v1::QualifyLeadRequest;
use serde::Serialize;
use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::deal;
use super::stats::{Samples, Summary};
use crate::api::{Api, new_id};
use crate::client::{Client, token};
use crate::commands::machine;
use crate::show;

const EXAMPLES: &str = "\
Examples:
  dealflow serve &
  dealflow bench overload --gateway http://127.0.0.1:7400
  dealflow bench overload --gateway http://127.0.0.1:7400 --verb capture --seconds 30 --json

It ends with 1 where goodput at three times the capacity is below nine tenths of the best. The suite runs elsewhere, so that
it can be limited by --max-calls; what the callers themselves cost is told, where they share its machine.";

/// Connections of the callers: one would be a bottleneck of its own.
const CONNECTIONS: usize = 8;
/// Times the capacity, at most.
const MOST: u32 = 3;
/// How often calls are begun.
const TICK: Duration = Duration::from_millis(2);
/// How long a suite is left alone before each run.
const REST: Duration = Duration::from_secs(2);
/// What has to be left of the best goodput at three times the capacity.
const KEPT: f64 = 0.9;

/// What is asked again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Verb {
    /// A lead is created: one service, one transaction
    Capture,
    /// A lead is qualified: account, contact, opportunity and its process, by a flow over three services
    Qualify,
}

/// Arguments of `bench overload`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Overload {
    /// The suite that is loaded
    #[arg(long, env = "DEALFLOW_GATEWAY", value_name = "URL")]
    gateway: String,
    /// Authorities (PEM) to believe of a gateway at https://; those that browsers believe where it is not said
    #[arg(long, env = "DEALFLOW_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// File with the token that says who calls; the variable DEALFLOW_TOKEN may hold the token itself
    #[arg(long, env = "DEALFLOW_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// What is called
    #[arg(long, value_enum, default_value_t = Verb::Qualify)]
    verb: Verb,
    /// Seconds of each run
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// How often each rate has its turn, upwards and downwards in turns
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Callers who wait for their answers, by whom the capacity is found
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..))]
    callers: u64,
    /// Milliseconds after which an answer is worth nothing
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    deadline: u64,
    /// The result as JSON
    #[arg(long)]
    json: bool,
}

/// What a run came to.
#[derive(Debug, Serialize)]
struct Run {
    /// Times the capacity; none where callers wait.
    times: Option<u32>,
    /// Calls begun a second.
    offered_per_second: f64,
    /// Calls answered OK before their deadline, a second.
    goodput_per_second: f64,
    /// Of those.
    answered: Summary,
    /// Other answers a second, by their code.
    others: BTreeMap<String, f64>,
    /// Processor seconds of the callers per second.
    callers_processor: f64,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    verb: String,
    /// What callers found who wait: the rates below are multiples of it.
    capacity: Run,
    /// In the order in which they ran.
    runs: Vec<Run>,
    /// Mean goodput by times the capacity, calls a second; 0 is where callers wait for their answers.
    goodput: BTreeMap<u32, f64>,
    /// Mean goodput at three times the capacity over the best mean.
    kept: f64,
}

/// Leads that are still to be qualified.
type Leads = Mutex<VecDeque<String>>;

/// Who calls, and with what.
#[derive(Clone)]
struct Callers {
    apis: Arc<Vec<Api>>,
    next: Arc<AtomicUsize>,
    verb: Verb,
    deadline: Duration,
    leads: Arc<Leads>,
}

/// Answers of one run.
#[derive(Debug, Default)]
struct Answers {
    good: Samples,
    others: BTreeMap<String, u64>,
}

impl Answers {
    fn add(&mut self, took: Duration, answer: Result<(), Status>) {
        match answer {
            Ok(()) => self.good.add(took),
            Err(status) => *self.others.entry(format!("{:?}", status.code())).or_default() += 1,
        }
    }

    fn add_all(&mut self, other: Self) {
        self.good.add_all(other.good);
        for (code, count) in other.others {
            *self.others.entry(code).or_default() += count;
        }
    }

    fn run(self, times: Option<u32>, began: Instant, seconds: f64, processor: f64) -> Run {
        let per_second = |count: u64| count as f64 / seconds;
        let answered = self.good.summary();
        let others: u64 = self.others.values().sum();
        Run {
            times,
            offered_per_second: per_second(answered.count as u64 + others),
            goodput_per_second: per_second(answered.count as u64),
            answered,
            others: self.others.into_iter().map(|(code, count)| (code, per_second(count))).collect(),
            callers_processor: (machine::cpu_seconds() - processor) / began.elapsed().as_secs_f64(),
        }
    }
}

impl Callers {
    /// One call by whose turn it is.
    async fn call(&self) -> anyhow::Result<(Duration, Result<(), Status>)> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let api = &self.apis[turn % self.apis.len()];
        let lead = match self.verb {
            Verb::Capture => String::new(),
            Verb::Qualify => self.lead().context("no lead is left to qualify: the leads were made too slowly")?,
        };
        let began = Instant::now();
        let answer = match self.verb {
            Verb::Capture => {
                let mut ask = api.ask(deal::lead(turn as u64));
                ask.set_timeout(self.deadline);
                api.leads.clone().create_lead(ask).await.map(drop)
            }
            Verb::Qualify => {
                let ask = QualifyLeadRequest { lead: lead.clone(), request_id: new_id(), ..Default::default() };
                let mut ask = api.ask(ask);
                ask.set_timeout(self.deadline);
                api.deals.clone().qualify_lead(ask).await.map(drop)
            }
        };
        let took = began.elapsed();
        if self.verb == Verb::Qualify && answer.as_ref().is_err_and(|status| status.code() == Code::ResourceExhausted) {
            // Nothing was done: somebody may try it again.
            self.leads.lock().unwrap_or_else(PoisonError::into_inner).push_back(lead);
        }
        let answer =
            answer.and_then(|()| if took <= self.deadline { Ok(()) } else { Err(Status::deadline_exceeded("")) });
        Ok((took, answer))
    }

    fn lead(&self) -> Option<String> {
        self.leads.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// So many callers who wait for their answers.
    async fn waiting(&self, callers: u64, seconds: u64) -> anyhow::Result<Run> {
        let (began, processor) = (Instant::now(), machine::cpu_seconds());
        let mut working = JoinSet::new();
        for _ in 0..callers {
            let me = self.clone();
            working.spawn(async move {
                let mut answers = Answers::default();
                while began.elapsed() < Duration::from_secs(seconds) {
                    let (took, answer) = me.call().await?;
                    answers.add(took, answer);
                }
                anyhow::Ok(answers)
            });
        }
        let mut all = Answers::default();
        while let Some(answers) = working.join_next().await {
            all.add_all(answers.context("a caller ended")??);
        }
        Ok(all.run(None, began, began.elapsed().as_secs_f64(), processor))
    }

    /// Calls at a rate, whatever becomes of them.
    async fn offered(&self, times: u32, rate: f64, seconds: u64) -> anyhow::Result<Run> {
        let (began, processor) = (Instant::now(), machine::cpu_seconds());
        let mut calls = JoinSet::new();
        let mut all = Answers::default();
        let mut begun = 0_u64;
        let mut tick = tokio::time::interval(TICK);
        while began.elapsed() < Duration::from_secs(seconds) {
            tick.tick().await;
            while (begun as f64) < began.elapsed().as_secs_f64() * rate {
                let me = self.clone();
                calls.spawn(async move { me.call().await });
                begun += 1;
            }
            while let Some(answer) = calls.try_join_next() {
                let (took, answer) = answer.context("a call ended")??;
                all.add(took, answer);
            }
        }
        while let Some(answer) = calls.join_next().await {
            let (took, answer) = answer.context("a call ended")??;
            all.add(took, answer);
        }
        Ok(all.run(Some(times), began, seconds as f64, processor))
    }
}

impl Overload {
    /// Runs the bench and prints its report.
    pub(super) async fn run(&self) -> anyhow::Result<()> {
        let token = token(self.token_file.as_deref())?;
        let connect = || Client::secured(&self.gateway, self.ca.as_deref(), token.clone());
        let clients = (0..CONNECTIONS).map(|_| connect()).collect::<anyhow::Result<Vec<_>>>()?;
        let callers = Callers {
            apis: Arc::new(clients.iter().map(|client| Api::new(&client.link, "bench")).collect()),
            next: Arc::default(),
            verb: self.verb,
            deadline: Duration::from_millis(self.deadline),
            leads: Arc::default(),
        };
        let report = self.measure(&callers).await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print(&report);
        }
        let kept = report.kept;
        ensure!(kept >= KEPT, "goodput at three times the capacity is {:.0} % of the best", kept * 100.0);
        Ok(())
    }

    async fn measure(&self, callers: &Callers) -> anyhow::Result<Report> {
        if self.verb == Verb::Qualify {
            self.leads(callers).await?;
        }
        callers.waiting(self.callers, self.seconds.div_ceil(5)).await?; // warms up, and is not counted
        let capacity = callers.waiting(self.callers, self.seconds).await?;
        let most = capacity.goodput_per_second;
        ensure!(most > 0.0, "no call was answered in time: {:?}", capacity.others);
        let mut runs = Vec::new();
        for round in 0..self.rounds {
            let upwards = round % 2 == 0;
            for turn in 0..=MOST {
                let times = if upwards { turn } else { MOST - turn };
                tokio::time::sleep(REST).await;
                runs.push(match times {
                    0 => callers.waiting(self.callers, self.seconds).await?,
                    _ => callers.offered(times, most * f64::from(times), self.seconds).await?,
                });
            }
        }
        let of = |times: u32| {
            let its = runs.iter().filter(|run| run.times.unwrap_or(0) == times).map(|run| run.goodput_per_second);
            (times, its.sum::<f64>() / self.rounds as f64)
        };
        let goodput: BTreeMap<u32, f64> = (0..=MOST).map(of).collect();
        let best = goodput.values().copied().fold(0.0, f64::max);
        let kept = goodput.get(&MOST).map_or(0.0, |at_most| at_most / best);
        Ok(Report { verb: format!("{:?}", self.verb).to_lowercase(), capacity, runs, goodput, kept })
    }

    /// Makes leads for as long as a run of each round takes: more than can be qualified in all of them, as each costs a fraction of that.
    async fn leads(&self, callers: &Callers) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut working = JoinSet::new();
        for caller in 0..self.callers {
            let (me, seconds) = (callers.clone(), self.seconds * self.rounds);
            working.spawn(async move {
                let api = &me.apis[caller as usize % me.apis.len()];
                while began.elapsed() < Duration::from_secs(seconds) {
                    let lead = api.leads.clone().create_lead(api.ask(deal::lead(caller))).await?.into_inner();
                    me.leads.lock().unwrap_or_else(PoisonError::into_inner).push_back(lead.name);
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = working.join_next().await {
            done.context("a caller ended")??;
        }
        Ok(())
    }
}

fn print(report: &Report) {
    println!("{}, over the wire; at first by callers who wait, then at a rate", report.verb);
    let heads = ["times", "offered/s", "goodput/s", "p50 ms", "p99 ms", "other answers/s", "callers' processors"];
    let mut table = show::table(&heads);
    for run in [&report.capacity].into_iter().chain(&report.runs) {
        let others: Vec<_> = run.others.iter().map(|(code, rate)| format!("{code} {rate:.0}")).collect();
        table.add_row([
            run.times.map_or("waiting".to_owned(), |times| times.to_string()),
            format!("{:.0}", run.offered_per_second),
            format!("{:.0}", run.goodput_per_second),
            format!("{:.1}", run.answered.p50_ms),
            format!("{:.1}", run.answered.p99_ms),
            if others.is_empty() { "none".to_owned() } else { others.join(", ") },
            format!("{:.2}", run.callers_processor),
        ]);
    }
    println!("{table}");
    let rate = |times: &u32| if *times == 0 { "waiting".to_owned() } else { format!("{times} times") };
    let means: Vec<_> =
        report.goodput.iter().map(|(times, goodput)| format!("{} {goodput:.0}/s", rate(times))).collect();
    println!(
        "goodput on the mean: {}; at three times the capacity {:.0} % of the best",
        means.join(", "),
        report.kept * 100.0
    );
}
