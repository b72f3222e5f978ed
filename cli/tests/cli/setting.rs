//! Settings from the command line.

use serde_json::json;

use super::run_on;

#[test]
fn a_setting_is_listed_changed_and_given_its_default_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let listed = run_on(folder.path(), &["setting", "list", "--json"]).json(0);
    let names: Vec<&str> =
        listed["settings"].as_array().into_iter().flatten().flat_map(|it| it["name"].as_str()).collect();
    for name in ["activities.close_notification_recipients", "gateway.default_process", "leads.qualification_guard"] {
        assert!(names.contains(&format!("settings/{name}").as_str()), "{names:?}");
    }
    let set = ["setting", "set", "activities.close_notification_recipients"];
    let changed = run_on(folder.path(), &[&set[..], &["OWNER", "--json", "--actor", "anna"]].concat()).json(0);
    assert_eq!((&changed["value"], &changed["update_actor"]), (&json!(["OWNER"]), &json!("anna")));

    let wrong = run_on(folder.path(), &[&set[..], &["OWNER,EVERYBODY"]].concat());
    assert_eq!(wrong.code, Some(1), "{}", wrong.err);
    assert!(wrong.err.contains("`EVERYBODY` is not allowed; allowed are OWNER, OWNER_MANAGER"), "{}", wrong.err);

    run_on(folder.path(), &[&set[..], &["--default", "--json"]].concat()).json(0);
    let shown = run_on(folder.path(), &["setting", "get", set[2], "--json"]).json(0);
    assert_eq!(shown["value"], json!(["OWNER", "OWNER_MANAGER"]));
    let told: Vec<_> = shown["changes"].as_array().into_iter().flatten().map(|it| (&it["from"], &it["to"])).collect();
    let (both, owner) = (json!(["OWNER", "OWNER_MANAGER"]), json!(["OWNER"]));
    assert_eq!(told, [(&owner, &both), (&both, &owner)]);
}

/// R-LED-3: a setting goes by its name without the part that it belongs to, where no other part has one of that name.
#[test]
fn a_setting_goes_by_its_name_without_its_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let on = |args: &[&str]| run_on(folder.path(), &[&["setting"], args].concat());
    let set = on(&["set", "run_opportunity_process", "false", "--json"]).json(0);
    assert_eq!((&set["name"], &set["value"]), (&json!("settings/gateway.run_opportunity_process"), &json!(false)));
    let shown = on(&["get", "settings/gateway.run_opportunity_process", "--json"]).json(0);
    assert_eq!(shown["value"], json!(false));
    assert_eq!(on(&["get", "run_opportunity_process", "--json"]).json(0), shown);
    let none = on(&["get", "run_opportunity_proces"]);
    assert!(none.code == Some(1) && none.err.contains("no setting goes by `run_opportunity_proces`"), "{}", none.err);
    assert!(none.err.contains("gateway.run_opportunity_process"), "{}", none.err);
}
