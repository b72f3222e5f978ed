//! A part with its clients, and the documents that most tests begin with.

use chrono::{NaiveDate, TimeZone, Utc};
use dealflow_chassis::link::Link;
use dealflow_migrations::orders::Migrator;
use dealflow_orders::Settings;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, ListEventsRequest};
use dealflow_proto::google::type_::{Date, Decimal, Money};
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::approval_service_client::ApprovalServiceClient;
use dealflow_proto::orders::v1::contract_service_client::ContractServiceClient;
use dealflow_proto::orders::v1::credit_note_service_client::CreditNoteServiceClient;
use dealflow_proto::orders::v1::invoice_service_client::InvoiceServiceClient;
use dealflow_proto::orders::v1::order_service_client::OrderServiceClient;
use dealflow_proto::orders::v1::payment_service_client::PaymentServiceClient;
use dealflow_proto::orders::v1::price_service_client::PriceServiceClient;
use dealflow_proto::orders::v1::product_service_client::ProductServiceClient;
use dealflow_proto::orders::v1::quote_service_client::QuoteServiceClient;
use dealflow_proto::settings::v1::setting_service_client::SettingServiceClient;
use dealflow_proto::settings::v1::{SettingValue, UpdateSettingRequest};
use dealflow_proto::types::v1::{Line, Vat, VatCategory};
use dealflow_proto::{convert, names};
use dealflow_testbed::{TestClock, TestDb, id};
use tonic::Status;
use uuid::Uuid;

/// As `ask!`, asked by somebody.
macro_rules! ask_as {
    ($who:expr, $client:expr, $rpc:ident, $message:ident { $($field:ident : $value:expr),* $(,)? }) => {{
        let mut request = tonic::Request::new(dealflow_proto::orders::v1::$message {
            $($field: $value,)*
            request_id: dealflow_testbed::id(),
            ..Default::default()
        });
        dealflow_chassis::Context::internal($who).carry(request.metadata_mut());
        $client.$rpc(request).await.map(tonic::Response::into_inner)
    }};
}
pub(crate) use ask_as;

/// Sends a request with an id of its own; answers the message or the status.
macro_rules! ask {
    ($client:expr, $rpc:ident, $message:ident { $($field:ident : $value:expr),* $(,)? }) => {
        $client
            .$rpc(dealflow_proto::orders::v1::$message {
                $($field: $value,)*
                request_id: dealflow_testbed::id(),
                ..Default::default()
            })
            .await
            .map(tonic::Response::into_inner)
    };
}
pub(crate) use ask;

/// The part `orders` on a database of its own; it is 2017-03-15, noon, until the test moves the clock.
pub(crate) struct House {
    pub(crate) time: TestClock,
    pub(crate) link: Link,
    _db: TestDb,
}

impl House {
    pub(crate) async fn open(db: TestDb) -> Self {
        Self::with(db, Settings::default()).await
    }

    pub(crate) async fn with(db: TestDb, settings: Settings) -> Self {
        let noon = Utc.with_ymd_and_hms(2017, 3, 15, 12, 0, 0).single().expect("noon is once a day");
        let time = TestClock::at(noon);
        let store = db.store::<Migrator>("orders", time.clock()).await;
        Self { time, link: dealflow_orders::part(store, settings).link(), _db: db }
    }

    /// The part anew, on the same database: as after its death.
    pub(crate) async fn revived(&self) -> Link {
        let store = self._db.store::<Migrator>("orders", self.time.clock()).await;
        dealflow_orders::part(store, Settings::default()).link()
    }

    pub(crate) fn products(&self) -> ProductServiceClient<Link> {
        ProductServiceClient::new(self.link.clone())
    }

    pub(crate) fn prices(&self) -> PriceServiceClient<Link> {
        PriceServiceClient::new(self.link.clone())
    }

    pub(crate) fn quotes(&self) -> QuoteServiceClient<Link> {
        QuoteServiceClient::new(self.link.clone())
    }

    pub(crate) fn approvals(&self) -> ApprovalServiceClient<Link> {
        ApprovalServiceClient::new(self.link.clone())
    }

    pub(crate) fn contracts(&self) -> ContractServiceClient<Link> {
        ContractServiceClient::new(self.link.clone())
    }

    pub(crate) fn orders(&self) -> OrderServiceClient<Link> {
        OrderServiceClient::new(self.link.clone())
    }

    pub(crate) fn invoices(&self) -> InvoiceServiceClient<Link> {
        InvoiceServiceClient::new(self.link.clone())
    }

    pub(crate) fn credit_notes(&self) -> CreditNoteServiceClient<Link> {
        CreditNoteServiceClient::new(self.link.clone())
    }

    pub(crate) fn payments(&self) -> PaymentServiceClient<Link> {
        PaymentServiceClient::new(self.link.clone())
    }

    pub(crate) async fn credit(&self, invoice: &str, lines: &[(&str, &str)]) -> Result<pb::CreditNote, Status> {
        let (invoice, lines, reason) = (invoice.to_owned(), quantities(lines), "returned".to_owned());
        ask!(
            self.credit_notes(),
            create_credit_note,
            CreateCreditNoteRequest { invoice: invoice, lines: lines, reason: reason }
        )
    }

    pub(crate) async fn post_credit(&self, name: &str) -> Result<pb::CreditNote, Status> {
        ask!(self.credit_notes(), post_credit_note, PostCreditNoteRequest { name: name.to_owned() })
    }

    pub(crate) async fn pay(&self, payment: pb::Payment) -> Result<pb::Payment, Status> {
        ask!(self.payments(), record_payment, RecordPaymentRequest { payment: Some(payment) })
    }

    pub(crate) async fn hold(&self, name: &str) -> Result<pb::Order, Status> {
        let reason = "the customer is late".to_owned();
        ask!(self.orders(), hold_order, HoldOrderRequest { name: name.to_owned(), reason: reason })
    }

    pub(crate) async fn invoice(&self, name: &str) -> pb::Invoice {
        let asked = self.invoices().get_invoice(pb::GetInvoiceRequest { name: name.to_owned() }).await;
        asked.expect("the invoice is there").into_inner()
    }

    /// Decides something about the part.
    pub(crate) async fn decide(&self, setting: &str, value: SettingValue) {
        self.decides(setting, value).await.expect("it can be decided");
    }

    /// Asks for something to be decided about the part.
    pub(crate) async fn decides(&self, setting: &str, value: SettingValue) -> Result<(), Status> {
        let ask = UpdateSettingRequest {
            name: names::SETTINGS.slug(setting),
            value: Some(value),
            request_id: id(),
            ..Default::default()
        };
        SettingServiceClient::new(self.link.clone()).update_setting(ask).await.map(drop)
    }

    /// What happened in a deal, oldest first.
    pub(crate) async fn events(&self, thread: &str) -> Vec<Event> {
        let request = ListEventsRequest { thread: thread.to_owned(), page_size: 1000, ..Default::default() };
        let answer = FeedServiceClient::new(self.link.clone()).list_events(request).await;
        answer.expect("events can be listed").into_inner().events
    }

    pub(crate) async fn draft(&self, quote: pb::Quote) -> Result<pb::Quote, Status> {
        ask!(self.quotes(), create_quote, CreateQuoteRequest { quote: Some(quote) })
    }

    /// A policy that asks.
    pub(crate) async fn policy(&self, policy: pb::ApprovalPolicy) -> pb::ApprovalPolicy {
        let made = ask!(
            self.approvals(),
            create_approval_policy,
            CreateApprovalPolicyRequest { approval_policy: Some(policy) }
        );
        made.expect("the policy can be made")
    }

    /// Asks who must agree to a quote.
    pub(crate) async fn ask_approval(&self, who: &str, name: &str) -> Result<pb::Quote, Status> {
        ask_as!(who, self.quotes(), request_quote_approval, RequestQuoteApprovalRequest { name: name.to_owned() })
    }

    pub(crate) async fn approval(&self, name: &str) -> pb::Approval {
        let asked = self.approvals().get_approval(pb::GetApprovalRequest { name: name.to_owned() }).await;
        asked.expect("the approval is there").into_inner()
    }

    pub(crate) async fn approve(&self, who: &str, approval: &str) -> Result<pb::Approval, Status> {
        ask_as!(who, self.approvals(), approve, ApproveRequest { name: approval.to_owned() })
    }

    /// A quote that the customer has.
    pub(crate) async fn presented(&self, quote: pb::Quote) -> pb::Quote {
        let name = self.draft(quote).await.expect("the quote can be drafted").name;
        ask!(self.quotes(), activate_quote, ActivateQuoteRequest { name: name.clone() }).expect("it can be activated");
        ask!(self.quotes(), present_quote, PresentQuoteRequest { name: name }).expect("it can be presented")
    }

    pub(crate) async fn quote(&self, name: &str) -> pb::Quote {
        let asked = self.quotes().get_quote(pb::GetQuoteRequest { name: name.to_owned() }).await;
        asked.expect("the quote is there").into_inner()
    }

    pub(crate) async fn order(&self, name: &str) -> pb::Order {
        let asked = self.orders().get_order(pb::GetOrderRequest { name: name.to_owned() }).await;
        asked.expect("the order is there").into_inner()
    }

    pub(crate) async fn create_order(&self, order: pb::Order) -> Result<pb::Order, Status> {
        ask!(self.orders(), create_order, CreateOrderRequest { order: Some(order) })
    }

    /// An order that went to the ERP.
    pub(crate) async fn submitted(&self, order: pb::Order) -> pb::Order {
        let name = self.create_order(order).await.expect("the order can be made").name;
        ask!(self.orders(), confirm_order, ConfirmOrderRequest { name: name.clone() }).expect("it can be confirmed");
        ask!(self.orders(), submit_order, SubmitOrderRequest { name: name }).expect("it can be submitted")
    }

    /// An order all of which is delivered.
    pub(crate) async fn delivered(&self, order: pb::Order) -> pb::Order {
        let name = self.submitted(order).await.name;
        self.fulfill(&name, &[]).await.expect("all of it can be delivered")
    }

    pub(crate) async fn fulfill(&self, name: &str, lines: &[(&str, &str)]) -> Result<pb::Order, Status> {
        let lines = quantities(lines);
        ask!(self.orders(), fulfill_order, FulfillOrderRequest { name: name.to_owned(), lines: lines })
    }

    pub(crate) async fn bill(&self, order: &str, lines: &[(&str, &str)]) -> Result<pb::Invoice, Status> {
        let lines = quantities(lines);
        ask!(self.invoices(), create_invoice, CreateInvoiceRequest { order: order.to_owned(), lines: lines })
    }

    pub(crate) async fn post(&self, name: &str) -> Result<pb::Invoice, Status> {
        ask!(self.invoices(), post_invoice, PostInvoiceRequest { name: name.to_owned() })
    }
}

pub(crate) fn quantities(lines: &[(&str, &str)]) -> Vec<pb::LineQuantity> {
    let quantity = |(line, quantity): &(&str, &str)| pb::LineQuantity {
        line_id: (*line).to_owned(),
        quantity: Some(decimal(quantity)),
    };
    lines.iter().map(quantity).collect()
}

pub(crate) fn employee() -> String {
    names::EMPLOYEES.name(Uuid::now_v7())
}

pub(crate) fn opportunity() -> String {
    names::OPPORTUNITIES.name(Uuid::now_v7())
}

pub(crate) fn decimal(text: &str) -> Decimal {
    Decimal { value: text.to_owned() }
}

pub(crate) fn eur(text: &str) -> Money {
    money(text, "EUR")
}

pub(crate) fn money(text: &str, currency: &str) -> Money {
    convert::money(text.parse().expect("a number"), currency).expect("an amount")
}

pub(crate) fn date(year: i32, month: u32, day: u32) -> Date {
    convert::date(NaiveDate::from_ymd_opt(year, month, day).expect("a day"))
}

/// A line in free text at 20 % VAT.
pub(crate) fn line(quantity: &str, price: &str) -> Line {
    Line {
        description: "Consulting".to_owned(),
        quantity: Some(decimal(quantity)),
        unit_price: Some(eur(price)),
        vat: Some(vat("20")),
        ..Default::default()
    }
}

pub(crate) fn vat(rate: &str) -> Vat {
    Vat { category: VatCategory::Standard.into(), rate: Some(decimal(rate)) }
}

/// Who buys.
pub(crate) const ACCOUNT: &str = "accounts/0197a000-0000-7000-8000-00000000000b";

/// A quote of two lines: 3 × 100 and 2 × 49.99 EUR.
pub(crate) fn quote(opportunity: &str) -> pb::Quote {
    pb::Quote {
        opportunity: opportunity.to_owned(),
        account: ACCOUNT.to_owned(),
        currency_code: "EUR".to_owned(),
        lines: vec![line("3", "100"), line("2", "49.99")],
        ..Default::default()
    }
}

/// An order of the same two lines.
pub(crate) fn order(opportunity: &str) -> pb::Order {
    pb::Order {
        opportunity: opportunity.to_owned(),
        account: ACCOUNT.to_owned(),
        currency_code: "EUR".to_owned(),
        lines: vec![line("3", "100"), line("2", "49.99")],
        ..Default::default()
    }
}

/// A policy about quotes with these steps, which asks always.
pub(crate) fn policy(steps: Vec<pb::PolicyStep>) -> pb::ApprovalPolicy {
    pb::ApprovalPolicy {
        display_name: "Offers".to_owned(),
        subject: pb::ApprovalSubject::Quote.into(),
        steps,
        ..Default::default()
    }
}

/// A policy that asks somebody from this total on.
pub(crate) fn from_amount(amount: &str) -> pb::ApprovalPolicy {
    pb::ApprovalPolicy { min_amount: Some(eur(amount)), ..policy(vec![by(&employee())]) }
}

/// A step that one person decides.
pub(crate) fn by(user: &str) -> pb::PolicyStep {
    pb::PolicyStep { kind: pb::ApproverKind::User.into(), user: user.to_owned(), ..Default::default() }
}

/// A step that a role decides.
pub(crate) fn by_role(role: &str, members: &[&str]) -> pb::PolicyStep {
    pb::PolicyStep {
        kind: pb::ApproverKind::Role.into(),
        role: role.to_owned(),
        members: members.iter().map(|member| (*member).to_owned()).collect(),
        ..Default::default()
    }
}

/// A step that the owner's manager decides.
pub(crate) fn by_manager() -> pb::PolicyStep {
    pb::PolicyStep { kind: pb::ApproverKind::Manager.into(), ..Default::default() }
}

/// A product that sells at 100 EUR and 20 % VAT.
pub(crate) fn product(code: &str) -> pb::CreateProductRequest {
    let product = pb::Product {
        code: code.to_owned(),
        display_name: format!("Product {code}"),
        list_price: Some(eur("100")),
        vat: Some(vat("20")),
        ..Default::default()
    };
    pb::CreateProductRequest { product: Some(product), request_id: id(), ..Default::default() }
}
