//! Opportunities over their contract, on both databases: stages, processes, closing, figures.

mod beside;
mod closing;
mod desk;
mod figures;
mod library;
mod model;
mod ordered;
mod pages;
mod records;
mod requests;
mod results;
mod stages;
mod terminal;
