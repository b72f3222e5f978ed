//! After a win: follow-up activities on the account (R-OPP-5), made from the templates of a setting.
//!
//! They are steps of the flow that follows the win, so they are made once, whichever way the deal was won. A win that is
//! told long afterwards, as an import does, makes none whose day is over.
//!
//! The deal is won by then, so nothing here stops its flow: where its owner has left, or is nobody that we know, the
//! nearest manager who is here gets the activity, else nobody in particular. Who gets it is noted before it is made: a run
//! after a crash makes no second one, though the owner may be back by then.

use chrono::{DateTime, Days, Utc};
use dealflow_proto::activities::v1::{Activity, CreateActivityRequest, ListManagersRequest, activity};
use dealflow_proto::convert;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::opportunities::v1::Opportunity;

use crate::flow::{Run, Stop, has_reason};
use crate::settings::AFTER_WIN;

/// How many templates are used.
pub(crate) const MOST_TEMPLATES: usize = STEPS.len();
/// The longest time after a win.
const MOST_DAYS: u64 = 3650;
/// The longest subject of an activity.
const LONGEST_SUBJECT: usize = 500;

/// The steps' names: for the owner, for who stands in for him, for nobody.
const STEPS: [[&str; 3]; 10] = [
    ["after win 1", "after win 1 by a manager", "after win 1 by nobody"],
    ["after win 2", "after win 2 by a manager", "after win 2 by nobody"],
    ["after win 3", "after win 3 by a manager", "after win 3 by nobody"],
    ["after win 4", "after win 4 by a manager", "after win 4 by nobody"],
    ["after win 5", "after win 5 by a manager", "after win 5 by nobody"],
    ["after win 6", "after win 6 by a manager", "after win 6 by nobody"],
    ["after win 7", "after win 7 by a manager", "after win 7 by nobody"],
    ["after win 8", "after win 8 by a manager", "after win 8 by nobody"],
    ["after win 9", "after win 9 by a manager", "after win 9 by nobody"],
    ["after win 10", "after win 10 by a manager", "after win 10 by nobody"],
];

/// Makes the follow-up activities; a deal without an account has nobody to follow up with.
pub(crate) async fn follow_up(run: &Run, deal: &Opportunity) -> Result<(), Stop> {
    if deal.account.is_empty() {
        return Ok(());
    }
    let templates = run.decided(&AFTER_WIN).await?;
    for (steps, template) in STEPS.into_iter().zip(&templates) {
        let Some(template) = Template::read(template) else { continue };
        let Some(due) = template.due(deal).filter(|due| due.date_naive() >= run.began_on()) else { continue };
        make(run, steps, template.activity(deal, due)).await?;
    }
    Ok(())
}

/// Makes an activity for whoever can do it.
pub(crate) async fn make(
    run: &Run,
    [own, managers, nobodys]: [&'static str; 3],
    activity: Activity,
) -> Result<(), Stop> {
    if !run.has_noted(managers) && is_made(run, own, activity.clone()).await? {
        return Ok(());
    }
    run.note(managers).await?;
    if !run.has_noted(nobodys)
        && let Some(performer) = manager_of(run, &activity.performer).await?
        && is_made(run, managers, Activity { performer, ..activity.clone() }).await?
    {
        return Ok(());
    }
    run.note(nobodys).await?;
    if !is_made(run, nobodys, Activity { performer: String::new(), ..activity }).await? {
        tracing::warn!(step = nobodys, "an activity was refused and is not made");
    }
    Ok(())
}

/// Whether an activity was not refused.
async fn is_made(run: &Run, step: &'static str, activity: Activity) -> Result<bool, Stop> {
    let ask = CreateActivityRequest { activity: Some(activity), ..CreateActivityRequest::default() };
    match run.step(step, ask).await {
        // In other words it was made, by an earlier version of this program.
        Err(Stop::Refused(refused)) => Ok(has_reason(&refused.status, ErrorReason::RequestIdReused)),
        answer => answer.map(|_| true),
    }
}

/// Who of those who lead an employee is here, the nearest first; none where nobody is, or the employee is not known.
async fn manager_of(run: &Run, employee: &str) -> Result<Option<String>, Stop> {
    if employee.is_empty() {
        return Ok(None);
    }
    match run.read("managers", ListManagersRequest { employee: employee.to_owned() }).await {
        Ok(line) => {
            Ok(line.managers.into_iter().find(|manager| manager.active != Some(false)).map(|manager| manager.name))
        }
        Err(Stop::Refused(_)) => Ok(None),
        Err(stop) => Err(stop),
    }
}

/// What an activity is made from: `CALL 14: Ask whether all runs well` is a call, due 14 days after the win.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template<'a> {
    kind: activity::Type,
    days: u64,
    subject: &'a str,
}

impl<'a> Template<'a> {
    /// Reads a template; none where it says something else.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (form, subject) = text.split_once(':')?;
        let (kind, days) = form.trim().split_once(' ')?;
        let kind = activity::Type::from_str_name(&format!("TYPE_{}", kind.to_uppercase()))?;
        let (days, subject) = (days.trim().parse().ok()?, subject.trim());
        let fits = days <= MOST_DAYS && !subject.is_empty() && subject.chars().count() <= LONGEST_SUBJECT;
        (kind != activity::Type::Unspecified && fits).then_some(Self { kind, days, subject })
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
        for wrong in
            ["", "CALL", "CALL 14", "CALL 14:", "DANCE 1: x", "CALL soon: x", "CALL 3651: x", "UNSPECIFIED 1: x"]
        {
            assert_eq!(Template::read(wrong), None, "{wrong}");
        }
    }
}
