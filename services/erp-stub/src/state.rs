//! What the stub is like, and its clock: kept beside the books, so that a restart changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_chassis::store::Store;
use dealflow_proto::erp::v1::{Configuration, MasterData, Personality, Simulation};
use prost::Message;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, Set};

const CONFIGURATION: &str = "configuration";
const CLOCK: &str = "clock";
const EPOCH: &str = "epoch";

/// One thing that is kept.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "state")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the stub is like now.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// As the control service set it.
    pub configuration: Configuration,
    /// How far its clock is ahead, in microseconds.
    ahead: i64,
    /// Counts the times that the books were put back: cursors of an earlier time are none of this.
    pub epoch: i64,
}

impl State {
    /// As it is kept.
    pub async fn load<C: ConnectionTrait>(db: &C) -> Result<Self, DbErr> {
        let mut state = Self::default();
        for row in Entity::find().all(db).await? {
            match row.key.as_str() {
                CONFIGURATION => {
                    let read = Configuration::decode(row.value.as_slice());
                    state.configuration = read.map_err(|error| DbErr::Custom(error.to_string()))?;
                }
                CLOCK => state.ahead = number(&row.value),
                EPOCH => state.epoch = number(&row.value),
                _ => {}
            }
        }
        Ok(state)
    }

    /// What the clock shows.
    pub fn now(&self, store: &Store) -> DateTime<Utc> {
        store.clock().now() + TimeDelta::microseconds(self.ahead)
    }

    /// How it takes documents.
    pub fn personality(&self) -> Personality {
        match self.configuration.personality() {
            Personality::Unspecified => Personality::Native,
            personality => personality,
        }
    }

    /// What happens by itself.
    pub fn simulation(&self) -> Simulation {
        self.configuration.simulation.unwrap_or_default()
    }

    /// What it knows.
    pub fn master_data(&self) -> MasterData {
        self.configuration.master_data.clone().unwrap_or_default()
    }

    /// Moves the clock on.
    pub async fn advance(&mut self, tx: &DatabaseTransaction, by: TimeDelta) -> Result<(), DbErr> {
        self.ahead = self.ahead.saturating_add(by.num_microseconds().unwrap_or(i64::MAX).max(0));
        keep(tx, CLOCK, self.ahead.to_be_bytes().to_vec()).await
    }

    /// The books were put back: what was told of them may be told again.
    pub async fn next_epoch(&mut self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        self.epoch += 1;
        keep(tx, EPOCH, self.epoch.to_be_bytes().to_vec()).await
    }
}

/// Keeps what the stub is like.
pub async fn configure(tx: &DatabaseTransaction, configuration: &Configuration) -> Result<(), DbErr> {
    keep(tx, CONFIGURATION, configuration.encode_to_vec()).await
}

async fn keep(tx: &DatabaseTransaction, key: &str, value: Vec<u8>) -> Result<(), DbErr> {
    let row = ActiveModel { key: Set(key.to_owned()), value: Set(value) };
    let replace = OnConflict::column(Column::Key).update_column(Column::Value).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

fn number(bytes: &[u8]) -> i64 {
    bytes.try_into().map(i64::from_be_bytes).unwrap_or_default()
}
