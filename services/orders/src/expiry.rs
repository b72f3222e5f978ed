//! What happens by the calendar and not by a call: quotes and contracts expire at the end of their last day (R-QUO-3,
//! R-CON-1).
//!
//! Any number of replicas may look; each closes what no other one works on. Until it is closed an expired quote is
//! refused by every verb all the same, for its day is compared each time.

use tokio_util::sync::CancellationToken;

use crate::rpc::Orders;

/// Looks again and again until the stop.
pub(crate) async fn sweep(orders: Orders, stop: CancellationToken) {
    loop {
        if let Err(status) = orders.expire_all().await {
            let told = status.message();
            tracing::warn!(code = ?status.code(), told, "expired quotes stay open until the next look");
        }
        if let Err(status) = orders.expire_all_contracts().await {
            let told = status.message();
            tracing::warn!(code = ?status.code(), told, "expired contracts stay active until the next look");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(orders.settings().sweep) => {}
        }
    }
}
