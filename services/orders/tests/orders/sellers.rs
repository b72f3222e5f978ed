//! Who sells: legal entities as records, and the series that their documents are numbered in (R-INV-1, R-INV-3).

use std::collections::BTreeMap;
use std::time::Duration;

use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::invoice_service_client::InvoiceServiceClient;
use dealflow_proto::orders::v1::legal_entity_service_client::LegalEntityServiceClient;
use dealflow_proto::types::v1::Address;
use dealflow_testbed::{TestDb, both, id, refusal};
use prost_types::FieldMask;
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::house::{House, ask, line, opportunity, order, quote};

fn entity(code: &str) -> pb::LegalEntity {
    pb::LegalEntity {
        code: code.to_owned(),
        legal_name: format!("{code} GmbH"),
        address: Some(Address { city: "Wien".to_owned(), country_code: "AT".to_owned(), ..Default::default() }),
        vat_id: "ATU12345678".to_owned(),
        bank_account: "AT611904300234573201".to_owned(),
        ..Default::default()
    }
}

/// With series of its own.
fn numbered(invoices: &str, credit_notes: &str) -> pb::LegalEntity {
    let (invoice_series, credit_note_series) = (invoices.to_owned(), credit_notes.to_owned());
    pb::LegalEntity { invoice_series, credit_note_series, ..entity("ost") }
}

async fn create(house: &House, entity: pb::LegalEntity) -> Result<pb::LegalEntity, Status> {
    let mut entities = LegalEntityServiceClient::new(house.link.clone());
    ask!(entities, create_legal_entity, CreateLegalEntityRequest { legal_entity: Some(entity) })
}

/// A delivered order of one line of many, sold by a legal entity.
async fn sold_by(house: &House, code: &str) -> pb::Order {
    let asked = pb::Order { legal_entity: code.to_owned(), lines: vec![line("60", "1")], ..order(&opportunity()) };
    house.delivered(asked).await
}

both! {
    /// R-INV-3
    async fn a_legal_entity_is_kept_found_and_changed_but_for_its_code_and_series(db: TestDb) {
        let house = House::open(db).await;
        let mut entities = LegalEntityServiceClient::new(house.link.clone());
        let made = create(&house, entity("default")).await.expect("it can be added");
        assert_eq!((made.invoice_series.as_str(), made.credit_note_series.as_str()), ("INV-{year}", "CN-{year}"));
        let changed = pb::LegalEntity {
            name: made.name.clone(),
            phone: "+43 1 555".to_owned(),
            invoice_series: "X-{year}".to_owned(),
            ..Default::default()
        };
        let mask = Some(FieldMask { paths: vec!["phone".to_owned(), "bank_account".to_owned()] });
        let changed = ask!(entities, update_legal_entity, UpdateLegalEntityRequest { legal_entity: Some(changed), update_mask: mask });
        let changed = changed.expect("it can be changed");
        assert_eq!((changed.phone.as_str(), changed.bank_account.as_str(), changed.vat_id.as_str()), ("+43 1 555", "", "ATU12345678"));
        assert_eq!((changed.invoice_series.as_str(), changed.etag.as_str()), ("INV-{year}", "2"));
        let mask = Some(FieldMask { paths: vec!["invoice_series".to_owned()] });
        let fixed = ask!(entities, update_legal_entity, UpdateLegalEntityRequest { legal_entity: Some(made.clone()), update_mask: mask });
        assert_eq!(refusal(&fixed.expect_err("numbers would begin anew")).field_names(), ["update_mask"]);
        let stale = ask!(entities, update_legal_entity, UpdateLegalEntityRequest { legal_entity: Some(made.clone()), etag: "1".to_owned() });
        assert_eq!(stale.expect_err("it has changed").code(), Code::Aborted);
        create(&house, entity("sued")).await.expect("another one");
        let ask = pb::ListLegalEntitiesRequest { filter: "code = \"sued\"".to_owned(), ..Default::default() };
        let found = entities.list_legal_entities(ask).await.expect("a list").into_inner().legal_entities;
        assert_eq!(found.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["sued"]);
        let read = entities.get_legal_entity(pb::GetLegalEntityRequest { name: made.name }).await;
        assert_eq!(read.expect("it is there").into_inner(), changed);
    }

    /// R-INV-1: no two legal entities share a code or a series, for the ERP knows a document by its number.
    async fn what_would_number_documents_twice_is_refused(db: TestDb) {
        let house = House::open(db).await;
        create(&house, entity("nord")).await.expect("it can be added");
        for (field, other) in [
            ("legal_entity.code", entity("nord")),
            ("legal_entity.invoice_series", pb::LegalEntity { invoice_series: "nord-{year}".to_owned(), ..entity("ost") }),
            ("legal_entity.credit_note_series", pb::LegalEntity { credit_note_series: "nordC-{year}".to_owned(), ..entity("ost") }),
        ] {
            let taken = refusal(&create(&house, other).await.expect_err(field));
            assert_eq!((taken.code, taken.metadata["field"].as_str()), (Code::AlreadyExists, field));
        }
        for (field, wrong) in [
            ("legal_entity.code", pb::LegalEntity { code: "no rd".to_owned(), ..numbered("A", "B") }),
            ("legal_entity.legal_name", pb::LegalEntity { legal_name: " ".to_owned(), ..entity("ost") }),
            ("legal_entity.invoice_series", pb::LegalEntity { invoice_series: "FAR-TOO-LONG-{year}".to_owned(), ..entity("ost") }),
            ("legal_entity.credit_note_series", pb::LegalEntity { credit_note_series: "C/{year}".to_owned(), ..entity("ost") }),
        ] {
            assert_eq!(refusal(&create(&house, wrong).await.expect_err(field)).field_names(), [field]);
        }
        let unknown = pb::Quote { legal_entity: "west".to_owned(), ..quote(&opportunity()) };
        let refused = ask!(house.quotes(), create_quote, CreateQuoteRequest { quote: Some(unknown) });
        assert_eq!(refusal(&refused.expect_err("nobody is called so")).field_names(), ["quote.legal_entity"]);
    }

    /// R-INV-1: the numbers of each legal entity and series have no gap, though a hundred are drawn at once and half of
    /// the callers die on the way.
    async fn numbers_are_gapless_by_legal_entity_under_fifty_posts_at_once_and_a_kill(db: TestDb) {
        let house = House::open(db).await;
        create(&house, entity("nord")).await.expect("it can be added");
        let mut drafts = Vec::new();
        for code in ["default", "nord"] {
            let order = sold_by(&house, code).await;
            assert_eq!(order.legal_entity, code);
            for _ in 0..50 {
                let draft = house.bill(&order.name, &[("1", "1")]).await.expect("one of it");
                drafts.push((draft.name, id()));
            }
        }
        let post = |mut invoices: InvoiceServiceClient<_>, (name, request_id): (String, String)| async move {
            let ask = pb::PostInvoiceRequest { name, request_id, ..Default::default() };
            invoices.post_invoice(ask).await.map(tonic::Response::into_inner)
        };
        let mut dying = JoinSet::new();
        for draft in drafts.clone() {
            dying.spawn(post(house.invoices(), draft));
        }
        // Some are posted by now, some wait for the counter, some hold it.
        tokio::time::timeout(Duration::from_millis(150), async { while dying.join_next().await.is_some() {} }).await.ok();
        dying.shutdown().await;
        let revived = house.revived().await;
        let mut calls = JoinSet::new();
        for draft in drafts {
            calls.spawn(post(InvoiceServiceClient::new(revived.clone()), draft));
        }
        let mut numbers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        while let Some(posted) = calls.join_next().await {
            let invoice = posted.expect("the call ends").expect("it is posted, before or now");
            numbers.entry(invoice.legal_entity).or_default().push(invoice.number);
        }
        for (code, series) in [("default", "INV-2017"), ("nord", "nord-2017")] {
            let mut found = numbers.remove(code).expect("it has invoices");
            found.sort();
            let expected: Vec<String> = (1..=50).map(|n| format!("{series}-{n:06}")).collect();
            assert_eq!(found, expected);
        }
    }

    /// R-INV-1, R-QUO-4
    async fn what_a_quote_says_of_its_seller_holds_for_all_that_follows(db: TestDb) {
        let house = House::open(db).await;
        create(&house, entity("nord")).await.expect("it can be added");
        let offered = house.presented(pb::Quote { legal_entity: "nord".to_owned(), ..quote(&opportunity()) }).await;
        let accepted = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: offered.name });
        let name = accepted.expect("it can be accepted").order;
        ask!(house.orders(), confirm_order, ConfirmOrderRequest { name: name.clone() }).expect("it can be confirmed");
        ask!(house.orders(), submit_order, SubmitOrderRequest { name: name.clone() }).expect("it can be submitted");
        assert_eq!(house.fulfill(&name, &[]).await.expect("all of it").legal_entity, "nord");
        let draft = house.bill(&name, &[]).await.expect("all of it");
        let invoice = house.post(&draft.name).await.expect("it can be posted");
        assert_eq!((invoice.legal_entity.as_str(), invoice.number.as_str()), ("nord", "nord-2017-000001"));
        let note = house.credit(&invoice.name, &[]).await.expect("all of it");
        let note = house.post_credit(&note.name).await.expect("it can be posted");
        assert_eq!((note.legal_entity.as_str(), note.number.as_str()), ("nord", "nordC-2017-000001"));
    }

    /// R-INV-1: series that are the same in some year, with or without `{year}` in them, are refused with who has them; the
    /// default one numbers before it is a record.
    async fn series_that_meet_in_some_year_are_refused_with_who_has_them(db: TestDb) {
        let house = House::open(db).await;
        for (field, met, other) in [
            ("legal_entity.invoice_series", "INV-{year}", numbered("INV-{year}", "B")),
            ("legal_entity.invoice_series", "INV-{year}", numbered("INV-2026", "B")),
            ("legal_entity.credit_note_series", "CN-{year}", numbered("A", "CN-2017")),
        ] {
            let taken = refusal(&create(&house, other).await.expect_err("the default one numbers so"));
            assert_eq!((taken.code, taken.metadata["field"].as_str()), (Code::AlreadyExists, field));
            assert_eq!(taken.metadata["series"], met);
            assert!(taken.metadata["holder"].contains("the legal entity default"), "{}", taken.metadata["holder"]);
        }
        let nord = create(&house, entity("nord")).await.expect("it can be added");
        let taken = refusal(&create(&house, numbered("nord-2031", "B")).await.expect_err("in 2031"));
        assert_eq!((&taken.metadata["holder"], taken.metadata["series"].as_str()), (&nord.name, "nord-{year}"));
        create(&house, entity("default")).await.expect("its usual series are its own");
        let taken = refusal(&create(&house, numbered("A", "CN-2017")).await.expect_err("it is a record now"));
        assert_eq!(taken.metadata["field"], "legal_entity.credit_note_series");
        create(&house, numbered("nord-31", "nord-32")).await.expect("no year has two digits");
    }

    /// R-INV-1: a number that a document of another legal entity has already is not given again, and the refusal says whose
    /// it is; the draft stays, and costs no number.
    async fn a_number_that_another_legal_entity_gave_is_not_given_again(db: TestDb) {
        let house = House::open(db).await;
        let post = async |code: &str| {
            let draft = house.bill(&sold_by(&house, code).await.name, &[]).await.expect("all of it");
            house.post(&draft.name).await.map_err(|status| (status, draft.name))
        };
        let first = post("default").await.expect("it can be posted");
        let note = house.credit(&first.name, &[("1", "1")]).await.expect("one of it");
        let credited = house.post_credit(&note.name).await.expect("it can be posted");
        // The default one begins anew elsewhere, and leaves its series to whoever comes.
        create(&house, pb::LegalEntity { code: "default".to_owned(), ..numbered("X-{year}", "XC-{year}") }).await.expect("added");
        create(&house, numbered("INV-{year}", "CN-{year}")).await.expect("nobody has them now");
        let (status, draft) = post("ost").await.expect_err("the number is taken");
        let taken = refusal(&status);
        assert_eq!((taken.code, taken.reason.as_str()), (Code::AlreadyExists, "TAKEN"));
        let facts = ["value", "holder", "legal_entity"].map(|key| taken.metadata[key].as_str());
        assert_eq!(facts, [first.number.as_str(), first.name.as_str(), "default"]);
        assert_eq!(house.invoice(&draft).await.state(), pb::invoice::State::Draft);
        let second = post("default").await.expect("in its new series");
        assert_eq!((second.number.as_str(), credited.number.as_str()), ("X-2017-000001", "CN-2017-000001"));
    }

    /// R-INV-1, R-INV-3: what a posted invoice and a posted credit note say of seller, buyer and contract is what was so when
    /// they were posted, whatever the records say later.
    async fn a_posted_bill_keeps_its_parties_as_they_were(db: TestDb) {
        let house = House::open(db).await;
        let mut entities = LegalEntityServiceClient::new(house.link.clone());
        let seller = create(&house, entity("nord")).await.expect("it can be added");
        let order = sold_by(&house, "nord").await;
        let contract = pb::Contract { opportunity: order.opportunity.clone(), ..Default::default() };
        let made = ask!(house.contracts(), create_contract, CreateContractRequest { contract: Some(contract) });
        let contract = made.expect("it can be drafted");
        let buyer = |name: &str| {
            let address = Some(Address { city: "Graz".to_owned(), country_code: "AT".to_owned(), ..Default::default() });
            Some(pb::Party { legal_name: name.to_owned(), address, email: "post@ring.example".to_owned(), ..Default::default() })
        };
        let post = async |buyer: Option<pb::Party>| {
            let draft = house.bill(&order.name, &[("1", "1")]).await.expect("one of it");
            assert_eq!((&draft.seller, &draft.buyer), (&None, &None), "a draft keeps nothing");
            ask!(house.invoices(), post_invoice, PostInvoiceRequest { name: draft.name, buyer: buyer }).expect("posted")
        };
        let invoice = post(buyer("Ring OG")).await;
        let said = invoice.seller.clone().expect("it is kept");
        assert_eq!((&said.legal_name, &said.address, &said.bank_account), (&seller.legal_name, &seller.address, &seller.bank_account));
        assert_eq!((&invoice.buyer, invoice.contract_number.as_str()), (&buyer("Ring OG"), ""));

        let name = contract.name.clone();
        ask!(house.contracts(), approve_contract, ApproveContractRequest { name: name.clone() }).expect("no policy asks");
        ask!(house.contracts(), send_contract, SendContractRequest { name: name.clone() }).expect("it is approved");
        let signatories = vec!["A. Buyer".to_owned()];
        ask!(house.contracts(), sign_contract, SignContractRequest { name: name.clone(), signatories: signatories }).expect("sent");
        let renamed = pb::LegalEntity { name: seller.name.clone(), legal_name: "Nord AG".to_owned(), ..Default::default() };
        ask!(entities, update_legal_entity, UpdateLegalEntityRequest { legal_entity: Some(renamed) }).expect("renamed");
        assert_eq!(house.invoice(&invoice.name).await, invoice);

        let note = house.credit(&invoice.name, &[]).await.expect("all of it");
        let note = ask!(house.credit_notes(), post_credit_note, PostCreditNoteRequest { name: note.name, buyer: buyer("Ring AG") });
        let note = note.expect("it can be posted");
        let said = note.seller.clone().expect("it is kept");
        assert_eq!((said.legal_name.as_str(), &note.buyer, &note.contract_number), ("Nord AG", &buyer("Ring AG"), &contract.number));
        let credited = house.invoice(&invoice.name).await;
        assert_eq!((credited.seller, credited.buyer, credited.contract_number), (invoice.seller, invoice.buyer, invoice.contract_number));

        // In force, and over: it is the contract still.
        ask!(house.contracts(), activate_contract, ActivateContractRequest { name: name.clone() }).expect("it is signed");
        assert_eq!(post(None).await.contract_number, contract.number);
        ask!(house.contracts(), terminate_contract, TerminateContractRequest { name: name, reason: "moved".to_owned() }).expect("it is in force");
        let last = post(None).await;
        assert_eq!((last.buyer, last.contract_number), (None, contract.number));
    }
}
