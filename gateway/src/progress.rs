//! What a verb tells its caller: each step's answer finds its place in [`DealProgress`].

use dealflow_proto::activities::v1::{
    Activity, NotifyDealClosedResponse, PauseRemindersResponse, SyncStageActivitiesResponse,
};
use dealflow_proto::gateway::v1::DealProgress;
use dealflow_proto::leads::v1::{Account, Lead};
use dealflow_proto::opportunities::v1::Opportunity;
use dealflow_proto::orders::v1::{CloseOpportunityQuotesResponse, CreditNote, Invoice, Order, Quote};

/// An answer that belongs into what a verb tells.
pub(crate) trait Tell {
    /// Puts it into its place; a later answer takes the place of an earlier one.
    fn tell(&self, progress: &mut DealProgress);
}

impl Tell for Lead {
    fn tell(&self, progress: &mut DealProgress) {
        progress.lead = Some(self.clone());
    }
}

impl Tell for Opportunity {
    fn tell(&self, progress: &mut DealProgress) {
        progress.opportunity = Some(self.clone());
    }
}

impl Tell for Activity {
    fn tell(&self, progress: &mut DealProgress) {
        match progress.activities.iter_mut().find(|told| told.name == self.name) {
            Some(told) => *told = self.clone(),
            None => progress.activities.push(self.clone()),
        }
    }
}

impl Tell for SyncStageActivitiesResponse {
    fn tell(&self, progress: &mut DealProgress) {
        for activity in self.canceled.iter().chain(&self.open) {
            activity.tell(progress);
        }
    }
}

impl Tell for NotifyDealClosedResponse {
    /// Who was told is in the notification centre.
    fn tell(&self, _: &mut DealProgress) {}
}

impl Tell for PauseRemindersResponse {
    /// That the deal is on hold its opportunity says.
    fn tell(&self, _: &mut DealProgress) {}
}

impl Tell for Account {
    /// The customer is not of one deal alone; the view of the deal has it.
    fn tell(&self, _: &mut DealProgress) {}
}

impl Tell for Quote {
    fn tell(&self, progress: &mut DealProgress) {
        progress.quote = Some(self.clone());
    }
}

impl Tell for CloseOpportunityQuotesResponse {
    /// A deal may have closed several; each has its own event. One alone is told.
    fn tell(&self, progress: &mut DealProgress) {
        if let ([quote], false) = (self.quotes.as_slice(), self.more_quotes) {
            quote.tell(progress);
        }
    }
}

impl Tell for Order {
    fn tell(&self, progress: &mut DealProgress) {
        progress.order = Some(self.clone());
    }
}

impl Tell for Invoice {
    fn tell(&self, progress: &mut DealProgress) {
        progress.invoice = Some(self.clone());
    }
}

impl Tell for CreditNote {
    // No verb of a deal makes one.
    fn tell(&self, _: &mut DealProgress) {}
}
