//! What a phase gets: [`Run`], one pass through a flow from the top, and the calls it makes on its way.
//!
//! - [`Run::step`] changes something; its request id is UUIDv5(flow, step), so that the service answers a repeated step
//!   as it did the first time
//! - [`Run::settle`] is a step that somebody else may have done already
//! - [`Run::read`] reads once and for all runs: what was read is journaled, for a flow may depend only on its input and
//!   on answers that stay the same
//! - [`Run::decided`] reads a setting in the same way
//! - [`Run::check`] asks a later step beforehand whether it would be refused, [`Run::foresee`] also what it would answer
//! - [`Run::look`] reads what nothing depends on
//!
//! A flow is stored right before its first step, with all that it has read until then: one row, one commit.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::settings::Setting;
use dealflow_chassis::{Refusal, Store};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::gateway::v1::DealProgress;
use dealflow_proto::{convert, erp, names};
use prost::Message;
use prost_types::Timestamp;
use tonic::{Request, Response, Status};
use uuid::{Builder, Uuid};

use super::stop::{Stop, Stopped, has_reason, is_settled, refuses_field};
use super::stored::{Flow, Mode};
use crate::calls::{Ask, Neighbours, Verb};
use crate::documents::order_id;
use crate::guidance;
use crate::handoff::{Handoffs, NewHandoff, Standing};
use crate::progress::Tell;
use crate::settings::Settings;

/// What the phases work with.
#[derive(Clone)]
pub(crate) struct Parts {
    /// The services.
    pub(crate) neighbours: Neighbours,
    /// Where documents wait for the ERP.
    pub(crate) handoffs: Handoffs,
    /// What an operator gave.
    pub(crate) settings: Settings,
    /// Where the installation's decisions are kept.
    pub(crate) store: Store,
}

/// One pass through a flow from the top. Copies are the same pass: calls may be made side by side.
#[derive(Clone)]
pub(crate) struct Run {
    parts: Arc<Parts>,
    pub(super) flow: Arc<Flow>,
    progress: Arc<Mutex<DealProgress>>,
}

impl Run {
    /// A new pass.
    pub(super) fn new(parts: Arc<Parts>, flow: Arc<Flow>) -> Self {
        let name = if flow.mode == Mode::Stored { names::FLOWS.name(flow.id) } else { String::new() };
        let progress = Arc::new(Mutex::new(DealProgress { flow: name, ..DealProgress::default() }));
        Self { parts, flow, progress }
    }

    /// What an operator gave.
    pub(crate) fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    /// When the flow began, the same in all runs: what "today" is to it.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let said = self.flow.effective_time.as_ref().and_then(|time| convert::time_of(time).ok());
        said.unwrap_or(self.flow.began)
    }

    /// The day on which the flow began by the clock, whatever its effective time.
    pub(crate) fn began_on(&self) -> NaiveDate {
        self.flow.began.date_naive()
    }

    /// The day on which the flow began.
    pub(crate) fn today(&self) -> NaiveDate {
        self.now().date_naive()
    }

    /// The id of a record that a step is to make: the same in every run, and in order of time as all ids are.
    pub(crate) fn new_id(&self, record: &str) -> Uuid {
        let own = Uuid::new_v5(&self.flow.id, record.as_bytes());
        let mut random = [0; 10];
        random.copy_from_slice(&own.as_bytes()[..10]);
        let millis = u64::try_from(self.flow.began.timestamp_millis()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// Whether only a check was asked for: nothing is changed, so what a step would note is not there for the next.
    pub(crate) fn only_checks(&self) -> bool {
        self.flow.mode == Mode::Check
    }

    /// Whether it is stored, and so may have done some of its steps.
    pub(crate) fn is_stored(&self) -> bool {
        self.flow.is_stored()
    }

    /// History runs one way: refuses an effective time before a record's last change (R-API-1).
    pub(crate) fn takes_effect_after(&self, step: &'static str, last: Option<&Timestamp>) -> Result<(), Stop> {
        let time = |time: Option<&Timestamp>| time.and_then(|time| convert::time_of(time).ok());
        match (time(self.flow.effective_time.as_ref()), time(last)) {
            (Some(effective), Some(last)) if effective < last => {
                let expected = format!("not before the record's last change at {}", last.to_rfc3339());
                self.refuse(step, Refusal::field("effective_time", expected))
            }
            _ => Ok(()),
        }
    }

    /// What has been told so far: the answer of the verb.
    pub(crate) fn progress(&self) -> DealProgress {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Steps that run side by side end in any order, and a flow that is run again answers as it did (R-API-1).
        progress.activities.sort_by(|one, other| one.name.cmp(&other.name));
        progress.guidance = guidance::of_progress(&progress);
        progress
    }

    /// Tells the caller of a record that the flow has read and not changed.
    pub(crate) fn tell(&self, record: &impl Tell) {
        record.tell(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Changes something in a service. No two steps of a flow have the same name.
    pub(crate) async fn step<V>(&self, name: &'static str, ask: V) -> Result<V::Answer, Stop>
    where
        V: Verb,
        V::Answer: Tell,
    {
        self.step_by(self.flow.step_id(name), name, ask).await
    }

    /// As [`Run::step`], the call being what the flow's caller asked for, under his own request id: where he makes it
    /// again, its service answers him as it did the flow.
    pub(crate) async fn step_as_asked<V>(&self, name: &'static str, ask: V) -> Result<V::Answer, Stop>
    where
        V: Verb,
        V::Answer: Tell,
    {
        self.step_by(self.flow.id, name, ask).await
    }

    async fn step_by<V>(&self, id: Uuid, name: &'static str, ask: V) -> Result<V::Answer, Stop>
    where
        V: Verb,
        V::Answer: Tell,
    {
        let flow = &*self.flow;
        if flow.mode == Mode::Check {
            let answer = self.send(name, stamped(ask, id, true, flow.effective_time)).await?;
            self.tell(&answer);
            return Err(Stop::Checked(Box::new(self.progress())));
        }
        flow.store().await?;
        let answer = match self.send(name, stamped(ask.clone(), id, false, flow.effective_time)).await {
            Err(Stop::Refused(refused)) if flow.has_changed() && refuses_field(&refused.status, "effective_time") => {
                // The flow has begun and cannot go back; a record that changed in between changes now, not then.
                self.send(name, stamped(ask, flow.step_id(&format!("{name} now")), false, None)).await
            }
            answer => answer,
        };
        if let Err(Stop::Refused(Stopped { status, .. })) = &answer
            && has_reason(status, ErrorReason::RequestIdReused)
        {
            // An earlier version of this program did the step in other words: it was done.
            flow.changed();
        }
        let answer = answer?;
        flow.changed();
        self.tell(&answer);
        Ok(answer)
    }

    /// As [`Run::step`], where the record may be there already: `None` if its state does not accept the verb any more.
    pub(crate) async fn settle<V>(&self, name: &'static str, ask: V) -> Result<Option<V::Answer>, Stop>
    where
        V: Verb,
        V::Answer: Tell,
    {
        match self.step(name, ask).await {
            Err(Stop::Refused(Stopped { status, .. })) if is_settled(&status) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Reads; every later run gets the same answer. What is read before the first step is stored with the flow and
    /// costs nothing; after it, it costs a commit of its own.
    pub(crate) async fn read<A: Ask>(&self, name: &'static str, ask: A) -> Result<A::Answer, Stop> {
        let key = format!("{name} {ask:?}");
        if let Some(answer) = self.flow.journaled(&key) {
            return A::Answer::decode(answer.as_slice()).map_err(|error| Stop::refuse(name, Refusal::internal(error)));
        }
        let answer = self.send(name, ask).await?;
        self.flow.journal(&key, answer.encode_to_vec()).await?;
        Ok(answer)
    }

    /// What the installation has decided; every later run gets the same answer, as with [`Run::read`].
    pub(crate) async fn decided<T>(&self, setting: &Setting<T>) -> Result<T, Stop> {
        let key = setting.spec().name();
        let text = match self.flow.journaled(&key) {
            Some(written) => String::from_utf8_lossy(&written).into_owned(),
            None => {
                let read = setting.write_down(&self.parts.store).await;
                let text = read.map_err(|error| Stop::refuse("read the settings", error.into()))?;
                self.flow.journal(&key, text.clone().into_bytes()).await?;
                text
            }
        };
        let unread = || Stop::refuse("read the settings", Refusal::internal(format!("{key} cannot be {text}")));
        setting.written(&text).ok_or_else(unread)
    }

    /// What the installation says now: for what may be another in the next run.
    pub(crate) async fn holds_now<T>(&self, setting: &Setting<T>) -> Result<T, Stop> {
        let read = setting.read(&self.parts.store).await;
        read.map_err(|error| Stop::refuse("read the settings", error.into()))
    }

    /// Asks whether a later step would be refused, while nothing has changed yet. Once passed it is not asked again:
    /// after the step itself was done it would be refused for that.
    pub(crate) async fn check<V: Verb>(&self, name: &'static str, ask: V) -> Result<(), Stop> {
        if self.flow.journaled(name).is_some() {
            return Ok(());
        }
        self.send(name, stamped(ask, self.flow.step_id(name), true, self.flow.effective_time)).await?;
        self.flow.journal(name, Vec::new()).await
    }

    /// As [`Run::check`], and answers what the step would; every later run gets the same answer.
    pub(crate) async fn foresee<V: Verb>(&self, name: &'static str, ask: V) -> Result<V::Answer, Stop> {
        if let Some(answer) = self.flow.journaled(name) {
            return V::Answer::decode(answer.as_slice()).map_err(|error| Stop::refuse(name, Refusal::internal(error)));
        }
        let answer = self.send(name, stamped(ask, self.flow.step_id(name), true, self.flow.effective_time)).await?;
        self.flow.journal(name, answer.encode_to_vec()).await?;
        Ok(answer)
    }

    /// Changes what will be changed in any case, by whoever comes first: it binds the flow to nothing.
    pub(crate) async fn anyway<V: Verb>(&self, name: &'static str, ask: V) -> Result<(), Stop> {
        match self.send(name, stamped(ask, self.flow.step_id(name), false, None)).await {
            Err(Stop::Refused(Stopped { status, .. })) if is_settled(&status) => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Reads what no step's content depends on.
    pub(crate) async fn look<A: Ask>(&self, name: &'static str, ask: A) -> Result<A::Answer, Stop> {
        self.send(name, ask).await
    }

    /// Leaves a document for the ERP. All but its files and what they are made of must come from what the flow has read or
    /// been answered: the same content again is the same hand-over, other content a conflict.
    pub(crate) async fn hand_over(&self, document: erp::v1::Document, record: &str, deal: &str) -> Result<(), Stop> {
        let context = self.flow.context.clone();
        let new = NewHandoff { document, record: record.to_owned(), opportunity: deal.to_owned(), context };
        self.flow.store().await?;
        let stored = self.parts.handoffs.store(new).await;
        let name = stored.map_err(|refusal| Stop::refuse("hand over", refusal))?;
        self.flow.changed();
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).handoffs.push(name);
        Ok(())
    }

    /// How the hand-overs of an order stand; every later run gets the same answer, as with [`Run::read`].
    pub(crate) async fn standing(&self, order_number: &str) -> Result<Standing, Stop> {
        let key = format!("hand-overs of {order_number}");
        let broken = |error: prost::DecodeError| Stop::refuse("look at the hand-overs", Refusal::internal(error));
        if let Some(answer) = self.flow.journaled(&key) {
            return Standing::decode(answer.as_slice()).map_err(broken);
        }
        let read = self.parts.handoffs.of_order(&order_id(order_number)).await;
        let standing = read.map_err(|error| Stop::refuse("look at the hand-overs", error.into()))?;
        self.flow.journal(&key, standing.encode_to_vec()).await?;
        Ok(standing)
    }

    /// Gives up what the ERP was to be asked about an order that it refused.
    pub(crate) async fn give_up_wishes(&self, order_id: &str) -> Result<(), Stop> {
        let given_up = self.parts.handoffs.give_up_wishes(order_id).await;
        given_up.map_err(|error| Stop::refuse("give up what waits", error.into()))
    }

    /// Keeps a document that the ERP made beside those that are left for it.
    pub(crate) async fn take_over(
        &self,
        document: erp::v1::Document,
        (record, deal): (&str, &str),
        erp_number: &str,
    ) -> Result<(), Stop> {
        let context = self.flow.context.clone();
        let new = NewHandoff { document, record: record.to_owned(), opportunity: deal.to_owned(), context };
        self.flow.store().await?;
        let kept = self.parts.handoffs.take_over(new, erp_number.to_owned()).await;
        kept.map_err(|refusal| Stop::refuse("take over", refusal))?;
        self.flow.changed();
        Ok(())
    }

    /// Takes a document out of the ERP's queue, or keeps it from getting there.
    pub(crate) async fn withdraw(
        &self,
        document: erp::v1::Document,
        (record, deal): (&str, &str),
        why: &str,
    ) -> Result<(), Stop> {
        let context = self.flow.context.clone();
        let new = NewHandoff { document, record: record.to_owned(), opportunity: deal.to_owned(), context };
        self.flow.store().await?;
        let withdrawn = self.parts.handoffs.withdraw(new, why).await;
        withdrawn.map_err(|refusal| Stop::refuse("withdraw", refusal))?;
        self.flow.changed();
        Ok(())
    }

    /// Puts a document back into the ERP's queue that was taken out of it for a reason, and says why.
    pub(crate) async fn put_back(&self, external_id: String, (withdrawn_for, why): (&str, &str)) -> Result<(), Stop> {
        let put_back = self.parts.handoffs.put_back(&external_id, withdrawn_for, why).await;
        put_back.map_err(|refusal| Stop::refuse("put back", refusal))
    }

    /// Has our records told again what the ERP said of these documents, where they could not follow it.
    pub(crate) async fn tell_again(&self, external_ids: &[String]) -> Result<(), Stop> {
        let told = self.parts.handoffs.tell_again(external_ids).await;
        told.map_err(|error| Stop::refuse("tell again", error.into()))
    }

    /// Has the invoice told again what the ERP was paid for these documents: another recorded a payment of it.
    pub(crate) async fn tell_payments_again(&self, external_ids: &[String]) -> Result<(), Stop> {
        let told = self.parts.handoffs.tell_payments_again(external_ids).await;
        told.map_err(|error| Stop::refuse("tell again", error.into()))
    }

    /// Refuses in the gateway's own name: for reasons that no single service can know.
    pub(crate) fn refuse<T>(&self, step: &'static str, refusal: Refusal) -> Result<T, Stop> {
        Err(Stop::refuse(step, refusal))
    }

    /// The call, with all that it carries: actor, flow, trace. Its deadline is the link's: a flow goes on when its
    /// caller has no more time.
    async fn send<A: Ask>(&self, step: &'static str, ask: A) -> Result<A::Answer, Stop> {
        let mut request = Request::new(ask);
        self.flow.context.carry(request.metadata_mut());
        let answer = A::send(&self.parts.neighbours, request).await;
        answer.map(Response::into_inner).map_err(|status: Status| Stop::of(step, status))
    }
}

fn stamped<V: Verb>(mut ask: V, id: Uuid, validate_only: bool, effective_time: Option<Timestamp>) -> V {
    ask.stamp(id.to_string(), validate_only, effective_time);
    ask
}
