//! The way through the stages: how long opportunities stay, how far they come, where they are lost.
//!
//! Read from the stage entries themselves, of the sales that began in a range of days; each process by itself, for what
//! comes after a stage is another question in each.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{Filter, Sql};
use crate::error::Error;
use crate::library::{Meaning, Process, Stages};

/// How the opportunities of one process went through one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRow {
    /// The slug of the process; empty for those without one.
    pub process: String,
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
    process: String,
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
    process: String,
    best: i32,
    count: i64,
}

/// The open stages of one process that any of its opportunities was in, in order.
struct Way {
    process: String,
    stages: Vec<String>,
}

/// The open stages that any of the opportunities was in, by process and in order; days are those on which the sales
/// began. `processes` are the latest versions, whose orders hold.
///
/// # Errors
/// What the database says.
pub async fn stage_figures(
    db: &impl ConnectionTrait,
    filter: &Filter,
    stages: &Stages,
    processes: &[std::sync::Arc<Process>],
) -> Result<Vec<StageRow>, Error> {
    let counted = counted(db, filter).await?;
    let ways = ways(&counted, stages, processes);
    let best = best(db, filter, stages, &ways).await?;
    let mut rows = Vec::new();
    for way in ways {
        let best: Vec<&Best> = best.iter().filter(|it| it.process == way.process).collect();
        let reached = |place: usize| best.iter().filter(|it| it.best as usize >= place).map(|it| it.count).sum();
        for (index, stage) in way.stages.iter().enumerate() {
            let here = counted.iter().find(|it| it.process == way.process && it.stage == *stage);
            let Some(counted) = here else { continue };
            rows.push(StageRow {
                process: way.process.clone(),
                stage: stage.clone(),
                entries: counted.entries,
                left: counted.left_count,
                micros: i128::from(counted.seconds) * 1_000_000 + i128::from(counted.rest),
                opportunities: counted.opportunities,
                reached: reached(index + 1),
                farther: reached(index + 2),
                won: counted.won,
                lost: counted.lost,
                lost_here: counted.lost_here,
            });
        }
    }
    Ok(rows)
}

/// Each process that was counted, with its open stages in its own order. Those that it does not know, from before its
/// start, from an older version or from after its end, stand where the lookup has them; without a process that is all.
fn ways(counted: &[Counted], stages: &Stages, processes: &[std::sync::Arc<Process>]) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for one in counted {
        if ways.iter().all(|way| way.process != one.process) {
            let process = processes.iter().find(|it| it.id.value == one.process);
            let own = process.into_iter().flat_map(|process| &process.stages).map(|stage| stage.stage.value.clone());
            let own = own.filter(|stage| stages.get(stage).is_some_and(|stage| stage.meaning == Meaning::Open));
            ways.push(Way { process: one.process.clone(), stages: own.collect() });
        }
    }
    let place = |slug: &str| stages.open().position(|stage| stage.id == slug);
    for way in &mut ways {
        let seen = |stage: &str| counted.iter().any(|it| it.process == way.process && it.stage == stage);
        for stage in stages.open().filter(|stage| seen(&stage.id)) {
            if !way.stages.contains(&stage.id) {
                let before = way.stages.iter().rposition(|known| place(known) < place(&stage.id));
                way.stages.insert(before.map_or(0, |before| before + 1), stage.id.clone());
            }
        }
    }
    ways.sort_by(|one, other| one.process.cmp(&other.process));
    ways
}

async fn counted(db: &impl ConnectionTrait, filter: &Filter) -> Result<Vec<Counted>, Error> {
    let mut sql = Sql::new(db);
    let which = which(&mut sql, filter);
    let text = format!(
        "SELECT COALESCE(o.process, '') AS process, e.stage, COUNT(*) AS entries, COUNT(e.left_at) AS left_count, \
         CAST(COALESCE(SUM(e.spent_micros / 1000000), 0) AS BIGINT) AS seconds, \
         CAST(COALESCE(SUM(e.spent_micros % 1000000), 0) AS BIGINT) AS rest, \
         COUNT(DISTINCT e.opportunity) AS opportunities, \
         COUNT(DISTINCT CASE WHEN o.state = 'WON' THEN e.opportunity END) AS won, \
         COUNT(DISTINCT CASE WHEN o.state = 'LOST' THEN e.opportunity END) AS lost, \
         COUNT(DISTINCT CASE WHEN o.state = 'LOST' AND e.number = f.number - 1 THEN e.opportunity END) AS lost_here \
         FROM opportunity o JOIN stage_entry e ON e.opportunity = o.id JOIN stage_entry f ON f.id = o.entry \
         WHERE {which} GROUP BY 1, 2"
    );
    Ok(Counted::find_by_statement(sql.statement(text)).all(db).await?)
}

/// How many opportunities of each process came how far: to the place of an open stage, from 1, or past them all.
async fn best(db: &impl ConnectionTrait, filter: &Filter, stages: &Stages, ways: &[Way]) -> Result<Vec<Best>, Error> {
    if ways.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(db);
    // Each process may end in a won stage of its own: they are all the one place behind the open ones.
    let won: Vec<&str> =
        stages.all().iter().filter(|stage| stage.meaning == Meaning::Won).map(|stage| stage.id.as_str()).collect();
    let mut places = String::new();
    for way in ways {
        let process = sql.bind(way.process.as_str());
        let open = way.stages.iter().map(String::as_str).zip(1..);
        for (stage, place) in open.chain(won.iter().map(|stage| (*stage, way.stages.len() + 1))) {
            let stage = sql.bind(stage);
            places += &format!(" WHEN e.process = {process} AND e.stage = {stage} THEN {place}");
        }
    }
    let which = which(&mut sql, filter);
    let text = format!(
        "SELECT process, best, COUNT(*) AS count FROM \
         (SELECT e.process, MAX(CASE{places} ELSE 0 END) AS best FROM \
         (SELECT o.id, COALESCE(o.process, '') AS process, e.stage \
         FROM opportunity o JOIN stage_entry e ON e.opportunity = o.id WHERE {which}) e \
         GROUP BY e.id, e.process) came GROUP BY process, best"
    );
    Ok(Best::find_by_statement(sql.statement(text)).all(db).await?)
}

fn which(sql: &mut Sql, filter: &Filter) -> String {
    let owners = sql.and_in("o.owner", filter.owners.iter().copied());
    let process = sql.and_in("o.process", filter.process.clone());
    let days = sql.and_between("o.open_date", filter.from, filter.to);
    format!("true{owners}{process}{days}")
}
