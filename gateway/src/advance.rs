//! Advance: what moves a deal between its phases, and what follows when an opportunity has moved (R-STG-3, R-STG-4).

use chrono::{DateTime, Days, Utc};
use dealflow_proto::activities::v1::{
    self as activities, Activity, AllowedResult, CompleteActivityRequest, GetActivityRequest, PlannedCategory,
    SyncStageActivitiesRequest, activity,
};
use dealflow_proto::gateway::v1::{self as gateway, DealProgress};
use dealflow_proto::leads::v1::MakeCustomerRequest;
use dealflow_proto::opportunities::v1::activity_result::Effect;
use dealflow_proto::opportunities::v1::{
    ActivityResult, CreateOpportunityRequest, GetOpportunityRequest, MoveToStageRequest, Opportunity, PlannedActivity,
    RecordActivityResultRequest, RecordTimeRequest, StageEntry, StartProcessRequest, opportunity, stage_entry,
};
use dealflow_proto::{convert, names};
use tonic::Code;

use crate::close::{lost, may_leave_quotes, may_order, won};
use crate::flow::{Run, Stop, is_settled};
use crate::gates;
use crate::propose::prepare_quote;
use crate::reserve::frees;
use crate::settings::DEFAULT_CURRENCY;

/// Opens a deal with a process; the activities of its first stage are made (R-PRC-1).
pub(crate) async fn start_deal(run: Run, ask: gateway::StartDealRequest) -> Result<DealProgress, Stop> {
    let opportunity = match ask.opportunity {
        Some(opportunity) => Some(with_currency(&run, opportunity).await?),
        None => None,
    };
    let opened = CreateOpportunityRequest {
        opportunity,
        process: ask.process,
        language_code: ask.language_code,
        ..CreateOpportunityRequest::default()
    };
    let opportunity = run.step("open", opened).await?;
    followed(&run, &opportunity).await?;
    Ok(run.progress())
}

/// The opportunity in the house's currency, where neither it nor an amount of it names one.
async fn with_currency(run: &Run, opportunity: Opportunity) -> Result<Opportunity, Stop> {
    let bant = opportunity.bant.as_ref().and_then(|bant| bant.budget_amount.as_ref());
    let amounts = [opportunity.estimated_value.as_ref(), opportunity.revenue_expectation.as_ref(), bant];
    let prices = opportunity.lines.iter().map(|line| line.unit_price.as_ref());
    let of_amounts = amounts.into_iter().chain(prices).flatten().map(|amount| amount.currency_code.as_str());
    let known = [opportunity.currency_code.as_str()].into_iter().chain(of_amounts).find(|code| !code.is_empty());
    let currency_code = match known {
        Some(known) => known.to_owned(),
        None => run.decided(&DEFAULT_CURRENCY).await?,
    };
    Ok(Opportunity { currency_code, ..opportunity })
}

/// Starts a process on an opportunity; the activities of its stage are made (R-PRC-1).
pub(crate) async fn start_process(run: Run, ask: gateway::StartProcessRequest) -> Result<DealProgress, Stop> {
    let started = StartProcessRequest {
        name: ask.opportunity,
        etag: ask.etag,
        process: ask.process,
        language_code: ask.language_code,
        ..StartProcessRequest::default()
    };
    let opportunity = run.step("start", started).await?;
    gates::tell(&run, &opportunity).await?;
    followed(&run, &opportunity).await?;
    Ok(run.progress())
}

/// Enters another stage: the activities of the old one are canceled, those of the new one made (R-STG-2, R-STG-3).
pub(crate) async fn move_to_stage(run: Run, ask: gateway::MoveToStageRequest) -> Result<DealProgress, Stop> {
    let before = run.read("opportunity", GetOpportunityRequest { name: ask.opportunity.clone() }).await?;
    gates::tell(&run, &before).await?;
    let moved = MoveToStageRequest {
        name: ask.opportunity,
        etag: ask.etag,
        stage: ask.stage,
        reason: ask.reason,
        ..MoveToStageRequest::default()
    };
    let opportunity = run.step("move", moved).await?;
    followed(&run, &opportunity).await?;
    Ok(run.progress())
}

/// Completes an activity, and does what its result asks for (R-STG-5).
pub(crate) async fn complete_activity(run: Run, ask: gateway::CompleteActivityRequest) -> Result<DealProgress, Stop> {
    let activity = run.look("activity", GetActivityRequest { name: ask.activity.clone() }).await?;
    // What was noted before is the result in words where nothing else is said.
    let said = if ask.result_text.is_empty() { &activity.result_text } else { &ask.result_text };
    may_close(&run, &activity, &ask.result, said).await?;
    let done = CompleteActivityRequest {
        name: ask.activity,
        etag: ask.etag,
        result: ask.result,
        result_text: ask.result_text,
        actual_minutes: ask.actual_minutes,
        ..CompleteActivityRequest::default()
    };
    let activity = run.step("complete", done).await?;
    completed(&run, &activity).await?;
    Ok(run.progress())
}

/// What follows a completed activity: of one made by hand its time counts (R-OPP-2); nothing where the opportunity was
/// closed meanwhile.
pub(crate) async fn completed(run: &Run, activity: &Activity) -> Result<(), Stop> {
    if activity.origin() != activity::Origin::Process {
        return time_spent(run, activity).await;
    }
    match run.settle("record", recording(activity, &activity.result, &activity.result_text)).await? {
        Some(opportunity) if has_moved(&opportunity, activity) => followed(run, &opportunity).await,
        _ => Ok(()),
    }
}

/// The minutes of an activity that people made by hand for a deal, while it is open: a closed one counts what was known
/// when it was closed.
async fn time_spent(run: &Run, activity: &Activity) -> Result<(), Stop> {
    if activity.actual_minutes == 0 || names::OPPORTUNITIES.parse(&activity.regarding).is_err() {
        return Ok(());
    }
    let deal = match run.read("deal", GetOpportunityRequest { name: activity.regarding.clone() }).await {
        // An opportunity that is kept elsewhere.
        Err(Stop::Refused(stopped)) if stopped.status.code() == Code::NotFound => return Ok(()),
        deal => deal?,
    };
    if deal.state() != opportunity::State::Open {
        return Ok(());
    }
    let spent = RecordTimeRequest {
        name: deal.name,
        minutes: activity.actual_minutes,
        spent_on: activity.name.clone(),
        ..RecordTimeRequest::default()
    };
    run.settle("record time", spent).await.map(drop)
}

/// As [`completed`], where somebody completed it in its service: what the gateway would have asked before is asked now.
/// If the result cannot be recorded the flow is parked, the deal stays as it is, and the reason says what to mend.
pub(crate) async fn completed_directly(run: &Run, activity: &Activity) -> Result<(), Stop> {
    may_close(run, activity, &activity.result, &activity.result_text).await?;
    completed(run, activity).await
}

/// Asks whether a result that closes the deal is possible, while the activity is still open and everything can be
/// mended: a deal that is ordered is not lost, and what is sold by a win can be ordered (R-OPP-2, R-OPP-5).
async fn may_close(run: &Run, activity: &Activity, result: &str, comment: &str) -> Result<(), Stop> {
    let chosen = match activity.allowed_results.as_slice() {
        [only] if result.is_empty() => Some(only),
        several => several.iter().find(|allowed| allowed.code == result),
    };
    let Some(chosen) = chosen.filter(|chosen| chosen.closes_deal) else { return Ok(()) };
    let recorded = recording(activity, &chosen.code, comment);
    let closed = match run.foresee("may record", recorded.clone()).await {
        Err(Stop::Refused(refused)) if is_settled(&refused.status) => return Ok(()),
        Err(Stop::Refused(refused)) if frees(run, &activity.regarding, &refused.status).await? => {
            run.foresee("may record", recorded).await?
        }
        answer => answer?,
    };
    if closed.state() == opportunity::State::Won {
        may_leave_quotes(run, &closed.name).await?;
        may_order(run, &closed, "").await?;
    }
    Ok(())
}

fn recording(activity: &Activity, result: &str, comment: &str) -> RecordActivityResultRequest {
    RecordActivityResultRequest {
        name: activity.regarding.clone(),
        stage_entry: activity.stage_entry.clone(),
        planned_key: activity.planned_key.clone(),
        result: result.to_owned(),
        comment: comment.to_owned(),
        actual_minutes: activity.actual_minutes,
        ..RecordActivityResultRequest::default()
    }
}

/// Whether a result changed more than the activity itself: the state, the stage entry, or what is planned in it.
fn has_moved(opportunity: &Opportunity, activity: &Activity) -> bool {
    let Some(entry) = open_entry(opportunity).filter(|entry| entry.name == activity.stage_entry) else {
        return true;
    };
    let planned = entry.planned_activities.iter().find(|planned| planned.key == activity.planned_key);
    let result = planned.and_then(|planned| planned.results.iter().find(|result| result.code == activity.result));
    result.is_none_or(|result| result.effect() != Effect::None)
}

fn open_entry(opportunity: &Opportunity) -> Option<&StageEntry> {
    opportunity.stage_entry.as_ref().filter(|_| opportunity.state() == opportunity::State::Open)
}

/// What follows when an opportunity has moved, by whatever way: its activities, and on a close all the rest.
pub(crate) async fn followed(run: &Run, opportunity: &Opportunity) -> Result<(), Stop> {
    match opportunity.state() {
        opportunity::State::Won => won(run, opportunity, None).await,
        opportunity::State::Lost => lost(run, opportunity).await,
        _ => {
            sync_activities(run, opportunity).await?;
            if open_entry(opportunity).is_some_and(|entry| entry.makes_customer) {
                make_customer(run, opportunity).await?;
            }
            match open_entry(opportunity).is_some_and(|entry| entry.prepares_quote) {
                true => prepare_quote(run, opportunity).await,
                false => Ok(()),
            }
        }
    }
}

/// Who buys is a customer from now on (R-ACC-1); an account that is kept elsewhere is none of ours.
pub(crate) async fn make_customer(run: &Run, deal: &Opportunity) -> Result<(), Stop> {
    if deal.account.is_empty() {
        return Ok(());
    }
    let ask = MakeCustomerRequest { name: deal.account.clone(), ..MakeCustomerRequest::default() };
    match run.step("customer", ask).await {
        Err(Stop::Refused(stopped)) if stopped.status.code() == Code::NotFound => Ok(()),
        answer => answer.map(drop),
    }
}

/// Makes the activities agree with the stage entry; an opportunity that no process leads has none to agree.
pub(crate) async fn sync_activities(run: &Run, opportunity: &Opportunity) -> Result<(), Stop> {
    let (Some(_), Some(entry)) = (&opportunity.process_run, &opportunity.stage_entry) else { return Ok(()) };
    let closed = opportunity.state() != opportunity::State::Open;
    let reason = match entry.cause() {
        _ if closed => activity::CancelReason::OpportunityClosed,
        stage_entry::Cause::ProcessCanceled => activity::CancelReason::ProcessCanceled,
        _ => activity::CancelReason::StageLeft,
    };
    let open = || entry.planned_activities.iter().filter(|planned| planned.result.is_empty() && !closed);
    let of_kind = |planned: &PlannedActivity| PlannedCategory {
        planned_key: planned.key.clone(),
        display_name: planned.category.clone(),
    };
    let sync = SyncStageActivitiesRequest {
        opportunity: opportunity.name.clone(),
        stage_entry: entry.name.clone(),
        entry_number: entry.number,
        planned: open().map(|planned| activity_of(planned, opportunity, entry)).collect(),
        categories: open().filter(|planned| !planned.category.is_empty()).map(of_kind).collect(),
        cancel_reason: reason.into(),
        closed,
        ..SyncStageActivitiesRequest::default()
    };
    run.step("plan", sync).await.map(drop)
}

fn activity_of(planned: &PlannedActivity, opportunity: &Opportunity, entry: &StageEntry) -> Activity {
    Activity {
        r#type: type_of(&planned.r#type).into(),
        subject: planned.subject.clone(),
        instructions: planned.instructions.clone(),
        regarding: opportunity.name.clone(),
        origin: activity::Origin::Process.into(),
        stage_entry: entry.name.clone(),
        planned_key: planned.key.clone(),
        performer: opportunity.owner.clone(),
        allowed_results: planned.results.iter().map(|result| allowed(result, entry)).collect(),
        due_time: due(planned, opportunity).map(convert::timestamp),
        required: planned.required,
        knowledge: planned.knowledge.clone(),
        resume_time: planned.wait_until_time,
        ..Activity::default()
    }
}

/// Counted from the change that planned it, which is the opportunity's last, or from when its time comes.
fn due(planned: &PlannedActivity, opportunity: &Opportunity) -> Option<DateTime<Utc>> {
    let from = planned.wait_until_time.as_ref().or(opportunity.update_time.as_ref())?;
    convert::time_of(from).ok()?.checked_add_days(Days::new(u64::try_from(planned.due_days).ok()?))
}

fn type_of(name: &str) -> activities::activity::Type {
    activity::Type::from_str_name(&format!("TYPE_{name}")).unwrap_or(activity::Type::Task)
}

fn allowed(result: &ActivityResult, entry: &StageEntry) -> AllowedResult {
    AllowedResult {
        code: result.code.clone(),
        caption: result.caption.clone(),
        effect: effect_of(result),
        // The last activity of the last stage wins whatever it is called: each of them may be that.
        closes_deal: entry.wins_when_done || matches!(result.effect(), Effect::Win | Effect::Lose),
        needs_text: result.needs_text,
    }
}

/// What follows from a result, for people.
fn effect_of(result: &ActivityResult) -> String {
    let target = &result.target;
    match result.effect() {
        Effect::Unspecified | Effect::None => String::new(),
        Effect::Advance => "enters the next stage".to_owned(),
        Effect::Goto => format!("enters {target}"),
        Effect::Create => format!("adds the activity {target}"),
        Effect::Win => "wins the deal".to_owned(),
        Effect::Lose => format!("loses the deal: {target}"),
        Effect::Wait => format!("is to be done again in {target} days"),
    }
}
