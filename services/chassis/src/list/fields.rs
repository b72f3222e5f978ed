//! The table of what one list lets be filtered and sorted, written beside the list.

use std::borrow::Cow;

use sea_orm::sea_query::{DynIden, Expr, IntoIden};
use sea_orm::{ActiveEnum, ColumnTrait, Value};

use super::kind::{Kind, shown};

/// The public fields of a list: each a name on the wire, a column and a kind.
///
/// A field can be filtered and sorted unless [`Fields::filter_only`] or [`Fields::sort_only`]
/// follows it. Build it once, in a `LazyLock`.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    fields: Vec<Field>,
    order: &'static str,
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) table: DynIden,
    pub(super) column: DynIden,
    pub(super) nullable: bool,
    pub(super) kind: Kind,
    pub(super) filterable: bool,
    pub(super) sortable: bool,
}

impl Field {
    /// The column, told apart from its namesakes in joined tables.
    pub(super) fn expr(&self) -> Expr {
        Expr::col((self.table.clone(), self.column.clone()))
    }
}

impl Fields {
    /// A list without fields: it takes no filter, and its order is that of the primary key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Text: equality with `*` as wildcard, order by code point, `:` for "contains".
    pub fn text(self, name: &'static str, column: impl ColumnTrait) -> Self {
        self.with(name, column, Kind::Text)
    }

    /// A whole number.
    pub fn int(self, name: &'static str, column: impl ColumnTrait) -> Self {
        self.with(name, column, Kind::Int)
    }

    /// A decimal number kept as a whole number of 10^-`exponent`: minor units with 2, scaled
    /// prices and quantities with 6. More decimal places than `exponent` are refused.
    pub fn scaled(self, name: &'static str, column: impl ColumnTrait, exponent: u32) -> Self {
        self.with(name, column, Kind::Scaled(exponent))
    }

    /// `true` or `false`.
    pub fn bool(self, name: &'static str, column: impl ColumnTrait) -> Self {
        self.with(name, column, Kind::Bool)
    }

    /// A moment, RFC 3339; a day alone means its midnight in UTC.
    pub fn time(self, name: &'static str, column: impl ColumnTrait) -> Self {
        self.with(name, column, Kind::Time)
    }

    /// A day.
    pub fn date(self, name: &'static str, column: impl ColumnTrait) -> Self {
        self.with(name, column, Kind::Date)
    }

    /// A resource name `collection/{uuid}` whose column keeps the UUID. With an empty collection
    /// the value is the UUID alone.
    pub fn uuid(self, name: &'static str, collection: &'static str, column: impl ColumnTrait) -> Self {
        self.with(name, column, Kind::Name(collection))
    }

    /// A resource name `collection/{slug}` whose column keeps the slug.
    pub fn slug(self, name: &'static str, collection: &'static str, column: impl ColumnTrait) -> Self {
        self.with(name, column, Kind::Slug(collection))
    }

    /// One of `names`, stored as written here.
    pub fn one_of(self, name: &'static str, column: impl ColumnTrait, names: &[&'static str]) -> Self {
        let names = names.iter().map(|name| (Cow::Borrowed(*name), Value::from(*name)));
        self.with(name, column, Kind::Enum(names.collect()))
    }

    /// One of the names on the left, stored as the value on the right.
    pub fn one_of_as<V: Into<Value>>(
        self,
        name: &'static str,
        column: impl ColumnTrait,
        names: impl IntoIterator<Item = (&'static str, V)>,
    ) -> Self {
        let names = names.into_iter().map(|(name, stored)| (Cow::Borrowed(name), stored.into()));
        self.with(name, column, Kind::Enum(names.collect()))
    }

    /// One of the variants of an active enum, each under the name that `wire` gives it.
    pub fn variants<A: ActiveEnum>(
        self,
        name: &'static str,
        column: impl ColumnTrait,
        wire: fn(&A) -> Cow<'static, str>,
    ) -> Self
    where
        A::Value: Into<Value>,
    {
        self.with(name, column, Kind::of_enum(wire))
    }

    /// The field just declared cannot be sorted by: no index serves it.
    pub fn filter_only(mut self) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.sortable = false;
        }
        self
    }

    /// The field just declared cannot be filtered by.
    pub fn sort_only(mut self) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.filterable = false;
        }
        self
    }

    /// The order of the list when the caller names none; else it is that of the primary key, which
    /// for UUIDv7 is the order of creation.
    pub fn default_order(mut self, order_by: &'static str) -> Self {
        self.order = order_by;
        self
    }

    fn with(mut self, name: &'static str, column: impl ColumnTrait, kind: Kind) -> Self {
        let (table, ident) = column.as_column_ref();
        self.fields.push(Field {
            name,
            table: table.into_iden(),
            column: ident.into_iden(),
            nullable: column.def().is_null(),
            kind,
            filterable: true,
            sortable: true,
        });
        self
    }

    /// The order that holds for `asked`.
    pub(super) fn order<'a>(&self, asked: &'a str) -> &'a str {
        if asked.trim().is_empty() { self.order } else { asked }
    }

    pub(super) fn filterable(&self, name: &str) -> Result<&Field, String> {
        self.find(name, "filter", |field| field.filterable)
    }

    pub(super) fn sortable(&self, name: &str) -> Result<&Field, String> {
        self.find(name, "sort", |field| field.sortable)
    }

    /// The fields a value alone is looked for in.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.filterable && matches!(field.kind, Kind::Text))
    }

    fn find(&self, name: &str, verb: &str, allowed: fn(&Field) -> bool) -> Result<&Field, String> {
        self.fields.iter().find(|field| field.name == name && allowed(field)).ok_or_else(|| {
            let names: Vec<_> = self.fields.iter().filter(|f| allowed(f)).map(|f| f.name).collect();
            match names.is_empty() {
                true => format!("this list has no field to {verb} by"),
                false => format!("there is no field \"{}\" to {verb} by; there are: {}", shown(name), names.join(", ")),
            }
        })
    }
}
