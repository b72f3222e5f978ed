//! The books: documents under a gapless number of the ERP's own, one per external id unless the personality books twice.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_money::{Currency, MoneyError, VatCategory, VatGroup};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{
    AttachedFile, Attachment, BusinessStatus, Document, DocumentType, ErpDocument, LineStatus, Outcome, Reason,
};
use dealflow_proto::google::type_::Money;
use dealflow_proto::types::v1 as wire;
use prost::Message;
use rust_decimal::Decimal;
use sea_orm::entity::prelude::*;
use sea_orm::{DatabaseTransaction, DbBackend, FromJsonQueryResult, QueryOrder, QuerySelect, Statement};
use serde::{Deserialize, Serialize};

use crate::checks::chain::Chain;

/// A document in the books.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "book")]
pub struct Model {
    /// In the order in which documents came.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The external id; a copy that was booked beside it has one of its own.
    pub unique_key: String,
    /// The hand-over's key.
    pub external_id: String,
    /// `DocumentType` by number.
    pub kind: i32,
    /// The number within its kind, from 1, without gaps; none before it is booked.
    pub number: Option<i64>,
    /// `Outcome` by number; unspecified for a draft that was left behind.
    pub outcome: i32,
    /// `BusinessStatus` by number.
    pub status: i32,
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
    /// VAT by category and rate, as recomputed.
    #[sea_orm(column_type = "JsonBinary")]
    pub vat: Groups,
    /// Why it was refused.
    #[sea_orm(column_type = "JsonBinary")]
    pub reasons: Reasons,
    /// What is confirmed and delivered of each line, all in all.
    #[sea_orm(column_type = "JsonBinary")]
    pub lines: Lines,
    /// The legal entity that sells.
    pub legal_entity: String,
    /// Day of the document.
    pub issue_date: Option<NaiveDate>,
    /// Who buys, as the ERP knows it.
    pub buyer: String,
    /// External id of the order that it belongs to; empty for orders.
    pub order_external_id: String,
    /// External id of the invoice that a credit note takes back.
    pub invoice_external_id: String,
    /// What is paid, all in all.
    pub paid_minor: i64,
    /// What is credited, all in all.
    pub credited_minor: i64,
    /// Sequence of its last event.
    pub sequence: i64,
    /// When it came.
    pub taken_at: DateTime<Utc>,
    /// When it was booked.
    pub booked_at: Option<DateTime<Utc>>,
    /// When the simulators have to do with it next.
    pub due_at: Option<DateTime<Utc>>,
}

/// VAT by category and rate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Groups(pub Vec<VatGroup>);

/// Reasons, as data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Reasons(pub Vec<Stored>);

/// A reason as it is stored: code, rule, field, line, expected, actual, message, action.
pub type Stored = [String; 8];

/// What is done of each line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Lines(pub BTreeMap<String, Done>);

/// What is done of one line, all in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// How much of it the ERP agreed to deliver; all of it where it did not say.
    pub confirmed: Option<Decimal>,
    /// How much of it is delivered.
    pub delivered: Decimal,
}

/// No relations: an invoice names its order by external id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Vec<Reason>> for Reasons {
    fn from(reasons: Vec<Reason>) -> Self {
        let stored =
            |it: Reason| [it.code, it.rule, it.field, it.line_id, it.expected, it.actual, it.message, it.action];
        Self(reasons.into_iter().map(stored).collect())
    }
}

impl From<Reasons> for Vec<Reason> {
    fn from(reasons: Reasons) -> Self {
        let told = |[code, rule, field, line_id, expected, actual, message, action]: Stored| Reason {
            code,
            rule,
            field,
            line_id,
            expected,
            actual,
            message,
            action,
        };
        reasons.0.into_iter().map(told).collect()
    }
}

impl Lines {
    /// As the contract shows them.
    pub fn to_wire(&self) -> Vec<LineStatus> {
        let line = |(line_id, done): (&String, &Done)| LineStatus {
            line_id: line_id.clone(),
            confirmed_quantity: done.confirmed.map(convert::decimal),
            delivered_quantity: Some(convert::decimal(done.delivered)),
        };
        self.0.iter().map(line).collect()
    }
}

impl Model {
    /// What kind.
    pub fn kind(&self) -> DocumentType {
        DocumentType::try_from(self.kind).unwrap_or_default()
    }

    /// What the ERP said of it; unspecified for a draft.
    pub fn outcome(&self) -> Outcome {
        Outcome::try_from(self.outcome).unwrap_or_default()
    }

    /// How far it is.
    pub fn status(&self) -> BusinessStatus {
        BusinessStatus::try_from(self.status).unwrap_or_default()
    }

    /// The document that came.
    pub fn document(&self) -> Result<Document, prost::DecodeError> {
        Document::decode(self.body.as_slice())
    }

    /// The ERP's own number as it is printed; empty before it is booked.
    pub fn erp_number(&self) -> String {
        let prefix = match self.kind() {
            DocumentType::Order => "ERP-SO",
            DocumentType::CreditNote => "ERP-CN",
            DocumentType::OrderChange => "ERP-CH",
            DocumentType::OrderCancellation => "ERP-CX",
            DocumentType::Invoice | DocumentType::Unspecified => "ERP-INV",
        };
        self.number.map(|number| format!("{prefix}-{number:06}")).unwrap_or_default()
    }

    /// An amount of its currency.
    pub fn money(&self, minor: i64) -> Result<Money, MoneyError> {
        let currency = Currency::parse(&self.currency)?;
        let (units, nanos) = dealflow_money::Money { minor, currency }.to_units_nanos();
        Ok(Money { currency_code: self.currency.clone(), units, nanos })
    }

    /// What is to be paid in minor units: without what is prepaid, and rounded, as the document agrees it. It was checked
    /// when the document was booked.
    pub fn payable_minor(&self) -> i64 {
        let said = self.document().ok().and_then(|document| document.totals?.payable);
        let read = said.and_then(|said| {
            let currency = Currency::parse(&said.currency_code).ok()?;
            dealflow_money::Money::from_units_nanos(said.units, said.nanos, currency).ok()
        });
        read.map_or(self.gross_minor, |money| money.minor)
    }

    /// The document as the contract shows it.
    pub fn to_wire(&self) -> Result<ErpDocument, MoneyError> {
        Ok(ErpDocument {
            erp_number: self.erp_number(),
            external_id: self.external_id.clone(),
            r#type: self.kind,
            outcome: self.outcome,
            document_sha256: self.sha256.clone(),
            currency_code: self.currency.clone(),
            total_without_vat: Some(self.money(self.net_minor)?),
            total_vat: Some(self.money(self.vat_minor)?),
            total_with_vat: Some(self.money(self.gross_minor)?),
            book_time: self.booked_at.map(convert::timestamp),
            reasons: self.reasons.clone().into(),
            order_external_id: self.order_external_id.clone(),
            status: self.status,
            sequence: self.sequence,
            lines: self.lines.to_wire(),
            paid: Some(self.money(self.paid_minor)?),
            credited: Some(self.money(self.credited_minor)?),
            vat: self.vat.0.iter().map(|group| self.group(group)).collect::<Result<_, _>>()?,
            legal_entity: self.legal_entity.clone(),
            issue_date: self.issue_date.map(convert::date),
            invoice_external_id: self.invoice_external_id.clone(),
            attachments: self.files(),
        })
    }

    /// The files that came with it, by name and hash. A document was read before it was booked.
    fn files(&self) -> Vec<AttachedFile> {
        let listed = |file: Attachment| AttachedFile {
            size_bytes: i64::try_from(file.content.len()).unwrap_or(i64::MAX),
            file_name: file.file_name,
            media_type: file.media_type,
            sha256: file.sha256,
        };
        self.document().map(|document| document.attachments.into_iter().map(listed).collect()).unwrap_or_default()
    }

    fn group(&self, group: &VatGroup) -> Result<wire::VatTotal, MoneyError> {
        let vat = wire::Vat { category: category(group.category).into(), rate: Some(convert::decimal(group.rate)) };
        Ok(wire::VatTotal {
            vat: Some(vat),
            taxable: Some(self.money(group.taxable)?),
            tax: Some(self.money(group.tax)?),
        })
    }
}

fn category(category: VatCategory) -> wire::VatCategory {
    match category {
        VatCategory::S => wire::VatCategory::Standard,
        VatCategory::Z => wire::VatCategory::Zero,
        VatCategory::E => wire::VatCategory::Exempt,
        VatCategory::AE => wire::VatCategory::ReverseCharge,
        VatCategory::K => wire::VatCategory::IntraCommunity,
        VatCategory::G => wire::VatCategory::Export,
        VatCategory::O => wire::VatCategory::OutsideScope,
        VatCategory::L => wire::VatCategory::CanaryIslands,
        VatCategory::M => wire::VatCategory::CeutaMelilla,
    }
}

/// Takes the books for a transaction: one writer at a time on PostgreSQL as on SQLite, so that checks over several
/// documents and the order of events hold.
pub async fn take(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared("SELECT pg_advisory_xact_lock(hashtext('dealflow-erp-books-' || current_schema()))")
            .await?;
    }
    Ok(())
}

/// The first document of an external id; a draft only where there is nothing else.
pub async fn find<C: ConnectionTrait>(db: &C, external_id: &str) -> Result<Option<Model>, DbErr> {
    let draft = Column::Outcome.eq(i32::from(Outcome::Unspecified));
    Entity::find().filter(Column::ExternalId.eq(external_id)).order_by_asc(draft).order_by_asc(Column::Id).one(db).await
}

/// What was accepted of an order's chain: the order, its changes, invoices and credit notes. None without the order.
pub async fn chain(tx: &DatabaseTransaction, order: &str) -> Result<Option<(Model, Chain)>, DbErr> {
    let Some(row) = find(tx, order).await?.filter(|row| row.outcome() == Outcome::Accepted) else { return Ok(None) };
    let members = Entity::find()
        .filter(Column::OrderExternalId.eq(order))
        .filter(Column::Outcome.eq(i32::from(Outcome::Accepted)))
        .order_by_asc(Column::Id)
        .all(tx)
        .await?;
    let unread = |error: prost::DecodeError| DbErr::Custom(error.to_string());
    let mut chain = Chain { order: row.document().map_err(unread)?, status: row.status(), ..Chain::default() };
    chain.delivered = row.lines.0.iter().map(|(line, done)| (line.clone(), done.delivered)).collect();
    for member in members {
        let document = member.document().map_err(unread)?;
        match member.kind() {
            DocumentType::OrderChange => chain.order = document,
            DocumentType::Invoice if member.status() != BusinessStatus::Reversed => chain.invoices.push(document),
            DocumentType::CreditNote => chain.credit_notes.push(document),
            _ => {}
        }
    }
    Ok(Some((row, chain)))
}

/// What a customer owes in a currency, by orders that are not canceled.
pub async fn owed(tx: &DatabaseTransaction, buyer: &str, currency: &str) -> Result<i64, DbErr> {
    let amounts: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::GrossMinor)
        .filter(Column::Buyer.eq(buyer))
        .filter(Column::Currency.eq(currency))
        .filter(Column::Kind.eq(i32::from(DocumentType::Order)))
        .filter(Column::Outcome.eq(i32::from(Outcome::Accepted)))
        .filter(Column::Status.ne(i32::from(BusinessStatus::Cancelled)))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(amounts.into_iter().fold(0, i64::saturating_add))
}

/// The next number of a kind; the books are held until the commit, so a number is given only with its document.
pub async fn next_number(tx: &DatabaseTransaction, kind: i32) -> Result<i64, DbErr> {
    let sql = "INSERT INTO counter (kind, value) VALUES ($1, 1)
               ON CONFLICT (kind) DO UPDATE SET value = counter.value + 1 RETURNING value";
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [kind.into()]);
    let row = tx.query_one_raw(statement).await?;
    row.ok_or_else(|| DbErr::Custom("the counter gave no number".to_owned()))?.try_get("", "value")
}

/// Which documents to list.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Only this kind.
    pub kind: Option<DocumentType>,
    /// Only of this legal entity.
    pub legal_entity: String,
    /// Of this day and later.
    pub from: Option<NaiveDate>,
    /// Of days before this one.
    pub until: Option<NaiveDate>,
}

/// One page of the books by kind and order of arrival, after a place; drafts are not in the books.
pub async fn page<C: ConnectionTrait>(
    db: &C,
    wanted: &Wanted,
    after: (i32, i64),
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().filter(Column::Outcome.ne(i32::from(Outcome::Unspecified))).filter(
        sea_orm::Condition::any()
            .add(Column::Kind.gt(after.0))
            .add(sea_orm::Condition::all().add(Column::Kind.eq(after.0)).add(Column::Id.gt(after.1))),
    );
    if let Some(kind) = wanted.kind {
        query = query.filter(Column::Kind.eq(i32::from(kind)));
    }
    if !wanted.legal_entity.is_empty() {
        query = query.filter(Column::LegalEntity.eq(&wanted.legal_entity));
    }
    if let Some(from) = wanted.from {
        query = query.filter(Column::IssueDate.gte(from));
    }
    if let Some(until) = wanted.until {
        query = query.filter(Column::IssueDate.lt(until));
    }
    query.order_by_asc(Column::Kind).order_by_asc(Column::Id).limit(limit).all(db).await
}
