//! Payments in the database, and what they pay.

use std::collections::HashMap;
use std::sync::LazyLock;

use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_chassis::security::Sight;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DatabaseTransaction, ExprTrait, IntoActiveModel, QueryOrder, QuerySelect, Set};

use super::{Allocation, Column, Entity, Model, State};
use crate::error::Error;
use crate::seen;

/// What the list of payments can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::PAYMENTS.as_str(), Column::Id)
        .uuid("account", names::ACCOUNTS.as_str(), Column::AccountId)
        .filter_only()
        .text("source", Column::Source)
        .filter_only()
        .text("external_reference", Column::ExternalReference)
        .filter_only()
        .variants("state", Column::State, |state: &State| state.to_string().into())
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

/// What payments pay.
mod allocation {
    use sea_orm::entity::prelude::*;

    /// What one payment pays of one invoice.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "payment_allocation")]
    pub(crate) struct Model {
        /// The payment.
        #[sea_orm(primary_key, auto_increment = false)]
        pub payment_id: Uuid,
        /// The invoice.
        #[sea_orm(primary_key, auto_increment = false)]
        pub invoice_id: Uuid,
        /// Minor units.
        pub amount: i64,
        /// The money went back.
        pub reversed: bool,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What one payment pays, invoice by invoice.
#[derive(Clone, Debug, Default)]
pub struct Allocations(pub Vec<(Uuid, i64)>);

impl Allocations {
    /// What it pays altogether.
    pub fn sum(&self) -> i128 {
        self.0.iter().map(|(_, amount)| i128::from(*amount)).sum()
    }
}

/// What is paid of an invoice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settled {
    /// By payments that stand, in minor units.
    pub paid: i128,
    /// Whether a payment of it was reversed.
    pub reversed: bool,
    /// By posted credit notes, in minor units.
    pub credited: i128,
}

/// The payment with this name, for reading; as if it were not there where the caller does not see it.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::PAYMENTS.parse(name)?;
    let seen = seen::payments(sight);
    let found = Entity::find_by_id(id).filter(seen).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to a payment that is meant to change.
pub async fn lock(tx: &DatabaseTransaction, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::PAYMENTS.parse(name)?;
    let seen = seen::payments(sight);
    let found = Entity::find_by_id(id).filter(seen).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// Adds a payment, unless its source has told of it already: then nothing is added. The database decides.
pub async fn insert(tx: &DatabaseTransaction, payment: &Model) -> Result<bool, Error> {
    let conflict = OnConflict::columns([Column::Source, Column::ExternalReference]).do_nothing().to_owned();
    let row = payment.clone().into_active_model();
    Ok(Entity::insert(row).on_conflict(conflict).exec_without_returning(tx).await? == 1)
}

/// The payment that its source called so before; none where it did not.
pub async fn known(tx: &DatabaseTransaction, source: &str, reference: &str) -> Result<Option<Model>, Error> {
    let called = Entity::find().filter(Column::Source.eq(source)).filter(Column::ExternalReference.eq(reference));
    Ok(called.one(tx).await?)
}

/// The payment that its source calls so, which is there.
pub async fn by_reference(tx: &DatabaseTransaction, source: &str, reference: &str) -> Result<Model, Error> {
    let found = known(tx, source, reference).await?;
    found.ok_or_else(|| Refusal::internal(format!("{source} {reference} is taken and not there")).into())
}

/// Adds what a payment pays; twice of one invoice is the sum.
pub async fn allocate(tx: &DatabaseTransaction, payment: Uuid, more: &[(Uuid, i64)]) -> Result<(), Error> {
    if more.is_empty() {
        return Ok(());
    }
    let rows = more.iter().map(|(invoice, amount)| allocation::ActiveModel {
        payment_id: Set(payment),
        invoice_id: Set(*invoice),
        amount: Set(*amount),
        reversed: Set(false),
    });
    let add = Expr::col((allocation::Entity, allocation::Column::Amount)).add(Expr::cust("excluded.amount"));
    let conflict = OnConflict::columns([allocation::Column::PaymentId, allocation::Column::InvoiceId])
        .value(allocation::Column::Amount, add)
        .to_owned();
    allocation::Entity::insert_many(rows).on_conflict(conflict).exec_without_returning(tx).await?;
    Ok(())
}

/// Takes back what a payment paid; the rows stay, so that it is known that it was paid once.
pub async fn reverse(tx: &DatabaseTransaction, payment: Uuid) -> Result<(), Error> {
    allocation::Entity::update_many()
        .col_expr(allocation::Column::Reversed, Expr::value(true))
        .filter(allocation::Column::PaymentId.eq(payment))
        .exec(tx)
        .await?;
    Ok(())
}

/// What a payment pays.
pub async fn allocated<C: ConnectionTrait>(db: &C, payment: Uuid) -> Result<Allocations, Error> {
    Ok(allocations_of(db, &[payment]).await?.remove(&payment).unwrap_or_default())
}

/// What each of these payments pays, in one query.
pub async fn allocations_of<C: ConnectionTrait>(
    db: &C,
    payments: &[Uuid],
) -> Result<HashMap<Uuid, Allocations>, Error> {
    let mut all: HashMap<Uuid, Allocations> = HashMap::new();
    if payments.is_empty() {
        return Ok(all);
    }
    let rows = allocation::Entity::find()
        .filter(allocation::Column::PaymentId.is_in(payments.to_vec()))
        .order_by_asc(allocation::Column::InvoiceId)
        .all(db)
        .await?;
    for row in rows {
        all.entry(row.payment_id).or_default().0.push((row.invoice_id, row.amount));
    }
    Ok(all)
}

/// What is paid and credited of each of these invoices, in two queries.
pub async fn settled<C: ConnectionTrait>(db: &C, invoices: Vec<Uuid>) -> Result<HashMap<Uuid, Settled>, Error> {
    let mut all: HashMap<Uuid, Settled> = HashMap::new();
    if invoices.is_empty() {
        return Ok(all);
    }
    let paid: Vec<(Uuid, i64, bool)> = allocation::Entity::find()
        .select_only()
        .columns([allocation::Column::InvoiceId, allocation::Column::Amount, allocation::Column::Reversed])
        .filter(allocation::Column::InvoiceId.is_in(invoices.clone()))
        .into_tuple()
        .all(db)
        .await?;
    for (invoice, amount, reversed) in paid {
        let settled = all.entry(invoice).or_default();
        settled.reversed |= reversed;
        settled.paid += if reversed { 0 } else { i128::from(amount) };
    }
    use crate::credit_note;
    let credited: Vec<(Uuid, crate::document::Totals)> = credit_note::Entity::find()
        .select_only()
        .columns([credit_note::Column::InvoiceId, credit_note::Column::Totals])
        .filter(credit_note::Column::InvoiceId.is_in(invoices))
        .filter(credit_note::Column::State.eq(credit_note::State::Posted))
        .into_tuple()
        .all(db)
        .await?;
    for (invoice, totals) in credited {
        all.entry(invoice).or_default().credited += i128::from(totals.0.payable);
    }
    Ok(all)
}

impl Allocation {
    /// The invoice's id.
    pub fn invoice_id(&self) -> Result<Uuid, Error> {
        Ok(names::INVOICES.parse(&self.invoice)?)
    }
}
