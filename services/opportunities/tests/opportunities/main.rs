//! Opportunities over their contract, on both databases: stages, processes, closing, figures.

mod beside;
mod closing;
mod desk;
mod figures;
mod fuzz;
mod gated_model;
mod gates;
mod importing;
mod library;
mod model;
mod ordered;
mod pages;
mod pages_beside;
mod records;
mod requests;
mod results;
mod runs;
mod seen;
mod stages;
mod terminal;
