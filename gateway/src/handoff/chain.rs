//! The hand-overs of one order, as far as they decide what can be asked of the ERP about it (R-ORD-1).

use dealflow_chassis::history;
use dealflow_proto::names;
use prost::Message;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::Handoffs;
use super::outcome::told;
use super::record::{ActiveModel, Column, Entity, Kind, Model, State};

/// What the ERP can be asked about an order.
pub(crate) const WISHES: [Kind; 2] = [Kind::OrderChange, Kind::OrderCancellation];

/// How the hand-overs of an order stand.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Standing {
    /// Its own hand-over was given up.
    #[prost(bool, tag = "1")]
    pub(crate) given_up: bool,
    /// It was, and the ERP may have it all the same: an answer was lost.
    #[prost(bool, tag = "2")]
    pub(crate) unsure: bool,
    /// The ERP refused its own hand-over: it has nothing of it.
    #[prost(bool, tag = "7")]
    pub(crate) refused: bool,
    /// A credit note of it that the ERP refused, by the name of its hand-over; empty where there is none.
    #[prost(string, tag = "8")]
    pub(crate) refused_note: String,
    /// Which that is: its external id.
    #[prost(string, tag = "9")]
    pub(crate) refused_note_is: String,
    /// What the ERP is asked already and has not answered, by name; empty where it is asked nothing.
    #[prost(string, tag = "3")]
    pub(crate) pending: String,
    /// What that is: external id and state.
    #[prost(string, tag = "4")]
    pub(crate) pending_is: String,
    /// Whether that is its cancellation, and not a change.
    #[prost(bool, tag = "6")]
    pub(crate) pending_cancels: bool,
    /// Under which number the next change goes: that of the last one where the ERP refused it, else one more.
    #[prost(int32, tag = "5")]
    pub(crate) next_change: i32,
}

impl Handoffs {
    /// How the hand-overs of an order stand, by the order's external id.
    pub(crate) async fn of_order(&self, order: &str) -> Result<Standing, DbErr> {
        let rows: Vec<(Uuid, String, Kind, State, bool)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::ExternalId, Column::Kind, Column::State, Column::LookUpFirst])
            .filter(Column::Chain.eq(order))
            .filter(Column::Kind.is_in([Kind::Order, Kind::OrderChange, Kind::OrderCancellation, Kind::CreditNote]))
            .order_by_asc(Column::Id)
            .into_tuple()
            .all(self.0.store.reader())
            .await?;
        let mut standing = Standing { next_change: 1, ..Standing::default() };
        for (id, external_id, kind, state, unsure) in rows {
            let open = !matches!(state, State::Delivered | State::Rejected | State::Abandoned);
            if kind == Kind::Order {
                standing.given_up = state == State::Abandoned;
                standing.unsure = standing.given_up && unsure;
                standing.refused = state == State::Rejected;
            } else if kind == Kind::CreditNote {
                if state == State::Rejected {
                    standing.refused_note = names::HANDOFFS.name(id);
                    standing.refused_note_is = external_id;
                }
                continue;
            } else if open {
                standing.pending = names::HANDOFFS.name(id);
                standing.pending_cancels = kind == Kind::OrderCancellation;
                standing.pending_is = format!("{external_id}, {state}");
            }
            if kind == Kind::OrderChange
                && let Some(number) = change_number(&external_id)
            {
                let next = if state == State::Rejected { number } else { number.saturating_add(1) };
                standing.next_change = standing.next_change.max(next);
            }
        }
        Ok(standing)
    }

    /// Gives up what the ERP was to be asked about an order once it has it: it does not take the order.
    pub(crate) async fn give_up_wishes(&self, order: &str) -> Result<(), DbErr> {
        let store = &self.0.store;
        let now = store.clock().now();
        let tx = store.begin().await?;
        let waiting = Entity::find()
            .filter(Column::Awaits.eq(order))
            .filter(Column::Kind.is_in(WISHES))
            // As the index says it.
            .filter(Expr::cust("state = 'BLOCKED'"))
            .order_by_asc(Column::ExternalId)
            .lock_exclusive()
            .all(&tx)
            .await?;
        for row in waiting {
            let version = row.version + 1;
            let after = Model { state: State::Abandoned, next_attempt_at: None, version, updated_at: now, ..row };
            let change = ActiveModel {
                state: Set(after.state),
                next_attempt_at: Set(None),
                version: Set(version),
                updated_at: Set(now),
                ..Default::default()
            };
            Entity::update_many().set(change).filter(Column::Id.eq(after.id)).exec(&tx).await?;
            let reason = format!("the ERP refused {order}");
            let told = told(&after, "handoff.abandoned", ("AbandonHandoff", State::Blocked, &reason), now);
            history::Entity::insert(told).exec_without_returning(&tx).await?;
        }
        store.commit(tx).await
    }
}

/// The number of a change, which ends its external id.
fn change_number(external_id: &str) -> Option<i32> {
    external_id.rsplit_once(":c").and_then(|(_, number)| number.parse().ok())
}
