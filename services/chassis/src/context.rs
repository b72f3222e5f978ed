//! Who asks, for which flow, under which trace: what a request carries beside its message.
//!
//! The same headers go through every hop. They are read here and written by whoever calls on. A server that asks who
//! calls (see [`crate::security`]) believes those about the caller only from another part, and else writes them itself.

use std::str::FromStr;

use tonic::metadata::{MetadataMap, MetadataValue};
use uuid::Uuid;

use crate::refusal::Refusal;
use crate::security::Sight;

/// Metadata key: the person or machine that acts, e.g. `employees/{employee}`.
pub const ACTOR: &str = "dealflow-actor";
/// Metadata key: the roles of the person that a part calls for, by comma. None where a part acts for the suite itself.
pub const ROLES: &str = "dealflow-roles";
/// Metadata key: the employees whose records the caller sees; everybody's where it is not there.
pub const SEES: &str = "dealflow-sees";
/// Instead of the employees: everybody's records, for this one call of somebody who does not see them all. The part that
/// people call writes it, once it has found out that he sees what the call is about by way of something else.
pub const EVERYBODYS: &str = "*";
/// Metadata key: the flow that a request belongs to. An event that carries a flow is that flow's business.
pub const FLOW: &str = "dealflow-flow";
/// Metadata key: W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// The actor where the caller did not say: only on a loopback without authentication.
const ANONYMOUS: &str = "anonymous";

/// What a request carries beside its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Who acts.
    pub actor: String,
    /// The roles of who acts, where the server asked for them: what is read for somebody is read with his eyes. A flow
    /// has none: its steps are the suite's.
    pub roles: Option<String>,
    /// Whose records the caller sees.
    pub sight: Sight,
    /// The flow that the request belongs to.
    pub flow: Option<Uuid>,
    /// W3C trace context, kept in the event so that what follows stays in the same trace.
    pub traceparent: Option<String>,
}

impl Context {
    /// An actor of the house itself, such as a worker that acts on a clock.
    pub fn internal(actor: &str) -> Self {
        Self { actor: actor.to_owned(), roles: None, sight: Sight::All, flow: None, traceparent: None }
    }

    /// Reads the context of a request. A header that is not what it says is refused, not ignored.
    pub fn of(metadata: &MetadataMap) -> Result<Self, Refusal> {
        let actor = text(metadata, ACTOR)?.unwrap_or(ANONYMOUS).to_owned();
        if actor.is_empty() || actor.len() > 200 {
            return Err(Refusal::field(ACTOR, "1 to 200 characters"));
        }
        let flow = text(metadata, FLOW)?
            .map(|flow| Uuid::from_str(flow).map_err(|_| Refusal::field(FLOW, "a UUID")))
            .transpose()?;
        let traceparent = crate::telemetry::traceparent_of_current_span()
            .or_else(|| text(metadata, TRACEPARENT).ok().flatten().map(str::to_owned));
        let roles = text(metadata, ROLES)?.map(str::to_owned);
        Ok(Self { actor, roles, sight: Sight::of(metadata)?, flow, traceparent })
    }

    /// Writes the context on a request that goes on.
    pub fn carry(&self, metadata: &mut MetadataMap) {
        let mut put = |key: &'static str, value: &str| {
            if let Ok(value) = MetadataValue::try_from(value) {
                metadata.insert(key, value);
            }
        };
        put(ACTOR, &self.actor);
        if let Some(roles) = &self.roles {
            put(ROLES, roles);
        }
        if let Some(sees) = self.sight.header() {
            put(SEES, &sees);
        }
        if let Some(flow) = self.flow {
            put(FLOW, &flow.to_string());
        }
        if let Some(traceparent) = &self.traceparent {
            put(TRACEPARENT, traceparent);
        }
    }

    /// As [`carry`](Self::carry), for what the caller sees whosever it is. What he may do stays as it is.
    pub fn carry_seeing_all(&self, metadata: &mut MetadataMap) {
        self.carry(metadata);
        if self.sight != Sight::All {
            metadata.insert(SEES, MetadataValue::from_static(EVERYBODYS));
        }
    }
}

fn text<'a>(metadata: &'a MetadataMap, key: &'static str) -> Result<Option<&'a str>, Refusal> {
    metadata.get(key).map(|value| value.to_str().map_err(|_| Refusal::field(key, "visible ASCII"))).transpose()
}
