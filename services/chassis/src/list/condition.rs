//! A filter and its fields into a condition both databases answer alike.
//!
//! SQL knows a third truth: a comparison with an absent value is neither true nor false, and its
//! negation neither. A filter has two: whatever does not match is matched by `NOT`, rows without the
//! field among them. An empty text counts as absent, as it does on the wire.

use sea_orm::DbBackend;
use sea_orm::sea_query::extension::sqlite::SqliteExpr;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Func, LikeExpr};

use super::ListError;
use super::fields::{Field, Fields};
use super::filter::{Comparator, Filter, Literal};
use super::kind::Kind;
use super::scan::refuse;

/// The most wildcards in one value: each multiplies the work of a comparison.
const MAX_WILDCARDS: usize = 4;

impl Filter {
    /// The condition on the columns of `fields`, in the dialect of `backend`.
    ///
    /// # Errors
    /// [`ListError::Filter`] for a field the list does not have, a value that is not of its kind,
    /// a comparison the kind does not know.
    pub fn to_condition(&self, fields: &Fields, backend: DbBackend) -> Result<Condition, ListError> {
        Translation { fields, backend }.condition(self, false)
    }
}

struct Translation<'a> {
    fields: &'a Fields,
    backend: DbBackend,
}

impl Translation<'_> {
    /// Carries a negation down to the comparisons, where absent values can be told apart.
    fn condition(&self, filter: &Filter, negated: bool) -> Result<Condition, ListError> {
        match filter {
            Filter::Not(inner) => self.condition(inner, !negated),
            Filter::All(inner) if negated => self.join(Condition::any(), inner, true),
            Filter::All(inner) => self.join(Condition::all(), inner, false),
            Filter::Any(inner) if negated => self.join(Condition::all(), inner, true),
            Filter::Any(inner) => self.join(Condition::any(), inner, false),
            Filter::Compare { column, field, comparator, value } => {
                let field = self.fields.filterable(field).map_err(|why| refuse(*column, why))?;
                self.compare(field, *comparator, value, negated)
            }
            Filter::Anywhere(value) => self.anywhere(value, negated),
        }
    }

    fn join(&self, start: Condition, filters: &[Filter], negated: bool) -> Result<Condition, ListError> {
        filters.iter().try_fold(start, |so_far, filter| Ok(so_far.add(self.condition(filter, negated)?)))
    }

    fn compare(
        &self,
        field: &Field,
        comparator: Comparator,
        value: &Literal,
        negated: bool,
    ) -> Result<Condition, ListError> {
        let column = field.expr();
        let is_text = matches!(field.kind, Kind::Text);
        if comparator == Comparator::Has && value.is_presence() {
            let present = if is_text { column.ne("") } else { column.is_not_null() };
            return Ok(two_valued(field, present, negated));
        }
        check(field, comparator, value)?;
        let equals = match comparator {
            Comparator::Has if is_text => self.contains(field, value),
            Comparator::Less | Comparator::LessOrEqual | Comparator::Greater | Comparator::GreaterOrEqual => {
                let stored = field.kind.read(&value.text()).map_err(|why| refuse(value.column, why))?;
                let column = if is_text { by_code_point(column, self.backend) } else { column };
                let order = match comparator {
                    Comparator::Less => column.lt(stored),
                    Comparator::LessOrEqual => column.lte(stored),
                    Comparator::Greater => column.gt(stored),
                    _ => column.gte(stored),
                };
                return Ok(two_valued(field, order, negated));
            }
            _ if is_text && value.pieces.len() > 1 => self.resembles(field, value),
            _ if is_text && value.text().is_empty() => {
                // Equal to "" is the opposite of present.
                let unlike = negated != (comparator == Comparator::NotEqual);
                return Ok(two_valued(field, column.ne(""), !unlike));
            }
            _ => {
                let stored = field.kind.read(&value.text()).map_err(|why| refuse(value.column, why))?;
                column.eq(stored)
            }
        };
        Ok(two_valued(field, equals, negated != (comparator == Comparator::NotEqual)))
    }

    fn anywhere(&self, value: &Literal, negated: bool) -> Result<Condition, ListError> {
        let mut found = if negated { Condition::all() } else { Condition::any() };
        for field in self.fields.texts() {
            check(field, Comparator::Has, value)?;
            found = found.add(two_valued(field, self.contains(field, value), negated));
        }
        if found.is_empty() {
            let message = "this list has no text to look in; compare a field with the value";
            return Err(refuse(value.column, message));
        }
        Ok(found)
    }

    /// The pieces in their order, anywhere in the text; A-Z equal a-z, other letters do not vary
    /// (SQLite knows no more, and the databases are to agree).
    fn contains(&self, field: &Field, value: &Literal) -> Expr {
        let text = match self.backend {
            DbBackend::Postgres => Expr::expr(Func::lower(by_code_point(field.expr(), self.backend))),
            _ => field.expr(), // SQLite's LIKE folds A-Z by itself
        };
        let pieces = like_pieces(value).to_ascii_lowercase();
        text.like(LikeExpr::new(format!("%{pieces}%")).escape('!'))
    }

    /// The whole text, with anything in place of each wildcard; upper and lower case differ.
    fn resembles(&self, field: &Field, value: &Literal) -> Expr {
        if self.backend == DbBackend::Postgres {
            return field.expr().like(LikeExpr::new(like_pieces(value)).escape('!'));
        }
        let literal = |c: char| match c {
            '*' | '?' | '[' => format!("[{c}]"),
            c => c.to_string(),
        };
        let pieces: Vec<String> = value.pieces.iter().map(|piece| piece.chars().map(literal).collect()).collect();
        field.expr().glob(pieces.join("*"))
    }
}

/// Whether the field's kind knows the comparison.
fn check(field: &Field, comparator: Comparator, value: &Literal) -> Result<(), ListError> {
    let is_order = !matches!(comparator, Comparator::Equal | Comparator::NotEqual | Comparator::Has);
    if is_order && !field.kind.is_ordered() {
        let message = format!("{} is compared by = != or :, not by {}", field.name, comparator.sign());
        return Err(refuse(value.column, message));
    }
    if value.pieces.len() > MAX_WILDCARDS + 1 {
        return Err(refuse(value.column, format!("a value may hold {MAX_WILDCARDS} wildcards at most")));
    }
    if comparator == Comparator::Has && value.text().is_empty() {
        let message = format!("every text contains nothing; {}:* asks for any value", field.name);
        return Err(refuse(value.column, message));
    }
    Ok(())
}

/// The comparison or its exact opposite: a row without the value does not match the one, so it
/// matches the other. The column may be absent even if declared otherwise, by a left join.
fn two_valued(field: &Field, comparison: Expr, negated: bool) -> Condition {
    match negated {
        false => Condition::all().add(comparison),
        true => Condition::any().add(comparison.not()).add(field.expr().is_null()),
    }
}

fn like_pieces(value: &Literal) -> String {
    let literal = |c: char| match c {
        '%' | '_' | '!' => format!("!{c}"),
        c => c.to_string(),
    };
    let pieces: Vec<String> = value.pieces.iter().map(|piece| piece.chars().map(literal).collect()).collect();
    pieces.join("%")
}

/// Text in the order of its code points whatever the database's own collation: SQLite's default.
pub(super) fn by_code_point(text: Expr, backend: DbBackend) -> Expr {
    match backend {
        DbBackend::Postgres => Expr::cust_with_expr(r#"$1 COLLATE "C""#, text),
        _ => text,
    }
}
