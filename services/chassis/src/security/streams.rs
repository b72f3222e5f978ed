//! How long a stream may be open, and how many one caller may have.
//!
//! A stream's caller is asked who he is and what he sees when he opens it, and not again. So it ends with his token, and
//! after a while in any case: who opens it anew is asked anew. And the places for streams are for all: who would take
//! them all is told so before the others notice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dealflow_proto::errors::v1::ErrorReason;
use tonic::{Code, Status};

use super::caller::Caller;
use super::tokens::now;
use crate::deadline::Deadline;
use crate::layers::{Ends, refuse};

/// When one of them may have ended.
const COME_BACK: Duration = Duration::from_secs(5);

/// The open streams of a server, by caller.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    age: Duration,
    most: usize,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

/// A caller's place among his streams; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct StreamPlace {
    actor: String,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

impl Streams {
    /// Streams that end after so long, never where that is zero; of one caller so many at the same time.
    pub(crate) fn new(age: Duration, most: usize) -> Self {
        Self { age, most, open: Arc::default() }
    }

    /// What ends a stream of this caller; refused where he has as many as he may. A part's are bounded by age alone: it
    /// opens them for its own callers.
    pub(crate) fn open(&self, caller: Option<&Caller>) -> Result<Ends, Status> {
        // Streams that were opened together are not to be opened anew together.
        let age = Some(self.age.mul_f64(rand::random_range(0.9..=1.0))).filter(|age| !age.is_zero());
        let token = caller
            .and_then(|caller| caller.until)
            .map(|until| Duration::from_secs(u64::try_from(until.saturating_sub(now())).unwrap_or_default()));
        let age = age.into_iter().chain(token).min().map(Deadline::within);
        let place = caller.map(|caller| self.place(&caller.actor)).transpose()?;
        Ok(Ends { age, _place: place, ..Ends::default() })
    }

    fn place(&self, actor: &str) -> Result<StreamPlace, Status> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(actor.to_owned()).or_default();
        if *count >= self.most {
            let most = self.most;
            let message = format!("you have {most} streams open, as many as one caller may; end one of them first");
            return Err(refuse(Code::ResourceExhausted, ErrorReason::RateLimited, &message, Some(COME_BACK)));
        }
        *count += 1;
        Ok(StreamPlace { actor: actor.to_owned(), open: Arc::clone(&self.open) })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.actor) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.actor);
            }
        }
    }
}
