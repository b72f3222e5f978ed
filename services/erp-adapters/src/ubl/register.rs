//! What went out and what was taken: a row per external id, for ever. It survives a kill at any point, and that other
//! people empty the folder.

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::{Refusal, Store};
use dealflow_money::{Currency, MoneyError, Totals, VatGroup};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{BusinessStatus, DocumentType, ErpDocument, Outcome};
use dealflow_proto::google::type_::Money;
use dealflow_proto::types::v1 as wire;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{Condition, FromJsonQueryResult, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::contract::Wanted;
use crate::paper;
use crate::submission::Submission;

/// How far a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub(super) enum State {
    /// It goes out; whether it arrived is not noted.
    #[sea_orm(string_value = "SENDING")]
    Sending,
    /// It is there.
    #[sea_orm(string_value = "TAKEN")]
    Taken,
}

/// VAT by category and rate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub(super) struct Groups(pub(super) Vec<VatGroup>);

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "register")]
pub(super) struct Model {
    /// In the order in which they came.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Unique for ever.
    pub external_id: String,
    /// `DocumentType` by number.
    pub kind: i32,
    /// How far it is.
    pub state: State,
    /// SHA-256 of the document's bytes.
    pub sha256: String,
    /// The key it goes out under.
    pub idempotency_key: String,
    /// The number over there: the file's name, or what the endpoint answered; empty while it goes out.
    pub erp_number: String,
    /// Currency of all amounts.
    pub currency: String,
    /// Total without VAT in minor units.
    pub net_minor: i64,
    /// Total VAT in minor units.
    pub vat_minor: i64,
    /// Total with VAT in minor units.
    pub gross_minor: i64,
    /// VAT by category and rate.
    #[sea_orm(column_type = "JsonBinary")]
    pub vat: Groups,
    /// The legal entity that sells.
    pub legal_entity: String,
    /// Day of the document.
    pub issue_date: Option<NaiveDate>,
    /// External id of the order that it belongs to; empty for orders.
    pub order_external_id: String,
    /// External id of the invoice that a credit note takes back.
    pub invoice_external_id: String,
    /// When it went out.
    pub begun_at: DateTime<Utc>,
    /// When it was taken.
    pub taken_at: Option<DateTime<Utc>>,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What stands under an external id.
pub(super) async fn find(store: &Store, external_id: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::ExternalId.eq(external_id)).one(store.reader()).await
}

/// Notes that a document goes out, before it does; where it went out before, that note stands.
pub(super) async fn begin(store: &Store, submission: &Submission, totals: &Totals) -> Result<(), Refusal> {
    let row = row(store, submission, totals)?;
    let kept = OnConflict::column(Column::ExternalId).do_nothing().to_owned();
    let tx = store.begin().await?;
    Entity::insert(row).on_conflict(kept).exec_without_returning(&tx).await?;
    Ok(store.commit(tx).await?)
}

/// Notes that it is there. Another attempt may have forgotten it meanwhile: it was refused there, and taken here.
pub(super) async fn taken(
    store: &Store,
    submission: &Submission,
    totals: &Totals,
    erp_number: &str,
) -> Result<(), Refusal> {
    let row = ActiveModel {
        state: Set(State::Taken),
        erp_number: Set(erp_number.to_owned()),
        taken_at: Set(Some(store.clock().now())),
        ..row(store, submission, totals)?
    };
    let noted = OnConflict::column(Column::ExternalId)
        .update_columns([Column::State, Column::ErpNumber, Column::TakenAt])
        .to_owned();
    let tx = store.begin().await?;
    Entity::insert(row).on_conflict(noted).exec_without_returning(&tx).await?;
    Ok(store.commit(tx).await?)
}

/// Forgets what was certainly not taken.
pub(super) async fn forget(store: &Store, external_id: &str) -> Result<(), DbErr> {
    let tx = store.begin().await?;
    Entity::delete_many()
        .filter(Column::ExternalId.eq(external_id))
        .filter(Column::State.eq(State::Sending))
        .exec(&tx)
        .await?;
    store.commit(tx).await
}

/// A page of what was taken, by kind and in the order in which it came, and where the next begins.
pub(super) async fn page(store: &Store, wanted: &Wanted) -> Result<(Vec<Model>, String), Refusal> {
    let after = place(&wanted.place)?;
    let later = Condition::any()
        .add(Column::Kind.gt(after.0))
        .add(Condition::all().add(Column::Kind.eq(after.0)).add(Column::Id.gt(after.1)));
    let mut query = Entity::find().filter(Column::State.eq(State::Taken)).filter(later);
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
    let sorted = query.order_by_asc(Column::Kind).order_by_asc(Column::Id);
    let mut rows = sorted.limit(u64::from(wanted.size) + 1).all(store.reader()).await?;
    let more = rows.len() > wanted.size as usize;
    rows.truncate(wanted.size as usize);
    let next = rows.last().filter(|_| more).map(|row| format!("{}.{}", row.kind, row.id));
    Ok((rows, next.unwrap_or_default()))
}

fn place(token: &str) -> Result<(i32, i64), Refusal> {
    if token.is_empty() {
        return Ok((0, 0));
    }
    let parsed = token.split_once('.').and_then(|(kind, id)| Some((kind.parse().ok()?, id.parse().ok()?)));
    parsed.ok_or_else(|| Refusal::field("page_token", "a token that the previous page gave"))
}

fn row(store: &Store, submission: &Submission, totals: &Totals) -> Result<ActiveModel, Refusal> {
    let document = &submission.document;
    Ok(ActiveModel {
        id: NotSet,
        external_id: Set(submission.external_id.clone()),
        kind: Set(submission.kind.into()),
        state: Set(State::Sending),
        sha256: Set(submission.sha256.clone()),
        idempotency_key: Set(submission.idempotency_key.clone()),
        erp_number: Set(String::new()),
        currency: Set(document.currency_code.clone()),
        net_minor: Set(totals.total_without_vat),
        vat_minor: Set(totals.total_vat),
        gross_minor: Set(totals.total_with_vat),
        vat: Set(Groups(totals.vat.clone())),
        legal_entity: Set(document.legal_entity.clone()),
        issue_date: Set(paper::day(document.issue_date.as_ref())?),
        order_external_id: Set(document.order_external_id.clone()),
        invoice_external_id: Set(document.invoice_external_id.clone()),
        begun_at: Set(store.clock().now()),
        taken_at: Set(None),
    })
}

impl Model {
    /// A document that was taken, as the contract shows it.
    pub(super) fn to_wire(&self) -> Result<ErpDocument, MoneyError> {
        let currency = Currency::parse(&self.currency)?;
        let money = |minor: i64| {
            let (units, nanos) = dealflow_money::Money { minor, currency }.to_units_nanos();
            Some(Money { currency_code: self.currency.clone(), units, nanos })
        };
        let group = |group: &VatGroup| wire::VatTotal {
            vat: Some(wire::Vat {
                category: paper::category(group.category).into(),
                rate: Some(convert::decimal(group.rate)),
            }),
            taxable: money(group.taxable),
            tax: money(group.tax),
        };
        let kind = DocumentType::try_from(self.kind).unwrap_or_default();
        Ok(ErpDocument {
            erp_number: self.erp_number.clone(),
            external_id: self.external_id.clone(),
            r#type: kind.into(),
            outcome: Outcome::Accepted.into(),
            document_sha256: self.sha256.clone(),
            currency_code: self.currency.clone(),
            total_without_vat: money(self.net_minor),
            total_vat: money(self.vat_minor),
            total_with_vat: money(self.gross_minor),
            book_time: self.taken_at.map(convert::timestamp),
            order_external_id: self.order_external_id.clone(),
            // What they do with it nobody tells, so there is no event to count.
            status: BusinessStatus::Received.into(),
            sequence: 0,
            vat: self.vat.0.iter().map(group).collect(),
            legal_entity: self.legal_entity.clone(),
            issue_date: self.issue_date.map(convert::date),
            invoice_external_id: self.invoice_external_id.clone(),
            ..ErpDocument::default()
        })
    }
}
