//! A range of days as whole years, whole months, and the days that are left: few sums to add up, however long it is.

use chrono::{Datelike, Days, Months, NaiveDate};

/// The coarsest periods that may be used: those of a list by month are months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coarsest {
    /// Whole months.
    Month,
    /// Whole years.
    Year,
}

/// Periods of one length, from the one that begins on a day to the one that begins on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// `D`, `M` or `Y`.
    pub(super) level: &'static str,
    /// Where the first begins.
    pub(super) first: NaiveDate,
    /// Where the last begins.
    pub(super) last: NaiveDate,
}

/// The first day that there is, and the last: of the years 1 and 9999.
const FIRST: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).expect("a day");
const LAST: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a day");

/// Covers the days of a range, each once.
pub(super) fn cover(from: Option<NaiveDate>, to: Option<NaiveDate>, coarsest: Coarsest) -> Vec<Stretch> {
    let begin = from.unwrap_or(FIRST).max(FIRST);
    // The day after the last one.
    let end = to.unwrap_or(LAST).min(LAST) + Days::new(1);
    let mut stretches = Vec::new();
    let outer = (begin, end);
    let months = (up(begin, month_of), month_of(end));
    if months.0 >= months.1 {
        push(&mut stretches, "D", outer, |day| day - Days::new(1));
        return stretches;
    }
    push(&mut stretches, "D", (outer.0, months.0), |day| day - Days::new(1));
    push(&mut stretches, "D", (months.1, outer.1), |day| day - Days::new(1));
    let a_month = |day: NaiveDate| day - Months::new(1);
    let years = (up(months.0, year_of), year_of(months.1));
    if coarsest == Coarsest::Month || years.0 >= years.1 {
        push(&mut stretches, "M", months, a_month);
        return stretches;
    }
    push(&mut stretches, "M", (months.0, years.0), a_month);
    push(&mut stretches, "M", (years.1, months.1), a_month);
    push(&mut stretches, "Y", years, |day| day - Months::new(12));
    stretches
}

/// Adds the periods that begin in a half-open range; `before` is the beginning of the period before one.
fn push(
    stretches: &mut Vec<Stretch>,
    level: &'static str,
    (first, end): (NaiveDate, NaiveDate),
    before: impl Fn(NaiveDate) -> NaiveDate,
) {
    if first < end {
        stretches.push(Stretch { level, first, last: before(end) });
    }
}

fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

fn year_of(day: NaiveDate) -> NaiveDate {
    month_of(day).with_month(1).unwrap_or(day)
}

/// The beginning of the first period that does not begin before a day.
fn up(day: NaiveDate, of: fn(NaiveDate) -> NaiveDate) -> NaiveDate {
    let mut begin = of(day);
    while begin < day {
        begin = of(begin + Months::new(1));
        if begin < day {
            begin = of(begin + Months::new(12));
        }
    }
    begin
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The days of a stretch.
    fn days(stretch: &Stretch) -> Vec<NaiveDate> {
        let next = |day: NaiveDate| match stretch.level {
            "D" => day + Days::new(1),
            "M" => day + Months::new(1),
            _ => day + Months::new(12),
        };
        let end = next(stretch.last);
        stretch.first.iter_days().take_while(|day| *day < end).collect()
    }

    proptest! {
        /// R-ANA-1: each day of a range counts once, and no other day does.
        #[test]
        fn every_day_of_a_range_is_covered_once(start in 0..4000_u64, length in 0..3000_u64, by_month: bool) {
            let base = NaiveDate::from_ymd_opt(2012, 2, 28).expect("a day");
            let (from, to) = (base + Days::new(start), base + Days::new(start + length));
            let coarsest = if by_month { Coarsest::Month } else { Coarsest::Year };
            let stretches = cover(Some(from), Some(to), coarsest);
            let mut covered: Vec<NaiveDate> = stretches.iter().flat_map(days).collect();
            covered.sort_unstable();
            let expected: Vec<NaiveDate> = from.iter_days().take_while(|day| *day <= to).collect();
            prop_assert_eq!(covered, expected);
            let months = stretches.iter().any(|it| it.level == "Y");
            prop_assert!(!(by_month && months));
        }
    }

    #[test]
    fn all_days_are_whole_years() {
        let all = cover(None, None, Coarsest::Year);
        assert_eq!(all, [Stretch { level: "Y", first: FIRST, last: LAST.with_ordinal(1).expect("a day") }]);
        assert!(cover(Some(LAST), Some(FIRST), Coarsest::Year).is_empty());
    }
}
