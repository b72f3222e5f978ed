//! Keeps this instance's flows its own, and takes over those whose instance fell silent.
//!
//! A lease lasts 5 s and is renewed every second, for all flows of the instance in one statement; the table is looked
//! through every second. So after a kill a flow moves again within 7 s. Two instances that drive the same flow for a
//! while do no harm: their steps have the same request ids, and only the last owner's fence lets it write the end.

use std::time::Duration;

use dealflow_chassis::Refusal;
use sea_orm::{DbBackend, DbErr};
use tokio_util::sync::CancellationToken;

use super::Flows;
use super::stored::Flow;
use super::table;

/// How often leases are renewed and looked through.
const EVERY: Duration = Duration::from_secs(1);
/// How many flows are taken over at once.
const AT_ONCE: u64 = 64;
/// How many flows an instance drives at most before it takes over no more.
const MOST: usize = 1024;

/// Renews our leases; at the stop it gives them back, so that another instance need not wait for their end.
pub(crate) async fn renew(flows: Flows, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(EVERY) => {}
        }
        if flows.0.live().is_empty() {
            continue;
        }
        if let Err(error) = in_transaction(&flows, async |tx| table::renew(tx, flows.0.me).await).await {
            tracing::warn!(%error, "leases were not renewed; trying again");
        }
    }
    let given_back = in_transaction(&flows, async |tx| table::release(tx, flows.0.me).await);
    if let Err(error) = given_back.await {
        tracing::warn!(%error, "leases were not given back; they run out by themselves");
    }
}

/// Drives on what others left: at once where no other instance can be, else when the lease has run out.
pub(crate) async fn take_over(flows: Flows, stop: CancellationToken) {
    // One process has one SQLite file: at the start whatever runs there is an orphan.
    let mut orphans = flows.store().backend() == DbBackend::Sqlite;
    loop {
        match take_over_once(&flows, orphans).await {
            Ok(found) => {
                if found == AT_ONCE {
                    continue;
                }
                orphans = false;
            }
            Err(refusal) => tracing::warn!(%refusal, "flows were not looked through; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = flows.0.left.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn take_over_once(flows: &Flows, orphans: bool) -> Result<u64, Refusal> {
    if flows.0.live().len() >= MOST {
        return Ok(0);
    }
    let tx = flows.store().begin().await?;
    let rows = table::take_over(&tx, flows.0.me, AT_ONCE, orphans).await?;
    if rows.is_empty() {
        // A commit a second would wake whoever waits for changes, for none.
        tx.rollback().await?;
        return Ok(0);
    }
    flows.store().commit(tx).await?;
    let found = rows.len() as u64;
    for row in rows {
        let mut live = flows.0.live();
        if let Some(ours) = live.get(&row.id).filter(|ours| ours.flow.is_stored()) {
            // We were too slow to renew our own lease: the run goes on under the new fence.
            ours.flow.refence(row.fence);
            continue;
        }
        tracing::info!(flow = %row.id, verb = row.verb, runs = row.runs, "a flow is driven on");
        let act = flows.0.acts.get(&row.verb)?;
        let effective_time = (act.effective_time)(&row.input);
        let flow = Flow::resume(row, act.origin, effective_time, flows.0.writer.clone()).map_err(Refusal::internal)?;
        flows.0.clone().launch(&mut live, flow);
    }
    Ok(found)
}

async fn in_transaction(
    flows: &Flows,
    act: impl AsyncFnOnce(&sea_orm::DatabaseTransaction) -> Result<(), DbErr>,
) -> Result<(), DbErr> {
    let tx = flows.store().begin().await?;
    act(&tx).await?;
    flows.store().commit(tx).await
}
