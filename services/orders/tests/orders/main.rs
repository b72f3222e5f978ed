//! The service of orders, asked as its callers ask it: generated clients on the part's in-process link, on both
//! databases.

mod accepting;
mod adjustments;
mod approvals;
mod bypasses;
mod changes;
mod contracts;
mod credit_notes;
mod expiry;
mod fixed;
mod fuzz;
mod house;
mod invoices;
mod lists;
mod numbers;
mod orders;
mod payments;
mod prices;
mod products;
mod properties;
mod quotes;
mod requests;
mod seen;
mod sellers;
mod terms;
mod walks;
