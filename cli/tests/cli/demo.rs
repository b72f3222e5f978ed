//! The demo: what it promises stands in what it prints, and in the records that it leaves.

use std::path::Path;

use serde_json::{Value, json};

use super::run_on;

#[track_caller]
fn pick<'a>(list: &'a Value, key: &str) -> Vec<&'a Value> {
    list.as_array().unwrap_or_else(|| panic!("no list: {list}")).iter().map(|item| &item[key]).collect()
}

#[test]
fn the_demo_ends_well_and_its_records_tell_the_same_to_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let told = run_on(folder, &["demo", "--json"]).json(0);
    assert_eq!(told["ok"], true);
    assert!(told["seconds"].as_f64().is_some_and(|seconds| seconds < 60.0), "{}", told["seconds"]);
    assert!(pick(&told["checks"], "ok").into_iter().all(|ok| ok == true), "{:#}", told["checks"]);
    won_by_the_process(&told["deals"][0]);
    leapt_and_won(&told["deals"][1]);
    lost(&told["deals"][2]);
    one_document_though_the_answer_was_lost(&told["lost_answer"]);
    books_are_equal(&told["ledger"]);

    let again = run_on(folder, &["demo"]);
    assert_eq!(again.code, Some(1), "{}", again.out);
    assert!(again.err.contains("holds records already"), "{}", again.err);
    the_commands_agree(folder, &told);
    papers_are_shown_and_credited(folder, &told["deals"][0]);
}

/// R-ORD-1, R-INV-1: what the demo left is shown by its number, credited, and paid.
fn papers_are_shown_and_credited(folder: &Path, deal: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned();
    let (quote, order) = (text(&deal["quotes"][0]["number"]), text(&deal["orders"][0]["number"]));
    let invoice = text(&deal["invoices"][0]["number"]);
    let shown = run_on(folder, &["quote", "show", &quote, "--json"]).json(0);
    assert_eq!((&shown["state"], &shown["lines"][0]["line_id"]), (&json!("ACCEPTED"), &json!("1")));
    let listed = run_on(folder, &["invoice", "list", "--state", "posted", "--json"]).json(0);
    assert!(pick(&listed["invoices"], "number").contains(&&json!(invoice)), "{listed:#}");

    let credited = run_on(folder, &["invoice", "credit", &invoice, "--reason", "returned", "--json"]).json(0);
    assert_eq!(credited["open"], json!({ "amount": "0.00", "currency": "USD" }));
    assert_eq!(credited["credit_notes"][0]["state"], "POSTED");
    let again = run_on(folder, &["invoice", "credit", &invoice, "--reason", "returned"]);
    assert_eq!(again.code, Some(1), "{}", again.out);
    assert!(again.err.contains("all of it is credited"), "{}", again.err);

    let pay = ["payment", "record", "--source", "bank", "--reference", "4711", "--amount", "5", "--currency", "USD"];
    let paid = run_on(folder, &[&pay[..], &["--invoice", &invoice, "--json"]].concat()).json(0);
    assert_eq!((&paid["state"], &paid["external_reference"]), (&json!("ALLOCATED"), &json!("4711")));
    let over = run_on(folder, &["invoice", "show", &invoice, "--json"]).json(0);
    assert_eq!(over["payment_status"], "OVERPAID");

    let order = run_on(folder, &["order", "show", &order, "--json"]).json(0);
    assert_eq!((&order["fulfilment"], &order["billing"]), (&json!("FULL"), &json!("NOT")));
    let number = text(&order["number"]);
    let change =
        |args: &[&str]| run_on(folder, &[&["order", "change", &number, "--reason", "asked by phone"], args].concat());
    let late = change(&["--line", "1=5"]);
    assert!(late.code == Some(1) && late.err.contains("is FULFILLED"), "{}", late.err);
    let unknown = change(&["--drop", "99"]);
    assert!(unknown.code == Some(1) && unknown.err.contains("has no line `99`; it has 1"), "{}", unknown.err);
    let nothing = change(&[]);
    assert!(nothing.code == Some(1) && nothing.err.contains("nothing is said: --line"), "{}", nothing.err);
    let nobody = run_on(folder, &["quote", "approve", &quote]);
    assert!(nobody.code == Some(1) && nobody.err.contains("nobody is asked"), "{}", nobody.err);
    let none = run_on(folder, &["contract", "show", "C-999999"]);
    assert!(none.code == Some(1) && none.err.contains("no contract is called `C-999999`"), "{}", none.err);
}

/// R-STG-4, R-QUO-4, R-INV-1, R-ERP-1.
fn won_by_the_process(deal: &Value) {
    assert_eq!(deal["opportunity"]["state"], "WON");
    let way = ["qualification", "presentation", "proposal", "contracting", "closed-won"];
    assert_eq!(deal["stages_entered"], json!(way.map(|stage| format!("stages/{stage}"))));
    assert_eq!(pick(&deal["orders"], "state"), ["FULFILLED"]);
    assert_eq!(pick(&deal["invoices"], "state"), ["POSTED"]);
    assert_eq!(deal["invoices"][0]["totals"]["payable"], json!({ "amount": "3106.99", "currency": "USD" }));
    assert_eq!(pick(&deal["handoffs"], "state"), ["DELIVERED", "DELIVERED"]);
}

/// R-STG-2, R-STG-3, R-OPP-2.
fn leapt_and_won(deal: &Value) {
    assert_eq!(deal["opportunity"]["state"], "WON");
    let way = ["qualification", "proposal", "presentation", "proposal", "closed-won"];
    assert_eq!(deal["stages_entered"], json!(way.map(|stage| format!("stages/{stage}"))));
    assert_eq!(deal["activities_canceled_stage_left"], 6);
    assert_eq!(pick(&deal["quotes"], "state"), ["ACCEPTED"]);
}

/// R-OPP-2: reason and comment; no document of it reaches the ERP.
fn lost(deal: &Value) {
    assert_eq!(deal["opportunity"]["state"], "LOST");
    assert_eq!(deal["opportunity"]["lose_reason"], "PRICE");
    assert!(deal["opportunity"]["lose_comment"].as_str().is_some_and(|comment| !comment.is_empty()));
    assert_eq!(pick(&deal["quotes"], "close_reason"), ["LOST"]);
    assert_eq!(deal["handoffs"], json!([]));
}

/// R-ERP-1: sent, asked for, found; stored once.
fn one_document_though_the_answer_was_lost(order: &Value) {
    assert_eq!(order["stored"], 1);
    assert_eq!(pick(&order["attempts"], "method"), ["SubmitOrder", "GetDocumentStatus"]);
    assert_eq!(pick(&order["attempts"], "code"), ["UNKNOWN", "OK"]);
    assert_eq!(pick(&order["attempts"], "state"), ["UNCERTAIN", "DELIVERED"]);
    assert_eq!(pick(&order["journal"], "method"), ["SubmitOrder", "GetDocumentStatus"]);
    assert_eq!(order["journal"][0]["fault"], "LOSE_ANSWER");
}

/// Control totals: count, net, VAT, gross by currency and type.
fn books_are_equal(ledger: &Value) {
    let rows = ledger["control_totals"].as_array().expect("rows");
    assert_eq!(rows.iter().map(|row| &row["type"]).collect::<Vec<_>>(), ["INVOICE", "ORDER"]);
    for row in rows {
        assert_eq!(row["equal"], true, "{row:#}");
        assert_eq!(row["ours"], row["erp"]);
        assert_eq!(row["ours"]["count"], 2);
        // 3,106.99 and 1,763.79.
        assert_eq!(row["ours"]["gross"], json!({ "amount": "4870.78", "currency": "USD" }));
    }
    assert_eq!((&ledger["handoffs"], &ledger["delivered"]), (&json!(4), &json!(4)));
    assert_eq!(ledger["erp_documents"].as_array().map(Vec::len), Some(4));
    assert_eq!((&ledger["missing_in_erp"], &ledger["unknown_in_erp"]), (&json!([]), &json!([])));
}

/// The records outlive the demo, and each command reads them.
fn the_commands_agree(folder: &std::path::Path, told: &Value) {
    let pipeline = run_on(folder, &["pipeline", "--json"]).json(0);
    assert_eq!(pipeline, told["pipeline"]);
    assert_eq!(pipeline["stages"][0]["caption"], "Qualification");
    assert_eq!(pipeline["totals"][0]["value"], json!({ "amount": "1250.00", "currency": "USD" }));
    assert_eq!(pipeline["totals"][0]["weighted_value"], json!({ "amount": "125.00", "currency": "USD" }));

    let won_lost = run_on(folder, &["won-lost", "--by", "manager", "--json"]).json(0);
    assert_eq!(pick(&won_lost["rows"], "key"), ["Dana Reyes"]);
    let row = &won_lost["rows"][0];
    assert_eq!((&row["won_count"], &row["lost_count"]), (&json!(2), &json!(1)));
    assert_eq!(row["win_rate_percent"], "66.67");
    // 2,599.99 and 1,504.13.
    assert_eq!(row["won_value"], json!({ "amount": "4104.12", "currency": "USD" }));

    let diverging = run_on(folder, &["handoffs", "list", "--state", "delivered", "--diverging", "--json"]).json(0);
    assert_eq!(diverging["handoffs"], json!([]), "our records are where the ERP is");
    let handoffs = run_on(folder, &["handoffs", "list", "--state", "delivered", "--json"]).json(0);
    assert_eq!(handoffs["handoffs"].as_array().map(Vec::len), Some(4));
    let external_id = told["lost_answer"]["external_id"].as_str().expect("an external id");
    let shown = run_on(folder, &["handoffs", "show", external_id, "--json"]).json(0);
    assert_eq!(pick(&shown["attempts"], "code"), ["UNKNOWN", "OK"]);
    let replayed = run_on(folder, &["handoffs", "replay", external_id]);
    assert_eq!(replayed.code, Some(1), "a delivered document is not sent again: {}", replayed.out);
    assert!(replayed.err.contains("DELIVERED"), "{}", replayed.err);

    let parked = run_on(folder, &["flows", "list", "--state", "parked", "--json"]).json(0);
    assert_eq!(parked["flows"], json!([]));

    let flows = run_on(folder, &["flows", "list", "--verb", "WinDeal"]);
    assert!(flows.out.contains("Analyzer for the field station"), "{}", flows.out);

    let name = told["deals"][1]["opportunity"]["name"].as_str().expect("a name");
    let deal = run_on(folder, &["deal", "show", name]);
    assert_eq!(deal.code, Some(0), "{}", deal.err);
    for line in ["Analyzer for the field station", "✓ Proposal ×2", "[▶ Closed won]", "Send the brochure", "STAGE_LEFT"]
    {
        assert!(deal.out.contains(line), "`{line}` is not shown: {}", deal.out);
    }
    assert!(deal.out.contains("Sam Ortiz") && !deal.out.contains("employees/"), "{}", deal.out);
}
