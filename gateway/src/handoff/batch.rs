//! Group commit: what waits at the same time is written in one transaction, and each waits for that commit only.
//!
//! While one batch is committed the next one gathers, so a batch is as large as the load makes it, and a lone row does
//! not wait for company.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use dealflow_chassis::Refusal;
use tokio::sync::oneshot;

/// Rows of one transaction at most.
const LARGEST: usize = 32;

/// How rows are written.
pub(super) trait Write: Clone + Send + Sync + 'static {
    /// What is written.
    type Row: Clone + Send + 'static;
    /// What is said of each.
    type Answer: Send + 'static;

    /// Writes all rows in one transaction and answers each; an error means that none is written.
    fn write(
        &self,
        rows: Vec<Self::Row>,
    ) -> impl Future<Output = Result<Vec<Result<Self::Answer, Refusal>>, Refusal>> + Send;
}

type Waiting<W> = (<W as Write>::Row, oneshot::Sender<Result<<W as Write>::Answer, Refusal>>);

struct Queue<W: Write> {
    waiting: Vec<Waiting<W>>,
    draining: bool,
}

/// The rows that wait, and their writer.
#[derive(Clone)]
pub(super) struct Batch<W: Write> {
    writer: W,
    queue: Arc<Mutex<Queue<W>>>,
}

impl<W: Write> Batch<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, queue: Arc::new(Mutex::new(Queue { waiting: Vec::new(), draining: false })) }
    }

    /// Writes a row; returns when it is committed. A caller that goes away takes nothing back.
    pub(super) async fn put(&self, row: W::Row) -> Result<W::Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        let idle = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.waiting.push((row, reply));
            !std::mem::replace(&mut queue.draining, true)
        };
        if idle {
            // Not the caller's own task: others wait for this commit too, and the caller may give up.
            tokio::spawn(self.clone().drain());
        }
        answer.await.map_err(|_| Refusal::internal("the writer ended before it answered"))?
    }

    async fn drain(self) {
        while let Some(batch) = self.take() {
            let (rows, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let written = self.writer.write(rows.clone()).await;
            match written {
                Ok(answers) => {
                    for (reply, answer) in replies.into_iter().zip(answers) {
                        tell(reply, answer);
                    }
                }
                // One row's fault must not be another's: each is written alone.
                Err(_) if rows.len() > 1 => {
                    for (row, reply) in rows.into_iter().zip(replies) {
                        let alone = self.writer.write(vec![row]).await;
                        tell(reply, alone.and_then(only));
                    }
                }
                Err(refusal) => {
                    if let Some(reply) = replies.into_iter().next() {
                        tell(reply, Err(refusal));
                    }
                }
            }
        }
    }

    fn take(&self) -> Option<Vec<Waiting<W>>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.waiting.is_empty() {
            queue.draining = false;
            return None;
        }
        let some = queue.waiting.len().min(LARGEST);
        Some(queue.waiting.drain(..some).collect())
    }
}

fn only<A>(answers: Vec<Result<A, Refusal>>) -> Result<A, Refusal> {
    answers.into_iter().next().unwrap_or_else(|| Err(Refusal::internal("a row was written without an answer")))
}

fn tell<A>(reply: oneshot::Sender<Result<A, Refusal>>, answer: Result<A, Refusal>) {
    if reply.send(answer).is_err() {
        tracing::debug!("who handed over did not wait for the commit");
    }
}
