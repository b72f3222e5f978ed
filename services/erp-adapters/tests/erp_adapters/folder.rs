//! UBL to a folder: one file per external id, whole or not at all.

use std::fs;
use std::path::Path;

use dealflow_chassis::Store;
use dealflow_chassis::link::Link;
use dealflow_erp_adapters::ubl::{self, Place, Settings};
use dealflow_migrations::erp_ubl::Migrator;
use dealflow_proto::erp::v1::{Document, DocumentType, ListDocumentsRequest, Outcome, Party};
use dealflow_proto::types::v1::VatCategory;
use dealflow_testbed::{TestClock, TestDb, both, refusal};
use tempfile::TempDir;
use tonic::Code;

use crate::house::{CN1, Caller, INV1, PLAIN, SO1, cancellation, credit_note, document, eur, invoice, order};

pub(crate) const SELLERS: &str = r#"
sellers:
  default:
    legal_name: Nordlicht Handels GmbH
    street: Ring 1
    city: Wien
    postal_code: "1010"
    country_code: AT
    vat_id: ATU12345678
    registration_id: FN 123456a
    electronic_address: ATU12345678
    electronic_address_scheme: "9914"
    contact_name: Office
    bank_account: AT611904300234573201
"#;

/// An adapter that writes to a folder.
fn adapter(store: Store, folder: &Path, sellers: &str) -> Result<Caller, String> {
    let place = Place::Folder(folder.join("out"));
    start(store, place, sellers)
}

/// An adapter, in process.
pub(crate) fn start(store: Store, place: Place, sellers: &str) -> Result<Caller, String> {
    link(store, place, sellers).map(Caller::of)
}

/// The way to it.
pub(crate) fn link(store: Store, place: Place, sellers: &str) -> Result<Link, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sellers.yaml");
    fs::write(&file, sellers).expect("written");
    let part = ubl::part(store, Settings { place, sellers: file });
    part.map(|part| part.link()).map_err(|error| error.to_string())
}

async fn open(db: &TestDb) -> (TempDir, Caller) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = db.store::<Migrator>("erp-ubl", TestClock::new().clock()).await;
    let erp = adapter(store, folder.path(), SELLERS).expect("it starts");
    (folder, erp)
}

/// The files that a reader sees, and all that are hidden from him.
fn files(folder: &TempDir) -> (Vec<String>, usize) {
    let all = fs::read_dir(folder.path().join("out")).expect("the folder is there");
    let names = all.map(|it| it.expect("an entry").file_name().into_string().expect("a name"));
    let (hidden, mut seen): (Vec<_>, Vec<_>) = names.partition(|it| it.starts_with('.'));
    seen.sort();
    (seen, hidden.len())
}

fn content(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join("out").join(name)).expect("the file is there")
}

both! {
    /// R-ERP-1, R-INV-3: order, invoice and credit note are files of UBL, named after their external ids.
    async fn each_document_is_a_file_of_ubl(db: TestDb) {
        let (folder, erp) = open(&db).await;
        assert_eq!(erp.booked(&order(SO1)).await, "dealflow_order_SO-1.xml");
        erp.booked(&invoice(INV1, SO1)).await;
        erp.booked(&credit_note(CN1, SO1, INV1)).await;
        let names = ["dealflow_credit_CN-1.xml", "dealflow_invoice_INV-1.xml", "dealflow_order_SO-1.xml"];
        assert_eq!(files(&folder), (names.map(str::to_owned).to_vec(), 0));
        for (name, root, payable) in [(names[0], "CreditNote", "36.00"), (names[1], "Invoice", "36.06"), (names[2], "Order", "36.06")] {
            let xml = content(&folder, name);
            let read = roxmltree::Document::parse(&xml).expect("it is XML");
            assert_eq!(read.root_element().tag_name().name(), root);
            let text = |tag: &str| read.descendants().find(|it| it.tag_name().name() == tag).and_then(|it| it.text());
            assert_eq!(text("PayableAmount"), Some(payable), "{name}");
            assert!(xml.contains("Bäckerei &lt;Müller&gt; &amp; Söhne"), "{name}");
        }
        let bill = content(&folder, names[1]);
        assert!(bill.contains("<cbc:DueDate>2026-04-01</cbc:DueDate>") && bill.contains("AT611904300234573201"));
    }

    /// R-ERP-1: the same again is the same answer, and a file that was fetched does not come again; other content is a
    /// conflict.
    async fn a_document_is_written_once_whatever_is_sent_again(db: TestDb) {
        let (folder, erp) = open(&db).await;
        let number = erp.booked(&order(SO1)).await;
        fs::remove_file(folder.path().join("out").join(&number)).expect("somebody fetched it");
        let again = erp.submit(&order(SO1)).await.expect("known");
        assert_eq!((again.outcome(), again.replayed, again.erp_number), (Outcome::Accepted, true, number));
        assert_eq!(files(&folder).0.len(), 0);
        let other = Document { customer_reference: "changed".to_owned(), ..order(SO1) };
        let conflict = erp.submit(&other).await.expect_err("other content");
        assert_eq!((conflict.code(), refusal(&conflict).reason.as_str()), (Code::AlreadyExists, "DUP"));
        let found = erp.look_up(SO1).await.expect("it was taken");
        assert_eq!(found.total_with_vat, eur("36.06"));
        assert_eq!(erp.look_up(INV1).await.expect_err("never sent").code(), Code::NotFound);
    }

    /// R-ERP-1: a kill between the file and its note leaves the file; what comes again finds it and is the same answer.
    async fn a_kill_between_the_file_and_its_note_doubles_nothing(db: TestDb) {
        let (folder, erp) = open(&db).await;
        erp.booked(&order(SO1)).await;
        let written = content(&folder, "dealflow_order_SO-1.xml");
        // The note is what a kill would have kept from being made.
        let fresh = TestDb::new(db.kind()).await;
        let store = fresh.store::<Migrator>("erp-ubl", TestClock::new().clock()).await;
        let erp = adapter(store, folder.path(), SELLERS).expect("it starts");
        assert_eq!(erp.look_up(SO1).await.expect_err("no note").code(), Code::NotFound);
        erp.booked(&order(SO1)).await;
        assert_eq!((content(&folder, "dealflow_order_SO-1.xml"), files(&folder).0.len()), (written, 1));
    }

    /// Platform item 26: a register that is lost comes back from the files that went out: none is written anew, and what
    /// follows them is taken again.
    async fn a_register_that_is_lost_comes_back_from_the_files(db: TestDb) {
        let (folder, erp) = open(&db).await;
        for document in [order(SO1), invoice(INV1, SO1)] {
            erp.booked(&document).await;
        }
        let (names, _) = files(&folder);
        let written: Vec<String> = names.iter().map(|name| content(&folder, name)).collect();
        let fresh = TestDb::new(db.kind()).await;
        let store = fresh.store::<Migrator>("erp-ubl", TestClock::new().clock()).await;
        let erp = adapter(store, folder.path(), SELLERS).expect("it starts");
        let early = erp.submit(&credit_note(CN1, SO1, INV1)).await.expect_err("the register knows nothing");
        assert_eq!(refusal(&early).reason, "DEPENDENCY_MISSING");
        for document in [order(SO1), invoice(INV1, SO1)] {
            erp.booked(&document).await;
        }
        let again: Vec<String> = names.iter().map(|name| content(&folder, name)).collect();
        assert_eq!((files(&folder).0, again), (names, written));
        assert_eq!(erp.look_up(INV1).await.expect("it is noted again").external_id, INV1);
        erp.booked(&credit_note(CN1, SO1, INV1)).await;
    }

    /// R-ERP-1: a file of that name that is not ours is left as it is.
    async fn a_strangers_file_is_left_as_it_is(db: TestDb) {
        let (folder, erp) = open(&db).await;
        fs::write(folder.path().join("out/dealflow_order_SO-1.xml"), "mine").expect("written");
        assert_eq!(erp.submit(&order(SO1)).await.expect_err("taken").code(), Code::AlreadyExists);
        assert_eq!((content(&folder, "dealflow_order_SO-1.xml").as_str(), files(&folder).1), ("mine", 0));
    }

    /// R-ERP-1: ids that differ only in a sign that a file's name cannot hold have files of their own.
    async fn no_two_ids_have_one_file(db: TestDb) {
        let (folder, erp) = open(&db).await;
        let ids = ["a:b:1", "a_b:1", "a:b_1", "a_b_1"];
        for id in ids {
            erp.booked(&order(id)).await;
        }
        assert_eq!(files(&folder).0.len(), ids.len());
    }

    /// R-ERP-1: a folder that cannot be written to is no refusal; once it can, the document is there.
    async fn a_folder_that_is_away_is_tried_again(db: TestDb) {
        let (folder, erp) = open(&db).await;
        fs::remove_dir(folder.path().join("out")).expect("it is gone");
        assert_eq!(erp.submit(&order(SO1)).await.expect_err("no folder").code(), Code::Unavailable);
        assert_eq!(erp.look_up(SO1).await.expect_err("not there").code(), Code::NotFound);
        fs::create_dir(folder.path().join("out")).expect("it is back");
        erp.booked(&order(SO1)).await;
    }

    /// R-ERP-1: the order before its invoice, the invoice before its credit note.
    async fn what_follows_waits_for_what_it_follows(db: TestDb) {
        let (folder, erp) = open(&db).await;
        for document in [invoice(INV1, SO1), credit_note(CN1, SO1, INV1)] {
            let early = erp.submit(&document).await.expect_err("nothing is there yet");
            assert_eq!((early.code(), refusal(&early).reason.as_str()), (Code::FailedPrecondition, "DEPENDENCY_MISSING"));
        }
        assert_eq!(files(&folder).0.len(), 0);
    }

    /// R-INV-3: what the rules demand and the document lacks is refused as data, all of it at once.
    async fn what_a_document_lacks_is_refused_as_data(db: TestDb) {
        let (folder, erp) = open(&db).await;
        erp.booked(&order(SO1)).await;
        let mut bill = invoice(INV1, SO1);
        bill.customer_reference.clear();
        bill.buyer = Some(Party { legal_name: "Müller".to_owned(), ..Party::default() });
        let reasons = erp.refused(&bill).await;
        let told: Vec<(&str, &str)> = reasons.iter().map(|it| (it.rule.as_str(), it.field.as_str())).collect();
        for (rule, field) in [
            ("PEPPOL-EN16931-R003", "references.buyer"),
            ("PEPPOL-EN16931-R010", "buyer.electronic_address"),
            ("BR-11", "buyer.address.country"),
        ] {
            assert!(told.contains(&(rule, field)), "{rule}: {told:?}");
        }
        bill.legal_entity = "other".to_owned();
        assert_eq!(erp.refused(&bill).await[0].message, "sellers has no entry `other`");
        let mut wrong = invoice(INV1, SO1);
        wrong.totals.as_mut().expect("totals").total_vat = eur("6.02");
        let reasons = erp.refused(&wrong).await;
        assert_eq!((reasons[0].code.as_str(), reasons[0].rule.as_str()), ("TOTALS_MISMATCH", "BR-CO-14"));
        assert_eq!(files(&folder).0.len(), 1);
        // A refusal is not remembered: what was corrected is taken under the same id.
        erp.booked(&invoice(INV1, SO1)).await;
    }

    /// R-ERP-1: everything is listed once, whatever the page.
    async fn everything_is_listed_once(db: TestDb) {
        let (_folder, erp) = open(&db).await;
        for number in 1..=4 {
            erp.booked(&order(&format!("dealflow:order:SO-{number}"))).await;
        }
        erp.booked(&invoice(INV1, SO1)).await;
        let all = erp.list(ListDocumentsRequest::default()).await;
        let ids: Vec<&str> = all.iter().map(|it| it.external_id.as_str()).collect();
        assert_eq!(ids.len(), 5);
        assert_eq!((ids[0], ids[4]), (SO1, INV1));
        assert_eq!((all[4].order_external_id.as_str(), all[4].vat.len()), (SO1, 1));
        for page_size in [1, 2, 4] {
            assert_eq!(erp.list(ListDocumentsRequest { page_size, ..ListDocumentsRequest::default() }).await, all);
        }
        let invoices = ListDocumentsRequest { r#type: DocumentType::Invoice.into(), ..ListDocumentsRequest::default() };
        assert_eq!(erp.list(invoices).await.len(), 1);
        erp.binds_its_tokens().await;
    }

    /// R-ERP-1: it says what it can, and refuses what it said it cannot.
    async fn its_capabilities_are_true(db: TestDb) {
        let (_folder, erp) = open(&db).await;
        let can = erp.can().await;
        assert_eq!((can.product.as_str(), can.idempotent, can.events, can.types), ("ubl-folder", true, false, vec![1, 2, 3]));
        erp.booked(&order(SO1)).await;
        assert_eq!(erp.refused(&cancellation(SO1)).await[0].message, "ubl-folder takes no order cancellation");
        let change = document(DocumentType::OrderChange, "dealflow:order:SO-1:c1", PLAIN, "0");
        erp.refused(&Document { order_external_id: SO1.to_owned(), ..change }).await;
    }

    /// R-API-1: a message whose bytes, hash and names are not of one piece is refused as our fault.
    async fn a_message_that_is_not_of_one_piece_is_invalid(db: TestDb) {
        use dealflow_proto::erp::v1::SubmitOrderRequest;
        use prost::Message;
        let (_folder, erp) = open(&db).await;
        let key = dealflow_testbed::id();
        let ask = |external_id: &str, sha: &str| SubmitOrderRequest {
            external_id: external_id.to_owned(),
            idempotency_key: key.clone(),
            document_sha256: sha.to_owned(),
            document: order(SO1).encode_to_vec(),
        };
        let refused = erp.0.clone().submit_order(ask(SO1, "00")).await.expect_err("another hash");
        assert_eq!(refused.code(), Code::InvalidArgument);
        let slashed = Document { external_id: "../etc/passwd".to_owned(), ..order(SO1) };
        assert_eq!(erp.submit(&slashed).await.expect_err("no such id").code(), Code::InvalidArgument);
        let kind = Document { r#type: DocumentType::Invoice.into(), ..order(SO1) };
        let bytes = kind.encode_to_vec();
        let sha = <sha2::Sha256 as sha2::Digest>::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let as_order = SubmitOrderRequest { document: bytes, document_sha256: sha, ..ask(SO1, "") };
        assert_eq!(erp.0.clone().submit_order(as_order).await.expect_err("an invoice").code(), Code::InvalidArgument);
    }
}

/// The example of a file of sellers that people copy.
fn sellers_of_the_page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/erp.md");
    let page = fs::read_to_string(page).expect("the page");
    let (_, rest) = page.split_once("```yaml\nsellers:").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    format!("sellers:{example}")
}

/// The same bill with nothing that is subject to VAT, and no reference of the customer.
fn outside_vat(bill: Document) -> Document {
    let mut bill = Document { customer_reference: String::new(), ..bill };
    for line in &mut bill.lines {
        let vat = line.vat.as_mut().expect("VAT");
        vat.category = VatCategory::OutsideScope.into();
        vat.rate.as_mut().expect("a rate").value = "0".to_owned();
    }
    let totals = bill.totals.as_mut().expect("totals");
    let net = totals.total_without_vat.clone();
    totals.vat.truncate(1);
    totals.vat[0].vat.clone_from(&bill.lines[0].vat);
    totals.vat[0].tax = eur("0");
    totals.total_vat = eur("0");
    (totals.total_with_vat, totals.payable) = (net.clone(), net);
    bill
}

/// R-ERP-1: the example of the page starts, and books what bears VAT and what is not subject to it, with no reference of the
/// customer; who has a registration alone starts too, and sells what is not subject to VAT.
#[tokio::test]
async fn the_pages_sellers_start_and_book() {
    let page = sellers_of_the_page();
    let registered = page.lines().filter(|line| !line.contains(" vat_id:")).collect::<Vec<_>>().join("\n");
    for (sellers, bears_vat) in [(page, true), (registered, false)] {
        let db = TestDb::new(dealflow_testbed::Kind::Sqlite).await;
        let store = db.store::<Migrator>("erp-ubl", TestClock::new().clock()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let erp = adapter(store, folder.path(), &sellers).expect("it starts");
        erp.booked(&order(SO1)).await;
        erp.booked(&outside_vat(invoice(INV1, SO1))).await;
        assert!(content(&folder, "dealflow_invoice_INV-1.xml").contains("FN 123456a"));
        let taxed = Document { customer_reference: String::new(), ..invoice("dealflow:invoice:INV-2", SO1) };
        if bears_vat {
            erp.booked(&taxed).await;
        } else {
            let reasons = erp.refused(&taxed).await;
            assert!(reasons.iter().any(|it| it.rule == "BR-S-02"), "{reasons:?}");
        }
    }
}

/// R-ERP-1: sellers of whom every invoice would be refused are refused at the start, with all that is missing.
#[tokio::test]
async fn incomplete_sellers_are_refused_with_all_that_is_missing() {
    let db = TestDb::new(dealflow_testbed::Kind::Sqlite).await;
    let store = db.store::<Migrator>("erp-ubl", TestClock::new().clock()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let poor = "sellers: {default: {legal_name: Nordlicht, bank_account: AT00}, other: {}}";
    let told = adapter(store.clone(), folder.path(), poor).map(drop).expect_err("incomplete");
    for missing in [
        "sellers.default: country_code",
        "sellers.default: electronic_address",
        "sellers.default: bank_account",
        "sellers.default: registration_id",
        "sellers.other: legal_name",
    ] {
        assert!(told.contains(missing), "{missing}: {told}");
    }
    let told = adapter(store, folder.path(), "sellers: {default: {name: x}}").map(drop).expect_err("no such word");
    assert!(told.contains("name"), "{told}");
}
