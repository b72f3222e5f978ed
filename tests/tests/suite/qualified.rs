//! R-LED-3, R-LED-4: what becomes of a lead that is qualified, by whichever way: its opportunity, with a process or without.

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::gateway::v1::{DealProgress, QualifyLeadRequest};
use dealflow_proto::leads::v1::{self as leads, CreateLeadRequest, GetLeadRequest, Lead, MoveLeadToStageRequest, lead};
use dealflow_proto::opportunities::v1::{CreateOpportunityRequest, ListOpportunitiesRequest, Opportunity, process_run};
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::values::{usd, worth_an_opportunity};
use tonic::{Code, Status};

use crate::settings::{flag, set};

const SETTING: &str = "gateway.run_opportunity_process";

async fn qualify(sandbox: &Sandbox, ask: QualifyLeadRequest) -> Result<DealProgress, Status> {
    let ask = QualifyLeadRequest { request_id: new_id(), ..ask };
    Ok(sandbox.api.deals.clone().qualify_lead(sandbox.api.ask(ask)).await?.into_inner())
}

/// The opportunities of a lead.
async fn opened(sandbox: &Sandbox, lead: &str) -> Vec<Opportunity> {
    let ask = ListOpportunitiesRequest { filter: format!("lead = \"{lead}\""), ..Default::default() };
    let listed = sandbox.api.opportunities.clone().list_opportunities(sandbox.api.ask(ask)).await;
    listed.expect("listed").into_inner().opportunities
}

async fn the_lead(sandbox: &Sandbox, name: &str) -> Lead {
    let ask = GetLeadRequest { name: name.to_owned() };
    sandbox.api.leads.clone().get_lead(sandbox.api.ask(ask)).await.expect("it is there").into_inner()
}

fn is_led(deal: &Opportunity) -> bool {
    deal.process_run.as_ref().is_some_and(|run| run.state() == process_run::State::Running)
}

both! {
    /// R-LED-3: by the gateway's verb, in the leads service and by the lead's stage alike, the opportunity is opened in
    /// any case, and its process starts only if the setting is on; one that the caller names starts.
    async fn a_qualified_lead_starts_its_process_only_if_the_setting_is_on(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let mut directly = sandbox.direct(PartName::Leads).leads;
        for on in [false, true] {
            set(&sandbox, SETTING, "", flag(on)).await.expect("it is changed");
            let lead = sandbox.lead().await.name;
            let told = qualify(&sandbox, QualifyLeadRequest { lead: lead.clone(), ..Default::default() }).await;
            let told = told.expect("it is qualified");
            let deal = told.opportunity.expect("it is opened");
            assert_eq!((is_led(&deal), told.activities.is_empty()), (on, !on), "the setting is {on}");
            assert_eq!(the_lead(&sandbox, &lead).await.stage(), lead::Stage::AwaitingSale);

            let (verb, stage) = (sandbox.lead().await.name, sandbox.lead().await.name);
            let ask = leads::QualifyLeadRequest { name: verb.clone(), request_id: new_id(), ..Default::default() };
            directly.qualify_lead(ask).await.expect("qualified");
            let ask = MoveLeadToStageRequest {
                name: stage.clone(),
                stage: lead::Stage::AwaitingSale.into(),
                request_id: new_id(),
                ..Default::default()
            };
            sandbox.api.leads.clone().move_lead_to_stage(sandbox.api.ask(ask)).await.expect("moved");
            sandbox.rest().await;
            for lead in [verb, stage] {
                let deals = opened(&sandbox, &lead).await;
                assert_eq!(deals.iter().map(is_led).collect::<Vec<_>>(), [on], "one, and the setting is {on}");
                assert_eq!(the_lead(&sandbox, &lead).await.opportunity, deals[0].name);
            }
        }
        set(&sandbox, SETTING, "", flag(false)).await.expect("it is changed");
        let (lead, process) = (sandbox.lead().await.name, "processes/sales-lifecycle".to_owned());
        let named = qualify(&sandbox, QualifyLeadRequest { lead, process, ..Default::default() }).await.expect("qualified");
        assert!(is_led(&named.opportunity.expect("it is opened")), "the caller decides for his deal");
        sandbox.finish().await;
    }

    /// R-LED-1, R-LED-4, R-OPP-1: channel, source and campaign are three fields, and the opportunity has all three; so
    /// has it what else is known of the lead.
    async fn an_opportunity_knows_what_its_lead_knew(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let known = Lead { estimated_value: usd(700), ..sandbox.lead().await };
        let known = Lead { external_id: sandbox.unique(), family_name: sandbox.unique(), ..known };
        let known = Lead { email: format!("{}@example.com", known.external_id.to_lowercase()), ..known };
        let known = Lead { company_name: sandbox.unique(), ..known };
        let ask = CreateLeadRequest { lead: Some(known), request_id: new_id(), ..Default::default() };
        let lead = sandbox.api.leads.clone().create_lead(sandbox.api.ask(ask)).await.expect("made").into_inner();
        let told = qualify(&sandbox, QualifyLeadRequest { lead: lead.name.clone(), ..Default::default() }).await;
        let deal = told.expect("qualified").opportunity.expect("opened");
        assert_eq!([deal.source.as_str(), &deal.channel, &deal.campaign], ["TRADE_SHOW", "fair", "Spring"]);
        assert_eq!((&deal.title, &deal.notes, &deal.external_id), (&lead.title, &lead.notes, &lead.external_id));
        assert_eq!((&deal.owner, &deal.bant, &deal.estimated_value), (&lead.owner, &lead.bant, &lead.estimated_value));
        let lead = the_lead(&sandbox, &lead.name).await;
        assert_eq!((&deal.account, &deal.contact, &deal.lead), (&lead.account, &lead.contact, &lead.name));
        sandbox.finish().await;
    }

    /// R-LED-4, R-FLW-3: a lead whose opportunity cannot be opened is not qualified, and no flow waits for an operator:
    /// what is in the way can be mended, and the same lead qualified.
    async fn a_lead_whose_opportunity_would_be_refused_is_not_touched(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let external_id = sandbox.unique();
        let taken = Opportunity { title: "Another".to_owned(), external_id: external_id.clone(), ..Default::default() };
        let ask = CreateOpportunityRequest { opportunity: Some(taken), request_id: new_id(), ..Default::default() };
        sandbox.api.opportunities.clone().create_opportunity(sandbox.api.ask(ask)).await.expect("opened");
        let lead = Lead { title: sandbox.unique(), external_id, bant: worth_an_opportunity(), ..Lead::default() };
        let ask = CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..Default::default() };
        let lead = sandbox.api.leads.clone().create_lead(sandbox.api.ask(ask)).await.expect("made").into_inner();
        let plain = QualifyLeadRequest { lead: lead.name.clone(), ..Default::default() };
        let refused = refusal(&qualify(&sandbox, plain.clone()).await.expect_err("its id is another's"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::AlreadyExists, "TAKEN"));
        assert_eq!(the_lead(&sandbox, &lead.name).await, lead);

        let other = QualifyLeadRequest { opportunity_external_id: sandbox.unique(), ..plain.clone() };
        let told = qualify(&sandbox, other).await.expect("now it can be opened");
        assert_eq!(told.lead.map(|lead| lead.state()), Some(lead::State::Qualified));
        let again = refusal(&qualify(&sandbox, plain).await.expect_err("it is qualified"));
        assert_eq!((again.code, again.reason.as_str()), (Code::FailedPrecondition, "STATE_REFUSES_VERB"));
        sandbox.finish().await;
    }
}
