//! The whole suite: from a lead to the invoice in the ERP's books, whatever is lost or killed on the way.

mod aftercare;
mod approvals;
mod at_once;
mod at_work;
mod bad_input;
mod crash;
mod customer;
mod directly;
mod documents;
mod erp;
mod kill_points;
mod lost_replies;
mod ordered;
mod people_told;
mod privacy;
mod processes;
mod replicas;
mod requirements;
mod security;
mod settings;
mod sight;
mod sight_of_documents;
mod sold;
mod traces;
mod ubl_set;
mod whole_deal;
