//! Activities, people, calendars and documents, as people type them (R-ACT-1, R-ACT-2, R-ACT-3, R-ACT-6).

use super::import::fixture;
use super::run_on;

/// R-ACT-1, R-ACT-2: an activity is made, put off, shown and completed from the command line.
#[test]
fn an_activity_is_made_put_off_and_completed() {
    let folder = tempfile::tempdir().expect("a folder");
    let on = |args: &[&str]| run_on(folder.path(), args);
    on(&[
        "knowledge",
        "add",
        "pricing",
        "How we price",
        "--link",
        "https://wiki.example.com/pricing",
        "--tag",
        "sales",
    ]);
    let found = on(&["knowledge", "list", "sales", "--json"]).json(0);
    assert_eq!(found["documents"][0]["name"], "knowledge/pricing");
    let made = on(&[
        "activity",
        "add",
        "Call Erika",
        "--type",
        "call",
        "--due",
        "2099-03-05 14:00",
        "--knowledge",
        "knowledge/pricing",
        "--json",
    ]);
    let made = made.json(0);
    assert_eq!((&made["state"], &made["due_time"]), (&"NOT_STARTED".into(), &"2099-03-05T14:00:00.000000Z".into()));
    assert_eq!(made["documents"][0]["title"], "How we price");
    let name = made["name"].as_str().expect("a name");
    let deferred = on(&["activity", "defer", name, "--until", "2099-03-01", "--json"]).json(0);
    assert_eq!(deferred["state"], "DEFERRED");
    let shown = on(&["activity", "show", name]);
    assert!(shown.out.contains("field") && shown.out.contains("value"), "the table has a header: {}", shown.out);
    assert!(shown.out.contains("Call Erika (DEFERRED)") && shown.out.contains("wiki.example.com"), "{}", shown.out);
    let done = on(&["complete", name, "done", "--text", "wants a quote", "--minutes", "12", "--json"]).json(0);
    assert_eq!(done["activities"][0]["result_text"], "wants a quote");
    let again = on(&["complete", name, "done"]);
    assert_eq!(again.code, Some(1), "{}", again.out);
    assert!(again.err.contains("is final"), "{}", again.err);
}

/// R-ACT-2, R-OPP-1: what is to be done is found and done by what people see: the deal's list says the ids, a subject will
/// do where it is one activity's alone, and what nobody is to do is in a list too.
#[test]
fn work_is_found_and_done_by_what_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let on = |args: &[&str]| run_on(folder.path(), args);
    for title in ["Pumps", "Valves"] {
        on(&["process", "start", "corporate-sale", "--title", title, "--json"]).json(0);
    }
    let listed = on(&["deal", "list", "--state", "open", "--stage", "qualification", "--limit", "1", "--json"]).json(0);
    assert_eq!((&listed["deals"][0]["title"], &listed["more"]), (&"Valves".into(), &true.into()), "{listed:#}");
    let table = on(&["deal", "list"]).out;
    assert!(table.contains("Pumps") && table.contains("Valves") && table.contains("Qualification"), "{table}");
    assert_eq!(on(&["deal", "list", "--state", "won", "--json"]).json(0)["deals"], serde_json::json!([]));

    // Nobody owns these deals, so nobody is to do it.
    let tasks = on(&["tasks", "--unassigned", "--json"]).json(0);
    let tasks = tasks["tasks"].as_array().expect("tasks");
    let deal = on(&["deal", "show", "Pumps", "--json"]).json(0);
    let todo = &deal["action_panel"][0];
    let (name, subject) = (todo["name"].as_str().expect("a name"), todo["subject"].as_str().expect("a subject"));
    assert!(tasks.iter().any(|it| it["name"] == name), "{tasks:#?}");
    let shown = on(&["deal", "show", "Pumps"]).out;
    assert!(shown.contains(name.trim_start_matches("activities/")), "{shown}");

    let both = on(&["complete", subject, "done"]);
    assert!(both.code == Some(1) && both.err.contains("--deal") && both.err.contains(name), "{}", both.err);
    let done = on(&["complete", subject, "done", "--deal", "Pumps", "--json"]).json(0);
    assert_eq!(done["activities"][0]["name"], name, "{done:#}");
    let other = on(&["complete", subject, "done", "--json"]).json(0);
    assert_ne!(other["activities"][0]["name"], name, "{other:#}");
    let gone = on(&["complete", subject, "done"]);
    assert!(gone.err.contains("no open activity has the subject"), "{}", gone.err);
}

/// R-ACT-2, R-ACT-3, R-ACT-4: what was imported has people with managers; their tasks, news and calendars are shown by
/// their names.
#[test]
fn people_go_by_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let crm = fixture(folder.path());
    let on = |args: &[&str]| run_on(folder.path(), args);
    // Two of its rows are dirty, which is another test's business.
    on(&["import", "crm", crm.to_str().expect("a path"), "--json"]).json(1);
    let people = on(&["people", "--json"]).json(0);
    let people = people["people"].as_array().expect("people");
    let led = people.iter().find(|it| !it["manager"].is_null()).expect("somebody is led");
    let who = led["display_name"].as_str().expect("a name");
    let manager = people.iter().find(|it| it["name"] == led["manager"]).expect("the manager is there");
    let manager = manager["display_name"].as_str().expect("a name");
    let reports = on(&["people", "--led-by", manager, "--json"]).json(0);
    assert!(reports["people"].as_array().expect("people").iter().any(|it| it["display_name"] == who));
    on(&["activity", "add", "Call back", "--of", who, "--due", "2099-03-05", "--json"]).json(0);
    let tasks = on(&["tasks", "--of", manager, "--team", "--bucket", "planned", "--json"]).json(0);
    assert!(tasks["tasks"].as_array().expect("tasks").iter().any(|it| it["subject"] == "Call back"), "{tasks}");
    let news = on(&["notifications", "--of", who, "--unread", "--json"]).json(0);
    assert!(news["notifications"].as_array().expect("news").iter().any(|it| it["title"] == "Call back"), "{news}");
    on(&["notifications", "--of", who, "--read"]);
    assert_eq!(on(&["notifications", "--of", who, "--unread", "--json"]).json(0)["unread"], 0);
    let file = folder.path().join("calendar.ics");
    on(&["calendar", "--of", who, "--ics", file.to_str().expect("a path")]);
    let calendar = std::fs::read_to_string(&file).expect("the file is there");
    assert!(calendar.starts_with("BEGIN:VCALENDAR\r\n") && calendar.contains("SUMMARY:Call back\r\n"), "{calendar}");
    let day = on(&["calendar", "--of", who, "--from", "2099-03-04", "--to", "2099-03-06", "--json"]).json(0);
    assert_eq!(day["entries"][0]["activity"]["subject"], "Call back");
    let shouted = on(&["tasks", "--of", &who.to_uppercase(), "--json"]).json(0);
    assert!(shouted["tasks"].as_array().expect("tasks").iter().any(|it| it["subject"] == "Call back"), "{shouted}");
    let table = on(&["notifications", "--of", &who.to_lowercase()]).out;
    let header = table.lines().nth(1).unwrap_or_default();
    let columns: Vec<&str> = header.trim_matches('│').split('┆').map(str::trim).collect();
    assert_eq!(columns, ["when (UTC)", "what", "news", "text", "read (UTC)"]);
    let nobody = on(&["tasks", "--of", "Nobody"]);
    assert!(nobody.code == Some(1) && nobody.err.contains("nobody goes by `Nobody`"), "{}", nobody.err);
}
