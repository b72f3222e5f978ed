//! Runs a flow from the top until it ends: completed, refused, parked, or somebody else's.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use dealflow_chassis::Refusal;
use dealflow_chassis::link::{Sent, sent, was_repeated};
use dealflow_chassis::telemetry::{TARGET, span_with_parent};
use dealflow_proto::gateway::v1::DealProgress;
use futures::FutureExt;
use prost::Message;
use rand::Rng;
use sea_orm::EntityTrait;
use tokio::sync::watch;
use tonic::{Code, Status};
use tracing::Instrument;

use super::stop::{Stop, Stopped, bytes_of, parked};
use super::stored::{Begin, Flow, Mode, Origin};
use super::table::{Completed, Entity, State};
use super::writer::Wish;
use super::{Inner, Run, remembered};
use crate::meters::Driven;

/// The wait after the first fault; it doubles up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(50);
/// The longest wait between two runs.
const LONGEST: Duration = Duration::from_secs(2);
/// How often in a row a service may answer INTERNAL before the flow is parked: waiting does not mend a defect.
const DEFECTS: u32 = 8;
/// How often a verb that is not stored is tried; its caller can ask again.
const UNSTORED_TRIES: u32 = 5;

/// How a flow ended for those who wait.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// With this answer.
    Done(Result<Arc<DealProgress>, Status>),
    /// Not here: the table says more.
    Elsewhere,
}

/// Drives a flow to its end. Leaves an outcome in any case.
pub(super) async fn drive(flows: Arc<Inner>, flow: Arc<Flow>, told: watch::Sender<Option<Outcome>>) {
    let span = tracing::info_span!(
        target: TARGET, "flow", verb = flow.verb, flow = %flow.id, trace_id = tracing::field::Empty
    );
    let span = span_with_parent(flow.context.traceparent.as_deref(), span);
    let tell = |outcome| told.send_replace(Some(outcome));
    let driven = Driven::begin(&flow.verb);
    let ended = until_end(&flows, &flow, &told).instrument(span).await;
    driven.ended(ended.word());
    match ended {
        End::Completed(progress) => {
            let progress = Arc::new(*progress);
            tell(Outcome::Done(Ok(progress.clone())));
            complete(&flows, &flow, &progress).await;
            flows.forget(&flow);
        }
        // Nobody may join a flow that is to be forgotten, so this goes first.
        End::Refused(_, status) => {
            flows.forget(&flow);
            tell(Outcome::Done(Err(status)));
        }
        End::Elsewhere => {
            flows.forget(&flow);
            tell(Outcome::Elsewhere);
        }
    }
}

/// How a flow ended.
enum End {
    Completed(Box<DealProgress>),
    /// In one of the ways that [`End::word`] knows.
    Refused(Refused, Status),
    Elsewhere,
}

/// What became of a flow that was refused.
enum Refused {
    /// Nothing had changed, and nothing is remembered.
    AtOnce,
    /// An operator decides.
    Parked,
    /// What was done is taken back.
    Compensated,
}

impl End {
    /// The end in a word, for the metrics.
    fn word(&self) -> &'static str {
        match self {
            Self::Completed(_) => "completed",
            Self::Refused(Refused::AtOnce, _) => "refused",
            Self::Refused(Refused::Parked, _) => "parked",
            Self::Refused(Refused::Compensated, _) => "compensated",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// The answer is on its way already; if this is lost, the flow runs again and ends with the same answer.
async fn complete(flows: &Inner, flow: &Flow, progress: &DealProgress) {
    if !flow.is_stored() {
        return;
    }
    let at = flow.began.max(flows.store.clock().now());
    let answer = progress.encode_to_vec();
    let done = Completed { id: flow.id, fence: flow.fence(), answer, runs: flow.runs(), at };
    if let Err(refusal) = flow.write(Wish::Complete(done)).await {
        tracing::warn!(flow = %flow.id, %refusal, "the end of a flow was not written; it will be run again");
    }
}

async fn until_end(flows: &Inner, flow: &Arc<Flow>, told: &watch::Sender<Option<Outcome>>) -> End {
    let mut wait = SHORTEST;
    let mut defects = 0;
    loop {
        let runs = flow.run_again();
        let fault = match run_once(flows, flow).await {
            Ok(progress) => return End::Completed(Box::new(progress)),
            Err(Stop::Checked(progress)) => return End::Completed(progress),
            Err(Stop::Over) => return End::Elsewhere,
            Err(Stop::Known) => match adopt_own(flows, flow).await {
                Ok(true) => continue,
                Ok(false) => return End::Elsewhere,
                Err(refusal) => Stopped { step: "find the flow", status: refusal.into() },
            },
            Err(Stop::Refused(refused)) => return refuse(flows, flow, refused).await,
            Err(Stop::Fault(fault)) => fault,
        };
        defects = if is_defect(&fault.status) { defects + 1 } else { 0 };
        if defects >= DEFECTS {
            return refuse(flows, flow, fault).await;
        }
        if !flow.is_stored() && told.is_closed() {
            return End::Elsewhere; // nothing was begun, and nobody asks for it any more
        }
        tracing::info!(step = fault.step, runs, code = ?fault.status.code(), told = fault.status.message(), "runs again");
        note(flows, flow, &fault, runs).await;
        tokio::time::sleep(jitter(wait)).await;
        wait = (wait * 2).min(LONGEST);
    }
}

/// One run from the top. A panic in a phase is a defect like a service's.
async fn run_once(flows: &Inner, flow: &Arc<Flow>) -> Result<DealProgress, Stop> {
    let act = flows.acts.get(&flow.verb).map_err(|refusal| Stop::refuse("find the verb", refusal))?;
    let run = Run::new(flows.parts.clone(), flow.clone());
    let ended = AssertUnwindSafe((act.run)(run, &flow.input)).catch_unwind().await;
    ended.unwrap_or_else(|_| Err(Stop::refuse("run", Refusal::internal("a phase panicked"))))
}

/// The server itself says INTERNAL: not lost on the way.
fn is_defect(status: &Status) -> bool {
    status.code() == Code::Internal && sent(status) == Sent::Answered
}

/// Tells operators what a flow waits for: at the fourth run, the eighth, the sixteenth.
async fn note(flows: &Inner, flow: &Flow, fault: &Stopped, runs: i32) {
    if !flow.is_stored() || runs < 4 || runs.count_ones() != 1 {
        return;
    }
    let reason = format!("{:?}: {}", fault.status.code(), fault.status.message());
    let at = flows.store.clock().now();
    let note = Wish::Note { id: flow.id, fence: flow.fence(), step: fault.step, reason, runs, at };
    if let Err(refusal) = flow.write(note).await {
        tracing::warn!(%refusal, "what the flow waits for was not written");
    }
}

/// A refusal before anything changed is the caller's, and nothing is remembered; after that the flow is parked.
async fn refuse(flows: &Inner, flow: &Flow, refused: Stopped) -> End {
    if !flow.is_stored() {
        // The first of two copies may have ended long ago; then its answer holds, not what is refused by now.
        return match Entity::find_by_id(flow.id).one(flows.store.reader()).await {
            Ok(Some(row)) => match remembered(&row, &flow.digest) {
                Ok(Some(answer)) => End::Completed(Box::new(answer)),
                Ok(None) => End::Elsewhere,
                Err(refusal) => End::Refused(Refused::AtOnce, refusal),
            },
            Ok(None) => End::Refused(Refused::AtOnce, refused.passed_on(&flow.verb)),
            Err(error) => End::Refused(Refused::AtOnce, Refusal::from(error).into()),
        };
    }
    let defect = is_defect(&refused.status);
    let at = flows.store.clock().now();
    let (how, wish, status) = if flow.is_taken_back() {
        let (step, reason) = (refused.step, refused.status.message().to_owned());
        let status = refused.passed_on(&flow.verb);
        let refusal = bytes_of(&status);
        (Refused::Compensated, Wish::Compensate { id: flow.id, fence: flow.fence(), step, reason, refusal, at }, status)
    } else if flow.has_changed() || defect || flow.origin == Origin::Event {
        let reason = format!("{}: {}", refused.step, refused.status.message());
        tracing::warn!(flow = %flow.id, step = refused.step, reason, "a flow is parked");
        let status = Status::from(parked(flow.id, "PARKED", refused.step, &reason));
        let park = Wish::Park { id: flow.id, fence: flow.fence(), step: refused.step, reason, runs: flow.runs(), at };
        (Refused::Parked, park, status)
    } else {
        (Refused::AtOnce, Wish::Forget { id: flow.id, fence: flow.fence() }, refused.passed_on(&flow.verb))
    };
    match flow.write(wish).await {
        Ok(true) => End::Refused(how, status),
        // Taken over by another instance meanwhile, or not written: whoever drives it next comes to the same end.
        Ok(false) => End::Elsewhere,
        Err(refusal) => End::Refused(Refused::AtOnce, refusal.into()),
    }
}

impl Inner {
    /// Runs a verb in the caller's own task, nothing stored: a single step, or a check.
    pub(super) async fn unstored(self: &Arc<Self>, begin: Begin, mode: Mode) -> Result<DealProgress, Status> {
        let act = self.acts.get(&begin.verb)?;
        let flow = Arc::new(Flow::begin(begin, mode, self.me, self.writer.clone()));
        let mut wait = SHORTEST;
        for tries in 1.. {
            let run = Run::new(self.parts.clone(), flow.clone());
            match (act.run)(run, &flow.input).await {
                Ok(progress) => return Ok(progress),
                Err(Stop::Checked(progress)) => return Ok(*progress),
                Err(Stop::Refused(refused)) => return Err(refused.passed_on(&flow.verb)),
                // A part that is away was asked again already, where it is reached over the wire.
                Err(Stop::Fault(fault))
                    if tries == UNSTORED_TRIES || is_defect(&fault.status) || was_repeated(&fault.status) =>
                {
                    return Err(fault.passed_on(&flow.verb));
                }
                Err(Stop::Fault(_)) => {}
                Err(Stop::Known | Stop::Over) => break,
            }
            tokio::time::sleep(jitter(wait)).await;
            wait = (wait * 2).min(LONGEST);
        }
        Err(Refusal::internal("what is not stored cannot be stored already").into())
    }
}

/// Whether the row in the table is this very flow, stored by us though the answer was lost on the way.
async fn adopt_own(flows: &Inner, flow: &Flow) -> Result<bool, Refusal> {
    let Some(row) = Entity::find_by_id(flow.id).one(flows.store.reader()).await? else {
        return Ok(false);
    };
    let ours = row.state == State::Running && row.lease_owner == flows.me && row.digest == flow.digest;
    if ours {
        flow.adopt(&row).map_err(Refusal::internal)?;
    }
    Ok(ours)
}

/// Half of it to all of it, so that flows that fell together do not rise together.
fn jitter(wait: Duration) -> Duration {
    rand::rng().random_range(wait / 2..=wait)
}
