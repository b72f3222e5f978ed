//! Leads from the command line: imported, moved, qualified, and their people erased.

use serde_json::{Value, json};

use super::import::fixture;
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

/// R-LED-2: a quote that nobody closed, a row that is too short and what is no e-mail address cost their own rows; the
/// others go in, and what a second, mended file would do is told.
#[test]
fn bad_rows_are_told_and_take_no_others_with_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dirty.csv");
    let rows = "Company,Last name,E-Mail,Notes\n\
        Berg AG,Berg,berg@berg.example,\"one\ntwo, \"\"three\"\"\"\n\
        Stein AG,\"Unclosed,stein@stein.example,\n\
        Wolf AG,\"Wolf, jr.\",wolf@wolf.example,\n\
        Kurz AG\n\
        Post AG,Post,not-an-email,\n\
        \"Zwei\nZeilen\",Zwei,zwei@zwei.example,\n\
        Letzt AG,Letzt,,ends\n";
    let import = |text: &str, more: &[&str]| {
        std::fs::write(&file, text).expect("the file is written");
        let file = file.to_str().expect("a path of letters");
        run_on(folder.path(), &[&["lead", "import", file], more].concat())
    };
    let checked = import(rows, &["--dry-run"]);
    assert!(checked.code == Some(1) && checked.out.contains("3 leads would be imported"), "{}", checked.out);
    assert!(checked.err.contains("4 rows would be refused"), "{}", checked.err);
    let report = import(rows, &["--json"]).json(1);
    assert_eq!((&report["created"], &report["failed"]), (&json!(3), &json!(4)));
    assert_eq!(report["without_external_id"], json!(4), "three and the one that the service refused");
    let told = report["errors"].as_array().expect("a list").iter().map(|it| (it["row"].clone(), it["field"].clone()));
    let expected = [(3, json!("family_name")), (5, Value::Null), (6, json!("email")), (7, json!("company_name"))];
    assert_eq!(told.collect::<Vec<_>>(), expected.map(|(row, field)| (json!(row), field)));
    let reason = |place: usize| report["errors"][place]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason(0).contains("the quote that opens in line 4 is not closed"), "{}", reason(0));
    assert!(reason(1).contains("the row has 1 fields, the header 4"), "{}", reason(1));

    let listed = run_on(folder.path(), &["lead", "list", "--json"]).json(0);
    let leads = listed["leads"].as_array().expect("leads");
    let mut names: Vec<_> = leads.iter().filter_map(|it| it["family_name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Berg", "Letzt", "Wolf, jr."]);
    let notes = leads.iter().find(|it| it["family_name"] == "Berg").map(|it| &it["notes"]);
    assert_eq!(notes, Some(&json!("one\ntwo, \"three\"")));

    // Without ids of their own a changed file brings its leads again: who mends one is told so, and with ids is not.
    let mended = import("Company,E-Mail\nBerg AG,b@berg.example\nPost AG,post\n", &[]);
    assert!(mended.err.contains("take them out of the mended file"), "{}", mended.err);
    assert!(mended.out.contains("2 rows have no external id"), "{}", mended.out);
    let mended = import("Id,Company,E-Mail\n1,Berg AG,b@berg.example\n2,Post AG,post\n", &[]);
    assert!(mended.err.contains("the mended file imports only what is missing"), "{}", mended.err);
    assert!(!mended.out.contains("external id"), "{}", mended.out);
    let mended = import("Id,Company,E-Mail\n1,Berg AG,b@berg.example\n2,Post AG,p@post.example\n", &["--json"]).json(0);
    assert_eq!((&mended["created"], &mended["existing"]), (&json!(1), &json!(1)));
}

/// R-LED-1, R-LED-4: what is known of a lead is shown, its budget, authority, need and timeframe and its address too.
#[test]
fn a_lead_is_shown_with_all_that_is_known_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let on = |args: &[&str]| run_on(folder.path(), args);
    on(&[
        "lead",
        "add",
        "--company",
        "Berg",
        "--need",
        "must-have",
        "--budget",
        "can-buy",
        "--external-id",
        "1",
        "--json",
    ])
    .json(0);
    let shown = on(&["lead", "show", "1", "--json"]).json(0);
    assert_eq!((&shown["bant"]["need"], &shown["bant"]["budget_status"]), (&json!("MUST_HAVE"), &json!("CAN_BUY")));
    let shown = on(&["lead", "show", "1"]);
    assert!(shown.out.contains("bant.need") && shown.out.contains("MUST_HAVE"), "{}", shown.out);

    let file = folder.path().join("one.csv");
    let row = "id,company,street,city,zip,country,value,currency\n2,Stein,\"Am Tor 1\nHof\",Bonn,53111,de,1200.5,EUR\n";
    std::fs::write(&file, row).expect("the file is written");
    on(&["lead", "import", file.to_str().expect("a path of letters"), "--json"]).json(0);
    let shown = on(&["lead", "show", "2", "--json"]).json(0);
    let address = json!({ "street": "Am Tor 1\nHof", "city": "Bonn", "postal_code": "53111", "region": null, "country_code": "DE" });
    assert_eq!(shown["address"], address);
    let shown = on(&["lead", "show", "2"]);
    assert!(shown.out.contains("address.city") && shown.out.contains("1,200.50 EUR"), "{}", shown.out);
}

/// R-LED-6: leads go to those of a team or an office, however it is written; one that nobody is in is told.
#[test]
fn leads_are_distributed_among_a_team_or_an_office() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = fixture(folder.path());
    let on = |args: &[&str]| run_on(folder.path(), args);
    on(&["import", "crm", source.to_str().expect("a path"), "--json"]).json(1);
    for id in ["1", "2", "3", "4"] {
        on(&["lead", "add", "--company", "Berg", "--external-id", id, "--owner", "cleo  dunn", "--json"]).json(0);
    }
    let given = |args: &[&str]| -> Vec<Value> {
        let given = on(&[&["lead", "distribute"], args, &["--json"]].concat()).json(0);
        given["assignments"].as_array().expect("a list").iter().map(|it| it["owner"].clone()).collect()
    };
    let west = given(&["1", "2", "--office", "west"]);
    assert!(west.len() == 2 && west[0] != west[1], "round robin: {west:?}");
    assert_eq!(given(&["3", "4", "--team", "mira stone"]).len(), 2);
    let listed = on(&["lead", "list", "--owner", "CLEO DUNN", "--state", "new", "--json"]).json(0);
    assert_eq!(listed["leads"], json!([]), "all were given away");
    let nobody = on(&["lead", "distribute", "1", "--team", "West"]);
    assert!(nobody.code == Some(1) && nobody.err.contains("nobody is in a team `West`; there are"), "{}", nobody.err);
    let figures = on(&["won-lost", "--office", "East", "--json"]).json(0);
    assert_eq!(figures["totals"][0]["won_count"], json!(1));
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
    let nobody = "employees/01890000-0000-7000-8000-00000000000a";
    let refused = run_on(folder.path(), &["lead", "distribute", "web-1", "--to", nobody]);
    assert!(refused.code == Some(1) && refused.err.contains("is not known"), "{}", refused.err);
    let source = fixture(folder.path());
    run_on(folder.path(), &["import", "crm", source.to_str().expect("a path"), "--json"]).json(1);
    let people = run_on(folder.path(), &["people", "--json"]).json(0);
    let cleo = people["people"].as_array().into_iter().flatten().find(|it| it["display_name"] == "Cleo Dunn");
    let given = lead(&["distribute", "web-1", "--to", "cleo dunn"]);
    assert_eq!(given["assignments"][0]["owner"], cleo.expect("she is here")["name"]);
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
