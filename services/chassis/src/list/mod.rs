//! The one way lists are made: a filter (AIP-160), an order that is total, and pages by key.
//!
//! A page is sought by the last row's key, never by counting rows from the start: page 1,000 costs
//! what page 1 costs, and rows inserted between two calls neither push a row past the reader nor
//! bring one twice (AIP-158). Both databases answer alike: text sorts by code point, absent values
//! count as greater than all others, substring search ignores the case of A-Z only.
//!
//! - `scan.rs`      characters and columns: words, quoted strings, comparators
//! - `filter.rs`    the tree of a filter: [`Filter`]
//! - `parse.rs`     the grammar: text into that tree
//! - `fields.rs`    what a list lets be filtered and sorted: [`Fields`]
//! - `kind.rs`      what a field's values look like, and how they are written in a filter
//! - `condition.rs` a tree and its fields into SQL
//! - `order.rs`     `order_by` into keys that end in the primary key
//! - `seek.rs`      the rows behind a key, as ranges an index can serve
//! - `weight.rs`    how many rows go into one message, and how many are read at once
//! - `token.rs`     the opaque page token; `bond.rs` that of lists which are not made here
//! - `few.rs`       lists of records that are few, met in memory: [`few`]
//!
//! An index serves an order when it holds its columns, then the primary key, in the directions of
//! the order or all reversed; the primary key takes the direction of the last column. On PostgreSQL
//! text columns of such an index need `COLLATE "C"`. On SQLite a nullable column is served as the
//! first of an order; further back, the rows equal before it are sorted.

mod bond;
mod condition;
mod few;
mod fields;
mod filter;
mod kind;
mod order;
mod parse;
mod scan;
mod seek;
mod token;
mod weight;

pub use bond::Bond;
pub use few::{Few, few};
pub use fields::Fields;
pub use filter::{Comparator, Filter, Literal};

use sea_orm::sea_query::Condition;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, Select};

use dealflow_proto::{Listing, Validate};

use crate::refusal::Refusal;
use crate::store::Store;
use crate::work::check;
use order::Order;
use token::PageToken;
use weight::Scale;

/// Rows of a page when the caller names no size.
pub const DEFAULT_PAGE_SIZE: u64 = 50;
/// The most rows of one page; a greater wish is cut to it (AIP-158).
pub const MAX_PAGE_SIZE: u64 = 1_000;

/// What a caller asked for: the four fields of a List request, as they came.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListRequest<'a> {
    /// Rows wanted: 0 for the default, at most [`MAX_PAGE_SIZE`]; negative is refused.
    pub page_size: i32,
    /// Empty for the first page, else the `next_page_token` of the page before.
    pub page_token: &'a str,
    /// An AIP-160 filter over the list's fields; empty for all rows.
    pub filter: &'a str,
    /// Fields by comma, each with an optional ` desc`; empty for the list's own order.
    pub order_by: &'a str,
}

/// One page of records.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<M> {
    /// The rows, in the order asked for.
    pub items: Vec<M>,
    /// The token of the next page; empty when this one is the last.
    pub next_page_token: String,
}

/// Why a list was refused. All but `Db` are the caller's to mend; [`ListError::field`] names where.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The filter does not parse, or does not fit the list's fields.
    #[error("filter, column {column}: {message}")]
    Filter {
        /// The place, counted in characters from 1.
        column: usize,
        /// What is wrong there and what was expected.
        message: String,
    },
    /// The order names a field that is not there, or not to be sorted by.
    #[error("order_by: {0}")]
    OrderBy(String),
    /// The token is not one of ours, or belongs to another list.
    #[error("page_token: {0}")]
    PageToken(String),
    /// The page size is negative.
    #[error("page_size: {0}")]
    PageSize(String),
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbErr),
}

impl ListError {
    /// The request field at fault; empty when it is the database.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Filter { .. } => "filter",
            Self::OrderBy(_) => "order_by",
            Self::PageToken(_) => "page_token",
            Self::PageSize(_) => "page_size",
            Self::Db(_) => "",
        }
    }

    /// What is wrong with that field, without its name.
    pub fn problem(&self) -> String {
        match self {
            Self::Filter { column, message } => format!("column {column}: {message}"),
            Self::OrderBy(problem) | Self::PageToken(problem) | Self::PageSize(problem) => problem.clone(),
            Self::Db(error) => error.to_string(),
        }
    }
}

/// One page of `base`, filtered and ordered as asked: as many rows as were asked for, or fewer where more would not go into
/// one message.
///
/// Rows are read in steps, so that of a list of large records little more is read than is answered; a page of a few rows is
/// one statement.
///
/// `base` carries what the caller does not choose: the parent, and what this caller may see. It may
/// join, as long as each record of `E` stays one row. The token is bound to it, to the filter and to
/// the order. Should `base` compare with the present moment, that value is left out of the bond.
///
/// # Errors
/// Each field of the request that cannot be met is refused by its own [`ListError`].
pub async fn list<E, C>(
    db: &C,
    base: Select<E>,
    fields: &Fields,
    ask: ListRequest<'_>,
) -> Result<Page<E::Model>, ListError>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let backend = db.get_database_backend();
    let size = page_size(ask.page_size)?;
    let filter = Filter::parse(ask.filter)?.to_condition(fields, backend)?;
    let order = Order::parse::<E>(ask.order_by, fields)?;
    let bond = token::bond(&base, &ask);
    let token = match ask.page_token {
        "" => None,
        text => Some(PageToken::parse(text, &bond, &order)?),
    };
    let mut stretches = match &token {
        None => vec![seek::whole()],
        Some(token) => seek::behind(&order, token, backend),
    }
    .into_iter();

    let query = base.filter(filter);
    let wanted = size + 1; // one more row tells whether there is a next page
    let mut scale = Scale::<E>::new(token.and_then(|token| token.hint));
    let mut items = Vec::new();
    while let Some(stretch) = stretches.next() {
        let step = scale.step().min(wanted - items.len() as u64);
        let mut select = query.clone().filter(Condition::all().add(stretch.condition.clone()));
        order.apply(QueryFilter::query(&mut select), &stretch, backend);
        let rows = select.limit(step).all(db).await?;
        let goes_on = rows.len() as u64 == step;
        scale.add(&rows);
        items.extend(rows);
        if scale.is_full() || items.len() as u64 == wanted {
            break;
        }
        if let Some(last) = items.last().filter(|_| goes_on) {
            stretches = seek::behind(&order, &PageToken::of::<E>(last, &order)?, backend).into_iter();
        }
    }

    let fitting = scale.fitting().min(usize::try_from(size).unwrap_or(usize::MAX));
    let more = items.len() > fitting;
    items.truncate(fitting);
    let next_page_token = match items.last().filter(|_| more) {
        Some(last) => PageToken::of::<E>(last, &order)?.hinting(scale.hint_of_next()).seal(&bond)?,
        None => String::new(),
    };
    Ok(Page { items, next_page_token })
}

impl Store {
    /// Answers a request for a page of records: its form is checked, the page is read outside any transaction.
    pub async fn list<Q, E>(&self, ask: &Q, base: Select<E>, fields: &Fields) -> Result<Page<E::Model>, Refusal>
    where
        Q: Listing + Validate,
        E: EntityTrait,
    {
        check(ask)?;
        let wanted = ListRequest {
            page_size: ask.page_size(),
            page_token: ask.page_token(),
            filter: ask.filter(),
            order_by: ask.order_by(),
        };
        Ok(list(self.reader(), base, fields, wanted).await?)
    }
}

fn page_size(asked: i32) -> Result<u64, ListError> {
    match u64::try_from(asked) {
        Ok(0) => Ok(DEFAULT_PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_) => Err(ListError::PageSize(format!(
            "{asked} is negative; give 1 to {MAX_PAGE_SIZE}, or 0 for {DEFAULT_PAGE_SIZE}"
        ))),
    }
}
