//! Activities and people.
//!
//! The path of a request: [`rpc`] reads the message in a [`chassis`](dealflow_chassis) `Work`, which knows the request
//! id and the clock; the record is locked and handed to its rule in [`activity`] or [`employee`]; the new record is
//! saved, the change recorded, the answer put together in [`wire`].
//!
//! - [`activity`]: the record, its life cycle, who may complete it and how (R-ACT-1, R-ACT-7)
//! - [`stage`]: the activities of a process, made to agree with an opportunity's stage entry (R-STG-3)
//! - [`employee`]: the people of the house
//!
//! The part knows no other service: what an activity regards is a name to it.

pub mod activity;
pub mod employee;
pub mod error;
pub mod rpc;
pub mod stage;
pub mod wire;

use dealflow_chassis::Store;
use dealflow_chassis::feed::{self, Feed};
use dealflow_chassis::serve::Part;
use dealflow_chassis::settings::{Setting, Settings, Spec};
use dealflow_proto::activities::v1::activity_service_server::ActivityServiceServer;
use dealflow_proto::activities::v1::employee_service_server::EmployeeServiceServer;

/// Who is told that an opportunity was closed (R-OPP-4).
pub const CLOSE_NOTIFICATION_RECIPIENTS: Setting<Vec<String>> = Setting::list(
    "activities.close_notification_recipients",
    &["OWNER", "OWNER_MANAGER"],
    "Who is told that an opportunity was won or lost: its owner, the owner's manager",
)
.one_of(&["OWNER", "OWNER_MANAGER"]);

/// What an installation decides of this part while it runs.
pub static SETTINGS: &[Spec] = &[CLOSE_NOTIFICATION_RECIPIENTS.spec()];

/// The part `activities` over an open and migrated store.
pub fn part(store: Store) -> Part {
    let ready = store.clone();
    let numbered = store.clone();
    Part::new("activities")
        .service(ActivityServiceServer::new(rpc::activity::Activities::new(store.clone())))
        .service(EmployeeServiceServer::new(rpc::employee::Employees::new(store.clone())))
        .service(Settings::server(store.clone(), SETTINGS))
        .service(Feed::server(store))
        .ready(move || {
            let store = ready.clone();
            Box::pin(async move { store.ping().await })
        })
        .task(move |stop| feed::number(numbered, stop))
}
