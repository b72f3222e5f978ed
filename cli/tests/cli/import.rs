//! Importing a pipeline: historical days, dirty rows told with their line, a second run that changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use dealflow_proto::erp::v1::erp_stub_control_service_client::ErpStubControlServiceClient;
use dealflow_proto::erp::v1::{ClearFaultsRequest, Fault, FaultKind, SetFaultPlanRequest};
use serde_json::json;
use tonic::transport::{Channel, Endpoint};

use super::serve::Serving;
use super::{run, run_on};

const ACCOUNTS: &str = "\
account,sector,year_established,revenue,employees,office_location,subsidiary_of
Northgate,retail,1987,121.5,310,Norway,Holding North
Holding North,finance,1950,4000.01,12000,Norway,
Veldt,medical,2001,11.2,80,Kenya,
";
const PRODUCTS: &str = "\
product,series,sales_price
GTX Pro,GTX,4821
MG Special,MG,55
";
const TEAMS: &str = "\
sales_agent,manager,regional_office
Ada Brook,Mira Stone,West
Ben Carr,Mira Stone,West
Cleo Dunn,Noel Tate,East
";
/// Ten deals; line 7 closes before it begins, line 9 has no number for its value.
const PIPELINE: &str = "\
opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value
AAAA0001,Ada Brook,GTXPro,Northgate,Won,2016-10-20,2017-03-01,4500
AAAA0002,Ada Brook,MG Special,Veldt,Won,2016-11-01,2016-11-30,52
AAAA0003,Ben Carr,GTX Pro,Veldt,Lost,2016-11-11,2017-02-11,0
AAAA0004,Cleo Dunn,MG Special,Holding North,Won,2017-01-02,2017-01-12,60
AAAA0005,Cleo Dunn,GTX Pro,Northgate,Lost,2017-01-05,2017-01-25,0
AAAA0006,Cleo Dunn,GTX Pro,Northgate,Won,2017-03-05,2017-03-01,4000
AAAA0007,Ben Carr,GTX Pro,Veldt,Engaging,2017-02-01,,
AAAA0008,Ben Carr,MG Special,Veldt,Won,2017-02-01,2017-02-21,a lot
AAAA0009,Ada Brook,MG Special,,Prospecting,,,
AAAA0010,Ada Brook,GTX Pro,Northgate,Won,2017-02-01,2017-03-13,4821
";

pub(crate) fn fixture(folder: &Path) -> PathBuf {
    let source = folder.join("source");
    std::fs::create_dir(&source).expect("a folder");
    let files = [
        ("accounts.csv", ACCOUNTS),
        ("products.csv", PRODUCTS),
        ("sales_teams.csv", TEAMS),
        ("sales_pipeline.csv", PIPELINE),
    ];
    for (name, text) in files {
        std::fs::write(source.join(name), text).expect("a file");
    }
    source
}

#[test]
fn good_rows_go_in_dirty_ones_are_told_and_a_second_run_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = fixture(folder.path());
    let data = folder.path().join("data");
    let import = ["import", "crm", source.to_str().expect("a path"), "--json"];

    // Dirty rows end a run with 1; the others are in.
    let first = run_on(&data, &import).json(1);
    assert_eq!((&first["rows"], &first["imported"], &first["unchanged"]), (&json!(10), &json!(8), &json!(0)));
    let rejects = first["rejects"].as_array().expect("a list");
    assert_eq!(rejects.len(), 2, "{rejects:#?}");
    assert_eq!((&rejects[0]["line"], &rejects[0]["id"]), (&json!(7), &json!("AAAA0006")));
    assert_eq!(rejects[0]["reason"], "close_date 2017-03-01 is before engage_date 2017-03-05");
    assert_eq!((&rejects[1]["line"], &rejects[1]["id"]), (&json!(9), &json!("AAAA0008")));
    assert_eq!(rejects[1]["file"], "sales_pipeline.csv");

    // R-QUO-3: the calendar closes no quote of the past between its proposal and its acceptance.
    let quotes = run_on(&data, &["quote", "list", "--json"]).json(0);
    let quotes = quotes["quotes"].as_array().expect("a list");
    assert_eq!(quotes.len(), 4, "{quotes:#?}");
    let today = json!(chrono::Utc::now().date_naive().to_string());
    let holds =
        |quote: &serde_json::Value| quote["state"] == "ACCEPTED" && quote["valid_until_date"].as_str() > today.as_str();
    assert!(quotes.iter().all(holds), "{quotes:#?}");

    let figures = |by: &str| run_on(&data, &["won-lost", "--by", by, "--json"]).json(0);
    let before = (figures("manager"), figures("month"), run_on(&data, &["pipeline", "--json"]).json(0));
    let stone = before.0["rows"].as_array().into_iter().flatten().find(|row| row["key"] == "Mira Stone");
    let stone = stone.expect("Mira Stone leads Ada Brook and Ben Carr");
    assert_eq!((&stone["won_count"], &stone["lost_count"]), (&json!(3), &json!(1)));
    assert_eq!(stone["won_value"], json!({ "amount": "9373.00", "currency": "USD" }));
    // 132, 29 and 40 days.
    assert_eq!((&stone["won_cycle_days"], &stone["mean_won_cycle_days"]), (&json!(201), &json!("67.00")));

    let second = run_on(&data, &import).json(1);
    assert_eq!((&second["imported"], &second["unchanged"]), (&json!(0), &json!(8)));
    assert_eq!(second["rejects"], first["rejects"]);
    let after = (figures("manager"), figures("month"), run_on(&data, &["pipeline", "--json"]).json(0));
    assert_eq!(before, after);

    let deal = run_on(&data, &["deal", "show", "AAAA0001", "--json"]).json(0);
    assert_eq!(deal["opportunity"]["close_date"], "2017-03-01");
    assert_eq!(deal["opportunity"]["cycle_days"], 132);
    assert_eq!(deal["account"]["display_name"], "Northgate");
    assert_eq!(deal["owner_display_name"], "Ada Brook");
    assert_eq!(deal["invoices"][0]["issue_date"], "2017-03-01");
}

/// The stub of a suite, on a connection of its own: while a command runs nobody answers on one.
async fn stub(serving: &Serving) -> ErpStubControlServiceClient<Channel> {
    let address = Endpoint::from_shared(serving.gateway.clone()).expect("an address");
    ErpStubControlServiceClient::new(address.connect().await.expect("the suite answers"))
}

/// R-API-1, R-ERP-1: an ERP that refuses an order changes it today, after the days of the source: such a deal is delivered
/// today, and no row is one that can never go in.
#[tokio::test]
async fn an_erp_that_refuses_leaves_no_row_that_can_never_go_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = fixture(folder.path());
    let head = PIPELINE.lines().next().expect("a header");
    let won = |at: usize| format!("BBBB{at:04},Ada Brook,GTX Pro,Northgate,Won,2016-10-20,2017-03-01,4500\n");
    let rows: String = (0..24).map(won).collect();
    std::fs::write(source.join("sales_pipeline.csv"), format!("{head}\n{rows}")).expect("a file");
    let serving = Serving::start_logging(&folder.path().join("data"), &[], &[], &folder.path().join("log"));
    let refuse = Fault { kind: FaultKind::Refuse.into(), ..Fault::default() };
    let plan = SetFaultPlanRequest { faults: vec![refuse], ..SetFaultPlanRequest::default() };
    stub(&serving).await.set_fault_plan(plan).await.expect("the stub takes it");
    let import = ["import", "crm", source.to_str().expect("a path"), "--json", "--gateway", &serving.gateway];
    let first = run(&import).json(0);
    assert_eq!((&first["imported"], &first["rejects"]), (&json!(24), &json!([])), "{first:#}");
    stub(&serving).await.clear_faults(ClearFaultsRequest {}).await.expect("the stub takes it");
    let second = run(&import).json(0);
    assert_eq!((&second["imported"], &second["unchanged"]), (&json!(0), &json!(24)), "{second:#}");
}

#[test]
fn a_folder_without_the_files_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run_on(&folder.path().join("data"), &["import", "crm", "/nonexistent"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("/nonexistent/products.csv cannot be read"), "{}", ended.err);
}

/// The public data set, where it is at hand.
#[test]
fn the_first_sixty_deals_of_the_public_data_set_go_in_and_the_figures_are_theirs() {
    let shared = std::env::var_os("DEALFLOW_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let source = shared.join("data/crm-sales-opportunities");
    if !source.is_dir() {
        println!("not run: {} is not there; DEALFLOW_SHARED names the folder that holds data/", source.display());
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let import = ["import", "crm", source.to_str().expect("a path"), "--limit", "60", "--json"];
    let outcome = run_on(folder.path(), &import).json(0);
    assert_eq!((&outcome["rows"], &outcome["imported"], &outcome["rejects"]), (&json!(60), &json!(60), &json!([])));

    let naive = recomputed(&source.join("sales_pipeline.csv"), 60);
    let figures = run_on(folder.path(), &["won-lost", "--by", "owner", "--json"]).json(0);
    let rows = figures["rows"].as_array().expect("rows");
    let told: BTreeMap<String, (i64, i64, String, i64)> = rows
        .iter()
        .map(|row| {
            let number = |key: &str| row[key].as_i64().unwrap_or_default();
            let value = row["won_value"]["amount"].as_str().unwrap_or_default().to_owned();
            let key = row["key"].as_str().unwrap_or_default().to_owned();
            (key, (number("won_count"), number("lost_count"), value, number("won_cycle_days")))
        })
        .collect();
    assert_eq!(told, naive);
}

/// By agent: won, lost, value, days of the won ones, straight from the rows (R-ANA-1).
fn recomputed(file: &Path, limit: usize) -> BTreeMap<String, (i64, i64, String, i64)> {
    let mut sums: BTreeMap<String, (i64, i64, i64, i64)> = BTreeMap::new();
    let mut reader = csv::Reader::from_path(file).expect("the file");
    for row in reader.records().take(limit) {
        let row = row.expect("a row");
        let day = |column: usize| row[column].parse::<NaiveDate>().expect("a day");
        let sum = sums.entry(row[1].to_owned());
        match &row[4] {
            "Won" => {
                let sum = sum.or_default();
                sum.0 += 1;
                sum.2 += row[7].parse::<i64>().expect("a whole amount");
                sum.3 += (day(6) - day(5)).num_days();
            }
            "Lost" => sum.or_default().1 += 1,
            _ => {}
        }
    }
    sums.into_iter()
        .map(|(agent, (won, lost, value, days))| (agent, (won, lost, format!("{value}.00"), days)))
        .collect()
}

#[test]
fn a_profile_that_is_not_understood_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = fixture(folder.path());
    let profile = folder.path().join("profile.json");
    std::fs::write(&profile, r#"{"currencies": "USD"}"#).expect("a file");
    let (source, profile, data) = (source.to_str(), profile.to_str(), folder.path().join("data"));
    let args = ["import", "crm", source.expect("a path"), "--profile", profile.expect("a path"), "--data"];
    let ended = run(&[&args[..], &[data.to_str().expect("a path")]].concat());
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("the profile is not understood") && ended.err.contains("currencies"), "{}", ended.err);
}
