//! The schema of each service, one migrator each; expand and contract, so that the old version keeps running.
//!
//! Every migrator begins with [`work`]: what a part's database holds beside its records; [`audit`] chains it,
//! [`append_only`] keeps it; parts with settings of their own have [`settings`] too.

pub mod activities;
pub mod append_only;
pub mod audit;
pub mod erp_stub;
pub mod erp_ubl;
pub mod events_nats;
pub mod gateway;
pub mod leads;
pub mod opportunities;
pub mod orders;
pub mod settings;
pub mod work;
