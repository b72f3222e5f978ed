//! The join: our hand-overs of a period, page by page, with what the ERP has of them; then what of theirs is nobody's.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use dealflow_chassis::Refusal;
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{ClassCount, Document, ErpDocument, Outcome, ReconciliationClass as Class};
use dealflow_proto::google::type_::Money;
use dealflow_proto::types::v1::Totals;
use prost::Message;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
};
use tonic::Status;
use uuid::Uuid;

use super::changes::Changes;
use super::record::{row, run, theirs as copied};
use super::totals::{Amounts, Sums, Whose};
use super::{Reconciler, class, theirs};
use crate::handoff::record::{Column, Entity, Model, State};

/// Hand-overs of one page.
const PAGE: u64 = 500;
/// Seconds after which an attempt that has kept no run is dead: no comparison takes a day.
const LONG_AGO: u64 = 86_400;

/// What is compared.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) legal_entity: String,
    pub(super) from: Option<NaiveDate>,
    pub(super) until: Option<NaiveDate>,
    /// `DocumentType` by number; 0 for all.
    pub(super) kind: i32,
}

/// What was found, in figures.
#[derive(Debug, Default)]
pub(super) struct Figures {
    counts: BTreeMap<i32, i64>,
    pub(super) sums: Sums,
}

impl Figures {
    fn count(&mut self, class: Class) {
        *self.counts.entry(class.into()).or_default() += 1;
    }

    pub(super) fn counts(&self) -> Vec<ClassCount> {
        self.counts.iter().map(|(class, count)| ClassCount { class: *class, count: *count }).collect()
    }

    pub(super) fn clean(&self) -> bool {
        self.counts.keys().all(|class| *class == i32::from(Class::Matched))
            && self.sums.to_wire().iter().all(|total| total.agrees)
    }
}

impl Reconciler {
    /// Compares everything that is wanted, and keeps the rows under the id of this attempt.
    pub(super) async fn compare(&self, attempt: Uuid, wanted: &Wanted) -> Result<Figures, Status> {
        self.sweep(attempt).await.map_err(Refusal::from)?;
        let compared = self.compare_both(attempt, wanted).await;
        if compared.is_err() {
            self.forget(attempt).await.map_err(Refusal::from)?;
        }
        compared
    }

    async fn compare_both(&self, attempt: Uuid, wanted: &Wanted) -> Result<Figures, Status> {
        self.copy_theirs(attempt, wanted).await?;
        let mut figures = Figures::default();
        self.through_ours(attempt, wanted, &mut figures).await?;
        self.through_theirs(attempt, &mut figures).await.map_err(Refusal::from)?;
        Ok(figures)
    }

    /// Forgets what an attempt copied and found.
    pub(super) async fn forget(&self, attempt: Uuid) -> Result<(), DbErr> {
        let tx = self.store.begin().await?;
        copied::Entity::delete_many().filter(copied::Column::Run.eq(attempt)).exec(&tx).await?;
        row::Entity::delete_many().filter(row::Column::Run.eq(attempt)).exec(&tx).await?;
        self.store.commit(tx).await
    }

    /// Forgets what attempts left behind that died long ago: their ids are in order of time, and no run has them.
    async fn sweep(&self, attempt: Uuid) -> Result<(), DbErr> {
        let began = attempt.get_timestamp().map(|time| time.to_unix().0).unwrap_or_default();
        let millis = began.saturating_sub(LONG_AGO).saturating_mul(1000);
        let dead = uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid();
        let runs = run::Entity::find().select_only().column(run::Column::Id).into_query();
        let tx = self.store.begin().await?;
        let theirs = copied::Entity::delete_many().filter(copied::Column::Run.lt(dead));
        theirs.exec(&tx).await?;
        let found = row::Entity::delete_many().filter(row::Column::Run.lt(dead));
        found.filter(row::Column::Run.not_in_subquery(runs)).exec(&tx).await?;
        self.store.commit(tx).await
    }

    async fn through_ours(&self, run: Uuid, wanted: &Wanted, figures: &mut Figures) -> Result<(), Status> {
        let (now, mut restored, mut after) = (self.store.clock().now(), false, String::new());
        loop {
            let page = ours(wanted, &after).limit(PAGE).all(self.store.reader()).await.map_err(Refusal::from)?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.external_id);
            let ids = page.iter().map(|row| row.external_id.as_str());
            let found = theirs::of(&self.store, run, ids).await.map_err(Refusal::from)?;
            let mut by_id: HashMap<&str, Vec<&ErpDocument>> = HashMap::new();
            for document in &found {
                by_id.entry(document.external_id.as_str()).or_default().push(document);
            }
            let changes = Changes::of(&self.store, &page).await.map_err(Refusal::from)?;
            let mut rows = Vec::new();
            for ours in &page {
                let document = Document::decode(ours.payload.as_slice()).map_err(Refusal::internal)?;
                let theirs = by_id.remove(ours.external_id.as_str()).unwrap_or_default();
                if ours.taken_over && theirs.is_empty() {
                    // The ERP's own, which its list calls by another name.
                    continue;
                }
                let document = changes.apply(ours, document, theirs.first().copied());
                let document = with_rounding(document, theirs.first().copied());
                add_ours(&mut figures.sums, ours, &document);
                // The list was copied a while ago, and events came since: the ERP is asked now, until it said so once.
                if !restored && theirs.iter().any(|theirs| class::is_behind(ours, theirs)) {
                    restored = self.is_restored(ours).await?;
                }
                match class::of(ours, &document, &theirs, (restored, now)) {
                    Some(finding) => {
                        figures.count(finding.0);
                        let found = class::row(ours, &document, &theirs, finding);
                        rows.push(row::Model::of(run, &found, Some(ours.id)));
                    }
                    None if ours.state == State::Delivered => figures.count(Class::Matched),
                    None => {}
                }
            }
            self.keep(rows).await.map_err(Refusal::from)?;
        }
    }

    async fn through_theirs(&self, run: Uuid, figures: &mut Figures) -> Result<(), DbErr> {
        let mut after = 0;
        loop {
            let page = copied::Entity::find()
                .filter(copied::Column::Run.eq(run))
                .filter(copied::Column::Place.gt(after))
                .order_by_asc(copied::Column::Place)
                .limit(PAGE)
                .all(self.store.reader())
                .await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.place;
            let known: Vec<String> = Entity::find()
                .select_only()
                .column(Column::ExternalId)
                .filter(Column::ExternalId.is_in(page.iter().map(|row| row.external_id.as_str())))
                .into_tuple()
                .all(self.store.reader())
                .await?;
            let known: HashSet<String> = known.into_iter().collect();
            let mut unknown: BTreeMap<String, row::Model> = BTreeMap::new();
            for copy in &page {
                let document = ErpDocument::decode(copy.body.as_slice());
                let document = document.map_err(|error| DbErr::Custom(error.to_string()))?;
                if document.outcome() != Outcome::Accepted {
                    continue;
                }
                add_theirs(&mut figures.sums, &document);
                if !known.contains(&copy.external_id) {
                    let found = class::unknown(&document);
                    unknown.entry(copy.external_id.clone()).or_insert_with(|| row::Model::of(run, &found, None));
                }
            }
            for _ in 0..unknown.len() {
                figures.count(Class::UnknownInErp);
            }
            self.keep(unknown.into_values().collect()).await?;
        }
    }

    async fn keep(&self, rows: Vec<row::Model>) -> Result<(), DbErr> {
        if rows.is_empty() {
            return Ok(());
        }
        let tx = self.store.begin().await?;
        let rows = rows.into_iter().map(|row| row.into_active_model().reset_all());
        // A document that the ERP lists on two pages stands once.
        row::Entity::insert_many(rows).on_conflict_do_nothing().exec_without_returning(&tx).await?;
        self.store.commit(tx).await
    }
}

/// Our hand-overs by external id, after one. What has no day was handed over by an earlier version, and is looked at in
/// any period.
fn ours(wanted: &Wanted, after: &str) -> sea_orm::Select<Entity> {
    let mut query = Entity::find().filter(Column::ExternalId.gt(after)).order_by_asc(Column::ExternalId);
    if wanted.from.is_some() || wanted.until.is_some() {
        let mut day = Condition::all();
        if let Some(from) = wanted.from {
            day = day.add(Column::IssueDate.gte(from));
        }
        if let Some(until) = wanted.until {
            day = day.add(Column::IssueDate.lt(until));
        }
        query = query.filter(Condition::any().add(Column::IssueDate.is_null()).add(day));
    }
    if !wanted.legal_entity.is_empty() {
        query = query.filter(Column::LegalEntity.eq(&wanted.legal_entity));
    }
    let kind = dealflow_proto::erp::v1::DocumentType::try_from(wanted.kind).unwrap_or_default();
    if let Some(kind) = crate::handoff::record::Kind::of_wire(kind) {
        query = query.filter(Column::Kind.eq(kind));
    }
    query
}

/// An ERP that has no place for a rounding amount books it as a row: what it has comes to our totals with it, and so does
/// what it is compared with.
fn with_rounding(document: Document, theirs: Option<&ErpDocument>) -> Document {
    let rounded = || {
        let (totals, theirs) = (document.totals.clone()?, theirs?);
        let rounding = convert::decimal_of(totals.rounding.as_ref()?).ok().filter(|it| !it.is_zero())?;
        let with = |money: Option<&Money>| {
            let money = money?;
            convert::money(convert::decimal_of(money).ok()? + rounding, &money.currency_code).ok()
        };
        let (net, gross) = (with(totals.total_without_vat.as_ref())?, with(totals.total_with_vat.as_ref())?);
        let booked = theirs.total_without_vat.as_ref() == Some(&net) && theirs.total_with_vat.as_ref() == Some(&gross);
        booked.then_some(Totals { total_without_vat: Some(net), total_with_vat: Some(gross), ..totals })
    };
    match rounded() {
        Some(totals) => Document { totals: Some(totals), ..document },
        None => document,
    }
}

fn add_ours(sums: &mut Sums, ours: &Model, document: &Document) {
    if ours.state != State::Delivered {
        return;
    }
    let totals = document.totals.as_ref();
    let amounts = Amounts {
        net: totals.and_then(|it| it.total_without_vat.as_ref()),
        vat: totals.and_then(|it| it.total_vat.as_ref()),
        gross: totals.and_then(|it| it.total_with_vat.as_ref()),
        groups: totals.map(|it| it.vat.as_slice()).unwrap_or_default(),
    };
    sums.add(Whose::Ours, ours.kind.wire().into(), &ours.currency, &amounts);
}

fn add_theirs(sums: &mut Sums, document: &ErpDocument) {
    let amounts = Amounts {
        net: document.total_without_vat.as_ref(),
        vat: document.total_vat.as_ref(),
        gross: document.total_with_vat.as_ref(),
        groups: &document.vat,
    };
    sums.add(Whose::Theirs, document.r#type, &document.currency_code, &amounts);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(units: i64, cents: i32) -> Option<Money> {
        Some(Money { currency_code: "EUR".to_owned(), units, nanos: cents * 10_000_000 })
    }

    #[test]
    fn r_erp_1_a_rounding_amount_that_the_erp_books_as_a_row_is_no_difference() {
        let totals = |cent: i32| Totals {
            total_without_vat: eur(10, cent),
            total_with_vat: eur(12, cent),
            rounding: eur(0, 1),
            ..Totals::default()
        };
        let document = Document { totals: Some(totals(0)), ..Document::default() };
        let there = |net: i32, gross: i32| ErpDocument {
            total_without_vat: eur(10, net),
            total_with_vat: eur(12, gross),
            ..ErpDocument::default()
        };
        for (net, gross, cent) in [(1, 1, 1), (0, 0, 0), (1, 0, 0), (2, 2, 0)] {
            let compared = with_rounding(document.clone(), Some(&there(net, gross)));
            assert_eq!(compared.totals, Some(totals(cent)), "{net} {gross}");
        }
        assert_eq!(with_rounding(document.clone(), None), document);
    }
}
