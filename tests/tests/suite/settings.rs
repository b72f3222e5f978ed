//! The settings of all parts at the gateway, and what changes with them.

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::settings::v1::{
    GetSettingRequest, ListSettingChangesRequest, ListSettingsRequest, Setting, SettingList, SettingValue,
    UpdateSettingRequest,
};
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::sandbox::ACTOR;
use tonic::Status;

pub(crate) fn flag(flag: bool) -> SettingValue {
    SettingValue { flag: Some(flag), ..Default::default() }
}

pub(crate) async fn set(sandbox: &Sandbox, name: &str, etag: &str, value: SettingValue) -> Result<Setting, Status> {
    let (name, etag) = (format!("settings/{name}"), etag.to_owned());
    let ask = UpdateSettingRequest { name, etag, value: Some(value), request_id: new_id(), validate_only: false };
    let api = &sandbox.api;
    Ok(api.settings.clone().update_setting(api.ask(ask)).await?.into_inner())
}

both! {
    /// R-LED-3, R-API-1: every part's settings are listed and changed at the one address, with version and history.
    async fn settings_of_all_parts_are_records_at_the_gateway(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let mut settings = sandbox.api.settings.clone();
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let ask = ListSettingsRequest { page_size: 2, page_token: token, ..Default::default() };
            let page = settings.list_settings(ask).await.expect("settings are listed").into_inner();
            all.extend(page.settings);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let names: Vec<&str> = all.iter().map(|setting| setting.name.trim_start_matches("settings/")).collect();
        assert!(names.is_sorted(), "{names:?}");
        for part in ["activities.close_notification_recipients", "opportunities.auto_advance", "gateway.default_currency"] {
            assert_eq!(names.iter().filter(|name| **name == part).count(), 1, "{part} in {names:?}");
        }

        let guard = "leads.qualification_guard";
        let first = set(&sandbox, guard, "0", flag(false)).await.expect("it is changed");
        assert_eq!((first.etag.as_str(), first.update_actor.as_str(), first.is_default), ("1", ACTOR, false));
        let stale = set(&sandbox, guard, "0", flag(true)).await.expect_err("somebody was faster");
        assert_eq!(refusal(&stale).reason, "STALE_ETAG");
        let wrong = set(&sandbox, guard, "", SettingValue { number: Some(1), ..Default::default() }).await;
        assert_eq!(refusal(&wrong.expect_err("a number is no flag")).field_names(), ["value"]);
        let name = "activities.close_notification_recipients";
        let twice = SettingList { items: vec!["OWNER".to_owned(), "OWNER".to_owned()] };
        let twice = set(&sandbox, name, "", SettingValue { list: Some(twice), ..Default::default() }).await;
        assert_eq!(refusal(&twice.expect_err("each once")).field_names(), ["value.list.items"]);

        // The part itself says the same as the gateway.
        let ask = GetSettingRequest { name: format!("settings/{guard}") };
        let own = sandbox.direct(PartName::Leads).settings.get_setting(ask.clone()).await.expect("it is read");
        assert_eq!(own.into_inner(), settings.get_setting(ask).await.expect("it is read").into_inner());

        set(&sandbox, guard, "1", flag(true)).await.expect("it is changed back");
        let ask = ListSettingChangesRequest { name: format!("settings/{guard}"), page_size: 1, ..Default::default() };
        let latest = settings.list_setting_changes(ask.clone()).await.expect("history is read").into_inner();
        assert_eq!(latest.changes[0].previous_value, Some(flag(false)));
        let ask = ListSettingChangesRequest { page_token: latest.next_page_token, ..ask };
        let before = settings.list_setting_changes(ask).await.expect("history is read").into_inner();
        assert_eq!((before.changes[0].previous_value.clone(), before.next_page_token.as_str()), (Some(flag(true)), ""));
        sandbox.stop().await;
    }

    /// R-LED-3, R-OPP-5, R-OPP-1: what could not hold is refused when it is decided, not when a deal trips over it.
    async fn a_value_that_no_deal_could_do_with_is_refused(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let text = |text: &str| SettingValue { text: Some(text.to_owned()), ..Default::default() };
        let list = |items: Vec<String>| SettingValue { list: Some(SettingList { items }), ..Default::default() };
        let long = format!("processes/{}", "x".repeat(500));
        let mut wrong: Vec<(&str, SettingValue)> = Vec::new();
        for process in ["processes/nope", "corporate-sale", "processes/", "", long.as_str()] {
            wrong.push(("gateway.default_process", text(process)));
        }
        for currency in ["XXX", "usd", "US", ""] {
            wrong.push(("gateway.default_currency", text(currency)));
        }
        wrong.push(("gateway.open_quotes_at_win", text("WAIT")));
        for template in ["nonsense", "DANCE 1: x", "CALL 1:", "CALL 100000: x"] {
            wrong.push(("gateway.after_win", list(vec![template.to_owned()])));
        }
        wrong.push(("gateway.after_win", list((0..11).map(|day| format!("CALL {day}: Ask")).collect())));
        for (name, value) in wrong {
            let refused = set(&sandbox, name, "", value.clone()).await.expect_err("it could not hold");
            let refused = refusal(&refused);
            assert_eq!((refused.reason.as_str(), refused.field_names()), ("INVALID_FIELDS", vec!["value"]), "{name} {value:?}");
        }
        for (name, value) in [
            ("gateway.default_process", text("processes/sales-lifecycle")),
            ("gateway.default_currency", text("EUR")),
            ("gateway.after_win", list(vec!["task 3650: Offer the next one".to_owned()])),
        ] {
            let decided = set(&sandbox, name, "", value.clone()).await.expect("it can hold");
            assert_eq!(decided.value, Some(value));
        }
        let deal = sandbox.qualify(&sandbox.lead().await.name).await.opportunity.expect("it is opened");
        let process = deal.process_run.map(|run| run.process);
        assert_eq!((process.as_deref(), deal.currency_code.as_str()), (Some("processes/sales-lifecycle"), "EUR"));
        sandbox.finish().await;
    }
}
