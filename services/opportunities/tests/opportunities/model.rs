//! Random verbs against a small model of the rules: the same refusals, the same states.

use dealflow_proto::opportunities::v1::Opportunity;
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_testbed::{TestDb, Verbs, both, lives};
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use crate::desk::{Desk, OPEN_STAGES, number, open_keys};

/// How many lives are tried.
const SEQUENCES: usize = 150;

/// What can be asked at random.
#[derive(Debug, Clone)]
enum Ask {
    Start,
    Cancel,
    Move(usize),
    /// The nth open activity, with one of `done`, `redo`, `no_answer`, `refused`.
    Record(usize, &'static str),
    Late,
    Win,
    Lose,
    Rename,
}

/// The rules in the smallest words: where it is, how many entries there were, what is open.
#[derive(Debug, Clone)]
struct Model {
    closed: bool,
    /// Whether the process leads it.
    led: bool,
    stage: usize,
    number: i32,
    open: Vec<String>,
    planned: Vec<String>,
    version: i64,
}

const TEMPLATES: [&[&str]; 4] = [
    &["contact_client", "prepare_presentation"],
    &["presentation"],
    &["present_proposal", "obtain_approval", "prepare_contract"],
    &["send_contract", "clarify_status", "sign_contract"],
];

/// What a result makes: another activity, a loss, or nothing; none where the activity does not have it.
fn outcome(template: &str, result: &str) -> Option<Result<Option<&'static str>, ()>> {
    Some(match (template, result) {
        (_, "done") => Ok(None),
        ("contact_client", "no_answer") => Ok(Some("contact_client")),
        ("obtain_approval", "no_answer") => Ok(Some("obtain_approval")),
        ("clarify_status", "no_answer") => Ok(Some("clarify_status")),
        ("presentation", "redo") => Ok(Some("presentation")),
        ("present_proposal" | "obtain_approval", "redo") => Ok(Some("present_proposal")),
        ("prepare_contract", "redo") => Ok(Some("prepare_contract")),
        ("clarify_status", "redo") => Ok(Some("send_contract")),
        ("sign_contract", "redo") => Ok(Some("sign_contract")),
        ("contact_client" | "presentation" | "present_proposal" | "obtain_approval" | "sign_contract", "refused") => {
            Err(())
        }
        _ => return None,
    })
}

impl Model {
    fn new() -> Self {
        let mut new = Self { closed: false, led: true, stage: 0, number: 0, open: vec![], planned: vec![], version: 1 };
        new.enter(0);
        new
    }

    /// Where it is, for the pairs of state and verb that were tried.
    fn state(&self) -> usize {
        if self.closed { 8 } else { self.stage + if self.led { 0 } else { 4 } }
    }

    fn enter(&mut self, stage: usize) {
        self.stage = stage;
        self.number += 1;
        self.planned.clear();
        self.open.clear();
        if !self.led {
            return;
        }
        TEMPLATES[stage].iter().for_each(|template| self.plan(template));
    }

    fn plan(&mut self, template: &str) {
        self.planned.push(template.to_owned());
        let count = self.planned.iter().filter(|planned| *planned == template).count();
        self.open.push(format!("{template}#{count}"));
    }

    fn close(&mut self) {
        self.closed = true;
        self.number += 1;
        self.open.clear();
    }

    /// Whether it is accepted, and what comes of it.
    fn ask(&mut self, ask: &Ask) -> bool {
        if matches!(ask, Ask::Late) {
            return true;
        }
        if self.closed {
            return false;
        }
        match ask {
            Ask::Start if self.led => return false,
            Ask::Cancel | Ask::Record(..) if !self.led => return false,
            Ask::Start => {
                self.led = true;
                // What the entry was asked for before stays known: made again it counts up.
                TEMPLATES[self.stage].iter().for_each(|template| self.plan(template));
            }
            Ask::Cancel => {
                self.led = false;
                self.enter(self.stage);
            }
            Ask::Move(stage) if *stage == self.stage => return false,
            Ask::Move(stage) => self.enter(*stage),
            Ask::Record(at, result) => {
                let key = self.open[at % self.open.len()].clone();
                let Some(made) = outcome(key.split('#').next().unwrap_or_default(), result) else { return false };
                self.open.retain(|open| *open != key);
                match made {
                    Err(()) => self.close(),
                    Ok(Some(template)) => self.plan(template),
                    Ok(None) if self.open.is_empty() && self.stage == 3 => self.close(),
                    Ok(None) if self.open.is_empty() => self.enter(self.stage + 1),
                    Ok(None) => {}
                }
            }
            Ask::Win | Ask::Lose => self.close(),
            Ask::Rename | Ask::Late => {}
        }
        self.version += 1;
        true
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Ask;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::new()).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Ask> {
        // Where most is refused everything is as likely; else what leads further is.
        let usual = |weight: u32| if model.closed || !model.led { 1 } else { weight };
        let result = prop::sample::select(vec!["done", "done", "done", "done", "redo", "no_answer", "refused"]);
        prop_oneof![
            1 => Just(Ask::Start),
            2 => Just(Ask::Cancel),
            usual(3) => (0..4_usize).prop_map(Ask::Move),
            usual(12) => (0..6_usize, result).prop_map(|(at, result)| Ask::Record(at, result)),
            1 => Just(Ask::Late),
            1 => Just(Ask::Rename),
            1 => prop_oneof![Just(Ask::Win), Just(Ask::Lose)],
        ]
        .boxed()
    }

    fn apply(mut model: Self, ask: &Ask) -> Self {
        model.ask(ask);
        model
    }
}

async fn send(desk: &Desk, sale: &Opportunity, opened: &Opportunity, ask: &Ask) -> Option<crate::desk::Answer> {
    Some(match ask {
        Ask::Start => desk.start(&sale.name, crate::desk::CORPORATE_SALE).await,
        Ask::Cancel => desk.cancel_process(&sale.name).await,
        Ask::Move(stage) => desk.move_to(&sale.name, OPEN_STAGES[*stage]).await,
        Ask::Record(at, result) => {
            let open = open_keys(sale);
            // A closed sale has no open activity: any key will be refused.
            let key = if open.is_empty() { "contact_client#1".to_owned() } else { open[at % open.len()].clone() };
            desk.record(sale, &key, result).await
        }
        Ask::Late if number(sale) == 1 => return None,
        Ask::Late => desk.record(opened, "contact_client#1", "done").await,
        Ask::Win => desk.win(&sale.name).await,
        Ask::Lose => desk.lose(&sale.name, LoseReason::NoDecision).await,
        Ask::Rename => desk.update(Opportunity { name: sale.name.clone(), ..crate::desk::titled("Valves") }, &[]).await,
    })
}

impl Ask {
    const KINDS: usize = 8;

    fn kind(&self) -> usize {
        match self {
            Self::Start => 0,
            Self::Cancel => 1,
            Self::Move(_) => 2,
            Self::Record(..) => 3,
            Self::Late => 4,
            Self::Win => 5,
            Self::Lose => 6,
            Self::Rename => 7,
        }
    }
}

both! {
    /// R-PRC-1, R-OPP-2, R-OPP-3, R-STG-2 to R-STG-5: whatever is asked in whatever order.
    async fn any_sequence_of_verbs_goes_as_the_rules_say(db: TestDb) {
        let desk = Desk::open(&db).await;
        let (mut verbs, mut tried) = (0, std::collections::BTreeSet::new());
        let live = async |mut model: Model, asks: Verbs<Ask>| {
            let opened = desk.led().await;
            let mut sale = opened.clone();
            for ask in asks {
                let Some(answer) = send(&desk, &sale, &opened, &ask).await else { continue };
                verbs += 1;
                tried.insert((model.state(), ask.kind()));
                assert_eq!(answer.is_ok(), model.ask(&ask), "{ask:?}: {answer:?}");
                let now = desk.get(&sale.name).await;
                if let Ok(answer) = answer {
                    assert_eq!(answer, now, "{ask:?}");
                }
                sale = now;
                assert_eq!(sale.state() != State::Open, model.closed, "{ask:?}");
                assert_eq!(number(&sale), model.number, "{ask:?}");
                assert_eq!(open_keys(&sale), model.open, "{ask:?}");
                assert_eq!(sale.etag, model.version.to_string(), "{ask:?}");
                if !model.closed {
                    assert_eq!(sale.stage, OPEN_STAGES[model.stage], "{ask:?}");
                }
            }
            let entries = desk.entries(&sale.name).await;
            assert_eq!(entries.len(), number(&sale) as usize);
            assert_eq!(entries.iter().filter(|entry| entry.leave_time.is_none()).count(), 1, "one is current");
        };
        lives::<Model>(SEQUENCES, 1..25, live).await;
        let pairs = 9 * Ask::KINDS;
        println!("{SEQUENCES} cases, {verbs} verbs, {} of {pairs} pairs of state and verb", tried.len());
        assert!(tried.len() * 10 >= pairs * 8, "only {} of {pairs} pairs were tried", tried.len());
    }
}
