//! Deals moved on, and figures, from the command line (R-OPP-2, R-OPP-3, R-OPP-6, R-ANA-1).

use serde_json::{Value, json};

use super::import::fixture;
use super::run_on;

fn row<'a>(figures: &'a Value, key: &str) -> &'a Value {
    let rows = figures["rows"].as_array().expect("rows");
    rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no row {key} in {figures:#}"))
}

/// R-ANA-1, R-OPP-2, R-OPP-3, R-OPP-6: as people type it, by title or id, and `--json` says the same.
#[test]
fn deals_are_moved_on_and_counted_from_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = fixture(folder.path());
    let data = folder.path().join("data");
    run_on(&data, &["import", "crm", source.to_str().expect("a path"), "--json"]).json(1);

    let by = |what: &str| run_on(&data, &["won-lost", "--by", what, "--json"]).json(0);
    let products = by("product");
    let gtx = row(&products, "GTX Pro");
    assert_eq!((&gtx["won_count"], &gtx["lost_count"]), (&json!(2), &json!(2)));
    assert_eq!(gtx["won_value"], json!({ "amount": "9321.00", "currency": "USD" }));
    assert_eq!(row(&products, "MG Special")["won_count"], json!(2));
    assert_eq!(row(&by("team"), "Mira Stone")["won_count"], json!(3));
    assert_eq!(row(&by("office"), "East")["won_count"], json!(1));
    assert_eq!(row(&by("stage"), "Presentation")["lost_count"], json!(2));
    assert_eq!(row(&by("year"), "2017")["won_count"], json!(3));
    let led = run_on(&data, &["won-lost", "--manager", "Noel Tate", "--json"]).json(0);
    assert_eq!(led["totals"][0]["won_count"], json!(1));

    let forecast = run_on(&data, &["forecast", "--json"]).json(0);
    let closed = forecast["totals"].as_array().into_iter().flatten().find(|total| total["category"] == "CLOSED");
    assert_eq!(closed.expect("won deals")["value"], json!({ "amount": "9433.00", "currency": "USD" }));
    let funnel = run_on(&data, &["funnel", "--json"]).json(0);
    assert_eq!(funnel["rows"][0]["reached_count"], json!(8));
    let table = run_on(&data, &["funnel"]);
    assert!(table.out.contains("came so far") && table.out.contains("Qualification"), "{}", table.out);

    let deal = |args: &[&str]| run_on(&data, &[&["deal"], args, &["--json"]].concat());
    let moved = deal(&["move", "AAAA0007", "commercial proposal"]);
    assert!(moved.code == Some(1) && moved.err.contains("there are Qualification, Presentation"), "{}", moved.err);
    assert_eq!(deal(&["move", "AAAA0007", "коммерческое предложение"]).json(0)["stage"], "stages/proposal");
    let held = deal(&["hold", "AAAA0007", "budget freeze", "--until", "2099-01-01"]).json(0);
    assert_eq!((&held["status"], &held["hold_until_date"]), (&json!("ON_HOLD"), &json!("2099-01-01")));
    assert_eq!(held["hold_time"].as_str().map(str::len), Some(27));
    let shown = run_on(&data, &["deal", "show", "GTX Pro for Veldt"]);
    assert!(shown.err.contains("several deals go by") && shown.err.contains("AAAA0003"), "{}", shown.err);
    let shown = run_on(&data, &["deal", "show", "AAAA0007"]);
    assert!(shown.out.contains("on hold until 2099-01-01: budget freeze"), "{}", shown.out);
    assert_eq!(deal(&["resume", "AAAA0007"]).json(0)["status"], "IN_PROGRESS");
    let held = run_on(&data, &["deal", "hold", "AAAA0007", "later", "--until", "2099-02-01"]);
    assert!(held.out.contains(", on hold until 2099-02-01: later"), "{}", held.out);
    deal(&["resume", "AAAA0007"]).json(0);
    let team = deal(&["team", "AAAA0007", "--add", "Cleo Dunn=engineer", "--add", "Ada Brook"]).json(0);
    assert_eq!(team["team"].as_array().map(Vec::len), Some(2));
    let told = run_on(&data, &["deal", "team", "AAAA0007", "--remove", "Ada Brook"]);
    assert!(told.out.contains("team: Cleo Dunn (engineer)"), "{}", told.out);

    assert!(deal(&["lose", "AAAA0007", "bad weather"]).err.contains("OUT_SOLD"));
    let lost = deal(&["lose", "AAAA0007", "no budget", "--competitor", "Rival"]).json(0);
    assert_eq!((&lost["state"], &lost["lose_reason_code"]), (&json!("LOST"), &json!("NO_BUDGET")));
    assert_eq!(lost["competitors"][0]["won"], json!(true));
    assert_eq!(deal(&["move", "AAAA0007", "proposal"]).code, Some(1));
    let next = ["follow-up", "AAAA0007", "--title", "Next year", "--team", "--lines", "--process", "corporate-sale"];
    let next = deal(&next).json(0);
    assert_eq!((&next["follow_up_of"], &next["state"]), (&lost["name"], &json!("OPEN")));
    assert_eq!(next["estimated_value"], json!({ "amount": "4821.00", "currency": "USD" }));
    let won = deal(&["win", "Next year", "--value", "4000.50", "--hours", "2.5"]).json(0);
    assert_eq!((&won["state"], &won["actual_value"]["amount"]), (&json!("WON"), &json!("4000.50")));

    // A deal that asks for nothing is won all the same; that no order came of it is said.
    let nothing = "no order was made: the deal has no quote, no lines and no value";
    deal(&["follow-up", "Next year", "--title", "Talks", "--process", "corporate-sale"]).json(0);
    let won = run_on(&data, &["deal", "win", "Talks"]);
    assert!(won.code == Some(0) && won.out.contains(nothing), "{}{}", won.out, won.err);
    deal(&["follow-up", "Next year", "--title", "More", "--lines", "--process", "corporate-sale"]).json(0);
    let won = run_on(&data, &["deal", "win", "More"]);
    assert!(won.code == Some(0) && !won.out.contains(nothing), "{}{}", won.out, won.err);
    // What is posted is taken back by a credit note, whatever else its state may allow (R-INV-1).
    let invoices = run_on(&data, &["invoice", "list", "--state", "posted", "--json"]).json(0);
    let posted = invoices["invoices"][0]["number"].as_str().expect("a posted invoice");
    let again = run_on(&data, &["invoice", "post", posted]);
    assert!(again.code == Some(1) && again.err.contains("CreateCreditNote takes it back"), "{}", again.err);
    // An order says of which deal it is, and who buys.
    let orders = run_on(&data, &["order", "list", "--json"]).json(0);
    let named = |it: &Value| [&it["opportunity"], &it["account"]].iter().all(|name| name.as_str().is_some());
    assert!(orders["orders"].as_array().is_some_and(|all| !all.is_empty() && all.iter().all(named)), "{orders:#}");
}

/// R-STG-2, R-PRC-1: a stage that is typed is one of the deal's own process, though others are called the same.
#[test]
fn a_stage_is_meant_in_the_process_of_its_deal() {
    let folder = tempfile::tempdir().expect("a folder");
    let on = |args: &[&str]| run_on(folder.path(), args);
    let add = ["lead", "add", "--company", "Berg", "--family-name", "Berg", "--external-id", "1", "--json"];
    on(&[&add[..], &["--need", "must-have", "--budget", "can-buy"]].concat()).json(0);
    let deal = on(&["lead", "qualify", "1", "--process", "sales lifecycle", "--json"]).json(0);
    let deal = deal["opportunity"]["name"].as_str().expect("a name").to_owned();
    let moved = |stage: &str| on(&["deal", "move", &deal, stage, "--json"]);
    for typed in ["qualify", "Qualify", "stages/qualify", "квалификация  интереса"] {
        assert_eq!(moved(typed).json(0)["stage"], "stages/qualify", "{typed}");
        assert_eq!(moved("develop").json(0)["stage"], "stages/develop");
    }
    let nowhere = moved("nowhere");
    assert!(nowhere.err.contains("there are Qualify, Develop, Propose"), "{}", nowhere.err);
    // What another process has is not hidden: it is refused by its own name.
    let other = moved("assessment");
    assert!(other.code == Some(1) && other.err.contains("stages/assessment"), "{}", other.err);

    // In the other process it is the stage `assessment` that is called so; its slug belongs to nobody there.
    on(&["process", "start", "qualify sales opportunity", "--title", "Ambiguous", "--json"]).json(0);
    on(&["deal", "move", "Ambiguous", "inquiry", "--json"]).json(0);
    assert_eq!(on(&["deal", "move", "Ambiguous", "qualify", "--json"]).json(0)["stage"], "stages/assessment");
}

/// R-OPP-1, R-API-3: what is known of a deal is shown: BANT, demand, probability, who decides; to machines all of it.
#[test]
fn a_deal_is_shown_with_all_that_is_known_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = fixture(folder.path());
    let data = folder.path().join("data");
    let on = |args: &[&str]| run_on(&data, args);
    on(&["import", "crm", source.to_str().expect("a path"), "--json"]).json(1);
    let open = on(&["deal", "show", "AAAA0007"]);
    for part in ["Demand", "│ 1 ┆ GTX Pro", "4,821.00 USD", "probability", "corporate-sale version 1, running"] {
        assert!(open.out.contains(part), "no {part} in {}", open.out);
    }
    let told = on(&["deal", "show", "AAAA0007", "--json"]).json(0);
    let deal = &told["opportunity"];
    assert!(deal["lines"][0]["product"].as_str().is_some_and(|it| it.starts_with("products/")), "{deal:#}");
    assert_eq!((&deal["currency_code"], &deal["process_run"]["state"]), (&json!("USD"), &json!("RUNNING")));
    assert_eq!(deal["stage_entry"]["stage"], deal["stage"]);

    let add = ["lead", "add", "--given-name", "Erika", "--family-name", "Berg", "--external-id", "1", "--json"];
    on(&[&add[..], &["--company", "Berg AG", "--need", "must-have", "--budget", "can-buy"]].concat()).json(0);
    let deal = on(&["lead", "qualify", "1", "--json"]).json(0);
    let name = deal["opportunity"]["name"].as_str().expect("a name");
    let shown = on(&["deal", "show", name]);
    for part in ["Budget, authority, need, timeframe", "can buy", "must have", "contact      Erika Berg"] {
        assert!(shown.out.contains(part), "no {part} in {}", shown.out);
    }
    // Company and person are found by what they go by.
    assert_eq!(on(&["account", "show", "Berg AG", "--json"]).json(0)["display_name"], "Berg AG");
    for who in ["Erika Berg", "Berg"] {
        assert_eq!(on(&["contact", "show", who, "--json"]).json(0)["given_name"], "Erika", "{who}");
    }
    let nobody = on(&["contact", "show", "Erika Nobody"]);
    assert!(nobody.code == Some(1) && nobody.err.contains("dealflow contact list"), "{}", nobody.err);
    let told = on(&["deal", "show", name, "--json"]).json(0);
    let bant = &told["opportunity"]["bant"];
    assert_eq!((&bant["need"], &bant["budget_status"]), (&json!("MUST_HAVE"), &json!("CAN_BUY")));
    assert_eq!(told["opportunity"]["lead"], told["lead"]["name"]);
    for out in [&open.out, &shown.out] {
        let widest = out.lines().filter(|line| line.contains(['│', '─'])).map(|line| line.chars().count()).max();
        assert!(widest <= Some(120), "{widest:?} columns:\n{out}");
    }
}

/// R-LED-1, R-ACC-1, R-OPP-1: what is still to be filled in is filled in from the command line, by the names that it is
/// asked for by, and what cannot be set so is refused with what can.
#[test]
fn what_is_known_of_lead_account_and_deal_is_changed_field_by_field() {
    let folder = tempfile::tempdir().expect("a folder");
    let on = |args: &[&str]| run_on(folder.path(), args);
    let add = ["lead", "add", "--company", "Berg AG", "--family-name", "Berg", "--external-id", "1", "--json"];
    let bare = on(&add).json(0);
    assert!(bare["guidance"]["missing_fields"].to_string().contains("bant.need"), "{bare:#}");
    let set =
        ["lead", "set", "1", "bant.need=must-have", "budget_status=can-buy", "title=Pumps", "city=Graz", "--json"];
    let lead = on(&set).json(0);
    assert_eq!((&lead["title"], &lead["bant"]["need"]), (&json!("Pumps"), &json!("MUST_HAVE")), "{lead:#}");
    assert_eq!((&lead["address"]["city"], &lead["company_name"]), (&json!("Graz"), &json!("Berg AG")), "{lead:#}");
    let none = on(&["lead", "set", "1", "state=QUALIFIED"]);
    let told = "a lead has no field `state` to set; there are title, company_name";
    assert!(none.code == Some(1) && none.err.contains(told), "{}", none.err);
    let wrong = on(&["lead", "set", "1", "need=urgent"]);
    assert!(wrong.err.contains("bant.need=urgent") && wrong.err.contains("must-have"), "{}", wrong.err);

    let deal = on(&["lead", "qualify", "1", "--json"]).json(0);
    let deal = deal["opportunity"]["name"].as_str().expect("a name");
    let account = on(&["account", "set", "Berg AG", "country_code=AT", "employee_count=12", "--json"]).json(0);
    assert_eq!((&account["address"]["country_code"], &account["employee_count"]), (&json!("AT"), &json!(12)));
    assert_eq!(account["address"]["city"], "Graz", "{account:#}");
    let set = ["deal", "set", deal, "estimated_value=1200.50 USD", "estimated_close_date=2099-12-31", "contact=Berg"];
    on(&[&set[..], &["--json"]].concat()).json(0);
    on(&["deal", "set", deal, "bant.decision_date=2099-11-30", "--json"]).json(0);
    let told = on(&["deal", "show", deal, "--json"]).json(0);
    let known = &told["opportunity"];
    assert_eq!(known["estimated_value"], json!({ "amount": "1200.50", "currency": "USD" }));
    assert_eq!((&known["estimated_close_date"], &known["title"]), (&json!("2099-12-31"), &json!("Pumps")));
    // A part of the whole leaves its other parts as they are.
    let bant = &known["bant"];
    assert_eq!((&bant["decision_date"], &bant["need"]), (&json!("2099-11-30"), &json!("MUST_HAVE")));
    let none = on(&["deal", "set", deal, "stage=proposal"]);
    assert!(none.code == Some(1) && none.err.contains("a deal has no field `stage` to set"), "{}", none.err);
}
