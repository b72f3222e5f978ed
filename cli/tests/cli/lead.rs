//! Leads from the command line: imported, moved, qualified, and their people erased.

use serde_json::{Value, json};

use super::run_on;

/// What the people of a fair brought home: dirty, but for two rows.
const FAIR: &[u8] = b"\xef\xbb\xbfKunde;First name;Last name;E-Mail;Lead source;Value;Currency;Id\r\n\
    Berg AG;Erika;Berg;erika@berg.example;Trade show;1200.50;EUR;fair-1\r\n\
    \"Stein; S\xc3\xb6hne\";;Stein;;business card;;;fair-2\r\n\
    Nobody;;;;moon;;;fair-3\r\n\
    M\xfcller;;;;;;;fair-4\r\n";

#[test]
fn a_file_of_leads_goes_in_row_by_row_and_only_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("fair.csv");
    std::fs::write(&file, FAIR).expect("the file is written");
    let file = file.to_str().expect("a path of letters");
    let import = |more: &[&str]| run_on(folder.path(), &[&["lead", "import", file, "--json"], more].concat());

    let unmapped = import(&[]).json(1);
    assert_eq!(unmapped["unused_columns"], json!(["Kunde"]));
    let report = import(&["--map", "Kunde=company_name"]).json(1);
    // Their ids were known from the first run, which left the company out.
    assert_eq!((&report["created"], &report["existing"], &report["failed"]), (&json!(0), &json!(2), &json!(2)));
    let told: Vec<_> = report["errors"].as_array().into_iter().flatten().map(|it| (&it["row"], &it["field"])).collect();
    assert_eq!(told, [(&json!(4), &json!("source")), (&json!(5), &json!("company_name"))]);

    let listed = run_on(folder.path(), &["lead", "list", "--source", "trade-show", "--json"]).json(0);
    assert_eq!(listed["leads"][0]["estimated_value"], json!({ "amount": "1200.50", "currency": "EUR" }));
}

#[test]
fn a_lead_goes_its_way_from_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let lead = |args: &[&str]| -> Value { run_on(folder.path(), &[&["lead"], args, &["--json"]].concat()).json(0) };
    let added = lead(&[
        "add",
        "--company",
        "Berg AG",
        "--family-name",
        "Berg",
        "--email",
        "berg@berg.example",
        "--need",
        "must-have",
        "--budget",
        "can-buy",
        "--source",
        "web",
        "--external-id",
        "web-1",
    ]);
    assert_eq!((&added["state"], &added["source"]), (&json!("NEW"), &json!("WEB")));
    let owner = "employees/01890000-0000-7000-8000-00000000000a";
    let given = lead(&["distribute", "web-1", "--to", owner]);
    assert_eq!(given["assignments"][0]["owner"], json!(owner));
    assert_eq!(lead(&["stage", "web-1", "distribution"])["stage"], json!("DISTRIBUTION"));
    let gone = lead(&["disqualify", "web-1", "--reason", "no-longer-interested"]);
    assert_eq!(gone["disqualify_reason"], json!("NO_LONGER_INTERESTED"));
    assert_eq!(lead(&["reactivate", "web-1"])["state"], json!("NEW"));
    let won = lead(&["qualify", "web-1"]);
    assert_eq!(won["opportunity"]["process"], json!("processes/corporate-sale"));

    let contact = won["lead"]["contact"].as_str().expect("a contact");
    let export = run_on(folder.path(), &["contact", "export", contact]).json(0);
    assert_eq!(export["contact"]["email"], json!("berg@berg.example"));
    assert_eq!(export["history"][0]["record"]["family_name"], json!("Berg"));
    let checked = run_on(folder.path(), &["contact", "erase", contact, "--json"]).json(0);
    assert_eq!(checked["erased"], json!(false));
    let erased = run_on(folder.path(), &["contact", "erase", contact, "--yes", "--json"]).json(0);
    assert_eq!(erased["contact"]["family_name"], json!("erased"));
    let shown = run_on(folder.path(), &["contact", "show", contact, "--json"]).json(0);
    assert_eq!(shown["email"], Value::Null);
}
