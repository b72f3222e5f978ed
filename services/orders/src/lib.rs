//! Products, quotes, contracts, orders and invoices.
