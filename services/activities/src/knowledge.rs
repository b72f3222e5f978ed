//! The knowledge base: documents that activities, templates and opportunities point at by name (R-ACT-6).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_chassis::{Refusal, rows};
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{IntoActiveModel, QueryOrder, QuerySelect};

use crate::error::Error;

/// The largest file.
pub const MOST_BYTES: usize = 1024 * 1024;

/// A document: a link, or a small file, whose bytes are [`content`].
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "knowledge")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The last part of its name; unique.
    pub slug: String,
    /// The etag.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// What people call it.
    pub title: String,
    /// In which language it is.
    pub language: String,
    /// What it is good for.
    pub summary: String,
    /// Words to find it by, one a line.
    pub tags: String,
    /// Where it is; empty for a file.
    pub link: String,
    /// The file's name.
    pub file_name: String,
    /// The file's media type.
    pub media_type: String,
    /// The file's bytes are so many.
    pub size: i64,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The bytes of documents, apart from the rest: no list reads them.
pub mod content {
    use sea_orm::entity::prelude::*;

    /// A file.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "knowledge_content")]
    pub struct Model {
        /// The document.
        #[sea_orm(primary_key, auto_increment = false)]
        pub document: Uuid,
        /// Its bytes.
        pub content: Vec<u8>,
    }

    /// No relations.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What the list of documents lets be filtered and sorted; each order has its index in `m0003_notifications`. A word
/// alone is looked for in all texts.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .text("title", Column::Title)
        .time("create_time", Column::CreatedAt)
        .slug("name", "knowledge", Column::Slug)
        .filter_only()
        .text("language_code", Column::Language)
        .filter_only()
        .text("tags", Column::Tags)
        .filter_only()
        .text("summary", Column::Summary)
        .filter_only()
        .default_order("title")
});

impl Model {
    /// Its resource name.
    pub fn name(&self) -> String {
        names::KNOWLEDGE.slug(&self.slug)
    }

    /// Refuses a document that is neither a link nor a file, or both, or too large.
    pub fn check(&self) -> Result<(), Refusal> {
        let is_link = self.link.starts_with("https://") || self.link.starts_with("http://");
        match (self.link.is_empty(), self.size) {
            (true, 0) => Err(Refusal::field("document.link", "a link or a content is given")),
            (false, 0) if is_link => Ok(()),
            (false, 0) => Err(Refusal::field("document.link", "an address that begins with https:// or http://")),
            (false, _) => Err(Refusal::field("document.link", "a link or a content is given, not both")),
            (true, size) if size > MOST_BYTES as i64 => {
                Err(Refusal::field("document.content", format!("at most {MOST_BYTES} bytes, not {size}")))
            }
            (true, _) => Ok(()),
        }
    }
}

/// The last part of a name that somebody chose.
pub fn check_id(id: &str) -> Result<(), Refusal> {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = id.chars().all(|c| letter(c) || c == '-');
    if inner && id.starts_with(letter) && id.ends_with(letter) {
        return Ok(());
    }
    Err(Refusal::field("document_id", "a-z, 0-9 and hyphens between them, e.g. presentation-checklist"))
}

/// The document of this name.
pub async fn get(db: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let slug = names::KNOWLEDGE.parse_slug(name).map_err(Refusal::from)?;
    let found = Entity::find().filter(Column::Slug.eq(slug)).one(db).await?;
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// The document of this name, locked until the end of the transaction.
pub async fn lock(tx: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let slug = names::KNOWLEDGE.parse_slug(name).map_err(Refusal::from)?;
    let found = Entity::find().filter(Column::Slug.eq(slug)).lock_exclusive().one(tx).await?;
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// Those of these documents that there are, by name.
pub async fn all(db: &impl ConnectionTrait, names: &[String]) -> Result<Vec<Model>, Error> {
    let slugs: Vec<&str> = names.iter().filter_map(|name| names::KNOWLEDGE.parse_slug(name).ok()).collect();
    if slugs.is_empty() {
        return Ok(Vec::new());
    }
    Ok(Entity::find().filter(Column::Slug.is_in(slugs)).order_by_asc(Column::Slug).all(db).await?)
}

/// Refuses names of documents that are not there.
pub async fn check_known(db: &impl ConnectionTrait, names: &[String]) -> Result<(), Error> {
    let found = all(db, names).await?;
    let there = |name: &String| found.iter().any(|document| document.name() == *name);
    let missing: Vec<String> = names.iter().filter(|name| !there(name)).cloned().collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::NoSuchDocument { missing }) }
}

/// Refuses a name that another document has.
pub async fn check_free(tx: &impl ConnectionTrait, slug: &str) -> Result<(), Error> {
    let Some(other) = Entity::find().filter(Column::Slug.eq(slug)).one(tx).await? else { return Ok(()) };
    Err(Error::Taken { field: "document_id", value: slug.to_owned(), holder: other.name() })
}

/// Adds a document.
pub async fn insert(tx: &impl ConnectionTrait, document: &Model) -> Result<(), Error> {
    Entity::insert(document.clone().into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves a changed document as its next version.
pub async fn save(
    tx: &impl ConnectionTrait,
    before: &Model,
    mut document: Model,
    now: DateTime<Utc>,
) -> Result<Model, Error> {
    document.version += 1;
    document.updated_at = now;
    let row = rows::changed::<Entity>(before, &document);
    Entity::update_many().set(row).filter(Column::Id.eq(document.id)).exec(tx).await?;
    Ok(document)
}

/// The bytes of a document; none where it is a link.
pub async fn read(db: &impl ConnectionTrait, document: Uuid) -> Result<Vec<u8>, Error> {
    let found = content::Entity::find_by_id(document).one(db).await?;
    Ok(found.map(|found| found.content).unwrap_or_default())
}

/// Writes the bytes of a document; none takes them away.
pub async fn write(tx: &impl ConnectionTrait, document: Uuid, bytes: Vec<u8>) -> Result<(), Error> {
    use content::{Column, Entity, Model};
    if bytes.is_empty() {
        Entity::delete_by_id(document).exec(tx).await?;
        return Ok(());
    }
    let anew = OnConflict::column(Column::Document).update_column(Column::Content).to_owned();
    let row = Model { document, content: bytes }.into_active_model().reset_all();
    Entity::insert(row).on_conflict(anew).exec_without_returning(tx).await?;
    Ok(())
}
