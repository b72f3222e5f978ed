//! Reading the ERP's events, from where we were: the cursor commits with what the events did.
//!
//! Any replica may read; what two of them read is applied once, by its sequence.

use std::time::Duration;

use dealflow_chassis::Refusal;
use dealflow_proto::erp::v1::erp_service_client::ErpServiceClient;
use dealflow_proto::erp::v1::{WatchEventsRequest, WatchEventsResponse};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::{Handoffs, business, target};

/// The first wait before a stream that was lost is opened again; it doubles.
const FIRST: Duration = Duration::from_millis(200);
/// The longest.
const LONGEST: Duration = Duration::from_secs(30);
/// How long an ERP is left alone that tells nothing.
const NOT_TOLD: Duration = Duration::from_secs(600);

/// Reads until the stop.
pub(super) async fn read(handoffs: Handoffs, stop: CancellationToken) {
    let mut wait = FIRST;
    loop {
        let lost = tokio::select! {
            () = stop.cancelled() => return,
            lost = handoffs.read_on(true, &mut wait) => lost,
        };
        let pause = match lost {
            Err(status) if status.code() == Code::Unimplemented => NOT_TOLD,
            Err(status) => {
                tracing::info!(code = ?status.code(), told = status.message(), "the ERP's events are read again");
                wait
            }
            Ok(()) => wait,
        };
        wait = (wait * 2).min(LONGEST);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

impl Handoffs {
    /// Takes in what the ERP has told until now.
    ///
    /// # Errors
    ///
    /// The ERP's status where it does not answer, ours where the database does not.
    pub async fn read_events(&self) -> Result<(), Status> {
        self.read_on(false, &mut FIRST.clone()).await
    }

    async fn read_on(&self, follow: bool, wait: &mut Duration) -> Result<(), Status> {
        let after_cursor = target::cursor(self.0.store.reader()).await.map_err(Refusal::from)?;
        let mut cursor = after_cursor.clone();
        let mut erp = ErpServiceClient::new(self.0.erp.link.clone());
        let mut batches = erp.watch_events(WatchEventsRequest { after_cursor, follow }).await?.into_inner();
        while let Some(batch) = batches.message().await? {
            *wait = FIRST;
            if batch.events.is_empty() && batch.cursor == cursor {
                continue;
            }
            cursor.clone_from(&batch.cursor);
            self.take_in(batch).await.map_err(Refusal::from)?;
        }
        Ok(())
    }

    async fn take_in(&self, batch: WatchEventsResponse) -> Result<(), sea_orm::DbErr> {
        let store = &self.0.store;
        let tx = store.begin().await?;
        let applied = business::apply(&tx, &batch.events, store.clock().now()).await?;
        target::reached(&tx, &batch.cursor).await?;
        store.commit(tx).await?;
        if applied.applied > 0 {
            self.0.news.notify_one();
            self.wake();
        }
        Ok(())
    }
}
