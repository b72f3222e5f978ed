//! Random verbs under the gates of the sales lifecycle, against the smallest model of them: what is known, what is there,
//! where the sale is (R-STG-2).

use std::collections::BTreeSet;

use dealflow_proto::opportunities::v1::deal_document::State::{InvoiceAccepted, QuoteAccepted, QuoteActive, Void};
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::{Opportunity, process_run};
use dealflow_proto::types::v1::{Bant, BudgetStatus, Line, Need};
use dealflow_testbed::{TestDb, Verbs, both, id, lives};
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use crate::desk::{Answer, Desk, day, decimal, missing, titled, usd};

/// How many lives are tried.
const SEQUENCES: usize = 100;
const STAGES: [&str; 4] = ["stages/qualify", "stages/develop", "stages/propose", "stages/close"];
/// Behind all stages: won.
const WON: usize = 4;

#[derive(Debug, Clone, Copy)]
enum Ask {
    /// Need, budget, lines, day: said, or taken back.
    Know(usize, bool),
    Quote(Quote),
    Invoice,
    Move(usize),
    Win,
    Lose,
    Complete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Quote {
    Void,
    Active,
    Accepted,
}

#[derive(Debug, Clone)]
struct Model {
    known: [bool; 4],
    quote: Quote,
    invoice: bool,
    stage: usize,
    state: State,
    running: bool,
}

impl Model {
    /// What is missing at the gates from where it is to there: fields first, then documents.
    fn missing(&self, to: usize) -> Vec<&'static str> {
        let [need, budget, lines, day] = self.known;
        let gates: [&[(bool, &'static str)]; WON] = [
            &[(need, "bant.need"), (budget, "bant.budget_status|bant.purchase_process|bant.decision_maker")],
            &[(lines, "lines"), (lines, "estimated_value"), (day, "estimated_close_date")],
            &[(self.quote >= Quote::Active, "documents.quote_active")],
            &[(self.quote >= Quote::Accepted, "documents.quote_accepted")],
        ];
        let behind = gates[self.stage.min(to)..to].iter().flat_map(|gate| gate.iter());
        behind.filter(|(there, _)| !there).map(|(_, what)| *what).collect()
    }

    /// Whether it is accepted; else what is missing, where a gate refuses.
    fn ask(&mut self, ask: Ask) -> Result<(), Vec<&'static str>> {
        match ask {
            Ask::Quote(quote) => self.quote = quote,
            Ask::Invoice => self.invoice = true,
            // As soon as it could be completed it is.
            Ask::Complete => return Err(Vec::new()),
            _ if self.state != State::Open => return Err(Vec::new()),
            Ask::Know(fact, known) => self.known[fact] = known,
            Ask::Move(to) if to == self.stage => return Err(Vec::new()),
            Ask::Move(to) => {
                self.pass(to)?;
                self.stage = to;
            }
            Ask::Win => {
                self.pass(WON)?;
                self.state = State::Won;
            }
            Ask::Lose => {
                self.state = State::Lost;
                self.running = false;
            }
        }
        self.running &= self.state != State::Won || !self.invoice;
        Ok(())
    }

    fn pass(&self, to: usize) -> Result<(), Vec<&'static str>> {
        let missing = self.missing(to);
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }

    /// Where it is, for the pairs of state and verb that were tried.
    fn place(&self) -> usize {
        match (self.state, self.running) {
            (State::Won, true) => 4,
            (State::Won, false) => 5,
            (State::Lost, _) => 6,
            _ => self.stage,
        }
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Ask;

    fn init_state() -> BoxedStrategy<Self> {
        let (quote, state) = (Quote::Void, State::Open);
        Just(Self { known: [false; 4], quote, invoice: false, stage: 0, state, running: true }).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Ask> {
        let quote = prop_oneof![1 => Just(Quote::Void), 2 => Just(Quote::Active), 6 => Just(Quote::Accepted)];
        prop_oneof![
            9 => (0..4_usize, prop::bool::weighted(0.93)).prop_map(|(fact, known)| Ask::Know(fact, known)),
            3 => quote.prop_map(Ask::Quote),
            1 => Just(Ask::Invoice),
            6 => (0..4_usize).prop_map(Ask::Move),
            3 => Just(Ask::Win),
            1 => prop_oneof![5 => Just(Ask::Complete), 1 => Just(Ask::Lose)],
        ]
        .boxed()
    }

    fn apply(mut model: Self, ask: &Ask) -> Self {
        // What is refused leaves all as it is.
        let _refused = model.ask(*ask);
        model
    }
}

/// What is known, as an update of the whole of it.
fn facts(name: &str, known: [bool; 4]) -> Opportunity {
    let [need, budget, lines, date] = known;
    let said = |known: bool, value: i32| if known { value } else { 0 };
    Opportunity {
        name: name.to_owned(),
        bant: Some(Bant {
            need: said(need, Need::MustHave.into()),
            budget_status: said(budget, BudgetStatus::CanBuy.into()),
            ..Bant::default()
        }),
        lines: lines.then(line).into_iter().collect(),
        estimated_close_date: date.then(|| day(2099, 1, 1)).flatten(),
        ..Opportunity::default()
    }
}

fn line() -> Line {
    Line { description: "Pump".to_owned(), quantity: decimal("1"), unit_price: usd(100), ..Line::default() }
}

async fn send(desk: &Desk, name: &str, quote: &str, version: &mut i64, model: &Model, ask: Ask) -> Answer {
    match ask {
        Ask::Know(fact, is_known) => {
            let mut known = model.known;
            known[fact] = is_known;
            desk.update(facts(name, known), &["bant", "lines", "estimated_close_date", "estimated_value"]).await
        }
        Ask::Quote(state) => {
            *version += 1;
            let state = match state {
                Quote::Void => Void,
                Quote::Active => QuoteActive,
                Quote::Accepted => QuoteAccepted,
            };
            desk.document(name, quote, state, *version).await
        }
        Ask::Invoice => desk.document(name, &format!("invoices/{}", id()), InvoiceAccepted, 1).await,
        Ask::Move(to) => desk.move_to(name, STAGES[to]).await,
        Ask::Win => desk.win(name).await,
        Ask::Lose => desk.lose(name, LoseReason::Price).await,
        Ask::Complete => desk.complete_process(name).await,
    }
}

fn kind(ask: Ask) -> usize {
    match ask {
        Ask::Know(..) => 0,
        Ask::Quote(_) => 1,
        Ask::Invoice => 2,
        Ask::Move(_) => 3,
        Ask::Win => 4,
        Ask::Lose => 5,
        Ask::Complete => 6,
    }
}

both! {
    /// R-STG-2, R-PRC-4: whatever becomes known or there in whatever order, every gate refuses with exactly what is
    /// missing, and opens when it is not.
    async fn gates_open_when_and_only_when_nothing_is_missing(db: TestDb) {
        let desk = Desk::open(&db).await;
        let (mut verbs, mut refusals, mut tried) = (0, 0, BTreeSet::new());
        let live = async |mut model: Model, asks: Verbs<Ask>| {
            let sale = desk.create(titled("Pumps"), "processes/sales-lifecycle").await.expect("opened");
            let quote = format!("quotes/{}", id());
            let mut version = 0;
            for ask in asks {
                let answer = send(&desk, &sale.name, &quote, &mut version, &model, ask).await;
                verbs += 1;
                tried.insert((model.place(), kind(ask)));
                let told = model.ask(ask);
                assert_eq!(answer.is_ok(), told.is_ok(), "{ask:?}: {answer:?}");
                if let (Err(refused), Err(gate)) = (&answer, &told)
                    && !gate.is_empty()
                {
                    refusals += 1;
                    assert_eq!(missing(refused), *gate, "{ask:?}");
                }
                let now = desk.get(&sale.name).await;
                assert_eq!(now.state(), model.state, "{ask:?}");
                let running = now.process_run.as_ref().is_some_and(|run| run.state() == process_run::State::Running);
                assert_eq!(running, model.running, "{ask:?}");
                if model.state == State::Open {
                    assert_eq!(now.stage, STAGES[model.stage], "{ask:?}");
                    let next = model.missing(model.stage + 1);
                    assert_eq!(now.guidance.expect("guided").missing_fields, next, "{ask:?}");
                }
            }
        };
        lives::<Model>(SEQUENCES, 10..50, live).await;
        let pairs = 7 * 7;
        let tried = tried.len();
        println!("{SEQUENCES} cases, {verbs} verbs, {refusals} refused by a gate, {tried} of {pairs} pairs of state and verb");
        assert!(tried * 10 >= pairs * 6, "only {tried} of {pairs} pairs were tried");
    }
}
