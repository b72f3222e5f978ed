//! One function per RPC, one transaction per function.

mod approvals;
mod approving;
mod contracts;
mod credit_notes;
mod invoices;
mod legal_entities;
mod orders;
mod payment_terms;
mod payments;
mod prices;
mod products;
mod quotes;

use chrono::{DateTime, Utc};
use dealflow_chassis::{Reader, Refusal, Store};

use crate::Settings;
use crate::record::Moment;

/// All services of this part; each call takes what it needs from the store.
#[derive(Clone)]
pub(crate) struct Orders {
    store: Store,
    settings: Settings,
}

impl Orders {
    pub(crate) fn new(store: Store, settings: Settings) -> Self {
        Self { store, settings }
    }

    /// A point in time, and the company's day then.
    fn moment(&self, at: DateTime<Utc>) -> Moment {
        Moment::new(at, self.settings.time_zone)
    }

    /// What it is now, for reading.
    fn now(&self) -> Moment {
        self.moment(self.store.clock().now())
    }

    /// What the installation decides.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    fn reader(&self) -> &Reader {
        self.store.reader()
    }
}

/// A list's request, as the chassis reads it.
macro_rules! asked_list {
    ($ask:expr) => {
        dealflow_chassis::list::ListRequest {
            page_size: $ask.page_size,
            page_token: &$ask.page_token,
            filter: &$ask.filter,
            order_by: &$ask.order_by,
        }
    };
}
use asked_list;

/// An answer, or what this service or the chassis refuses.
fn answer<A>(result: Result<A, impl Into<Refusal>>) -> Result<tonic::Response<A>, tonic::Status> {
    result.map(tonic::Response::new).map_err(|error| error.into().into())
}
