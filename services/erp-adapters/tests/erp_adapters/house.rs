//! Documents as the gateway hands them over, and a client that does.

use dealflow_chassis::link::Link;
use dealflow_money::{
    Adjustment, Amount, Currency, DocumentAdjustment, DocumentInput, LineInput, Vat, VatCategory, compute,
};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::erp_service_client::ErpServiceClient;
use dealflow_proto::erp::v1::{
    CancelOrderRequest, Capabilities, ChangeOrderRequest, Document, DocumentType, ErpDocument, GetCapabilitiesRequest,
    GetDocumentStatusRequest, ListDocumentsRequest, Outcome, Party, Reason, SubmitCreditNoteRequest,
    SubmitInvoiceRequest, SubmitOrderRequest, SubmitOrderResponse,
};
use dealflow_proto::google::type_::{Date, Money};
use dealflow_proto::types::v1::{self as wire, Address, Line, Totals, VatTotal};
use dealflow_testbed::{id, refusal};
use prost::Message;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use tonic::{Code, Status};

pub(crate) const SO1: &str = "dealflow:order:SO-1";
pub(crate) const INV1: &str = "dealflow:invoice:INV-1";
pub(crate) const CN1: &str = "dealflow:credit:CN-1";

/// The contract's caller.
pub(crate) struct Caller(pub(crate) ErpServiceClient<Link>);

impl Caller {
    pub(crate) fn of(link: Link) -> Self {
        Self(ErpServiceClient::new(link))
    }

    /// Hands a document over, whatever its kind.
    pub(crate) async fn submit(&self, document: &Document) -> Result<SubmitOrderResponse, Status> {
        self.submit_under(document, &id()).await
    }

    /// The same, under a key.
    pub(crate) async fn submit_under(&self, document: &Document, key: &str) -> Result<SubmitOrderResponse, Status> {
        let mut erp = self.0.clone();
        let bytes = document.encode_to_vec();
        let document_sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let (external_id, idempotency_key) = (document.external_id.clone(), key.to_owned());
        macro_rules! send {
            ($method:ident($request:ident)) => {{
                let ask = $request { external_id, idempotency_key, document_sha256, document: bytes };
                let it = erp.$method(ask).await?.into_inner();
                let (outcome, replayed, erp_number, reasons) = (it.outcome, it.replayed, it.erp_number, it.reasons);
                Ok(SubmitOrderResponse { outcome, replayed, erp_number, reasons })
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

    /// Hands a document over that is accepted, and answers its number there.
    pub(crate) async fn booked(&self, document: &Document) -> String {
        let answer = self.submit(document).await.expect("the document is answered");
        assert_eq!(answer.outcome(), Outcome::Accepted, "{:?}", answer.reasons);
        answer.erp_number
    }

    /// Hands a document over that is refused, and answers why.
    pub(crate) async fn refused(&self, document: &Document) -> Vec<Reason> {
        let answer = self.submit(document).await.expect("a refusal is an answer");
        assert_eq!(answer.outcome(), Outcome::Rejected, "{answer:?}");
        assert!(!answer.reasons.is_empty());
        for reason in &answer.reasons {
            assert!(!reason.message.is_empty() && !reason.action.is_empty(), "{reason:?}");
        }
        answer.reasons
    }

    pub(crate) async fn look_up(&self, external_id: &str) -> Result<ErpDocument, Status> {
        let ask = GetDocumentStatusRequest { external_id: external_id.to_owned() };
        Ok(self.0.clone().get_document_status(ask).await?.into_inner())
    }

    /// All documents of a question, in pages of so many.
    pub(crate) async fn list(&self, ask: ListDocumentsRequest) -> Vec<ErpDocument> {
        let (mut all, mut ask) = (Vec::new(), ask);
        loop {
            let page = self.0.clone().list_documents(ask.clone()).await.expect("listed").into_inner();
            assert!(ask.page_size == 0 || page.documents.len() <= ask.page_size as usize);
            all.extend(page.documents);
            if page.next_page_token.is_empty() {
                return all;
            }
            ask.page_token = page.next_page_token;
        }
    }

    /// Platform, item 2: a token is of its own list, the days and the entity among its arguments; nobody makes one.
    pub(crate) async fn binds_its_tokens(&self) {
        let first = ListDocumentsRequest { page_size: 1, ..ListDocumentsRequest::default() };
        let page = self.0.clone().list_documents(first.clone()).await.expect("listed").into_inner();
        let next = ListDocumentsRequest { page_token: page.next_page_token.clone(), ..first };
        self.0.clone().list_documents(next.clone()).await.expect("the next page");
        let day = Some(Date { year: 2026, month: 3, day: 1 });
        for strange in [
            ListDocumentsRequest { legal_entity: "default".to_owned(), ..next.clone() },
            ListDocumentsRequest { r#type: DocumentType::Invoice.into(), ..next.clone() },
            ListDocumentsRequest { until_date: day, ..next.clone() },
            ListDocumentsRequest { page_token: page.next_page_token[1..].to_owned(), ..next.clone() },
            ListDocumentsRequest { page_token: "1.1".to_owned(), ..next },
        ] {
            let refused = self.0.clone().list_documents(strange.clone()).await.expect_err("another list");
            assert_eq!(refused.code(), Code::InvalidArgument, "{strange:?}");
            assert_eq!(refusal(&refused).field_names(), ["page_token"], "{strange:?}");
        }
    }

    pub(crate) async fn can(&self) -> Capabilities {
        self.0.clone().get_capabilities(GetCapabilitiesRequest {}).await.expect("told").into_inner()
    }
}

/// One line: id, quantity, price, rate, discount in percent.
pub(crate) type Item<'a> = (&'a str, &'a str, &'a str, u32, &'a str);

/// Two lines of 20 % VAT: 3 × 10.00 and 1 × 0.05.
pub(crate) const PLAIN: &[Item<'_>] = &[("1", "3", "10.00", 20, "0"), ("2", "1", "0.05", 20, "0")];

pub(crate) fn order(external_id: &str) -> Document {
    document(DocumentType::Order, external_id, PLAIN, "0")
}

pub(crate) fn invoice(external_id: &str, order: &str) -> Document {
    let document = document(DocumentType::Invoice, external_id, PLAIN, "0");
    let due_date = Some(Date { year: 2026, month: 4, day: 1 });
    Document { order_external_id: order.to_owned(), due_date, ..document }
}

pub(crate) fn credit_note(external_id: &str, order: &str, invoice: &str) -> Document {
    let document = document(DocumentType::CreditNote, external_id, &PLAIN[..1], "0");
    Document {
        order_external_id: order.to_owned(),
        invoice_external_id: invoice.to_owned(),
        invoice_number: invoice.rsplit(':').next().expect("a number").to_owned(),
        invoice_date: document.issue_date,
        reason: "broken".to_owned(),
        ..document
    }
}

/// A change of an order to these lines, with a discount on the whole.
pub(crate) fn change(order: &str, number: i32, items: &[Item<'_>], discount: &str) -> Document {
    Document {
        order_external_id: order.to_owned(),
        issue_date: Some(Date { year: 2026, month: 3, day: 9 + number }),
        reason: "as he wrote".to_owned(),
        ..document(DocumentType::OrderChange, &format!("{order}:c{number}"), items, discount)
    }
}

/// The cancellation of an order: no lines, no totals.
pub(crate) fn cancellation(order: &str) -> Document {
    Document {
        external_id: format!("{order}:x"),
        r#type: DocumentType::OrderCancellation.into(),
        order_external_id: order.to_owned(),
        lines: Vec::new(),
        totals: None,
        reason: "the customer left".to_owned(),
        ..self::order(order)
    }
}

/// A document with a discount on the whole, its totals those of the arithmetic.
pub(crate) fn document(kind: DocumentType, external_id: &str, items: &[Item<'_>], discount: &str) -> Document {
    let exact = |text: &str| text.parse::<Decimal>().expect("a number");
    let vat = |rate: u32| Vat::new(if rate == 0 { VatCategory::Z } else { VatCategory::S }, rate.into());
    let lines = items.iter().map(|(id, quantity, price, rate, discount)| {
        let mut line = LineInput::new(*id, exact(quantity), exact(price), vat(*rate));
        if !exact(discount).is_zero() {
            line.allowances = vec![Adjustment { amount: Amount::Percent(exact(discount)), reason: String::new() }];
        }
        line
    });
    let mut input = DocumentInput::new(Currency::parse("EUR").expect("a currency"), lines.collect());
    if !exact(discount).is_zero() {
        let amount = Amount::Percent(exact(discount));
        input.allowances = vec![DocumentAdjustment { amount, reason: String::new(), vat: None }];
    }
    let totals = compute(&input).expect("the totals fit");
    let money = |minor: i64| {
        let (units, nanos) = totals.money(minor).to_units_nanos();
        Some(Money { currency_code: "EUR".to_owned(), units, nanos })
    };
    let told = |vat: Vat| {
        let category =
            if vat.category == VatCategory::Z { wire::VatCategory::Zero } else { wire::VatCategory::Standard };
        Some(wire::Vat { category: category.into(), rate: Some(convert::decimal(vat.rate)) })
    };
    let percent = |text: &str| Some(convert::decimal(exact(text))).filter(|it| it.value != "0");
    let lines = items.iter().zip(&totals.lines).map(|((id, quantity, price, rate, discount), line)| Line {
        line_id: (*id).to_owned(),
        description: format!("Item {id}"),
        quantity: Some(convert::decimal(exact(quantity))),
        unit_code: "C62".to_owned(),
        unit_price: Some(convert::money(exact(price), "EUR").expect("it fits")),
        discount_percent: percent(discount),
        vat: told(vat(*rate)),
        net: money(line.net),
        ..Line::default()
    });
    let groups = totals.vat.iter().map(|group| VatTotal {
        vat: told(Vat::new(group.category, group.rate)),
        taxable: money(group.taxable),
        tax: money(group.tax),
    });
    Document {
        external_id: external_id.to_owned(),
        r#type: kind.into(),
        number: external_id.rsplit(':').next().expect("a number").to_owned(),
        legal_entity: "default".to_owned(),
        issue_date: Some(Date { year: 2026, month: 3, day: 2 }),
        currency_code: "EUR".to_owned(),
        buyer: Some(buyer()),
        customer_reference: "PO-77".to_owned(),
        lines: lines.collect(),
        discount_percent: percent(discount),
        totals: Some(Totals {
            sum_of_lines: money(totals.sum_of_lines),
            allowances: money(totals.allowances),
            total_without_vat: money(totals.total_without_vat),
            vat: groups.collect(),
            total_vat: money(totals.total_vat),
            total_with_vat: money(totals.total_with_vat),
            payable: money(totals.payable),
            ..Totals::default()
        }),
        ..Document::default()
    }
}

fn buyer() -> Party {
    Party {
        account: "accounts/4711".to_owned(),
        legal_name: "Bäckerei <Müller> & Söhne".to_owned(),
        vat_id: "DE123456789".to_owned(),
        address: Some(Address { city: "Köln".to_owned(), country_code: "DE".to_owned(), ..Address::default() }),
        electronic_address: "DE123456789".to_owned(),
        electronic_address_scheme: "9930".to_owned(),
        ..Party::default()
    }
}

/// An amount in euros as the wire has it.
pub(crate) fn eur(text: &str) -> Option<Money> {
    Some(convert::money(text.parse().expect("a number"), "EUR").expect("it fits"))
}
