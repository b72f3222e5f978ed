//! Opportunities at random, made over the contract and exported again.

use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::{
    ListOpportunitiesRequest, ListStageEntriesRequest, LoseOpportunityRequest, Opportunity, StageEntry,
    WinOpportunityRequest,
};
use dealflow_proto::types::v1::Line;
use proptest::prelude::*;

use crate::desk::{CORPORATE_SALE, Desk, OPEN_STAGES, day, decimal, titled, usd};

/// One opportunity at random.
#[derive(Debug, Clone)]
pub(super) struct Random {
    owner: Option<u8>,
    account: Option<u8>,
    led: bool,
    source: u8,
    /// Stages to be in, one after the other.
    stages: Vec<usize>,
    estimate: Option<i64>,
    probability: Option<i32>,
    /// Days from the first of January 2026 to the day on which it may be decided.
    decided: Option<u16>,
    /// Product, price in minor units; none for free text.
    lines: Vec<(Option<u8>, i32)>,
    /// 0 to 2 stay open, 3 and 4 are won, 5 is lost.
    end: u8,
    closed: u16,
    minutes: i64,
    reason: i32,
}

pub(super) fn random() -> impl Strategy<Value = Random> {
    let estimate =
        prop_oneof![1 => Just(None), 3 => (0..1_000_000_i64).prop_map(Some), 1 => (0..=i64::MAX).prop_map(Some)];
    let who = (prop::option::of(0..3_u8), prop::option::of(0..2_u8), any::<bool>(), 0..3_u8);
    let stages = prop::collection::vec(0..4_usize, 0..4);
    let lines = prop::collection::vec((prop::option::of(0..3_u8), 0..100_000_i32), 0..4);
    let worth = (estimate, prop::option::of(0..=100_i32), prop::option::of(0..700_u16), lines);
    let end = (0..6_u8, 0..400_u16, 0..10_000_i64, 1..6_i32);
    (who, stages, worth, end).prop_map(|(who, stages, worth, end)| Random {
        owner: who.0,
        account: who.1,
        led: who.2,
        source: who.3,
        stages,
        estimate: worth.0,
        probability: worth.1,
        decided: worth.2,
        lines: worth.3,
        end: end.0,
        closed: end.1,
        minutes: end.2,
        reason: end.3,
    })
}

/// The name of the record of a kind and number.
pub(super) fn named(collection: &str, number: u8) -> String {
    format!("{collection}/0199e3a0-0000-7000-8000-00000000000{number}")
}

/// The day so many days after the first of January 2025.
fn date(days: u16) -> Option<dealflow_proto::google::type_::Date> {
    use chrono::Datelike;
    let date = chrono::NaiveDate::from_ymd_opt(2025, 1, 1).expect("a day") + chrono::Days::new(u64::from(days));
    day(date.year(), i32::try_from(date.month()).expect("a month"), i32::try_from(date.day()).expect("a day"))
}

/// Makes one, and brings it where it is to end.
pub(super) async fn make(desk: &Desk, random: &Random) {
    let line = |(product, price): &(Option<u8>, i32)| Line {
        product: product.map(|it| named("products", it)).unwrap_or_default(),
        description: "x".to_owned(),
        quantity: decimal("1"),
        unit_price: usd(i64::from(*price)),
        ..Line::default()
    };
    let opened = Opportunity {
        owner: random.owner.map(|it| named("employees", it)).unwrap_or_default(),
        account: random.account.map(|it| named("accounts", it)).unwrap_or_default(),
        source: ["", "WEB", "TRADE_SHOW"][usize::from(random.source)].to_owned(),
        estimated_value: random.estimate.and_then(usd),
        probability: random.probability,
        estimated_close_date: random.decided.and_then(|days| date(days + 365)),
        lines: random.lines.iter().map(line).collect(),
        open_date: day(2024, 12, 1),
        ..titled("Pumps")
    };
    let opened = desk.create(opened, if random.led { CORPORATE_SALE } else { "" }).await.expect("opened");
    let mut at = 0;
    for stage in &random.stages {
        desk.time.advance(chrono::TimeDelta::microseconds(1_234_567 + random.minutes));
        if *stage != at {
            desk.move_to(&opened.name, OPEN_STAGES[*stage]).await.expect("moved");
            at = *stage;
        }
    }
    close(desk, &opened.name, random).await;
}

/// Wins or loses it, or leaves it open.
pub(super) async fn close(desk: &Desk, name: &str, random: &Random) {
    let close_date = date(random.closed);
    let name = name.to_owned();
    match random.end {
        3 | 4 => {
            let spent_minutes = Some(random.minutes);
            desk.win_as(WinOpportunityRequest { name, close_date, spent_minutes, ..Default::default() }).await
        }
        5 => {
            let reason = LoseReason::try_from(random.reason).expect("1 to 5 are reasons").into();
            desk.lose_as(LoseOpportunityRequest { name, close_date, reason, ..Default::default() }).await
        }
        _ => return,
    }
    .expect("closed");
}

/// Changes an open one so that it counts otherwise.
pub(super) async fn change(desk: &Desk, name: &str, random: &Random) {
    let change = Opportunity {
        name: name.to_owned(),
        owner: random.owner.map(|it| named("employees", it)).unwrap_or_default(),
        estimated_value: random.estimate.and_then(usd),
        probability: random.probability,
        estimated_close_date: random.decided.and_then(|days| date(days + 365)),
        ..Opportunity::default()
    };
    let mask = ["owner", "estimated_value", "probability", "estimated_close_date"];
    desk.update(change, &mask).await.expect("updated");
}

/// An opportunity with the stages that it was in, as they are exported.
pub(super) struct Row {
    pub(super) it: Opportunity,
    pub(super) entries: Vec<StageEntry>,
}

impl Row {
    pub(super) fn is_open(&self) -> bool {
        self.it.state() == State::Open
    }

    pub(super) fn process(&self) -> &str {
        self.it.process_run.as_ref().map_or("", |run| run.process.as_str())
    }

    /// The stage that it was closed from: that of the entry before the last.
    pub(super) fn closed_from(&self) -> &str {
        let before = self.entries.len().checked_sub(2).and_then(|place| self.entries.get(place));
        before.map_or("", |entry| entry.stage.as_str())
    }
}

/// All rows, over the contract.
pub(super) async fn export(desk: &Desk) -> Vec<Row> {
    let mut to = desk.opportunities.clone();
    let mut rows = Vec::new();
    let mut ask = ListOpportunitiesRequest { page_size: 37, ..ListOpportunitiesRequest::default() };
    loop {
        let page = to.list_opportunities(ask.clone()).await.expect("listed").into_inner();
        for it in page.opportunities {
            let ask = ListStageEntriesRequest { opportunity: it.name.clone(), ..Default::default() };
            let entries = to.list_stage_entries(ask).await.expect("listed").into_inner().stage_entries;
            rows.push(Row { it, entries });
        }
        if page.next_page_token.is_empty() {
            return rows;
        }
        ask.page_token = page.next_page_token;
    }
}
