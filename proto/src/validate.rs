//! Every request checks its own form before anything else happens.
//!
//! The checks are generated from the options in the .proto files (`google.api.field_behavior`,
//! `google.api.resource_reference`, `buf.validate.field`) and hold only what a message shows by itself:
//! what depends on stored records is a rule of the services.

mod at;
pub(crate) mod check;
mod google;
mod mask;

/// One thing that is wrong with a request, as `google.rpc.BadRequest` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field, e.g. `quote.lines[2].unit_price.currency_code`.
    pub field: String,
    /// What the field must be, e.g. `must be of the form leads/{lead}`.
    pub description: String,
}

/// A message whose form can be checked; implemented for every request and all that it is made of.
pub trait Validate {
    /// Adds everything that is wrong to `out`; `path` is the message's own path, empty for a request.
    fn validate(&self, path: &str, out: &mut Vec<Violation>);

    /// Everything that is wrong with the request; empty if it is well formed.
    fn violations(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        self.validate("", &mut out);
        out
    }
}
