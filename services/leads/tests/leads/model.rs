//! Random verbs against a small model of a lead: the same refusals, the same states and stages.

use std::collections::BTreeSet;

use dealflow_proto::leads::v1::distribute_leads_request::Method;
use dealflow_proto::leads::v1::lead::{Stage, State};
use dealflow_proto::leads::v1::*;
use dealflow_testbed::{TestDb, Verbs, both, lives};
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use tonic::Status;

use crate::desk::{ANNA, Desk, convinced, opportunity};

/// Leads of one run, and verbs for each.
const LEADS: usize = 60;
const VERBS: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ask {
    Convince,
    Contact,
    Qualify,
    Disqualify,
    Reactivate,
    Link,
    Satisfy,
    Move(Stage),
    Distribute,
}

/// The rules in the smallest words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Model {
    state: State,
    stage: Stage,
    convinced: bool,
    owned: bool,
    linked: bool,
    version: i64,
}

impl Model {
    /// Whether it is accepted; what changes nothing keeps the version.
    fn ask(&mut self, ask: Ask) -> bool {
        let before = self.clone();
        let open = matches!(self.state, State::New | State::Contacted);
        let accepted = match ask {
            Ask::Convince => open,
            Ask::Contact => self.state == State::New,
            Ask::Qualify | Ask::Move(Stage::AwaitingSale) => open && self.convinced,
            Ask::Disqualify => open,
            Ask::Reactivate => self.state == State::Disqualified,
            Ask::Link | Ask::Satisfy => self.state == State::Qualified,
            Ask::Move(Stage::Satisfied | Stage::Unspecified) => false,
            Ask::Move(Stage::HandoffToSales) => open && self.owned,
            Ask::Move(_) | Ask::Distribute => open,
        };
        if !accepted {
            return false;
        }
        match ask {
            Ask::Convince => self.convinced = true,
            Ask::Contact => self.state = State::Contacted,
            Ask::Qualify | Ask::Move(Stage::AwaitingSale) => {
                (self.state, self.stage) = (State::Qualified, Stage::AwaitingSale)
            }
            Ask::Disqualify => self.state = State::Disqualified,
            Ask::Reactivate => (self.state, self.stage) = (State::New, Stage::Qualification),
            Ask::Link => self.linked = true,
            Ask::Satisfy => self.stage = Stage::Satisfied,
            Ask::Move(stage) => self.stage = stage,
            Ask::Distribute => (self.owned, self.stage) = (true, Stage::HandoffToSales),
        }
        self.version += i64::from(*self != before);
        true
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Ask;

    fn init_state() -> BoxedStrategy<Self> {
        let (state, stage) = (State::New, Stage::Qualification);
        Just(Self { state, stage, convinced: false, owned: false, linked: false, version: 1 }).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Ask> {
        let stage = prop::sample::select(vec![
            Stage::Qualification,
            Stage::Distribution,
            Stage::HandoffToSales,
            Stage::AwaitingSale,
            Stage::Satisfied,
        ]);
        prop_oneof![
            1 => Just(Ask::Convince),
            2 => Just(Ask::Contact),
            1 => Just(Ask::Qualify),
            2 => Just(Ask::Disqualify),
            3 => Just(Ask::Reactivate),
            1 => Just(Ask::Link),
            1 => Just(Ask::Satisfy),
            5 => stage.prop_map(Ask::Move),
            2 => Just(Ask::Distribute),
        ]
        .boxed()
    }

    fn apply(mut model: Self, ask: &Ask) -> Self {
        model.ask(*ask);
        model
    }
}

impl Desk {
    async fn send(&mut self, name: &str, deal: &str, ask: Ask) -> Result<(), Status> {
        match ask {
            Ask::Convince => {
                let lead = Lead { name: name.to_owned(), bant: Some(convinced()), ..Default::default() };
                let ask =
                    UpdateLeadRequest { lead: Some(lead), request_id: dealflow_testbed::id(), ..Default::default() };
                self.leads.update_lead(ask).await.map(drop)
            }
            Ask::Contact => self.contact_lead(name, "").await.map(drop),
            Ask::Qualify => {
                self.qualify(QualifyLeadRequest { name: name.to_owned(), ..Default::default() }).await.map(drop)
            }
            Ask::Disqualify => self.disqualify(name).await.map(drop),
            Ask::Reactivate => self.reactivate(name).await.map(drop),
            Ask::Link => self.link(name, deal).await.map(drop),
            Ask::Satisfy => self.satisfy(name).await.map(drop),
            Ask::Move(stage) => self.move_to(name, stage).await.map(drop),
            Ask::Distribute => self.distribute(&[name], Method::ByHand, &[ANNA]).await.map(drop),
        }
    }
}

both! {
    /// R-LED-3, R-LED-5: whatever is asked of a lead in whatever order goes as the rules say.
    async fn any_sequence_of_verbs_goes_as_the_rules_say(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let (mut cases, mut pairs, mut accepted) = (0, BTreeSet::new(), BTreeSet::new());
        let live = async |mut model: Model, verbs: Verbs<Ask>| {
            // No company and no person: nobody can be known already.
            let name = desk.capture(Lead { title: "Valves".to_owned(), ..Default::default() }).await.name;
            let deal = opportunity();
            for ask in verbs {
                let from = (model.state as i32, model.stage as i32, ask);
                let answer = desk.send(&name, &deal, ask).await;
                let expected = model.ask(ask);
                assert_eq!(answer.is_ok(), expected, "{ask:?}: {answer:?}, {model:?}");
                cases += 1;
                pairs.insert(from);
                if expected {
                    accepted.insert(from);
                }
                let now = desk.lead(&name).await;
                assert_eq!((now.state(), now.stage()), (model.state, model.stage), "{ask:?}");
                assert_eq!(now.etag, model.version.to_string(), "{ask:?}");
                assert_eq!((now.owner.is_empty(), now.opportunity.is_empty()), (!model.owned, !model.linked));
            }
        };
        lives::<Model>(LEADS, VERBS, live).await;
        // States with their stages: three each for NEW, CONTACTED and DISQUALIFIED, two for QUALIFIED; thirteen asks.
        println!("{cases} verbs, {} of 143 pairs of state, stage and verb, {} of them accepted", pairs.len(), accepted.len());
        assert!(pairs.len() > 80, "{pairs:?}");
    }
}
