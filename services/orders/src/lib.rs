//! Products, quotes, contracts, orders and invoices: what a deal says in numbers, kept together because one becomes
//! the next in one transaction.
//!
//! # The path of a request
//!
//! 1. `rpc/<noun>` takes the message; the chassis has checked its form and claimed its id
//! 2. `<noun>/rows` locks the row: a document is one row, read and written in one statement
//! 3. `<noun>` is the record and its rules: the life cycle is one `match`, a verb makes a new record of the old one
//! 4. `record` writes the columns that changed and says what history is told
//! 5. `wire/<noun>` turns the record into the answer, with what may come next
//!
//! # What lies beside that path
//!
//! - `price`: lists, rates, and the price of a product for a document
//! - `content`: lines as they were written, filled in from the products and checked all at once
//! - `adjustment`: allowances and charges, and the share of them that a part of a document carries
//! - `document`: lines, discounts and totals that quote, order and invoice share; the arithmetic is `dealflow-money`'s
//! - `approval`: who must agree before a quote or contract goes out, by policies that are records
//! - `expiry`: what happens by the calendar
//! - `credit_note`, `payment`: what an invoice is not to be paid, and what it is; both are derived where they are shown
//! - `invoice/billed`: what an order's invoices billed of it, derived each time it is asked for
//! - `legal_entity`, `payment_terms`: who sells, and when customers pay
//! - `parties`: who deals with whom, kept with each posted document; `details`: what a bill says beside that
//! - `number`: the numbers of documents; gapless for invoices
//! - `seen`: which documents a caller sees
//! - `error`: every refusal of this service
//!
//! # Who waits for whom
//!
//! A quote or contract is locked before its approval. An accepted quote is locked together with the open quotes of its opportunity, in the order of their ids. The order
//! of an opportunity is made once because the database has a unique index over live orders: whoever comes second
//! waits for the first and finds its order. Billing and crediting lock the order, then the invoice; a payment is locked
//! before its invoices, these in the order of their ids; posting locks the series' counter, last.

pub mod adjustment;
pub mod approval;
mod content;
pub mod contract;
pub mod credit_note;
pub mod details;
pub mod document;
pub mod error;
mod expiry;
pub mod invoice;
pub mod legal_entity;
pub mod number;
pub mod order;
pub mod parties;
pub mod payment;
pub mod payment_terms;
pub mod price;
pub mod product;
pub mod quote;
mod record;
mod rpc;
mod seen;
mod settings;
mod wire;

use dealflow_chassis::Store;
use dealflow_chassis::audit::{self, Audit};
use dealflow_chassis::feed::{self, Feed};
use dealflow_chassis::serve::Part;
use dealflow_chassis::settings::{Settings as SettingRecords, Spec};
use dealflow_proto::orders::v1::approval_service_server::ApprovalServiceServer;
use dealflow_proto::orders::v1::contract_service_server::ContractServiceServer;
use dealflow_proto::orders::v1::credit_note_service_server::CreditNoteServiceServer;
use dealflow_proto::orders::v1::invoice_service_server::InvoiceServiceServer;
use dealflow_proto::orders::v1::legal_entity_service_server::LegalEntityServiceServer;
use dealflow_proto::orders::v1::order_service_server::OrderServiceServer;
use dealflow_proto::orders::v1::payment_service_server::PaymentServiceServer;
use dealflow_proto::orders::v1::payment_terms_service_server::PaymentTermsServiceServer;
use dealflow_proto::orders::v1::price_service_server::PriceServiceServer;
use dealflow_proto::orders::v1::product_service_server::ProductServiceServer;
use dealflow_proto::orders::v1::quote_service_server::QuoteServiceServer;

pub use record::Moment;
pub use settings::{
    BUYER_REFERENCE, EXEMPTION_REASON, INVOICING_AUTHORITY, OVER_BILLING_PERCENT, REFUSE_EXPIRED, Settings,
};

/// What an installation decides of this part while it runs.
pub static SETTINGS: &[Spec] = &[
    INVOICING_AUTHORITY.spec(),
    OVER_BILLING_PERCENT.spec(),
    BUYER_REFERENCE.spec(),
    EXEMPTION_REASON.spec(),
    REFUSE_EXPIRED.spec(),
];

/// The part `orders` on an open store.
pub fn part(store: Store, settings: Settings) -> Part {
    let orders = rpc::Orders::new(store.clone(), settings);
    let (ping, numbering, sweeping) = (store.clone(), store.clone(), orders.clone());
    let sealed = store.clone();
    Part::new("orders")
        .behind_a_door()
        .service(ProductServiceServer::new(orders.clone()))
        .service(PriceServiceServer::new(orders.clone()))
        .service(QuoteServiceServer::new(orders.clone()))
        .service(ApprovalServiceServer::new(orders.clone()))
        .service(ContractServiceServer::new(orders.clone()))
        .service(OrderServiceServer::new(orders.clone()))
        .service(InvoiceServiceServer::new(orders.clone()))
        .service(CreditNoteServiceServer::new(orders.clone()))
        .service(LegalEntityServiceServer::new(orders.clone()))
        .service(PaymentTermsServiceServer::new(orders.clone()))
        .service(PaymentServiceServer::new(orders))
        .service(SettingRecords::server(store.clone(), SETTINGS))
        .service(Audit::server(store.clone()))
        .service(Feed::server(store))
        .ready(move || {
            let store = ping.clone();
            Box::pin(async move { store.ping().await })
        })
        .task(move |stop| feed::number(numbering, stop))
        .task(move |stop| audit::seal(sealed, stop))
        .task(move |stop| expiry::sweep(sweeping, stop))
}
