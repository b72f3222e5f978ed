//! Rows of opportunities, activities and employees.

use dealflow::api::new_id;
use dealflow_proto::activities::v1::*;
use dealflow_proto::opportunities::v1 as opportunities;
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_tests::Sandbox;
use prost::Message;

use super::{Again, GUARD, Row, STATE, TAKEN, TERMINAL};

pub(super) async fn opportunities(method: &str, sandbox: &Sandbox) -> Option<Row> {
    use opportunities::{
        BatchUpdateOpportunitiesRequest, CreateOpportunityRequest, LoseOpportunityRequest, MoveToStageRequest,
        Opportunity, RecordActivityResultRequest, ReleaseOpportunityRequest, ReserveOpportunityRequest,
        StartProcessRequest, UpdateOpportunityRequest, WinOpportunityRequest,
    };
    if method.ends_with("LoseReason") {
        return lose_reasons(method, sandbox).await;
    }
    if method == "OpportunityService/CreateOpportunity" {
        let opportunity = Some(Opportunity { title: sandbox.unique(), ..Opportunity::default() });
        return row!(Again::Fine, CreateOpportunityRequest { opportunity: opportunity });
    }
    if method == "OpportunityService/StartProcess" {
        let name = sandbox.bare_opportunity().await.name;
        return row!(GUARD, StartProcessRequest { name: name, process: "processes/corporate-sale".to_owned() });
    }
    let name = sandbox.qualified_deal().await;
    match method {
        "OpportunityService/UpdateOpportunity" => {
            let opportunity = Some(Opportunity { name, tactics: "wait".to_owned(), ..Opportunity::default() });
            row!(Again::Fine, UpdateOpportunityRequest { opportunity: opportunity })
        }
        "OpportunityService/MoveToStage" => {
            row!(GUARD, MoveToStageRequest { name: name, stage: "stages/proposal".to_owned() })
        }
        "OpportunityService/RecordActivityResult" => {
            let entry = sandbox.view(&name).await.opportunity?.stage_entry?;
            let planned_key = entry.planned_activities.first()?.key.clone();
            let (stage_entry, result) = (entry.name, "done".to_owned());
            row!(
                Again::Fine,
                RecordActivityResultRequest {
                    name: name,
                    stage_entry: stage_entry,
                    planned_key: planned_key,
                    result: result
                }
            )
        }
        "OpportunityService/RecordTime" => {
            row!(Again::Fine, opportunities::RecordTimeRequest { name: name, minutes: 15 })
        }
        "OpportunityService/ReserveOpportunity" => {
            row!(Again::Fine, ReserveOpportunityRequest { name: name, order: format!("orders/{}", new_id()) })
        }
        "OpportunityService/ReleaseOpportunity" => {
            row!(Again::Fine, ReleaseOpportunityRequest { name: name, order: format!("orders/{}", new_id()) })
        }
        "OpportunityService/BatchUpdateOpportunities" => {
            let each = "opportunities/-".to_owned();
            let opportunity = Some(Opportunity { name: each, tactics: "wait".to_owned(), ..Opportunity::default() });
            let update_mask = Some(prost_types::FieldMask { paths: vec!["tactics".to_owned()] });
            row!(
                Again::Fine,
                BatchUpdateOpportunitiesRequest {
                    names: vec![name],
                    opportunity: opportunity,
                    update_mask: update_mask
                }
            )
        }
        "OpportunityService/HoldOpportunity" | "OpportunityService/ResumeOpportunity" => {
            waiting(method, sandbox, name).await
        }
        "OpportunityService/CreateFollowUpOpportunity" => {
            let ask = WinOpportunityRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
            sandbox.api.opportunities.clone().win_opportunity(ask).await.ok()?;
            row!(Again::Fine, opportunities::CreateFollowUpOpportunityRequest { name: name })
        }
        "OpportunityService/NoteRefusedAttempt" => {
            let ask = WinOpportunityRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
            sandbox.api.opportunities.clone().win_opportunity(ask).await.ok()?;
            row!(Again::Fine, opportunities::NoteRefusedAttemptRequest { name: name, verb: "ProposeQuote".to_owned() })
        }
        "OpportunityService/WinOpportunity" => row!(TERMINAL, WinOpportunityRequest { name: name }),
        "OpportunityService/LoseOpportunity" => {
            row!(TERMINAL, LoseOpportunityRequest { name: name, reason: LoseReason::Price.into() })
        }
        _ => None,
    }
}

/// An employee of her own.
pub(super) async fn employee(sandbox: &Sandbox) -> Option<String> {
    let employee = Some(Employee { display_name: sandbox.unique(), ..Employee::default() });
    let ask = CreateEmployeeRequest { employee, request_id: new_id(), ..Default::default() };
    Some(sandbox.api.employees.clone().create_employee(ask).await.ok()?.into_inner().name)
}

/// The verbs of an activity that somebody made.
async fn of_one(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let verb = method.strip_prefix("ActivityService/")?;
    if !["CancelActivity", "UpdateActivity", "DeferActivity", "WaitForActivity", "ReopenActivity", "ReassignActivity"]
        .contains(&verb)
    {
        return None;
    }
    let activity = Some(Activity { subject: sandbox.unique(), ..Activity::default() });
    let ask = CreateActivityRequest { activity, request_id: new_id(), ..Default::default() };
    let name = sandbox.api.activities.clone().create_activity(ask).await.ok()?.into_inner().name;
    let until_time = Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 });
    match verb {
        "CancelActivity" => row!(TERMINAL, CancelActivityRequest { name: name }),
        "UpdateActivity" => {
            let activity = Some(Activity { name, instructions: "slowly".to_owned(), ..Activity::default() });
            row!(Again::Fine, UpdateActivityRequest { activity: activity })
        }
        "DeferActivity" => row!(Again::Fine, DeferActivityRequest { name: name, until_time: until_time }),
        "WaitForActivity" => row!(Again::Fine, WaitForActivityRequest { name: name, until_time: until_time }),
        "ReopenActivity" => row!(Again::RefusedAtOnce("STATE_REFUSES_VERB"), ReopenActivityRequest { name: name }),
        _ => {
            let performer = employee(sandbox).await?;
            let invalid = Again::Refused("INVALID_FIELDS");
            row!(invalid, ReassignActivityRequest { name: name, performer: performer })
        }
    }
}

async fn waiting(method: &str, sandbox: &Sandbox, name: String) -> Option<Row> {
    let reason = "budget freeze".to_owned();
    if method == "OpportunityService/HoldOpportunity" {
        return row!(STATE, opportunities::HoldOpportunityRequest { name: name, reason: reason });
    }
    let ask = opportunities::HoldOpportunityRequest {
        name: name.clone(),
        reason,
        request_id: new_id(),
        ..Default::default()
    };
    sandbox.api.opportunities.clone().hold_opportunity(ask).await.ok()?;
    row!(STATE, opportunities::ResumeOpportunityRequest { name: name })
}

async fn lose_reasons(method: &str, sandbox: &Sandbox) -> Option<Row> {
    use opportunities::{Caption, CreateLoseReasonRequest, LoseReason as Reason, UpdateLoseReasonRequest};
    let caption = Caption { language_code: "en".to_owned(), text: "No fit".to_owned() };
    let reason = Reason { captions: vec![caption], ..Reason::default() };
    let lose_reason_id = format!("R{}", new_id().replace('-', "").to_uppercase());
    if method == "OpportunityService/CreateLoseReason" {
        return row!(TAKEN, CreateLoseReasonRequest { lose_reason: Some(reason), lose_reason_id: lose_reason_id });
    }
    let ask = CreateLoseReasonRequest {
        lose_reason: Some(reason),
        lose_reason_id,
        request_id: new_id(),
        ..CreateLoseReasonRequest::default()
    };
    let name = sandbox.api.opportunities.clone().create_lose_reason(ask).await.ok()?.into_inner().name;
    let lose_reason = Some(Reason { name, comment_required: true, ..Reason::default() });
    row!(Again::Fine, UpdateLoseReasonRequest { lose_reason: lose_reason })
}

pub(super) async fn activities(method: &str, sandbox: &Sandbox) -> Option<Row> {
    if method == "EmployeeService/CreateEmployee" {
        let employee = Some(Employee { display_name: sandbox.unique(), ..Employee::default() });
        return row!(TAKEN, CreateEmployeeRequest { employee: employee });
    }
    if method == "ActivityService/CreateActivity" {
        let activity = Some(Activity { subject: sandbox.unique(), ..Activity::default() });
        return row!(Again::Fine, CreateActivityRequest { activity: activity });
    }
    if method == "EmployeeService/UpdateEmployee" {
        let name = employee(sandbox).await?;
        let employee = Some(Employee { name, team: "North".to_owned(), ..Employee::default() });
        return row!(Again::Fine, UpdateEmployeeRequest { employee: employee });
    }
    if method == "ActivityService/RunSchedule" {
        return row!(Again::Fine, RunScheduleRequest {});
    }
    if method == "ActivityService/PauseReminders" {
        let regarding = sandbox.bare_opportunity().await.name;
        return row!(Again::Fine, PauseRemindersRequest { regarding: regarding, version: 1 });
    }
    if let Some(row) = of_one(method, sandbox).await {
        return Some(row);
    }
    let deal = sandbox.qualified_deal().await;
    let name = sandbox.to_do(&deal).await.first()?.name.clone();
    match method {
        "ActivityService/StartActivity" => row!(STATE, StartActivityRequest { name: name }),
        "ActivityService/CompleteActivity" => {
            row!(TERMINAL, CompleteActivityRequest { name: name, result: "done".to_owned() })
        }
        "ActivityService/SyncStageActivities" => {
            let entry = sandbox.view(&deal).await.opportunity?.stage_entry?;
            row!(
                Again::Fine,
                SyncStageActivitiesRequest {
                    opportunity: deal,
                    stage_entry: entry.name,
                    entry_number: entry.number,
                    cancel_reason: activity::CancelReason::StageLeft.into(),
                }
            )
        }
        _ => None,
    }
}
