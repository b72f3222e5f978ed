//! A realistic double of an ERP.
