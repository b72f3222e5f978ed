//! The stage lookup (R-STG-1): what each stage means, how likely its opportunities are won, how they are forecast.
//!
//! Stages are records. Those that ship are added where they are not there; what somebody changed of them stays. What a
//! stage means is given once: so no edit of the lookup can reopen or close an opportunity (R-OPP-3).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_proto::names::STAGES;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{IntoActiveModel, QueryOrder, QuerySelect};

use super::definition::Faults;
use super::reading::Reader;
use super::text::Text;
use super::tree::{self, Kind};
use crate::error::Error;

/// The file of the lookup that ships.
const FILE: (&str, &str) = ("stages.yaml", include_str!("../../processes/stages.yaml"));

/// What a stage means for the opportunity in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::None)", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Meaning {
    /// The sale is open.
    Open,
    /// The sale is won.
    Won,
    /// The sale is lost.
    Lost,
}

/// How a stage counts in the forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::None)", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ForecastCategory {
    /// Pipeline.
    Pipeline,
    /// Best case.
    BestCase,
    /// Most likely.
    MostLikely,
    /// Commit.
    Commit,
    /// Closed.
    Closed,
    /// Left out.
    Omitted,
}

/// A stage of the lookup.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stage")]
pub struct Model {
    /// The slug in its name, e.g. `closed-won`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Counts its changes; the etag.
    pub version: i64,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Place in the order of stages, from 1.
    pub place: i32,
    /// Its name in both languages.
    #[sea_orm(column_type = "JsonBinary")]
    pub captions: Text,
    /// What it means.
    pub meaning: Meaning,
    /// Probability of winning in percent.
    pub probability: i32,
    /// How it counts in the forecast.
    pub forecast_category: ForecastCategory,
}

/// No relations: opportunities and definitions name stages by their slug.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A stage of the lookup.
pub type Stage = Model;

/// What the list is filtered and ordered by. A lookup is small: it is sorted where it stands.
pub static LISTED: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .int("position", Column::Place)
        .slug("name", STAGES.as_str(), Column::Id)
        .int("probability", Column::Probability)
        .variants("meaning", Column::Meaning, |meaning: &Meaning| meaning.as_str().into())
        .filter_only()
        .variants("forecast_category", Column::ForecastCategory, |category: &ForecastCategory| category.as_str().into())
        .filter_only()
        .default_order("position")
});

/// The lookup, in order.
#[derive(Debug, Clone)]
pub struct Stages(Vec<Stage>);

impl Stages {
    /// The lookup that ships.
    ///
    /// # Errors
    /// [`Faults`] if the file is wrong.
    pub fn shipped() -> Result<Self, Faults> {
        Self::parse(FILE.0, FILE.1)
    }

    /// Reads a lookup: unique stages, probabilities of 0 to 100, the first stage open, one won and one lost at least.
    ///
    /// # Errors
    /// [`Faults`] with all that is wrong.
    pub fn parse(file: &str, text: &str) -> Result<Self, Faults> {
        let refuse = |faults| Faults { file: file.to_owned(), faults };
        let tree = tree::read(text).map_err(|fault| refuse(vec![fault]))?;
        let mut reader = Reader::default();
        let Kind::List(items) = &tree.value else {
            reader.fault(&tree, "the lookup is a list of stages");
            return Err(refuse(reader.faults));
        };
        let mut stages: Vec<Stage> = Vec::new();
        for item in items {
            let of =
                reader.entries(item, "a stage", &["id", "captions", "meaning", "probability", "forecast_category"]);
            let id = reader.slug(&of, "id");
            if stages.iter().any(|before| before.id == id.value) {
                reader.fault(&id, format!("the stage `{}` stands here twice", id.value));
            }
            let meaning = reader.need(&of, "meaning").and_then(|it| reader.one_of(it, Meaning::ALL, Meaning::as_str));
            let forecast = reader.need(&of, "forecast_category");
            let forecast = forecast.and_then(|it| reader.one_of(it, ForecastCategory::ALL, ForecastCategory::as_str));
            stages.push(Stage {
                id: id.value,
                version: 1,
                updated_at: DateTime::UNIX_EPOCH,
                place: i32::try_from(stages.len() + 1).unwrap_or(i32::MAX),
                captions: reader.need_text(&of, "captions"),
                meaning: meaning.unwrap_or(Meaning::Open),
                probability: reader.need(&of, "probability").and_then(|it| reader.number(it, 0..=100)).unwrap_or(0),
                forecast_category: forecast.unwrap_or(ForecastCategory::Omitted),
            });
        }
        let has = |meaning| stages.iter().any(|stage| stage.meaning == meaning);
        if stages.first().is_none_or(|first| first.meaning != Meaning::Open) {
            reader.fault(&tree, "the first stage is not open");
        }
        if !has(Meaning::Won) || !has(Meaning::Lost) {
            reader.fault(&tree, "a stage must mean WON and one LOST");
        }
        if reader.faults.is_empty() { Ok(Self(stages)) } else { Err(refuse(reader.faults)) }
    }

    /// The lookup as it is stored.
    pub(super) async fn stored(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        Ok(Self(Entity::find().order_by_asc(Column::Place).order_by_asc(Column::Id).all(db).await?))
    }

    /// Adds those that are not there yet: at their places in an empty lookup, else behind all others. Of replicas that
    /// start at once one adds them.
    pub(super) async fn register(self, db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
        let stored = Self::stored(db).await?;
        let last = stored.0.last().map_or(0, |stage| stage.place);
        let missing = self.0.into_iter().filter(|stage| stored.get(&stage.id).is_none());
        let rows: Vec<ActiveModel> = missing
            .zip(1..)
            .map(|(stage, next)| {
                let place = if last == 0 { stage.place } else { last + next };
                Stage { updated_at: now, place, ..stage }.into_active_model().reset_all()
            })
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let already = OnConflict::column(Column::Id).do_nothing().to_owned();
        Entity::insert_many(rows).on_conflict(already).exec_without_returning(db).await?;
        Ok(())
    }

    /// All stages, in order.
    pub fn all(&self) -> &[Stage] {
        &self.0
    }

    /// The stage of a slug.
    pub fn get(&self, id: &str) -> Option<&Stage> {
        self.0.iter().find(|stage| stage.id == id)
    }

    /// The stages in which a sale is open.
    pub fn open(&self) -> impl Iterator<Item = &Stage> {
        self.0.iter().filter(|stage| stage.meaning == Meaning::Open)
    }

    /// Where an opportunity starts that no process leads.
    pub fn first(&self) -> &Stage {
        self.open().next().expect("a lookup without an open stage is refused when it is read, and stages stay")
    }

    /// The stage in which a won, or a lost, opportunity ends that no process leads.
    pub fn last(&self, meaning: Meaning) -> &Stage {
        let mut found = self.0.iter().filter(|stage| stage.meaning == meaning);
        found.next().expect("a lookup without a won and a lost stage is refused when it is read, and stages stay")
    }

    /// Place of a stage in the order, from 1; behind all others where it is not known.
    pub fn position(&self, id: &str) -> usize {
        self.0.iter().position(|stage| stage.id == id).unwrap_or(self.0.len()) + 1
    }
}

/// A stage that one means to change; it stays locked until the transaction ends.
pub async fn lock(db: &impl ConnectionTrait, id: &str) -> Result<Stage, Error> {
    let found = Entity::find_by_id(id).lock_exclusive().one(db).await?;
    found.ok_or_else(|| Error::Missing(STAGES.slug(id)))
}

/// The place behind all others.
pub async fn next_place(db: &impl ConnectionTrait) -> Result<i32, DbErr> {
    let last: Option<Option<i32>> =
        Entity::find().select_only().column_as(Column::Place.max(), "last").into_tuple().one(db).await?;
    Ok(last.flatten().unwrap_or_default() + 1)
}

impl Meaning {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Open, Self::Won, Self::Lost];

    /// As files and columns write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Won => "WON",
            Self::Lost => "LOST",
        }
    }
}

impl ForecastCategory {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Pipeline, Self::BestCase, Self::MostLikely, Self::Commit, Self::Closed, Self::Omitted];

    /// As files and columns write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pipeline => "PIPELINE",
            Self::BestCase => "BEST_CASE",
            Self::MostLikely => "MOST_LIKELY",
            Self::Commit => "COMMIT",
            Self::Closed => "CLOSED",
            Self::Omitted => "OMITTED",
        }
    }
}
