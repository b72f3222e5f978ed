//! The life cycle of an activity, verb by verb and as a whole (R-ACT-1).

use chrono::TimeDelta;
use dealflow_proto::activities::v1::activity::{CancelReason, Importance, Origin, State, Type};
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::{Code, Status};

use crate::desk::{Desk, entry, opportunity, planned, result, task};

const VERBS: [&str; 8] = [
    "UpdateActivity",
    "StartActivity",
    "DeferActivity",
    "WaitForActivity",
    "ReopenActivity",
    "ReassignActivity",
    "CompleteActivity",
    "CancelActivity",
];

/// `states.md`, Activity: what each state accepts, in the order of [`VERBS`], and where it leads.
const TABLE: [(State, &[(&str, State)]); 6] = [
    (
        State::NotStarted,
        &[
            ("UpdateActivity", State::NotStarted),
            ("StartActivity", State::InProgress),
            ("DeferActivity", State::Deferred),
            ("WaitForActivity", State::Waiting),
            ("ReassignActivity", State::NotStarted),
            ("CompleteActivity", State::Completed),
            ("CancelActivity", State::Canceled),
        ],
    ),
    (
        State::InProgress,
        &[
            ("UpdateActivity", State::InProgress),
            ("DeferActivity", State::Deferred),
            ("WaitForActivity", State::Waiting),
            ("ReassignActivity", State::InProgress),
            ("CompleteActivity", State::Completed),
            ("CancelActivity", State::Canceled),
        ],
    ),
    (
        State::Waiting,
        &[
            ("UpdateActivity", State::Waiting),
            ("StartActivity", State::InProgress),
            ("DeferActivity", State::Deferred),
            ("WaitForActivity", State::Waiting),
            ("ReopenActivity", State::NotStarted),
            ("ReassignActivity", State::Waiting),
            ("CompleteActivity", State::Completed),
            ("CancelActivity", State::Canceled),
        ],
    ),
    (
        State::Deferred,
        &[
            ("UpdateActivity", State::Deferred),
            ("StartActivity", State::InProgress),
            ("DeferActivity", State::Deferred),
            ("WaitForActivity", State::Waiting),
            ("ReopenActivity", State::NotStarted),
            ("ReassignActivity", State::Deferred),
            ("CompleteActivity", State::Completed),
            ("CancelActivity", State::Canceled),
        ],
    ),
    (State::Completed, &[]),
    (State::Canceled, &[]),
];

impl Desk {
    async fn act(&mut self, verb: &str, name: &str, heir: &str) -> Result<Activity, Status> {
        match verb {
            "UpdateActivity" => self.update(Activity { name: name.to_owned(), ..task("Call again") }).await,
            "StartActivity" => self.start(name).await,
            "DeferActivity" => self.defer(name, 24).await,
            "WaitForActivity" => self.wait_for(name, 24).await,
            "ReopenActivity" => self.reopen(name).await,
            "ReassignActivity" => self.reassign_as("", name, heir).await,
            "CompleteActivity" => self.complete(name, "done").await,
            "CancelActivity" => self.cancel(name).await,
            other => panic!("{other} is no verb"),
        }
    }

    async fn activity_in(&mut self, state: State) -> Activity {
        let name = self.make(task("Call back")).await.expect("made").name;
        let way: &[&str] = match state {
            State::InProgress => &["StartActivity"],
            State::Waiting => &["WaitForActivity"],
            State::Deferred => &["DeferActivity"],
            State::Completed => &["CompleteActivity"],
            State::Canceled => &["CancelActivity"],
            _ => &[],
        };
        for verb in way {
            self.act(verb, &name, "").await.expect("the way into the state is open");
        }
        self.activity(&name).await
    }
}

both! {
    /// states.md, R-ACT-7: every state answers every verb as the table says; completed and canceled are final; a
    /// refusal changes nothing. R-PRC-4: the activity itself says what it accepts.
    async fn every_state_answers_every_verb(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let heir = desk.hire("Heir", "").await.expect("hired").name;
        for (state, accepted) in TABLE {
            let told = desk.activity_in(state).await.guidance.expect("guidance").allowed_verbs;
            let expected: Vec<&str> = accepted.iter().map(|(verb, _)| *verb).collect();
            assert_eq!(told, expected, "{state:?} says what it accepts");
            for verb in VERBS {
                let activity = desk.activity_in(state).await;
                assert_eq!(activity.state(), state);
                let answer = desk.act(verb, &activity.name, &heir).await;
                match accepted.iter().find(|(accepted, _)| *accepted == verb) {
                    Some((_, next)) => {
                        let after = answer.unwrap_or_else(|no| panic!("{state:?} accepts {verb}: {no}"));
                        assert_eq!(after.state(), *next, "{state:?} {verb}");
                        assert_eq!(after, desk.activity(&activity.name).await);
                    }
                    None => {
                        let no = refusal(&answer.expect_err(verb));
                        let reason = if accepted.is_empty() { "TERMINAL" } else { "STATE_REFUSES_VERB" };
                        assert_eq!((no.code, no.reason.as_str()), (Code::FailedPrecondition, reason));
                        assert_eq!(no.metadata["state"], state.as_str_name().trim_start_matches("STATE_"));
                        assert_eq!(desk.activity(&activity.name).await, activity, "{state:?} {verb} changed nothing");
                    }
                }
            }
        }
    }

    /// R-ACT-1: an activity made by hand keeps what was said; its author is who made it.
    async fn an_activity_made_by_hand_keeps_what_was_said(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let performer = desk.hire("Anna", "").await.expect("hired").name;
        let due = desk.clock.now() + TimeDelta::days(2);
        let sent = Activity {
            r#type: Type::Call.into(),
            instructions: "ask for the drawings".to_owned(),
            regarding: opportunity(),
            performer,
            importance: Importance::High.into(),
            allowed_results: vec![result("reached"), result("not_reached")],
            due_time: Some(timestamp(due)),
            origin: Origin::Process.into(),
            author: "somebody else".to_owned(),
            required: true,
            ..task("Call Erika")
        };
        let made = desk.make(sent.clone()).await.expect("made");
        let kept = Activity {
            name: made.name.clone(),
            etag: "1".to_owned(),
            create_time: Some(timestamp(desk.clock.now())),
            update_time: Some(timestamp(desk.clock.now())),
            state: State::NotStarted.into(),
            origin: Origin::Manual.into(),
            author: "anonymous".to_owned(),
            required: false,
            guidance: made.guidance.clone(),
            reminder_time: Some(timestamp(due - TimeDelta::hours(1))),
            ..sent
        };
        assert_eq!(made, kept, "what is output only is ignored, the rest is kept");
        assert_eq!(desk.activity(&made.name).await, made);

        let plain = desk.make(task("Plain")).await.expect("made");
        assert_eq!((plain.r#type(), plain.importance()), (Type::Task, Importance::Normal));
        assert_eq!(plain.allowed_results.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["done"]);
    }

    /// R-ACT-1: an activity is completed with a result that it allows; the refusal lists them; one alone need not be
    /// said. Start, end and minutes are kept.
    async fn completing_needs_an_allowed_result(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let two = Activity { allowed_results: vec![result("reached"), result("not_reached")], ..task("Call") };
        let activity = desk.make(two).await.expect("made");
        for wrong in ["", "done"] {
            let no = refusal(&desk.complete(&activity.name, wrong).await.expect_err("not allowed"));
            assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["result"]));
            assert_eq!(no.metadata["allowed"], "reached, not_reached");
        }
        assert_eq!(desk.activity(&activity.name).await, activity);

        let begun = timestamp(desk.clock.now());
        desk.start(&activity.name).await.expect("begun");
        desk.clock.advance(TimeDelta::minutes(20));
        let ask = CompleteActivityRequest {
            name: activity.name.clone(),
            result: "reached".to_owned(),
            result_text: "wants a quote".to_owned(),
            actual_minutes: 17,
            request_id: id(),
            ..Default::default()
        };
        let done = desk.activities.complete_activity(ask).await.expect("completed").into_inner();
        assert_eq!(
            (done.result.as_str(), done.result_text.as_str(), done.actual_minutes),
            ("reached", "wants a quote", 17)
        );
        assert_eq!((done.start_time, done.end_time), (Some(begun), Some(timestamp(desk.clock.now()))));

        let one = desk.make(task("Write")).await.expect("made");
        assert_eq!(desk.complete(&one.name, "").await.expect("completed").result, "done");
    }

    /// R-ACT-1, R-STG-3: a person cancels what nobody waits for; what a stage requires is completed.
    async fn what_a_stage_requires_is_not_canceled(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let ask = entry(&opportunity(), 1, vec![planned("must", true), planned("may", false)]);
        let open = desk.sync(ask).await.expect("synced").open;
        let (must, may) = (open[0].clone(), open[1].clone());
        let no = refusal(&desk.cancel(&must.name).await.expect_err("the stage waits for it"));
        assert_eq!((no.code, no.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
        assert_eq!(no.metadata["allowed"], "CompleteActivity");
        assert!(no.message.contains("CompleteActivity"), "{}", no.message);
        let allowed = must.guidance.expect("guidance").allowed_verbs;
        assert!(!allowed.contains(&"CancelActivity".to_owned()) && allowed.contains(&"CompleteActivity".to_owned()));

        let manual = desk.make(task("manual")).await.expect("made");
        for activity in [may, manual] {
            let canceled = desk.cancel(&activity.name).await.expect("canceled");
            assert_eq!(canceled.cancel_reason(), CancelReason::ByUser);
            assert_eq!(canceled.end_time, Some(timestamp(desk.clock.now())));
        }
    }

    /// states.md, rules for all: each transition leaves one history row, in the thread of the deal where there is one.
    async fn each_transition_is_told_once(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let (deal, lead) = (opportunity(), format!("leads/{}", id()));
        let account = format!("accounts/{}", id());
        let about = |regarding: &str| Activity { regarding: regarding.to_owned(), ..task("Call") };
        let activity = desk.make(about(&deal)).await.expect("made");
        desk.clock.advance(TimeDelta::minutes(5));
        desk.start(&activity.name).await.expect("begun");
        desk.complete(&activity.name, "done").await.expect("completed");
        let told: Vec<_> =
            desk.thread(&deal).await.into_iter().map(|e| (e.r#type, e.subject, e.from_state, e.to_state)).collect();
        let row =
            |kind: &str, from: &str, to: &str| (kind.to_owned(), activity.name.clone(), from.to_owned(), to.to_owned());
        assert_eq!(
            told,
            [
                row("activity.created", "", "NOT_STARTED"),
                row("activity.started", "NOT_STARTED", "IN_PROGRESS"),
                row("activity.completed", "IN_PROGRESS", "COMPLETED"),
            ]
        );
        assert_eq!(desk.thread(&deal).await[1].time_in_state.map(|spent| spent.seconds), Some(300));

        let called = desk.make(about(&lead)).await.expect("made");
        let ask = CancelActivityRequest {
            name: called.name.clone(),
            comment: "number is dead".to_owned(),
            request_id: id(),
            ..Default::default()
        };
        desk.activities.cancel_activity(ask).await.expect("canceled");
        let told = desk.thread(&lead).await;
        assert_eq!(
            (told.len(), told[1].r#type.as_str(), told[1].reason.as_str()),
            (2, "activity.canceled", "number is dead")
        );
        let alone = desk.make(about(&account)).await.expect("made");
        assert_eq!(desk.thread(&alone.name).await.len(), 1, "an account is no deal: the activity is its own thread");
    }

    /// R-ACT-1, R-STG-5: a result that asks for words is refused without them, here where the activity is still open; what
    /// was noted before is words enough.
    async fn a_result_that_asks_for_words_is_not_taken_without(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let results = || vec![result("in_words"), result("silent")];
        let made = desk.make(Activity { allowed_results: results(), ..task("Confirm") }).await.expect("made");
        assert!(made.allowed_results[0].needs_text && !made.allowed_results[1].needs_text);
        let no = refusal(&desk.complete(&made.name, "in_words").await.expect_err("no words"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["result_text"]));
        assert_eq!(desk.activity(&made.name).await, made, "it is open, and everything can be mended");
        let noted = Activity { name: made.name.clone(), result_text: "all is clear".to_owned(), ..Activity::default() };
        desk.update(noted).await.expect("noted");
        let done = desk.complete(&made.name, "in_words").await.expect("completed");
        assert_eq!(done.result_text, "all is clear");
        let other = desk.make(Activity { allowed_results: results(), ..task("Confirm") }).await.expect("made");
        desk.complete(&other.name, "silent").await.expect("that asks for none");
    }
}
