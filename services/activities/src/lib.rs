//! Activities, people, and what people are told.
//!
//! The path of a request: [`rpc`] reads the message in a [`chassis`](dealflow_chassis) `Work`, which knows the request
//! id and the clock; the record is locked and handed to its rule in the file of its noun; the new record is saved, the
//! change recorded, the answer put together in [`wire`].
//!
//! - [`activity`]: the record, its life cycle, how it is completed (R-ACT-1, R-ACT-7); [`category`]: what results it allows
//! - [`stage`]: the activities of a process, made to agree with an opportunity's stage entry (R-STG-3)
//! - [`task`]: what somebody has to do (R-ACT-2); [`calendar`], [`ics`]: when (R-ACT-3)
//! - [`notification`]: what people are told, each once; [`schedule`]: what time does (R-ACT-4, R-OPP-4)
//! - [`interaction`]: what was said to a customer (R-ACT-5); [`knowledge`]: what helps (R-ACT-6)
//! - [`employee`], [`hierarchy`]: the people of the house, and who leads whom
//!
//! The part knows no other service: what an activity regards is a name to it.

pub mod activity;
pub mod calendar;
pub mod category;
pub mod employee;
pub mod error;
pub mod hierarchy;
pub mod ics;
pub mod interaction;
pub mod knowledge;
pub mod notification;
pub mod rpc;
pub mod schedule;
mod seen;
pub mod settings;
pub mod stage;
pub mod task;
pub mod wire;

use dealflow_chassis::Store;
use dealflow_chassis::audit::{self, Audit};
use dealflow_chassis::feed::{self, Feed};
use dealflow_chassis::serve::Part;
use dealflow_chassis::settings::Settings;
use dealflow_proto::activities::v1::activity_service_server::ActivityServiceServer;
use dealflow_proto::activities::v1::calendar_service_server::CalendarServiceServer;
use dealflow_proto::activities::v1::category_service_server::CategoryServiceServer;
use dealflow_proto::activities::v1::employee_service_server::EmployeeServiceServer;
use dealflow_proto::activities::v1::interaction_service_server::InteractionServiceServer;
use dealflow_proto::activities::v1::knowledge_service_server::KnowledgeServiceServer;
use dealflow_proto::activities::v1::notification_service_server::NotificationServiceServer;
use dealflow_proto::activities::v1::task_service_server::TaskServiceServer;

/// The part `activities` over an open and migrated store.
pub fn part(store: Store) -> Part {
    let ready = store.clone();
    let (numbered, clocked) = (store.clone(), store.clone());
    let sealed = store.clone();
    Part::new("activities")
        .behind_a_door()
        .service(ActivityServiceServer::new(rpc::activity::Activities::new(store.clone())))
        .service(TaskServiceServer::new(rpc::task::Tasks::new(store.clone())))
        .service(CategoryServiceServer::new(rpc::category::Categories::new(store.clone())))
        .service(CalendarServiceServer::new(rpc::calendar::Calendars::new(store.clone())))
        .service(NotificationServiceServer::new(rpc::notification::Notifications::new(store.clone())))
        .service(InteractionServiceServer::new(rpc::interaction::Interactions::new(store.clone())))
        .service(KnowledgeServiceServer::new(rpc::knowledge::KnowledgeBase::new(store.clone())))
        .service(EmployeeServiceServer::new(rpc::employee::Employees::new(store.clone())))
        .service(Settings::server(store.clone(), settings::SETTINGS))
        .service(Audit::server(store.clone()))
        .service(Feed::server(store))
        .ready(move || {
            let store = ready.clone();
            Box::pin(async move { store.ping().await })
        })
        .task(move |stop| feed::number(numbered, stop))
        .task(move |stop| audit::seal(sealed, stop))
        .task(move |stop| rpc::clock::keep(clocked, stop))
}
