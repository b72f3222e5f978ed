//! One function per RPC, one transaction per function.

pub mod activity;
pub mod calendar;
pub mod category;
pub mod clock;
pub mod employee;
pub mod interaction;
pub mod knowledge;
pub mod notification;
pub mod task;

/// The four fields of a list's request.
macro_rules! wanted {
    ($ask:expr) => {
        dealflow_chassis::list::ListRequest {
            page_size: $ask.page_size,
            page_token: &$ask.page_token,
            filter: &$ask.filter,
            order_by: &$ask.order_by,
        }
    };
}
pub(crate) use wanted;
