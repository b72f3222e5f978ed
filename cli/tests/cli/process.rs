//! The process library from the command line (R-PRC-1 to R-PRC-3), as docs/processes.md tells it.

use std::path::Path;

use super::import::fixture;
use super::{Ended, run_on};

/// The worked example of the documentation.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/short-sale.yaml");

fn process(folder: &Path, args: &[&str]) -> Ended {
    run_on(folder, &[&["process"], args].concat())
}

/// R-PRC-1, R-PRC-2, R-PRC-3
#[test]
fn a_process_is_imported_started_drawn_and_its_runs_are_migrated() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let listed = process(at, &["list"]);
    assert!(listed.out.contains("Корпоративная продажа") && listed.out.contains("STRICT"), "{}", listed.out);

    let dry = process(at, &["import", EXAMPLE, "--dry-run", "--json"]).json(0);
    assert_eq!((dry["version"].as_i64(), dry["dry_run"].as_bool()), (Some(1), Some(true)));
    assert_eq!(process(at, &["show", "Short sale"]).code, Some(1), "nothing was imported");
    let done = process(at, &["import", EXAMPLE]);
    assert!(done.out.contains("short-sale is now version 1"), "{}{}", done.out, done.err);
    let same = process(at, &["import", EXAMPLE]);
    assert!(same.out.contains("nothing changes"), "{}", same.out);

    let started = process(at, &["start", "короткая   ПРОДАЖА", "--title", "Pumps", "--json"]).json(0);
    assert_eq!(started["stage"], "stages/qualification");
    assert_eq!(started["activities"].as_array().map(Vec::len), Some(1));
    assert_eq!(started["guidance"]["missing_fields"], serde_json::json!(["account", "lines"]));
    let deal = started["opportunity"].as_str().expect("a name");
    let twice = process(at, &["start", "Short sale", "--opportunity", deal]);
    assert_eq!(twice.code, Some(1));
    assert!(twice.err.contains("runs for this opportunity already"), "{}", twice.err);

    let svg = at.join("short.svg");
    let file = svg.to_str().expect("a path");
    let drawn = process(at, &["show", "short-sale", "--svg", file, "--opportunity", deal, "--language", "ru"]);
    assert_eq!(drawn.code, Some(0), "{}", drawn.err);
    let drawn = std::fs::read_to_string(&svg).expect("it was written");
    assert!(drawn.contains("Короткая продажа") && drawn.ends_with("</svg>\n"));
    let mermaid = process(at, &["show", "short-sale", "--mermaid", "--opportunity", deal]);
    assert!(mermaid.out.contains("class s0 current"), "{}", mermaid.out);
    let yaml = process(at, &["show", "short-sale", "--yaml"]);
    assert_eq!(yaml.out, std::fs::read_to_string(EXAMPLE).expect("it is there"));

    let two = at.join("two.yaml");
    std::fs::write(&two, yaml.out.replace("due_days: 1", "due_days: 2")).expect("written");
    process(at, &["import", two.to_str().expect("a path")]);
    let moved = process(at, &["migrate", "Short sale", "--from", "1", "--to", "2", "--json"]).json(0);
    assert_eq!(moved["moved"][0]["opportunity"], deal);
    let versions = process(at, &["versions", "Short sale", "--json"]).json(0);
    let runs: Vec<_> =
        versions["versions"].as_array().expect("a list").iter().map(|it| it["run_count"].as_i64()).collect();
    assert_eq!(runs, [Some(1), Some(0)]);

    let broken = at.join("broken.yaml");
    std::fs::write(&broken, "id: [x]\ncontrol: LOOSE\n").expect("written");
    let refused = process(at, &["import", broken.to_str().expect("a path")]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("line 2, column 10: `LOOSE` is none of FREE, GATED, STRICT"), "{}", refused.err);
    let unknown = process(at, &["show", "Shoe sale"]);
    assert!(unknown.err.contains("no process goes by `Shoe sale`; known are"), "{}", unknown.err);
}

/// R-PRC-1, R-PRC-2, R-STG-2: a process is read in a usual terminal, with goals and instructions, and with how far a deal
/// is in it; a deal is started for somebody, and where nothing is to be completed what leads on is said.
#[test]
fn a_process_is_read_with_its_goals_and_the_way_of_a_deal() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = fixture(folder.path());
    let on = |args: &[&str]| run_on(folder.path(), args);
    on(&["import", "crm", source.to_str().expect("a path"), "--json"]).json(1);
    for (process, language) in
        [("corporate-sale", "en"), ("qualify-sales-opportunity", "ru"), ("sales-lifecycle", "en")]
    {
        let shown = on(&["process", "show", process, "--language", language]).out;
        let widest = shown.lines().filter(|line| line.contains(['│', '─'])).map(|line| line.chars().count()).max();
        assert!(widest.unwrap_or_default() <= 120, "{widest:?} columns:\n{shown}");
        assert!(shown.contains("goal: "), "{shown}");
    }
    let assessed = on(&["process", "show", "qualify-sales-opportunity"]).out;
    assert!(assessed.contains("Read what is known of the opportunity"), "instructions: {assessed}");
    assert!(assessed.contains("(review)") && assessed.contains("record: "), "{assessed}");

    on(&["deal", "move", "AAAA0007", "contracting", "--json"]).json(0);
    let way = on(&["process", "show", "corporate-sale", "--opportunity", "AAAA0007"]).out;
    assert!(way.contains("▶ 4. Contracting (contracting)"), "{way}");
    assert!(way.contains("✓ 1. Qualification (qualification)") && way.contains("\n3. Proposal"), "{way}");
    let way = on(&["process", "show", "corporate-sale", "--opportunity", "AAAA0007", "--json"]).json(0);
    let marks: Vec<_> = way["stages"].as_array().expect("stages").iter().map(|it| it["mark"].as_str()).collect();
    assert_eq!((marks[0], marks[3], marks[4]), (Some("VISITED"), Some("CURRENT"), None));
    assert!(way["opportunity"].as_str().is_some_and(|it| it.starts_with("opportunities/")), "{way}");

    let start = ["process", "start", "sales lifecycle", "--title", "Pumps", "--owner", "ADA brook"];
    let started = on(&start);
    assert!(started.code == Some(0) && !started.out.contains("results"), "no empty table: {}", started.out);
    assert!(
        started.out.contains("no activities in this stage") && started.out.contains("still to be filled in"),
        "{}",
        started.out
    );
    let deal = on(&["deal", "show", "Pumps", "--json"]).json(0);
    assert_eq!(deal["owner_display_name"], "Ada Brook");
    let nobody = on(&["process", "start", "sales lifecycle", "--title", "Pipes", "--owner", "Nobody"]);
    assert!(nobody.code == Some(1) && nobody.err.contains("nobody goes by `Nobody`"), "{}", nobody.err);
    assert_eq!(on(&["deal", "show", "Pipes"]).code, Some(1), "nothing was started");
}
