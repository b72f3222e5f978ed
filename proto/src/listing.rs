//! What all requests for a list have in common (AIP-132).

/// A request for a page of a list; generated for every request that has filter, order and page token.
pub trait Listing {
    /// Rows wanted; 0 for the default.
    fn page_size(&self) -> i32;
    /// Empty for the first page, else from the page before.
    fn page_token(&self) -> &str;
    /// An AIP-160 filter; empty for all rows.
    fn filter(&self) -> &str;
    /// Fields to order by; empty for the list's own order.
    fn order_by(&self) -> &str;
}
