//! The stub of an ERP over its contract, on both databases: what it books, refuses, loses and writes down.

use dealflow_chassis::link::Link;
use dealflow_erp_stub::part;
use dealflow_migrations::erp_stub::Migrator;
use dealflow_money::{Currency, DocumentInput, LineInput, Vat, VatCategory, compute};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::erp_service_client::ErpServiceClient;
use dealflow_proto::erp::v1::erp_stub_control_service_client::ErpStubControlServiceClient;
use dealflow_proto::erp::v1::{
    Document, DocumentType, Fault, FaultKind, GetDocumentStatusRequest, GetJournalRequest, ListDocumentsRequest,
    Outcome, SetFaultPlanRequest, SubmitInvoiceRequest, SubmitOrderRequest,
};
use dealflow_proto::google::type_::{Date, Decimal, Money};
use dealflow_proto::types::v1::{self as wire, Line, Totals, VatTotal};
use dealflow_testbed::{TestClock, TestDb, both, id, refusal};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::Code;

struct Stub {
    erp: ErpServiceClient<Link>,
    control: ErpStubControlServiceClient<Link>,
}

impl Stub {
    async fn open(db: &TestDb) -> Self {
        let store = db.store::<Migrator>("erp", TestClock::new().clock()).await;
        let link = part(store).link();
        Self { erp: ErpServiceClient::new(link.clone()), control: ErpStubControlServiceClient::new(link) }
    }

    async fn fail(&mut self, kind: FaultKind, times: i32) {
        let fault = Fault { kind: kind.into(), times, ..Fault::default() };
        let plan = SetFaultPlanRequest { faults: vec![fault] };
        self.control.set_fault_plan(plan).await.expect("the plan is taken");
    }

    async fn journal(&mut self, external_id: &str) -> Vec<(String, String)> {
        let ask = GetJournalRequest { external_id: external_id.to_owned(), ..GetJournalRequest::default() };
        let journal = self.control.get_journal(ask).await.expect("the journal is open").into_inner();
        journal.entries.into_iter().map(|entry| (entry.method, entry.answer)).collect()
    }
}

fn usd(minor: i64) -> Option<Money> {
    let nanos = i32::try_from(minor % 100 * 10_000_000).expect("cents");
    Some(Money { currency_code: "USD".to_owned(), units: minor / 100, nanos })
}

fn decimal(value: &str) -> Option<Decimal> {
    Some(Decimal { value: value.to_owned() })
}

/// Two lines, 3 × 10.00 and 1 × 0.05, VAT 20 %: net 30.05, tax 6.01.
fn document(kind: DocumentType, external_id: &str, order: &str) -> Document {
    let vat = Vat::new(VatCategory::S, 20.into());
    let lines = [("1", "3", 1000_i64), ("2", "1", 5)];
    let input = lines.iter().map(|(id, quantity, price)| {
        LineInput::new(*id, quantity.parse().expect("a number"), rust_decimal::Decimal::new(*price, 2), vat)
    });
    let input = DocumentInput::new(Currency::parse("USD").expect("a currency"), input.collect());
    let totals = compute(&input).expect("the totals fit");
    let wire_vat = wire::Vat { category: wire::VatCategory::Standard.into(), rate: Some(convert::decimal(20.into())) };
    Document {
        external_id: external_id.to_owned(),
        r#type: kind.into(),
        number: "1".to_owned(),
        issue_date: Some(Date { year: 2017, month: 3, day: 1 }),
        currency_code: "USD".to_owned(),
        order_external_id: order.to_owned(),
        lines: lines
            .iter()
            .zip(&totals.lines)
            .map(|((id, quantity, price), line)| Line {
                line_id: (*id).to_owned(),
                quantity: decimal(quantity),
                unit_price: usd(*price),
                vat: Some(wire_vat.clone()),
                net: usd(line.net),
                ..Line::default()
            })
            .collect(),
        totals: Some(Totals {
            sum_of_lines: usd(totals.sum_of_lines),
            total_without_vat: usd(totals.total_without_vat),
            vat: vec![VatTotal {
                vat: Some(wire_vat),
                taxable: usd(totals.total_without_vat),
                tax: usd(totals.total_vat),
            }],
            total_vat: usd(totals.total_vat),
            total_with_vat: usd(totals.total_with_vat),
            payable: usd(totals.payable),
            ..Totals::default()
        }),
        ..Document::default()
    }
}

fn sealed(document: &Document) -> (String, String, Vec<u8>) {
    let bytes = document.encode_to_vec();
    let hash = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    (document.external_id.clone(), hash, bytes)
}

fn order(document: &Document) -> SubmitOrderRequest {
    let (external_id, document_sha256, document) = sealed(document);
    SubmitOrderRequest { external_id, idempotency_key: id(), document_sha256, document }
}

fn invoice(document: &Document) -> SubmitInvoiceRequest {
    let (external_id, document_sha256, document) = sealed(document);
    SubmitInvoiceRequest { external_id, idempotency_key: id(), document_sha256, document }
}

const SO1: &str = "dealflow:order:SO-1";

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
