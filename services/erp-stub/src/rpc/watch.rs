//! The stream of events: from a cursor on, and from the beginning where the books were put back since then.

use std::time::Duration;

use dealflow_chassis::refusal::Refusal;
use dealflow_chassis::store::Store;
use dealflow_proto::erp::v1::{WatchEventsRequest, WatchEventsResponse};
use tokio::sync::mpsc;
use tonic::Status;

use crate::event;
use crate::state::State;

/// Events of one answer at most.
const BATCH: u64 = 500;
/// How long events gather that come at the same time.
const GATHER: Duration = Duration::from_millis(200);
/// How often other replicas' commits are looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Where a reader is: in which life of the books, and how far.
pub(super) fn cursor(text: &str) -> Result<(i64, i64), Refusal> {
    if text.is_empty() {
        return Ok((0, 0));
    }
    let parsed = text.split_once('.').and_then(|(epoch, position)| Some((epoch.parse().ok()?, position.parse().ok()?)));
    parsed.ok_or_else(|| Refusal::field("after_cursor", "a cursor that the stream gave"))
}

/// Sends batches until the end of what is there, or of the reader.
pub(super) async fn stream(
    store: Store,
    ask: WatchEventsRequest,
    (mut epoch, mut position): (i64, i64),
    sender: mpsc::Sender<Result<WatchEventsResponse, Status>>,
) {
    let mut changes = store.changes();
    loop {
        changes.borrow_and_update();
        let batch = async {
            let now = State::load(store.reader()).await?.epoch;
            if now != epoch {
                (epoch, position) = (now, 0);
            }
            event::after(&store, position, BATCH).await
        };
        let (events, reached) = match batch.await {
            Ok(read) => read,
            Err(error) => {
                // The reader's loss is told to it; that nobody listens any more is no fault.
                let _gone = sender.send(Err(Refusal::from(error).into())).await;
                return;
            }
        };
        let full = events.len() as u64 == BATCH;
        position = reached;
        if !events.is_empty() || !ask.follow {
            let batch = WatchEventsResponse { events, cursor: format!("{epoch}.{position}") };
            if sender.send(Ok(batch)).await.is_err() {
                return;
            }
        }
        if full {
            continue;
        }
        if !ask.follow {
            return;
        }
        tokio::select! {
            () = sender.closed() => return,
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(GATHER).await;
            }
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}
