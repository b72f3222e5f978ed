//! A proposal that somebody must agree to waits for that, and goes on in the moment in which it is given.

use dealflow::api::new_id;
use dealflow_proto::gateway::v1::AcceptQuoteRequest;
use dealflow_proto::names;
use dealflow_proto::orders::v1::approval_service_client::ApprovalServiceClient;
use dealflow_proto::orders::v1::{
    ApprovalPolicy, ApprovalSubject, ApproveRequest, ApproverKind, CreateApprovalPolicyRequest, PolicyStep, quote,
};
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use uuid::Uuid;

both! {
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
