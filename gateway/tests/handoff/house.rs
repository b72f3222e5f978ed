//! A gateway's hand-overs beside a stub of an ERP, and what tests ask of both.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_chassis::link::Link;
use dealflow_chassis::serve::Part;
use dealflow_chassis::{Context, Store};
use dealflow_gateway::handoff::record::{Entity, Model, State};
use dealflow_gateway::handoff::{Handoffs, NewHandoff, Settings};
use dealflow_migrations::{erp_stub, gateway};
use dealflow_proto::erp::v1::erp_callback_service_client::ErpCallbackServiceClient;
use dealflow_proto::erp::v1::erp_callback_service_server::ErpCallbackServiceServer;
use dealflow_proto::erp::v1::erp_service_client::ErpServiceClient;
use dealflow_proto::erp::v1::erp_stub_control_service_client::ErpStubControlServiceClient;
use dealflow_proto::erp::v1::handoff_service_client::HandoffServiceClient;
use dealflow_proto::erp::v1::handoff_service_server::HandoffServiceServer;
use dealflow_proto::erp::v1::{
    ActRequest, AdvanceClockRequest, BusinessStatus, ClearFaultsRequest, Configuration, ConfigureRequest, Document,
    DocumentType, ErpDocument, Fault, FaultKind, GetHandoffRequest, GetJournalRequest, Handoff, JournalEntry,
    ListDocumentsRequest, Personality, SetFaultPlanRequest, Simulation,
};
use dealflow_proto::google::type_::{Date, Decimal, Money};
use dealflow_proto::types::v1::{Line, Totals, Vat, VatCategory, VatTotal};
use dealflow_testbed::{TestClock, TestDb, eventually};
use sea_orm::EntityTrait;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long anything may take on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A gateway and an ERP.
pub(crate) struct House {
    pub(crate) time: TestClock,
    pub(crate) store: Store,
    pub(crate) erp: Link,
    pub(crate) handoffs: Handoffs,
    _db: TestDb,
}

/// Quick to look again; all else as in the product.
pub(crate) fn settings() -> Settings {
    Settings {
        look_again: Duration::from_millis(10),
        call_deadline: Duration::from_secs(5),
        lease: TimeDelta::seconds(90),
        ..Settings::default()
    }
}

impl House {
    /// Without a worker.
    pub(crate) async fn build(db: TestDb, settings: Settings) -> Self {
        Self::build_over(db, settings, |link| link).await
    }

    /// With something between the gateway and the ERP.
    pub(crate) async fn build_over(db: TestDb, settings: Settings, between: impl FnOnce(Link) -> Link) -> Self {
        let time = TestClock::new();
        let stub = db.store::<erp_stub::Migrator>("erp_stub", time.clock()).await;
        let store = db.store::<gateway::Migrator>("gateway", time.clock()).await;
        let erp = dealflow_erp_stub::part(stub).link();
        let handoffs = Handoffs::new(store.clone(), between(erp.clone()), settings);
        Self { time, store, erp, handoffs, _db: db }
    }

    /// With a worker that runs as long as the test does.
    pub(crate) async fn open(db: TestDb) -> Self {
        let house = Self::build(db, settings()).await;
        house.work();
        house
    }

    /// Starts a worker.
    pub(crate) fn work(&self) -> (JoinHandle<()>, CancellationToken) {
        work(&self.handoffs)
    }

    /// Another replica: a store of its own on the same database.
    pub(crate) async fn replica(&self, settings: Settings) -> Handoffs {
        self.replica_over(settings, self.erp.clone()).await
    }

    /// Another replica with its own way to the ERP.
    pub(crate) async fn replica_over(&self, settings: Settings, erp: Link) -> Handoffs {
        let store = self._db.store::<gateway::Migrator>("gateway", self.time.clock()).await;
        Handoffs::new(store, erp, settings)
    }

    pub(crate) async fn hand_over(&self, document: &Document) -> String {
        self.handoffs.store(new(document)).await.expect("the document is stored")
    }

    pub(crate) fn operator(&self) -> HandoffServiceClient<Link> {
        let part = Part::new("gateway").service(HandoffServiceServer::new(self.handoffs.clone()));
        HandoffServiceClient::new(part.link())
    }

    pub(crate) async fn get(&self, name: &str) -> Handoff {
        let ask = GetHandoffRequest { name: name.to_owned() };
        self.operator().get_handoff(ask).await.expect("the hand-over is read").into_inner()
    }

    /// Waits until a hand-over is in a state, without moving the clock.
    pub(crate) async fn becomes(&self, name: &str, state: State) -> Handoff {
        eventually(format!("{name} to become {state}"), LONG, || async {
            let found = self.get(name).await;
            (found.state() == state.wire()).then_some(found)
        })
        .await
    }

    /// Moves the clock on, again and again, until a hand-over is in a state.
    pub(crate) async fn becomes_in_time(&self, name: &str, state: State, step: TimeDelta) -> Handoff {
        for _ in 0..1000 {
            let found = self.get(name).await;
            if found.state() == state.wire() {
                return found;
            }
            self.tick(step).await;
        }
        panic!("{name} did not become {state}: {:?}", self.get(name).await);
    }

    /// Moves the clock once nothing is on its way and nothing is due: no lease runs out by the test's haste.
    pub(crate) async fn tick(&self, by: TimeDelta) {
        eventually("nothing to do", LONG, || async {
            let now = self.time.now();
            self.all()
                .await
                .iter()
                .all(|row| row.next_attempt_at.is_none_or(|due| due > now && row.state != State::InFlight))
        })
        .await;
        self.time.advance(by);
        self.handoffs.wake();
    }

    pub(crate) async fn all(&self) -> Vec<Model> {
        Entity::find().all(self.store.reader()).await.expect("the hand-overs are read")
    }

    pub(crate) async fn plan(&self, faults: &[(FaultKind, i32, &str)]) {
        let faults = faults.iter().map(|(kind, times, contains)| Fault {
            kind: (*kind).into(),
            times: *times,
            external_id_contains: (*contains).to_owned(),
            delay: Some(prost_types::Duration { seconds: 0, nanos: 30_000_000 }),
            ..Fault::default()
        });
        let ask = SetFaultPlanRequest { faults: faults.collect(), seed: 0 };
        self.control().set_fault_plan(ask).await.expect("the plan is set");
    }

    pub(crate) async fn clear(&self) {
        self.control().clear_faults(ClearFaultsRequest {}).await.expect("the plan is cleared");
    }

    /// All calls that the ERP received about a document; about all where it is empty.
    pub(crate) async fn journal(&self, external_id: &str) -> Vec<JournalEntry> {
        let (mut all, mut after_number) = (Vec::new(), 0);
        loop {
            let ask = GetJournalRequest { external_id: external_id.to_owned(), after_number, page_size: 1000 };
            let page = self.control().get_journal(ask).await.expect("the journal is read").into_inner().entries;
            let Some(last) = page.last() else { return all };
            after_number = last.number;
            all.extend(page);
        }
    }

    /// The methods that were called about a document, first to last.
    pub(crate) async fn calls(&self, external_id: &str) -> Vec<String> {
        self.journal(external_id).await.into_iter().map(|entry| entry.method).collect()
    }

    /// How often a document was sent.
    pub(crate) async fn times_sent(&self, external_id: &str) -> usize {
        self.calls(external_id).await.iter().filter(|method| method.starts_with("Submit")).count()
    }

    /// Another kind of ERP.
    pub(crate) async fn be(&self, personality: Personality, simulation: Simulation) {
        let configuration =
            Configuration { personality: personality.into(), simulation: Some(simulation), master_data: None };
        let ask = ConfigureRequest { configuration: Some(configuration) };
        self.control().configure(ask).await.expect("configured");
    }

    /// Moves the ERP's clock on, and lets it do what is due.
    pub(crate) async fn erp_passes(&self, seconds: i64) {
        let by = Some(prost_types::Duration { seconds, nanos: 0 });
        self.control().advance_clock(AdvanceClockRequest { by }).await.expect("its clock moves");
    }

    /// Does something in the ERP by hand.
    pub(crate) async fn act(&self, external_id: &str, status: BusinessStatus) {
        let ask = ActRequest { external_id: external_id.to_owned(), status: status.into(), ..ActRequest::default() };
        self.control().act(ask).await.expect("it is done by hand");
    }

    /// The gateway's ear for an ERP that pushes.
    pub(crate) fn callback(&self) -> ErpCallbackServiceClient<Link> {
        let part = Part::new("gateway").service(ErpCallbackServiceServer::new(self.handoffs.clone()));
        ErpCallbackServiceClient::new(part.link())
    }

    /// The ERP's books.
    pub(crate) async fn books(&self) -> Vec<ErpDocument> {
        let ask = ListDocumentsRequest { page_size: 1000, ..Default::default() };
        self.erp_client().list_documents(ask).await.expect("the books are read").into_inner().documents
    }

    /// How many documents the ERP has.
    pub(crate) async fn books_count(&self) -> usize {
        crate::reconciling::all_books(self).await.len()
    }

    pub(crate) fn erp_client(&self) -> ErpServiceClient<Link> {
        ErpServiceClient::new(self.erp.clone())
    }

    pub(crate) fn control(&self) -> ErpStubControlServiceClient<Link> {
        ErpStubControlServiceClient::new(self.erp.clone())
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.time.now()
    }
}

/// Starts a worker.
pub(crate) fn work(handoffs: &Handoffs) -> (JoinHandle<()>, CancellationToken) {
    let stop = CancellationToken::new();
    (tokio::spawn(handoffs.clone().task(stop.clone())), stop)
}

/// What a flow leaves for the ERP.
pub(crate) fn new(document: &Document) -> NewHandoff {
    let folder = match document.r#type() {
        DocumentType::Invoice => "invoices",
        DocumentType::CreditNote => "creditNotes",
        _ => "orders",
    };
    NewHandoff {
        document: document.clone(),
        record: format!("{folder}/{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, document.external_id.as_bytes())),
        opportunity: format!("opportunities/{}", Uuid::nil()),
        context: Context::internal("employees/ann"),
    }
}

/// An order of 100 pieces at 10.00 and 20 % VAT.
pub(crate) fn order(number: &str) -> Document {
    document(DocumentType::Order, format!("df:order:{number}"), number, 100)
}

/// An invoice for one piece of an order.
pub(crate) fn invoice(order: &Document, number: &str) -> Document {
    let mut invoice = document(DocumentType::Invoice, format!("df:invoice:{number}"), number, 1);
    invoice.order_external_id = order.external_id.clone();
    invoice
}

/// A credit note for one piece of an invoice.
pub(crate) fn credit_note(invoice: &Document, number: &str) -> Document {
    let note = document(DocumentType::CreditNote, format!("df:credit:{number}"), number, 1);
    Document {
        order_external_id: invoice.order_external_id.clone(),
        invoice_external_id: invoice.external_id.clone(),
        ..note
    }
}

/// A change of an order to so many pieces.
pub(crate) fn change(order: &Document, pieces: i64) -> Document {
    let id = format!("{}:c1", order.external_id);
    let change = document(DocumentType::OrderChange, id, &order.number, pieces);
    Document { order_external_id: order.external_id.clone(), ..change }
}

/// The cancellation of an order.
pub(crate) fn cancellation(order: &Document) -> Document {
    Document {
        external_id: format!("{}:x", order.external_id),
        r#type: DocumentType::OrderCancellation.into(),
        order_external_id: order.external_id.clone(),
        lines: Vec::new(),
        totals: None,
        ..order.clone()
    }
}

pub(crate) fn document(kind: DocumentType, external_id: String, number: &str, pieces: i64) -> Document {
    let money = |units: i64| Some(Money { currency_code: "EUR".to_owned(), units, nanos: 0 });
    let decimal = |value: String| Some(Decimal { value });
    let vat = Some(Vat { category: VatCategory::Standard.into(), rate: decimal("20".to_owned()) });
    let (net, tax) = (pieces * 10, pieces * 2);
    Document {
        external_id,
        r#type: kind.into(),
        number: number.to_owned(),
        issue_date: Some(Date { year: 2026, month: 3, day: 2 }),
        currency_code: "EUR".to_owned(),
        lines: vec![Line {
            line_id: "1".to_owned(),
            description: "Piece".to_owned(),
            quantity: decimal(pieces.to_string()),
            unit_code: "C62".to_owned(),
            unit_price: money(10),
            vat: vat.clone(),
            net: money(net),
            ..Default::default()
        }],
        totals: Some(Totals {
            sum_of_lines: money(net),
            total_without_vat: money(net),
            vat: vec![VatTotal { vat, taxable: money(net), tax: money(tax) }],
            total_vat: money(tax),
            total_with_vat: money(net + tax),
            payable: money(net + tax),
            ..Default::default()
        }),
        ..Default::default()
    }
}
