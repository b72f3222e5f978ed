//! The program `dealflow`: serve, demo, import, migrate, bench, and the commands for people.
//!
//! - [`suite`]: which parts run in this process, and how they reach each other
//! - [`part`]: the parts by name; [`places`]: where they and their databases are
//! - [`hold`]: whose data a folder is while a suite runs
//! - [`client`]: how a command talks to a suite, running elsewhere or started for as long as the command runs
//! - `mistakes`: what is said where the suite is not reached, or reached by nobody
//! - [`adapters`]: how the adapters to real ERPs are set up
//! - [`broker`]: where events are published
//! - [`delivery`]: how documents are handed to the ERP, as an operator says it
//! - [`api`]: the typed clients, and requests that carry who asks
//! - [`commands`]: one file per command
//! - [`show`]: tables for people, JSON for machines

pub mod adapters;
pub mod api;
pub mod broker;
pub mod client;
pub mod commands;
pub mod delivery;
pub mod hold;
mod mistakes;
pub mod part;
pub mod places;
pub mod show;
pub mod suite;
