//! Compensation: where two steps can refuse, what the first did is taken back when the second is refused (R-FLW-3).
//!
//! That it is taken back is journaled before it is done: a run after a crash finds it and goes the same way, though the
//! refused step might be accepted by then. The flow ends COMPENSATED and its refusal is remembered: its steps are used
//! up, and the same request id must not get the answers of what is no more.

use std::future::Future;

use dealflow_proto::errors::v1::ErrorReason;

use super::Run;
use super::stop::{Stop, Stopped, bytes_of, has_reason, refusal_of};
use crate::calls::Verb;
use crate::progress::Tell;

impl Run {
    /// Does what may be refused half-way. If it is, `undo` is done, which takes back all that the flow did before, and
    /// the flow ends with that refusal.
    pub(crate) async fn or_undo<T, U>(
        &self,
        what: &'static str,
        (name, undo): (&'static str, U),
        act: impl Future<Output = Result<T, Stop>>,
    ) -> Result<T, Stop>
    where
        U: Verb,
        U::Answer: Tell,
    {
        let undo = async { self.settle(name, undo).await.map(drop) };
        self.or_take_back(what, undo, act).await
    }

    /// As [`Run::or_undo`], where taking back is no call: it may be done more than once.
    pub(crate) async fn or_take_back<T>(
        &self,
        what: &'static str,
        undo: impl Future<Output = Result<(), Stop>>,
        act: impl Future<Output = Result<T, Stop>>,
    ) -> Result<T, Stop> {
        let refused = match self.flow.journaled(what) {
            Some(kept) => Stopped { step: what, status: refusal_of(&kept) },
            None => match act.await {
                // In other words it was done, by an earlier version of this program.
                Err(Stop::Refused(refused)) if !has_reason(&refused.status, ErrorReason::RequestIdReused) => refused,
                answer => return answer,
            },
        };
        self.flow.journal(what, bytes_of(&refused.status)).await?;
        undo.await?;
        self.flow.taken_back();
        Err(Stop::Refused(refused))
    }

    /// Whether an earlier run has noted this.
    pub(crate) fn has_noted(&self, what: &'static str) -> bool {
        self.flow.journaled(what).is_some()
    }

    /// Notes something for the runs to come: a flow may depend only on what is written down.
    pub(crate) async fn note(&self, what: &'static str) -> Result<(), Stop> {
        self.flow.journal(what, Vec::new()).await
    }
}
