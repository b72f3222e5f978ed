//! What orders come to by now: an order that the ERP agreed to change has the totals of its last change in both books.

use std::collections::HashMap;

use dealflow_chassis::Store;
use dealflow_proto::erp::v1::{Document, ErpDocument};
use dealflow_proto::types::v1::Totals;
use prost::Message;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use crate::handoff::record::{Column, Entity, Kind, Model, State};

/// The changes of some orders, first to last.
pub(super) struct Changes(HashMap<String, Vec<(State, Totals)>>);

impl Changes {
    /// Those of the orders among these documents, in one query.
    pub(super) async fn of(store: &Store, documents: &[Model]) -> Result<Self, DbErr> {
        let orders = documents.iter().filter(|row| row.kind == Kind::Order);
        let orders: Vec<&str> = orders.map(|row| row.external_id.as_str()).collect();
        let mut changes: HashMap<String, Vec<(State, Totals)>> = HashMap::new();
        if orders.is_empty() {
            return Ok(Self(changes));
        }
        let rows = Entity::find()
            .filter(Column::Chain.is_in(orders))
            .filter(Column::Kind.eq(Kind::OrderChange))
            .order_by_asc(Column::Id)
            .all(store.reader())
            .await?;
        for row in rows {
            let document = Document::decode(row.payload.as_slice());
            let document = document.map_err(|error| DbErr::Custom(error.to_string()))?;
            changes.entry(row.chain).or_default().push((row.state, document.totals.unwrap_or_default()));
        }
        Ok(Self(changes))
    }

    /// The document with what it comes to by now: by the last change that the ERP agreed to, or by one of which we have
    /// not heard yet, where the ERP's book has that already.
    pub(super) fn apply(&self, ours: &Model, document: Document, theirs: Option<&ErpDocument>) -> Document {
        let Some(changes) = self.0.get(&ours.external_id).filter(|_| ours.kind == Kind::Order) else { return document };
        let open = |state: State| !matches!(state, State::Delivered | State::Rejected | State::Abandoned);
        let in_their_book = |totals: &Totals| {
            theirs.is_some_and(|theirs| {
                (&theirs.total_without_vat, &theirs.total_vat, &theirs.total_with_vat)
                    == (&totals.total_without_vat, &totals.total_vat, &totals.total_with_vat)
            })
        };
        let unheard = changes.iter().rev().find(|(state, totals)| open(*state) && in_their_book(totals));
        let agreed = changes.iter().rev().find(|(state, _)| *state == State::Delivered);
        match unheard.or(agreed) {
            Some((_, totals)) => Document { totals: Some(totals.clone()), ..document },
            None => document,
        }
    }
}
