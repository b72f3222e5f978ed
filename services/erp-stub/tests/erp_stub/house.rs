//! A stub of its own for each test, and documents that it takes.

use dealflow_chassis::link::Link;
use dealflow_erp_stub::part;
use dealflow_migrations::erp_stub::Migrator;
use dealflow_money::{Currency, DocumentInput, LineInput, Vat, VatCategory, compute};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::erp_service_client::ErpServiceClient;
use dealflow_proto::erp::v1::erp_stub_control_service_client::ErpStubControlServiceClient;
use dealflow_proto::erp::v1::{
    ActRequest, AdvanceClockRequest, BusinessStatus, CancelOrderRequest, ChangeOrderRequest, Configuration,
    ConfigureRequest, Document, DocumentType, ErpDocument, ErpEvent, Fault, FaultKind, GetDocumentStatusRequest,
    GetJournalRequest, ListDocumentsRequest, MasterData, Outcome, Personality, SetFaultPlanRequest, Simulation,
    SubmitCreditNoteRequest, SubmitInvoiceRequest, SubmitOrderRequest, SubmitOrderResponse, WatchEventsRequest,
};
use dealflow_proto::google::type_::{Date, Decimal, Money};
use dealflow_proto::types::v1::{self as wire, Line, Totals, VatTotal};
use dealflow_testbed::{TestClock, TestDb, id};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::Status;

pub(crate) const SO1: &str = "dealflow:order:SO-1";

/// A stub and its control.
pub(crate) struct Stub {
    pub(crate) erp: ErpServiceClient<Link>,
    pub(crate) control: ErpStubControlServiceClient<Link>,
}

impl Stub {
    pub(crate) async fn open(db: &TestDb) -> Self {
        let store = db.store::<Migrator>("erp", TestClock::new().clock()).await;
        let link = part(store).link();
        Self { erp: ErpServiceClient::new(link.clone()), control: ErpStubControlServiceClient::new(link) }
    }

    /// Hands a document over, whatever its kind.
    pub(crate) async fn submit(&mut self, document: &Document) -> Result<SubmitOrderResponse, Status> {
        let (external_id, document_sha256, body) = sealed(document);
        let idempotency_key = id();
        macro_rules! send {
            ($method:ident($request:ident)) => {{
                let ask = $request { external_id, idempotency_key, document_sha256, document: body };
                let answer = self.erp.$method(ask).await?.into_inner();
                Ok(SubmitOrderResponse {
                    outcome: answer.outcome,
                    replayed: answer.replayed,
                    erp_number: answer.erp_number,
                    reasons: answer.reasons,
                })
            }};
        }
        match document.r#type() {
            DocumentType::Invoice => send!(submit_invoice(SubmitInvoiceRequest)),
            DocumentType::CreditNote => send!(submit_credit_note(SubmitCreditNoteRequest)),
            DocumentType::OrderChange => send!(change_order(ChangeOrderRequest)),
            DocumentType::OrderCancellation => send!(cancel_order(CancelOrderRequest)),
            _ => send!(submit_order(SubmitOrderRequest)),
        }
    }

    /// Hands a document over that is accepted.
    pub(crate) async fn booked(&mut self, document: &Document) -> SubmitOrderResponse {
        let answer = self.submit(document).await.expect("the document is answered");
        assert_eq!(answer.outcome(), Outcome::Accepted, "{:?}", answer.reasons);
        answer
    }

    /// Hands a document over that is refused, and answers the codes of the reasons.
    pub(crate) async fn refused(&mut self, document: &Document) -> Vec<String> {
        let answer = self.submit(document).await.expect("the document is answered");
        assert_eq!(answer.outcome(), Outcome::Rejected);
        for reason in &answer.reasons {
            assert!(!reason.message.is_empty() && !reason.action.is_empty(), "{reason:?}");
        }
        answer.reasons.into_iter().map(|reason| reason.code).collect()
    }

    pub(crate) async fn look_up(&mut self, external_id: &str) -> Result<ErpDocument, Status> {
        let ask = GetDocumentStatusRequest { external_id: external_id.to_owned() };
        Ok(self.erp.get_document_status(ask).await?.into_inner())
    }

    pub(crate) async fn books(&mut self) -> Vec<ErpDocument> {
        let ask = ListDocumentsRequest { page_size: 1000, ..Default::default() };
        self.erp.list_documents(ask).await.expect("listed").into_inner().documents
    }

    pub(crate) async fn be(&mut self, personality: Personality, simulation: Simulation, knows: MasterData) {
        let configuration =
            Configuration { personality: personality.into(), simulation: Some(simulation), master_data: Some(knows) };
        let ask = ConfigureRequest { configuration: Some(configuration) };
        self.control.configure(ask).await.expect("configured");
    }

    pub(crate) async fn pass(&mut self, seconds: i64) {
        let by = Some(prost_types::Duration { seconds, nanos: 0 });
        self.control.advance_clock(AdvanceClockRequest { by }).await.expect("the clock moves");
    }

    pub(crate) async fn act(&mut self, external_id: &str, status: BusinessStatus) {
        let ask = ActRequest { external_id: external_id.to_owned(), status: status.into(), ..Default::default() };
        self.control.act(ask).await.expect("it is done by hand");
    }

    /// The events after a cursor, and the cursor after them.
    pub(crate) async fn events(&mut self, after: &str) -> (Vec<ErpEvent>, String) {
        let ask = WatchEventsRequest { after_cursor: after.to_owned(), follow: false };
        let mut stream = self.erp.watch_events(ask).await.expect("events are told").into_inner();
        let (mut all, mut cursor) = (Vec::new(), after.to_owned());
        while let Some(batch) = stream.message().await.expect("the stream goes on") {
            all.extend(batch.events);
            cursor = batch.cursor;
        }
        (all, cursor)
    }

    pub(crate) async fn plan(&mut self, faults: Vec<Fault>, seed: i64) {
        self.control.set_fault_plan(SetFaultPlanRequest { faults, seed }).await.expect("the plan is taken");
    }

    pub(crate) async fn fail(&mut self, kind: FaultKind, times: i32) {
        let fault = Fault { kind: kind.into(), times, ..Fault::default() };
        let plan = SetFaultPlanRequest { faults: vec![fault], seed: 0 };
        self.control.set_fault_plan(plan).await.expect("the plan is taken");
    }

    pub(crate) async fn journal(&mut self, external_id: &str) -> Vec<(String, String)> {
        let ask = GetJournalRequest { external_id: external_id.to_owned(), ..GetJournalRequest::default() };
        let journal = self.control.get_journal(ask).await.expect("the journal is open").into_inner();
        journal.entries.into_iter().map(|entry| (entry.method, entry.answer)).collect()
    }
}

pub(crate) fn usd(minor: i64) -> Option<Money> {
    let nanos = i32::try_from(minor % 100 * 10_000_000).expect("cents");
    Some(Money { currency_code: "USD".to_owned(), units: minor / 100, nanos })
}

pub(crate) fn decimal(value: &str) -> Option<Decimal> {
    Some(Decimal { value: value.to_owned() })
}

/// Two lines, 3 × 10.00 and 1 × 0.05, VAT 20 %: net 30.05, tax 6.01.
pub(crate) fn document(kind: DocumentType, external_id: &str, order: &str) -> Document {
    written(kind, external_id, order, &[("1", "3", 1000), ("2", "1", 5)])
}

/// Lines of (id, quantity, price in cents) at 20 % VAT.
pub(crate) fn written(kind: DocumentType, external_id: &str, order: &str, lines: &[(&str, &str, i64)]) -> Document {
    let vat = Vat::new(VatCategory::S, 20.into());
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

pub(crate) fn order(document: &Document) -> SubmitOrderRequest {
    let (external_id, document_sha256, document) = sealed(document);
    SubmitOrderRequest { external_id, idempotency_key: id(), document_sha256, document }
}

pub(crate) fn invoice(document: &Document) -> SubmitInvoiceRequest {
    let (external_id, document_sha256, document) = sealed(document);
    SubmitInvoiceRequest { external_id, idempotency_key: id(), document_sha256, document }
}

/// A credit note of an invoice; its lines as the document's.
pub(crate) fn credit(external_id: &str, order: &str, invoice: &str, lines: &[(&str, &str, i64)]) -> Document {
    let note = written(DocumentType::CreditNote, external_id, order, lines);
    Document { invoice_external_id: invoice.to_owned(), ..note }
}

/// A cancellation of an order: no lines, no totals.
pub(crate) fn cancellation(external_id: &str, order: &str) -> Document {
    let whole = document(DocumentType::OrderCancellation, external_id, order);
    Document { lines: Vec::new(), totals: None, reason: "the customer left".to_owned(), ..whole }
}
