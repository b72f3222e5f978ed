//! Opportunities over their contract, on both databases: stages, processes, closing, figures.

mod closing;
mod desk;
mod figures;
mod library;
mod model;
mod ordered;
mod records;
mod requests;
mod results;
mod stages;
