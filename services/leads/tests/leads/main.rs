//! Leads, accounts and contacts over their contract, on both databases.

mod desk;
mod duplicates;
mod life_cycle;
mod lists;
mod qualification;
mod records;
mod requests;
