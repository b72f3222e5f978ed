//! Products ⇄ the wire.

use chrono::{DateTime, Utc};
use dealflow_money::Currency;
use dealflow_proto::convert;
use dealflow_proto::orders::v1 as pb;
use uuid::Uuid;

use super::{price, vat, vat_of};
use crate::document::Exact;
use crate::error::{Error, violation};
use crate::product::{Model, UNIT};

impl Model {
    /// A new product as it was written, complete and checked (R-PRD-1).
    pub fn of(written: pb::Product, now: DateTime<Utc>) -> Result<Self, Error> {
        let mut wrong = Vec::new();
        let price = written.list_price.unwrap_or_default();
        let currency = Currency::parse(&price.currency_code)
            .map_err(|cause| wrong.push(violation("product.list_price.currency_code", cause.to_string())));
        let list_price =
            convert::decimal_of(&price).map_err(|cause| wrong.push(violation("product.list_price", cause.to_string())));
        let vat = vat_of(&written.vat.unwrap_or_default())
            .map_err(|bad| wrong.push(violation(format!("product.{}", bad.field), bad.description)));
        let (Ok(currency), Ok(list_price), Ok(vat)) = (currency, list_price, vat) else {
            return Err(Error::Fields(wrong));
        };
        let unit = if written.unit_code.is_empty() { UNIT.to_owned() } else { written.unit_code };
        let product = Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now,
            updated_at: now,
            code: written.code,
            display_name: written.display_name,
            series: written.series,
            unit_code: unit,
            currency: currency.code().to_owned(),
            list_price: Exact(list_price),
            vat_category: vat.category.code().to_owned(),
            vat_rate: Exact(vat.rate),
        };
        product.check(currency)?;
        Ok(product)
    }

    /// The product as it goes out.
    pub fn to_wire(&self) -> Result<pb::Product, Error> {
        Ok(pb::Product {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            code: self.code.clone(),
            display_name: self.display_name.clone(),
            series: self.series.clone(),
            unit_code: self.unit_code.clone(),
            list_price: Some(price(self.list_price.0, &self.currency)?),
            vat: Some(vat(self.vat()?)),
        })
    }
}
