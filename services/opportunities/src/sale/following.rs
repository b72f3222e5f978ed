//! The sale after a closed one: a new opportunity, linked to the old, which stays as it is (R-OPP-3).

use chrono::{DateTime, NaiveDate, Utc};

use super::Sale;
use crate::error::Error;
use crate::opportunity::{self, State};

/// What is wished of a follow-up.
#[derive(Debug, Clone, Default)]
pub struct FollowUp {
    /// What it is about; the old title where it is empty.
    pub title: String,
    /// Takes the team over.
    pub team: bool,
    /// Takes the demand lines over, and with them the estimate.
    pub lines: bool,
    /// When it may be decided.
    pub estimated_close_date: Option<NaiveDate>,
}

impl Sale {
    /// What the follow-up of this closed sale begins with: the customer and who takes part, not what came of it.
    ///
    /// # Errors
    /// [`Error::StillOpen`] while it can be worked on itself.
    pub fn follow_up(&self, wish: FollowUp, now: DateTime<Utc>) -> Result<opportunity::Model, Error> {
        let old = &self.opportunity;
        if old.state == State::Open {
            return Err(Error::StillOpen(old.name()));
        }
        let title = if wish.title.is_empty() { old.title.clone() } else { wish.title };
        let mut new = opportunity::Model {
            title,
            account: old.account,
            contact: old.contact,
            owner: old.owner,
            currency: old.currency,
            source: old.source.clone(),
            channel: old.channel.clone(),
            campaign: old.campaign.clone(),
            participants: old.participants.clone(),
            follow_up_of: Some(old.id),
            estimated_close_date: wish.estimated_close_date,
            ..opportunity::Model::new(now)
        };
        new.bant.decision_maker = old.bant.decision_maker;
        new.bant.purchase_process.clone_from(&old.bant.purchase_process);
        if wish.team {
            new.team = old.team.clone();
        }
        if wish.lines {
            new.lines = old.lines.clone();
            let sum = new.lines.price(new.currency).map_err(|error| crate::amount::arithmetic("lines", &error))?;
            new.estimate(None, sum);
        }
        if new.estimated_close_date.is_some_and(|day| day < new.open_date) {
            return Err(Error::field("estimated_close_date", format!("lies before today, {}", new.open_date)));
        }
        Ok(new)
    }
}
