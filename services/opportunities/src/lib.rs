//! Opportunities, stages, the process library and its runs, analytics.
//!
//! The way of a request: `rpc` reads the message and begins its work; [`sale`] loads the opportunity with its stage
//! entry and its process, and holds the rules; the rows are written, the steps recorded, and `wire` tells the answer.
//! All of it is one transaction.
//!
//! - [`library`]       what the processes and stages are: YAML files that ship, versions in the database
//! - [`sale`]          the heart: how a sale moves through its stages, and ends
//! - [`opportunity`], [`stage_entry`], [`document`]  the records
//! - [`analytics`]     figures, exact and fast: facts left by each change, summed up in the background
//! - [`amount`]        minor units and money; [`error`] refusals; `wire` messages; `rpc` one function per RPC

pub mod amount;
pub mod analytics;
pub mod document;
pub mod error;
pub mod library;
pub mod opportunity;
pub mod sale;
pub mod stage_entry;

mod rpc;
mod wire;

use std::sync::Arc;

use dealflow_chassis::Store;
use dealflow_chassis::audit::{self, Audit};
use dealflow_chassis::feed::{self, Feed};
use dealflow_chassis::serve::Part;
use dealflow_chassis::settings::{Setting, Settings, Spec};
use dealflow_proto::opportunities::v1::analytics_service_server::AnalyticsServiceServer;
use dealflow_proto::opportunities::v1::opportunity_service_server::OpportunityServiceServer;
use dealflow_proto::opportunities::v1::process_service_server::ProcessServiceServer;
use dealflow_proto::opportunities::v1::run_service_server::RunServiceServer;
use tokio_util::sync::CancellationToken;

use crate::error::StartError;
use crate::library::Library;

/// Whether a stage whose required activities are completed is left by itself (R-STG-4).
pub const AUTO_ADVANCE: Setting<bool> = Setting::flag(
    "opportunities.auto_advance",
    true,
    "Whether an opportunity goes on by itself when all required activities of its stage are completed",
);

/// What an installation decides of this part while it runs.
pub static SETTINGS: &[Spec] = &[AUTO_ADVANCE.spec()];

/// The part. Its definitions are registered first: a changed file is a new version, a wrong one stops the start.
///
/// # Errors
/// [`StartError`] if a definition that ships is wrong, or the database does not answer.
pub async fn part(store: Store) -> Result<Part, StartError> {
    let library = Arc::new(Library::open(&store).await?);
    Ok(of(store, library))
}

fn of(store: Store, library: Arc<Library>) -> Part {
    let opportunities = rpc::Opportunities { store: store.clone(), library: library.clone() };
    let analytics = rpc::Analytics { store: store.clone(), library: library.clone() };
    let (pinged, numbered, folded, watched) = (store.clone(), store.clone(), store.clone(), store.clone());
    let sealed = store.clone();
    Part::new("opportunities")
        .behind_a_door()
        .service(OpportunityServiceServer::new(opportunities.clone()))
        .service(RunServiceServer::new(opportunities))
        .service(ProcessServiceServer::new(rpc::Processes { store: store.clone(), library: library.clone() }))
        .service(AnalyticsServiceServer::new(analytics))
        .service(Settings::server(store.clone(), SETTINGS))
        .service(Audit::server(store.clone()))
        .service(Feed::server(store))
        .ready(move || {
            let store = pinged.clone();
            Box::pin(async move { store.ping().await })
        })
        .task(move |stop| feed::number(numbered, stop))
        .task(move |stop| audit::seal(sealed, stop))
        .task(move |stop| analytics::fold::task(folded, stop))
        .task(move |stop| watch_lookup(watched, library, stop))
}

/// Sees the changes of the stage lookup that other replicas make.
async fn watch_lookup(store: Store, library: Arc<Library>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(library::LOOK_AGAIN) => {}
        }
        if let Err(error) = library.look_again(store.reader()).await {
            tracing::warn!(%error, "the stage lookup cannot be read");
        }
    }
}
