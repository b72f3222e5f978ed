//! Which documents a caller sees (R-SEC-1): those of the employees whose records he sees, and those of nobody; a quote or
//! contract also who was asked to approve it. What has no owner of its own is its order's owner's: invoices and credit
//! notes, and payments by the invoices that they pay.

use dealflow_chassis::security::Sight;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
use sea_orm::{Condition, DbBackend, ExprTrait, QuerySelect, QueryTrait};

use crate::{approval, contract, order, payment, quote};

/// The condition on quotes.
pub(crate) fn quotes(sight: &Sight, backend: DbBackend) -> Condition {
    let own = sight.of_owner(quote::Column::OwnerId);
    or_asked(own, ("quote", quote::Column::Id), "subject", sight, backend)
}

/// The condition on contracts.
pub(crate) fn contracts(sight: &Sight, backend: DbBackend) -> Condition {
    let own = sight.of_owner(contract::Column::OwnerId);
    or_asked(own, ("contract", contract::Column::Id), "subject", sight, backend)
}

/// The condition on approvals: the record's owner, whoever asked, and whoever was asked.
pub(crate) fn approvals(sight: &Sight, backend: DbBackend) -> Condition {
    let Some(names) = sight.names() else { return Condition::all() };
    let own = Condition::any().add(approval::Column::Owner.eq(""));
    if names.is_empty() {
        return own;
    }
    let own = own.add(approval::Column::Owner.is_in(names.clone())).add(approval::Column::Requester.is_in(names));
    or_asked(own, ("approval", approval::Column::Id), "approval", sight, backend)
}

/// The condition on orders.
pub(crate) fn orders(sight: &Sight) -> Condition {
    sight.of_owner(order::Column::OwnerId)
}

/// The condition on what belongs to an order.
pub(crate) fn of_order<C: ColumnTrait>(column: C, sight: &Sight) -> Condition {
    if *sight == Sight::All {
        return Condition::all();
    }
    let seen = order::Entity::find().select_only().column(order::Column::Id).filter(orders(sight));
    Condition::all().add(column.in_subquery(seen.into_query()))
}

/// The condition on payments: they pay an invoice that is seen. Money that pays nothing yet is nobody's to look at but
/// the back office's, who sees everything.
pub(crate) fn payments(sight: &Sight) -> Condition {
    if *sight == Sight::All {
        return Condition::all();
    }
    let seen = order::Entity::find().select_only().column(order::Column::Id).filter(orders(sight));
    let mut paying = Query::select();
    paying.column(("payment_allocation", "payment_id")).from("payment_allocation");
    let of_allocation = Expr::col(("invoice", "id")).equals(("payment_allocation", "invoice_id"));
    paying.inner_join("invoice", of_allocation);
    paying.and_where(Expr::col(("invoice", "order_id")).in_subquery(seen.into_query()));
    Condition::all().add(payment::Column::Id.in_subquery(paying))
}

/// Adds whoever was asked to approve. On PostgreSQL the ids are an array, for a subselect among alternatives would be
/// looked up for each row of the table.
fn or_asked<C: ColumnTrait>(
    own: Condition,
    (table, id): (&str, C),
    column: &'static str,
    sight: &Sight,
    backend: DbBackend,
) -> Condition {
    let Some(employees) = sight.employees().filter(|employees| !employees.is_empty()) else { return own };
    if backend == DbBackend::Postgres {
        let places: Vec<String> = (1..=employees.len()).map(|place| format!("${place}")).collect();
        let ids = format!("SELECT {column} FROM approver WHERE employee IN ({})", places.join(", "));
        let sql = format!("{table}.id = ANY(ARRAY({ids}))");
        return own.add(Expr::cust_with_values(sql, employees.iter().copied()));
    }
    let mut ids = Query::select();
    ids.column(column).from("approver").and_where(Expr::col("employee").is_in(employees.iter().copied()));
    own.add(id.in_subquery(ids))
}
