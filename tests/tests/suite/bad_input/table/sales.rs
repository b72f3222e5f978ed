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
        CreateOpportunityRequest, LoseOpportunityRequest, MoveToStageRequest, Opportunity, RecordActivityResultRequest,
        ReleaseOpportunityRequest, ReserveOpportunityRequest, StartProcessRequest, UpdateOpportunityRequest,
        WinOpportunityRequest,
    };
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
        "OpportunityService/ReserveOpportunity" => {
            row!(Again::Fine, ReserveOpportunityRequest { name: name, order: format!("orders/{}", new_id()) })
        }
        "OpportunityService/ReleaseOpportunity" => {
            row!(Again::Fine, ReleaseOpportunityRequest { name: name, order: format!("orders/{}", new_id()) })
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
