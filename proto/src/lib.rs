//! The wire and nothing else: messages, services, names, descriptors.
//!
//! - one module per package of `proto/dealflow`: [`leads::v1`], [`opportunities::v1`], …
//! - [`Validate`]: every request checks its own form, from the options in the .proto files
//! - [`Mutation`]: what all requests that change something have in common; [`Listing`]: those for a list
//! - [`methods`]: every RPC and the permission that it asks for
//! - [`names`]: resource names ⇄ ids; [`convert`]: the wire's values ⇄ Rust's
//! - [`FILE_DESCRIPTOR_SET`]: the descriptors, comments included, for reflection

pub mod convert;
pub mod listing;
pub mod methods;
pub mod mutation;
pub mod names;
pub mod validate;

#[allow(missing_docs, unreachable_pub, clippy::all)]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/wire.rs"));
}

/// The generated `Validate`, `Mutation` and `Listing` of every request.
#[allow(clippy::all, unused_variables)]
mod checks {
    use crate::validate::check;
    include!(concat!(env!("OUT_DIR"), "/checks.rs"));
}

pub use listing::Listing;
pub use mutation::Mutation;
pub use validate::{Validate, Violation};
pub use wire::dealflow::*;

/// Google's common types.
pub mod google {
    /// `google.type`: money, dates, decimal numbers.
    pub use crate::wire::google::r#type as type_;
}

/// All our files and what they import, as an encoded `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
