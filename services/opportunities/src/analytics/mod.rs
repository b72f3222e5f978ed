//! Figures over all opportunities (R-ANA-1): equal to a recomputation from the rows.
//!
//! Each change of an opportunity leaves facts in its own transaction, by the triggers of migration `m0006_figures`: what
//! an open one was and is, what a closed one was worth. They are only appended, so that closings at the same time do not
//! wait for each other; `fold` sums them up later. A figure is the sum of what is folded and what is not, read in one
//! statement, and so it is exact at any time, and as fast over a million opportunities as over a hundred.
//!
//! - `open`    pipeline and forecast, from `open_figure` and `open_delta`
//! - `closed`  won and lost, from `closed_figure` and `closed_fact`; what no sum serves is asked of the facts by index
//! - `stages`  the way through the stages, from the stage entries themselves
//! - `fold`    the work in the background
//! - `cover`   a range of days as whole years, whole months, and days
//!
//! Sums are exact and cannot overflow: an amount is summed as billions and rest, each of which has room for millions of
//! rows of the largest amounts, and put together in 128 bits. `CAST(… AS BIGINT)`, since PostgreSQL sums 64-bit numbers
//! to NUMERIC.

mod closed;
mod cover;
pub mod fold;
mod open;
mod stages;

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use uuid::Uuid;

pub use closed::{Figures, Group, WonLostRow, won_lost};
pub use open::{ForecastRow, PipelineRow, forecast, pipeline};
pub use stages::{StageRow, stage_figures};

/// Where an amount is split.
const BILLION: i128 = 1_000_000_000;
/// The owner under whom `open_figure` keeps everybody's sum.
const EVERYBODY: &str = "*";

/// Which opportunities are counted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these employees'; all where it is empty.
    pub owners: Vec<Uuid>,
    /// Only those of this process.
    pub process: Option<String>,
    /// Only from this day on; which day of an opportunity, the figure says.
    pub from: Option<NaiveDate>,
    /// Only up to this day, itself included.
    pub to: Option<NaiveDate>,
}

impl Filter {
    /// The owners as the figures keep them.
    fn owner_keys(&self) -> Vec<String> {
        self.owners.iter().map(|owner| owner.simple().to_string()).collect()
    }
}

/// A statement in the making: its text, and the values that its places stand for.
struct Sql {
    backend: DbBackend,
    values: Vec<Value>,
}

impl Sql {
    fn new(db: &impl ConnectionTrait) -> Self {
        Self { backend: db.get_database_backend(), values: Vec::new() }
    }

    /// The place of a value.
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// ` AND column IN (…)`; nothing where any value will do.
    fn and_in<V: Into<Value>>(&mut self, column: &str, values: impl IntoIterator<Item = V>) -> String {
        let places: Vec<String> = values.into_iter().map(|value| self.bind(value)).collect();
        if places.is_empty() { String::new() } else { format!(" AND {column} IN ({})", places.join(", ")) }
    }

    /// ` AND column >= … AND column <= …`, for the ends that there are.
    fn and_between(&mut self, column: &str, from: Option<NaiveDate>, to: Option<NaiveDate>) -> String {
        let from = from.map(|day| format!(" AND {column} >= {}", self.bind(day))).unwrap_or_default();
        let to = to.map(|day| format!(" AND {column} <= {}", self.bind(day))).unwrap_or_default();
        from + &to
    }

    fn postgres(&self) -> bool {
        self.backend == DbBackend::Postgres
    }

    /// A day's month as `2017-03`.
    fn month(&self, day: &str) -> String {
        if self.postgres() { format!("TO_CHAR({day}, 'YYYY-MM')") } else { format!("SUBSTR({day}, 1, 7)") }
    }

    fn statement(self, text: String) -> Statement {
        Statement::from_sql_and_values(self.backend, text, self.values)
    }
}

/// `CAST(SUM(a) AS BIGINT) AS a, …` over columns.
fn sums(columns: &[&str]) -> String {
    let sums: Vec<String> =
        columns.iter().map(|it| format!("CAST(COALESCE(SUM({it}), 0) AS BIGINT) AS {it}")).collect();
    sums.join(", ")
}

/// The amount that was split.
fn whole(high: i64, low: i64) -> i128 {
    i128::from(high) * BILLION + i128::from(low)
}

/// A hundredth, rounded half away from zero.
fn hundredth(hundredfold: i128) -> i128 {
    (hundredfold + hundredfold.signum() * 50) / 100
}
