//! Figures equal a naive recomputation from the rows (R-ANA-1).

use std::collections::BTreeMap;

use dealflow_proto::google::type_::Money;
use dealflow_proto::opportunities::v1::get_won_lost_request::GroupBy;
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::{
    GetPipelineRequest, GetWonLostRequest, Opportunity, PipelineRow, WinOpportunityRequest, WonLostRow,
};
use dealflow_testbed::{TestDb, both};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::desk::{Desk, OPEN_STAGES, day, titled, usd};

/// One opportunity at random.
#[derive(Debug, Clone)]
struct Random {
    owner: Option<u8>,
    stage: usize,
    estimate: Option<i64>,
    probability: Option<i32>,
    /// 0 to 2 stay open, 3 and 4 are won, 5 is lost.
    end: u8,
    days: i32,
    minutes: i64,
    reason: i32,
}

fn random() -> impl Strategy<Value = Random> {
    let estimate =
        prop_oneof![1 => Just(None), 3 => (0..1_000_000_i64).prop_map(Some), 1 => (0..=i64::MAX).prop_map(Some)];
    let who = (prop::option::of(0..3_u8), 0..4_usize, estimate, prop::option::of(0..=100_i32));
    (who, (0..6_u8, 0..60_i32, 0..10_000_i64, 1..6_i32)).prop_map(|(who, end)| Random {
        owner: who.0,
        stage: who.1,
        estimate: who.2,
        probability: who.3,
        end: end.0,
        days: end.1,
        minutes: end.2,
        reason: end.3,
    })
}

fn owner(number: u8) -> String {
    format!("employees/0199e3a0-0000-7000-8000-00000000000{number}")
}

async fn make(desk: &Desk, random: &Random) -> Opportunity {
    let opened = Opportunity {
        owner: random.owner.map(owner).unwrap_or_default(),
        estimated_value: random.estimate.and_then(usd),
        probability: random.probability,
        open_date: day(2025, 12, 1),
        ..titled("Pumps")
    };
    let opened = desk.create(opened, "").await.expect("opened");
    if random.stage > 0 {
        desk.move_to(&opened.name, OPEN_STAGES[random.stage]).await.expect("moved");
    }
    let close_date = day(2025 + random.days / 31, if random.days < 31 { 12 } else { 1 }, random.days % 31 + 1);
    match random.end {
        3 | 4 => {
            let spent_minutes = Some(random.minutes);
            desk.win_as(WinOpportunityRequest { name: opened.name, close_date, spent_minutes, ..Default::default() })
                .await
        }
        5 => {
            let reason = LoseReason::try_from(random.reason).expect("1 to 5 are reasons").into();
            let ask = dealflow_proto::opportunities::v1::LoseOpportunityRequest {
                name: opened.name,
                close_date,
                reason,
                ..Default::default()
            };
            desk.lose_as(ask).await
        }
        _ => return desk.get(&opened.name).await,
    }
    .expect("closed")
}

fn minor(money: Option<&Money>) -> i128 {
    money.map_or(0, |money| i128::from(money.units) * 100 + i128::from(money.nanos / 10_000_000))
}

/// Stage → count, value, weighted value.
fn naive_pipeline<'a>(all: impl Iterator<Item = &'a Opportunity>) -> Vec<(String, i64, i128, i128)> {
    let mut rows: BTreeMap<usize, (i64, i128, i128)> = BTreeMap::new();
    for open in all.filter(|it| it.state() == State::Open) {
        let stage = OPEN_STAGES.iter().position(|stage| *stage == open.stage).expect("an open stage");
        let value = minor(open.estimated_value.as_ref());
        let row = rows.entry(stage).or_default();
        row.0 += 1;
        row.1 += value;
        row.2 += value * i128::from(open.probability.expect("always told"));
    }
    rows.into_iter().map(|(stage, row)| (OPEN_STAGES[stage].to_owned(), row.0, row.1, (row.2 + 50) / 100)).collect()
}

fn told(rows: &[PipelineRow]) -> Vec<(String, i64, i128, i128)> {
    let row = |row: &PipelineRow| {
        (row.stage.clone(), row.count, minor(row.value.as_ref()), minor(row.weighted_value.as_ref()))
    };
    rows.iter().map(row).collect()
}

fn naive_won_lost<'a>(
    all: impl Iterator<Item = &'a Opportunity>,
    key: impl Fn(&Opportunity) -> String,
) -> Vec<[String; 8]> {
    let mut rows: BTreeMap<String, [i128; 7]> = BTreeMap::new();
    for closed in all.filter(|it| it.state() != State::Open) {
        let row = rows.entry(key(closed)).or_default();
        let lost = usize::from(closed.state() == State::Lost);
        row[lost] += 1;
        if lost == 0 {
            row[2] += minor(closed.actual_value.as_ref());
        }
        row[3 + lost] += i128::from(closed.cycle_days);
        row[5 + lost] += i128::from(closed.spent_minutes);
    }
    let text = |(key, row): (String, [i128; 7])| {
        let mut texts = row.map(|number| number.to_string()).into_iter();
        std::array::from_fn(|at| if at == 0 { key.clone() } else { texts.next().expect("seven") })
    };
    rows.into_iter().map(text).collect()
}

fn told_won_lost(rows: &[WonLostRow]) -> Vec<[String; 8]> {
    let row = |row: &WonLostRow| {
        let value = minor(row.won_value.as_ref()).to_string();
        let [a, b, c, d, e, f] =
            [row.won_count, row.lost_count, row.won_cycle_days, row.lost_cycle_days, row.won_minutes, row.lost_minutes]
                .map(|number| number.to_string());
        [row.key.clone(), a, b, value, c, d, e, f]
    };
    rows.iter().map(row).collect()
}

both! {
    /// R-ANA-1: pipeline, won and lost, by every group and period.
    async fn figures_equal_a_naive_recomputation(db: TestDb) {
        let desk = Desk::open(&db).await;
        let mut runner = TestRunner::new(Config::default());
        let randoms = prop::collection::vec(random(), 80).new_tree(&mut runner).expect("opportunities").current();
        let mut all = Vec::new();
        for random in &randoms {
            all.push(make(&desk, random).await);
        }
        let pipeline = async |owner: String| {
            let answer = desk.analytics.clone().get_pipeline(GetPipelineRequest { owner }).await;
            told(&answer.expect("the pipeline is told").into_inner().rows)
        };
        assert_eq!(pipeline(String::new()).await, naive_pipeline(all.iter()), "{randoms:?}");
        for number in 0..3 {
            let of_owner = all.iter().filter(|it| it.owner == owner(number));
            assert_eq!(pipeline(owner(number)).await, naive_pipeline(of_owner), "{randoms:?}");
        }
        let month = |it: &Opportunity| {
            let day = it.close_date.expect("closed");
            format!("{}-{:02}", day.year, day.month)
        };
        let reason = |it: &Opportunity| match it.lose_reason() {
            LoseReason::Unspecified => String::new(),
            reason => reason.as_str_name().trim_start_matches("LOSE_REASON_").to_owned(),
        };
        type Key<'a> = &'a dyn Fn(&Opportunity) -> String;
        let keys: [(GroupBy, Key<'_>); 5] = [
            (GroupBy::Unspecified, &|_: &Opportunity| String::new()),
            (GroupBy::Owner, &|it: &Opportunity| it.owner.clone()),
            (GroupBy::Account, &|it: &Opportunity| it.account.clone()),
            (GroupBy::LoseReason, &reason),
            (GroupBy::Month, &month),
        ];
        for (group_by, key) in keys {
            for (from, to) in [(None, None), (day(2025, 12, 10), None), (None, day(2025, 12, 31)), (day(2025, 12, 10), day(2026, 1, 10))] {
                let ask = GetWonLostRequest { group_by: group_by.into(), from_date: from, to_date: to };
                let rows = desk.analytics.clone().get_won_lost(ask).await.expect("told").into_inner().rows;
                let days = |date: dealflow_proto::google::type_::Date| (date.year, date.month, date.day);
                let within = |it: &&Opportunity| it.close_date.is_some_and(|close| {
                    from.is_none_or(|from| days(close) >= days(from)) && to.is_none_or(|to| days(close) <= days(to))
                });
                assert_eq!(told_won_lost(&rows), naive_won_lost(all.iter().filter(within), key), "{group_by:?} {randoms:?}");
            }
        }
    }

    /// R-ANA-1: one row for each currency, weighted once; an empty pipeline has no rows; dates come in order.
    async fn currencies_are_not_added_up(db: TestDb) {
        let desk = Desk::open(&db).await;
        let empty = desk.analytics.clone().get_pipeline(GetPipelineRequest::default()).await.expect("told").into_inner();
        assert!(empty.rows.is_empty());
        for (code, units, nanos) in [("USD", 0, 50_000_000), ("JPY", 5, 0), ("USD", 0, 0)] {
            let estimated_value = Some(Money { currency_code: code.to_owned(), units, nanos });
            let sale = Opportunity { currency_code: code.to_owned(), estimated_value, ..titled("Pumps") };
            desk.create(sale, "").await.expect("opened");
        }
        let rows = desk.analytics.clone().get_pipeline(GetPipelineRequest::default()).await.expect("told").into_inner().rows;
        let weighted: Vec<_> = rows.into_iter().map(|row| (row.count, row.weighted_value.expect("told"))).collect();
        let half_away = |code: &str, units, nanos| Money { currency_code: code.to_owned(), units, nanos };
        // 10 % of 5 yen and of 5 cents are half a yen and half a cent.
        assert_eq!(weighted, [(1, half_away("JPY", 1, 0)), (2, half_away("USD", 0, 10_000_000))]);
        let ask = GetWonLostRequest { from_date: day(2026, 2, 1), to_date: day(2026, 1, 1), ..Default::default() };
        assert!(desk.analytics.clone().get_won_lost(ask).await.is_err(), "days in the wrong order");
    }
}
