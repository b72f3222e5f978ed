//! The process library: what ships to the letter, strict reading, versions (R-PRC-1 to R-PRC-3, R-STG-1).

use dealflow_migrations::opportunities::Migrator;
use dealflow_opportunities::library::{Process, SHIPPED, Stages};
use dealflow_proto::opportunities::v1::{
    Caption, GetProcessRequest, ListProcessesRequest, ListStagesRequest, process::Control, process_run, stage::Meaning,
};
use dealflow_testbed::{TestClock, TestDb, both, refusal};
use sea_orm::ConnectionTrait;
use tonic::Code;

use crate::desk::{CORPORATE_SALE, Desk, open_keys, titled};

/// A desk whose library holds one more process, as an import would have stored it.
pub(crate) async fn import(db: &TestDb, process: &str, body: &str) -> Desk {
    let time = TestClock::new();
    let store = db.store::<Migrator>("opportunities", time.clock()).await;
    let tx = store.begin().await.expect("the store is open");
    let insert = format!(
        "INSERT INTO process_definition (process, version, body, registered_at) \
         VALUES ('{process}', 1, '{body}', '2026-01-01 00:00:00+00:00')"
    );
    tx.execute_unprepared(&insert).await.expect("the definition is stored");
    tx.commit().await.expect("committed");
    Desk::of_store(store, time).await
}

fn texts(captions: &[Caption]) -> (&str, &str) {
    let [en, ru] = captions else { panic!("two languages, not {captions:?}") };
    assert_eq!((en.language_code.as_str(), ru.language_code.as_str()), ("en", "ru"));
    (&en.text, &ru.text)
}

both! {
    /// Requirements §1 and R-PRC-2: the corporate sale, stage by stage, activity by activity, in both languages.
    async fn the_corporate_sale_is_as_the_requirements_say(db: TestDb) {
        let desk = Desk::open(&db).await;
        let ask = GetProcessRequest { name: CORPORATE_SALE.to_owned() };
        let process = desk.processes.clone().get_process(ask).await.expect("it ships").into_inner();
        assert_eq!(texts(&process.captions), ("Corporate sale", "Корпоративная продажа"));
        assert_eq!((process.control(), process.version), (Control::Free, 1));
        let stages: Vec<(&str, (&str, &str))> =
            process.stages.iter().map(|stage| (stage.stage.as_str(), texts(&stage.captions))).collect();
        assert_eq!(stages, [
            ("stages/qualification", ("Qualification", "Квалификация")),
            ("stages/presentation", ("Presentation", "Презентация")),
            ("stages/proposal", ("Proposal", "Коммерческое предложение")),
            ("stages/contracting", ("Contracting", "Контрактация")),
            ("stages/closed-won", ("Closed won", "Завершена с победой")),
            ("stages/closed-lost", ("Closed lost", "Завершена с проигрышем")),
        ]);
        let subjects: Vec<Vec<&str>> = process
            .stages
            .iter()
            .map(|stage| stage.activities.iter().map(|activity| texts(&activity.subjects).0).collect())
            .collect();
        assert_eq!(subjects, [
            vec![
                "Contact the client, assess the needs, coordinate the date and time of the presentation",
                "Prepare presentation",
            ],
            vec!["Presentation"],
            vec![
                "Present the proposal",
                "Contact the client to obtain comments and approval of the proposal",
                "Prepare and approve the contract within the company",
            ],
            vec![
                "Send the contract to the client",
                "Contact the client to clarify the contract status and the date to receive comments",
                "Approve and sign the contract with the client",
            ],
            vec![],
            vec![],
        ]);
        let activities: Vec<_> = process.stages.iter().flat_map(|stage| &stage.activities).collect();
        for activity in &activities {
            assert!(activity.required && activity.on_entry, "{}", activity.template);
            assert!(activity.results.iter().any(|result| result.code == "done"), "{}", activity.template);
            let russian = texts(&activity.subjects).1;
            assert!(russian.chars().any(|letter| ('а'..='я').contains(&letter)), "{russian}");
            assert!(!texts(&activity.instructions).1.is_empty());
        }
        assert!(process.stages[..4].iter().all(|stage| !texts(&stage.goals).1.is_empty()));
        let listed = desk.processes.clone().list_processes(ListProcessesRequest {}).await.expect("listed").into_inner();
        assert_eq!(listed.processes, [process]);
        let none = GetProcessRequest { name: "processes/none".to_owned() };
        assert_eq!(desk.processes.clone().get_process(none).await.expect_err("no such one").code(), Code::NotFound);
    }

    /// R-STG-1: the lookup holds meaning, probability, forecast and order.
    async fn the_stage_lookup_is_listed_in_order(db: TestDb) {
        let desk = Desk::open(&db).await;
        let stages = desk.processes.clone().list_stages(ListStagesRequest {}).await.expect("listed").into_inner().stages;
        let positions: Vec<i32> = stages.iter().map(|stage| stage.position).collect();
        assert_eq!(positions, [1, 2, 3, 4, 5, 6]);
        let finals: Vec<_> = stages.iter().filter(|stage| stage.meaning() != Meaning::Open).collect();
        let finals: Vec<_> = finals.iter().map(|stage| (stage.name.as_str(), stage.meaning(), stage.probability)).collect();
        assert_eq!(finals, [("stages/closed-won", Meaning::Won, 100), ("stages/closed-lost", Meaning::Lost, 0)]);
    }

    /// R-PRC-1: by name, as a person types it, in either language; activities in the language of the run.
    async fn a_process_is_started_by_its_name_as_typed(db: TestDb) {
        let desk = Desk::open(&db).await;
        for typed in ["processes/corporate-sale", "Corporate sale", "  CORPORATE SALE ", "корпоративная ПРОДАЖА"] {
            let opened = desk.create(titled("Pumps"), "").await.expect("opened");
            desk.move_to(&opened.name, "stages/proposal").await.expect("moved");
            let started = desk.start(&opened.name, typed).await.expect("started");
            let run = started.process_run.clone().expect("it runs");
            assert_eq!((run.process.as_str(), run.version, run.state()), (CORPORATE_SALE, 1, process_run::State::Running));
            assert_eq!(started.stage, "stages/proposal", "from the stage it is in");
            assert_eq!(open_keys(&started), ["present_proposal#1", "obtain_approval#1", "prepare_contract#1"]);
            assert_eq!(desk.entries(&opened.name).await.len(), 2, "no stage was entered");
        }
        let opened = desk.create(titled("Pumps"), "").await.expect("opened");
        let refused = desk.start(&opened.name, "Corporate sail").await.expect_err("no such process");
        assert_eq!(refused.code, Code::NotFound);
        let ask = dealflow_proto::opportunities::v1::StartProcessRequest {
            name: opened.name.clone(),
            process: CORPORATE_SALE.to_owned(),
            language_code: "ru".to_owned(),
            request_id: dealflow_testbed::id(),
            ..Default::default()
        };
        let started = desk.opportunities.clone().start_process(ask.clone()).await.expect("started").into_inner();
        let activities = started.stage_entry.expect("current").planned_activities;
        assert_eq!(activities[1].subject, "Подготовить презентацию");
        let german = dealflow_proto::opportunities::v1::StartProcessRequest {
            language_code: "de".to_owned(),
            request_id: dealflow_testbed::id(),
            ..ask
        };
        let refused = desk.opportunities.clone().start_process(german).await.expect_err("not spoken here");
        assert_eq!(refusal(&refused).field_names(), ["language_code"]);
    }

    /// R-PRC-1: at most one process runs; a second start says so and changes nothing.
    async fn a_second_start_is_refused(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let refused = desk.start(&opened.name, CORPORATE_SALE).await.expect_err("it runs already");
        assert_eq!(refused.code, Code::FailedPrecondition);
        assert_eq!(refused.metadata["process"], CORPORATE_SALE);
        assert_eq!(desk.get(&opened.name).await, opened);
    }

    /// R-PRC-3: the same file twice is a no-op; a changed one is a new version, and runs keep theirs.
    async fn runs_keep_the_version_they_started_on(db: TestDb) {
        let time = TestClock::new();
        let store = db.store::<Migrator>("opportunities", time.clock()).await;
        let before = SHIPPED[0].1.replace("code: presentation", "code: old_presentation").replace(
            "{create: presentation}",
            "{create: old_presentation}",
        );
        let tx = store.begin().await.expect("open");
        let insert = format!(
            "INSERT INTO process_definition (process, version, body, registered_at) \
             VALUES ('corporate-sale', 1, '{before}', '2026-01-01 00:00:00+00:00')"
        );
        tx.execute_unprepared(&insert).await.expect("stored");
        tx.commit().await.expect("committed");
        let desk = Desk::of_store(store.clone(), time.clone()).await;
        let fresh = desk.led().await;
        assert_eq!(fresh.process_run.as_ref().map(|run| run.version), Some(2), "the changed file");
        let again = Desk::of_store(store.clone(), time.clone()).await;
        assert_eq!(again.led().await.process_run.map(|run| run.version), Some(2), "the same file");

        // As if it had been started before the file changed.
        let tx = store.begin().await.expect("open");
        let pin = match store.backend() {
            sea_orm::DbBackend::Postgres => "UPDATE opportunity SET run = jsonb_set(run, '{version}', '1')",
            _ => "UPDATE opportunity SET run = json_set(run, '$.version', 1)",
        };
        tx.execute_unprepared(pin).await.expect("pinned");
        tx.commit().await.expect("committed");
        let moved = desk.move_to(&fresh.name, "stages/presentation").await.expect("moved");
        assert_eq!(open_keys(&moved), ["old_presentation#1"]);
    }

    /// R-STG-2: GATED asks for its fields on the way forward, STRICT goes stage by stage; losing is always allowed.
    async fn control_decides_which_stage_may_follow(db: TestDb) {
        use dealflow_proto::opportunities::v1::opportunity::LoseReason;
        let steps = "stages:\n  - {stage: qualification, goal: {en: g, ru: ц}, fields: [account, bant.need]}\n  \
                     - {stage: proposal, goal: {en: g, ru: ц}, fields: [estimated_value]}\n  \
                     - {stage: contracting, goal: {en: g, ru: ц}}\n  - stage: closed-won\n  - stage: closed-lost\n";
        let strict = format!("id: strict\ncaptions: {{en: Strict, ru: Строгая}}\ncontrol: STRICT\n{steps}");
        let desk = import(&db, "strict", &strict).await;
        let opened = desk.create(titled("Pumps"), "Strict").await.expect_err("create takes a name");
        assert_eq!(opened.code, Code::InvalidArgument);
        let opened = desk.create(titled("Pumps"), "processes/strict").await.expect("opened");
        let refused = desk.move_to(&opened.name, "stages/contracting").await.expect_err("not the next one");
        assert_eq!((refused.code, refused.metadata["allowed"].as_str()), (Code::FailedPrecondition, "stages/proposal"));
        let refused = desk.move_to(&opened.name, "stages/presentation").await.expect_err("not of the process");
        assert_eq!(refused.code, Code::FailedPrecondition);
        let next = desk.move_to(&opened.name, "stages/proposal").await.expect("the next one");
        desk.lose(&next.name, LoseReason::Price).await.expect("losing is always allowed");

        let gated = format!("id: gated\ncaptions: {{en: Gated, ru: С воротами}}\ncontrol: GATED\n{steps}");
        let stages = Stages::shipped().expect("they ship");
        Process::parse("gated.yaml", &gated, &stages).expect("it is well formed");
        let tx = desk.store.begin().await.expect("open");
        let insert = format!(
            "INSERT INTO process_definition (process, version, body, registered_at) \
             VALUES ('gated', 1, '{gated}', '2026-01-01 00:00:00+00:00')"
        );
        tx.execute_unprepared(&insert).await.expect("stored");
        tx.commit().await.expect("committed");
        let desk = Desk::of_store(desk.store.clone(), desk.time.clone()).await;
        let opened = desk.create(titled("Pumps"), "processes/gated").await.expect("opened");
        let refused = desk.move_to(&opened.name, "stages/contracting").await.expect_err("the gate is shut");
        let missing: Vec<&str> = refused.preconditions.iter().map(|(_, subject, _)| subject.as_str()).collect();
        assert_eq!(missing, ["account", "bant.need", "estimated_value"]);
        assert_eq!(opened.guidance.expect("guided").missing_fields, ["account", "bant.need", "estimated_value"]);
    }
}

/// R-PRC-3: a definition is read strictly; a fault is told with file, line and reason.
#[test]
fn a_wrong_definition_is_refused_with_file_line_and_reason() {
    let stages = Stages::shipped().expect("they ship");
    let (file, right) = SHIPPED[0];
    Process::parse(file, right, &stages).expect("what ships is right");
    let line_of = |needle: &str| right.lines().position(|line| line.contains(needle)).expect("there") as u64 + 1;
    for (from, to, reason) in [
        ("control: FREE", "control: LOOSE", "unknown variant `LOOSE`"),
        ("type: CALL", "type: SMS", "unknown variant `SMS`"),
        ("{create: contact_client}", "{create: contact_nobody}", "names no template"),
        ("{goto: proposal}", "{goto: heaven}", "leads to no stage"),
        ("{goto: proposal}", "{goto: closed-won}", "leads to a final stage"),
        ("{lose: NO_BUDGET}", "{lose: BAD_LUCK}", "unknown variant `BAD_LUCK`"),
        ("code: prepare_presentation", "code: contact_client", "stands here twice"),
        ("stage: presentation", "stage: qualification", "stands here twice"),
        ("stage: presentation", "stage: seduction", "is not in the lookup"),
        ("code: prepare_presentation", "code: Prepare presentation", "is no id"),
        ("{code: done, captions: {en: Prepared", "{code: ready, captions: {en: Prepared", "has a result `done`"),
        ("fields: [contact,", "fields: [shoe_size,", "unknown variant `shoe_size`"),
        ("control: FREE", "colour: red\ncontrol: FREE", "unknown field `colour`"),
    ] {
        let wrong = right.replacen(from, to, 1);
        let fault = Process::parse(file, &wrong, &stages).expect_err(to);
        assert_eq!(fault.file, file);
        assert!(fault.reason.contains(reason), "{to}: {fault}");
        assert!(fault.line >= 1 && fault.line <= right.lines().count() as u64, "{to}: {fault}");
    }
    let wrong = right.replacen("{goto: proposal}", "{goto: heaven}", 1);
    let fault = Process::parse(file, &wrong, &stages).expect_err("no such stage");
    assert_eq!(fault.line, line_of("{goto: proposal}"));
}
