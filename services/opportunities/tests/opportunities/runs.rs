//! Runs: what can be started, canceled, stopped, resumed, moved to another version (R-PRC-1, R-PRC-3, R-STG-5).

use dealflow_opportunities::library::SHIPPED;
use dealflow_proto::opportunities::v1::opportunity::State;
use dealflow_proto::opportunities::v1::{
    ListStartableProcessesRequest, MigrateRunsRequest, Opportunity, StageMapping, process_run, stage_entry::Cause,
};
use dealflow_proto::settings::v1::{SettingValue, UpdateSettingRequest};
use dealflow_testbed::{TestDb, both, id};
use sea_orm::ConnectionTrait;
use tonic::Code;

use crate::desk::{CORPORATE_SALE, Desk, number, open_keys, titled};

const SALE: &str = SHIPPED[0].1;

fn run_state(of: &Opportunity) -> Option<process_run::State> {
    of.process_run.as_ref().map(|run| run.state())
}

both! {
    /// R-PRC-1: the list of startable processes, anew and on an opportunity, with what is still to be filled in; where
    /// one runs there is none, and the answer says so.
    async fn startable_processes_are_listed_with_what_is_missing(db: TestDb) {
        let desk = Desk::open(&db).await;
        let list = |opportunity: &str| {
            let ask = ListStartableProcessesRequest { opportunity: opportunity.to_owned(), ..Default::default() };
            let mut processes = desk.processes.clone();
            async move { processes.list_startable_processes(ask).await.expect("listed").into_inner() }
        };
        let anew = list("").await;
        let names: Vec<(&str, &str)> = anew.processes.iter().map(|it| (it.process.as_str(), it.stage.as_str())).collect();
        assert_eq!(names, [
            (CORPORATE_SALE, "stages/qualification"),
            ("processes/qualify-sales-opportunity", "stages/review"),
            ("processes/sales-lifecycle", "stages/qualify"),
        ]);
        assert!(anew.processes[0].missing_fields.contains(&"account".to_owned()));
        let sale = desk.create(titled("Pumps"), "").await.expect("opened");
        desk.move_to(&sale.name, "stages/proposal").await.expect("moved");
        let there = list(&sale.name).await;
        let names: Vec<&str> = there.processes.iter().map(|it| it.process.as_str()).collect();
        assert_eq!(names, [CORPORATE_SALE], "the others cannot begin in Proposal");
        assert_eq!(there.processes[0].stage, "stages/proposal");
        let started = desk.start(&sale.name, CORPORATE_SALE).await.expect("started");
        assert!(!started.guidance.expect("guided").missing_fields.is_empty(), "what is still to be filled in");
        let none = list(&sale.name).await;
        assert!(none.processes.is_empty() && none.reason.contains("runs for this opportunity already"), "{none:?}");
    }

    /// R-PRC-1: a canceled process leaves the opportunity in its stage, without its activities; another may begin.
    async fn a_canceled_process_leaves_the_opportunity_free(db: TestDb) {
        let desk = Desk::open(&db).await;
        let sale = desk.led().await;
        let canceled = desk.cancel_process(&sale.name).await.expect("canceled");
        assert_eq!((canceled.state(), run_state(&canceled)), (State::Open, Some(process_run::State::Canceled)));
        assert_eq!((canceled.stage.as_str(), number(&canceled)), (sale.stage.as_str(), 2));
        assert_eq!(canceled.stage_entry.as_ref().map(|entry| entry.cause()), Some(Cause::ProcessCanceled));
        assert!(open_keys(&canceled).is_empty());
        let twice = desk.cancel_process(&sale.name).await.expect_err("it is over");
        assert_eq!((twice.code, twice.reason.as_str()), (Code::FailedPrecondition, "TERMINAL"));
        let bare = desk.create(titled("Pumps"), "").await.expect("opened");
        assert_eq!(desk.cancel_process(&bare.name).await.expect_err("none").code, Code::FailedPrecondition);
        let again = desk.start(&sale.name, CORPORATE_SALE).await.expect("another one");
        assert_eq!(open_keys(&again), open_keys(&sale));
    }

    /// R-STG-5: a result that waits moves nothing: the activity is planned again for when its time comes.
    async fn a_result_that_waits_moves_nothing(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.create(titled("Pumps"), "processes/qualify-sales-opportunity").await.expect("opened");
        let waits = desk.record(&opened, "review_task#1", "later").await.expect("taken");
        assert_eq!((waits.stage.as_str(), number(&waits)), ("stages/review", 1));
        let planned = waits.stage_entry.as_ref().expect("current").planned_activities[1].clone();
        let until = planned.wait_until_time.expect("it waits").seconds;
        assert_eq!(until - waits.update_time.expect("changed").seconds, 3 * 24 * 3600);
        assert_eq!(open_keys(&waits), ["review_task#2"]);
        let again = desk.record(&opened, "review_task#2", "later").await.expect("and once more");
        assert_eq!(open_keys(&again), ["review_task#3"]);
        let done = desk.record(&opened, "review_task#3", "done").await.expect("taken");
        assert_eq!(done.stage, "stages/inquiry");
    }

    /// R-STG-4: whether a sale advances by itself is a setting; without it the result stands, and somebody moves it.
    async fn advancing_by_itself_is_a_setting(db: TestDb) {
        let desk = Desk::open(&db).await;
        let set = async |on: bool| {
            let ask = UpdateSettingRequest {
                name: "settings/opportunities.auto_advance".to_owned(),
                value: Some(SettingValue { flag: Some(on), ..SettingValue::default() }),
                request_id: id(),
                ..UpdateSettingRequest::default()
            };
            desk.settings.clone().update_setting(ask).await.expect("set");
        };
        set(false).await;
        let sale = desk.led().await;
        let done = desk.complete_stage(&sale).await;
        assert_eq!((done.stage.as_str(), open_keys(&done).len()), ("stages/qualification", 0));
        let next = done.guidance.expect("guided").next_actions;
        assert_eq!(next[0].description, "Move to Presentation");
        let skipped = desk.move_to(&sale.name, "stages/presentation").await.expect("moved");
        set(true).await;
        assert_eq!(desk.complete_stage(&skipped).await.stage, "stages/proposal");
    }

    /// states.md: a run whose definition cannot be followed is in ERROR; what comes meanwhile is kept, and made good when
    /// it is resumed.
    async fn a_run_that_cannot_be_followed_stops_and_is_resumed(db: TestDb) {
        let desk = Desk::open(&db).await;
        let sale = desk.led().await;
        let first = desk.record(&sale, "contact_client#1", "done").await.expect("taken");
        let damage = "UPDATE process_definition SET body = 'id: [' || body WHERE process = 'corporate-sale'";
        execute(&desk, damage).await;
        let desk = Desk::of_store(desk.store.clone(), desk.time.clone()).await;
        let stopped = desk.get(&sale.name).await;
        assert_eq!(run_state(&stopped), Some(process_run::State::Error));
        assert!(stopped.process_run.as_ref().is_some_and(|run| run.error.contains("line 1")), "{stopped:?}");
        for refused in [desk.move_to(&sale.name, "stages/proposal").await, desk.win(&sale.name).await] {
            let refused = refused.expect_err("nobody knows what the process would say");
            assert!(refused.metadata["allowed"].contains("ResumeProcess"), "{refused:?}");
        }
        let kept = desk.record(&first, "prepare_presentation#1", "done").await.expect("it is kept");
        assert_eq!((kept.stage.as_str(), run_state(&kept)), (sale.stage.as_str(), Some(process_run::State::Error)));
        let kinds: Vec<String> = desk.events(&sale.name).await.into_iter().map(|event| event.r#type).collect();
        assert!(kinds.contains(&"opportunity.process_failed".to_owned()), "{kinds:?}");
        let still = desk.resume_process(&sale.name).await.expect_err("it is still damaged");
        assert_eq!(still.code, Code::FailedPrecondition);
        let mend = "UPDATE process_definition SET body = substr(body, 6) WHERE process = 'corporate-sale'";
        execute(&desk, mend).await;
        let resumed = desk.resume_process(&sale.name).await.expect("it can be followed");
        assert_eq!(run_state(&resumed), Some(process_run::State::Running));
        assert_eq!(resumed.stage, "stages/presentation", "both activities are done");
        let running = desk.resume_process(&sale.name).await.expect_err("it runs");
        assert_eq!(running.reason, "STATE_REFUSES_VERB");
    }

    /// R-PRC-3: while fifty deals run a new version comes; they keep the old one, migrated ones report what moved, and
    /// those that cannot say why.
    async fn fifty_runs_keep_their_version_until_they_are_migrated(db: TestDb) {
        let desk = Desk::open(&db).await;
        let mut sales = Vec::new();
        for index in 0..50 {
            let sale = desk.led().await;
            match index % 5 {
                1 => drop(desk.record(&sale, "contact_client#1", "done").await.expect("taken")),
                2 => drop(desk.move_to(&sale.name, "stages/presentation").await.expect("moved")),
                3 => drop(desk.move_to(&sale.name, "stages/proposal").await.expect("moved")),
                _ => {}
            }
            sales.push(sale.name);
        }
        // Version 2: one activity more in Qualification, another one in Presentation, and no Proposal.
        let at = SALE.find("  - stage: proposal").expect("there");
        let until = SALE.find("  - stage: contracting").expect("there");
        let two = format!("{}{}", &SALE[..at], &SALE[until..])
            .replace("{goto: proposal}", "{goto: presentation}")
            .replace("code: presentation", "code: show")
            .replace("{create: presentation}", "{create: show}")
            .replacen("      - code: prepare_presentation", "      - code: check_credit\n        type: TASK\n        \
                subject: {en: Check credit, ru: Проверить кредит}\n        instructions: {en: Ask, ru: Спросить}\n        \
                due_days: 1\n        results: [{code: done, captions: {en: Done, ru: Готово}, effect: none}]\n      \
                - code: prepare_presentation", 1);
        desk.import(&two).await.expect("imported");
        for name in &sales {
            let run = desk.get(name).await.process_run.expect("it runs");
            assert_eq!(run.version, 1, "the old one is kept");
        }
        assert_eq!(desk.led().await.process_run.map(|run| run.version), Some(2), "a new run takes the new one");

        let page = |token: &str| MigrateRunsRequest {
            process: CORPORATE_SALE.to_owned(),
            from_version: 1,
            page_size: 20,
            page_token: token.to_owned(),
            ..MigrateRunsRequest::default()
        };
        let dry = desk.migrate(MigrateRunsRequest { validate_only: true, ..page("") }).await.expect("it would do");
        assert_eq!(desk.get(&sales[0]).await.process_run.map(|run| run.version), Some(1), "nothing changed");
        let (mut moved, mut unmoved, mut token) = (Vec::new(), Vec::new(), String::new());
        for number in 0.. {
            let answer = desk.migrate(page(&token)).await.expect("migrated");
            if number == 0 {
                assert_eq!(answer.moved.len(), dry.moved.len());
                // Platform, item 2: a token is a place in its own move.
                let mapping = StageMapping { from: "stages/proposal".to_owned(), to: "stages/presentation".to_owned() };
                let other = MigrateRunsRequest { stages: vec![mapping], ..page(&answer.next_page_token) };
                for other in [other, page("01890000-0000-7000-8000-00000000000a")] {
                    let refused = desk.migrate(other).await.expect_err("a token of another move, or none");
                    assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["page_token"]));
                }
            }
            moved.extend(answer.moved);
            unmoved.extend(answer.unmoved);
            token = answer.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!((moved.len(), unmoved.len()), (40, 10));
        assert!(unmoved.iter().all(|it| it.stage == "stages/proposal" && it.reason.contains("no open stage")));
        // It offers only what would be taken.
        assert!(unmoved.iter().all(|it| it.reason.contains("stages/") && !it.reason.contains("closed")), "{unmoved:?}");
        for run in &moved {
            let sale = desk.get(&run.opportunity).await;
            assert_eq!(sale.process_run.as_ref().map(|run| run.version), Some(2));
            assert_eq!(sale.stage, run.to_stage);
            let anew = run.to_stage == "stages/presentation";
            assert_eq!(run.entered_anew, anew, "its activity is another one now");
            let planned: &[&str] = if anew { &["show#1"] } else { &["check_credit#1"] };
            assert_eq!(run.planned_keys, planned);
            assert!(planned.iter().all(|key| open_keys(&sale).contains(&(*key).to_owned())));
            let last = desk.events(&sale.name).await.pop().expect("events");
            assert_eq!((last.r#type.as_str(), last.reason.as_str()), ("opportunity.process_migrated", "to version 2"));
        }
        let half_done = desk.get(&sales[1]).await;
        assert_eq!(open_keys(&half_done), ["prepare_presentation#1", "check_credit#1"], "what was done stays done");

        // A mapping takes the rest along; what moved before is not touched again.
        let mapping = StageMapping { from: "stages/proposal".to_owned(), to: "stages/presentation".to_owned() };
        let rest = desk.migrate(MigrateRunsRequest { stages: vec![mapping], page_size: 100, ..page("") }).await;
        let rest = rest.expect("migrated");
        assert_eq!((rest.moved.len(), rest.unmoved.len()), (10, 0));
        assert!(rest.moved.iter().all(|it| it.to_stage == "stages/presentation" && it.entered_anew));
        for run in &rest.moved {
            let entries = desk.entries(&run.opportunity).await;
            assert_eq!(entries.iter().filter(|entry| entry.leave_time.is_none()).count(), 1);
            assert_eq!(open_keys(&desk.get(&run.opportunity).await), ["show#1"]);
        }
        let same = desk.migrate(MigrateRunsRequest { to_version: 1, ..page("") }).await.expect_err("they run on it");
        assert_eq!(same.field_names(), ["to_version"]);
    }
}

async fn execute(desk: &Desk, sql: &str) {
    let tx = desk.store.begin().await.expect("open");
    tx.execute_unprepared(sql).await.expect("done");
    tx.commit().await.expect("committed");
}
