//! Definitions as text: imported, compared, kept in versions; and the stage lookup that they stand on (R-PRC-2, R-PRC-3).

use dealflow_opportunities::library::SHIPPED;
use dealflow_proto::opportunities::v1::{
    Caption, CreateLoseReasonRequest, CreateStageRequest, ExportProcessRequest, GetProcessDiagramRequest,
    GetProcessRequest, ImportProcessRequest, ListProcessVersionsRequest, ListStagesRequest, LoseReason, Opportunity,
    Stage, UpdateStageRequest, get_process_diagram_request::Format, process_change::Kind, stage,
};
use dealflow_testbed::{RefusalView, TestDb, both, id, refusal};
use tonic::Code;

use crate::desk::{CORPORATE_SALE, Desk, open_keys, titled};

const SALE: &str = SHIPPED[0].1;

/// The worked example of the documentation.
const EXAMPLE: &str = include_str!("../../../../docs/examples/short-sale.yaml");

fn captions(en: &str, ru: &str) -> Vec<Caption> {
    [("en", en), ("ru", ru)].map(|(code, text)| Caption { language_code: code.into(), text: text.into() }).to_vec()
}

async fn stages(desk: &Desk) -> Vec<Stage> {
    desk.processes.clone().list_stages(ListStagesRequest::default()).await.expect("listed").into_inner().stages
}

both! {
    /// R-PRC-3: a dry run says what would change and changes nothing; the import does it; the same file is a no-op.
    async fn an_import_says_what_it_changes_and_the_same_file_twice_changes_nothing(db: TestDb) {
        let desk = Desk::open(&db).await;
        let same = desk.import(SALE).await.expect("it is known");
        assert_eq!((same.version, same.previous_version, same.changes.len()), (1, 1, 0));
        let new = SALE
            .replacen("{en: Prepare presentation, ru", "{en: Prepare the show, ru", 1)
            .replacen("{goto: proposal}", "{goto: presentation}", 1)
            .replacen("{code: redo, captions: {en: To be redone, ru: Доработать}, effect: {create: prepare_contract}}",
                "{code: postponed, captions: {en: Postponed, ru: Отложено}, effect: {wait: 7}}", 1);
        let dry = ImportProcessRequest { yaml: new.clone(), validate_only: true, ..Default::default() };
        let dry = desk.import_as(dry).await.expect("it would do");
        assert_eq!((dry.version, dry.previous_version), (2, 1));
        assert_eq!(desk.process(CORPORATE_SALE).await.version, 1, "nothing changed");
        let done = desk.import(&new).await.expect("imported");
        assert_eq!(done, dry);
        let subject = "stages/qualification/activities/prepare_presentation/subject.en";
        let effect = "stages/contracting/activities/sign_contract/results/other_terms/effect";
        let results = "stages/proposal/activities/prepare_contract/results";
        let told = |path: &str| {
            let change = done.changes.iter().find(|change| change.path == path).unwrap_or_else(|| panic!("{path}"));
            (change.kind(), change.before.as_str(), change.after.as_str())
        };
        assert_eq!(told(subject), (Kind::Changed, "Prepare presentation", "Prepare the show"));
        assert_eq!(told(effect), (Kind::Changed, "goto: proposal", "goto: presentation"));
        assert_eq!(told(&format!("{results}/postponed/effect")), (Kind::Added, "", "wait: 7"));
        assert_eq!(told(&format!("{results}/redo/effect")), (Kind::Removed, "create: prepare_contract", ""));
        assert_eq!(done.changes.len(), 8);
        assert_eq!(desk.import(&new).await.expect("the same file").changes, []);
        assert_eq!(desk.process(CORPORATE_SALE).await.version, 2);
        let commented = format!("# only words about it\n{new}");
        assert_eq!(desk.import(&commented).await.expect("the same process").version, 2);
    }

    /// R-PRC-3: a broken file is refused with all its lines and reasons, and nothing is stored.
    async fn a_broken_file_is_refused_with_lines_and_reasons(db: TestDb) {
        let desk = Desk::open(&db).await;
        let broken = SALE.replacen("control: FREE", "control: LOOSE", 1).replacen("{goto: proposal}", "{goto: hell}", 1);
        let refused = desk.import(&broken).await.expect_err("two mistakes");
        assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["yaml", "yaml"]));
        let reasons: Vec<&str> = refused.fields.iter().map(|(_, reason)| reason.as_str()).collect();
        assert!(reasons[0].starts_with("line 5, column 10: `LOOSE` is none of"), "{reasons:?}");
        assert!(reasons[1].contains("`goto: hell` leads to no stage"), "{reasons:?}");
        assert_eq!(desk.process(CORPORATE_SALE).await.version, 1);
    }

    /// R-PRC-2, R-PRC-3: every version is listed, read and exported as it was.
    async fn every_version_is_kept_as_it_was(db: TestDb) {
        let desk = Desk::open(&db).await;
        desk.led().await;
        desk.import(&SALE.replacen("due_days: 1", "due_days: 2", 1)).await.expect("imported");
        desk.led().await;
        desk.led().await;
        let ask = ListProcessVersionsRequest { process: CORPORATE_SALE.to_owned(), ..Default::default() };
        let listed = desk.processes.clone().list_process_versions(ask).await.expect("listed").into_inner().versions;
        let told: Vec<_> = listed.iter().map(|it| (it.version, it.shipped, it.run_count)).collect();
        assert_eq!(told, [(2, false, 2), (1, true, 1)]);
        let ask = GetProcessRequest { name: CORPORATE_SALE.to_owned(), version: 1 };
        let first = desk.processes.clone().get_process(ask).await.expect("kept").into_inner();
        assert_eq!(first.stages[0].activities[0].due_days, 1);
        let ask = ExportProcessRequest { name: CORPORATE_SALE.to_owned(), version: 1 };
        let exported = desk.processes.clone().export_process(ask).await.expect("kept").into_inner();
        assert_eq!(exported.yaml, SALE, "byte for byte");
        let ask = GetProcessRequest { name: CORPORATE_SALE.to_owned(), version: 9 };
        assert_eq!(desk.processes.clone().get_process(ask).await.expect_err("to come").code(), Code::NotFound);
        // What somebody imported stays the latest when the program starts again.
        let again = Desk::of_store(desk.store.clone(), desk.time.clone()).await;
        assert_eq!(again.process(CORPORATE_SALE).await.version, 2);
    }

    /// R-PRC-1: two processes of one name: the refusal lists them, and either is started by its own.
    async fn a_name_that_two_processes_share_lists_both(db: TestDb) {
        let desk = Desk::open(&db).await;
        desk.import(&SALE.replacen("id: corporate-sale", "id: other-sale", 1)).await.expect("imported");
        let opened = desk.create(titled("Pumps"), "").await.expect("opened");
        let refused = desk.start(&opened.name, "corporate sale").await.expect_err("which one?");
        assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["process"]));
        let candidates = &refused.metadata["candidates"];
        assert!(candidates.contains("processes/corporate-sale") && candidates.contains("processes/other-sale"));
        assert!(!candidates.contains("lifecycle"), "{candidates}");
        desk.start(&opened.name, "other-sale").await.expect("by its id");
    }

    /// R-PRC-3: the worked example of docs/processes.md is right, leads a sale, and every effect in it happens.
    async fn the_example_of_the_documentation_leads_a_sale(db: TestDb) {
        let desk = Desk::open(&db).await;
        let done = desk.import(EXAMPLE).await.expect("the example is right");
        assert_eq!((done.process.as_str(), done.version), ("processes/short-sale", 1));
        let opened = desk.create(titled("Pumps"), "Short sale").await.expect("opened");
        assert_eq!(open_keys(&opened), ["call#1"]);
        let waits = desk.record(&opened, "call#1", "later").await.expect("taken");
        let planned = &waits.stage_entry.as_ref().expect("current").planned_activities[1];
        assert!(planned.wait_until_time.is_some() && planned.result.is_empty());
        let again = desk.record(&opened, "call#2", "wrong_person").await.expect("taken");
        assert_eq!(open_keys(&again), ["call#3"]);
        let proposal = desk.record(&opened, "call#3", "done").await.expect("taken");
        assert_eq!(proposal.stage, "stages/proposal");
        let won = desk.record(&proposal, "offer#1", "signed").await.expect("taken");
        assert_eq!(won.stage, "stages/closed-won");
    }

    /// R-STG-1: the lookup holds meaning, probability, forecast and order; it is added to and edited.
    async fn the_stage_lookup_is_listed_in_order_and_can_be_edited(db: TestDb) {
        let desk = Desk::open(&db).await;
        let listed = stages(&desk).await;
        assert!(listed.is_sorted_by_key(|stage| stage.position));
        let first: Vec<&str> = listed[..4].iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(first, crate::desk::OPEN_STAGES);
        let finals: Vec<_> = listed.iter().filter(|stage| stage.meaning() != stage::Meaning::Open).collect();
        let finals: Vec<_> = finals.iter().map(|stage| (stage.name.as_str(), stage.meaning(), stage.probability)).collect();
        use stage::Meaning::{Lost, Won};
        assert_eq!(finals, [("stages/closed-won", Won, 100), ("stages/fulfill", Won, 100), ("stages/closed-lost", Lost, 0)]);

        let pilot = Stage {
            captions: captions("Pilot", "Пилот"),
            meaning: stage::Meaning::Open.into(),
            probability: 65,
            ..Stage::default()
        };
        let ask = CreateStageRequest { stage: Some(pilot), stage_id: "pilot".to_owned(), request_id: id(), ..Default::default() };
        let made = desk.processes.clone().create_stage(ask.clone()).await.expect("added").into_inner();
        assert_eq!((made.name.as_str(), made.position, made.etag.as_str()), ("stages/pilot", 16, "1"));
        let again = CreateStageRequest { request_id: id(), ..ask };
        let taken = desk.processes.clone().create_stage(again).await.expect_err("it is there");
        assert_eq!(taken.code(), Code::AlreadyExists);
        let sale = desk.create(titled("Pumps"), "").await.expect("opened");
        let moved = desk.move_to(&sale.name, "stages/pilot").await.expect("seen at once");
        assert_eq!(moved.probability, Some(65));
        let edit = |stage: Stage, etag: &str| UpdateStageRequest {
            stage: Some(Stage { name: "stages/pilot".to_owned(), ..stage }),
            etag: etag.to_owned(),
            request_id: id(),
            ..UpdateStageRequest::default()
        };
        let less = Stage { probability: 40, position: 4, ..Stage::default() };
        let edited = desk.processes.clone().update_stage(edit(less.clone(), "1")).await.expect("edited").into_inner();
        assert_eq!((edited.probability, edited.position, edited.etag.as_str()), (40, 4, "2"));
        assert_eq!(desk.get(&sale.name).await.probability, Some(40));
        let stale = desk.processes.clone().update_stage(edit(less, "1")).await.expect_err("an old version");
        assert_eq!(stale.code(), Code::Aborted);
    }

    /// R-OPP-3, R-STG-1: what a stage means is given for good, so no edit of the lookup opens or closes anything.
    async fn editing_the_lookup_reopens_and_closes_nothing(db: TestDb) {
        let desk = Desk::open(&db).await;
        let open = desk.led().await;
        let won = desk.led().await;
        desk.win(&won.name).await.expect("won");
        let before = (desk.get(&open.name).await, desk.get(&won.name).await);
        for (name, meaning) in [("stages/qualification", stage::Meaning::Won), ("stages/closed-won", stage::Meaning::Open)] {
            let other = Stage { name: name.to_owned(), meaning: meaning.into(), ..Stage::default() };
            let mut ask = UpdateStageRequest { stage: Some(other), request_id: id(), ..UpdateStageRequest::default() };
            ask.update_mask = Some(prost_types::FieldMask { paths: vec!["meaning".to_owned()] });
            let refused = desk.processes.clone().update_stage(ask.clone()).await.expect_err("for good");
            assert_eq!(refusal(&refused).field_names(), ["update_mask"]);
            ask.update_mask = None;
            ask.request_id = id();
            let same = desk.processes.clone().update_stage(ask).await.expect("nothing is taken over").into_inner();
            assert_ne!(same.meaning(), meaning);
        }
        assert_eq!((desk.get(&open.name).await, desk.get(&won.name).await), before);
    }

    /// R-PRC-2: every process is drawn, in both languages and forms, and a running instance's way is marked in it.
    async fn every_process_is_drawn_with_the_way_of_an_opportunity(db: TestDb) {
        let desk = Desk::open(&db).await;
        let draw = |name: &str, format: Format, language: &str, opportunity: &str| {
            let ask = GetProcessDiagramRequest {
                name: name.to_owned(),
                format: format.into(),
                language_code: language.to_owned(),
                opportunity: opportunity.to_owned(),
                ..GetProcessDiagramRequest::default()
            };
            let mut processes = desk.processes.clone();
            async move { processes.get_process_diagram(ask).await.expect("drawn").into_inner().text }
        };
        for name in [CORPORATE_SALE, "processes/qualify-sales-opportunity", "processes/sales-lifecycle"] {
            for language in ["en", "ru"] {
                let mermaid = draw(name, Format::Mermaid, language, "").await;
                assert!(mermaid.contains("flowchart TB") && !mermaid.contains(" current\n"), "{mermaid}");
                let svg = draw(name, Format::Svg, language, "").await;
                assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
                let open = svg.matches("<text ").count();
                assert_eq!(open, svg.matches("</text>").count());
            }
        }
        let sale = desk.led().await;
        desk.record(&sale, "contact_client#1", "done").await.expect("taken");
        let there = draw(CORPORATE_SALE, Format::Mermaid, "en", &sale.name).await;
        assert!(there.contains("class s0 current") && there.contains("class s0a0 visited"), "{there}");
        assert!(there.contains("class s0a1 current"), "{there}");
        desk.move_to(&sale.name, "stages/proposal").await.expect("moved");
        let there = draw(CORPORATE_SALE, Format::Mermaid, "ru", &sale.name).await;
        assert!(there.contains("class s0 visited") && there.contains("class s2 current"), "{there}");
        assert!(there.contains("Коммерческое предложение"), "{there}");
    }

    /// R-STG-5, R-OPP-2, R-PRC-3: a result may lose for a reason of the user's own; a file that names one that nobody has
    /// added, or that needs a comment where the activity needs no words, is refused with line and reason.
    async fn a_result_may_lose_for_a_reason_of_the_users_own(db: TestDb) {
        let desk = Desk::open(&db).await;
        let own = include_str!("../../../../docs/examples/short-sale.yaml").replace("{lose: CANCELED}", "{lose: NO_FIT}");
        let line = own.lines().position(|line| line.contains("NO_FIT")).expect("there") + 1;
        let refused = |told: Box<RefusalView>, reason: &str| {
            assert_eq!(told.code, Code::InvalidArgument);
            assert!(told.message.contains(&format!("line {line}")) && told.message.contains(reason), "{}", told.message);
        };
        refused(desk.import(&own).await.expect_err("nobody added it"), "is no reason of loss");
        let caption = |code: &str, text: &str| Caption { language_code: code.to_owned(), text: text.to_owned() };
        let captions = vec![caption("en", "No fit"), caption("ru", "Не подходит")];
        let reason = LoseReason { captions, comment_required: true, ..LoseReason::default() };
        let ask = CreateLoseReasonRequest {
            lose_reason_id: "NO_FIT".to_owned(),
            lose_reason: Some(reason),
            request_id: id(),
            ..CreateLoseReasonRequest::default()
        };
        desk.opportunities.clone().create_lose_reason(ask).await.expect("added");
        refused(desk.import(&own).await.expect_err("it needs a comment"), "needs a comment");
        let in_words = own.replacen("        due_days: 1\n", "        due_days: 1\n        needs_text: true\n", 1);
        assert!(in_words.contains("needs_text"), "the file was changed");
        desk.import(&in_words).await.expect("imported");

        let sale = desk.create(titled("Pumps"), "short-sale").await.expect("opened");
        let results = &sale.stage_entry.as_ref().expect("in a stage").planned_activities[0].results;
        let words: Vec<bool> = results.iter().map(|result| result.needs_text).collect();
        assert_eq!(words, [true, false, true, true], "waiting needs none");
        let silent = desk.record(&sale, "call#1", "no_need").await.expect_err("no words");
        assert_eq!(silent.field_names(), ["comment"]);
        let lost = desk.record_saying(&sale, "call#1", "no_need", "too big for them").await.expect("lost");
        assert_eq!((lost.lose_reason_code.as_str(), lost.lose_comment.as_str()), ("NO_FIT", "too big for them"));
    }

    /// R-ACT-1, R-ACT-6: a template says what kind of work its activity is, and which documents help; an opportunity
    /// points at documents too.
    async fn a_template_points_at_a_category_and_documents_and_so_does_an_opportunity(db: TestDb) {
        let desk = Desk::open(&db).await;
        let file = include_str!("../../../../docs/examples/short-sale.yaml");
        let helped = file.replacen(
            "        due_days: 1\n",
            "        due_days: 1\n        category: Customer call\n        knowledge: [how-to-call, prices]\n",
            1,
        );
        let documents = ["knowledge/how-to-call".to_owned(), "knowledge/prices".to_owned()];
        desk.import(file).await.expect("imported");
        let changed = desk.import(&helped).await.expect("imported").changes;
        let paths: Vec<&str> = changed.iter().map(|change| change.path.rsplit('/').next().unwrap_or_default()).collect();
        assert_eq!(paths, ["category", "knowledge"], "and nothing else changes");
        let template = &desk.process("processes/short-sale").await.stages[0].activities[0];
        assert_eq!((template.category.as_str(), template.knowledge.as_slice()), ("Customer call", &documents[..]));
        let pointing = Opportunity { knowledge: documents[..1].to_vec(), ..titled("Pumps") };
        let sale = desk.create(pointing, "short-sale").await.expect("opened");
        assert_eq!(sale.knowledge, documents[..1]);
        let planned = &sale.stage_entry.as_ref().expect("in a stage").planned_activities[0];
        assert_eq!((planned.category.as_str(), planned.knowledge.as_slice()), ("Customer call", &documents[..]));
        let more = Opportunity { name: sale.name.clone(), knowledge: documents.to_vec(), ..Opportunity::default() };
        assert_eq!(desk.update(more, &["knowledge"]).await.expect("updated").knowledge, documents);
        let wrong = Opportunity { name: sale.name.clone(), knowledge: vec!["prices".to_owned()], ..Opportunity::default() };
        let told = desk.update(wrong, &["knowledge"]).await.expect_err("no name of a document");
        assert_eq!(told.field_names(), ["opportunity.knowledge[0]"]);
    }
}
