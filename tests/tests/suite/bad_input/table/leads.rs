//! Rows of leads, accounts and contacts.

use dealflow::api::new_id;
use dealflow_proto::leads::v1::*;
use dealflow_tests::Sandbox;
use prost::Message;

use super::{Again, Row, STATE};

pub(super) async fn leads(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let lead = sandbox.lead().await.name;
    let disqualify = DisqualifyLeadRequest {
        name: lead.clone(),
        reason: lead::DisqualifyReason::Lost.into(),
        request_id: new_id(),
        ..Default::default()
    };
    let qualify = QualifyLeadRequest { name: lead.clone(), request_id: new_id(), ..Default::default() };
    let mut leads = sandbox.direct(dealflow::suite::PartName::Leads).leads;
    match method {
        "LeadService/CreateLead" => {
            row!(
                Again::Fine,
                CreateLeadRequest { lead: Some(Lead { company_name: sandbox.unique(), ..Lead::default() }) }
            )
        }
        "LeadService/UpdateLead" => {
            row!(
                Again::Fine,
                UpdateLeadRequest { lead: Some(Lead { name: lead, channel: "mail".to_owned(), ..Lead::default() }) }
            )
        }
        "LeadService/ContactLead" => row!(STATE, ContactLeadRequest { name: lead }),
        "LeadService/QualifyLead" => row!(STATE, QualifyLeadRequest { name: lead }),
        "LeadService/DisqualifyLead" => row!(STATE, DisqualifyLeadRequest { name: lead, reason: disqualify.reason }),
        "LeadService/MoveLeadToStage" => {
            row!(Again::Fine, MoveLeadToStageRequest { name: lead, stage: lead::Stage::Distribution.into() })
        }
        "LeadService/DistributeLeads" => {
            let employee = super::sales::employee(sandbox).await?;
            row!(
                Again::Fine,
                DistributeLeadsRequest {
                    leads: vec![lead],
                    method: distribute_leads_request::Method::RoundRobin.into(),
                    employees: vec![employee],
                }
            )
        }
        "LeadService/ImportLeads" => {
            let lead = Lead { company_name: sandbox.unique(), ..Lead::default() };
            row!(Again::Fine, ImportLeadsRequest { lead: Some(lead) })
        }
        "PersonService/ErasePerson" => row!(Again::Fine, ErasePersonRequest { name: lead }),
        "LeadService/ReactivateLead" => {
            leads.disqualify_lead(disqualify).await.ok()?;
            row!(STATE, ReactivateLeadRequest { name: lead })
        }
        "LeadService/LinkOpportunity" | "LeadService/SatisfyLead" => {
            // In a flow's name, so that the gateway does not link it before us.
            let mut qualify = tonic::Request::new(qualify);
            let flow = new_id().parse().expect("hexadecimal digits are visible ASCII");
            qualify.metadata_mut().insert(dealflow_chassis::context::FLOW, flow);
            leads.qualify_lead(qualify).await.ok()?;
            let opportunity = sandbox.bare_opportunity().await.name;
            if method == "LeadService/LinkOpportunity" {
                return row!(Again::Fine, LinkOpportunityRequest { name: lead, opportunity: opportunity });
            }
            let link =
                LinkOpportunityRequest { name: lead.clone(), opportunity, request_id: new_id(), ..Default::default() };
            leads.link_opportunity(link).await.ok()?;
            row!(Again::Fine, SatisfyLeadRequest { name: lead })
        }
        "AccountService/CreateAccount" => {
            row!(
                Again::Fine,
                CreateAccountRequest {
                    account: Some(Account { display_name: sandbox.unique(), ..Account::default() })
                }
            )
        }
        "AccountService/UpdateAccount" => {
            let name = sandbox.qualify(&lead).await.lead?.account;
            row!(
                Again::Fine,
                UpdateAccountRequest {
                    account: Some(Account { name, sector: "steel".to_owned(), ..Account::default() })
                }
            )
        }
        "AccountService/MakeCustomer" => {
            let account = Account { display_name: sandbox.unique(), ..Account::default() };
            let ask = CreateAccountRequest { account: Some(account), request_id: new_id(), ..Default::default() };
            let name = sandbox.api.accounts.clone().create_account(ask).await.ok()?.into_inner().name;
            row!(Again::Fine, MakeCustomerRequest { name: name })
        }
        "ContactService/CreateContact" => {
            row!(
                Again::Fine,
                CreateContactRequest { contact: Some(Contact { family_name: sandbox.unique(), ..Contact::default() }) }
            )
        }
        "ContactService/UpdateContact" => {
            let name = sandbox.qualify(&lead).await.lead?.contact;
            row!(
                Again::Fine,
                UpdateContactRequest {
                    contact: Some(Contact { name, job_title: "buyer".to_owned(), ..Contact::default() })
                }
            )
        }
        _ => None,
    }
}
