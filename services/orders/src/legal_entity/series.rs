//! The series that documents are numbered in, and that no two legal entities give the same number (R-INV-1).

use std::collections::HashSet;

use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Func, SimpleExpr};
use sea_orm::{Condition, ConnectionTrait, ExprTrait, QuerySelect};

use super::{Column, DEFAULT, Entity, Model, YEAR};
use crate::error::Error;

/// The years that documents are of.
const YEARS: std::ops::RangeInclusive<i32> = 1000..=9999;

/// The series of a legal entity's documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Of invoices.
    pub invoices: String,
    /// Of credit notes.
    pub credit_notes: String,
}

impl Series {
    /// Of a legal entity that says nothing else.
    pub fn usual(code: &str) -> Self {
        if code == DEFAULT {
            return Self { invoices: format!("INV-{YEAR}"), credit_notes: format!("CN-{YEAR}") };
        }
        Self { invoices: format!("{code}-{YEAR}"), credit_notes: format!("{code}C-{YEAR}") }
    }
}

/// A series in a year: `INV-{year}` is `INV-2017`.
pub fn in_year(series: &str, year: i32) -> String {
    series.replace(YEAR, &year.to_string())
}

/// The series of a legal entity's documents.
pub async fn series<C: ConnectionTrait>(db: &C, code: &str) -> Result<Series, Error> {
    let found = Entity::find().filter(Column::Code.eq(code)).one(db).await?;
    Ok(found.map_or_else(
        || Series::usual(code),
        |entity| Series { invoices: entity.invoice_series, credit_notes: entity.credit_note_series },
    ))
}

/// Refuses series that would, in any year, be another legal entity's: `INV-2026` is what `INV-{year}` is in 2026. The
/// default one numbers before it is a record.
pub(super) async fn check_own<C: ConnectionTrait>(db: &C, entity: &Model) -> Result<(), Error> {
    // Only series of the same length, once the year is in, can be the same.
    let as_long = |column: Column, series: &str| {
        let filled = Func::cust("REPLACE").args([Expr::col((Entity, column)), Expr::val(YEAR), Expr::val("0000")]);
        let length = i32::try_from(in_year(series, 1000).len()).unwrap_or(i32::MAX);
        SimpleExpr::from(Func::char_length(filled)).eq(length)
    };
    let near = Condition::any()
        .add(as_long(Column::InvoiceSeries, &entity.invoice_series))
        .add(as_long(Column::CreditNoteSeries, &entity.credit_note_series));
    let mut others: Vec<(String, Series)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::InvoiceSeries, Column::CreditNoteSeries])
        .filter(near)
        .into_tuple()
        .all(db)
        .await?
        .into_iter()
        .map(|(id, invoices, credit_notes): (Uuid, String, String)| {
            (names::LEGAL_ENTITIES.name(id), Series { invoices, credit_notes })
        })
        .collect();
    let is_record = Entity::find().filter(Column::Code.eq(DEFAULT)).one(db).await?.is_some();
    if entity.code != DEFAULT && !is_record {
        others.push((format!("the legal entity {DEFAULT}, which is no record yet"), Series::usual(DEFAULT)));
    }
    for (holder, series) in others {
        for (field, own, other) in [
            ("legal_entity.invoice_series", &entity.invoice_series, &series.invoices),
            ("legal_entity.credit_note_series", &entity.credit_note_series, &series.credit_notes),
        ] {
            if meet(own, other) {
                return Err(Error::SeriesTaken { field, series: own.clone(), other: other.clone(), holder });
            }
        }
    }
    Ok(())
}

/// Whether two series are the same in some year of each.
fn meet(one: &str, other: &str) -> bool {
    let of_all_years = |series: &str| -> HashSet<String> {
        if series.contains(YEAR) {
            YEARS.map(|year| in_year(series, year)).collect()
        } else {
            [series.to_owned()].into()
        }
    };
    one == other
        || in_year(one, 1000).len() == in_year(other, 1000).len()
            && !of_all_years(one).is_disjoint(&of_all_years(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-INV-1: series meet where one is the other in some year, however the year stands in them.
    #[test]
    fn series_meet_where_some_year_makes_them_the_same() {
        for (one, other, wanted) in [
            ("INV-{year}", "INV-{year}", true),
            ("INV-2026", "INV-{year}", true),
            ("{year}", "2026", true),
            ("A{year}1", "A1{year}", true),
            ("INV-{year}", "INV-26", false),
            ("INV-{year}", "INV-0026", false),
            ("INV-{year}", "IN-{year}", false),
            ("INV-ABCD", "INV-{year}", false),
            ("{year}{year}", "20262027", false),
            ("{year}{year}", "20262026", true),
        ] {
            assert_eq!((meet(one, other), meet(other, one)), (wanted, wanted), "{one} {other}");
        }
    }
}
