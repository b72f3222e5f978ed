//! What a document says beside its lines, on its way to a folder: its own file, else what stands in it.

use std::fs;

use dealflow_erp_adapters::ubl::Place;
use dealflow_migrations::erp_ubl::Migrator;
use dealflow_proto::erp::v1::{Attachment, Document, Party, PaymentAccount};
use dealflow_proto::types::v1::{Address, VatCategory};
use dealflow_testbed::{TestClock, TestDb, both, refusal};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tonic::Code;

use crate::folder::{SELLERS, start};
use crate::house::{Caller, INV1, SO1, invoice, order};

async fn open(db: &TestDb) -> (TempDir, Caller) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = db.store::<Migrator>("erp-ubl", TestClock::new().clock()).await;
    let erp = start(store, Place::Folder(folder.path().to_owned()), SELLERS).expect("it starts");
    erp.booked(&order(SO1)).await;
    (folder, erp)
}

fn written(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("dealflow_invoice_INV-1.xml")).expect("the file is there")
}

fn attached(content: &str) -> Attachment {
    let content = content.as_bytes().to_vec();
    let sha256 = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    Attachment { file_name: "invoice-INV-1.xml".to_owned(), media_type: "application/xml".to_owned(), content, sha256 }
}

/// A seller who is not the one of the file.
fn seller() -> Party {
    let address = Address {
        street: "Kai 2".to_owned(),
        city: "Linz".to_owned(),
        country_code: "AT".to_owned(),
        ..Address::default()
    };
    Party {
        legal_name: "Südlicht AG".to_owned(),
        vat_id: "ATU87654321".to_owned(),
        address: Some(address),
        electronic_address: "ATU87654321".to_owned(),
        electronic_address_scheme: "9914".to_owned(),
        ..Party::default()
    }
}

both! {
    /// R-INV-3, R-ERP-1: the file that a bill brings goes out to the byte; a broken one is our fault; pages are no XML.
    async fn a_bills_own_file_goes_out_to_the_byte(db: TestDb) {
        let (folder, erp) = open(&db).await;
        let ours = "<Invoice>as it was exported</Invoice>";
        let pages = Attachment { media_type: "application/pdf".to_owned(), ..attached("%PDF") };
        let bill = Document { attachments: vec![pages, attached(ours)], ..invoice(INV1, SO1) };
        let mut broken = bill.clone();
        broken.attachments[1].content = b"<Invoice>another</Invoice>".to_vec();
        let refused = erp.submit(&broken).await.expect_err("its hash is another");
        assert_eq!((refused.code(), refusal(&refused).field_names()), (Code::InvalidArgument, vec!["document.attachments[1].sha256"]));
        erp.booked(&bill).await;
        assert_eq!(written(&folder), ours);
    }

    /// R-INV-3: what the document says of seller, account, contract, reference, terms and delivery stands in the UBL that is
    /// written for it; the file of sellers says what it does not. Intra-community supply is written where it was delivered.
    async fn what_the_document_says_counts_before_the_file_of_sellers(db: TestDb) {
        let (folder, erp) = open(&db).await;
        let mut bill = invoice(INV1, SO1);
        for line in &mut bill.lines {
            line.vat.as_mut().expect("VAT").category = VatCategory::IntraCommunity.into();
            line.vat.as_mut().expect("VAT").rate.as_mut().expect("a rate").value = "0".to_owned();
        }
        let totals = bill.totals.as_mut().expect("totals");
        let net = totals.total_without_vat.clone();
        totals.vat.truncate(1);
        totals.vat[0].vat.clone_from(&bill.lines[0].vat);
        totals.vat[0].tax = crate::house::eur("0");
        totals.total_vat = crate::house::eur("0");
        (totals.total_with_vat, totals.payable) = (net.clone(), net);
        let reasons = erp.refused(&bill).await;
        assert!(reasons.iter().any(|it| it.rule == "BR-IC-11"), "{reasons:?}");
        let account = PaymentAccount { account: "DE89370400440532013000".to_owned(), bic: "COBADEFF".to_owned(), ..Default::default() };
        let bill = Document {
            delivery_date: bill.issue_date,
            contract_number: "C-17".to_owned(),
            buyer_reference: "KST-4711".to_owned(),
            payment_terms: "2 % within 10 days".to_owned(),
            seller: Some(seller()),
            payment_account: Some(account),
            ..bill
        };
        erp.booked(&bill).await;
        let xml = written(&folder);
        for part in [
            "<cbc:BuyerReference>KST-4711<", "<cac:ContractDocumentReference><cbc:ID>C-17<", "Südlicht AG", "ATU87654321",
            "DE89370400440532013000", "2 % within 10 days", "<cbc:ActualDeliveryDate>2026-03-02<", ">K<",
            // Of the file: the document does not say it.
            "FN 123456a",
        ] {
            assert!(xml.split_whitespace().collect::<Vec<_>>().join(" ").replace("> <", "><").contains(part), "no {part} in {xml}");
        }
        assert!(!xml.contains("Nordlicht") && !xml.contains("AT611904300234573201"), "{xml}");
    }
}
