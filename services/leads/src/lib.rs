//! Leads, accounts and contacts.
//!
//! The path of a request: [`rpc`] reads the message in a [`chassis`](dealflow_chassis) `Work`, which knows the request
//! id and the clock; the record is locked and handed to its rule in [`lead`], [`account`] or [`contact`]; the new
//! record is saved, the change recorded, the answer put together in [`wire`].
//!
//! - [`lead`]: the record, its life cycle, what qualifies it (R-LED-1, R-LED-3 to R-LED-5)
//! - [`distribution`]: who gets a lead (R-LED-6)
//! - [`account`]: companies, and when one becomes a customer (R-ACC-1); [`contact`]: their people
//! - [`duplicates`]: who may be the same already; it compares the normalised values of [`keys`]
//! - [`person`]: a natural person across the records, to be exported and erased (R-ACC-3)
//! - [`rpc::qualify`]: the one verb that touches all three
//!
//! The part knows no other service: the opportunity that a lead becomes is a name to it.

pub mod account;
pub mod bant;
pub mod contact;
pub mod distribution;
pub mod duplicates;
pub mod error;
pub mod keys;
pub mod lead;
pub mod person;
pub mod rpc;
pub mod wire;

use dealflow_chassis::Store;
use dealflow_chassis::audit::{self, Audit};
use dealflow_chassis::feed::{self, Feed};
use dealflow_chassis::serve::Part;
use dealflow_chassis::settings::{Setting, Settings, Spec};
use dealflow_proto::leads::v1::account_service_server::AccountServiceServer;
use dealflow_proto::leads::v1::contact_service_server::ContactServiceServer;
use dealflow_proto::leads::v1::lead_service_server::LeadServiceServer;
use dealflow_proto::leads::v1::person_service_server::PersonServiceServer;

/// Whether QualifyLead asks for need and purchasing power (R-LED-4).
pub const QUALIFICATION_GUARD: Setting<bool> = Setting::flag(
    "leads.qualification_guard",
    true,
    "Whether a lead is qualified only when need and purchasing power are known",
);

/// What an installation decides of this part while it runs.
pub static SETTINGS: &[Spec] = &[QUALIFICATION_GUARD.spec()];

/// The part `leads` over an open and migrated store.
pub fn part(store: Store) -> Part {
    let ready = store.clone();
    let numbered = store.clone();
    let sealed = store.clone();
    Part::new("leads")
        .behind_a_door()
        .service(LeadServiceServer::new(rpc::lead::Leads::new(store.clone())))
        .service(AccountServiceServer::new(rpc::account::Accounts::new(store.clone())))
        .service(ContactServiceServer::new(rpc::contact::Contacts::new(store.clone())))
        .service(PersonServiceServer::new(rpc::person::Persons::new(store.clone())))
        .service(Settings::server(store.clone(), SETTINGS))
        .service(Audit::server(store.clone()))
        .service(Feed::server(store))
        .ready(move || {
            let store = ready.clone();
            Box::pin(async move { store.ping().await })
        })
        .task(move |stop| feed::number(numbered, stop))
        .task(move |stop| audit::seal(sealed, stop))
}
