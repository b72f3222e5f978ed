//! The RPCs of price lists, prices and exchange rates.

use std::collections::HashMap;

use dealflow_chassis::list::list;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask, Refusal};
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::price_service_server::PriceService;
use dealflow_proto::{convert, names};
use rust_decimal::Decimal;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Orders, answer, asked_list};
use crate::content::quantity;
use crate::error::Error;
use crate::price::{Pricing, item, list as price_list, rate};
use crate::product;
use crate::record::save;
use crate::wire::{PRICE_LIST_UPDATABLE, price};

/// The version of what is not there yet: no caller has seen it.
const NONE: i64 = 0;

#[tonic::async_trait]
impl PriceService for Orders {
    async fn create_price_list(
        &self,
        request: Request<pb::CreatePriceListRequest>,
    ) -> Result<Response<pb::PriceList>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreatePriceListRequest| async move {
                let list = price_list::Model::of(ask.price_list.unwrap_or_default(), work.now)?;
                price_list::insert(&work.tx, &list).await?;
                let answer = list.to_wire();
                work.record(Change::new("price_list.created", list.name(), "CreatePriceList").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_price_list(
        &self,
        request: Request<pb::GetPriceListRequest>,
    ) -> Result<Response<pb::PriceList>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        answer(price_list::find(self.reader(), &ask.name).await.map(|list| list.to_wire()))
    }

    async fn list_price_lists(
        &self,
        request: Request<pb::ListPriceListsRequest>,
    ) -> Result<Response<pb::ListPriceListsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = list(self.reader(), price_list::Entity::find(), &price_list::FIELDS, asked_list!(ask)).await;
        answer(page.map(|page| pb::ListPriceListsResponse {
            price_lists: page.items.iter().map(price_list::Model::to_wire).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn update_price_list(
        &self,
        request: Request<pb::UpdatePriceListRequest>,
    ) -> Result<Response<pb::PriceList>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdatePriceListRequest| async move {
                let mask = Mask::of(ask.update_mask, PRICE_LIST_UPDATABLE)?;
                let written = ask.price_list.unwrap_or_default();
                let before = price_list::lock(&work.tx, &written.name).await?;
                work.check_etag(&written.name, &ask.etag, before.version)?;
                work.take_effect_after(before.updated_at)?;
                let after = before.clone().update(written, &mask, work.now)?;
                save(&work.tx, &before, &after).await?;
                let answer = after.to_wire();
                work.record(Change::new("price_list.updated", after.name(), "UpdatePriceList").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn set_price(&self, request: Request<pb::SetPriceRequest>) -> Result<Response<pb::PriceListItem>, Status> {
        self.store
            .work(request, |mut work, ask: pb::SetPriceRequest| async move {
                let written = ask.item.unwrap_or_default();
                let list = price_list::find(&work.tx, &written.price_list).await?;
                let product = product::find(&work.tx, &written.product).await?;
                let item = item::Model::of(&written, &list, &product, work.now)?;
                if !ask.etag.is_empty() {
                    let there = item::lock(&work.tx, &item).await?;
                    let name = names::PRICE_LIST_ITEMS.name(there.as_ref().unwrap_or(&item).id);
                    work.check_etag(&name, &ask.etag, there.map_or(NONE, |there| there.version))?;
                }
                let answer = item::set(&work.tx, item).await?.to_wire(&list.currency)?;
                work.record(Change::new("price.set", &answer.name, "SetPrice").thread(list.name()).data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn list_price_list_items(
        &self,
        request: Request<pb::ListPriceListItemsRequest>,
    ) -> Result<Response<pb::ListPriceListItemsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = list(self.reader(), item::Entity::find(), &item::FIELDS, asked_list!(ask)).await;
        let page = page.map_err(Refusal::from)?;
        let read = async {
            let lists: Vec<Uuid> = page.items.iter().map(|item| item.price_list_id).collect();
            let lists =
                price_list::Entity::find().filter(price_list::Column::Id.is_in(lists)).all(self.reader()).await?;
            let currencies: HashMap<Uuid, String> = lists.into_iter().map(|list| (list.id, list.currency)).collect();
            let wire = |item: &item::Model| {
                item.to_wire(currencies.get(&item.price_list_id).map(String::as_str).unwrap_or_default())
            };
            page.items.iter().map(wire).collect::<Result<_, Error>>()
        };
        answer(read.await.map(|items| pb::ListPriceListItemsResponse { items, next_page_token: page.next_page_token }))
    }

    async fn set_exchange_rate(
        &self,
        request: Request<pb::SetExchangeRateRequest>,
    ) -> Result<Response<pb::ExchangeRate>, Status> {
        self.store
            .work(request, |mut work, ask: pb::SetExchangeRateRequest| async move {
                let rate = rate::Model::of(&ask.exchange_rate.unwrap_or_default(), work.now)?;
                if !ask.etag.is_empty() {
                    let there = rate::lock(&work.tx, &rate).await?;
                    let name = names::EXCHANGE_RATES.name(there.as_ref().unwrap_or(&rate).id);
                    work.check_etag(&name, &ask.etag, there.map_or(NONE, |there| there.version))?;
                }
                let answer = rate::set(&work.tx, rate).await?.to_wire();
                work.record(Change::new("exchange_rate.set", &answer.name, "SetExchangeRate").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn list_exchange_rates(
        &self,
        request: Request<pb::ListExchangeRatesRequest>,
    ) -> Result<Response<pb::ListExchangeRatesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = list(self.reader(), rate::Entity::find(), &rate::FIELDS, asked_list!(ask)).await;
        answer(page.map(|page| pb::ListExchangeRatesResponse {
            exchange_rates: page.items.iter().map(rate::Model::to_wire).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn find_price(
        &self,
        request: Request<pb::FindPriceRequest>,
    ) -> Result<Response<pb::FindPriceResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        answer(self.found(ask).await)
    }
}

impl Orders {
    async fn found(&self, ask: pb::FindPriceRequest) -> Result<pb::FindPriceResponse, Error> {
        let db = self.reader();
        let product = product::find(db, &ask.product).await?;
        let list = names::PRICE_LISTS.parse_optional(&ask.price_list)?;
        let day = ask.day.as_ref().and_then(|day| convert::date_of(day).ok()).unwrap_or(self.now().today);
        let quantity = match &ask.quantity {
            Some(given) => quantity(given).map_err(|expected| Error::field("quantity", expected))?,
            None => Decimal::ONE,
        };
        let currency = match (ask.currency_code.as_str(), list) {
            ("", Some(_)) => price_list::find(db, &ask.price_list).await?.currency,
            ("", None) => product.currency.clone(),
            (code, _) => {
                let known = dealflow_money::Currency::parse(code);
                known.map_err(|cause| Error::field("currency_code", cause.to_string()))?.code().to_owned()
            }
        };
        let products = HashMap::from([(product.id, product.clone())]);
        let pricing = Pricing::load(db, &currency, list, &products, day).await?;
        let found = pricing.price(&product, &ask.unit_code, quantity);
        let found = found.map_err(|gap| {
            let field = gap.told().0;
            Error::priced(field, gap)
        })?;
        Ok(pb::FindPriceResponse {
            unit_price: Some(price(found.unit_price, &currency)?),
            listed_price: Some(price(found.listed.0, &found.listed.1)?),
            item: found.item.map(|id| names::PRICE_LIST_ITEMS.name(id)).unwrap_or_default(),
            unit_code: found.unit,
            exchange_rate: found.rate.map(|(rate, _)| convert::decimal(rate)),
            rate_day: found.rate.map(|(_, day)| convert::date(day)),
        })
    }
}
