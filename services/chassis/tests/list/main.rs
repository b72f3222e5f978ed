//! Lists over the public surface: the filter's grammar, what it matches, the order, the pages.
//!
//! Every test of rows runs on SQLite in a file, and on PostgreSQL as well where it is installed.

mod deals;
mod filters;
mod fuzz;
mod grammar;
mod pages;
mod plans;
mod tokens;
