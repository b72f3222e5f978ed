//! What all requests that change something have in common (R-API-1).

use prost_types::Timestamp;

/// A request that changes something; generated for every request that has a `request_id`.
pub trait Mutation {
    /// The caller's UUID: the same id and content gives the same answer.
    fn request_id(&self) -> &str;
    /// Writes it in another spelling.
    fn set_request_id(&mut self, id: String);
    /// True if everything is to be checked and nothing changed.
    fn validate_only(&self) -> bool;
    /// The version that the caller saw; empty if any version is meant.
    fn etag(&self) -> &str;
    /// When it happened, where that is not now.
    fn effective_time(&self) -> Option<Timestamp>;
}
