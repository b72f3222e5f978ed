//! The stub of an ERP, over its contract and its control service.

mod books;
mod chain;
mod drills;
mod events;
mod house;
mod personalities;
