//! Help that is worth reading, wrong usage, refusals.

use std::process::Stdio;

use super::{program, run, run_on};

#[test]
fn the_help_of_every_command_says_what_it_does_and_shows_examples() {
    let commands: &[&[&str]] = &[
        &["serve"],
        &["demo"],
        &["import", "crm"],
        &["pipeline"],
        &["won-lost"],
        &["deal", "show"],
        &["process"],
        &["tasks"],
        &["complete"],
        &["activity"],
        &["calendar"],
        &["notifications"],
        &["people"],
        &["knowledge"],
        &["deal", "team"],
        &["forecast"],
        &["funnel"],
        &["quote"],
        &["contract"],
        &["order"],
        &["invoice"],
        &["payment"],
        &["flows"],
        &["handoffs"],
        &["setting"],
        &["lead"],
        &["account"],
        &["contact"],
        &["migrate"],
        &[],
    ];
    for command in commands.iter().copied() {
        let help = run(&[command, &["--help"]].concat());
        assert_eq!(help.code, Some(0), "{command:?}: {}", help.err);
        let usage = format!("Usage: {}", [&["dealflow"], command].concat().join(" "));
        assert!(help.out.contains(&usage), "{command:?}: {}", help.out);
        assert!(help.out.contains("Examples:\n  dealflow "), "{command:?} has no examples: {}", help.out);
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_would_be_right() {
    let wrong: [(&[&str], &str); 8] = [
        (&["won"], "won-lost"),
        (&["pipeline", "--nope"], "Usage: dealflow pipeline"),
        (&["won-lost", "--by", "moon"], "owner, manager, team, office, account, stage, source, product"),
        (&["won-lost", "--from", "yesterday"], "--from"),
        (&["import", "crm"], "<DIR>"),
        (&["flows", "list", "--limit", "0"], "1..=1000"),
        (&["flows", "abandon", "01a20074-6c00-73c1-9226-b7524d9f9595"], "--reason"),
        (&["serve", "kitchen"], "the parts are leads, opportunities, activities, orders, erp, gateway"),
    ];
    for (args, told) in wrong {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains(told), "{args:?} does not tell `{told}`: {}", ended.err);
    }
}

#[test]
fn a_refusal_ends_with_1_and_names_the_record_and_the_field() {
    let folder = tempfile::tempdir().expect("a folder");
    let flow = "flows/01a20074-6c00-73c1-9226-b7524d9f9595";
    let missing = run_on(folder.path(), &["flows", "retry", flow]);
    assert_eq!(missing.code, Some(1), "{}", missing.err);
    assert!(missing.err.contains(&format!("refused: there is no {flow}")), "{}", missing.err);
    assert!(missing.err.contains("gRPC: NOT_FOUND"), "{}", missing.err);

    let malformed = run_on(folder.path(), &["flows", "show", "flow-17"]);
    assert_eq!(malformed.code, Some(1), "{}", malformed.err);
    assert!(malformed.err.contains("refused: 1 field is not right\n  field name: "), "{}", malformed.err);

    let state = run_on(folder.path(), &["handoffs", "list", "--state", "eaten"]);
    assert!(state.err.contains("  field filter: ") && state.err.contains("DEAD_LETTERED"), "{}", state.err);

    let unknown = run_on(folder.path(), &["deal", "show", "1C1I7A6R"]);
    assert_eq!(unknown.code, Some(1), "{}", unknown.err);
    assert!(unknown.err.contains("no deal has the external id or the title `1C1I7A6R`"), "{}", unknown.err);
}

#[test]
fn a_suite_that_is_away_is_told_from_a_refusal() {
    let ended = run(&["pipeline", "--gateway", "http://127.0.0.1:1"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.starts_with("not reachable: "), "{}", ended.err);
}

#[test]
fn migrate_tells_the_versions_of_all_parts_and_may_be_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let status = || run_on(folder.path(), &["migrate", "status", "--json"]).json(0);
    let lengths = |told: &serde_json::Value, which: &str| -> Vec<usize> {
        told["parts"].as_array().into_iter().flatten().filter_map(|it| it[which].as_array().map(Vec::len)).collect()
    };
    let before = status();
    assert!(lengths(&before, "applied").iter().all(|count| *count == 0), "{before}");
    assert!(!folder.path().join("leads.db").exists(), "what only looks makes nothing");
    let first = run_on(folder.path(), &["migrate", "--json"]).json(0);
    let after = status();
    assert_eq!(lengths(&after, "applied"), lengths(&before, "pending"), "{after}");
    assert!(lengths(&after, "pending").iter().all(|count| *count == 0), "{after}");
    let parts: Vec<_> = first["parts"].as_array().into_iter().flatten().filter_map(|it| it["part"].as_str()).collect();
    assert_eq!(parts, ["leads", "opportunities", "activities", "orders", "erp", "gateway"]);
    for part in first["parts"].as_array().into_iter().flatten() {
        assert!(part["applied"].as_array().is_some_and(|applied| !applied.is_empty()), "{part}");
    }
    assert_eq!(run_on(folder.path(), &["migrate", "--json"]).json(0), first);
    in_one_order(&first, &after);
}

/// What is applied is told in one order, whoever is asked.
fn in_one_order(migrated: &serde_json::Value, status: &serde_json::Value) {
    let applied = |told: &serde_json::Value| -> Vec<serde_json::Value> {
        told["parts"].as_array().into_iter().flatten().map(|it| it["applied"].clone()).collect()
    };
    assert_eq!(applied(migrated), applied(status));
}

/// The migrations stand in their own order on PostgreSQL too, whose order of letters is its own.
#[tokio::test]
async fn migrate_and_its_status_tell_one_order_on_postgresql() {
    if dealflow_testbed::postgres_available().is_none() {
        println!("not run: PostgreSQL is not installed");
        return;
    }
    let cluster = dealflow_testbed::Cluster::start(false);
    let url = cluster.url("postgres");
    let on = |args: &[&str]| run(&[args, &["--json", "--database-url", &url]].concat()).json(0);
    in_one_order(&on(&["migrate"]), &on(&["migrate", "status"]));
}

#[test]
fn a_database_url_is_read_from_a_file_so_that_a_mounted_secret_need_not_stand_in_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("url");
    let from_file = |file: &std::path::Path| run(&["migrate", "--database-url", &format!("@{}", file.display())]);

    let missing = from_file(&secret);
    assert_eq!(missing.code, Some(2), "{}", missing.err);
    assert!(missing.err.contains("url cannot be read: No such file"), "{}", missing.err);

    std::fs::write(&secret, " \n").expect("the file is written");
    let empty = from_file(&secret);
    assert_eq!(empty.code, Some(2), "{}", empty.err);
    assert!(empty.err.contains("url holds no URL"), "{}", empty.err);

    // Read and tried: nothing listens there.
    std::fs::write(&secret, "postgres://nobody@127.0.0.1:1/none\n").expect("the file is written");
    let tried = from_file(&secret);
    assert_eq!(tried.code, Some(1), "{}", tried.err);
    assert!(tried.err.contains("127.0.0.1:1 cannot be reached"), "{}", tried.err);
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_program_without_a_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = program(&["flows", "list", "--json"]);
    let piped = command.arg("--data").arg(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("the program starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn a_list_that_is_not_understood_names_its_field_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = run_on(folder.path(), &["handoffs", "list", "--state", "eaten"]);
    assert_eq!(state.err.matches("filter").count(), 1, "{}", state.err);
}

/// R-API-3: who asks for data gets a refusal as data too: code, message, and the details that the API gives.
#[test]
fn a_refusal_is_data_where_data_was_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |args: &[&str]| -> serde_json::Value {
        let ended = run_on(folder.path(), &[args, &["--json"]].concat());
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.err);
        serde_json::from_str(&ended.err).unwrap_or_else(|error| panic!("no JSON ({error}): {}", ended.err))
    };
    let flow = "flows/01a20074-6c00-73c1-9226-b7524d9f9595";
    let missing = &refused(&["flows", "retry", flow])["error"];
    assert_eq!(missing["code"], "NOT_FOUND", "{missing:#}");
    let of = |kind: &str| {
        let details = missing["details"].as_array().expect("details");
        let kind = format!("type.googleapis.com/google.rpc.{kind}");
        details.iter().find(|it| it["@type"] == kind.as_str()).cloned().unwrap_or_default()
    };
    assert_eq!(of("ResourceInfo")["resourceName"], flow, "{missing:#}");
    assert_eq!(of("ErrorInfo")["reason"], "NOT_FOUND", "{missing:#}");
    let malformed = refused(&["flows", "show", "flow-17"]);
    let violations = &malformed["error"]["details"][1]["fieldViolations"];
    assert_eq!(violations[0]["field"], "name", "{malformed:#}");
    let own = refused(&["deal", "show", "1C1I7A6R"]);
    assert!(own["error"]["message"].as_str().is_some_and(|it| it.contains("1C1I7A6R")), "{own:#}");
    // A lead of which nothing is said is none.
    let empty = refused(&["lead", "add", "--source", "web"]);
    assert!(empty["error"]["message"].as_str().is_some_and(|it| it.contains("--company")), "{empty:#}");
}
