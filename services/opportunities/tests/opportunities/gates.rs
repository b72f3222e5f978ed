//! What a process asks for before it lets a sale go on: GATED and STRICT, fields and documents (R-STG-2).

use dealflow_proto::opportunities::v1::deal_document::State::{InvoiceAccepted, QuoteAccepted, QuoteActive, Void};
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::{Opportunity, WinOpportunityRequest, process_run};
use dealflow_proto::types::v1::{Bant, BudgetStatus, Line, Need};
use dealflow_testbed::{TestDb, both, id};
use tonic::Code;

use crate::desk::{Desk, day, decimal, missing, number, open_keys, titled, usd};

const LIFECYCLE: &str = "processes/sales-lifecycle";
const QUALIFY: &str = "processes/qualify-sales-opportunity";

fn line() -> Line {
    Line { description: "Pump".to_owned(), quantity: decimal("2"), unit_price: usd(10_000), ..Line::default() }
}

fn bant() -> Option<Bant> {
    let (need, budget_status) = (Need::MustHave.into(), BudgetStatus::CanBuy.into());
    Some(Bant { need, budget_status, ..Bant::default() })
}

/// What Develop asks for.
fn developed(name: &str) -> Opportunity {
    Opportunity {
        name: name.to_owned(),
        lines: vec![line()],
        estimated_close_date: day(2099, 1, 1),
        ..Opportunity::default()
    }
}

fn account() -> String {
    format!("accounts/{}", id())
}

fn run_state(of: &Opportunity) -> Option<process_run::State> {
    of.process_run.as_ref().map(|run| run.state())
}

both! {
    /// R-STG-2, R-PRC-4, states.md "Gates": each gate is refused first with all that is missing, by the move and by the
    /// guidance; then it opens. The run is completed when the ERP has accepted the invoice.
    async fn the_lifecycle_opens_gate_after_gate_to_an_accepted_invoice(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.create(titled("Pumps"), LIFECYCLE).await.expect("opened");
        let name = opened.name.clone();
        assert_eq!(opened.stage, "stages/qualify");
        let bar = "bant.budget_status|bant.purchase_process|bant.decision_maker";
        let shut = desk.move_to(&name, "stages/develop").await.expect_err("nothing is known");
        assert_eq!((shut.code, missing(&shut)), (Code::FailedPrecondition, vec!["bant.need", bar]));
        // There is no stage that it could go to: to say where it is helps less than what it takes.
        let stuck = desk.move_to(&name, "stages/qualify").await.expect_err("it is there");
        assert_eq!(missing(&stuck), ["bant.need", bar]);
        assert_eq!(opened.guidance.expect("guided").missing_fields, ["bant.need", bar]);
        let need = Bant { need: Need::MustHave.into(), ..Bant::default() };
        let known = Opportunity { name: name.clone(), bant: Some(need), ..Opportunity::default() };
        desk.update(known, &[]).await.expect("updated");
        let shut = desk.move_to(&name, "stages/develop").await.expect_err("no purchasing power");
        assert_eq!(missing(&shut), [bar]);
        desk.update(Opportunity { name: name.clone(), bant: bant(), ..Opportunity::default() }, &[]).await.expect("updated");
        desk.move_to(&name, "stages/develop").await.expect("the gate is open");

        let fields = ["lines", "estimated_value", "estimated_close_date"];
        let shut = desk.move_to(&name, "stages/propose").await.expect_err("undeveloped");
        assert_eq!(missing(&shut), fields);
        let skipping = desk.move_to(&name, "stages/close").await.expect_err("two gates");
        assert_eq!(missing(&skipping), [&fields[..], &["documents.quote_active"]].concat());
        desk.update(developed(&name), &[]).await.expect("updated");
        desk.move_to(&name, "stages/propose").await.expect("the gate is open");

        // To stay is no way forward either; what helps is what the gate waits for.
        let stuck = desk.move_to(&name, "stages/propose").await.expect_err("it is there");
        assert!(stuck.message.contains("it can move to stages/"), "{}", stuck.message);
        let shut = desk.move_to(&name, "stages/close").await.expect_err("no quote");
        assert_eq!(missing(&shut), ["documents.quote_active"]);
        assert!(shut.message.contains("documents.quote_active"), "{}", shut.message);
        let quote = format!("quotes/{}", id());
        let told = desk.document(&name, &quote, QuoteActive, 4).await.expect("told");
        assert!(told.guidance.expect("guided").missing_fields.is_empty());
        desk.move_to(&name, "stages/close").await.expect("the gate is open");

        let shut = desk.win(&name).await.expect_err("nobody accepted");
        assert_eq!(missing(&shut), ["documents.quote_accepted"]);
        let assume = WinOpportunityRequest {
            name: name.clone(),
            validate_only: true,
            assume_accepted_quote: true,
            ..WinOpportunityRequest::default()
        };
        desk.win_as(assume.clone()).await.expect("it would be won");
        let cheat = desk.win_as(WinOpportunityRequest { validate_only: false, ..assume }).await.expect_err("no way round");
        assert_eq!((cheat.code, cheat.field_names()), (Code::InvalidArgument, vec!["assume_accepted_quote"]));
        desk.document(&name, &quote, QuoteAccepted, 6).await.expect("told");
        let won = desk.win(&name).await.expect("the gate is open");
        assert_eq!((won.state(), won.stage.as_str()), (State::Won, "stages/fulfill"));
        assert_eq!(run_state(&won), Some(process_run::State::Running), "the invoice is to come");
        assert_eq!(won.guidance.expect("guided").missing_fields, ["documents.invoice_accepted"]);

        let shut = desk.complete_process(&name).await.expect_err("no invoice");
        assert_eq!(missing(&shut), ["documents.invoice_accepted"]);
        let invoice = format!("invoices/{}", id());
        let done = desk.document(&name, &invoice, InvoiceAccepted, 1).await.expect("told");
        assert_eq!(run_state(&done), Some(process_run::State::Completed));
        let last = desk.events(&name).await.pop().expect("events");
        assert_eq!((last.r#type.as_str(), last.to_state.as_str()), ("opportunity.process_completed", "COMPLETED"));
        let over = desk.complete_process(&name).await.expect_err("it is over");
        assert_eq!(over.reason, "TERMINAL");
    }

    /// R-STG-2: a gate is judged by what is stored; a document counts in its latest state, told in whatever order.
    async fn a_document_counts_in_its_latest_state(db: TestDb) {
        let desk = Desk::open(&db).await;
        let known = Opportunity { bant: bant(), ..developed("") };
        let opened = desk.create(Opportunity { title: "Pumps".to_owned(), ..known }, LIFECYCLE).await.expect("opened");
        let name = opened.name.clone();
        let quote = format!("quotes/{}", id());
        desk.document(&name, &quote, QuoteActive, 4).await.expect("told");
        desk.document(&name, &quote, Void, 7).await.expect("told");
        desk.document(&name, &quote, QuoteActive, 6).await.expect("told late, and nothing changes");
        desk.document(&name, &quote, QuoteActive, 7).await.expect("nor by the same version");
        let shut = desk.move_to(&name, "stages/close").await.expect_err("the quote was closed");
        assert_eq!(missing(&shut), ["documents.quote_active"]);
        let other = format!("quotes/{}", id());
        desk.document(&name, &other, QuoteAccepted, 2).await.expect("told");
        desk.move_to(&name, "stages/close").await.expect("an accepted one was active");
        desk.move_to(&name, "stages/qualify").await.expect("going back asks for nothing");
        let before = desk.get(&name).await;
        let unsaid = desk.document(&name, &other, dealflow_proto::opportunities::v1::deal_document::State::Unspecified, 9);
        assert_eq!(unsaid.await.expect_err("no state").code, Code::InvalidArgument);
        assert_eq!(desk.get(&name).await, before);
        let lost = desk.lose(&name, LoseReason::Price).await.expect("no gate applies to losing");
        assert_eq!(run_state(&lost), Some(process_run::State::Completed));
    }

    /// R-LED-3, R-PRC-1: a sale that came from a lead begins behind the lead's stage, if its gate is open.
    async fn an_opportunity_of_a_lead_begins_behind_the_stage_of_the_lead(db: TestDb) {
        let desk = Desk::open(&db).await;
        let of_lead = |bant| Opportunity { lead: format!("leads/{}", id()), bant, ..titled("Pumps") };
        let qualified = desk.create(of_lead(bant()), LIFECYCLE).await.expect("opened");
        assert_eq!((qualified.stage.as_str(), number(&qualified)), ("stages/develop", 1));
        let unknown = desk.create(of_lead(None), LIFECYCLE).await.expect("opened");
        assert_eq!(unknown.stage, "stages/qualify");
    }

    /// R-STG-2, requirements §1 (E): the qualification goes step by step, each with its required fields, and hands the
    /// opportunity over to the preparation of its quote; there the next process can begin.
    async fn the_qualification_is_worked_through_to_the_preparation_of_the_quote(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.create(titled("Pumps"), QUALIFY).await.expect("opened");
        let name = opened.name.clone();
        assert_eq!((opened.stage.as_str(), open_keys(&opened)), ("stages/review", vec!["review_task#1".to_owned()]));
        for (stage, next) in [("stages/assessment", "stages/inquiry"), ("stages/proposal", "stages/inquiry")] {
            let refused = desk.move_to(&name, stage).await.expect_err("STRICT");
            assert_eq!((refused.code, refused.metadata["allowed"].as_str()), (Code::FailedPrecondition, next));
        }
        let refused = desk.win(&name).await.expect_err("STRICT is not won from its first step");
        assert_eq!((refused.code, refused.metadata["allowed"].as_str()), (Code::FailedPrecondition, "stages/inquiry"));
        let allowed = opened.guidance.clone().expect("guided").allowed_verbs;
        assert!(!allowed.contains(&"WinOpportunity".to_owned()), "{allowed:?}");
        let inquiry = desk.record(&opened, "review_task#1", "done").await.expect("reviewed");
        let waiting = desk.record(&inquiry, "request_information#1", "no_answer").await.expect("it waits");
        assert_eq!((waiting.stage.as_str(), open_keys(&waiting).as_slice()), ("stages/inquiry", &["request_information#2".to_owned()][..]));
        let assessment = desk.record(&inquiry, "request_information#2", "done").await.expect("received");
        assert_eq!(assessment.stage, "stages/assessment");
        let back = desk.move_to(&name, "stages/inquiry").await.expect_err("STRICT goes on, never back");
        assert_eq!(back.metadata["allowed"], "stages/confirmation");

        let held = desk.record(&assessment, "qualify#1", "done").await.expect("the result stands");
        assert_eq!(held.stage, "stages/assessment", "the fields are missing");
        let fields = ["account", "terms_of_sale", "revenue_expectation", "probability", "channel", "campaign", "lines"];
        assert_eq!(held.guidance.as_ref().expect("guided").missing_fields, fields);
        let shut = desk.move_to(&name, "stages/confirmation").await.expect_err("the fields are missing");
        assert_eq!(missing(&shut), fields);
        let known = Opportunity {
            name: name.clone(),
            account: account(),
            terms_of_sale: "30 days net".to_owned(),
            revenue_expectation: usd(500_000),
            probability: Some(60),
            channel: "Trade show".to_owned(),
            campaign: "Spring".to_owned(),
            lines: vec![line()],
            ..Opportunity::default()
        };
        desk.update(known, &[]).await.expect("updated");
        let confirmation = desk.move_to(&name, "stages/confirmation").await.expect("the gate is open");
        let silent = desk.record(&confirmation, "confirm#1", "done").await.expect_err("no results");
        assert_eq!((silent.code, silent.field_names()), (Code::InvalidArgument, vec!["comment"]));
        let handed = desk.record_saying(&confirmation, "confirm#1", "done", "Budget and need are clear.").await;
        let handed = handed.expect("confirmed");
        assert_eq!((handed.state(), handed.stage.as_str()), (State::Open, "stages/proposal"));
        assert_eq!(run_state(&handed), Some(process_run::State::Completed));
        assert!(handed.stage_entry.as_ref().is_some_and(|entry| entry.prepares_quote), "the quote is prepared");
        let next = desk.start(&name, "Corporate sale").await.expect("the sale goes on");
        assert_eq!(open_keys(&next), ["present_proposal#1", "obtain_approval#1", "prepare_contract#1"]);
    }

    /// R-STG-2, requirements §1 (E): or it is closed as lost, with reason and comment.
    async fn a_qualification_is_lost_with_reason_and_comment(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.create(titled("Pumps"), QUALIFY).await.expect("opened");
        let silent = desk.record(&opened, "review_task#1", "lost").await.expect_err("no comment");
        assert_eq!((silent.code, silent.field_names()), (Code::InvalidArgument, vec!["comment"]));
        let lost = desk.record_saying(&opened, "review_task#1", "lost", "Out of our region.").await.expect("lost");
        assert_eq!((lost.state(), lost.lose_reason()), (State::Lost, LoseReason::Other));
        assert_eq!(lost.lose_comment, "Out of our region.");
    }

    /// R-STG-2: FREE asks for nothing, whatever its stages want to know.
    async fn control_free_asks_for_nothing(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        assert!(!opened.guidance.clone().expect("guided").missing_fields.is_empty());
        desk.move_to(&opened.name, "stages/contracting").await.expect("FREE");
        desk.win(&opened.name).await.expect("FREE");
    }
}
