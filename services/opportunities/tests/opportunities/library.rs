//! The process library: what ships to the letter, strict reading, versions (R-PRC-1 to R-PRC-3, R-STG-1).

use dealflow_opportunities::library::{Process, SHIPPED, Stages};
use dealflow_proto::opportunities::v1::{
    Caption, GetProcessRequest, ListProcessesRequest, process::Control, process_run,
};
use dealflow_testbed::{TestDb, both, refusal};
use tonic::Code;

use crate::desk::{CORPORATE_SALE, Desk, open_keys, titled};

/// A desk whose library holds one more process.
pub(crate) async fn import(db: &TestDb, body: &str) -> Desk {
    let desk = Desk::open(db).await;
    desk.import(body).await.expect("the definition is right");
    desk
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
        let ask = GetProcessRequest { name: CORPORATE_SALE.to_owned(), version: 0 };
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
        let listed = desk.processes.clone().list_processes(ListProcessesRequest::default()).await.expect("listed").into_inner();
        assert_eq!(listed.processes.len(), 3);
        assert!(listed.processes.contains(&process));
        let none = GetProcessRequest { name: "processes/none".to_owned(), version: 0 };
        assert_eq!(desk.processes.clone().get_process(none).await.expect_err("no such one").code(), Code::NotFound);
    }

    /// Requirements §1, E: the four steps one after the other, in both languages, and what each asks for.
    async fn the_qualification_of_a_sales_opportunity_is_as_the_requirements_say(db: TestDb) {
        let desk = Desk::open(&db).await;
        let process = desk.process("processes/qualify-sales-opportunity").await;
        assert_eq!(texts(&process.captions), ("Qualify sales opportunity", "Квалификация сделки"));
        assert_eq!(process.control(), Control::Strict);
        let steps: Vec<Vec<&str>> = process
            .stages
            .iter()
            .map(|stage| stage.activities.iter().map(|activity| texts(&activity.subjects).0).collect())
            .collect();
        assert_eq!(steps, [
            vec!["Review the qualification task"],
            vec!["Request additional information"],
            vec!["Qualify"],
            vec!["Confirm the qualification"],
            vec![],
            vec![],
            vec![],
        ]);
        let fields = ["account", "terms_of_sale", "revenue_expectation", "probability", "channel", "campaign", "lines"];
        assert_eq!(process.stages[2].fields, fields);
        assert!(process.stages[3].activities[0].needs_text, "the results, in words");
        let customer: Vec<bool> = process.stages.iter().map(|stage| stage.makes_customer).collect();
        assert_eq!(customer, [false, false, false, true, false, false, false], "once it is qualified");
        assert!(process.stages[4].completes && process.stages[4].prepares_quote);
    }

    /// Requirements §1, D, and states.md, "Gates": five stages, each stands for one record, each with its gate.
    async fn the_sales_lifecycle_is_as_the_requirements_say(db: TestDb) {
        let desk = Desk::open(&db).await;
        let process = desk.process("processes/sales-lifecycle").await;
        assert_eq!(texts(&process.captions), ("Sales lifecycle", "Жизненный цикл продажи"));
        assert_eq!(process.control(), Control::Gated);
        let gates: Vec<(&str, &str, String, String)> = process.stages[..5]
            .iter()
            .map(|it| (it.stage.as_str(), it.record.as_str(), it.fields.join(" "), it.documents.join(" ")))
            .collect();
        let gate = |stage, record, fields: &str, documents: &str| (stage, record, fields.to_owned(), documents.to_owned());
        assert_eq!(gates, [
            gate("stages/qualify", "lead", "bant.need bant.budget_status|bant.purchase_process|bant.decision_maker", ""),
            gate("stages/develop", "opportunity", "lines estimated_value estimated_close_date", ""),
            gate("stages/propose", "quote", "", "documents.quote_active"),
            gate("stages/close", "order", "", "documents.quote_accepted"),
            gate("stages/fulfill", "invoice", "", "documents.invoice_accepted"),
        ]);
    }

    /// R-PRC-1: by name, as a person types it, in either language; activities in the language of the run.
    async fn a_process_is_started_by_its_name_as_typed(db: TestDb) {
        let desk = Desk::open(&db).await;
        for typed in ["processes/corporate-sale", "Corporate sale", "  CORPORATE   SALE ", "corporate-sale", "корпоративная ПРОДАЖА"] {
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
        assert!(refused.metadata["candidates"].contains("Corporate sale, Корпоративная продажа"), "{refused:?}");
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
}

/// R-PRC-3: a definition is read strictly; a mistake is told with line, column and reason.
#[test]
fn a_wrong_definition_is_refused_with_line_and_reason() {
    let stages = Stages::shipped().expect("they ship");
    let (file, right) = SHIPPED[0];
    Process::parse(file, right, &stages).expect("what ships is right");
    let line_of = |needle: &str| right.lines().position(|line| line.contains(needle)).expect("there") as u64 + 1;
    for (from, to, reason) in [
        ("control: FREE", "control: LOOSE", "`LOOSE` is none of FREE, GATED, STRICT"),
        ("type: CALL", "type: SMS", "`SMS` is none of TASK"),
        ("{create: contact_client}", "{create: contact_nobody}", "names no activity"),
        ("{goto: proposal}", "{goto: heaven}", "leads to no stage"),
        ("{goto: proposal}", "{goto: closed-won}", "leads to a final stage"),
        ("{goto: proposal}", "{wait: 0}", "`0` is no number from 1 to 365"),
        ("{lose: NO_BUDGET}", "{lose: bad luck}", "`bad luck` is none of OUT_SOLD"),
        ("type: MEETING", "type: MEETING\n        knowledge: [How to present]", "`How to present` is no document"),
        ("type: MEETING", "type: MEETING\n        category: ''", "a category is called by 1 to 200 characters"),
        ("code: prepare_presentation", "code: contact_client", "stands here twice"),
        ("stage: presentation", "stage: qualification", "stands here twice"),
        ("stage: presentation", "stage: seduction", "is not in the lookup"),
        ("code: prepare_presentation", "code: Prepare presentation", "is no id"),
        ("{code: done, captions: {en: Prepared", "{code: ready, captions: {en: Prepared", "has a result `done`"),
        ("fields: [contact,", "fields: [shoe_size,", "`shoe_size` is none of account"),
        ("control: FREE", "colour: red\ncontrol: FREE", "a process knows no `colour`"),
        ("  - stage: closed-lost\n", "", "stages are open ones"),
        ("        due_days: 1\n", "", "`due_days` is missing here"),
        ("captions: {en: Corporate sale, ru: Корпоративная продажа}", "captions: {en: Sale}", "`ru` is missing"),
        ("control: FREE", "control: [", "line"),
    ] {
        let wrong = right.replacen(from, to, 1);
        let told = Process::parse(file, &wrong, &stages).expect_err(to);
        assert!(told.to_string().contains(reason), "{to}: {told}");
        assert!(told.faults.iter().all(|fault| fault.line >= 1 && fault.column >= 1), "{to}: {told}");
    }
    let wrong = right.replacen("{goto: proposal}", "{goto: heaven}", 1);
    let told = Process::parse(file, &wrong, &stages).expect_err("no such stage");
    let line = right.lines().nth(line_of("{goto: proposal}") as usize - 1).expect("there");
    let column = line.find("{goto: proposal}").expect("there");
    let column = line[..column].chars().count() as u64 + 1;
    assert_eq!((told.faults[0].line, told.faults[0].column), (line_of("{goto: proposal}"), column));
}

/// R-PRC-3: all mistakes of a file are told at once, in its order.
#[test]
fn a_wrong_definition_is_told_of_all_its_mistakes_at_once() {
    let stages = Stages::shipped().expect("they ship");
    let (file, right) = SHIPPED[0];
    let wrong = right
        .replacen("control: FREE", "control: LOOSE", 1)
        .replacen("{lose: NO_BUDGET}", "{lose: bad luck}", 1)
        .replacen("{goto: proposal}", "{goto: heaven}", 1)
        .replacen("type: EMAIL", "type: FAX", 1);
    let told = Process::parse(file, &wrong, &stages).expect_err("four mistakes");
    assert_eq!(told.faults.len(), 4, "{told}");
    let lines: Vec<u64> = told.faults.iter().map(|fault| fault.line).collect();
    assert!(lines.is_sorted(), "{told}");
}

/// What is no definition at all is refused, and nothing in it makes the reader fall over.
#[test]
fn what_is_no_definition_is_refused() {
    let stages = Stages::shipped().expect("they ship");
    for text in
        ["", "42", "[]", "id", "{}", "id: {a: b}", "a: &a [*a]", "\u{0}", "stages: 3\nid: [x]", "- - - -", "? x"]
    {
        let told = Process::parse("file", text, &stages).expect_err(text);
        assert!(!told.faults.is_empty());
    }
    proptest::proptest!(|(at in 0..SHIPPED[0].1.chars().count(), letter in proptest::char::any())| {
        let mut letters: Vec<char> = SHIPPED[0].1.chars().collect();
        letters[at] = letter;
        let text: String = letters.into_iter().collect();
        if let Err(told) = Process::parse("file", &text, &stages) {
            proptest::prop_assert!(!told.faults.is_empty());
        }
    });
}
