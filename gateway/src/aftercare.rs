//! After a win: follow-up activities on the account (R-OPP-5), made from the templates of a setting.
//!
//! They are steps of the flow that follows the win, so they are made once, whichever way the deal was won. A win that is
//! told long afterwards, as an import does, makes none whose day is over.

use chrono::{DateTime, Days, Utc};
use dealflow_proto::activities::v1::{Activity, CreateActivityRequest, activity};
use dealflow_proto::convert;
use dealflow_proto::opportunities::v1::Opportunity;

use crate::flow::{Run, Stop};
use crate::settings::AFTER_WIN;

/// The steps' names; as many templates are used.
const STEPS: [&str; 10] = [
    "after win 1",
    "after win 2",
    "after win 3",
    "after win 4",
    "after win 5",
    "after win 6",
    "after win 7",
    "after win 8",
    "after win 9",
    "after win 10",
];

/// Makes the follow-up activities; a deal without an account has nobody to follow up with.
pub(crate) async fn follow_up(run: &Run, deal: &Opportunity) -> Result<(), Stop> {
    if deal.account.is_empty() {
        return Ok(());
    }
    let templates = run.decided(&AFTER_WIN).await?;
    for (step, template) in STEPS.into_iter().zip(&templates) {
        let Some(template) = Template::read(template) else { continue };
        let Some(due) = template.due(deal).filter(|due| due.date_naive() >= run.began_on()) else { continue };
        let activity = Some(template.activity(deal, due));
        run.step(step, CreateActivityRequest { activity, ..CreateActivityRequest::default() }).await?;
    }
    Ok(())
}

/// What an activity is made from: `CALL 14: Ask whether all runs well` is a call, due 14 days after the win.
#[derive(Debug, PartialEq, Eq)]
struct Template<'a> {
    kind: activity::Type,
    days: u64,
    subject: &'a str,
}

impl<'a> Template<'a> {
    /// Reads a template; none where it says something else.
    fn read(text: &'a str) -> Option<Self> {
        let (form, subject) = text.split_once(':')?;
        let (kind, days) = form.trim().split_once(' ')?;
        let kind = activity::Type::from_str_name(&format!("TYPE_{}", kind.to_uppercase()))?;
        let (days, subject) = (days.trim().parse().ok()?, subject.trim());
        (kind != activity::Type::Unspecified && !subject.is_empty()).then_some(Self { kind, days, subject })
    }

    fn activity(&self, deal: &Opportunity, due: DateTime<Utc>) -> Activity {
        Activity {
            r#type: self.kind.into(),
            subject: self.subject.to_owned(),
            instructions: format!("{} was won.", deal.title),
            regarding: deal.account.clone(),
            origin: activity::Origin::Manual.into(),
            performer: deal.owner.clone(),
            due_time: Some(convert::timestamp(due)),
            ..Activity::default()
        }
    }

    /// Counted from the win, which is the opportunity's last change.
    fn due(&self, deal: &Opportunity) -> Option<DateTime<Utc>> {
        let won = convert::time_of(deal.update_time.as_ref()?).ok()?;
        won.checked_add_days(Days::new(self.days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_says_what_when_and_about_what() {
        let read = Template::read("call 14: Ask whether all runs well");
        let call = Template { kind: activity::Type::Call, days: 14, subject: "Ask whether all runs well" };
        assert_eq!(read, Some(call));
        for wrong in ["", "CALL", "CALL 14", "CALL 14:", "DANCE 1: x", "CALL soon: x", "UNSPECIFIED 1: x"] {
            assert_eq!(Template::read(wrong), None, "{wrong}");
        }
    }
}
