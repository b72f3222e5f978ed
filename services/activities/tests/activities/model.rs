//! Random verbs against a small model of an activity's life: the same refusals, the same states (R-ACT-1, R-ACT-7).

use std::collections::BTreeMap;

use chrono::TimeDelta;
use dealflow_proto::activities::v1::activity::State;
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_testbed::{Kind, TestDb, Verbs, both, id, lives, refusal};
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use tonic::Status;

use crate::desk::{Desk, by, entry, opportunity, planned, result, task};

/// What can be asked at random; who asks is one of performer, manager above, stranger, nobody in particular.
#[derive(Debug, Clone)]
enum Ask {
    Start(usize),
    /// Until so many hours from now; 0 is too early.
    Defer(i64),
    Wait(i64),
    Reopen,
    Reassign(usize),
    /// With one of `yes`, `no`, one that it does not have, or none.
    Complete(usize, &'static str),
    Cancel,
    Rename,
    Stale,
    /// Hours pass, and what time does is done.
    Later(i64),
    /// The stage is left; nothing for an activity made by hand.
    LeaveStage,
}

/// The rules in the smallest words.
#[derive(Debug, Clone)]
struct Model {
    state: State,
    of_stage: bool,
    begun: bool,
    /// Hours from the beginning at which it comes back.
    back: Option<i64>,
    version: i64,
    performer: usize,
    hours: i64,
    entry: i32,
}

/// 0 and 1 do the work in turn, 2 leads both, 3 is a stranger, 4 is nobody in particular.
const NOBODY: usize = 4;

impl Model {
    fn open(&self) -> bool {
        !matches!(self.state, State::Completed | State::Canceled)
    }

    fn may(&self, who: usize) -> bool {
        who == self.performer || who == 2 || who == NOBODY
    }

    fn go(&mut self, state: State) {
        self.state = state;
        self.version += 1;
    }

    fn end(&mut self, state: State) {
        self.back = None;
        self.go(state);
    }

    /// What happens, or the reason of the refusal.
    fn ask(&mut self, ask: &Ask) -> Result<(), &'static str> {
        if let Ask::Later(hours) = ask {
            self.hours += hours;
            if self.back.is_some_and(|back| back <= self.hours) {
                self.back = None;
                self.go(if self.begun { State::InProgress } else { State::NotStarted });
            }
            return Ok(());
        }
        if let Ask::LeaveStage = ask {
            self.entry += 1;
            if self.of_stage && self.open() {
                self.end(State::Canceled);
            }
            return Ok(());
        }
        if let Ask::Stale = ask {
            return Err("STALE_ETAG");
        }
        if !self.open() {
            return Err("TERMINAL");
        }
        let rests = matches!(self.state, State::Waiting | State::Deferred);
        match ask {
            Ask::Start(_) if self.state == State::InProgress => Err("STATE_REFUSES_VERB"),
            Ask::Start(who) if !self.may(*who) => Err("PERMISSION_DENIED"),
            Ask::Start(_) => {
                (self.begun, self.back) = (true, None);
                self.go(State::InProgress);
                Ok(())
            }
            Ask::Defer(0) | Ask::Wait(0) => Err("INVALID_FIELDS"),
            Ask::Defer(hours) | Ask::Wait(hours) => {
                self.back = Some(self.hours + hours);
                self.go(if matches!(ask, Ask::Defer(_)) { State::Deferred } else { State::Waiting });
                Ok(())
            }
            Ask::Reopen if !rests => Err("STATE_REFUSES_VERB"),
            Ask::Reopen => {
                self.back = None;
                self.go(if self.begun { State::InProgress } else { State::NotStarted });
                Ok(())
            }
            Ask::Reassign(who) if !self.may(*who) => Err("PERMISSION_DENIED"),
            Ask::Reassign(_) => {
                self.performer = 1 - self.performer;
                self.go(self.state);
                Ok(())
            }
            Ask::Complete(_, result) if !["yes", "no"].contains(result) => Err("INVALID_FIELDS"),
            Ask::Complete(who, _) if !self.may(*who) => Err("PERMISSION_DENIED"),
            Ask::Complete(..) => {
                self.end(State::Completed);
                Ok(())
            }
            Ask::Cancel if self.of_stage => Err("GUARD"),
            Ask::Cancel => {
                self.end(State::Canceled);
                Ok(())
            }
            _ => {
                self.go(self.state);
                Ok(())
            }
        }
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Ask;

    fn init_state() -> BoxedStrategy<Self> {
        let new = |of_stage| Self {
            state: State::NotStarted,
            of_stage,
            begun: false,
            back: None,
            version: 1,
            performer: 0,
            hours: 0,
            entry: 1,
        };
        any::<bool>().prop_map(new).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Ask> {
        let who = 0..=NOBODY;
        let result = prop_oneof![4 => Just("yes"), 4 => Just("no"), 2 => Just("maybe"), 2 => Just("")];
        prop_oneof![
            6 => who.clone().prop_map(Ask::Start),
            4 => (0..30i64).prop_map(Ask::Defer),
            4 => (0..30i64).prop_map(Ask::Wait),
            4 => Just(Ask::Reopen),
            4 => who.clone().prop_map(Ask::Reassign),
            2 => (who, result).prop_map(|(who, result)| Ask::Complete(who, result)),
            1 => Just(Ask::Cancel),
            3 => Just(Ask::Rename),
            1 => Just(Ask::Stale),
            5 => (1..20i64).prop_map(Ask::Later),
            1 => Just(Ask::LeaveStage),
        ]
        .boxed()
    }

    fn apply(mut model: Self, ask: &Ask) -> Self {
        // What is refused leaves all as it is.
        let _refused = model.ask(ask);
        model
    }
}

/// The part, the people and one activity.
struct Table {
    desk: Desk,
    people: Vec<String>,
    deal: String,
    name: String,
}

impl Table {
    async fn ask(&mut self, ask: &Ask, model: &Model) -> Result<Activity, Status> {
        let (name, request_id) = (self.name.clone(), id());
        let until = |desk: &Desk, hours: i64| Some(timestamp(desk.clock.now() + TimeDelta::hours(hours)));
        match ask {
            Ask::Start(who) => {
                let ask = StartActivityRequest { name, request_id, ..Default::default() };
                Ok(self.desk.activities.start_activity(by(&self.people[*who], ask)).await?.into_inner())
            }
            Ask::Defer(hours) => {
                let until_time = until(&self.desk, *hours);
                let ask = DeferActivityRequest { name, request_id, until_time, ..Default::default() };
                Ok(self.desk.activities.defer_activity(ask).await?.into_inner())
            }
            Ask::Wait(hours) => {
                let until_time = until(&self.desk, *hours);
                let ask = WaitForActivityRequest { name, request_id, until_time, ..Default::default() };
                Ok(self.desk.activities.wait_for_activity(ask).await?.into_inner())
            }
            Ask::Reopen => self.desk.reopen(&name).await,
            Ask::Reassign(who) => {
                let heir = self.people[1 - model.performer].clone();
                self.desk.reassign_as(&self.people[*who], &name, &heir).await
            }
            Ask::Complete(who, result) => self.desk.complete_as(&self.people[*who], &name, result).await,
            Ask::Cancel => self.desk.cancel(&name).await,
            Ask::Rename => self.desk.update(Activity { name, ..task("renamed") }).await,
            Ask::Stale => {
                let ask = CancelActivityRequest { name, request_id, etag: "0".to_owned(), ..Default::default() };
                Ok(self.desk.activities.cancel_activity(ask).await?.into_inner())
            }
            Ask::Later(hours) => {
                self.desk.clock.advance(TimeDelta::hours(*hours));
                while self.desk.run_schedule().await.more {}
                Ok(self.desk.activity(&name).await)
            }
            Ask::LeaveStage => {
                self.desk.sync(entry(&self.deal, model.entry + 1, vec![])).await?;
                Ok(self.desk.activity(&name).await)
            }
        }
    }
}

both! {
    /// R-ACT-1, R-ACT-7: whatever is asked in whatever order, an activity answers as the rules say: thousands of random
    /// verbs, every pair of states that the rules know.
    async fn random_verbs_find_the_rules_kept(db: TestDb) {
        let (cases, length) = if db.kind() == Kind::Sqlite { (150, 40) } else { (60, 40) };
        let mut desk = Desk::open(&db).await;
        let boss = desk.hire("Boss", "").await.expect("hired").name;
        let mut people = Vec::new();
        for name in ["Anna", "Bert"] {
            people.push(desk.hire(name, &boss).await.expect("hired").name);
        }
        people.extend([boss, desk.hire("Stranger", "").await.expect("hired").name, String::new()]);
        let mut pairs: BTreeMap<(i32, i32), usize> = BTreeMap::new();
        let (mut asked, mut refused) = (0, 0);
        let live = async |mut model: Model, verbs: Verbs<Ask>| {
            let deal = opportunity();
            let new = Activity {
                performer: people[0].clone(),
                allowed_results: vec![result("yes"), result("no")],
                ..if model.of_stage { planned("call", true) } else { task("call") }
            };
            let made = if model.of_stage {
                desk.sync(entry(&deal, 1, vec![new])).await.expect("entered").open.remove(0)
            } else {
                desk.make(Activity { regarding: deal.clone(), ..new }).await.expect("made")
            };
            let mut table = Table { desk: desk.clone(), people: people.clone(), deal, name: made.name };
            for ask in verbs {
                let place = format!("{ask:?} on {model:?}");
                let before = model.state;
                let answer = table.ask(&ask, &model).await;
                let expected = model.ask(&ask);
                asked += 1;
                match (&answer, expected) {
                    (Ok(after), Ok(())) => {
                        assert_eq!((after.state(), after.etag.parse::<i64>().ok()), (model.state, Some(model.version)), "{place}");
                        assert_eq!(after.resume_time.is_some(), model.back.is_some(), "{place}");
                        *pairs.entry((before as i32, model.state as i32)).or_default() += 1;
                    }
                    (Err(status), Err(reason)) => {
                        refused += 1;
                        assert_eq!(refusal(status).reason, reason, "{place}");
                    }
                    (answer, expected) => panic!("{place}: expected {expected:?}, got {answer:?}"),
                }
            }
            let stands = table.desk.activity(&table.name).await;
            assert_eq!((stands.state(), stands.performer.as_str()), (model.state, people[model.performer].as_str()));
        };
        lives::<Model>(cases, length, live).await;
        // From each of the four open states to all six, but that nothing begun is NOT_STARTED again; a final one stays.
        let known = 4 * 6 - 1 + 2;
        println!("{asked} verbs in {cases} lives, {refused} refused; {} of {known} pairs of states", pairs.len());
        let seen: Vec<_> = pairs.keys().collect();
        assert_eq!(pairs.len(), known, "{seen:?}");
    }
}
