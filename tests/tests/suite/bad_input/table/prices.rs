//! Rows of price lists, prices and exchange rates.

use dealflow::api::new_id;
use dealflow_proto::orders::v1::price_service_client::PriceServiceClient;
use dealflow_proto::orders::v1::*;
use dealflow_tests::Sandbox;
use dealflow_tests::values::{day, decimal, usd};
use prost::Message;

use super::{Again, Row};

pub(super) async fn prices(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let mut prices = PriceServiceClient::new(sandbox.link.clone());
    let list = PriceList {
        display_name: sandbox.unique(),
        currency_code: "USD".to_owned(),
        decimals: 2,
        ..PriceList::default()
    };
    match method {
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
