//! What a bill says beside its amounts and its parties: when it was delivered, what the buyer asked to see, why something
//! is exempt; and what the ERP calls it where the ERP made it (R-INV-2, R-INV-3).

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::history::{Column, Entity};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, FromJsonQueryResult, QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Letters of an external id.
const MARKS: &[u8] = b"._:-";

/// What it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct Details {
    /// The day of delivery (BT-72).
    pub delivered: Option<NaiveDate>,
    /// What the buyer asked to see (BT-10).
    pub buyer_reference: String,
    /// Why lines of category E are exempt (BT-120).
    pub exemption_reason: String,
    /// The day on which a credit note is set off (BT-9); an invoice keeps its own.
    pub due: Option<NaiveDate>,
    /// What the ERP calls what it made; empty in our own.
    pub external_id: String,
}

impl Details {
    /// None where there is nothing to say.
    pub fn stored(self) -> Option<Self> {
        Some(self).filter(|details| *details != Self::default())
    }
}

/// What the ERP calls a document, if it can be called so.
pub(crate) fn external_id(said: String) -> Result<String, Error> {
    let fits = said.bytes().all(|it| it.is_ascii_alphanumeric() || MARKS.contains(&it));
    if fits { Ok(said) } else { Err(Error::field("external_id", "letters of A-Za-z0-9._:-")) }
}

/// The day of delivery as it was said; never one that is still to come.
pub(crate) fn delivery(said: Option<NaiveDate>, today: NaiveDate) -> Result<Option<NaiveDate>, Error> {
    match said {
        Some(day) if day > today => Err(Error::field("delivery_date", format!("at most today, {today}"))),
        said => Ok(said),
    }
}

/// When something was last delivered of an order, as history tells it.
pub(crate) async fn last_delivery(tx: &DatabaseTransaction, order: &str) -> Result<Option<DateTime<Utc>>, Error> {
    let last = Entity::find()
        .select_only()
        .column(Column::At)
        .filter(Column::Subject.eq(order))
        .filter(Column::Kind.eq("order.fulfilled"))
        .order_by_desc(Column::Seq)
        .into_tuple()
        .one(tx)
        .await?;
    Ok(last)
}
