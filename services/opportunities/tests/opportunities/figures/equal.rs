//! The figures and the recomputation, whatever is filtered, grouped and folded.

use dealflow_opportunities::analytics::fold::fold;
use dealflow_proto::google::type_::{Date, Money};
use dealflow_proto::opportunities::v1::get_won_lost_request::GroupBy;
use dealflow_proto::opportunities::v1::{
    GetForecastRequest, GetPipelineRequest, GetStageFiguresRequest, GetWonLostRequest, Opportunity, StageFiguresRow,
};
use dealflow_testbed::{TestDb, both};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::naive::{self, Keys, under};
use super::random::{Random, Row, change, close, export, make, named, random};
use crate::desk::{CORPORATE_SALE, Desk, day, titled};

/// Which rows are counted.
#[derive(Debug, Clone, Default)]
struct Which {
    owners: Vec<String>,
    process: String,
    from: Option<Date>,
    to: Option<Date>,
}

impl Which {
    fn is_whose(&self, row: &Row) -> bool {
        let of_owner = self.owners.is_empty() || self.owners.contains(&row.it.owner);
        of_owner && (self.process.is_empty() || self.process == row.process())
    }

    fn within(&self, date: Option<&Date>) -> bool {
        let days = |date: &Date| (date.year, date.month, date.day);
        let Some(date) = date else { return self.from.is_none() && self.to.is_none() };
        let from = self.from.as_ref().is_none_or(|from| days(date) >= days(from));
        from && self.to.as_ref().is_none_or(|to| days(date) <= days(to))
    }
}

/// All questions about owners, processes and days that are worth asking.
fn questions() -> Vec<Which> {
    let owners = [vec![], vec![named("employees", 0)], vec![named("employees", 1), named("employees", 2)]];
    let days = [
        (None, None),
        (day(2025, 3, 1), None),
        (None, day(2025, 12, 31)),
        (day(2025, 2, 10), day(2026, 1, 10)),
        (day(2025, 6, 3), day(2025, 6, 20)),
        (day(2026, 2, 1), day(2027, 4, 15)),
    ];
    let mut all = Vec::new();
    for owners in owners {
        for process in ["", CORPORATE_SALE] {
            for (from, to) in days {
                all.push(Which { owners: owners.clone(), process: process.to_owned(), from, to });
            }
        }
    }
    all
}

/// Asks everything, and compares each answer with the rows.
async fn check(desk: &Desk, randoms: &[Random], when: &str) {
    let all = export(desk).await;
    let keys: [(GroupBy, Keys<'_>); 11] = [
        (GroupBy::Unspecified, &|row| under(row, "")),
        (GroupBy::Owner, &|row| under(row, row.it.owner.as_str())),
        (GroupBy::Account, &|row| under(row, row.it.account.as_str())),
        (GroupBy::LoseReason, &naive::by_reason),
        (GroupBy::Month, &naive::by_month),
        (GroupBy::Quarter, &naive::by_quarter),
        (GroupBy::Year, &naive::by_year),
        (GroupBy::Stage, &|row| under(row, row.closed_from())),
        (GroupBy::Source, &|row| under(row, row.it.source.as_str())),
        (GroupBy::Product, &naive::by_product),
        (GroupBy::Process, &|row| under(row, row.process())),
    ];
    let mut to = desk.analytics.clone();
    for which in questions() {
        let Which { owners, process, from: from_date, to: to_date } = which.clone();
        let whose = || all.iter().filter(|row| which.is_whose(row));
        let ask = GetPipelineRequest {
            owners: owners.clone(),
            process: process.clone(),
            from_date,
            to_date,
            ..Default::default()
        };
        let told = to.get_pipeline(ask).await.expect("told").into_inner().rows;
        let open = whose().filter(|row| which.within(row.it.estimated_close_date.as_ref()));
        assert_eq!(told, naive::pipeline(open), "pipeline {when}: {which:?} {randoms:?}");

        let ask = GetForecastRequest { owners: owners.clone(), process: process.clone(), from_date, to_date };
        let told = to.get_forecast(ask).await.expect("told").into_inner().rows;
        assert_eq!(told, naive::forecast(whose(), |date| which.within(date)), "forecast {when}: {which:?} {randoms:?}");

        let ask = GetStageFiguresRequest { owners: owners.clone(), process: process.clone(), from_date, to_date };
        let told = to.get_stage_figures(ask).await.expect("told").into_inner().rows;
        let began = whose().filter(|row| which.within(row.it.open_date.as_ref()));
        assert_eq!(told, naive::stages(began), "stages {when}: {which:?} {randoms:?}");

        for (group_by, key) in keys {
            let group_by_number = group_by.into();
            let ask = GetWonLostRequest {
                group_by: group_by_number,
                from_date,
                to_date,
                owners: owners.clone(),
                process: process.clone(),
            };
            let told = to.get_won_lost(ask).await.expect("told").into_inner().rows;
            let closed = whose().filter(|row| which.within(row.it.close_date.as_ref()));
            assert_eq!(told, naive::won_lost(closed, key), "{group_by:?} {when}: {which:?} {randoms:?}");
        }
    }
}

/// A process whose stages follow each other otherwise than in the lookup.
const TURNED: &str = r"
id: turned
captions: {en: Turned, ru: Обратная}
control: FREE
stages:
  - stage: proposal
    goal: {en: g, ru: ц}
  - stage: presentation
    goal: {en: g, ru: ц}
  - stage: closed-won
  - stage: closed-lost
";

both! {
    /// R-ANA-1: pipeline, forecast, won and lost by every group, the way through the stages: by owners, process and
    /// days, before anything is folded, when a part is, and when all is.
    async fn figures_equal_a_naive_recomputation(db: TestDb) {
        let desk = Desk::open(&db).await;
        let mut runner = TestRunner::new(Config::default());
        let randoms = prop::collection::vec(random(), 60).new_tree(&mut runner).expect("opportunities").current();
        let (first, rest) = randoms.split_at(40);
        for random in first {
            make(&desk, random).await;
        }
        check(&desk, &randoms, "before anything is folded").await;
        fold(&desk.store).await.expect("folded");
        check(&desk, &randoms, "when all is folded").await;
        let open: Vec<String> =
            export(&desk).await.into_iter().filter(Row::is_open).map(|row| row.it.name).collect();
        for (name, random) in open.iter().zip(rest) {
            change(&desk, name, random).await;
            close(&desk, name, random).await;
        }
        for random in rest {
            make(&desk, random).await;
        }
        check(&desk, &randoms, "when a part is folded").await;
        fold(&desk.store).await.expect("folded");
        check(&desk, &randoms, "when all is folded again").await;
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
        for _ in 0..2 {
            let rows = desk.analytics.clone().get_pipeline(GetPipelineRequest::default()).await.expect("told").into_inner().rows;
            let weighted: Vec<_> = rows.into_iter().map(|row| (row.count, row.weighted_value.expect("told"))).collect();
            let half_away = |code: &str, units, nanos| Money { currency_code: code.to_owned(), units, nanos };
            // 10 % of 5 yen and of 5 cents are half a yen and half a cent.
            assert_eq!(weighted, [(1, half_away("JPY", 1, 0)), (2, half_away("USD", 0, 10_000_000))]);
            fold(&desk.store).await.expect("folded");
        }
        let ask = GetWonLostRequest { from_date: day(2026, 2, 1), to_date: day(2026, 1, 1), ..Default::default() };
        assert!(desk.analytics.clone().get_won_lost(ask).await.is_err(), "days in the wrong order");
    }

    /// R-ANA-1: each process has its own funnel, in its own order of stages; what another process has next is no place in
    /// it. A stage that a process does not know stands where the lookup has it.
    async fn every_process_has_a_funnel_of_its_own(db: TestDb) {
        let desk = Desk::open(&db).await;
        // Against the order of the lookup: first the proposal, then the presentation.
        desk.import(TURNED).await.expect("imported");
        let turned = async || desk.create(titled("Pumps"), "processes/turned").await.expect("opened");
        let (one, _two) = (turned().await, turned().await);
        assert_eq!(one.stage, "stages/proposal");
        desk.move_to(&one.name, "stages/presentation").await.expect("moved");
        let other = desk.led().await;
        for stage in ["stages/presentation", "stages/proposal"] {
            desk.move_to(&other.name, stage).await.expect("moved");
        }
        let ask = GetStageFiguresRequest::default();
        let told = desk.analytics.clone().get_stage_figures(ask).await.expect("told").into_inner().rows;
        let percent = |row: &StageFiguresRow| row.conversion_percent.as_ref().map(|it| it.value.clone()).unwrap_or_default();
        let short = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
        let rows: Vec<_> = told
            .iter()
            .map(|it| (short(&it.process), short(&it.stage), it.reached_count, percent(it)))
            .collect();
        let row = |process: &str, stage: &str, reached: i64, percent: &str| {
            (process.to_owned(), stage.to_owned(), reached, percent.to_owned())
        };
        assert_eq!(rows, [
            row("corporate-sale", "qualification", 1, "100"),
            row("corporate-sale", "presentation", 1, "100"),
            row("corporate-sale", "proposal", 1, "0"),
            row("turned", "proposal", 2, "50"),
            row("turned", "presentation", 1, "0"),
        ]);
    }
}
