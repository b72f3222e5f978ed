//! The result decides what follows (R-STG-4, R-STG-5).

use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::{process_run, stage_entry::Cause};
use dealflow_testbed::{TestDb, both};
use tonic::Code;

use crate::desk::{CORPORATE_SALE, Desk, OPEN_STAGES, number, open_keys, titled, usd};
use crate::library::import;

/// A process whose results do what those that ship do not.
const STEERED: &str = r"
id: steered
captions: {en: Steered, ru: Управляемая}
control: FREE
stages:
  - stage: qualification
    goal: {en: g, ru: ц}
    activities:
      - code: call
        type: CALL
        subject: {en: Call, ru: Звонок}
        instructions: {en: i, ru: и}
        due_days: 1
        results:
          - {code: done, captions: {en: d, ru: д}, effect: none}
          - {code: skip, captions: {en: s, ru: с}, effect: advance}
          - {code: jump, captions: {en: j, ru: п}, effect: {goto: contracting}}
          - {code: again, captions: {en: a, ru: з}, effect: {goto: qualification}}
          - {code: sold, captions: {en: w, ru: в}, effect: win}
          - {code: other, captions: {en: o, ru: д}, effect: {lose: OTHER}}
          - {code: note, captions: {en: n, ru: н}, effect: {create: note}}
      - code: note
        type: TASK
        subject: {en: Note, ru: Заметка}
        instructions: {en: i, ru: и}
        required: false
        on_entry: false
        due_days: 0
        results: [{code: done, captions: {en: d, ru: д}, effect: none}]
  - stage: proposal
    goal: {en: g, ru: ц}
  - stage: contracting
    goal: {en: g, ru: ц}
  - stage: closed-won
  - stage: closed-lost
";

both! {
    /// R-STG-4: results that come at once are all kept, and the last of them advances the sale, once.
    async fn results_that_come_at_once_are_all_kept(db: TestDb) {
        let desk = Desk::open(&db).await;
        for _ in 0..8 {
            let opened = desk.led().await;
            let proposed = desk.move_to(&opened.name, "stages/proposal").await.expect("moved");
            let keys = open_keys(&proposed);
            let [first, second, third] = keys.as_slice() else { panic!("{keys:?}") };
            let record = |key| desk.record(&proposed, key, "done");
            let taken = tokio::join!(record(first), record(second), record(third));
            assert!(taken.0.is_ok() && taken.1.is_ok() && taken.2.is_ok(), "{taken:?}");
            let entries = desk.entries(&opened.name).await;
            let planned = &entries[1].planned_activities;
            assert!(planned.iter().all(|activity| activity.result == "done"), "{planned:?}");
            assert_eq!(entries.len(), 3, "{entries:?}");
        }
    }

    /// R-STG-4: all required activities completed advance the opportunity, after Contracting to Closed won.
    async fn completing_all_activities_of_all_stages_wins(db: TestDb) {
        let desk = Desk::open(&db).await;
        let worth = dealflow_proto::opportunities::v1::Opportunity { estimated_value: usd(12_345), ..titled("Pumps") };
        let mut sale = desk.create(worth, CORPORATE_SALE).await.expect("opened");
        for (at, (stage, count)) in OPEN_STAGES.iter().zip([2, 1, 3, 3]).enumerate() {
            assert_eq!((sale.stage.as_str(), open_keys(&sale).len()), (*stage, count));
            assert_eq!(sale.state(), State::Open);
            assert_eq!(number(&sale) as usize, at + 1);
            sale = desk.complete_stage(&sale).await;
        }
        assert_eq!((sale.state(), sale.stage.as_str()), (State::Won, "stages/closed-won"));
        assert_eq!((sale.actual_value, sale.spent_minutes), (usd(12_345), 9 * 30));
        assert_eq!(sale.probability, Some(100));
        let run = sale.process_run.expect("it ran");
        assert_eq!(run.state(), process_run::State::Completed);
        assert!(run.end_time.is_some());
        let causes: Vec<Cause> = desk.entries(&sale.name).await.iter().map(|entry| entry.cause()).collect();
        use Cause::{AdvanceAuto, Final, Opened};
        assert_eq!(causes, [Opened, AdvanceAuto, AdvanceAuto, AdvanceAuto, Final]);
        assert!(sale.stage_entry.expect("the final one").planned_activities.is_empty());
    }

    /// R-STG-4: as long as one required activity is open, nothing advances; the order does not matter.
    async fn one_open_activity_holds_the_stage(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let held = desk.record(&opened, "prepare_presentation#1", "done").await.expect("taken");
        assert_eq!((held.stage.as_str(), open_keys(&held)), (OPEN_STAGES[0], vec!["contact_client#1".to_owned()]));
        let moved = desk.record(&opened, "contact_client#1", "done").await.expect("taken");
        assert_eq!(moved.stage, OPEN_STAGES[1]);
        assert_eq!(moved.stage_entry.expect("current").cause(), Cause::AdvanceAuto);
    }

    /// R-STG-5: the client refuses, and the opportunity is lost with the reason that the process names.
    async fn a_refusing_result_loses_with_its_reason(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let proposal = desk.move_to(&opened.name, "stages/proposal").await.expect("moved");
        let lost = desk.record(&proposal, "present_proposal#1", "refused").await.expect("taken");
        assert_eq!((lost.state(), lost.lose_reason()), (State::Lost, LoseReason::Price));
        assert_eq!((lost.stage.as_str(), lost.probability), ("stages/closed-lost", Some(0)));
        assert_eq!(lost.process_run.as_ref().map(|run| run.state()), Some(process_run::State::Completed));
        let kinds: Vec<String> = desk.events(&lost.name).await.into_iter().map(|event| event.r#type).collect();
        let lost_by_result = ["opportunity.result_recorded", "opportunity.lost"];
        assert_eq!(kinds[kinds.len() - 2..], lost_by_result);
    }

    /// R-STG-5: "to be redone" plans the activity again, and the stage waits for it.
    async fn to_be_redone_plans_the_activity_again(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let presentation = desk.move_to(&opened.name, "stages/presentation").await.expect("moved");
        let again = desk.record(&presentation, "presentation#1", "redo").await.expect("taken");
        assert_eq!((again.stage.as_str(), number(&again)), ("stages/presentation", 2));
        assert_eq!(open_keys(&again), ["presentation#2"]);
        let thrice = desk.record(&presentation, "presentation#2", "redo").await.expect("taken");
        assert_eq!(open_keys(&thrice), ["presentation#3"]);
        let advanced = desk.record(&presentation, "presentation#3", "done").await.expect("taken");
        assert_eq!(advanced.stage, "stages/proposal");
        assert_eq!(advanced.spent_minutes, 90);
    }

    /// R-STG-5: a result of Contracting leads back to the proposal.
    async fn other_terms_lead_back_to_the_proposal(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let contracting = desk.move_to(&opened.name, "stages/contracting").await.expect("moved");
        let back = desk.record(&contracting, "sign_contract#1", "other_terms").await.expect("taken");
        assert_eq!((back.stage.as_str(), number(&back)), ("stages/proposal", 3));
        assert_eq!(back.stage_entry.as_ref().map(|entry| entry.cause()), Some(Cause::Result));
        assert_eq!(open_keys(&back).len(), 3);
    }

    /// R-STG-5: advance, go to a stage (also the same one, anew), win, lose, and create what the stage does not wait for.
    async fn every_effect_happens(db: TestDb) {
        let desk = import(&db, STEERED).await;
        let led = || async { desk.create(titled("Pumps"), "processes/steered").await.expect("opened") };
        let result = |code: &'static str| {
            let desk = desk.clone();
            async move {
                let sale = desk.create(titled("Pumps"), "processes/steered").await.expect("opened");
                desk.record(&sale, "call#1", code).await
            }
        };
        let outcome = |sale: &dealflow_proto::opportunities::v1::Opportunity| (sale.stage.clone(), number(sale));
        assert_eq!(outcome(&result("skip").await.expect("taken")), ("stages/proposal".to_owned(), 2));
        assert_eq!(outcome(&result("jump").await.expect("taken")), ("stages/contracting".to_owned(), 2));
        let again = result("again").await.expect("taken");
        assert_eq!(outcome(&again), ("stages/qualification".to_owned(), 2));
        assert_eq!(open_keys(&again), ["call#1"]);
        let won = result("sold").await.expect("taken");
        assert_eq!((won.state(), won.actual_value), (State::Won, None), "no value is made up");
        let refused = result("other").await.expect_err("OTHER needs a comment");
        assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["comment"]));
        let noted = result("note").await.expect("taken");
        assert_eq!(noted.stage, "stages/proposal", "an optional activity does not hold the stage");
        let opened = led().await;
        assert_eq!(open_keys(&opened), ["call#1"], "made only when a result asks for it");
    }

    /// A late, repeated or unknown result changes nothing; another result than the one recorded is refused.
    async fn results_come_once_and_in_time(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let noted = desk.record(&opened, "contact_client#1", "done").await.expect("taken");
        let repeated = desk.record(&opened, "contact_client#1", "done").await.expect("the same says nothing new");
        assert_eq!(repeated, noted);
        let refused = desk.record(&opened, "contact_client#1", "no_budget").await.expect_err("a result stands");
        assert_eq!((refused.code, refused.metadata["result"].as_str()), (Code::FailedPrecondition, "done"));
        let refused = desk.record(&opened, "contact_client#7", "done").await.expect_err("nobody planned it");
        assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["planned_key"]));
        let refused = desk.record(&opened, "prepare_presentation#1", "maybe").await.expect_err("no such result");
        assert_eq!((refused.code, refused.metadata["allowed"].as_str()), (Code::InvalidArgument, "done"));

        let moved = desk.move_to(&opened.name, "stages/proposal").await.expect("moved");
        let events = desk.events(&opened.name).await.len();
        let late = desk.record(&opened, "prepare_presentation#1", "done").await.expect("late, not wrong");
        assert_eq!(late, moved);
        assert_eq!(desk.events(&opened.name).await.len(), events);
        let strange = desk.led().await;
        let mixed = dealflow_proto::opportunities::v1::Opportunity { name: opened.name.clone(), ..strange };
        let refused = desk.record(&mixed, "contact_client#1", "done").await.expect_err("another one's entry");
        assert_eq!(refused.code, Code::NotFound);
    }
}
