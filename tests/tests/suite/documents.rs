//! Documents as files, from the records of a deal that was won, fulfilled and billed.

use dealflow::api::new_id;
use dealflow_proto::gateway::v1::export_document_request::Format;
use dealflow_proto::gateway::v1::{Deal, DocumentFile, ExportDocumentRequest};
use dealflow_proto::leads::v1::{Account, UpdateAccountRequest};
use dealflow_proto::orders::v1::{
    ActivateContractRequest, ApproveContractRequest, CancelOrderRequest, CloseQuoteRequest, ConfirmOrderRequest,
    Contract, CreateContractRequest, CreateCreditNoteRequest, CreateLegalEntityRequest, CreateOrderRequest,
    CreateQuoteRequest, GetCreditNoteRequest, GetInvoiceRequest, LegalEntity, ListLegalEntitiesRequest, Order, Party,
    PostCreditNoteRequest, Quote, SendContractRequest, SignContractRequest, TerminateContractRequest,
    UpdateLegalEntityRequest, VoidCreditNoteRequest, quote,
};
use dealflow_proto::types::v1::Address;
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use prost_types::FieldMask;
use tonic::{Code, Status};

#[path = "../../../services/documents/tests/pages/mod.rs"]
mod pages;
#[path = "../../../services/documents/tests/rules/mod.rs"]
pub(crate) mod rules;

async fn export(sandbox: &Sandbox, name: &str, format: Format, language: &str) -> Result<DocumentFile, Status> {
    let ask = ExportDocumentRequest {
        name: name.to_owned(),
        format: format.into(),
        language_code: language.to_owned(),
        buyer_reference: "KST-4711".to_owned(),
        ..ExportDocumentRequest::default()
    };
    let api = &sandbox.api;
    Ok(api.documents.clone().export_document(api.ask(ask)).await?.into_inner())
}

/// Says who sells.
pub(crate) async fn say_who_sells(sandbox: &Sandbox) {
    let address = Address {
        street: "Hafenstraße 12".to_owned(),
        postal_code: "1020".to_owned(),
        city: "Wien".to_owned(),
        country_code: "AT".to_owned(),
        ..Address::default()
    };
    let entity = LegalEntity {
        code: "default".to_owned(),
        legal_name: "Nordlicht & Söhne Handels GmbH".to_owned(),
        address: Some(address),
        vat_id: "ATU12345678".to_owned(),
        electronic_address: "7300010000001".to_owned(),
        electronic_address_scheme: "0088".to_owned(),
        bank_account: "AT61 1904 3002 3457 3201".to_owned(),
        bic: "BKAUATWW".to_owned(),
        ..LegalEntity::default()
    };
    let ask = CreateLegalEntityRequest { legal_entity: Some(entity), request_id: new_id(), ..Default::default() };
    let mut entities = sandbox.api.legal_entities.clone();
    entities.create_legal_entity(sandbox.api.ask(ask)).await.expect("the legal entity is added");
}

/// The seller and the buyer are called otherwise from now on.
async fn rename_both(sandbox: &Sandbox, deal: &Deal, suffix: &str) {
    let (api, paths) = (&sandbox.api, vec!["legal_name".to_owned()]);
    let known = ListLegalEntitiesRequest { filter: "code = \"default\"".to_owned(), ..Default::default() };
    let known = api.legal_entities.clone().list_legal_entities(api.ask(known)).await.expect("a list").into_inner();
    let name = known.legal_entities[0].name.clone();
    let entity = LegalEntity { name, legal_name: format!("Nordlicht {suffix}"), ..LegalEntity::default() };
    let ask = UpdateLegalEntityRequest {
        legal_entity: Some(entity),
        update_mask: Some(FieldMask { paths: paths.clone() }),
        request_id: new_id(),
        ..UpdateLegalEntityRequest::default()
    };
    api.legal_entities.clone().update_legal_entity(api.ask(ask)).await.expect("the seller is renamed");
    let name = deal.account.clone().expect("the deal has an account").name;
    let account = Account { name, legal_name: format!("Ring {suffix}"), ..Account::default() };
    let ask = UpdateAccountRequest {
        account: Some(account),
        update_mask: Some(FieldMask { paths }),
        request_id: new_id(),
        ..UpdateAccountRequest::default()
    };
    api.accounts.clone().update_account(api.ask(ask)).await.expect("the buyer is renamed");
}

/// A contract of the deal that is signed.
pub(crate) async fn signed_contract(sandbox: &Sandbox, deal: &str) -> Contract {
    let mut contracts = sandbox.contracts();
    let contract = Contract { opportunity: deal.to_owned(), ..Contract::default() };
    let ask = CreateContractRequest { contract: Some(contract), request_id: new_id(), ..Default::default() };
    let name = contracts.create_contract(ask).await.expect("drafted").into_inner().name;
    let ask = ApproveContractRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
    contracts.approve_contract(ask).await.expect("no policy asks");
    let ask = SendContractRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
    contracts.send_contract(ask).await.expect("it is approved");
    let signatories = vec!["A. Buyer".to_owned()];
    let ask = SignContractRequest { name, signatories, request_id: new_id(), ..Default::default() };
    contracts.sign_contract(ask).await.expect("it is sent").into_inner()
}

/// Says what an invoice needs of who buys.
pub(crate) async fn say_who_buys(sandbox: &Sandbox, deal: &Deal) {
    let known = deal.account.clone().expect("the deal has an account");
    let address = Address {
        street: "Ring 1".to_owned(),
        city: "Graz".to_owned(),
        country_code: "AT".to_owned(),
        ..Address::default()
    };
    let account = Account {
        name: known.name.clone(),
        legal_name: "ООО «Ромашка» <Graz>".to_owned(),
        address: Some(address),
        electronic_address_scheme: "9914".to_owned(),
        electronic_address: "ATU87654321".to_owned(),
        ..Account::default()
    };
    let fields = ["legal_name", "address", "electronic_address_scheme", "electronic_address"];
    let ask = UpdateAccountRequest {
        account: Some(account),
        update_mask: Some(FieldMask { paths: fields.map(str::to_owned).to_vec() }),
        request_id: new_id(),
        ..UpdateAccountRequest::default()
    };
    sandbox.api.accounts.clone().update_account(sandbox.api.ask(ask)).await.expect("the account is completed");
}

both! {
    /// R-INV-3, R-ACC-1: what the records lack is told at once; once it is said, invoice, order and quote are written,
    /// and the invoice keeps every rule.
    async fn a_billed_deal_is_written_as_files_once_its_parties_are_complete(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        sandbox.propose(&deal).await;
        sandbox.accept(&deal).await;
        sandbox.rest().await;
        sandbox.fulfill(&deal).await;
        let view = sandbox.view(&deal).await;
        let (quote, order, invoice) = (&view.quotes[0], &view.orders[0], &view.invoices[0]);

        let refused = export(&sandbox, &invoice.name, Format::Ubl, "").await.expect_err("nobody said who sells");
        assert_eq!((refused.code(), refusal(&refused).reason.as_str()), (Code::FailedPrecondition, "GUARD"));
        for part in [
            "seller.legal_name: BR-06", "seller.address.country: BR-09", "seller.vat_id: BR-S-02", "payment: BR-61",
            "buyer.electronic_address: PEPPOL-EN16931-R010", "in the legal entity",
        ] {
            assert!(refused.message().contains(part), "no {part} in {}", refused.message());
        }

        say_who_sells(&sandbox).await;
        say_who_buys(&sandbox, &view).await;
        let file = export(&sandbox, &invoice.name, Format::Ubl, "").await.expect("the parties are complete");
        assert_eq!((file.file_name, file.media_type), (format!("invoice-{}.xml", invoice.number), "application/xml".to_owned()));
        let xml = String::from_utf8(file.content.clone()).expect("XML is UTF-8");
        assert_eq!(rules::broken(&xml), Vec::<String>::new(), "{xml}");
        for part in [
            invoice.number.as_str(), order.number.as_str(), "KST-4711", "ООО «Ромашка» &lt;Graz&gt;", ">3330.00<", ">3996.00<",
            "<cbc:PaymentMeansCode>30<", "AT611904300234573201",
        ] {
            assert!(xml.contains(part), "no {part} in {xml}");
        }
        let again = export(&sandbox, &invoice.name, Format::Ubl, "").await.expect("a second time");
        assert_eq!((again.content, again.sha256), (file.content, file.sha256), "the same bytes");

        // All of it is taken back; a draft has no number, and one that is given up never has any.
        let mut notes = sandbox.api.credit_notes.clone();
        let ask = || CreateCreditNoteRequest {
            invoice: invoice.name.clone(),
            reason: "The pumps came back".to_owned(),
            request_id: new_id(),
            ..CreateCreditNoteRequest::default()
        };
        let draft = notes.create_credit_note(sandbox.api.ask(ask())).await.expect("it is drafted").into_inner().name;
        let no_number = async |why: &str| {
            for format in [Format::Pdf, Format::Ubl] {
                let refused = export(&sandbox, &draft, format, "").await.expect_err("it has no number");
                assert!(refusal(&refused).reason == "GUARD" && refused.message().contains(why), "{refused:?}");
            }
        };
        no_number("PostCreditNote gives it its number").await;
        let void = VoidCreditNoteRequest { name: draft.clone(), request_id: new_id(), ..Default::default() };
        notes.void_credit_note(sandbox.api.ask(void)).await.expect("it is a draft");
        no_number("there is no bill to export").await;
        let note = notes.create_credit_note(sandbox.api.ask(ask())).await.expect("it is drafted").into_inner();
        let ask = PostCreditNoteRequest { name: note.name.clone(), request_id: new_id(), ..Default::default() };
        let note = notes.post_credit_note(sandbox.api.ask(ask)).await.expect("it is posted").into_inner();
        let credited = export(&sandbox, &note.name, Format::Ubl, "").await.expect("it is complete");
        let xml = String::from_utf8(credited.content).expect("XML is UTF-8");
        assert_eq!(rules::broken(&xml), Vec::<String>::new(), "{xml}");
        for part in ["<CreditNote ", note.number.as_str(), invoice.number.as_str(), ">3996.00<", "The pumps came back"] {
            assert!(xml.contains(part), "no {part} in {xml}");
        }

        let confirmed = export(&sandbox, &order.name, Format::Ubl, "").await.expect("an order has a form");
        assert!(String::from_utf8_lossy(&confirmed.content).contains("<Order "), "it is an order");
        for (name, language) in [(&quote.name, "en"), (&order.name, "ru"), (&invoice.name, "ru"), (&note.name, "en")] {
            let pages = export(&sandbox, name, Format::Pdf, language).await.expect("all have pages");
            assert!(pages.content.starts_with(b"%PDF-1.7") && pages.media_type == "application/pdf", "{}", pages.file_name);
        }
        sandbox.finish().await;
    }

    /// R-INV-1, R-INV-3: a posted invoice and a posted credit note are the same bytes for ever: seller, buyer and contract stay
    /// what they were when each was posted, though both are renamed and the contract ends. Nobody who posts invents a buyer.
    async fn a_posted_bill_is_the_same_file_whatever_its_parties_are_called_later(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        sandbox.propose(&deal).await;
        sandbox.accept(&deal).await;
        say_who_sells(&sandbox).await;
        say_who_buys(&sandbox, &sandbox.view(&deal).await).await;
        let contract = signed_contract(&sandbox, &deal).await;
        sandbox.fulfill(&deal).await;
        sandbox.rest().await;
        let view = sandbox.view(&deal).await;
        let (order, invoice) = (&view.orders[0], &view.invoices[0]);
        let xml = async |name: &str| {
            let file = export(&sandbox, name, Format::Ubl, "").await.expect("it is complete");
            String::from_utf8(file.content).expect("XML is UTF-8")
        };
        let as_posted = xml(&invoice.name).await;
        for part in ["Nordlicht &amp; Söhne", "ООО «Ромашка» &lt;Graz&gt;", contract.number.as_str()] {
            assert!(as_posted.contains(part), "no {part} in {as_posted}");
        }

        rename_both(&sandbox, &view, "AG").await;
        assert_eq!(xml(&invoice.name).await, as_posted);
        let confirmed = xml(&order.name).await;
        assert!(confirmed.contains("Nordlicht AG") && confirmed.contains("Ring AG"), "an order is what it is now: {confirmed}");

        // The contract is in force, and ends; what is posted meanwhile is of that contract (BT-12).
        let mut contracts = sandbox.contracts();
        let ask = ActivateContractRequest { name: contract.name.clone(), request_id: new_id(), ..Default::default() };
        contracts.activate_contract(ask).await.expect("it is signed");
        assert!(xml(&order.name).await.contains(&contract.number), "in force");
        let ask = CreateCreditNoteRequest {
            invoice: invoice.name.clone(), reason: "back".to_owned(), request_id: new_id(), ..Default::default()
        };
        let (api, mut notes) = (&sandbox.api, sandbox.api.credit_notes.clone());
        let draft = notes.create_credit_note(api.ask(ask)).await.expect("it is drafted").into_inner();
        let invented = Some(Party { legal_name: "Nobody Ltd".to_owned(), ..Party::default() });
        let post = PostCreditNoteRequest { name: draft.name, buyer: invented, request_id: new_id(), ..Default::default() };
        let note = notes.post_credit_note(api.ask(post.clone())).await.expect("it is posted").into_inner();
        let credited = xml(&note.name).await;
        assert_eq!(rules::broken(&credited), Vec::<String>::new(), "{credited}");
        for part in ["Nordlicht AG", "Ring AG", contract.number.as_str(), "<cbc:PaymentMeansCode>97<"] {
            assert!(credited.contains(part), "no {part} in {credited}");
        }

        let ended = TerminateContractRequest {
            name: contract.name.clone(), reason: "moved".to_owned(), request_id: new_id(), ..Default::default()
        };
        contracts.terminate_contract(ended).await.expect("it is in force");
        rename_both(&sandbox, &view, "SE").await;
        assert_eq!((xml(&invoice.name).await, xml(&note.name).await), (as_posted, credited));
        assert!(xml(&order.name).await.contains(&contract.number), "it was of this contract");
        // The same call once more is answered as before, though the account says otherwise now.
        let again = notes.post_credit_note(api.ask(post)).await.expect("it comes twice").into_inner();
        assert_eq!((again.number, again.buyer.clone()), (note.number.clone(), note.buyer));
        let kept = notes.get_credit_note(api.ask(GetCreditNoteRequest { name: note.name })).await.expect("there").into_inner();
        assert_eq!(kept.buyer, again.buyer);
        let ask = GetInvoiceRequest { name: invoice.name.clone() };
        let kept = api.invoices.clone().get_invoice(api.ask(ask)).await.expect("it is there").into_inner();
        let names = [kept.seller, kept.buyer].map(|side| side.map(|side| side.legal_name).unwrap_or_default());
        assert_eq!(names, ["Nordlicht & Söhne Handels GmbH", "ООО «Ромашка» <Graz>"]);
        sandbox.finish().await;
    }

    /// R-QUO-2, R-INV-3: a quote that nobody agreed to yet is no offer on paper, nor is one that was ended.
    async fn the_pages_of_a_quote_say_whether_it_is_an_offer(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        let offered = sandbox.propose(&deal).await;
        say_who_sells(&sandbox).await;
        let words = async |name: &str| {
            let file = export(&sandbox, name, Format::Pdf, "").await.expect("it has pages");
            let text = pages::text(&file.content);
            ["DRAFT", "CLOSED"].map(|word| text.lines().any(|line| line == word))
        };
        assert_eq!(words(&offered.name).await, [false, false], "the customer has it");
        let draft = Quote {
            opportunity: deal,
            account: offered.account.clone(),
            currency_code: offered.currency_code.clone(),
            lines: offered.lines.clone(),
            ..Quote::default()
        };
        let ask = CreateQuoteRequest { quote: Some(draft), request_id: new_id(), ..Default::default() };
        let draft = sandbox.quotes().create_quote(ask).await.expect("it can be drafted").into_inner().name;
        assert_eq!(words(&draft).await, [true, false]);
        let reason = quote::CloseReason::Canceled.into();
        let ask = CloseQuoteRequest { name: draft.clone(), reason, request_id: new_id(), ..Default::default() };
        sandbox.quotes().close_quote(ask).await.expect("it can be given up");
        assert_eq!(words(&draft).await, [false, true]);
        sandbox.stop().await;
    }

    /// R-ORD-1, R-INV-3: an order that is not confirmed yet, and one that was given up, confirm nothing: the pages say so, and
    /// a file for programs, which could not, is refused.
    async fn the_confirmation_of_an_order_says_whether_it_holds(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        sandbox.propose(&deal).await;
        let quote = sandbox.view(&deal).await.quotes.remove(0);
        let ordered = Order {
            opportunity: deal.clone(),
            account: quote.account,
            currency_code: quote.currency_code,
            lines: quote.lines,
            ..Order::default()
        };
        let (api, mut orders) = (&sandbox.api, sandbox.api.orders.clone());
        let ask = CreateOrderRequest { order: Some(ordered), request_id: new_id(), ..Default::default() };
        let order = orders.create_order(api.ask(ask)).await.expect("the deal has none").into_inner().name;
        say_who_sells(&sandbox).await;
        say_who_buys(&sandbox, &sandbox.view(&deal).await).await;
        let words = async || {
            let file = export(&sandbox, &order, Format::Pdf, "").await.expect("it has pages");
            let text = pages::text(&file.content);
            ["DRAFT", "CLOSED"].map(|word| text.lines().any(|line| line == word))
        };
        let for_programs = async || export(&sandbox, &order, Format::Ubl, "").await;
        assert_eq!(words().await, [true, false]);
        let refused = for_programs().await.expect_err("it is a draft");
        assert!(refusal(&refused).reason == "GUARD" && refused.message().contains("a draft"), "{refused:?}");
        let ask = ConfirmOrderRequest { name: order.clone(), request_id: new_id(), ..Default::default() };
        orders.confirm_order(api.ask(ask)).await.expect("both sides agree");
        assert_eq!(words().await, [false, false]);
        for_programs().await.expect("it holds");
        let ask = CancelOrderRequest { name: order.clone(), reason: "moved".to_owned(), request_id: new_id(), ..Default::default() };
        orders.cancel_order(api.ask(ask)).await.expect("it is not submitted");
        assert_eq!(words().await, [false, true]);
        let refused = for_programs().await.expect_err("it was given up");
        assert!(refusal(&refused).reason == "GUARD" && refused.message().contains("ended"), "{refused:?}");
        sandbox.stop().await;
    }

    /// R-INV-3: what cannot be a file is refused with the field that says so.
    async fn what_has_no_such_form_is_refused(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        let quote = sandbox.propose(&deal).await;
        for (name, format, language, field) in [
            (quote.name.as_str(), Format::Ubl, "", "format"),
            (quote.name.as_str(), Format::Unspecified, "", "format"),
            (quote.name.as_str(), Format::Pdf, "tlh", "language_code"),
            (deal.as_str(), Format::Pdf, "", "name"),
        ] {
            let refused = export(&sandbox, name, format, language).await.expect_err("it has no such form");
            assert_eq!((refused.code(), refusal(&refused).field_names()), (Code::InvalidArgument, vec![field]), "{name}");
        }
        let nobody = "invoices/0197a000-0000-7000-8000-000000000001";
        let refused = export(&sandbox, nobody, Format::Pdf, "").await.expect_err("there is none");
        assert_eq!(refused.code(), Code::NotFound);
        sandbox.stop().await;
    }
}
