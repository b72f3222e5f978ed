//! Contracts: their state, and a signature that stays (R-CON-1).

use dealflow_proto::orders::v1 as pb;
use dealflow_testbed::{TestDb, both, refusal};

use crate::house::{House, ask, date, opportunity, quote};

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
        assert_eq!(refusal(&refused.expect_err("it is signed")).reason, "TERMINAL");
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
}
