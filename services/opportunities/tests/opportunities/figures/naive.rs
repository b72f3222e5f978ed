//! Every figure, recomputed from the rows in the plainest way.

use std::collections::{BTreeMap, BTreeSet};

use dealflow_proto::convert::time_of;
use dealflow_proto::google::type_::{Date, Decimal, Money};
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::stage::ForecastCategory;
use dealflow_proto::opportunities::v1::{ForecastRow, PipelineRow, StageFiguresRow, WonLostRow};

use super::random::Row;
use crate::desk::OPEN_STAGES;

/// Minor units of a money in US dollars.
pub(super) fn minor(money: Option<&Money>) -> i128 {
    money.map_or(0, |money| i128::from(money.units) * 100 + i128::from(money.nanos / 10_000_000))
}

fn money(minor: i128) -> Option<Money> {
    let units = i64::try_from(minor / 100).expect("it fits");
    let nanos = i32::try_from(minor % 100).expect("less than a unit") * 10_000_000;
    Some(Money { currency_code: "USD".to_owned(), units, nanos })
}

fn place(stage: &str) -> usize {
    OPEN_STAGES.iter().position(|open| *open == stage).expect("an open stage")
}

fn month(date: Option<&Date>) -> String {
    date.map(|date| format!("{:04}-{:02}", date.year, date.month)).unwrap_or_default()
}

/// Rounded half away from zero, to two places.
fn quotient(number: i128, divisor: i128) -> Option<Decimal> {
    (divisor != 0).then(|| {
        let hundredths = (number.abs() * 200 + divisor) / (divisor * 2);
        let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        Decimal { value: text.trim_end_matches('0').trim_end_matches('.').to_owned() }
    })
}

/// Half a unit counts as a whole one.
fn hundredth(hundredfold: i128) -> i128 {
    (hundredfold + 50) / 100
}

pub(super) fn pipeline<'a>(all: impl Iterator<Item = &'a Row>) -> Vec<PipelineRow> {
    let mut rows: BTreeMap<usize, (i64, i128, i128)> = BTreeMap::new();
    for Row { it, .. } in all.filter(|row| row.is_open()) {
        let value = minor(it.estimated_value.as_ref());
        let row = rows.entry(place(&it.stage)).or_default();
        row.0 += 1;
        row.1 += value;
        row.2 += value * i128::from(it.probability.expect("always told"));
    }
    let told = |(stage, row): (usize, (i64, i128, i128))| PipelineRow {
        stage: OPEN_STAGES[stage].to_owned(),
        count: row.0,
        value: money(row.1),
        weighted_value: money(hundredth(row.2)),
    };
    rows.into_iter().map(told).collect()
}

/// `within` says whether a day counts; what has no day counts where every day does.
pub(super) fn forecast<'a>(
    all: impl Iterator<Item = &'a Row>,
    within: impl Fn(Option<&Date>) -> bool,
) -> Vec<ForecastRow> {
    use ForecastCategory::{BestCase, Closed, Commit, MostLikely, Pipeline};
    let categories = [Pipeline, BestCase, MostLikely, Commit];
    // What has no month comes last.
    let mut rows: BTreeMap<(bool, String, i32), (i64, i128, i128)> = BTreeMap::new();
    for Row { it, .. } in all {
        let (day, category, value, weight) = match it.state() {
            State::Open => {
                let probability = i128::from(it.probability.expect("always told"));
                (it.estimated_close_date, categories[place(&it.stage)], it.estimated_value.as_ref(), probability)
            }
            State::Won => (it.close_date, Closed, it.actual_value.as_ref(), 100),
            _ => continue,
        };
        if !within(day.as_ref()) {
            continue;
        }
        let row = rows.entry((day.is_none(), month(day.as_ref()), category.into())).or_default();
        row.0 += 1;
        row.1 += minor(value);
        row.2 += minor(value) * weight;
    }
    let told = |((_, month, category), row): ((bool, String, i32), (i64, i128, i128))| ForecastRow {
        month,
        category,
        count: row.0,
        value: money(row.1),
        weighted_value: money(hundredth(row.2)),
    };
    rows.into_iter().map(told).collect()
}

/// What a closed opportunity is counted under, each with its share of the actual and of the estimated value.
pub(super) type Keys<'a> = &'a dyn Fn(&Row) -> Vec<(String, i128, i128)>;

/// The whole opportunity under one key.
pub(super) fn under(row: &Row, key: impl Into<String>) -> Vec<(String, i128, i128)> {
    vec![(key.into(), minor(row.it.actual_value.as_ref()), minor(row.it.estimated_value.as_ref()))]
}

pub(super) fn by_month(row: &Row) -> Vec<(String, i128, i128)> {
    under(row, month(row.it.close_date.as_ref()))
}

pub(super) fn by_quarter(row: &Row) -> Vec<(String, i128, i128)> {
    let date = row.it.close_date.expect("closed");
    under(row, format!("{}-Q{}", date.year, (date.month + 2) / 3))
}

pub(super) fn by_year(row: &Row) -> Vec<(String, i128, i128)> {
    under(row, row.it.close_date.expect("closed").year.to_string())
}

pub(super) fn by_reason(row: &Row) -> Vec<(String, i128, i128)> {
    let reason = match row.it.lose_reason() {
        LoseReason::Unspecified => String::new(),
        reason => reason.as_str_name().trim_start_matches("LOSE_REASON_").to_owned(),
    };
    under(row, reason)
}

pub(super) fn by_product(row: &Row) -> Vec<(String, i128, i128)> {
    if row.it.lines.is_empty() {
        let actual = minor(row.it.actual_value.as_ref());
        return vec![(String::new(), actual, actual)];
    }
    let mut products: BTreeMap<String, i128> = BTreeMap::new();
    for line in &row.it.lines {
        *products.entry(line.product.clone()).or_default() += minor(line.net.as_ref());
    }
    products.into_iter().map(|(product, net)| (product, net, net)).collect()
}

pub(super) fn won_lost<'a>(all: impl Iterator<Item = &'a Row>, keys: Keys<'_>) -> Vec<WonLostRow> {
    let mut rows: BTreeMap<String, [i128; 8]> = BTreeMap::new();
    for closed in all.filter(|row| !row.is_open()) {
        let lost = usize::from(closed.it.state() == State::Lost);
        for (key, actual, estimate) in keys(closed) {
            let row = rows.entry(key).or_default();
            row[lost] += 1;
            if lost == 0 {
                row[6] += actual;
                row[7] += estimate;
            }
            row[2 + lost] += i128::from(closed.it.cycle_days);
            row[4 + lost] += i128::from(closed.it.spent_minutes);
        }
    }
    let told = |(key, row): (String, [i128; 8])| {
        let [won, lost, won_days, lost_days, won_minutes, lost_minutes, value, estimate] = row;
        let number = |it: i128| i64::try_from(it).expect("it fits");
        WonLostRow {
            key,
            won_count: number(won),
            lost_count: number(lost),
            won_value: money(value),
            won_cycle_days: number(won_days),
            lost_cycle_days: number(lost_days),
            won_minutes: number(won_minutes),
            lost_minutes: number(lost_minutes),
            won_estimated_value: money(estimate),
            win_rate_percent: quotient(won * 100, won + lost),
            mean_won_cycle_days: quotient(won_days, won),
            mean_lost_cycle_days: quotient(lost_days, lost),
            mean_won_hours: quotient(won_minutes, won * 60),
            mean_lost_hours: quotient(lost_minutes, lost * 60),
        }
    };
    rows.into_iter().map(told).collect()
}

/// Each process by itself, those without one first.
pub(super) fn stages<'a>(all: impl Iterator<Item = &'a Row>) -> Vec<StageFiguresRow> {
    let mut by_process: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in all {
        by_process.entry(row.process()).or_default().push(row);
    }
    by_process.into_iter().flat_map(|(process, rows)| stages_of(process, &rows)).collect()
}

fn stages_of(process: &str, all: &[&Row]) -> Vec<StageFiguresRow> {
    let came = |row: &Row| {
        let entries = row.entries.iter().filter_map(|it| OPEN_STAGES.iter().position(|stage| *stage == it.stage));
        if row.it.state() == State::Won { 5 } else { entries.max().map_or(0, |place| place + 1) }
    };
    let reached = |place: usize| all.iter().filter(|row| came(row) >= place).count() as i128;
    let mut rows = Vec::new();
    for (index, stage) in OPEN_STAGES.into_iter().enumerate() {
        let entries: Vec<_> = all.iter().flat_map(|row| &row.entries).filter(|entry| entry.stage == stage).collect();
        if entries.is_empty() {
            continue;
        }
        let time = |it: Option<&prost_types::Timestamp>| time_of(it.expect("told")).expect("a time");
        let left: Vec<i64> = entries
            .iter()
            .filter(|entry| entry.leave_time.is_some())
            .map(|entry| time(entry.leave_time.as_ref()) - time(entry.enter_time.as_ref()))
            .map(|spent| spent.num_microseconds().expect("it fits"))
            .collect();
        let total: i64 = left.iter().sum();
        let duration = |micros: i64| prost_types::Duration {
            seconds: micros / 1_000_000,
            nanos: i32::try_from(micros % 1_000_000).expect("less than a second") * 1_000,
        };
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.opportunity.as_str()).collect();
        let were = |which: &dyn Fn(&Row) -> bool| {
            all.iter().filter(|row| names.contains(row.it.name.as_str()) && which(row)).count() as i64
        };
        rows.push(StageFiguresRow {
            process: process.to_owned(),
            stage: stage.to_owned(),
            entry_count: entries.len() as i64,
            left_count: left.len() as i64,
            total_time: Some(duration(total)),
            mean_time: total.checked_div(left.len() as i64).map(duration),
            opportunity_count: names.len() as i64,
            reached_count: reached(index + 1) as i64,
            conversion_percent: quotient(reached(index + 2) * 100, reached(index + 1)),
            won_count: were(&|row| row.it.state() == State::Won),
            lost_count: were(&|row| row.it.state() == State::Lost),
            lost_here_count: were(&|row| row.it.state() == State::Lost && row.closed_from() == stage),
        });
    }
    rows
}
