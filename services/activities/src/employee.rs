//! An employee: somebody of the house, who does activities and is led by somebody.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_chassis::security::Sight;
use dealflow_chassis::{Refusal, rows};
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{IntoActiveModel, QuerySelect};

use crate::activity::{self, Names, Verb};
use crate::error::Error;
use crate::hierarchy;

/// Somebody of the house.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "employee")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The etag.
    pub version: i64,
    /// When the record was made.
    pub created_at: DateTime<Utc>,
    /// The name that the person goes by; unique.
    pub display_name: String,
    /// Who leads the person.
    pub manager: Option<Uuid>,
    /// The office.
    pub office: String,
    /// The team.
    pub team: String,
    /// E-mail address.
    pub email: String,
    /// What the person may decide or does.
    #[sea_orm(column_type = "JsonBinary")]
    pub roles: Names,
    /// Whether the person is here: who is not gets no new work and no news.
    pub active: bool,
    /// When the record last changed; none where it did not.
    pub updated_at: Option<DateTime<Utc>>,
}

/// No relations: a manager is looked up by id where it is asked for.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of employees lets be filtered and sorted; each order has its index in `m0001_activities`.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .text("display_name", Column::DisplayName)
        .uuid("manager", "employees", Column::Manager)
        .filter_only()
        .text("team", Column::Team)
        .filter_only()
        .text("office", Column::Office)
        .filter_only()
        .text("email", Column::Email)
        .filter_only()
        .bool("active", Column::Active)
        .filter_only()
        .time("create_time", Column::CreatedAt)
        .filter_only()
});

impl Model {
    /// Its resource name.
    pub fn name(&self) -> String {
        names::EMPLOYEES.name(self.id)
    }

    /// When it was made or last changed.
    pub fn changed_at(&self) -> DateTime<Utc> {
        self.updated_at.unwrap_or(self.created_at)
    }
}

/// The employee of this name.
pub async fn get(db: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let id = names::EMPLOYEES.parse(name).map_err(Refusal::from)?;
    Ok(Entity::find_by_id(id).one(db).await?.ok_or_else(|| Refusal::missing(name))?)
}

/// The employee of this name, of whose own a caller reads: tasks, calendar, notifications. Where he does not see that, it
/// is as if there were nobody (R-SEC-1).
pub async fn get_seen(db: &impl ConnectionTrait, name: &str, sight: &Sight) -> Result<Model, Error> {
    let employee = get(db, name).await?;
    if sight.sees_own_of(employee.id) { Ok(employee) } else { Err(Refusal::missing(name).into()) }
}

/// The employee of this name, locked until the end of the transaction.
pub async fn lock(tx: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let id = names::EMPLOYEES.parse(name).map_err(Refusal::from)?;
    Ok(Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or_else(|| Refusal::missing(name))?)
}

/// Those of these people who are here: who is not is told nothing.
pub async fn active(db: &impl ConnectionTrait, people: &[Uuid]) -> Result<Vec<Model>, Error> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let here = Entity::find().filter(Column::Id.is_in(people.iter().copied())).filter(Column::Active.eq(true));
    Ok(here.all(db).await?)
}

/// Refuses a performer who is not there, or not any more; nobody is fine.
pub async fn check_works(tx: &impl ConnectionTrait, employee: Option<Uuid>) -> Result<(), Error> {
    let Some(id) = employee else { return Ok(()) };
    let performer = get(tx, &names::EMPLOYEES.name(id)).await?;
    if performer.active { Ok(()) } else { Err(Error::Inactive { employee: performer.name() }) }
}

/// Refuses an employee who is not there; nobody is fine.
pub async fn check_known(tx: &impl ConnectionTrait, employee: Option<Uuid>) -> Result<(), Error> {
    if let Some(id) = employee {
        get(tx, &names::EMPLOYEES.name(id)).await?;
    }
    Ok(())
}

/// Refuses a name that somebody else has.
pub async fn check_display_name(tx: &impl ConnectionTrait, employee: &Model) -> Result<(), Error> {
    let same = Entity::find().select_only().column(Column::Id).filter(Column::DisplayName.eq(&employee.display_name));
    let same = same.filter(Column::Id.ne(employee.id));
    let id: Option<Uuid> = same.into_tuple().one(tx).await?;
    let Some(id) = id else { return Ok(()) };
    let (value, holder) = (employee.display_name.clone(), names::EMPLOYEES.name(id));
    Err(Error::Taken { field: "display_name", value, holder })
}

/// Adds an employee.
pub async fn insert(tx: &impl ConnectionTrait, employee: &Model) -> Result<(), Error> {
    Entity::insert(employee.clone().into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves a changed employee as the next version; only what changed is written.
pub async fn save(
    tx: &impl ConnectionTrait,
    before: &Model,
    mut employee: Model,
    now: DateTime<Utc>,
) -> Result<Model, Error> {
    employee.version += 1;
    employee.updated_at = Some(now);
    let row = rows::changed::<Entity>(before, &employee);
    Entity::update_many().set(row).filter(Column::Id.eq(employee.id)).exec(tx).await?;
    Ok(employee)
}

/// Refuses an actor who is neither the performer nor a manager above (R-ACT-7). Actors that are no employees are
/// services, or a loopback without authentication: they pass.
pub async fn check_may(
    tx: &impl ConnectionTrait,
    activity: &activity::Model,
    verb: Verb,
    actor: &str,
) -> Result<(), Error> {
    let (Some(performer), Ok(asks)) = (activity.performer, names::EMPLOYEES.parse(actor)) else { return Ok(()) };
    let of_author = verb == Verb::ReassignActivity && activity.author == actor;
    if performer == asks || of_author || hierarchy::is_above(tx, asks, performer).await? {
        return Ok(());
    }
    Err(Error::NotYours {
        activity: activity.name(),
        verb,
        performer: names::EMPLOYEES.name(performer),
        actor: actor.to_owned(),
    })
}
