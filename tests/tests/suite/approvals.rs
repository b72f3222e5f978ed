//! A proposal that somebody must agree to waits for that, and goes on in the moment in which it is given.

use dealflow::api::new_id;
use dealflow_proto::activities::v1::{CreateEmployeeRequest, Employee, UpdateEmployeeRequest};
use dealflow_proto::gateway::v1::{AcceptQuoteRequest, DevelopDealRequest, WinDealRequest};
use dealflow_proto::names;
use dealflow_proto::opportunities::v1::{Opportunity, UpdateOpportunityRequest, opportunity};
use dealflow_proto::orders::v1::approval_service_client::ApprovalServiceClient;
use dealflow_proto::orders::v1::{
    AfterApproval, Approval, ApprovalPolicy, ApprovalSubject, ApproveRequest, ApproverKind, Contract,
    CreateApprovalPolicyRequest, CreateContractRequest, CreateQuoteRequest, ForwardApprovalRequest, GetApprovalRequest,
    GetQuoteRequest, PolicyStep, Quote, RequestContractApprovalRequest, RequestQuoteApprovalRequest, RoleMembers,
    quote,
};
use dealflow_proto::types::v1::Line;
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::values::{decimal, usd};
use prost_types::FieldMask;
use tonic::Status;
use uuid::Uuid;

async fn hire(sandbox: &Sandbox, manager: &str, roles: &[&str]) -> String {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    let employee =
        Employee { display_name: sandbox.unique(), manager: manager.to_owned(), roles, ..Employee::default() };
    let ask = CreateEmployeeRequest { employee: Some(employee), request_id: new_id(), ..Default::default() };
    sandbox.api.employees.clone().create_employee(sandbox.api.ask(ask)).await.expect("hired").into_inner().name
}

/// A policy that asks the owner's manager, then whoever is of the finance.
async fn asks_manager_and_finance(sandbox: &Sandbox, subject: ApprovalSubject) {
    let manager = PolicyStep { kind: ApproverKind::Manager.into(), ..PolicyStep::default() };
    let finance = PolicyStep { kind: ApproverKind::Role.into(), role: "finance".to_owned(), ..PolicyStep::default() };
    let policy = ApprovalPolicy {
        display_name: format!("{subject:?}"),
        subject: subject.into(),
        steps: vec![manager, finance],
        ..ApprovalPolicy::default()
    };
    let ask = CreateApprovalPolicyRequest { approval_policy: Some(policy), request_id: new_id(), ..Default::default() };
    sandbox.api.approvals.clone().create_approval_policy(sandbox.api.ask(ask)).await.expect("the policy can be made");
}

async fn approval(sandbox: &Sandbox, name: &str) -> Approval {
    let ask = sandbox.api.ask(GetApprovalRequest { name: name.to_owned() });
    sandbox.api.approvals.clone().get_approval(ask).await.expect("it is there").into_inner()
}

/// A policy that asks somebody about quotes that are sold so far below their prices.
async fn asks_about_discounts(sandbox: &Sandbox, percent: &str) {
    let boss = names::EMPLOYEES.name(Uuid::now_v7());
    let policy = ApprovalPolicy {
        display_name: "Discounts".to_owned(),
        subject: ApprovalSubject::Quote.into(),
        min_discount_percent: decimal(percent),
        steps: vec![PolicyStep { kind: ApproverKind::User.into(), user: boss, ..PolicyStep::default() }],
        ..ApprovalPolicy::default()
    };
    let ask = CreateApprovalPolicyRequest { approval_policy: Some(policy), request_id: new_id(), ..Default::default() };
    sandbox.api.approvals.clone().create_approval_policy(sandbox.api.ask(ask)).await.expect("the policy can be made");
}

/// Sells a pump at this discount.
async fn sells_at(sandbox: &Sandbox, deal: &str, percent: &str) {
    let line = Line {
        description: "Pump".to_owned(),
        quantity: decimal("2"),
        unit_price: usd(500),
        discount_percent: decimal(percent),
        ..Line::default()
    };
    let opportunity = deal.to_owned();
    let ask = DevelopDealRequest { opportunity, lines: vec![line], request_id: new_id(), ..Default::default() };
    sandbox.api.deals.clone().develop_deal(sandbox.api.ask(ask)).await.expect("it can be sold so");
}

/// Nothing is won, ordered or closed of it, and its quote waits still.
async fn waits(sandbox: &Sandbox, deal: &str, refused: &Status) {
    let refused = refusal(refused);
    assert_eq!((refused.reason.as_str(), refused.metadata["allowed"].as_str()), ("APPROVAL_REQUIRED", "ProposeQuote"));
    let view = sandbox.view(deal).await;
    assert_eq!(view.opportunity.map(|deal| deal.state()), Some(opportunity::State::Open));
    assert!(view.orders.is_empty(), "nothing is ordered");
    assert!(view.quotes.iter().all(|quote| quote.state() == quote::State::InApproval));
}

both! {
    /// R-QUO-2, R-OPP-5: a win without the quote is no way round its approval, nor is one that no quote was made for.
    async fn a_win_does_not_order_what_somebody_has_to_agree_to(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        asks_about_discounts(&sandbox, "10").await;
        let deal = sandbox.deal_without_process().await;
        let win = || {
            let ask = WinDealRequest { opportunity: deal.clone(), request_id: new_id(), ..WinDealRequest::default() };
            sandbox.api.ask(ask)
        };
        sells_at(&sandbox, &deal, "90").await;
        let refused = sandbox.api.deals.clone().win_deal(win()).await.expect_err("nobody was asked");
        waits(&sandbox, &deal, &refused).await;
        sells_at(&sandbox, &deal, "40").await;
        assert_eq!(sandbox.propose(&deal).await.state(), quote::State::InApproval);
        let refused = sandbox.api.deals.clone().win_deal(win()).await.expect_err("nobody agreed yet");
        waits(&sandbox, &deal, &refused).await;

        sells_at(&sandbox, &deal, "9").await;
        let won = sandbox.api.deals.clone().win_deal(win()).await.expect("no policy asks").into_inner();
        assert!(won.order.is_some());
        sandbox.finish().await;
    }

    /// R-QUO-2, R-STG-4: nor does the result of an activity.
    async fn a_result_does_not_win_what_somebody_has_to_agree_to(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        asks_about_discounts(&sandbox, "10").await;
        let deal = sandbox.qualified_deal().await;
        sells_at(&sandbox, &deal, "40").await;
        assert_eq!(sandbox.propose(&deal).await.state(), quote::State::InApproval);
        sandbox.move_to(&deal, "stages/contracting").await;
        let mut open = sandbox.to_do(&deal).await;
        let last = open.pop().expect("there are three");
        for activity in open {
            sandbox.complete(&activity.name, "done").await.expect("it wins nothing yet");
        }
        let refused = sandbox.complete(&last.name, "done").await.expect_err("nobody agreed yet");
        waits(&sandbox, &deal, &refused).await;
        sandbox.stop().await;
    }

    /// R-QUO-2, R-CON-1: who leads the owner, and who has a role, is what the employees' records say, whatever whoever asks
    /// writes there; and the same call once more is answered as before (R-API-1).
    async fn nobody_names_his_own_approver(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        let offered = sandbox.propose(&deal).await;
        asks_manager_and_finance(&sandbox, ApprovalSubject::Quote).await;
        asks_manager_and_finance(&sandbox, ApprovalSubject::Contract).await;
        let boss = hire(&sandbox, "", &[]).await;
        let (owner, colleague) = (hire(&sandbox, &boss, &[]).await, hire(&sandbox, &boss, &[]).await);
        let clerk = hire(&sandbox, &boss, &["finance"]).await;
        let wrong = || vec![RoleMembers { role: "finance".to_owned(), members: vec![colleague.clone()] }];
        let (as_owner, mut approvals) = (sandbox.api.asked_by(&owner), sandbox.api.approvals.clone());

        let draft = Quote {
            opportunity: deal.clone(), owner: owner.clone(), account: offered.account,
            currency_code: offered.currency_code, lines: offered.lines, ..Quote::default()
        };
        let ask = CreateQuoteRequest { quote: Some(draft), request_id: new_id(), ..Default::default() };
        let draft = sandbox.api.quotes.clone().create_quote(as_owner.ask(ask)).await.expect("it can be drafted").into_inner();
        let ask = RequestQuoteApprovalRequest {
            name: draft.name.clone(), then: AfterApproval::Present.into(), manager: colleague.clone(), roles: wrong(),
            request_id: new_id(), ..Default::default()
        };
        let asked = sandbox.api.quotes.clone().request_quote_approval(as_owner.ask(ask.clone())).await.expect("it can be asked");
        let asked = asked.into_inner();
        assert_eq!(asked.state(), quote::State::InApproval);
        let again = sandbox.api.quotes.clone().request_quote_approval(as_owner.ask(ask)).await.expect("it comes twice");
        assert_eq!(again.into_inner(), asked);
        let steps = approval(&sandbox, &asked.approval).await.steps;
        let approvers: Vec<_> = steps.into_iter().map(|step| step.approvers).collect();
        assert_eq!(approvers, [vec![boss.clone()], vec![clerk.clone()]]);
        let decide = ApproveRequest { name: asked.approval.clone(), request_id: new_id(), ..Default::default() };
        let refused = approvals.approve(sandbox.api.asked_by(&colleague).ask(decide)).await.expect_err("not his to decide");
        assert_eq!(refusal(&refused).reason, "PERMISSION_DENIED");
        for who in [&boss, &clerk] {
            let decide = ApproveRequest { name: asked.approval.clone(), request_id: new_id(), ..Default::default() };
            approvals.approve(sandbox.api.asked_by(who).ask(decide)).await.expect("it is his to decide");
        }
        let ask = sandbox.api.ask(GetQuoteRequest { name: draft.name });
        let presented = sandbox.api.quotes.clone().get_quote(ask).await.expect("it is there").into_inner();
        assert_eq!(presented.state(), quote::State::Presented);

        // The gateway's own proposal asks the same people.
        let given = Opportunity { name: deal.clone(), owner: owner.clone(), ..Opportunity::default() };
        let ask = UpdateOpportunityRequest { opportunity: Some(given), request_id: new_id(), ..Default::default() };
        sandbox.api.opportunities.clone().update_opportunity(sandbox.api.ask(ask)).await.expect("it is open");
        let waiting = sandbox.propose(&deal).await;
        assert_eq!((waiting.state(), waiting.owner), (quote::State::InApproval, owner.clone()));
        let steps = approval(&sandbox, &waiting.approval).await.steps;
        let approvers: Vec<_> = steps.into_iter().map(|step| step.approvers).collect();
        assert_eq!(approvers, [vec![boss.clone()], vec![clerk.clone()]]);

        let contract = Contract { opportunity: deal, owner: owner.clone(), ..Contract::default() };
        let ask = CreateContractRequest { contract: Some(contract), request_id: new_id(), ..Default::default() };
        let mut contracts = sandbox.api.contracts.clone();
        let name = contracts.create_contract(as_owner.ask(ask)).await.expect("it can be drafted").into_inner().name;
        let ask = RequestContractApprovalRequest {
            name, manager: colleague.clone(), roles: wrong(), request_id: new_id(), ..Default::default()
        };
        let asked = contracts.request_contract_approval(as_owner.ask(ask)).await.expect("it can be asked").into_inner();
        let steps = approval(&sandbox, &asked.approval).await.steps;
        assert_eq!(steps.into_iter().map(|step| step.approvers).collect::<Vec<_>>(), [vec![boss], vec![clerk]]);
        sandbox.stop().await;
    }

    /// R-QUO-2: a step is forwarded to somebody who is here: nobody else could ever decide it.
    async fn an_approval_is_forwarded_to_somebody_who_is_here(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let boss = hire(&sandbox, "", &[]).await;
        let (gone, deputy) = (hire(&sandbox, "", &[]).await, hire(&sandbox, "", &[]).await);
        let employee = Employee { name: gone.clone(), active: Some(false), ..Employee::default() };
        let update_mask = Some(FieldMask { paths: vec!["active".to_owned()] });
        let ask = UpdateEmployeeRequest { employee: Some(employee), update_mask, request_id: new_id(), ..Default::default() };
        sandbox.api.employees.clone().update_employee(sandbox.api.ask(ask)).await.expect("gone");
        let step = PolicyStep { kind: ApproverKind::User.into(), user: boss.clone(), ..PolicyStep::default() };
        let policy = ApprovalPolicy {
            display_name: "Offers".to_owned(),
            subject: ApprovalSubject::Quote.into(),
            steps: vec![step],
            ..ApprovalPolicy::default()
        };
        let ask = CreateApprovalPolicyRequest { approval_policy: Some(policy), request_id: new_id(), ..Default::default() };
        let mut approvals = sandbox.api.approvals.clone();
        approvals.create_approval_policy(sandbox.api.ask(ask)).await.expect("the policy can be made");
        let deal = sandbox.deal_without_process().await;
        let name = sandbox.propose(&deal).await.approval;
        let to = |approver: &str| ForwardApprovalRequest {
            name: name.clone(), approver: approver.to_owned(), request_id: new_id(), ..Default::default()
        };
        let by = sandbox.api.asked_by(&boss);
        for (nobody, why) in [(names::EMPLOYEES.name(Uuid::now_v7()), "not known"), (gone, "not active")] {
            let refused = approvals.forward_approval(by.ask(to(&nobody))).await.expect_err("he could not decide");
            let refused = refusal(&refused);
            assert_eq!((refused.reason.as_str(), refused.field_names()), ("INVALID_FIELDS", vec!["approver"]));
            assert!(refused.fields[0].1.contains(why), "{refused:?}");
        }
        assert_eq!(approval(&sandbox, &name).await.steps[0].approvers, std::slice::from_ref(&boss));
        approvals.forward_approval(by.ask(to(&deputy))).await.expect("she is here");
        assert_eq!(approval(&sandbox, &name).await.steps[0].approvers, [deputy]);
        sandbox.stop().await;
    }

    /// R-QUO-2, R-FLW-1
    async fn a_proposal_waits_for_its_approval_and_reaches_the_customer_with_it(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let boss = names::EMPLOYEES.name(Uuid::now_v7());
        let step = PolicyStep { kind: ApproverKind::User.into(), user: boss.clone(), ..PolicyStep::default() };
        let policy = ApprovalPolicy {
            display_name: "Offers".to_owned(),
            subject: ApprovalSubject::Quote.into(),
            steps: vec![step],
            ..ApprovalPolicy::default()
        };
        let mut approvals = ApprovalServiceClient::new(sandbox.link.clone());
        let ask = CreateApprovalPolicyRequest { approval_policy: Some(policy), request_id: new_id(), ..Default::default() };
        approvals.create_approval_policy(ask).await.expect("the policy can be made");

        let deal = sandbox.deal_without_process().await;
        let waiting = sandbox.propose(&deal).await;
        assert_eq!(waiting.state(), quote::State::InApproval);
        let ask = AcceptQuoteRequest { opportunity: deal.clone(), request_id: new_id(), ..Default::default() };
        let early = sandbox.api.deals.clone().accept_quote(sandbox.api.ask(ask)).await;
        assert_eq!(refusal(&early.expect_err("the customer has nothing yet")).reason, "GUARD");

        let ask = ApproveRequest { name: waiting.approval, request_id: new_id(), ..Default::default() };
        approvals.approve(sandbox.api.asked_by(&boss).ask(ask)).await.expect("it is his to decide");
        assert_eq!(sandbox.view(&deal).await.quotes[0].state(), quote::State::Presented);
        assert!(sandbox.accept(&deal).await.order.is_some());
        sandbox.finish().await;
    }
}
