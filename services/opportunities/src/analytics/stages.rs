//! The way through the stages: how long opportunities stay, how far they come, where they are lost.
//!
//! Read from the stage entries themselves, of the sales that began in a range of days.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{Filter, Sql};
use crate::error::Error;
use crate::library::{Meaning, Stages};

/// How opportunities went through one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRow {
    /// The slug of the stage.
    pub stage: String,
    /// How often it was entered.
    pub entries: i64,
    /// How often it was left.
    pub left: i64,
    /// Microseconds spent in it by the entries that were left.
    pub micros: i128,
    /// How many opportunities were in it.
    pub opportunities: i64,
    /// How many came so far or farther.
    pub reached: i64,
    /// How many came farther: to the next stage, or, from the last one, were won.
    pub farther: i64,
    /// How many of those that were in it were won.
    pub won: i64,
    /// How many of those that were in it were lost.
    pub lost: i64,
    /// How many were lost while they were in it.
    pub lost_here: i64,
}

#[derive(FromQueryResult)]
struct Counted {
    stage: String,
    entries: i64,
    left_count: i64,
    seconds: i64,
    rest: i64,
    opportunities: i64,
    won: i64,
    lost: i64,
    lost_here: i64,
}

#[derive(FromQueryResult)]
struct Best {
    best: i32,
    count: i64,
}

/// The open stages that any of the opportunities was in, in order; days are those on which the sales began.
///
/// # Errors
/// What the database says.
pub async fn stage_figures(
    db: &impl ConnectionTrait,
    filter: &Filter,
    stages: &Stages,
) -> Result<Vec<StageRow>, Error> {
    let counted = counted(db, filter).await?;
    let open: Vec<&str> = stages.open().map(|stage| stage.id.as_str()).collect();
    let best = best(db, filter, stages, &open).await?;
    let reached = |place: usize| best.iter().filter(|it| it.best as usize >= place).map(|it| it.count).sum();
    let rows = open.iter().enumerate().filter_map(|(index, stage)| {
        let counted = counted.iter().find(|counted| counted.stage == *stage)?;
        Some(StageRow {
            stage: (*stage).to_owned(),
            entries: counted.entries,
            left: counted.left_count,
            micros: i128::from(counted.seconds) * 1_000_000 + i128::from(counted.rest),
            opportunities: counted.opportunities,
            reached: reached(index + 1),
            farther: reached(index + 2),
            won: counted.won,
            lost: counted.lost,
            lost_here: counted.lost_here,
        })
    });
    Ok(rows.collect())
}

async fn counted(db: &impl ConnectionTrait, filter: &Filter) -> Result<Vec<Counted>, Error> {
    let mut sql = Sql::new(db);
    let which = which(&mut sql, filter);
    let text = format!(
        "SELECT e.stage, COUNT(*) AS entries, COUNT(e.left_at) AS left_count, \
         CAST(COALESCE(SUM(e.spent_micros / 1000000), 0) AS BIGINT) AS seconds, \
         CAST(COALESCE(SUM(e.spent_micros % 1000000), 0) AS BIGINT) AS rest, \
         COUNT(DISTINCT e.opportunity) AS opportunities, \
         COUNT(DISTINCT CASE WHEN o.state = 'WON' THEN e.opportunity END) AS won, \
         COUNT(DISTINCT CASE WHEN o.state = 'LOST' THEN e.opportunity END) AS lost, \
         COUNT(DISTINCT CASE WHEN o.state = 'LOST' AND e.number = f.number - 1 THEN e.opportunity END) AS lost_here \
         FROM opportunity o JOIN stage_entry e ON e.opportunity = o.id JOIN stage_entry f ON f.id = o.entry \
         WHERE {which} GROUP BY e.stage"
    );
    Ok(Counted::find_by_statement(sql.statement(text)).all(db).await?)
}

/// How many opportunities came how far: to the place of an open stage, from 1, or past them all.
async fn best(db: &impl ConnectionTrait, filter: &Filter, stages: &Stages, open: &[&str]) -> Result<Vec<Best>, Error> {
    let mut sql = Sql::new(db);
    let won = stages.all().iter().filter(|stage| stage.meaning == Meaning::Won).map(|stage| stage.id.as_str());
    // Each process may end in a won stage of its own: they are all the one place behind the open ones.
    let places = open.iter().copied().zip(1..).chain(won.map(|stage| (stage, open.len() + 1)));
    let places: String =
        places.map(|(stage, place)| format!(" WHEN e.stage = {} THEN {place}", sql.bind(stage))).collect();
    let which = which(&mut sql, filter);
    let text = format!(
        "SELECT best, COUNT(*) AS count FROM (SELECT MAX(CASE{places} ELSE 0 END) AS best \
         FROM opportunity o JOIN stage_entry e ON e.opportunity = o.id WHERE {which} GROUP BY o.id) came GROUP BY best"
    );
    Ok(Best::find_by_statement(sql.statement(text)).all(db).await?)
}

fn which(sql: &mut Sql, filter: &Filter) -> String {
    let process = if sql.postgres() { "o.run->>'process'" } else { "JSON_EXTRACT(o.run, '$.process')" };
    let owners = sql.and_in("o.owner", filter.owners.iter().copied());
    let process = sql.and_in(process, filter.process.clone());
    let days = sql.and_between("o.open_date", filter.from, filter.to);
    format!("true{owners}{process}{days}")
}
