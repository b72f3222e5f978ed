//! Rows of price lists, prices, exchange rates, legal entities and terms of payment.

use dealflow::api::new_id;
use dealflow_proto::orders::v1::legal_entity_service_client::LegalEntityServiceClient;
use dealflow_proto::orders::v1::payment_terms_service_client::PaymentTermsServiceClient;
use dealflow_proto::orders::v1::price_service_client::PriceServiceClient;
use dealflow_proto::orders::v1::*;
use dealflow_tests::Sandbox;
use dealflow_tests::values::{day, decimal, usd};
use prost::Message;

use super::{Again, Row, TAKEN};

pub(super) async fn prices(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let mut prices = PriceServiceClient::new(sandbox.link.clone());
    let list = PriceList {
        display_name: sandbox.unique(),
        currency_code: "USD".to_owned(),
        decimals: 2,
        ..PriceList::default()
    };
    match method {
        "LegalEntityService/CreateLegalEntity" | "LegalEntityService/UpdateLegalEntity" => {
            return entities(method, sandbox).await;
        }
        "PaymentTermsService/CreatePaymentTerms" | "PaymentTermsService/UpdatePaymentTerms" => {
            return terms(method, sandbox).await;
        }
        "PriceService/CreatePriceList" => row!(Again::Fine, CreatePriceListRequest { price_list: Some(list) }),
        "PriceService/SetExchangeRate" => {
            let rate = ExchangeRate {
                from_currency: "CHF".to_owned(),
                to_currency: "SEK".to_owned(),
                day: day(2026, 1, 2),
                rate: decimal("11.5"),
                ..ExchangeRate::default()
            };
            row!(Again::Fine, SetExchangeRateRequest { exchange_rate: Some(rate) })
        }
        _ => {
            let ask = CreatePriceListRequest { price_list: Some(list), request_id: new_id(), ..Default::default() };
            let name = prices.create_price_list(ask).await.ok()?.into_inner().name;
            if method == "PriceService/UpdatePriceList" {
                let changed = PriceList { name, display_name: "Dealers".to_owned(), ..PriceList::default() };
                return row!(Again::Fine, UpdatePriceListRequest { price_list: Some(changed) });
            }
            let product = sandbox.product().await.name;
            let item = PriceListItem { price_list: name, product, price: usd(9), ..PriceListItem::default() };
            row!(Again::Fine, SetPriceRequest { item: Some(item) })
        }
    }
}

/// A short code that no other record has.
fn code(sandbox: &Sandbox) -> String {
    let unique: String = sandbox.unique().chars().filter(char::is_ascii_alphanumeric).collect();
    unique.chars().rev().take(5).collect()
}

async fn entities(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let entity = LegalEntity { code: code(sandbox), legal_name: "Nord GmbH".to_owned(), ..LegalEntity::default() };
    if method == "LegalEntityService/CreateLegalEntity" {
        return row!(TAKEN, CreateLegalEntityRequest { legal_entity: Some(entity) });
    }
    let ask = CreateLegalEntityRequest { legal_entity: Some(entity), request_id: new_id(), ..Default::default() };
    let mut entities = LegalEntityServiceClient::new(sandbox.link.clone());
    let name = entities.create_legal_entity(ask).await.ok()?.into_inner().name;
    let changed = LegalEntity { name, phone: "+43 1 555".to_owned(), ..LegalEntity::default() };
    row!(Again::Fine, UpdateLegalEntityRequest { legal_entity: Some(changed) })
}

async fn terms(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let terms = PaymentTerms { code: sandbox.unique(), net_days: 30, ..PaymentTerms::default() };
    if method == "PaymentTermsService/CreatePaymentTerms" {
        return row!(TAKEN, CreatePaymentTermsRequest { payment_terms: Some(terms) });
    }
    let ask = CreatePaymentTermsRequest { payment_terms: Some(terms), request_id: new_id(), ..Default::default() };
    let mut all = PaymentTermsServiceClient::new(sandbox.link.clone());
    let name = all.create_payment_terms(ask).await.ok()?.into_inner().name;
    let changed = PaymentTerms { name, net_days: 14, ..PaymentTerms::default() };
    row!(Again::Fine, UpdatePaymentTermsRequest { payment_terms: Some(changed) })
}
