//! Who sells: the companies of the house, what their documents say of them, and the series that these are numbered in
//! (R-INV-1, R-INV-3).

mod series;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromJsonQueryResult, IntoActiveModel, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::error::{Error, violation};

pub use series::{Series, in_year, series};

/// The legal entity that sells where nothing else is said; it need not be a record before its first document goes out.
pub const DEFAULT: &str = "default";

/// What stands for the year in a series.
pub const YEAR: &str = "{year}";

/// The ERP knows a document by 35 characters at the most, `dealflow:invoice:` and six digits among them.
const LONGEST_SERIES: usize = 11;

/// What documents say of a seller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct Particulars {
    /// BT-27.
    pub legal_name: String,
    /// BT-28.
    pub trading_name: String,
    /// BT-35.
    pub street: String,
    /// BT-37.
    pub city: String,
    /// BT-38.
    pub postal_code: String,
    /// BT-39.
    pub region: String,
    /// BT-40.
    pub country: String,
    /// BT-31.
    pub vat_id: String,
    /// BT-30.
    pub registration_id: String,
    /// BT-30-1.
    pub registration_scheme: String,
    /// BT-33.
    pub legal_form: String,
    /// BT-34.
    pub electronic_address: String,
    /// BT-34-1.
    pub electronic_address_scheme: String,
    /// BT-41.
    pub contact_name: String,
    /// BT-42.
    pub phone: String,
    /// BT-43.
    pub email: String,
    /// BT-84.
    pub bank_account: String,
    /// BT-85.
    pub bank_account_name: String,
    /// BT-86.
    pub bic: String,
}

/// A legal entity.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "legal_entity")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Counts its changes; the etag.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// What documents and the ERP call it; unique.
    #[sea_orm(column_type = "Text")]
    pub code: String,
    /// What its documents say of it.
    #[sea_orm(column_type = "JsonBinary")]
    pub particulars: Particulars,
    /// The series of its invoices; unique.
    #[sea_orm(column_type = "Text")]
    pub invoice_series: String,
    /// The series of its credit notes; unique.
    #[sea_orm(column_type = "Text")]
    pub credit_note_series: String,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of legal entities can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::LEGAL_ENTITIES.as_str(), Column::Id)
        .text("code", Column::Code)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

impl Model {
    /// Its resource name.
    pub fn name(&self) -> String {
        names::LEGAL_ENTITIES.name(self.id)
    }

    /// Refuses what could not number documents or name a seller.
    pub fn check(&self) -> Result<(), Error> {
        let mut wrong = Vec::new();
        if self.code.is_empty() || !self.code.chars().all(is_plain) {
            wrong.push(violation("legal_entity.code", "letters, digits, `.`, `_` and `-`"));
        }
        if self.particulars.legal_name.trim().is_empty() {
            wrong.push(violation("legal_entity.legal_name", "the name in the register (BT-27)"));
        }
        for (field, series) in
            [("invoice_series", &self.invoice_series), ("credit_note_series", &self.credit_note_series)]
        {
            let sample = in_year(series, 2000);
            if sample.is_empty() || sample.len() > LONGEST_SERIES || !sample.chars().all(is_plain) {
                let expected = format!(
                    "letters, digits, `.`, `_`, `-` and {YEAR}, {LONGEST_SERIES} characters at the most once the year is in"
                );
                wrong.push(violation(format!("legal_entity.{field}"), expected));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(Error::Fields(wrong)) }
    }
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._-".contains(letter)
}

/// The legal entity with this name, for reading.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str) -> Result<Model, Error> {
    let id = names::LEGAL_ENTITIES.parse(name)?;
    let found = Entity::find_by_id(id).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to a legal entity that is meant to change.
pub async fn lock(tx: &DatabaseTransaction, name: &str) -> Result<Model, Error> {
    let id = names::LEGAL_ENTITIES.parse(name)?;
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// Adds a legal entity; who holds its code, or numbers documents as it would, is named.
pub async fn insert(tx: &DatabaseTransaction, entity: &Model) -> Result<(), Error> {
    check_own(tx, entity).await?;
    // Without a target: any of three unique indexes may refuse it.
    let conflict = OnConflict::new().do_nothing().to_owned();
    let row = entity.clone().into_active_model();
    if Entity::insert(row).on_conflict(conflict).exec_without_returning(tx).await? == 1 {
        return Ok(());
    }
    // Somebody added the same in this moment.
    check_own(tx, entity).await?;
    Err(Refusal::internal("a legal entity that nothing stands in the way of").into())
}

/// Refuses a code that is taken, and series that could give a number of another legal entity's.
async fn check_own(tx: &DatabaseTransaction, entity: &Model) -> Result<(), Error> {
    if let Some(holder) = Entity::find().filter(Column::Code.eq(&entity.code)).one(tx).await? {
        let value = entity.code.clone();
        return Err(Error::RecordTaken { field: "legal_entity.code", value, holder: holder.name() });
    }
    series::check_own(tx, entity).await
}

/// The code that a document is to have: the default one where nothing is said, else one that is there.
pub async fn known<C: ConnectionTrait>(db: &C, code: &str, field: &str) -> Result<String, Error> {
    if code.is_empty() || code == DEFAULT {
        return Ok(DEFAULT.to_owned());
    }
    if Entity::find().filter(Column::Code.eq(code)).one(db).await?.is_some() {
        return Ok(code.to_owned());
    }
    Err(Error::field(field, format!("the code of a legal entity that is there; there is no {code}")))
}

/// What a legal entity's documents say of it; none where it is no record yet.
pub async fn particulars<C: ConnectionTrait>(db: &C, code: &str) -> Result<Option<Particulars>, Error> {
    let found = Entity::find().filter(Column::Code.eq(code)).one(db).await?;
    Ok(found.map(|entity| entity.particulars))
}
