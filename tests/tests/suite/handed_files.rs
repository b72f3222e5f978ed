//! R-INV-3, R-ERP-1: what a hand-over carries beside its lines: files, contract, terms, seller; as the installation decides, and
//! frozen.

use dealflow::api::new_id;
use dealflow_proto::erp::v1::{
    AttachedFile, GetDocumentStatusRequest, GetHandoffRequest, Handoff, ListHandoffsRequest, PauseTargetRequest,
    ResumeTargetRequest,
};
use dealflow_proto::gateway::v1::ExportDocumentRequest;
use dealflow_proto::gateway::v1::export_document_request::Format;
use dealflow_proto::orders::v1::Invoice;
use dealflow_proto::settings::v1::SettingValue;
use dealflow_testbed::{TestDb, both};
use dealflow_tests::Sandbox;

use crate::documents::{say_who_buys, say_who_sells};
use crate::settings::set;

const GOES: &str = "a step of the script goes through";

fn text(text: &str) -> SettingValue {
    SettingValue { text: Some(text.to_owned()), ..SettingValue::default() }
}

/// A deal that is ordered, with parties who are known.
async fn ordered(sandbox: &Sandbox, parties: bool) -> String {
    let deal = sandbox.deal_without_process().await;
    sandbox.propose(&deal).await;
    if parties {
        say_who_buys(sandbox, &sandbox.view(&deal).await).await;
    }
    sandbox.accept(&deal).await;
    deal
}

async fn invoiced(sandbox: &Sandbox, deal: &str) -> Invoice {
    sandbox.fulfill(deal).await.invoice.expect("it is billed")
}

/// The hand-over of a document, with its files.
async fn handoff(sandbox: &Sandbox, external_id: &str) -> Handoff {
    let (api, filter) = (&sandbox.api, format!("external_id = \"{external_id}\""));
    let ask = ListHandoffsRequest { filter, ..ListHandoffsRequest::default() };
    let page = api.handoffs.clone().list_handoffs(api.ask(ask)).await.expect(GOES).into_inner();
    let name = page.handoffs.first().expect("it is handed over").name.clone();
    api.handoffs.clone().get_handoff(api.ask(GetHandoffRequest { name })).await.expect(GOES).into_inner()
}

/// The files that the ERP got.
async fn booked(sandbox: &Sandbox, external_id: &str) -> Vec<AttachedFile> {
    let (api, ask) = (&sandbox.api, GetDocumentStatusRequest { external_id: external_id.to_owned() });
    api.erp.clone().get_document_status(api.ask(ask)).await.expect("it is in the books").into_inner().attachments
}

async fn exported(sandbox: &Sandbox, name: &str, format: Format) -> String {
    let (name, format) = (name.to_owned(), format.into());
    asked(sandbox, ExportDocumentRequest { name, format, ..ExportDocumentRequest::default() }).await
}

/// The hash of its pages in a language.
async fn exported_in(sandbox: &Sandbox, name: &str, language: &str) -> String {
    let (name, language_code) = (name.to_owned(), language.to_owned());
    let ask = ExportDocumentRequest { name, format: Format::Pdf.into(), language_code, ..Default::default() };
    asked(sandbox, ask).await
}

async fn asked(sandbox: &Sandbox, ask: ExportDocumentRequest) -> String {
    let api = &sandbox.api;
    api.documents.clone().export_document(api.ask(ask)).await.expect("it is complete").into_inner().sha256
}

fn kinds(files: &[AttachedFile]) -> Vec<&str> {
    files.iter().map(|file| file.media_type.as_str()).collect()
}

both! {
    /// R-INV-3, R-ERP-1: by default a bill brings its UBL; where the house wants pages they come too, of the order as well; the
    /// files are those that are exported. What waits for the ERP keeps what it was frozen with.
    async fn a_bill_brings_the_files_that_are_exported_as_the_house_decides(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        say_who_sells(&sandbox).await;
        set(&sandbox, "orders.buyer_reference", "", text("KST-4711")).await.expect("it is changed");
        let deal = ordered(&sandbox, true).await;
        let first = invoiced(&sandbox, &deal).await;
        assert_eq!(first.buyer_reference, "KST-4711");
        assert!(first.delivery_date.is_some(), "the order tells when it was delivered");
        sandbox.rest().await;
        let id = format!("dealflow:invoice:{}", first.number);
        let files = booked(&sandbox, &id).await;
        assert_eq!(kinds(&files), ["application/xml"]);
        assert_eq!(files[0].sha256, exported(&sandbox, &first.name, Format::Ubl).await);
        assert_eq!(handoff(&sandbox, &id).await.attachments, files, "operators see the same");
        let order = format!("dealflow:order:{}", first.order_number);
        assert!(booked(&sandbox, &order).await.is_empty(), "an order brings pages alone");

        let etag = set(&sandbox, "gateway.handoff_attachments", "", text("UBL_AND_PDF")).await.expect("it is changed").etag;
        let deal = ordered(&sandbox, true).await;
        let target = || "targets/erp".to_owned();
        let ask = PauseTargetRequest { name: target(), reason: "stock".to_owned(), request_id: new_id(), ..Default::default() };
        let api = &sandbox.api;
        api.handoffs.clone().pause_target(api.ask(ask)).await.expect(GOES);
        let second = invoiced(&sandbox, &deal).await;
        let id = format!("dealflow:invoice:{}", second.number);
        let waiting = handoff(&sandbox, &id).await;
        set(&sandbox, "gateway.handoff_attachments", &etag, text("NONE")).await.expect("it is changed");
        let ask = ResumeTargetRequest { name: target(), request_id: new_id(), ..Default::default() };
        api.handoffs.clone().resume_target(api.ask(ask)).await.expect(GOES);
        sandbox.rest().await;
        let files = booked(&sandbox, &id).await;
        assert_eq!(kinds(&files), ["application/xml", "application/pdf"]);
        println!("a bill of one line: {} bytes of UBL, {} of PDF", files[0].size_bytes, files[1].size_bytes);
        assert_eq!(files[1].sha256, exported(&sandbox, &second.name, Format::Pdf).await);
        assert_eq!((&waiting.attachments, &waiting.document_sha256), (&files, &handoff(&sandbox, &id).await.document_sha256));
        assert_eq!(kinds(&booked(&sandbox, &format!("dealflow:order:{}", second.order_number)).await), ["application/pdf"]);

        // Pages of another language are other pages, and an export that asks for none gets them.
        let etag = set(&sandbox, "gateway.handoff_attachments", "", text("UBL_AND_PDF")).await.expect("it is changed").etag;
        set(&sandbox, "gateway.document_language", "", text("ru")).await.expect("it is changed");
        let deal = ordered(&sandbox, true).await;
        let russian = invoiced(&sandbox, &deal).await;
        sandbox.rest().await;
        let files = booked(&sandbox, &format!("dealflow:invoice:{}", russian.number)).await;
        assert_eq!(files[1].sha256, exported(&sandbox, &russian.name, Format::Pdf).await);
        assert_eq!(files[1].sha256, exported_in(&sandbox, &russian.name, "ru").await);
        assert_ne!(files[1].sha256, exported_in(&sandbox, &russian.name, "en").await);
        set(&sandbox, "gateway.handoff_attachments", &etag, text("NONE")).await.expect("it is changed");

        let deal = ordered(&sandbox, true).await;
        let third = invoiced(&sandbox, &deal).await;
        sandbox.rest().await;
        assert!(booked(&sandbox, &format!("dealflow:invoice:{}", third.number)).await.is_empty());
        sandbox.finish().await;
    }

    /// R-ERP-1: a house that says nothing of its parties hands over all the same; the hand-over says which file is missing,
    /// and what the records lack for it.
    async fn a_bill_that_cannot_be_a_file_is_handed_over_without_it_and_says_so(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = ordered(&sandbox, false).await;
        let bill = invoiced(&sandbox, &deal).await;
        sandbox.rest().await;
        let handed = handoff(&sandbox, &format!("dealflow:invoice:{}", bill.number)).await;
        assert!(handed.attachments.is_empty());
        assert!(handed.not_attached.starts_with("UBL: ") && handed.not_attached.contains("BR-06"), "{}", handed.not_attached);
        sandbox.finish().await;
    }
}
