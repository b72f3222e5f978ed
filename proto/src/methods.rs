//! Every RPC and the permission that its callers need, read from the option in the .proto files (R-SEC-1).

use crate::access::v1::Permission;

/// An RPC of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// As it stands in a request: `/dealflow.leads.v1.LeadService/GetLead`.
    pub path: &'static str,
    number: i32,
}

impl Method {
    /// What a caller must be permitted to do.
    #[must_use]
    pub fn permission(&self) -> Permission {
        Permission::try_from(self.number).unwrap_or_default()
    }
}

impl Permission {
    /// All of them, but for the one that is never asked for.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..64).map_while(|number| Self::try_from(number).ok())
    }

    /// As roles spell it: `customers_read`.
    #[must_use]
    pub fn word(self) -> String {
        self.as_str_name().trim_start_matches("PERMISSION_").to_ascii_lowercase()
    }
}

#[allow(missing_docs)]
mod table {
    use super::Method;
    include!(concat!(env!("OUT_DIR"), "/methods.rs"));
}

pub use table::ALL;
