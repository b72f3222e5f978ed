//! The ways round an approval that lead over a contract (R-QUO-2, R-CON-1).

use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::approval::{CancelReason, State};
use dealflow_testbed::{TestDb, both, refusal};

use super::strict;
use crate::house::{House, ask, ask_as, by, employee, eur, line, opportunity, policy, quote};

both! {
    /// R-QUO-2, R-CON-1: bypass 6, a contract that puts into words what nobody agreed to. It stays in the house until the
    /// quote is approved, and goes out then.
    async fn a_contract_does_not_carry_an_unapproved_quote_to_the_customer(db: TestDb) {
        let (house, owner, boss) = strict(db).await;
        let draft = house.draft(pb::Quote { owner: owner.clone(), ..quote(&opportunity()) }).await.expect("drafted");
        let contract =
            pb::Contract { opportunity: draft.opportunity.clone(), quote: draft.name.clone(), ..Default::default() };
        let made = ask!(house.contracts(), create_contract, CreateContractRequest { contract: Some(contract) });
        let name = made.expect("it can be drafted").name;
        ask!(house.contracts(), approve_contract, ApproveContractRequest { name: name.clone() }).expect("none asks about it");
        let send = async || ask!(house.contracts(), send_contract, SendContractRequest { name: name.clone() });
        let refused = refusal(&send().await.expect_err("the quote is a draft"));
        assert_eq!((refused.reason.as_str(), refused.metadata["allowed"].as_str()), ("APPROVAL_REQUIRED", "RequestQuoteApproval"));
        assert!(refused.message.contains(&draft.name) && refused.message.contains("SendContract"), "{}", refused.message);
        let approval = house.ask_approval(&owner, &draft.name).await.expect("it can be asked").approval;
        assert_eq!(refusal(&send().await.expect_err("nobody has agreed yet")).reason, "APPROVAL_REQUIRED");
        house.approve(&boss, &approval).await.expect("it is his to decide");
        assert_eq!(send().await.expect("it is approved").state(), pb::contract::State::Sent);
    }

    /// R-QUO-2, R-CON-1: bypass 4 by way of a contract, approved below the limit while the quote that it puts into words is
    /// raised later. Whoever asks anew asks those whom the policies name now.
    async fn a_contract_is_not_agreed_to_for_another_sum_than_its_quote_has_now(db: TestDb) {
        let house = House::open(db).await;
        let [owner, manager, director] = [employee(), employee(), employee()];
        let from = |amount: &str, who: &str| pb::ApprovalPolicy {
            subject: pb::ApprovalSubject::Contract.into(), min_amount: Some(eur(amount)), ..policy(vec![by(who)])
        };
        house.policy(from("500", &manager)).await;
        house.policy(from("10000", &director)).await;
        let small = pb::Quote { owner: owner.clone(), lines: vec![line("1", "1000")], ..quote(&opportunity()) };
        let draft = house.draft(small).await.expect("drafted");
        let contract = pb::Contract {
            opportunity: draft.opportunity.clone(), quote: draft.name.clone(), owner: owner.clone(), ..Default::default()
        };
        let made = ask!(house.contracts(), create_contract, CreateContractRequest { contract: Some(contract) });
        let name = made.expect("it can be drafted").name;
        let ask_about_it = async || {
            let name = name.clone();
            ask_as!(&owner, house.contracts(), request_contract_approval, RequestContractApprovalRequest { name: name })
        };
        let raise = async |price: &str| {
            let quote = pb::Quote { name: draft.name.clone(), lines: vec![line("1", price)], ..Default::default() };
            ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: Some(quote) }).expect("it is a draft");
        };
        let send = async || ask!(house.contracts(), send_contract, SendContractRequest { name: name.clone() });
        let first = ask_about_it().await.expect("it can be asked").approval;
        raise("999").await;
        assert_eq!(refusal(&house.approve(&manager, &first).await.expect_err("he was asked about 1000")).reason, "GUARD");
        raise("1000").await;
        house.approve(&manager, &first).await.expect("it is his to decide");
        let given = ask_about_it().await.expect("it is so already");
        assert_eq!((given.state(), &given.approval), (pb::contract::State::Approved, &first), "nobody is asked twice");

        raise("50000").await;
        let refused = refusal(&send().await.expect_err("he agreed to 1000"));
        assert_eq!((refused.reason.as_str(), refused.metadata["allowed"].as_str()), ("APPROVAL_REQUIRED", "RequestContractApproval"));
        let second = ask_about_it().await.expect("what the refusal names is allowed");
        assert_eq!(second.state(), pb::contract::State::InApproval);
        let stale = house.approval(&first).await;
        assert_eq!((stale.state(), stale.cancel_reason()), (State::Canceled, CancelReason::SubjectChanged));
        house.approve(&manager, &second.approval).await.expect("it is his to decide");
        assert_eq!(refusal(&send().await.expect_err("the director has not agreed")).reason, "STATE_REFUSES_VERB");
        house.approve(&director, &second.approval).await.expect("it is his to decide");
        assert_eq!(send().await.expect("both agreed to 50000").state(), pb::contract::State::Sent);
    }
}
