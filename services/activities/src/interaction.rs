//! A business interaction: what was said between the house and a customer (R-ACT-5).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_chassis::security::Sight;
use dealflow_chassis::{Refusal, rows};
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{IntoActiveModel, QuerySelect};

use crate::activity::{Names, deal_of};
use crate::error::Error;
use crate::seen;

/// Something that was said, written or shown.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "interaction")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The etag.
    pub version: i64,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When the record last changed.
    pub updated_at: DateTime<Utc>,
    /// What it was about.
    pub regarding: String,
    /// With whom.
    pub contact: Option<Uuid>,
    /// By which way: a name of the wire's enum without its prefix.
    pub channel: String,
    /// Who began: a name of the wire's enum without its prefix; empty where that is not known.
    pub direction: String,
    /// In one line.
    pub subject: String,
    /// What was said.
    pub notes: String,
    /// When it was.
    pub happened_at: DateTime<Utc>,
    /// Who else took part.
    #[sea_orm(column_type = "JsonBinary")]
    pub participants: Names,
    /// Who recorded it.
    pub author: String,
}

/// No relations: what it was about lives in other services.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of interactions lets be filtered and sorted; each order has its index in `m0003_notifications`.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .time("interaction_time", Column::HappenedAt)
        .time("create_time", Column::CreatedAt)
        .text("regarding", Column::Regarding)
        .filter_only()
        .uuid("contact", "contacts", Column::Contact)
        .filter_only()
        .text("channel", Column::Channel)
        .filter_only()
        .text("direction", Column::Direction)
        .filter_only()
        .text("subject", Column::Subject)
        .filter_only()
        .text("notes", Column::Notes)
        .filter_only()
        .text("author", Column::Author)
        .filter_only()
        .default_order("interaction_time desc")
});

impl Model {
    /// Its resource name.
    pub fn name(&self) -> String {
        names::INTERACTIONS.name(self.id)
    }

    /// The deal in whose timeline it stands; itself where it belongs to none.
    pub fn thread(&self) -> String {
        match deal_of(&self.regarding) {
            "" => self.name(),
            deal => deal.to_owned(),
        }
    }
}

/// The interaction of this name.
pub async fn get(db: &impl ConnectionTrait, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::INTERACTIONS.parse(name).map_err(Refusal::from)?;
    let found = Entity::find_by_id(id).filter(seen::interactions(sight)).one(db).await?;
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// The interaction of this name, locked until the end of the transaction.
pub async fn lock(tx: &impl ConnectionTrait, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::INTERACTIONS.parse(name).map_err(Refusal::from)?;
    let found = Entity::find_by_id(id).filter(seen::interactions(sight)).lock_exclusive().one(tx).await?;
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// Adds an interaction.
pub async fn insert(tx: &impl ConnectionTrait, interaction: &Model) -> Result<(), Error> {
    Entity::insert(interaction.clone().into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves a corrected interaction as its next version.
pub async fn save(
    tx: &impl ConnectionTrait,
    before: &Model,
    mut interaction: Model,
    now: DateTime<Utc>,
) -> Result<Model, Error> {
    interaction.version += 1;
    interaction.updated_at = now;
    let row = rows::changed::<Entity>(before, &interaction);
    Entity::update_many().set(row).filter(Column::Id.eq(interaction.id)).exec(tx).await?;
    Ok(interaction)
}
