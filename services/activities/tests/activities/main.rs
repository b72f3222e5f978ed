//! Activities and employees over their contract, on both databases.

mod desk;
mod life_cycle;
mod people;
mod requests;
mod stages;
