//! Who gets a lead: by hand, round robin, or the least busy (R-LED-6).
//!
//! Each employee has a turn: the greater, the later he got his last lead. Whoever distributes locks the turns of those
//! among whom he does, in the order of their ids; so distributions at the same time wait for each other, and each sees
//! what the one before gave. Overlapping teams share their turns: nobody is served twice for being in two of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, OnConflict};
use sea_orm::{ExprTrait, IntoActiveModel, QueryOrder, QuerySelect};

use crate::error::Error;
use crate::lead::{self, Stage, State};

/// An employee's last turn.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "distribution_turn")]
pub struct Model {
    /// The employee.
    #[sea_orm(primary_key, auto_increment = false)]
    pub employee: Uuid,
    /// 0 for none; among those who were served together the greater is the later.
    pub turn: i64,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// How an owner is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The only one.
    ByHand,
    /// Whose turn was the longest ago.
    RoundRobin,
    /// Who owns the fewest open leads.
    LeastBusy,
}

/// One of those among whom leads are distributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The employee.
    pub employee: Uuid,
    /// His last turn; 0 for none.
    pub turn: i64,
    /// Open leads that he owns.
    pub open: i64,
}

/// Gives each lead, by its present owner, to one of the candidates: the chosen ones, in the order of the leads. The
/// candidates' turns and counts go on with it.
pub fn choose(method: Method, candidates: &mut [Candidate], owners: &[Option<Uuid>]) -> Vec<Uuid> {
    let mut last = candidates.iter().map(|candidate| candidate.turn).max().unwrap_or_default();
    let mut chosen = Vec::with_capacity(owners.len());
    for owner in owners {
        // A lead that is taken from somebody does not keep him busy any more.
        if let Some(before) = candidates.iter_mut().find(|candidate| Some(candidate.employee) == *owner) {
            before.open -= 1;
        }
        let busy = |candidate: &Candidate| if method == Method::LeastBusy { candidate.open } else { 0 };
        let next = candidates.iter_mut().min_by_key(|candidate| (busy(candidate), candidate.turn));
        if let Some(next) = next {
            last += 1;
            next.turn = last;
            next.open += 1;
            chosen.push(next.employee);
        }
    }
    chosen
}

/// The candidates as they stand, in the order given, their turns locked until the end of the transaction.
pub async fn candidates(
    tx: &impl ConnectionTrait,
    method: Method,
    employees: &[Uuid],
) -> Result<Vec<Candidate>, Error> {
    let mut ids = employees.to_vec();
    ids.sort();
    ids.dedup();
    let none = ids.iter().map(|employee| Model { employee: *employee, turn: 0 }.into_active_model().reset_all());
    let there = OnConflict::column(Column::Employee).do_nothing().to_owned();
    Entity::insert_many(none).on_conflict(there).exec_without_returning(tx).await?;
    let wanted = Entity::find().filter(Column::Employee.is_in(ids)).order_by_asc(Column::Employee);
    let turns: HashMap<Uuid, i64> =
        wanted.lock_exclusive().all(tx).await?.into_iter().map(|row| (row.employee, row.turn)).collect();
    let open = if method == Method::LeastBusy { open_leads(tx, employees).await? } else { HashMap::new() };
    let of = |found: &HashMap<Uuid, i64>, id: &Uuid| found.get(id).copied().unwrap_or_default();
    let mut candidates: Vec<Candidate> = Vec::with_capacity(employees.len());
    for employee in employees {
        if candidates.iter().all(|known| known.employee != *employee) {
            let (turn, open) = (of(&turns, employee), of(&open, employee));
            candidates.push(Candidate { employee: *employee, turn, open });
        }
    }
    Ok(candidates)
}

/// How many open leads each owns.
async fn open_leads(tx: &impl ConnectionTrait, employees: &[Uuid]) -> Result<HashMap<Uuid, i64>, Error> {
    let open = lead::Entity::find()
        .select_only()
        .column(lead::Column::Owner)
        .column_as(lead::Column::Id.count(), "open")
        .filter(lead::Column::Owner.is_in(employees.iter().copied()))
        .filter(lead::Column::State.is_in([State::New, State::Contacted]))
        .group_by(lead::Column::Owner);
    let counted: Vec<(Uuid, i64)> = open.into_tuple().all(tx).await?;
    Ok(counted.into_iter().collect())
}

/// Keeps the turns that were taken.
pub async fn save_turns(tx: &impl ConnectionTrait, candidates: &[Candidate]) -> Result<(), Error> {
    let rows =
        candidates.iter().map(|it| Model { employee: it.employee, turn: it.turn }.into_active_model().reset_all());
    let moved = OnConflict::column(Column::Employee).update_column(Column::Turn).to_owned();
    Entity::insert_many(rows).on_conflict(moved).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves the leads that were handed over, each with its owner, in one statement.
pub async fn save_leads(tx: &impl ConnectionTrait, leads: &[lead::Model], now: DateTime<Utc>) -> Result<(), Error> {
    use lead::Column;
    if leads.is_empty() {
        return Ok(());
    }
    let each = |value: fn(&lead::Model) -> sea_orm::Value| {
        leads.iter().fold(CaseStatement::new(), |case, lead| case.case(Column::Id.eq(lead.id), Expr::val(value(lead))))
    };
    lead::Entity::update_many()
        .col_expr(Column::Owner, each(|lead| lead.owner.into()).into())
        .col_expr(Column::StageSince, each(|lead| lead.stage_since.into()).into())
        .col_expr(Column::Stage, Expr::val(Stage::HandoffToSales.to_string()))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::val(now))
        .filter(Column::Id.is_in(leads.iter().map(|lead| lead.id)))
        .exec(tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(number: u128, turn: i64, open: i64) -> Candidate {
        Candidate { employee: Uuid::from_u128(number), turn, open }
    }

    proptest! {
        /// R-LED-6: round robin serves all before it serves one again, whatever the turns before.
        #[test]
        fn a_round_serves_everybody_once(turns in prop::collection::vec(0..50_i64, 1..12), rounds in 1..5_usize) {
            let mut all: Vec<_> = turns.iter().zip(1..).map(|(turn, n)| candidate(n, *turn, 0)).collect();
            let leads = vec![None; all.len() * rounds];
            let chosen = choose(Method::RoundRobin, &mut all, &leads);
            for round in chosen.chunks(all.len()) {
                let mut served = round.to_vec();
                served.sort();
                served.dedup();
                prop_assert_eq!(served.len(), all.len());
            }
        }

        /// R-LED-6: the least busy gets it, so that enough leads level everybody to within one.
        #[test]
        fn enough_leads_level_everybody(open in prop::collection::vec(0..30_i64, 1..12)) {
            let mut all: Vec<_> = open.iter().zip(1..).map(|(open, n)| candidate(n, 0, *open)).collect();
            let most = open.iter().max().copied().unwrap_or_default();
            let needed = open.iter().map(|count| most - count).sum::<i64>() + 3;
            let leads = vec![None; usize::try_from(needed).unwrap_or_default()];
            choose(Method::LeastBusy, &mut all, &leads);
            let counts: Vec<i64> = all.iter().map(|candidate| candidate.open).collect();
            let (least, most) = (counts.iter().min(), counts.iter().max());
            prop_assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{counts:?}");
        }
    }

    #[test]
    fn a_lead_that_is_given_on_does_not_count_for_who_had_it() {
        let mut all = [candidate(1, 0, 2), candidate(2, 0, 2)];
        let chosen = choose(Method::LeastBusy, &mut all, &[Some(Uuid::from_u128(1))]);
        assert_eq!(chosen, [Uuid::from_u128(1)], "without it he is the least busy");
        assert_eq!(all[0].open, 2);
    }
}
