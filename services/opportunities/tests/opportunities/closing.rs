//! Winning, losing, and nothing after (R-OPP-2, R-OPP-3).

use chrono::TimeDelta;
use dealflow_chassis::Lifecycle;
use dealflow_opportunities::opportunity::{State as Stored, Verb};
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::{
    LoseOpportunityRequest, Opportunity, RecordTimeRequest, WinOpportunityRequest, stage_entry::Cause,
};
use dealflow_testbed::{TestDb, both, id};
use tonic::Code;

use crate::desk::{CORPORATE_SALE, Desk, OPEN_STAGES, answer, day, titled, usd};

/// states.md: what each state accepts, every pair of them.
#[test]
fn an_open_opportunity_accepts_every_verb_and_a_closed_one_none() {
    for state in Stored::STATES {
        for verb in Stored::VERBS {
            let expected = match (state, verb) {
                (Stored::Open, Verb::WinOpportunity) => Some(Stored::Won),
                (Stored::Open, Verb::LoseOpportunity) => Some(Stored::Lost),
                (Stored::Open, _) => Some(Stored::Open),
                _ => None,
            };
            assert_eq!(state.next(*verb), expected, "{state} {verb}");
            assert_eq!(state.accept(*verb).is_ok(), expected.is_some(), "{state} {verb}");
        }
    }
}

both! {
    /// R-OPP-2: won from every open stage; what is not said follows from the record.
    async fn an_opportunity_is_won_from_any_open_stage(db: TestDb) {
        let desk = Desk::open(&db).await;
        for stage in OPEN_STAGES {
            let sale = Opportunity { estimated_value: usd(99_999), open_date: day(2026, 2, 1), ..titled("Pumps") };
            let opened = desk.create(sale, CORPORATE_SALE).await.expect("opened");
            if stage != OPEN_STAGES[0] {
                desk.move_to(&opened.name, stage).await.expect("moved");
            }
            let won = desk.win(&opened.name).await.expect("won");
            assert_eq!((won.state(), won.stage.as_str()), (State::Won, "stages/closed-won"));
            assert_eq!((won.actual_value, won.close_date), (usd(99_999), day(2026, 3, 2)));
            assert_eq!((won.cycle_days, won.spent_minutes), (29, 0));
            assert_eq!(won.stage_entry.as_ref().map(|entry| entry.cause()), Some(Cause::Final));
            assert_eq!(won.guidance.as_ref().map(|it| it.allowed_verbs.clone()), Some(vec!["CreateFollowUpOpportunity".to_owned()]));
        }
        let opened = desk.create(Opportunity { open_date: day(2026, 2, 1), ..titled("Valves") }, "").await.expect("opened");
        let said = WinOpportunityRequest {
            name: opened.name,
            actual_value: usd(5),
            close_date: day(2026, 2, 11),
            spent_minutes: Some(77),
            ..WinOpportunityRequest::default()
        };
        let won = desk.win_as(said).await.expect("won");
        assert_eq!((won.actual_value, won.close_date), (usd(5), day(2026, 2, 11)));
        assert_eq!((won.cycle_days, won.spent_minutes), (10, 77));
    }

    /// R-OPP-2: a loss has a reason, always; OTHER has a comment.
    async fn a_loss_says_why(db: TestDb) {
        let desk = Desk::open(&db).await;
        for stage in OPEN_STAGES {
            let opened = desk.led().await;
            if stage != OPEN_STAGES[0] {
                desk.move_to(&opened.name, stage).await.expect("moved");
            }
            let refused = desk.lose(&opened.name, LoseReason::Unspecified).await.expect_err("no reason");
            assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["reason"]));
            let refused = desk.lose(&opened.name, LoseReason::Other).await.expect_err("no comment");
            assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["comment"]));
            let ask = LoseOpportunityRequest {
                name: opened.name,
                reason: LoseReason::Other.into(),
                comment: "moved abroad".to_owned(),
                competitor: "Rival".to_owned(),
                ..LoseOpportunityRequest::default()
            };
            let lost = desk.lose_as(ask).await.expect("no gate applies");
            assert_eq!((lost.state(), lost.lose_reason()), (State::Lost, LoseReason::Other));
            assert_eq!((lost.lose_comment.as_str(), lost.competitor.as_str()), ("moved abroad", "Rival"));
            assert_eq!((lost.stage.as_str(), lost.actual_value), ("stages/closed-lost", None));
        }
    }

    /// R-OPP-2: the close date is neither before the first day nor after today; amounts are of one currency.
    async fn what_cannot_be_meant_is_refused(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let win = WinOpportunityRequest { name: opened.name.clone(), ..WinOpportunityRequest::default() };
        for close_date in [day(2026, 3, 1), day(2026, 3, 3), day(2026, 2, 30)] {
            let refused = desk.win_as(WinOpportunityRequest { close_date, ..win.clone() }).await.expect_err("not that day");
            assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["close_date"]));
        }
        let mut euro = usd(100);
        if let Some(money) = &mut euro {
            money.currency_code = "EUR".to_owned();
        }
        let refused = desk.win_as(WinOpportunityRequest { actual_value: euro, ..win.clone() }).await.expect_err("mixed");
        assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "CURRENCY_MISMATCH"));
        let refused = desk.win_as(WinOpportunityRequest { actual_value: usd(-1), ..win.clone() }).await.expect_err("below 0");
        assert_eq!(refused.field_names(), ["actual_value"]);
        let absurd = WinOpportunityRequest { spent_minutes: Some(i64::MAX), ..win };
        assert_eq!(desk.win_as(absurd).await.expect_err("absurd").field_names(), ["spent_minutes"]);
        assert_eq!(desk.get(&opened.name).await, opened);
    }

    /// R-OPP-3: a closed opportunity changes no more, by no verb.
    async fn a_closed_opportunity_changes_no_more(db: TestDb) {
        let desk = Desk::open(&db).await;
        for winning in [true, false] {
            let opened = desk.led().await;
            let name = opened.name.as_str();
            let closed = if winning { desk.win(name).await } else { desk.lose(name, LoseReason::Price).await };
            let closed = closed.expect("closed");
            let events = desk.events(name).await.len();
            desk.time.advance(TimeDelta::days(1));
            let renamed = Opportunity { name: name.to_owned(), ..titled("Valves") };
            for refused in [
                desk.update(renamed, &["title"]).await,
                desk.start(name, CORPORATE_SALE).await,
                desk.move_to(name, OPEN_STAGES[1]).await,
                desk.record(&closed, "contact_client#1", "done").await,
                desk.win(name).await,
                desk.lose(name, LoseReason::Canceled).await,
                desk.hold(name, "later").await,
                desk.resume(name).await,
            ] {
                let refused = refused.expect_err("it is closed");
                assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "TERMINAL"));
                assert!(refused.message.contains("final"), "{}", refused.message);
            }
            let late = desk.record(&opened, "contact_client#1", "done").await.expect("late, not wrong");
            assert_eq!(late, closed);
            assert_eq!(desk.get(name).await, closed);
            assert_eq!(desk.events(name).await.len(), events);
        }
    }

    /// R-OPP-2: the time that people spent on it counts beside that of the process's activities, and a win takes the sum
    /// where nobody says otherwise.
    async fn the_hours_of_a_win_are_the_sum_of_all_that_was_recorded(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        desk.record(&opened, "contact_client#1", "done").await.expect("taken");
        let spent_on = format!("activities/{}", id());
        let ask = RecordTimeRequest {
            name: opened.name.clone(),
            minutes: 45,
            spent_on: spent_on.clone(),
            request_id: id(),
            ..RecordTimeRequest::default()
        };
        for _ in 0..2 {
            let recorded = answer(desk.opportunities.clone().record_time(ask.clone()).await).expect("recorded");
            assert_eq!(recorded.spent_minutes, 30 + 45, "once, however often it is sent");
        }
        let nothing = RecordTimeRequest { minutes: 0, request_id: id(), ..ask };
        let before = desk.get(&opened.name).await;
        assert_eq!(answer(desk.opportunities.clone().record_time(nothing).await).expect("nothing"), before);
        let told = desk.events(&opened.name).await;
        let told = told.iter().find(|event| event.r#type == "opportunity.time_recorded").expect("told");
        assert_eq!(told.reason, spent_on);
        assert_eq!(desk.win(&opened.name).await.expect("won").spent_minutes, 75);
    }
}
