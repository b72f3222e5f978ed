//! The books: one document per external id, for ever, under a gapless number of the ERP's own.

use chrono::{DateTime, Utc};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{DocumentType, ErpDocument, Outcome};
use dealflow_proto::google::type_::Money;
use sea_orm::entity::prelude::*;
use sea_orm::{DatabaseTransaction, QueryOrder, QuerySelect, Statement};

/// A booked document.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "document")]
pub struct Model {
    /// The hand-over's key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub external_id: String,
    /// `DocumentType` by number.
    pub kind: i32,
    /// The number within its kind, from 1, without gaps.
    pub number: i64,
    /// The key that it came with first.
    pub idempotency_key: String,
    /// SHA-256 of the bytes.
    pub sha256: String,
    /// The bytes.
    pub body: Vec<u8>,
    /// Currency of the amounts.
    pub currency: String,
    /// Total without VAT in minor units, as recomputed.
    pub net_minor: i64,
    /// Total VAT in minor units, as recomputed.
    pub vat_minor: i64,
    /// Total with VAT in minor units, as recomputed.
    pub gross_minor: i64,
    /// External id of the order that an invoice bills; empty for orders.
    pub order_external_id: String,
    /// When it was booked.
    pub booked_at: DateTime<Utc>,
}

/// No relations: an invoice names its order by external id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The ERP's own number as it is printed.
    pub fn erp_number(&self) -> String {
        let prefix = if self.kind == i32::from(DocumentType::Order) { "ERP-SO" } else { "ERP-INV" };
        format!("{prefix}-{:06}", self.number)
    }

    /// The document as the contract shows it.
    pub fn to_wire(&self) -> Result<ErpDocument, dealflow_money::MoneyError> {
        let currency = dealflow_money::Currency::parse(&self.currency)?;
        let money = |minor: i64| {
            let (units, nanos) = dealflow_money::Money { minor, currency }.to_units_nanos();
            Some(Money { currency_code: self.currency.clone(), units, nanos })
        };
        Ok(ErpDocument {
            erp_number: self.erp_number(),
            external_id: self.external_id.clone(),
            r#type: self.kind,
            outcome: Outcome::Accepted.into(),
            document_sha256: self.sha256.clone(),
            currency_code: self.currency.clone(),
            total_without_vat: money(self.net_minor),
            total_vat: money(self.vat_minor),
            total_with_vat: money(self.gross_minor),
            book_time: Some(convert::timestamp(self.booked_at)),
            reasons: Vec::new(),
            order_external_id: self.order_external_id.clone(),
        })
    }
}

/// The document of an external id.
pub async fn find<C: ConnectionTrait>(db: &C, external_id: &str) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(external_id).one(db).await
}

/// The bodies of all invoices of an order; the order's row is locked, so that two invoices cannot both pass the check
/// of what is left to bill.
pub async fn invoices_of(tx: &DatabaseTransaction, order_external_id: &str) -> Result<Vec<Model>, DbErr> {
    Entity::find_by_id(order_external_id).lock_exclusive().one(tx).await?;
    Entity::find()
        .filter(Column::OrderExternalId.eq(order_external_id))
        .filter(Column::Kind.eq(i32::from(DocumentType::Invoice)))
        .all(tx)
        .await
}

/// The next number of a kind; the row lock holds until the commit, so a number is given only with its document.
pub async fn next_number(tx: &DatabaseTransaction, kind: DocumentType) -> Result<i64, DbErr> {
    let sql = "INSERT INTO counter (kind, value) VALUES ($1, 1)
               ON CONFLICT (kind) DO UPDATE SET value = counter.value + 1 RETURNING value";
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [i32::from(kind).into()]);
    let row = tx.query_one_raw(statement).await?;
    row.ok_or_else(|| DbErr::Custom("the counter gave no number".to_owned()))?.try_get("", "value")
}

/// One page of the books by kind and number, after a place; one row more than asked tells whether there is a next.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    kind: Option<DocumentType>,
    after: (i32, i64),
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().filter(
        sea_orm::Condition::any()
            .add(Column::Kind.gt(after.0))
            .add(sea_orm::Condition::all().add(Column::Kind.eq(after.0)).add(Column::Number.gt(after.1))),
    );
    if let Some(kind) = kind {
        query = query.filter(Column::Kind.eq(i32::from(kind)));
    }
    query.order_by_asc(Column::Kind).order_by_asc(Column::Number).limit(limit).all(db).await
}
