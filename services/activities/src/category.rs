//! A category of activities: a kind of work, and the results that it allows (R-ACT-1).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_chassis::{Refusal, rows};
use dealflow_proto::{Violation, names};
use sea_orm::entity::prelude::*;
use sea_orm::{IntoActiveModel, QuerySelect};

use crate::activity::{AllowedResult, AllowedResults};
use crate::error::Error;

/// A kind of work.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "category")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The etag.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// What people call it; unique.
    pub display_name: String,
    /// The results that its activities may be completed with.
    #[sea_orm(column_type = "JsonBinary")]
    pub allowed_results: AllowedResults,
    /// No new activity may be of it.
    pub archived: bool,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of categories lets be filtered and sorted; there are few.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .text("display_name", Column::DisplayName)
        .bool("archived", Column::Archived)
        .filter_only()
        .time("create_time", Column::CreatedAt)
        .filter_only()
});

impl Model {
    /// Its resource name.
    pub fn name(&self) -> String {
        names::CATEGORIES.name(self.id)
    }

    /// The results of an activity of this category: its own, or those among them that are asked for under `field`.
    pub fn results(&self, field: &str, asked: Vec<AllowedResult>) -> Result<AllowedResults, Refusal> {
        if asked.is_empty() {
            return Ok(self.allowed_results.clone());
        }
        let known = self.allowed_results.codes();
        let wrong: Vec<Violation> = asked
            .iter()
            .enumerate()
            .filter(|(_, result)| !known.contains(&result.code))
            .map(|(n, _)| Violation {
                field: format!("{field}[{n}].code"),
                description: format!("one of the category's: {}", known.join(", ")),
            })
            .collect();
        if wrong.is_empty() { AllowedResults::of(field, asked) } else { Err(Refusal::fields(wrong)) }
    }
}

/// The category of this name.
pub async fn get(db: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let id = names::CATEGORIES.parse(name).map_err(Refusal::from)?;
    Ok(Entity::find_by_id(id).one(db).await?.ok_or_else(|| Refusal::missing(name))?)
}

/// The categories in use that people call so.
pub async fn called(db: &impl ConnectionTrait, display_names: Vec<&str>) -> Result<Vec<Model>, Error> {
    if display_names.is_empty() {
        return Ok(Vec::new());
    }
    let found = Entity::find().filter(Column::DisplayName.is_in(display_names)).filter(Column::Archived.eq(false));
    Ok(found.all(db).await?)
}

/// The category that a new activity is to be of: one that is there, and not archived.
pub async fn in_use(db: &impl ConnectionTrait, id: Uuid) -> Result<Model, Error> {
    let category = get(db, &names::CATEGORIES.name(id)).await?;
    if category.archived {
        let expected = format!("a category in use; {} is archived", category.display_name);
        return Err(Refusal::field("activity.category", expected).into());
    }
    Ok(category)
}

/// The category of this name, locked until the end of the transaction.
pub async fn lock(tx: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let id = names::CATEGORIES.parse(name).map_err(Refusal::from)?;
    Ok(Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or_else(|| Refusal::missing(name))?)
}

/// Refuses a name that another category has.
pub async fn check_display_name(tx: &impl ConnectionTrait, category: &Model) -> Result<(), Error> {
    let same = Entity::find().filter(Column::DisplayName.eq(&category.display_name)).filter(Column::Id.ne(category.id));
    let Some(other) = same.one(tx).await? else { return Ok(()) };
    Err(Error::Taken { field: "display_name", value: category.display_name.clone(), holder: other.name() })
}

/// Adds a category.
pub async fn insert(tx: &impl ConnectionTrait, category: &Model) -> Result<(), Error> {
    Entity::insert(category.clone().into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves a changed category as its next version.
pub async fn save(
    tx: &impl ConnectionTrait,
    before: &Model,
    mut category: Model,
    now: DateTime<Utc>,
) -> Result<Model, Error> {
    category.version += 1;
    category.updated_at = now;
    let row = rows::changed::<Entity>(before, &category);
    Entity::update_many().set(row).filter(Column::Id.eq(category.id)).exec(tx).await?;
    Ok(category)
}
