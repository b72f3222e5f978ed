//! Leads, accounts and contacts over their contract, on both databases.

mod desk;
mod distribution;
mod duplicates;
mod imports;
mod life_cycle;
mod lists;
mod model;
mod people;
mod qualification;
mod records;
mod requests;
mod stages;
