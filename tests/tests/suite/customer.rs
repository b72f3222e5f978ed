//! R-ACC-1: nothing is sold to nobody; and the first words of a deal: its customer, its currency.

use dealflow::api::new_id;
use dealflow_proto::gateway::v1::{DevelopDealRequest, QualifyLeadRequest, WinDealRequest};
use dealflow_proto::leads::v1::{CreateLeadRequest, Lead};
use dealflow_proto::opportunities::v1::opportunity::State;
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::deal::developed;
use dealflow_tests::values::worth_an_opportunity;

both! {
    /// R-ACC-1, R-ORD-1
    async fn a_deal_with_nobody_who_buys_is_won_when_an_account_is_known(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let other = sandbox.qualified_deal().await;
        let account = sandbox.view(&other).await.opportunity.expect("it is there").account;
        let bare = sandbox.bare_opportunity().await.name;
        sandbox.develop(&bare).await;
        let win = || WinDealRequest { opportunity: bare.clone(), request_id: new_id(), ..WinDealRequest::default() };
        let refused = sandbox.api.deals.clone().win_deal(sandbox.api.ask(win())).await.expect_err("nobody buys");
        let refused = refusal(&refused);
        assert_eq!((refused.reason.as_str(), refused.preconditions[0].1.as_str()), ("GUARD", "opportunity.account"));
        let ask = DevelopDealRequest { opportunity: bare.clone(), account, request_id: new_id(), ..Default::default() };
        sandbox.api.deals.clone().develop_deal(sandbox.api.ask(ask)).await.expect("somebody buys");
        let won = sandbox.api.deals.clone().win_deal(sandbox.api.ask(win())).await.expect("it is sold").into_inner();
        assert_eq!((won.opportunity.map(|deal| deal.state()), won.handoffs.len()), (Some(State::Won), 1));
        sandbox.finish().await;
    }

    /// R-LED-4, R-OPP-1
    async fn a_deal_has_the_currency_that_its_qualification_names(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let lead = Lead {
            company_name: sandbox.unique(),
            bant: worth_an_opportunity(),
            ..Lead::default()
        };
        let ask = CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..CreateLeadRequest::default() };
        let lead = sandbox.api.leads.clone().create_lead(sandbox.api.ask(ask)).await.expect("captured").into_inner().name;
        let ask = |currency: &str| QualifyLeadRequest {
            lead: lead.clone(),
            currency_code: currency.to_owned(),
            request_id: new_id(),
            ..QualifyLeadRequest::default()
        };
        let refused = sandbox.api.deals.clone().qualify_lead(sandbox.api.ask(ask("XXQ"))).await.expect_err("no currency");
        assert_eq!(refusal(&refused).field_names(), ["currency_code"], "in the words of the request");
        let opened = sandbox.api.deals.clone().qualify_lead(sandbox.api.ask(ask("EUR"))).await.expect("it is qualified");
        let deal = opened.into_inner().opportunity.expect("it is opened");
        assert_eq!(deal.currency_code, "EUR");
        let ask = DevelopDealRequest { request_id: new_id(), ..developed(&deal.name) };
        let refused = sandbox.api.deals.clone().develop_deal(sandbox.api.ask(ask)).await.expect_err("its lines are in USD");
        assert_eq!(refusal(&refused).reason, "CURRENCY_MISMATCH");
        sandbox.finish().await;
    }
}
