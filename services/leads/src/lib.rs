//! Leads, accounts and contacts.
