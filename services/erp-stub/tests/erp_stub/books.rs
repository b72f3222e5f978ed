//! The stub of an ERP over its contract, on both databases: what it books, refuses, loses and writes down.

use dealflow_proto::erp::v1::{
    Attachment, Document, DocumentType, FaultKind, GetDocumentStatusRequest, ListDocumentsRequest, Outcome,
    SubmitOrderRequest,
};
use dealflow_testbed::{TestDb, both, refusal};
use tonic::Code;

use crate::house::{SO1, Stub, document, invoice, order, usd};

both! {
    /// R-ERP-1: the same external id and bytes again give the original result; other bytes are a conflict.
    async fn a_document_is_booked_once_whatever_is_sent_again(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let paper = document(DocumentType::Order, SO1, "");
        let first = stub.erp.submit_order(order(&paper)).await.expect("booked").into_inner();
        assert_eq!((first.outcome(), first.replayed), (Outcome::Accepted, false));
        assert_eq!(first.erp_number, "ERP-SO-000001");
        let again = stub.erp.submit_order(order(&paper)).await.expect("known").into_inner();
        assert_eq!((again.erp_number, again.replayed), (first.erp_number, true));

        let other = Document { customer_reference: "changed".to_owned(), ..paper };
        let refused = stub.erp.submit_order(order(&other)).await.expect_err("other content");
        assert_eq!(refused.code(), Code::AlreadyExists);
        assert_eq!(refusal(&refused).reason, "DUP");
        let listed = stub.erp.list_documents(ListDocumentsRequest::default()).await.expect("listed").into_inner();
        assert_eq!(listed.documents.len(), 1);
        assert_eq!(listed.documents[0].total_with_vat, usd(3606));
    }

    /// Platform, item 2: a token is of its own list; nobody makes one.
    async fn a_token_is_read_by_its_own_list_alone(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        for number in 1..=2 {
            let paper = document(DocumentType::Order, &format!("dealflow:order:SO-{number}"), "");
            stub.erp.submit_order(order(&paper)).await.expect("booked");
        }
        let first = ListDocumentsRequest { page_size: 1, ..ListDocumentsRequest::default() };
        let page = stub.erp.list_documents(first.clone()).await.expect("listed").into_inner();
        let next = ListDocumentsRequest { page_token: page.next_page_token, ..first };
        let second = stub.erp.list_documents(next.clone()).await.expect("listed").into_inner();
        assert_eq!(second.documents[0].external_id, "dealflow:order:SO-2");
        for strange in [
            ListDocumentsRequest { legal_entity: "default".to_owned(), ..next.clone() },
            ListDocumentsRequest { page_token: "1.1".to_owned(), ..next },
        ] {
            let refused = stub.erp.list_documents(strange).await.expect_err("another list");
            assert_eq!(refusal(&refused).field_names(), ["page_token"]);
        }
    }

    /// R-ERP-1, R-INV-3: files are kept by name and hash with their document; one whose bytes are not those of its hash is
    /// refused as our fault.
    async fn the_files_of_a_document_are_in_the_books(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let content = b"<Invoice/>".to_vec();
        let sha256 = "6cee6d7d25a6c3c4d8a7d8ed9f8ba0ec6d4ec8dbd0eb7cbb36a3eab2fb3b1d5e".to_owned();
        let file = Attachment { file_name: "a.xml".to_owned(), media_type: "application/xml".to_owned(), content, sha256 };
        let paper = Document { attachments: vec![file], ..document(DocumentType::Order, SO1, "") };
        let refused = stub.erp.submit_order(order(&paper)).await.expect_err("another hash");
        assert_eq!(refused.code(), Code::InvalidArgument);
        let wrong = refusal(&refused);
        assert_eq!(wrong.field_names(), ["document.attachments[0].sha256"]);
        let right = <sha2::Sha256 as sha2::Digest>::digest(b"<Invoice/>").iter().map(|byte| format!("{byte:02x}")).collect();
        let mut paper = paper;
        paper.attachments[0].sha256 = right;
        stub.erp.submit_order(order(&paper)).await.expect("booked");
        let books = stub.books().await;
        let [file] = &books[0].attachments[..] else { panic!("one file: {books:?}") };
        assert_eq!((file.file_name.as_str(), &file.sha256, file.size_bytes), ("a.xml", &paper.attachments[0].sha256, 10));
    }

    /// R-ERP-1: 32 concurrent copies are one document, and numbers have no gap.
    async fn concurrent_copies_are_one_document(db: TestDb) {
        let stub = Stub::open(&db).await;
        let paper = document(DocumentType::Order, SO1, "");
        let copies = (0..32).map(|_| {
            let (mut erp, ask) = (stub.erp.clone(), order(&paper));
            tokio::spawn(async move { erp.submit_order(ask).await })
        });
        let mut booked = 0;
        for copy in copies.collect::<Vec<_>>() {
            let answer = copy.await.expect("the call ends").expect("booked or known").into_inner();
            booked += i32::from(!answer.replayed);
        }
        assert_eq!(booked, 1);
        let mut erp = stub.erp.clone();
        let second = erp.submit_order(order(&document(DocumentType::Order, "dealflow:order:SO-2", ""))).await;
        assert_eq!(second.expect("booked").into_inner().erp_number, "ERP-SO-000002");
    }

    /// erp-handoff §2, §6: a cent's difference is refused as data: rule, field, expected, actual.
    async fn a_cent_of_difference_is_refused_with_the_rule_it_breaks(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let mut paper = document(DocumentType::Order, SO1, "");
        let totals = paper.totals.as_mut().expect("totals");
        totals.total_vat = usd(602);
        let answer = stub.erp.submit_order(order(&paper)).await.expect("a refusal is a normal answer").into_inner();
        assert_eq!(answer.outcome(), Outcome::Rejected);
        let reason = answer.reasons.iter().find(|reason| reason.rule == "BR-CO-14").expect("the sum of VAT");
        assert_eq!(reason.code, "TOTALS_MISMATCH");
        assert_eq!((reason.expected.as_str(), reason.actual.as_str()), ("6.01 USD", "6.02 USD"));
        let ask = GetDocumentStatusRequest { external_id: SO1.to_owned() };
        assert_eq!(stub.erp.get_document_status(ask).await.expect_err("not booked").code(), Code::NotFound);
    }

    /// erp-handoff §6: the order before its invoice; never more invoiced than ordered.
    async fn an_invoice_needs_its_order_and_bills_no_more(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let bill = document(DocumentType::Invoice, "dealflow:invoice:I-1", SO1);
        let early = stub.erp.submit_invoice(invoice(&bill)).await.expect_err("no order yet");
        assert_eq!(early.code(), Code::FailedPrecondition);
        assert_eq!(refusal(&early).reason, "DEPENDENCY_MISSING");

        stub.erp.submit_order(order(&document(DocumentType::Order, SO1, ""))).await.expect("booked");
        let booked = stub.erp.submit_invoice(invoice(&bill)).await.expect("booked").into_inner();
        assert_eq!(booked.erp_number, "ERP-INV-000001");
        let twice = document(DocumentType::Invoice, "dealflow:invoice:I-2", SO1);
        let refused = stub.erp.submit_invoice(invoice(&twice)).await.expect("answered").into_inner();
        assert_eq!(refused.outcome(), Outcome::Rejected);
        assert!(refused.reasons.iter().all(|reason| reason.code == "OVER_INVOICED"), "{:?}", refused.reasons);
    }

    /// erp-handoff §6: commit, then lose the answer: booked, and found by its external id.
    async fn a_lost_answer_leaves_the_document_booked(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        stub.fail(FaultKind::LoseAnswer, 1).await;
        let paper = document(DocumentType::Order, SO1, "");
        let ask = order(&paper);
        let lost = stub.erp.submit_order(ask.clone()).await.expect_err("the answer is lost");
        assert_eq!(lost.code(), Code::Unknown);
        let look_up = GetDocumentStatusRequest { external_id: SO1.to_owned() };
        let found = stub.erp.get_document_status(look_up).await.expect("booked").into_inner();
        assert_eq!(found.document_sha256, ask.document_sha256);
        let replayed = stub.erp.submit_order(ask).await.expect("known").into_inner();
        assert!(replayed.replayed);
        let expected = [("SubmitOrder", "Unknown"), ("GetDocumentStatus", "ACCEPTED"), ("SubmitOrder", "ACCEPTED")];
        let journal = stub.journal(SO1).await;
        let seen: Vec<(&str, &str)> = journal.iter().map(|(method, answer)| (method.as_str(), answer.as_str())).collect();
        assert_eq!(seen, expected);
    }

    /// The other faults: nothing is booked before the commit, everything after it; an outage hits look-ups too.
    async fn each_fault_does_what_its_name_says(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let paper = document(DocumentType::Order, SO1, "");
        let look_up = || GetDocumentStatusRequest { external_id: SO1.to_owned() };
        stub.fail(FaultKind::ErrorBeforeCommit, 1).await;
        assert_eq!(stub.erp.submit_order(order(&paper)).await.expect_err("fails").code(), Code::Unavailable);
        assert_eq!(stub.erp.get_document_status(look_up()).await.expect_err("not booked").code(), Code::NotFound);
        stub.fail(FaultKind::RateLimit, 1).await;
        let limited = stub.erp.submit_order(order(&paper)).await.expect_err("limited");
        assert!(refusal(&limited).retry_after.is_some());
        stub.fail(FaultKind::Refuse, 1).await;
        let refused = stub.erp.submit_order(order(&paper)).await.expect("answered").into_inner();
        assert_eq!(refused.outcome(), Outcome::Rejected);
        stub.fail(FaultKind::Outage, 0).await;
        for _ in 0..3 {
            assert_eq!(stub.erp.get_document_status(look_up()).await.expect_err("away").code(), Code::Unavailable);
        }
        stub.fail(FaultKind::ErrorAfterCommit, 1).await;
        assert_eq!(stub.erp.submit_order(order(&paper)).await.expect_err("fails").code(), Code::Internal);
        assert!(stub.erp.get_document_status(look_up()).await.is_ok());
    }

    /// Bad input: a forged hash, bytes that are no document, an id that is too long.
    async fn forged_and_malformed_submissions_are_refused_by_field(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let good = order(&document(DocumentType::Order, SO1, ""));
        let cases = [
            ("document_sha256", SubmitOrderRequest { document_sha256: "0".repeat(64), ..good.clone() }),
            ("external_id", SubmitOrderRequest { external_id: "x".repeat(36), ..good.clone() }),
            ("document.external_id", SubmitOrderRequest { external_id: "another".to_owned(), ..good.clone() }),
            ("idempotency_key", SubmitOrderRequest { idempotency_key: "one".to_owned(), ..good.clone() }),
            ("document", SubmitOrderRequest { document: Vec::new(), ..good }),
        ];
        for (field, ask) in cases {
            let refused = stub.erp.submit_order(ask).await.expect_err(field);
            assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
            assert_eq!(refusal(&refused).field_names(), [field]);
        }
    }
}
