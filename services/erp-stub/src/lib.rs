//! A realistic double of an ERP, behind the contract `dealflow.erp.v1`.
//!
//! It is durable, keeps one document per external id for ever, gives gapless numbers of its own, recomputes every
//! total with tolerance 0, and wants the order before its invoice and the invoice before its credit note. It writes down
//! every call that it received, so that a test can say "sent 7 times, stored once"; it fails on demand, and it can be
//! another kind of ERP: one that knows no keys, decides later, rounds otherwise, or books in two steps.
//!
//! The way of a document: [`rpc::erp`] writes the journal and plays the [`faults`]; `booking` takes it, [`checks`] says
//! what is wrong with it, [`book`] holds it, [`event`] tells what becomes of it, `simulate` is what becomes of it by
//! itself. [`state`] is what the stub is like, `keep` copies the books and puts them back.

mod adjustments;
pub mod book;
mod booking;
mod changes;
pub mod checks;
pub mod event;
pub mod faults;
pub mod journal;
mod keep;
pub mod rpc;
mod simulate;
pub mod state;

use dealflow_chassis::serve::Part;
use dealflow_chassis::store::Store;
use dealflow_proto::erp::v1::erp_service_server::ErpServiceServer;
use dealflow_proto::erp::v1::erp_stub_control_service_server::ErpStubControlServiceServer;

use crate::faults::Faults;
use crate::rpc::{control::Control, erp::Erp};

/// The stub as a part of the suite.
pub fn part(store: Store) -> Part {
    let erp = Erp { store: store.clone(), faults: Faults::default() };
    let simulated = erp.clone();
    Part::new("erp")
        .service(ErpServiceServer::new(erp.clone()))
        .service(ErpStubControlServiceServer::new(Control { erp }))
        .task(move |stop| simulated.simulate(stop))
        .ready(move || {
            let store = store.clone();
            Box::pin(async move { store.ping().await })
        })
}
