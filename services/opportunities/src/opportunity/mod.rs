//! An opportunity: what is stored of it, its life cycle, how it is found and locked.
//!
//! - `states`  the life cycle and the reasons of loss
//! - `bant`, `lines`, `people`, `run`  its structured parts
//! - `tactics`, `attempt`  what is kept beside it: the history of its tactics, and what was tried once it was closed
//! - `lose_reason`  the reasons of loss, built in and the user's own
//! - `listed`  what lists filter and order by
//! - `seen`  which of them a caller sees
//! - `fields`  which fields a stage may ask for, and whether they are known

pub mod attempt;
mod bant;
mod fields;
mod lines;
mod listed;
pub mod lose_reason;
mod people;
mod run;
mod seen;
mod states;
pub mod tactics;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::security::Sight;
use dealflow_proto::names::{LEADS, OPPORTUNITIES};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ConnectionTrait, QueryOrder, QuerySelect, SelectTwo};

pub use bant::Bant;
pub use fields::Field;
pub use lines::{Line, Lines};
pub use listed::LISTED;
pub use lose_reason::{NamedReason, Reason};
pub use people::{Competitor, Competitors, Documents, Member, Participant, Participants, Role, Team};
pub use run::{Run, RunState, RunVerb, led_by};
pub use seen::{of_seen, seen, with_participant};
pub use states::{LoseReason, State, Verb};

use crate::amount::Iso;
use crate::error::Error;
use crate::stage_entry;

/// An opportunity.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "opportunity")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Counts its changes; the etag.
    pub version: i64,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Open, won or lost.
    pub state: State,
    /// The slug of the stage that it is in.
    pub stage: String,
    /// The stage entry that it is in, or ended in.
    pub entry: Uuid,
    /// What it is about.
    pub title: String,
    /// The lead that it came from; unique.
    pub lead: Option<Uuid>,
    /// The account that buys.
    pub account: Option<Uuid>,
    /// The contact to talk to.
    pub contact: Option<Uuid>,
    /// The employee who owns it.
    pub owner: Option<Uuid>,
    /// Budget, authority, need, timeframe.
    #[sea_orm(column_type = "JsonBinary")]
    pub bant: Bant,
    /// Currency of all its amounts.
    pub currency: Iso,
    /// What the customer asks for.
    #[sea_orm(column_type = "JsonBinary")]
    pub lines: Lines,
    /// What it may be worth, in minor units: given by hand, or the sum of its lines.
    pub estimated_value: Option<i64>,
    /// Whether the estimate was given by hand.
    pub estimated_by_hand: bool,
    /// The estimate in units of 10^-4: what lists compare.
    pub estimated_rank: Option<i64>,
    /// When it may be decided.
    pub estimated_close_date: Option<NaiveDate>,
    /// Probability in percent where it was given by hand; else the stage's holds.
    pub probability: Option<i32>,
    /// How the sale is to be won.
    pub tactics: String,
    /// Who else wants to sell.
    pub competitor: String,
    /// The day of the presentation.
    pub presentation_date: Option<NaiveDate>,
    /// Notes.
    pub notes: String,
    /// Where it came from.
    pub source: String,
    /// Id in the system that it was imported from; unique.
    pub external_id: Option<String>,
    /// The first day of the sale.
    pub open_date: NaiveDate,
    /// The day it was won or lost.
    pub close_date: Option<NaiveDate>,
    /// What it was worth, in minor units; none where neither the winner nor the estimate said it.
    pub actual_value: Option<i64>,
    /// Minutes spent on it: recorded by results, or given on winning.
    pub spent_minutes: i64,
    /// Why it was lost.
    pub lose_reason: Option<LoseReason>,
    /// The comment on the loss.
    pub lose_comment: String,
    /// Days from `open_date` to `close_date`.
    pub cycle_days: Option<i32>,
    /// The process that leads or led it.
    #[sea_orm(column_type = "JsonBinary")]
    pub run: Option<Run>,
    /// On which terms it is to be sold, in words.
    pub terms_of_sale: String,
    /// The revenue that it is expected to bring, in minor units.
    pub revenue_expectation: Option<i64>,
    /// The channel that it came by.
    pub channel: String,
    /// The campaign that brought it.
    pub campaign: String,
    /// The day on which the proposal is to be handed over.
    pub proposal_handover_date: Option<NaiveDate>,
    /// The order that it is reserved for while it is open: as long as that stands it cannot be lost (R-OPP-2).
    pub reserved_order: Option<Uuid>,
    /// What that order is worth without VAT, in minor units: what the opportunity is worth when it is won.
    pub reserved_value: Option<i64>,
    /// Who else wants to sell.
    #[sea_orm(column_type = "JsonBinary")]
    pub competitors: Competitors,
    /// The contacts who take part.
    #[sea_orm(column_type = "JsonBinary")]
    pub participants: Participants,
    /// The employees who work on it beside the owner.
    #[sea_orm(column_type = "JsonBinary")]
    pub team: Team,
    /// Since when it is on hold; none while it is worked on, and once it is closed.
    pub held_at: Option<DateTime<Utc>>,
    /// Why it is on hold.
    pub hold_reason: String,
    /// Until when it is on hold, where somebody said so.
    pub hold_until: Option<NaiveDate>,
    /// The closed opportunity that it follows.
    pub follow_up_of: Option<Uuid>,
    /// The code of the reason of loss, built in or the user's own; empty while it is not lost.
    pub lose_reason_code: String,
    /// The documents that help to sell it: names of the knowledge base (R-ACT-6).
    #[sea_orm(column_type = "JsonBinary")]
    pub knowledge: Documents,
    /// The process and version that leads it now, `corporate-sale@1`: how the runs of a version are found.
    pub led_by: Option<String>,
}

/// The entry of the stage that it is in.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The current one of its stage entries.
    #[sea_orm(belongs_to = "stage_entry::Entity", from = "Column::Entry", to = "stage_entry::Column::Id")]
    Entry,
}

impl Related<stage_entry::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Entry.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// An open opportunity of which nothing is known yet.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now,
            updated_at: now,
            state: State::Open,
            stage: String::new(),
            entry: Uuid::nil(),
            title: String::new(),
            lead: None,
            account: None,
            contact: None,
            owner: None,
            bant: Bant::default(),
            currency: Iso::of("").expect("the default currency is one"),
            lines: Lines::default(),
            estimated_value: None,
            estimated_by_hand: false,
            estimated_rank: None,
            estimated_close_date: None,
            probability: None,
            tactics: String::new(),
            competitor: String::new(),
            presentation_date: None,
            notes: String::new(),
            source: String::new(),
            external_id: None,
            open_date: now.date_naive(),
            close_date: None,
            actual_value: None,
            spent_minutes: 0,
            lose_reason: None,
            lose_comment: String::new(),
            cycle_days: None,
            run: None,
            terms_of_sale: String::new(),
            revenue_expectation: None,
            channel: String::new(),
            campaign: String::new(),
            proposal_handover_date: None,
            reserved_order: None,
            reserved_value: None,
            competitors: Competitors::default(),
            participants: Participants::default(),
            team: Team::default(),
            held_at: None,
            hold_reason: String::new(),
            hold_until: None,
            follow_up_of: None,
            lose_reason_code: String::new(),
            knowledge: Documents::default(),
            led_by: None,
        }
    }

    /// Its resource name.
    pub fn name(&self) -> String {
        OPPORTUNITIES.name(self.id)
    }

    /// The run that leads it, or would if its definition could be followed.
    pub fn running(&self) -> Option<&Run> {
        self.run.as_ref().filter(|run| run.is_live())
    }

    /// Takes over a change of the run.
    pub fn set_run(&mut self, run: Run) {
        self.led_by = run.is_live().then(|| led_by(&run.process, run.version));
        self.run = Some(run);
    }

    /// Takes an estimate given by hand, or, where there is none, the sum of the lines (R-OPP-1). Lines of which none
    /// has a price yet say nothing of the value: what was estimated before stays.
    pub fn estimate(&mut self, by_hand: Option<i64>, sum_of_lines: Option<i64>) {
        let before = self.estimated_value.filter(|_| !self.lines.0.is_empty());
        self.estimated_by_hand = by_hand.is_some();
        self.estimated_value = by_hand.or(sum_of_lines).or(before);
        self.estimated_rank = self.estimated_value.map(|minor| self.currency.rank(minor));
    }

    /// Refuses a lead or external id that another opportunity has. The unique indexes are the second net.
    pub async fn check_unique(&self, db: &impl ConnectionTrait) -> Result<(), Error> {
        let mut either = Condition::any();
        if let Some(lead) = self.lead {
            either = either.add(Column::Lead.eq(lead));
        }
        if let Some(external_id) = &self.external_id {
            either = either.add(Column::ExternalId.eq(external_id));
        }
        if either.is_empty() {
            return Ok(());
        }
        let holder = Entity::find().filter(either).filter(Column::Id.ne(self.id)).one(db).await?;
        let Some(holder) = holder else { return Ok(()) };
        let (field, value) = match self.lead.filter(|lead| holder.lead == Some(*lead)) {
            Some(lead) => ("lead", LEADS.name(lead)),
            None => ("external_id", self.external_id.clone().unwrap_or_default()),
        };
        Err(Error::Taken { field, value, holder: holder.name() })
    }
}

/// An opportunity with its current stage entry, to be read: the only way to it. What is not seen is missing (R-SEC-1).
pub async fn find(db: &impl ConnectionTrait, id: Uuid, sight: &Sight) -> Result<(Model, stage_entry::Model), Error> {
    if_seen(with_entry(id).one(db).await?, id, sight)
}

/// As [`find`], for who means to change it: both stay locked until the transaction ends. Both, for PostgreSQL reads anew
/// only what it locks after a wait; and who waited while the entry became another gets nothing by the join.
pub async fn lock(db: &impl ConnectionTrait, id: Uuid, sight: &Sight) -> Result<(Model, stage_entry::Model), Error> {
    let mut locked = with_entry(id).lock_exclusive().one(db).await?;
    if locked.is_none() && Entity::find_by_id(id).lock_exclusive().one(db).await?.is_some() {
        locked = with_entry(id).one(db).await?;
    }
    if_seen(locked, id, sight)
}

fn with_entry(id: Uuid) -> SelectTwo<Entity, stage_entry::Entity> {
    Entity::find_by_id(id).inner_join(stage_entry::Entity).select_also(stage_entry::Entity)
}

fn if_seen(
    found: Option<(Model, Option<stage_entry::Model>)>,
    id: Uuid,
    sight: &Sight,
) -> Result<(Model, stage_entry::Model), Error> {
    let seen = found.filter(|(it, _)| it.is_seen(sight)).and_then(|(it, entry)| Some((it, entry?)));
    seen.ok_or_else(|| Error::Missing(OPPORTUNITIES.name(id)))
}

/// A page of opportunities that a version of a process leads, behind one; locked until the transaction ends.
pub async fn lock_led_by(
    db: &impl ConnectionTrait,
    led_by: &str,
    behind: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut led = Entity::find().filter(Column::LedBy.eq(led_by)).order_by_asc(Column::Id).limit(limit);
    if let Some(behind) = behind {
        led = led.filter(Column::Id.gt(behind));
    }
    led.lock_exclusive().all(db).await
}

/// How many opportunities each version of a process leads.
pub async fn count_led_by(db: &impl ConnectionTrait, versions: Vec<String>) -> Result<Vec<(String, i64)>, DbErr> {
    let counts = Entity::find().select_only().column(Column::LedBy).column_as(Column::Id.count(), "count");
    counts.filter(Column::LedBy.is_in(versions)).group_by(Column::LedBy).into_tuple().all(db).await
}
