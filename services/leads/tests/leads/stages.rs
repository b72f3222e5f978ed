//! Lead stages beside the status (R-LED-3).

use dealflow_proto::leads::v1::lead::{Stage, State};
use dealflow_proto::leads::v1::*;
use dealflow_testbed::{TestDb, both, refusal};
use tonic::Code;

use crate::desk::{ANNA, Desk, opportunity, ready};

both! {
    /// R-LED-3: an open lead goes forward and back among the stages before the sale; history says from where to where
    /// and for how long.
    async fn an_open_lead_goes_forward_and_back(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let name = desk.capture(Lead { owner: ANNA.to_owned(), ..ready() }).await.name;
        for stage in [Stage::Distribution, Stage::HandoffToSales, Stage::Qualification, Stage::HandoffToSales] {
            desk.clock.advance(chrono::TimeDelta::minutes(10));
            let lead = desk.move_to(&name, stage).await.expect("moved");
            assert_eq!((lead.stage(), lead.state()), (stage, State::New));
            assert_eq!(desk.move_to(&name, stage).await.expect("said again"), lead, "nothing changed");
        }
        let events = desk.thread(&name).await;
        let told: Vec<_> = events[1..].iter().map(|it| (it.r#type.as_str(), it.to_state.as_str())).collect();
        let moved = "lead.stage_changed";
        let way = ["DISTRIBUTION", "HANDOFF_TO_SALES", "QUALIFICATION", "HANDOFF_TO_SALES"];
        assert_eq!(told, way.map(|stage| (moved, stage)));
        assert!(events[1..].iter().all(|it| it.time_in_state.is_some_and(|spent| spent.seconds == 600)), "{events:?}");
    }

    /// R-LED-3: who takes a lead over must be known; a sale is neither awaited nor satisfied by word alone.
    async fn a_stage_asks_for_what_it_stands_for(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = desk.capture(Lead { bant: None, ..ready() }).await;
        for (stage, missing) in [
            (Stage::HandoffToSales, "owner"),
            (Stage::AwaitingSale, "bant.need"),
            (Stage::Satisfied, "opportunity"),
        ] {
            let no = refusal(&desk.move_to(&lead.name, stage).await.expect_err("something is missing"));
            assert_eq!((no.code, no.reason.as_str()), (Code::FailedPrecondition, "GUARD"), "{stage:?}");
            assert_eq!(no.preconditions[0].1, missing, "{stage:?}");
        }
        assert_eq!(desk.lead(&lead.name).await, lead);
    }

    /// R-LED-3, R-LED-4: moved to AWAITING_SALE a lead is qualified as by QualifyLead: account and contact are made, the
    /// event is the same; who may be known already is not decided by a move.
    async fn awaiting_a_sale_is_being_qualified(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let name = desk.capture(ready()).await.name;
        let lead = desk.move_to(&name, Stage::AwaitingSale).await.expect("qualified");
        assert_eq!((lead.state(), lead.stage()), (State::Qualified, Stage::AwaitingSale));
        assert!(!desk.account(&lead.account).await.customer_actor.is_empty());
        assert_eq!(desk.contact(&lead.contact).await.family_name, "Berg");
        let last = desk.thread(&name).await.pop().expect("an event");
        assert_eq!((last.r#type.as_str(), last.verb.as_str()), ("lead.qualified", "MoveLeadToStage"));

        let again = desk.capture(ready()).await.name;
        let no = refusal(&desk.move_to(&again, Stage::AwaitingSale).await.expect_err("it may be known"));
        assert_eq!(no.reason, "DUPLICATES");
        let no = refusal(&desk.move_to(&name, Stage::Qualification).await.expect_err("it is read-only"));
        assert_eq!(no.reason, "STATE_REFUSES_VERB");
        desk.link(&name, &opportunity()).await.expect("linked");
        assert_eq!(desk.satisfy(&name).await.expect("won").stage(), Stage::Satisfied);
    }
}
