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

pub(super) async fn activities(method: &str, sandbox: &Sandbox) -> Option<Row> {
    if method == "EmployeeService/CreateEmployee" {
        let employee = Some(Employee { display_name: sandbox.unique(), ..Employee::default() });
        return row!(TAKEN, CreateEmployeeRequest { employee: employee });
    }
    if method == "ActivityService/CreateActivity" {
        let activity = Some(Activity { subject: sandbox.unique(), ..Activity::default() });
        return row!(Again::Fine, CreateActivityRequest { activity: activity });
    }
    if method == "ActivityService/CancelActivity" {
        let activity = Some(Activity { subject: sandbox.unique(), ..Activity::default() });
        let ask = CreateActivityRequest { activity, request_id: new_id(), ..Default::default() };
        let name = sandbox.api.activities.clone().create_activity(ask).await.ok()?.into_inner().name;
        return row!(TERMINAL, CancelActivityRequest { name: name });
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
