//! The gateway through its own API, beside neighbours that do what a test says; on SQLite and on PostgreSQL.
//!
//! The whole suite, with the real services, lost replies at every call, and kills, is tested in `/tests`.

mod compensation;
mod feed;
mod flows;
mod house;
mod leases;
mod neighbour;
mod operators;
mod phases;
mod view;
