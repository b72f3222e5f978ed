//! `order_by` into keys that end in the primary key, so that no two rows are equal.
//!
//! Absent values count as greater than all others: last when ascending, first when descending.
//! That is how PostgreSQL's indexes stand; SQLite is told so.

use sea_orm::sea_query::{DynIden, Expr, IntoIden, NullOrdering, Order as Direction, SelectStatement};
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn};

use super::ListError;
use super::condition::by_code_point;
use super::fields::Fields;
use super::kind::KeyKind;
use super::seek::Stretch;

/// The most fields in one order.
const MAX_FIELDS: usize = 5;
/// The longest `order_by`, in bytes.
const MAX_LENGTH: usize = 512;

/// The keys a list is sorted by; the last ones are the primary key.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) keys: Vec<Key>,
}

#[derive(Debug)]
pub(super) struct Key {
    table: DynIden,
    pub(super) column: DynIden,
    pub(super) kind: KeyKind,
    pub(super) nullable: bool,
    pub(super) descending: bool,
}

impl Key {
    pub(super) fn expr(&self, backend: DbBackend) -> Expr {
        let column = Expr::col((self.table.clone(), self.column.clone()));
        match self.kind {
            KeyKind::Text => by_code_point(column, backend),
            _ => column,
        }
    }

    fn direction(&self) -> Direction {
        if self.descending { Direction::Desc } else { Direction::Asc }
    }
}

impl Order {
    /// The order asked for, or the list's own. The primary key follows the direction of the last
    /// field, so that one index can be read in one direction.
    pub(super) fn parse<E: EntityTrait>(order_by: &str, fields: &Fields) -> Result<Self, ListError> {
        let refuse = |why: String| Err(ListError::OrderBy(why));
        if order_by.len() > MAX_LENGTH {
            return refuse(format!("it has {} bytes; at most {MAX_LENGTH} are read", order_by.len()));
        }
        let mut keys: Vec<Key> = Vec::new();
        let order_by = fields.order(order_by);
        let terms = order_by.split(',').filter(|_| !order_by.trim().is_empty());
        for term in terms {
            let words: Vec<&str> = term.split_whitespace().collect();
            let (name, descending) = match words[..] {
                [name] | [name, "asc"] => (name, false),
                [name, "desc"] => (name, true),
                _ => {
                    let term = term.trim();
                    return refuse(format!("expected a field, then asc or desc or nothing; found \"{term}\""));
                }
            };
            let field = fields.sortable(name).map_err(ListError::OrderBy)?;
            if keys.iter().any(|key| key.column == field.column) {
                return refuse(format!("{name} is named twice"));
            }
            keys.push(Key {
                table: field.table.clone(),
                column: field.column.clone(),
                kind: field.kind.key(),
                nullable: field.nullable,
                descending,
            });
        }
        if keys.len() > MAX_FIELDS {
            return refuse(format!("it names {} fields; at most {MAX_FIELDS} are taken", keys.len()));
        }
        Self { keys }.made_total::<E>()
    }

    fn made_total<E: EntityTrait>(mut self) -> Result<Self, ListError> {
        let descending = self.keys.last().is_some_and(|key| key.descending);
        for key in E::PrimaryKey::iter() {
            let column = key.into_column();
            let (table, ident) = column.as_column_ref();
            if self.keys.iter().any(|key| key.column == ident) {
                continue;
            }
            let Some(kind) = KeyKind::of_column(column.def().get_column_type()) else {
                let name = column.as_str();
                return Err(ListError::OrderBy(format!("the key {name} of this list has no order")));
            };
            self.keys.push(Key { table, column: ident.into_iden(), kind, nullable: false, descending });
        }
        Ok(self)
    }

    /// Sorts `query`. Where `stretch` already rules absent values out, their place is not named:
    /// SQLite then reads its index straight through.
    pub(super) fn apply(&self, query: &mut SelectStatement, stretch: &Stretch, backend: DbBackend) {
        query.clear_order_by();
        for (at, key) in self.keys.iter().enumerate() {
            let (expr, direction) = (key.expr(backend), key.direction());
            if key.nullable && at >= stretch.settled && backend != DbBackend::Postgres {
                let nulls = if key.descending { NullOrdering::First } else { NullOrdering::Last };
                query.order_by_expr_with_nulls(expr, direction, nulls);
            } else {
                query.order_by_expr(expr, direction);
            }
        }
    }
}
