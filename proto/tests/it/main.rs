//! What the crate promises over its public surface.

mod behaviors;
mod conversions;
mod descriptors;
mod http;
mod names;
mod references;
mod validation;
