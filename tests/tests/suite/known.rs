//! R-LED-6, R-OPP-1: who is named in a call is somebody: the gateway knows all parts, and asks them.

use dealflow::api::new_id;
use dealflow_proto::activities::v1::{CreateEmployeeRequest, Employee};
use dealflow_proto::gateway::v1::{DevelopDealRequest, StartDealRequest};
use dealflow_proto::leads::v1::{
    CreateLeadRequest, DistributeLeadsRequest, Lead, ListLeadsRequest, UpdateLeadRequest, distribute_leads_request,
};
use dealflow_proto::opportunities::v1::{
    BatchUpdateOpportunitiesRequest, CreateOpportunityRequest, Opportunity, Participant, TeamMember,
    UpdateOpportunityRequest,
};
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::raw::call_with;
use prost::Message;
use prost_types::FieldMask;
use tonic::{Code, Response, Status};

fn is_refused<T: std::fmt::Debug>(answer: Result<Response<T>, Status>, fields: &[&str]) {
    let refused = refusal(&answer.expect_err("nobody knows them"));
    assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "INVALID_FIELDS"), "{refused:?}");
    assert_eq!(refused.field_names(), fields, "{refused:?}");
}

both! {
    /// R-LED-6, R-OPP-1, R-OPP-6, R-ACC-2: all that are not known are told at once, in the fields where they stand, and
    /// nothing is written; fields that an update does not take over do not matter.
    async fn owners_accounts_and_contacts_that_nobody_knows_are_refused(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let api = &sandbox.api;
        let unknown = |collection: &str| format!("{collection}/{}", new_id());
        let employee = Employee { display_name: sandbox.unique(), ..Employee::default() };
        let ask = CreateEmployeeRequest { employee: Some(employee), request_id: new_id(), ..Default::default() };
        let ann = api.employees.clone().create_employee(api.ask(ask)).await.expect("hired").into_inner().name;
        let deal = sandbox.qualified_deal().await;
        let before = sandbox.view(&deal).await.opportunity.expect("it is there");

        let wrong = Opportunity {
            title: sandbox.unique(),
            owner: unknown("employees"),
            lead: unknown("leads"),
            account: unknown("accounts"),
            contact: before.contact.clone(),
            decision_maker: unknown("contacts"),
            team: vec![
                TeamMember { employee: ann.clone(), ..TeamMember::default() },
                TeamMember { employee: unknown("employees"), ..TeamMember::default() },
            ],
            participants: vec![Participant { contact: unknown("contacts"), ..Participant::default() }],
            ..Opportunity::default()
        };
        let fields = [
            "opportunity.owner",
            "opportunity.lead",
            "opportunity.account",
            "opportunity.decision_maker",
            "opportunity.team[1].employee",
            "opportunity.participants[0].contact",
        ];
        let request_id = new_id;
        let ask = CreateOpportunityRequest { opportunity: Some(wrong.clone()), request_id: request_id(), ..Default::default() };
        is_refused(api.opportunities.clone().create_opportunity(api.ask(ask)).await, &fields);
        let update = |opportunity: Opportunity, paths: &[&str]| UpdateOpportunityRequest {
            opportunity: Some(opportunity),
            update_mask: Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() }),
            request_id: request_id(),
            ..Default::default()
        };
        let named = Opportunity { name: deal.clone(), ..wrong.clone() };
        let ask = update(named.clone(), &["owner", "team"]);
        let answer = api.opportunities.clone().update_opportunity(api.ask(ask)).await;
        is_refused(answer, &["opportunity.owner", "opportunity.team[1].employee"]);
        let each = Opportunity { name: "opportunities/-".to_owned(), ..wrong.clone() };
        let ask = BatchUpdateOpportunitiesRequest {
            names: vec![deal.clone()],
            opportunity: Some(each),
            update_mask: Some(FieldMask { paths: vec!["account".to_owned()] }),
            request_id: request_id(),
            ..Default::default()
        };
        is_refused(api.opportunities.clone().batch_update_opportunities(api.ask(ask)).await, &["opportunity.account"]);
        let process = "Corporate sale".to_owned();
        let ask = StartDealRequest { opportunity: Some(wrong), process, request_id: request_id(), ..Default::default() };
        is_refused(api.deals.clone().start_deal(api.ask(ask)).await, &fields);
        let ask = DevelopDealRequest {
            opportunity: deal.clone(),
            owner: unknown("employees"),
            account: unknown("accounts"),
            contact: unknown("contacts"),
            decision_maker: unknown("contacts"),
            request_id: request_id(),
            ..Default::default()
        };
        let answer = api.deals.clone().develop_deal(api.ask(ask)).await;
        is_refused(answer, &["owner", "account", "contact", "decision_maker"]);

        let lead = sandbox.lead().await;
        let among = |employees: Vec<String>| DistributeLeadsRequest {
            leads: vec![lead.name.clone()],
            method: distribute_leads_request::Method::RoundRobin.into(),
            employees,
            request_id: request_id(),
            ..Default::default()
        };
        let ask = among(vec![ann.clone(), unknown("employees")]);
        is_refused(api.leads.clone().distribute_leads(api.ask(ask)).await, &["employees[1]"]);
        // Thousands are too many, whoever they are: nobody is asked for each of them.
        let ask = among((0..5000).map(|_| unknown("employees")).collect());
        is_refused(api.leads.clone().distribute_leads(api.ask(ask)).await, &["employees"]);
        let owned = |name: String| Lead { name, title: sandbox.unique(), owner: unknown("employees"), ..Lead::default() };
        let ask = CreateLeadRequest { lead: Some(owned(String::new())), request_id: request_id(), ..Default::default() };
        is_refused(api.leads.clone().create_lead(api.ask(ask)).await, &["lead.owner"]);
        let ask = UpdateLeadRequest { lead: Some(owned(lead.name.clone())), request_id: request_id(), ..Default::default() };
        is_refused(api.leads.clone().update_lead(api.ask(ask)).await, &["lead.owner"]);

        assert_eq!(sandbox.view(&deal).await.opportunity.expect("it is there"), before);
        let ask = update(named, &["title"]);
        api.opportunities.clone().update_opportunity(api.ask(ask)).await.expect("only the title is taken over");
        let ask = DevelopDealRequest {
            opportunity: deal,
            owner: ann.clone(),
            account: before.account,
            decision_maker: before.contact,
            request_id: request_id(),
            ..Default::default()
        };
        api.deals.clone().develop_deal(api.ask(ask)).await.expect("all are known");
        api.leads.clone().distribute_leads(api.ask(among(vec![ann]))).await.expect("she is known");
        sandbox.finish().await;
    }

    /// R-LED-6, R-OPP-1, R-SEC-1: a call of two messages, of which a part would read one and the gateway might look at the
    /// other, goes to no part.
    async fn a_call_of_two_messages_is_refused_before_anybody_is_looked_for(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let before = leads(&sandbox).await;
        let lead = Lead { title: "Forged".to_owned(), owner: format!("employees/{}", new_id()), ..Lead::default() };
        let forged = CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..Default::default() }.encode_to_vec();
        for (service, method) in [
            ("leads.v1.LeadService", "CreateLead"),
            ("leads.v1.LeadService", "UpdateLead"),
            ("leads.v1.LeadService", "DistributeLeads"),
            ("opportunities.v1.OpportunityService", "CreateOpportunity"),
            ("opportunities.v1.OpportunityService", "UpdateOpportunity"),
            ("opportunities.v1.OpportunityService", "BatchUpdateOpportunities"),
            ("orders.v1.ApprovalService", "ForwardApproval"),
        ] {
            let path = format!("/dealflow.{service}/{method}");
            let answer = call_with(&sandbox.link, &path, vec![forged.clone(), Vec::new()]).await;
            let status = answer.expect_err("it is refused");
            assert_eq!(status.code(), Code::InvalidArgument, "{method}: {status:?}");
            assert_eq!(refusal(&status).field_names(), ["message"], "{method}");
        }
        assert_eq!(leads(&sandbox).await, before, "nothing is written");
        sandbox.finish().await;
    }
}

async fn leads(sandbox: &Sandbox) -> usize {
    let ask = sandbox.api.ask(ListLeadsRequest::default());
    sandbox.api.leads.clone().list_leads(ask).await.expect("they are listed").into_inner().leads.len()
}
