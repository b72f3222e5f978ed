//! Hand-overs to the ERP, against the real stub in process, on both databases, with a clock that the tests move.
//!
//! Every test is about R-ERP-1: documents reach the ERP effectively once, in order within a chain, whatever fails.

mod business;
mod chains;
mod crashes;
mod faults;
mod files;
mod house;
mod matrix;
mod operators;
mod outage;
mod papers;
mod property;
mod reconciling;
mod storing;
