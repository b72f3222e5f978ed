//! The public data set "CRM sales opportunities", where it is at hand: its figures are known (R-ANA-1).

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use dealflow_proto::convert;
use dealflow_proto::google::type_::Date;
use dealflow_proto::opportunities::v1::get_won_lost_request::GroupBy;
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::opportunities::v1::{
    GetPipelineRequest, GetWonLostRequest, LoseOpportunityRequest, Opportunity, WinOpportunityRequest, WonLostRow,
};
use dealflow_testbed::{TestDb, both};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::naive::minor;
use crate::desk::{Desk, OPEN_STAGES, titled, usd};

/// Where the set is; none, said in one line, where it is not.
fn source() -> Option<PathBuf> {
    let named = std::env::var_os("DEALFLOW_CRM_DATA").map(PathBuf::from);
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/crm-sales-opportunities");
    let folder = named.unwrap_or(shared);
    if folder.join("sales_pipeline.csv").is_file() {
        println!("run on {}", folder.display());
        return Some(folder);
    }
    println!("not run: {} is not there; DEALFLOW_CRM_DATA names the folder", folder.display());
    None
}

/// The rows of a file without quotes, by the names of their columns.
fn rows(file: &Path) -> Vec<HashMap<String, String>> {
    let text = std::fs::read_to_string(file).expect("the file is there");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let row = |line: &str| header.iter().map(ToString::to_string).zip(line.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

fn record(collection: &str, word: &str) -> String {
    format!("{collection}/{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{collection}{word}").as_bytes()))
}

fn date(text: &str) -> Option<Date> {
    let day: NaiveDate = text.parse().ok()?;
    Some(convert::date(day)).filter(|_| day.year() > 2000)
}

/// Takes one deal over, as the source has it.
async fn take(desk: &Desk, row: &HashMap<String, String>) {
    let of = |column: &str| row[column].as_str();
    let sale = Opportunity {
        owner: record("employees", of("sales_agent")),
        external_id: of("opportunity_id").to_owned(),
        open_date: date(of("engage_date")),
        ..titled(of("product"))
    };
    let name = desk.create(sale, "").await.expect("opened").name;
    let close_date = date(of("close_date"));
    match of("deal_stage") {
        "Won" => {
            let actual_value = usd(of("close_value").parse::<i64>().expect("whole dollars") * 100);
            let won = WinOpportunityRequest { name, close_date, actual_value, ..Default::default() };
            desk.win_as(won).await.expect("won");
        }
        "Lost" => {
            let reason = LoseReason::NoDecision.into();
            let lost = LoseOpportunityRequest { name, close_date, reason, ..Default::default() };
            desk.lose_as(lost).await.expect("lost");
        }
        "Engaging" => drop(desk.move_to(&name, OPEN_STAGES[1]).await.expect("moved")),
        _ => {}
    }
}

async fn won_lost(desk: &Desk, ask: GetWonLostRequest) -> Vec<WonLostRow> {
    desk.analytics.clone().get_won_lost(ask).await.expect("told").into_inner().rows
}

both! {
    /// R-ANA-1: all 8,800 deals, and the figures that the data set's description gives.
    async fn the_public_deals_have_the_figures_that_are_known_of_them(db: TestDb) {
        let Some(folder) = source() else { return };
        let desk = Desk::open(&db).await;
        desk.time.advance(chrono::TimeDelta::days(1));
        let deals = rows(&folder.join("sales_pipeline.csv"));
        assert_eq!(deals.len(), 8_800);
        let at_once = Arc::new(Semaphore::new(8));
        let mut taken = Vec::new();
        for row in deals {
            let (desk, permit) = (desk.clone(), at_once.clone().acquire_owned().await.expect("open"));
            taken.push(tokio::spawn(async move {
                take(&desk, &row).await;
                drop(permit);
            }));
        }
        for deal in taken {
            deal.await.expect("taken over");
        }
        for folded in [false, true] {
            if folded {
                dealflow_opportunities::analytics::fold::fold(&desk.store).await.expect("folded");
            }
            let all = won_lost(&desk, GetWonLostRequest::default()).await;
            let [all] = all.as_slice() else { panic!("one row: {all:?}") };
            assert_eq!((all.won_count, all.lost_count, minor(all.won_value.as_ref())), (4_238, 2_473, 1_000_553_400));
            let mean = |it: &Option<dealflow_proto::google::type_::Decimal>| it.clone().expect("told").value;
            assert_eq!((mean(&all.mean_won_cycle_days), mean(&all.mean_lost_cycle_days)), ("51.78".into(), "41.48".into()));
            let pipeline = desk.analytics.clone().get_pipeline(GetPipelineRequest::default()).await.expect("told");
            let open: Vec<i64> = pipeline.into_inner().rows.iter().map(|row| row.count).collect();
            assert_eq!(open, [500, 1_589], "prospecting and engaging");

            // A team is a set of owners: those of a manager.
            let mut teams: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for row in rows(&folder.join("sales_teams.csv")) {
                teams.entry(row["manager"].clone()).or_default().push(record("employees", &row["sales_agent"]));
            }
            let by_owner = won_lost(&desk, GetWonLostRequest { group_by: GroupBy::Owner.into(), ..Default::default() }).await;
            let known = [
                ("Cara Losch", 1_130_049), ("Celia Rouche", 1_603_897), ("Dustin Brinkmann", 1_094_363),
                ("Melvin Marxen", 2_251_930), ("Rocco Neubert", 1_960_545), ("Summer Sewald", 1_964_750),
            ];
            assert_eq!(teams.keys().map(String::as_str).collect::<Vec<_>>(), known.map(|(manager, _)| manager));
            for (manager, dollars) in known {
                let owners = teams[manager].clone();
                let summed: i128 = by_owner.iter().filter(|row| owners.contains(&row.key)).map(|row| minor(row.won_value.as_ref())).sum();
                let of_team = won_lost(&desk, GetWonLostRequest { owners, ..Default::default() }).await;
                let asked: i128 = of_team.iter().map(|row| minor(row.won_value.as_ref())).sum();
                assert_eq!((summed, asked), (dollars * 100, dollars * 100), "{manager}");
            }
            let by_month = won_lost(&desk, GetWonLostRequest { group_by: GroupBy::Month.into(), ..Default::default() }).await;
            assert_eq!(by_month.iter().map(|row| row.won_count).sum::<i64>(), 4_238);
        }
    }
}
