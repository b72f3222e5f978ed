//! The rows behind a key, as stretches an index can be entered at.
//!
//! The textbook condition, `a > x OR (a = x AND b > y)`, is one range on paper; to both databases
//! it is a filter over rows read from the start of the index, so that page 1,000 reads 1,000 pages.
//! Here the rest of a list is told as stretches that follow each other and do not overlap, each of
//! them equalities on the first keys and one range on the next: `(a, b) > (x, y)` where keys run in
//! one direction, else `a = x AND b > y`, then `a > x`. Absent values are a stretch of their own.
//! The usual list has one stretch; a page asks for the next only when one runs out.

use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{DbBackend, Value};

use super::order::{Key, Order};
use super::token::PageToken;

/// A part of the list whose rows stand together.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    /// Which rows.
    pub(super) condition: Condition,
    /// How many of the first keys are the same, or at least present, in all of them.
    pub(super) settled: usize,
}

/// The whole list.
pub(super) fn whole() -> Stretch {
    Stretch { condition: Condition::all(), settled: 0 }
}

/// All rows behind the one the token remembers, in the order of the list.
pub(super) fn behind(order: &Order, last: &PageToken, backend: DbBackend) -> Vec<Stretch> {
    let rows = Rows { keys: &order.keys, values: &last.values, backend };
    let mut stretches = Vec::new();
    let mut end = order.keys.len(); // rows equal to the last one on more than `end` keys are told
    while end > 0 {
        let first = rows.run_to(end - 1);
        stretches.extend(rows.range(first, end));
        stretches.extend(rows.absent(first));
        end = first;
    }
    stretches
}

struct Rows<'a> {
    keys: &'a [Key],
    values: &'a [Option<Value>],
    backend: DbBackend,
}

impl Rows<'_> {
    /// The first of the keys before `last` that can be compared together with it in one go: same
    /// direction, values present, and no absent values to come in between.
    fn run_to(&self, last: usize) -> usize {
        let mut first = last;
        while first > 0
            && self.values[first].is_some()
            && self.values[first - 1].is_some()
            && self.keys[first].descending == self.keys[first - 1].descending
            && self.absent(first).is_none()
        {
            first -= 1;
        }
        first
    }

    /// The rows equal on the keys before `first` and strictly behind on `first..end`; absent values
    /// of `first` that come last are left to [`Rows::absent`].
    fn range(&self, first: usize, end: usize) -> Option<Stretch> {
        let key = &self.keys[first];
        let settled = first + 1;
        if self.values[first].is_none() {
            // An absent value is the greatest: nothing but other absent ones comes behind it when
            // ascending, all present ones when descending.
            let present = key.expr(self.backend).is_not_null();
            return key.descending.then(|| Stretch { condition: self.equal(first).add(present), settled });
        }
        let values: Vec<Expr> = self.values[first..end].iter().flatten().cloned().map(Expr::val).collect();
        let columns: Vec<Expr> = self.keys[first..end].iter().map(|key| key.expr(self.backend)).collect();
        let (columns, values) = (row(columns), row(values));
        let range = if key.descending { columns.lt(values) } else { columns.gt(values) };
        Some(Stretch { condition: self.equal(first).add(range), settled })
    }

    /// The rows equal on the keys before `at` whose `at` is absent, if they come behind.
    fn absent(&self, at: usize) -> Option<Stretch> {
        let key = &self.keys[at];
        let behind = key.nullable && !key.descending && self.values[at].is_some();
        behind.then(|| Stretch { condition: self.equal(at).add(key.expr(self.backend).is_null()), settled: at + 1 })
    }

    /// The rows that equal the last one on the first `count` keys.
    fn equal(&self, count: usize) -> Condition {
        let keys = self.keys[..count].iter().zip(self.values);
        keys.fold(Condition::all(), |all, (key, value)| {
            let column = key.expr(self.backend);
            all.add(match value {
                Some(value) => column.eq(value.clone()),
                None => column.is_null(),
            })
        })
    }
}

/// One expression as itself, several as a row.
fn row(mut exprs: Vec<Expr>) -> Expr {
    match exprs.len() {
        1 => exprs.swap_remove(0),
        _ => Expr::tuple(exprs),
    }
}
