//! Who must agree before an offer goes out, step by step (R-QUO-2).

use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::approval::{CancelReason, State};
use dealflow_proto::orders::v1::quote::State as QuoteState;
use dealflow_testbed::{TestDb, both, refusal};

use crate::house::{House, ask, ask_as, by, by_manager, by_role, decimal, employee, eur, opportunity, policy, quote};

/// A draft of somebody.
async fn draft(house: &House, owner: &str) -> pb::Quote {
    house.draft(pb::Quote { owner: owner.to_owned(), ..quote(&opportunity()) }).await.expect("it can be drafted")
}

both! {
    /// R-QUO-2
    async fn steps_are_asked_in_sequence_and_the_last_one_approves(db: TestDb) {
        let house = House::open(db).await;
        let [owner, manager, director, finance] = [employee(), employee(), employee(), employee()];
        let steps = vec![by_manager(), by_role("director", &[&employee(), &director]), by(&finance)];
        let asking = house.policy(policy(steps)).await;
        let name = draft(&house, &owner).await.name;
        let ask = ask_as!(
            &owner, house.quotes(), request_quote_approval,
            RequestQuoteApprovalRequest { name: name.clone(), manager: manager.clone() }
        );
        let asked = ask.expect("it can be asked");
        assert_eq!(asked.state(), QuoteState::InApproval);
        let approval = house.approval(&asked.approval).await;
        assert_eq!((approval.state(), approval.current_step, &approval.approver), (State::Pending, 1, &manager));
        assert_eq!((&approval.policies, approval.amount), (&vec![asking.name], Some(eur("399.98"))));

        let early = refusal(&house.approve(&finance, &approval.name).await.expect_err("not yet"));
        assert_eq!((early.reason.as_str(), &early.metadata["allowed"]), ("PERMISSION_DENIED", &manager));
        for (who, step) in [(&manager, 2), (&director, 3)] {
            let answer = house.approve(who, &approval.name).await.expect("it is his turn");
            assert_eq!((answer.state(), answer.current_step), (State::Pending, step));
            assert_eq!(house.quote(&name).await.state(), QuoteState::InApproval);
        }
        let done = house.approve(&finance, &approval.name).await.expect("it is the last step");
        assert_eq!(done.state(), State::Approved);
        let decided: Vec<_> = done.steps.iter().map(|step| step.decided_by.clone()).collect();
        assert_eq!(decided, [manager, director, finance.clone()]);
        assert_eq!(house.quote(&name).await.state(), QuoteState::Approved);
        let again = refusal(&house.approve(&finance, &approval.name).await.expect_err("it is done"));
        assert_eq!(again.reason, "TERMINAL");
        ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: name }).expect("it is approved");
    }

    /// R-QUO-2
    async fn policies_ask_from_their_amount_or_discount_on_and_each_person_once(db: TestDb) {
        let house = House::open(db).await;
        let [owner, boss, chief] = [employee(), employee(), employee()];
        let large = pb::ApprovalPolicy { min_amount: Some(eur("1000")), rank: 2, ..policy(vec![by(&boss), by(&chief)]) };
        let cheap = pb::ApprovalPolicy { min_discount_percent: Some(decimal("10")), rank: 1, ..policy(vec![by(&boss)]) };
        house.policy(large).await;
        let cheap = house.policy(cheap).await;

        let small = draft(&house, &owner).await.name;
        let free = house.ask_approval(&owner, &small).await.expect("nobody asks");
        assert_eq!((free.state(), free.approval.as_str()), (QuoteState::Approved, ""));

        let lines = vec![crate::house::line("3", "1000")];
        let asked = |discount: &str| pb::Quote {
            owner: owner.clone(), lines: lines.clone(), discount_percent: Some(decimal(discount)), ..quote(&opportunity())
        };
        for (discount, steps) in [("9.99", vec![&boss, &chief]), ("10", vec![&boss, &chief])] {
            let name = house.draft(asked(discount)).await.expect("it can be drafted").name;
            let approval = house.ask_approval(&owner, &name).await.expect("it can be asked").approval;
            let approval = house.approval(&approval).await;
            let people: Vec<_> = approval.steps.iter().map(|step| &step.approvers[0]).collect();
            assert_eq!(people, steps, "each is asked once");
            assert_eq!(approval.policies.contains(&cheap.name), discount == "10");
            assert_eq!(approval.discount_percent, Some(decimal(discount)));
        }

        let off = pb::ApprovalPolicy { name: cheap.name, disabled: true, ..Default::default() };
        ask!(house.approvals(), update_approval_policy, UpdateApprovalPolicyRequest { approval_policy: Some(off) })
            .expect("a policy can be switched off");
        let small = pb::Quote { lines: vec![crate::house::line("1", "10")], ..asked("50") };
        let name = house.draft(small).await.expect("it can be drafted").name;
        assert_eq!(house.ask_approval(&owner, &name).await.expect("nobody asks").state(), QuoteState::Approved);
    }

    /// R-QUO-2
    async fn a_rejected_quote_goes_back_to_draft_with_the_reason(db: TestDb) {
        let house = House::open(db).await;
        let [owner, boss] = [employee(), employee()];
        house.policy(policy(vec![by(&boss)])).await;
        let asked = draft(&house, &owner).await;
        let approval = house.ask_approval(&owner, &asked.name).await.expect("it can be asked").approval;
        let silent = ask_as!(&boss, house.approvals(), reject, RejectRequest { name: approval.clone(), comment: " ".to_owned() });
        assert_eq!(refusal(&silent.expect_err("no reason is given")).field_names(), ["comment"]);
        let comment = "the margin is too small".to_owned();
        let rejected = ask_as!(&boss, house.approvals(), reject, RejectRequest { name: approval, comment: comment.clone() });
        let rejected = rejected.expect("it is his to decide");
        assert_eq!((rejected.state(), &rejected.steps[0].comment), (State::Rejected, &comment));
        let back = house.quote(&asked.name).await;
        assert_eq!((back.state(), back.approval.as_str()), (QuoteState::Draft, ""));
        let told = house.events(&asked.opportunity).await;
        assert!(told.iter().any(|event| event.r#type == "quote.returned" && event.reason == comment));
        house.ask_approval(&owner, &asked.name).await.expect("it can be asked again");
    }

    /// R-QUO-2
    async fn a_step_that_is_forwarded_is_the_others_and_keeps_its_history(db: TestDb) {
        let house = House::open(db).await;
        let [owner, boss, deputy] = [employee(), employee(), employee()];
        house.policy(policy(vec![by(&boss)])).await;
        let name = draft(&house, &owner).await.name;
        let approval = house.ask_approval(&owner, &name).await.expect("it can be asked").approval;
        let to = |who: &str| pb::ForwardApprovalRequest {
            name: approval.clone(), approver: who.to_owned(), comment: "on leave".to_owned(),
            request_id: dealflow_testbed::id(), ..Default::default()
        };
        let forward = async |by: &str, to: pb::ForwardApprovalRequest| {
            let mut request = tonic::Request::new(to);
            dealflow_chassis::Context::internal(by).carry(request.metadata_mut());
            house.approvals().forward_approval(request).await.map(tonic::Response::into_inner)
        };
        let own = refusal(&forward(&boss, to(&owner)).await.expect_err("nobody approves his own"));
        assert_eq!(own.reason, "PERMISSION_DENIED");
        let forwarded = forward(&boss, to(&deputy)).await.expect("it is his to give on");
        assert_eq!((&forwarded.approver, &forwarded.steps[0].forwards[0].from), (&deputy, &boss));
        let late = refusal(&house.approve(&boss, &approval).await.expect_err("it is the deputy's now"));
        assert_eq!((late.reason.as_str(), &late.metadata["allowed"]), ("PERMISSION_DENIED", &deputy));
        assert_eq!(house.approve(&deputy, &approval).await.expect("it is hers").state(), State::Approved);
    }

    /// R-QUO-2
    async fn a_request_can_be_withdrawn_by_whoever_asked_and_by_no_other(db: TestDb) {
        let house = House::open(db).await;
        let [owner, boss] = [employee(), employee()];
        house.policy(policy(vec![by(&boss)])).await;
        let name = draft(&house, &owner).await.name;
        let approval = house.ask_approval(&owner, &name).await.expect("it can be asked").approval;
        let withdraw = async |who: &str| {
            ask_as!(who, house.approvals(), withdraw_approval, WithdrawApprovalRequest { name: approval.clone() })
        };
        assert_eq!(refusal(&withdraw(&boss).await.expect_err("not his")).reason, "PERMISSION_DENIED");
        let withdrawn = withdraw(&owner).await.expect("it is his");
        assert_eq!((withdrawn.state(), withdrawn.cancel_reason()), (State::Canceled, CancelReason::Withdrawn));
        assert_eq!(house.quote(&name).await.state(), QuoteState::Draft);
    }

    /// R-QUO-2
    async fn a_role_decides_by_its_first_member_and_the_request_names_members_that_the_policy_does_not(db: TestDb) {
        let house = House::open(db).await;
        let [owner, one, two] = [employee(), employee(), employee()];
        house.policy(policy(vec![by_role("finance", &[])])).await;
        let name = draft(&house, &owner).await.name;
        let nobody = refusal(&house.ask_approval(&owner, &name).await.expect_err("who is finance?"));
        assert_eq!((nobody.code, nobody.reason.as_str()), (tonic::Code::FailedPrecondition, "NO_APPROVER"));
        assert!(nobody.message.contains("finance"), "{}", nobody.message);
        let roles = vec![pb::RoleMembers { role: "finance".to_owned(), members: vec![owner.clone(), one.clone(), two.clone()] }];
        let asked = ask_as!(
            &owner, house.quotes(), request_quote_approval,
            RequestQuoteApprovalRequest { name: name.clone(), roles: roles }
        );
        let approval = house.approval(&asked.expect("it can be asked").approval).await;
        assert_eq!((&approval.steps[0].approvers, &approval.role), (&vec![one, two.clone()], &"finance".to_owned()));
        assert_eq!(house.approve(&two, &approval.name).await.expect("she is first").state(), State::Approved);

        let listed = pb::ListApprovalsRequest { filter: format!("subject = \"{name}\""), ..Default::default() };
        let listed = house.approvals().list_approvals(listed).await.expect("approvals can be listed").into_inner();
        assert_eq!(listed.approvals.len(), 1);
    }

    /// R-QUO-2
    async fn an_approved_quote_goes_out_in_the_same_moment_where_that_was_asked(db: TestDb) {
        let house = House::open(db).await;
        let [owner, boss] = [employee(), employee()];
        house.policy(policy(vec![by(&boss)])).await;
        let asked = draft(&house, &owner).await;
        let then = pb::AfterApproval::Present.into();
        let name = asked.name.clone();
        let sent = ask_as!(&owner, house.quotes(), request_quote_approval, RequestQuoteApprovalRequest { name: name, then: then });
        let approval = sent.expect("it can be asked").approval;
        house.approve(&boss, &approval).await.expect("it is his to decide");
        assert_eq!(house.quote(&asked.name).await.state(), QuoteState::Presented);
        let told: Vec<_> = house.events(&asked.opportunity).await.into_iter().map(|event| event.r#type).collect();
        assert_eq!(
            told,
            [
                "quote.created", "approval.requested", "quote.approval_requested", "approval.approved", "quote.approved",
                "quote.activated", "quote.presented",
            ]
        );
    }

    /// R-QUO-2
    async fn closing_a_quote_that_waits_cancels_its_approval(db: TestDb) {
        let house = House::open(db).await;
        let [owner, boss] = [employee(), employee()];
        house.policy(policy(vec![by(&boss)])).await;
        let asked = draft(&house, &owner).await;
        let approval = house.ask_approval(&owner, &asked.name).await.expect("it can be asked").approval;
        let reason = pb::quote::CloseReason::Lost.into();
        ask!(
            house.quotes(), close_opportunity_quotes,
            CloseOpportunityQuotesRequest { opportunity: asked.opportunity.clone(), reason: reason }
        )
        .expect("they can be closed");
        let approval = house.approval(&approval).await;
        assert_eq!((approval.state(), approval.cancel_reason()), (State::Canceled, CancelReason::SubjectClosed));
    }

    /// R-QUO-2, R-CON-1
    async fn a_contract_is_approved_by_the_same_machinery(db: TestDb) {
        let house = House::open(db).await;
        let [owner, boss] = [employee(), employee()];
        let offered = house.presented(pb::Quote { owner: owner.clone(), ..quote(&opportunity()) }).await;
        let subject = pb::ApprovalSubject::Contract.into();
        house.policy(pb::ApprovalPolicy { subject, min_amount: Some(eur("100")), ..policy(vec![by(&boss)]) }).await;
        let contract = pb::Contract { opportunity: offered.opportunity, quote: offered.name, ..Default::default() };
        let made = ask!(house.contracts(), create_contract, CreateContractRequest { contract: Some(contract) });
        let name = made.expect("it can be drafted").name;
        let alone = ask!(house.contracts(), approve_contract, ApproveContractRequest { name: name.clone() });
        assert_eq!(refusal(&alone.expect_err("a policy asks")).reason, "APPROVAL_REQUIRED");
        let asked = ask_as!(
            &owner, house.contracts(), request_contract_approval,
            RequestContractApprovalRequest { name: name.clone() }
        );
        let asked = asked.expect("it can be asked");
        assert_eq!((asked.state(), &asked.owner), (pb::contract::State::InApproval, &owner));
        house.approve(&boss, &asked.approval).await.expect("it is his to decide");
        let sent = ask!(house.contracts(), send_contract, SendContractRequest { name: name });
        assert_eq!(sent.expect("it is approved").state(), pb::contract::State::Sent);
    }
}
