//! What every process does alike: serve, telemetry, work, feed, refusals, database, settings.
//!
//! The way of a request through a service, each step in a file of its own:
//!
//! 1. [`serve`]: the layers that every call passes, in one visible list
//! 2. [`context`]: who asks, for which flow, under which trace
//! 3. [`work`]: the request's transaction; one effect and one answer per request id
//! 4. [`lifecycle`]: what a state accepts; [`refusal`]: what is said when it does not
//! 5. [`history`]: the change as a row that is history, audit, event and remembered answer; [`feed`]: those rows as a
//!    stream, [`audit`]: as a chain
//!
//! Beside it: [`tls`] and [`security`] (who may come in), [`redact`] (history without a person), [`store`] (SQLite and PostgreSQL behind one behaviour), [`list`] (filter, order, pages), [`mask`]
//! (which fields an update takes), [`settings`] (what an installation decides while it runs), [`rows`] (which columns a save writes), [`link`] (how a part is reached, in process or over the wire), [`web`] (what speaks no gRPC).
//!
//! Admission: every process needs it, and two versions of it would be a bug. No business noun.

pub mod audit;
mod clock;
pub mod context;
mod database_url;
pub mod deadline;
pub mod feed;
pub mod history;
mod layers;
pub mod lifecycle;
pub mod link;
pub mod list;
mod log_sync;
pub mod mask;
mod methods;
mod reader;
pub mod redact;
pub mod refusal;
pub mod rows;
mod schema;
pub mod security;
pub mod serve;
pub mod settings;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod web;
pub mod work;

pub use clock::Clock;
pub use context::Context;
pub use history::Change;
pub use lifecycle::Lifecycle;
pub use mask::Mask;
pub use reader::Reader;
pub use refusal::{Kind, Refusal};
pub use store::{Durability, Store, StoreConfig};
pub use work::{Done, Work};
