//! The whole suite: from a lead to the invoice in the ERP's books, whatever is lost or killed on the way.

mod approvals;
mod bad_input;
mod crash;
mod directly;
mod lost_replies;
mod requirements;
mod settings;
mod traces;
mod verbs;
mod whole_deal;
