//! A realistic double of an ERP, behind the contract `dealflow.erp.v1`.
//!
//! It is durable, keeps one document per external id for ever, gives gapless numbers of its own, recomputes every
//! total with tolerance 0, and wants the order before its invoice. It writes down every call that it received, so that
//! a test can say "sent 7 times, stored once", and it fails on demand.
//!
//! The way of a document: [`rpc::erp`] writes the journal and plays the [`faults`]; [`checks`] says what is wrong with
//! the document; [`document`] books it.

mod adjustments;
pub mod checks;
pub mod document;
pub mod faults;
pub mod journal;
pub mod rpc;

use dealflow_chassis::serve::Part;
use dealflow_chassis::store::Store;
use dealflow_proto::erp::v1::erp_service_server::ErpServiceServer;
use dealflow_proto::erp::v1::erp_stub_control_service_server::ErpStubControlServiceServer;

use crate::faults::Faults;
use crate::rpc::{control::Control, erp::Erp};

/// The stub as a part of the suite.
pub fn part(store: Store) -> Part {
    let faults = Faults::default();
    let control = Control { store: store.clone(), faults: faults.clone() };
    let database = store.clone();
    Part::new("erp")
        .service(ErpServiceServer::new(Erp { store, faults }))
        .service(ErpStubControlServiceServer::new(control))
        .ready(move || {
            let database = database.clone();
            Box::pin(async move { database.ping().await })
        })
}
