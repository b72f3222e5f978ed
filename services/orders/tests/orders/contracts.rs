//! Contracts: their state, and a signature that stays (R-CON-1).

use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::contract::{Receipt, State};
use dealflow_testbed::{TestDb, both, refusal};

use crate::house::{House, ask, ask_as, by, date, employee, opportunity, policy, quote};

both! {
    /// R-CON-1
    async fn a_contract_goes_from_draft_to_signed_by_named_people_on_a_day(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        let account = dealflow_proto::names::ACCOUNTS.name(uuid::Uuid::now_v7());
        let offered = house.presented(pb::Quote { account: account.clone(), ..quote(&deal) }).await;
        let written = pb::Contract {
            opportunity: deal.clone(),
            quote: offered.name.clone(),
            title: "Supply".to_owned(),
            ..Default::default()
        };
        let made = ask!(house.contracts(), create_contract, CreateContractRequest { contract: Some(written) });
        let made = made.expect("it can be drafted");
        assert_eq!((&made.account, made.number.as_str()), (&account, "C-000001"));
        let name = made.name.clone();
        ask!(house.contracts(), approve_contract, ApproveContractRequest { name: name.clone() }).expect("a draft");
        let early = ask!(
            house.contracts(),
            send_contract,
            SendContractRequest { name: name.clone(), comments_expected_date: Some(date(2017, 3, 14)) }
        );
        assert_eq!(refusal(&early.expect_err("that was yesterday")).field_names(), ["comments_expected_date"]);
        ask!(
            house.contracts(),
            send_contract,
            SendContractRequest { name: name.clone(), comments_expected_date: Some(date(2017, 3, 20)) }
        )
        .expect("approved");
        let nobody = ask!(
            house.contracts(),
            sign_contract,
            SignContractRequest { name: name.clone(), signatories: vec![" ".to_owned()], signed_date: Some(date(2017, 3, 16)) }
        );
        assert_eq!(refusal(&nobody.expect_err("nobody, tomorrow")).field_names(), ["signatories[0]", "signed_date"]);
        let signed = ask!(
            house.contracts(),
            sign_contract,
            SignContractRequest { name: name.clone(), signatories: vec!["A. Buyer".to_owned(), "B. Seller".to_owned()] }
        );
        let signed = signed.expect("sent");
        assert_eq!((signed.signed_date, signed.signatories.len()), (Some(date(2017, 3, 15)), 2));
        let refused = ask!(house.contracts(), cancel_contract, CancelContractRequest { name: name });
        assert_eq!(refusal(&refused.expect_err("it is signed")).reason, "STATE_REFUSES_VERB");
        let told: Vec<_> = house.events(&deal).await.into_iter().map(|event| event.r#type).collect();
        let expected = ["contract.created", "contract.approved", "contract.sent", "contract.signed"];
        assert_eq!(told[3..], expected);
    }

    /// R-CON-1
    async fn a_contract_puts_a_quote_of_its_own_opportunity_into_words(db: TestDb) {
        let house = House::open(db).await;
        let offered = house.draft(quote(&opportunity())).await.expect("it can be drafted");
        let written = pb::Contract { opportunity: opportunity(), quote: offered.name, ..Default::default() };
        let refused = ask!(house.contracts(), create_contract, CreateContractRequest { contract: Some(written) });
        assert_eq!(refusal(&refused.expect_err("another deal's quote")).field_names(), ["contract.quote"]);
    }

    /// R-CON-1
    async fn comments_that_change_the_terms_make_a_new_version_that_is_approved_anew(db: TestDb) {
        let house = House::open(db).await;
        let [owner, boss] = [employee(), employee()];
        let subject = pb::ApprovalSubject::Contract.into();
        house.policy(pb::ApprovalPolicy { subject, ..policy(vec![by(&boss)]) }).await;
        let name = drafted(&house, pb::Contract { owner: owner.clone(), terms: "net 30".to_owned(), ..Default::default() }).await;
        let approve = async || {
            let asked = ask_as!(
                &owner, house.contracts(), request_contract_approval,
                RequestContractApprovalRequest { name: name.clone() }
            );
            let approval = asked.expect("it can be asked").approval;
            house.approve(&boss, &approval).await.expect("it is his to decide");
            ask!(house.contracts(), send_contract, SendContractRequest { name: name.clone() }).expect("it is approved");
            approval
        };
        let first = approve().await;
        let receipt = ask!(
            house.contracts(), record_contract_receipt,
            RecordContractReceiptRequest {
                name: name.clone(), receipt: Receipt::InReview.into(), comments_expected_date: Some(date(2017, 3, 22)),
            }
        );
        let receipt = receipt.expect("it is with the customer");
        assert_eq!((receipt.receipt(), receipt.comments_expected_date), (Receipt::InReview, Some(date(2017, 3, 22))));
        let comment = async |comments: &str, new_terms: &str| {
            ask!(
                house.contracts(), record_contract_comments,
                RecordContractCommentsRequest {
                    name: name.clone(), comments: comments.to_owned(), new_terms: new_terms.to_owned(),
                }
            )
        };
        let mild = comment("whose VAT id is it?", "").await.expect("it is with the customer");
        assert_eq!((mild.state(), mild.version), (State::Negotiation, 1));
        assert_eq!(house.approval(&first).await.state(), pb::approval::State::Approved);
        let changed = comment("we pay in 60 days", "net 60").await.expect("it is negotiated");
        assert_eq!((changed.state(), changed.version, changed.terms.as_str()), (State::Draft, 2, "net 60"));
        assert_eq!(house.approval(&first).await.cancel_reason(), pb::approval::CancelReason::SubjectChanged);
        let sent = ask!(house.contracts(), send_contract, SendContractRequest { name: name.clone() });
        assert_eq!(refusal(&sent.expect_err("it is not approved")).reason, "STATE_REFUSES_VERB");
        assert_ne!(approve().await, first, "asked anew");
        let change = pb::Contract { name: name.clone(), terms: "net 90".to_owned(), ..Default::default() };
        let frozen = ask!(house.contracts(), update_contract, UpdateContractRequest { contract: Some(change) });
        assert_eq!(refusal(&frozen.expect_err("the customer has it")).reason, "STATE_REFUSES_VERB");
    }

    /// R-CON-1
    async fn a_contract_is_signed_with_its_documents_and_changed_by_an_amendment_only(db: TestDb) {
        let house = House::open(db).await;
        let paper = |uri: &str| pb::ContractDocument {
            title: "Power of attorney".to_owned(), required: true, uri: uri.to_owned(),
        };
        let name = drafted(&house, pb::Contract { documents: vec![paper("")], terms: "a".to_owned(), ..Default::default() }).await;
        let send = async |name: &str| {
            let name = name.to_owned();
            ask!(house.contracts(), approve_contract, ApproveContractRequest { name: name.clone() }).expect("no policy asks");
            ask!(house.contracts(), send_contract, SendContractRequest { name: name }).expect("it is approved")
        };
        let sign = async |name: &str| {
            ask!(
                house.contracts(), sign_contract,
                SignContractRequest { name: name.to_owned(), signatories: vec!["A. Buyer".to_owned()] }
            )
        };
        assert!(!send(&name).await.documents_complete);
        let refused = refusal(&sign(&name).await.expect_err("a paper is missing"));
        assert!(refused.reason == "GUARD" && refused.message.contains("Power of attorney"), "{}", refused.message);
        let whole = drafted(&house, pb::Contract { documents: vec![paper("file:a.pdf")], ..Default::default() }).await;
        assert!(send(&whole).await.documents_complete);
        let signed = sign(&whole).await.expect("it is complete");
        assert_eq!(signed.state(), State::Signed);
        let amended = ask!(
            house.contracts(), amend_contract,
            AmendContractRequest { name: whole.clone(), new_terms: "b".to_owned() }
        );
        let amended = amended.expect("it is signed");
        assert_eq!((amended.state(), &amended.amends, amended.terms.as_str()), (State::Draft, &whole, "b"));
        assert!(amended.signatories.is_empty() && amended.number != signed.number);
        let still = house.contracts().get_contract(pb::GetContractRequest { name: whole }).await.expect("it is there");
        assert_eq!(still.into_inner(), signed, "the signed one stays as it is");
    }

    /// R-CON-1
    async fn a_contract_is_in_force_from_its_first_day_to_its_last_or_until_it_is_terminated(db: TestDb) {
        let house = House::open(db).await;
        let active = async |start, end| {
            let name = drafted(&house, pb::Contract { start_date: start, end_date: end, ..Default::default() }).await;
            ask!(house.contracts(), approve_contract, ApproveContractRequest { name: name.clone() }).expect("no policy asks");
            ask!(house.contracts(), send_contract, SendContractRequest { name: name.clone() }).expect("it is approved");
            let signatories = vec!["A. Buyer".to_owned()];
            ask!(house.contracts(), sign_contract, SignContractRequest { name: name.clone(), signatories: signatories })
                .expect("it is sent");
            ask!(house.contracts(), activate_contract, ActivateContractRequest { name: name })
        };
        let early = active(Some(date(2017, 3, 16)), None).await.expect_err("tomorrow");
        assert_eq!(refusal(&early).reason, "GUARD");
        let short = active(None, Some(date(2017, 3, 15))).await.expect("from today on");
        assert_eq!((short.state(), short.start_date, short.expired), (State::Active, Some(date(2017, 3, 15)), false));
        let long = active(Some(date(2017, 3, 1)), Some(date(2018, 3, 1))).await.expect("it has begun");
        house.time.advance(chrono::TimeDelta::days(1));
        let read = house.contracts().get_contract(pb::GetContractRequest { name: short.name.clone() }).await;
        assert!(read.expect("it is there").into_inner().expired, "nobody called");
        for expected in [1, 0] {
            let ended = ask!(house.contracts(), expire_contracts, ExpireContractsRequest {}).expect("it can be asked");
            assert_eq!(ended.contracts.len(), expected);
            assert!(ended.contracts.iter().all(|it| it.name == short.name && it.state() == State::Expired));
        }
        let reason = "breach".to_owned();
        let before = ask!(
            house.contracts(), terminate_contract,
            TerminateContractRequest { name: long.name.clone(), reason: reason.clone(), terminated_date: Some(date(2017, 2, 28)) }
        );
        assert_eq!(refusal(&before.expect_err("before it began")).field_names(), ["terminated_date"]);
        let ended = ask!(house.contracts(), terminate_contract, TerminateContractRequest { name: long.name, reason: reason });
        let ended = ended.expect("it is in force");
        assert_eq!((ended.state(), ended.terminated_date), (State::Terminated, Some(date(2017, 3, 16))));
    }
}

/// A contract that is drafted for a deal of its own.
async fn drafted(house: &House, contract: pb::Contract) -> String {
    let contract = pb::Contract { opportunity: opportunity(), ..contract };
    let made = ask!(house.contracts(), create_contract, CreateContractRequest { contract: Some(contract) });
    made.expect("it can be drafted").name
}
