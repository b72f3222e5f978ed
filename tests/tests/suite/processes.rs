//! Processes across the services: what is planned, canceled and made anew as a deal moves; the three processes from
//! their start to their end (R-PRC, R-STG).

use std::time::Duration;

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::activities::v1::{
    Activity, CreateActivityRequest, CreateEmployeeRequest, CreateInteractionRequest, Employee, Interaction,
    ListMyTasksRequest, StartActivityRequest, activity, interaction,
};
use dealflow_proto::gateway::v1::{
    Deal, DealProgress, DevelopDealRequest, MoveToStageRequest, QualifyLeadRequest, StartDealRequest,
    StartProcessRequest, WinDealRequest,
};
use dealflow_proto::leads::v1::{Account, CreateAccountRequest, GetAccountRequest};
use dealflow_proto::opportunities::v1::{
    CancelProcessRequest, CompleteProcessRequest, Opportunity, UpdateOpportunityRequest, opportunity, process_run,
};
use dealflow_proto::orders::v1::quote;
use dealflow_testbed::{RefusalView, TestDb, both, eventually, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::deal::developed;
use dealflow_tests::values::usd;
use tonic::Code;

const SOON: Duration = Duration::from_secs(20);

async fn start(sandbox: &Sandbox, process: &str, known: Opportunity) -> DealProgress {
    let ask = StartDealRequest {
        process: process.to_owned(),
        opportunity: Some(Opportunity { title: sandbox.unique(), ..known }),
        request_id: new_id(),
        ..StartDealRequest::default()
    };
    sandbox.api.deals.clone().start_deal(sandbox.api.ask(ask)).await.expect("the deal is opened").into_inner()
}

async fn move_to(sandbox: &Sandbox, deal: &str, stage: &str) -> Result<DealProgress, RefusalView> {
    let ask = MoveToStageRequest {
        opportunity: deal.to_owned(),
        stage: stage.to_owned(),
        request_id: new_id(),
        ..MoveToStageRequest::default()
    };
    let moved = sandbox.api.deals.clone().move_to_stage(sandbox.api.ask(ask)).await;
    moved.map(tonic::Response::into_inner).map_err(|status| refusal(&status))
}

fn name(done: &DealProgress) -> String {
    done.opportunity.as_ref().expect("an opportunity").name.clone()
}

fn missing(refused: &RefusalView) -> Vec<&str> {
    refused.preconditions.iter().map(|(_, subject, _)| subject.as_str()).collect()
}

fn of_process(view: &Deal) -> Vec<&Activity> {
    let all = view.action_panel.iter().chain(&view.past_activities);
    all.filter(|activity| activity.origin() == activity::Origin::Process).collect()
}

fn run_state(view: &Deal) -> Option<process_run::State> {
    view.opportunity.as_ref()?.process_run.as_ref().map(|run| run.state())
}

both! {
    /// R-PRC-1: four ways to start. From the list or by name as typed, a new deal, answered with what is still to be
    /// filled in; on an opportunity in Proposal, its three activities and none of an earlier stage; from the lead. A second
    /// start says so and changes nothing.
    async fn a_process_is_started_in_four_ways_and_once(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let by_name = start(&sandbox, "  корпоративная   ПРОДАЖА", Opportunity::default()).await;
        assert_eq!(by_name.activities.len(), 2, "the activities of Qualification");
        let to_fill_in = by_name.guidance.clone().expect("guided").missing_fields;
        assert!(to_fill_in.contains(&"account".to_owned()), "{to_fill_in:?}");

        let there = sandbox.deal_without_process().await;
        sandbox.move_to(&there, "stages/proposal").await;
        let ask = StartProcessRequest {
            opportunity: there.clone(),
            process: "Corporate sale".to_owned(),
            request_id: new_id(),
            ..StartProcessRequest::default()
        };
        let started = sandbox.api.deals.clone().start_process(sandbox.api.ask(ask.clone())).await.expect("started");
        let keys: Vec<String> = started.into_inner().activities.into_iter().map(|it| it.planned_key).collect();
        assert_eq!(keys, ["present_proposal#1", "obtain_approval#1", "prepare_contract#1"]);
        let before = sandbox.view(&there).await;
        assert_eq!(of_process(&before).len(), 3, "none of an earlier stage");
        let twice = StartProcessRequest { request_id: new_id(), ..ask };
        let refused = sandbox.api.deals.clone().start_process(sandbox.api.ask(twice)).await.expect_err("it runs");
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("runs for this opportunity already"), "{}", refused.message());
        let after = sandbox.view(&there).await;
        assert_eq!((&after.opportunity, &after.stage_entries), (&before.opportunity, &before.stage_entries));
        assert_eq!(after.action_panel, before.action_panel, "nothing changed");

        let from_lead = sandbox.qualified_deal().await;
        assert_eq!(run_state(&sandbox.view(&from_lead).await), Some(process_run::State::Running));
        sandbox.finish().await;
    }

    /// R-STG-2, R-STG-3: Qualification → Proposal → back → Presentation: what the process asked for is canceled with
    /// STAGE_LEFT and made anew under new ids, what a person made survives, and the stays are in the history.
    async fn jumping_cancels_what_was_planned_and_makes_it_anew(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = name(&start(&sandbox, "Corporate sale", Opportunity::default()).await);
        let by_hand = Activity {
            subject: "Send a calendar".to_owned(),
            regarding: deal.clone(),
            ..Activity::default()
        };
        let ask = CreateActivityRequest { activity: Some(by_hand), request_id: new_id(), ..Default::default() };
        let by_hand = sandbox.api.activities.clone().create_activity(sandbox.api.ask(ask)).await.expect("made").into_inner();
        let first = sandbox.to_do(&deal).await;
        for (stage, count) in [("stages/proposal", 3), ("stages/qualification", 2), ("stages/presentation", 1)] {
            move_to(&sandbox, &deal, stage).await.expect("FREE");
            let view = sandbox.view(&deal).await;
            let open: Vec<&Activity> = view.action_panel.iter().filter(|it| it.name != by_hand.name).collect();
            assert_eq!(open.len(), count, "{stage}");
            assert!(view.action_panel.iter().any(|it| it.name == by_hand.name), "the manual task is untouched");
            let entry = view.opportunity.as_ref().and_then(|deal| deal.stage_entry.as_ref()).expect("current");
            assert!(open.iter().all(|it| it.stage_entry == entry.name), "they belong to the present entry");
        }
        let view = sandbox.view(&deal).await;
        let left: Vec<&Activity> = of_process(&view).into_iter().filter(|it| it.state() == activity::State::Canceled).collect();
        assert_eq!(left.len(), 2 + 3 + 2);
        assert!(left.iter().all(|it| it.cancel_reason() == activity::CancelReason::StageLeft));
        let anew = left.iter().filter(|it| it.planned_key == first[0].planned_key);
        assert_eq!(anew.count(), 2, "made twice, under two ids");
        let changes: Vec<_> = view.timeline.iter().filter(|it| it.r#type == "opportunity.stage_changed").collect();
        let ways: Vec<(&str, &str)> = changes.iter().map(|it| (it.from_state.as_str(), it.to_state.as_str())).collect();
        assert_eq!(ways, [("qualification", "proposal"), ("proposal", "qualification"), ("qualification", "presentation")]);
        assert!(changes.iter().all(|it| it.time_in_state.is_some()), "with the time spent");
        sandbox.finish().await;
    }

    /// R-STG-4, R-STG-5: all three activities of Contracting completed win the deal and complete the run; "to be redone"
    /// makes the activity again and advances nothing.
    async fn contracting_completed_wins_and_redoing_advances_nothing(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        sandbox.move_to(&deal, "stages/contracting").await;
        let sign = sandbox.to_do(&deal).await.into_iter().find(|it| it.planned_key == "sign_contract#1").expect("planned");
        let redone = sandbox.complete(&sign.name, "redo").await.expect("taken");
        assert_eq!(redone.opportunity.as_ref().map(|deal| deal.stage.as_str()), Some("stages/contracting"));
        let again: Vec<String> = sandbox.to_do(&deal).await.into_iter().map(|it| it.planned_key).collect();
        assert_eq!(again, ["send_contract#1", "clarify_status#1", "sign_contract#2"]);
        let won = sandbox.complete_stage(&deal).await;
        assert_eq!(won.opportunity.map(|deal| deal.state()), Some(opportunity::State::Won));
        let view = sandbox.view(&deal).await;
        assert_eq!(run_state(&view), Some(process_run::State::Completed));
        assert!(view.action_panel.is_empty());
        sandbox.finish().await;
    }

    /// R-PRC-1: canceling the process cancels its open activities for that reason, and leaves the deal where it is.
    async fn a_canceled_process_takes_its_activities_with_it(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = name(&start(&sandbox, "corporate-sale", Opportunity::default()).await);
        let ask = CancelProcessRequest { name: deal.clone(), request_id: new_id(), ..Default::default() };
        sandbox.api.runs.clone().cancel_process(sandbox.api.ask(ask)).await.expect("canceled");
        let view = eventually("the activities are canceled", SOON, || async {
            let view = sandbox.view(&deal).await;
            view.action_panel.is_empty().then_some(view)
        })
        .await;
        let reasons: Vec<_> = of_process(&view).iter().map(|it| it.cancel_reason()).collect();
        assert_eq!(reasons, [activity::CancelReason::ProcessCanceled; 2]);
        assert_eq!(view.opportunity.as_ref().map(|deal| deal.stage.as_str()), Some("stages/qualification"));
        sandbox.finish().await;
    }

    /// Requirements §1 (E), R-STG-2, R-ACT-1, R-ACT-5, R-ACC-1: the task is worked through with its start, the interaction,
    /// the fields of the qualification, the partner who becomes a customer, results and date of completion; its
    /// confirmation starts the preparation of the quote.
    async fn a_confirmed_qualification_starts_the_preparation_of_the_quote(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let partner = Account { display_name: format!("{} Works", sandbox.unique()), ..Account::default() };
        let ask = CreateAccountRequest { account: Some(partner), request_id: new_id(), ..Default::default() };
        let partner = sandbox.api.accounts.clone().create_account(sandbox.api.ask(ask)).await.expect("added").into_inner();
        let deal = name(&start(&sandbox, "Qualify sales opportunity", Opportunity::default()).await);

        // 1: the performer sets the start, and reviews the task.
        let review = sandbox.to_do(&deal).await.remove(0);
        let ask = StartActivityRequest { name: review.name.clone(), request_id: new_id(), ..Default::default() };
        let begun = sandbox.api.activities.clone().start_activity(sandbox.api.ask(ask)).await.expect("begun").into_inner();
        assert!(begun.state() == activity::State::InProgress && begun.start_time.is_some());
        let reviewed = sandbox.complete(&review.name, "done").await.expect("reviewed");
        assert_eq!(reviewed.opportunity.expect("told").stage, "stages/inquiry");

        // 2: what is missing is asked for in a business interaction, made from the opportunity.
        let interaction = Interaction {
            regarding: deal.clone(),
            channel: interaction::Channel::Phone.into(),
            subject: "Asked for budget and dates".to_owned(),
            notes: "They answer by Friday.".to_owned(),
            ..Interaction::default()
        };
        let ask = CreateInteractionRequest { interaction: Some(interaction), request_id: new_id(), ..Default::default() };
        sandbox.api.interactions.clone().create_interaction(sandbox.api.ask(ask)).await.expect("recorded");
        assert_eq!(sandbox.view(&deal).await.opportunity.expect("there").stage, "stages/inquiry");
        sandbox.complete_stage(&deal).await;
        let told = sandbox.view(&deal).await.timeline;
        assert!(told.iter().any(|it| it.r#type == "interaction.recorded"), "it is part of the timeline");

        // 3: the fields of the qualification; the partner becomes a customer.
        let refused = move_to(&sandbox, &deal, "stages/confirmation").await.expect_err("the fields are missing");
        assert_eq!(
            missing(&refused),
            ["account", "terms_of_sale", "revenue_expectation", "probability", "channel", "campaign", "lines"]
        );
        let known = Opportunity {
            name: deal.clone(),
            account: partner.name.clone(),
            terms_of_sale: "30 days net".to_owned(),
            revenue_expectation: usd(3000),
            probability: Some(60),
            channel: "Trade show".to_owned(),
            campaign: "Spring".to_owned(),
            lines: developed(&deal).lines,
            ..Opportunity::default()
        };
        let ask = UpdateOpportunityRequest { opportunity: Some(known), request_id: new_id(), ..Default::default() };
        sandbox.api.opportunities.clone().update_opportunity(sandbox.api.ask(ask)).await.expect("updated");
        let account = async || {
            let ask = GetAccountRequest { name: partner.name.clone() };
            sandbox.api.accounts.clone().get_account(sandbox.api.ask(ask)).await.expect("there").into_inner()
        };
        assert_eq!(account().await.customer_time, None, "a partner still");
        sandbox.complete_stage(&deal).await;
        let customer = account().await;
        assert!(customer.customer_time.is_some() && customer.customer_actor == dealflow_tests::sandbox::ACTOR);

        // 4: it is confirmed with its results and the date of completion, and the quote is prepared.
        let confirm = sandbox.to_do(&deal).await.remove(0);
        let confirmed = confirm.name.clone();
        let ask = dealflow_proto::gateway::v1::CompleteActivityRequest {
            activity: confirm.name,
            result: "done".to_owned(),
            result_text: "Budget and need are clear.".to_owned(),
            request_id: new_id(),
            ..Default::default()
        };
        let done = sandbox.api.deals.clone().complete_activity(sandbox.api.ask(ask)).await.expect("confirmed").into_inner();
        assert_eq!(done.opportunity.as_ref().map(|deal| deal.stage.as_str()), Some("stages/proposal"));
        assert_eq!(done.quote.map(|quote| quote.state()), Some(quote::State::Draft), "it is being prepared");
        let view = sandbox.view(&deal).await;
        assert_eq!((view.quotes.len(), view.quotes[0].lines.len()), (1, 2));
        let confirmed = view.past_activities.iter().find(|it| it.name == confirmed).expect("it is past");
        assert_eq!(confirmed.result_text, "Budget and need are clear.");
        assert!(confirmed.end_time.is_some(), "the date of completion");
        assert_eq!(run_state(&view), Some(process_run::State::Completed));
        assert_eq!(view.opportunity.map(|deal| deal.state()), Some(opportunity::State::Open));
        sandbox.finish().await;
    }

    /// Requirements §1 (D), states.md "Gates", R-STG-2: from the lead to an invoice that the ERP accepted, each gate
    /// refused first with what is missing; past the gateway too.
    async fn the_lifecycle_goes_from_the_lead_to_an_accepted_invoice(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let lead = sandbox.lead().await.name;
        let ask = QualifyLeadRequest {
            lead,
            process: "processes/sales-lifecycle".to_owned(),
            request_id: new_id(),
            ..QualifyLeadRequest::default()
        };
        let qualified = sandbox.api.deals.clone().qualify_lead(sandbox.api.ask(ask)).await.expect("qualified").into_inner();
        let deal = name(&qualified);
        assert_eq!(qualified.opportunity.map(|deal| deal.stage), Some("stages/develop".to_owned()), "Qualify was the lead");
        let refused = move_to(&sandbox, &deal, "stages/propose").await.expect_err("undeveloped");
        assert!(missing(&refused).contains(&"lines"), "{refused:?}");
        sandbox.develop(&deal).await;
        move_to(&sandbox, &deal, "stages/propose").await.expect("the gate is open");
        let refused = move_to(&sandbox, &deal, "stages/close").await.expect_err("no quote");
        assert_eq!(missing(&refused), ["documents.quote_active"]);
        let direct = sandbox.direct(PartName::Opportunities);
        let around = dealflow_proto::opportunities::v1::MoveToStageRequest {
            name: deal.clone(),
            stage: "stages/close".to_owned(),
            request_id: new_id(),
            ..Default::default()
        };
        let refused = direct.opportunities.clone().move_to_stage(direct.ask(around)).await.expect_err("no way round");
        assert_eq!(missing(&refusal(&refused)), ["documents.quote_active"]);
        sandbox.propose(&deal).await;
        move_to(&sandbox, &deal, "stages/close").await.expect("the gate is open");
        let complete = CompleteProcessRequest { name: deal.clone(), request_id: new_id(), ..Default::default() };
        let early = sandbox.api.runs.clone().complete_process(sandbox.api.ask(complete)).await.expect_err("not won");
        assert_eq!(missing(&refusal(&early)), ["state"]);
        let accepted = sandbox.accept(&deal).await;
        let won = accepted.opportunity.expect("the deal is won by it");
        assert_eq!((won.state(), won.stage.as_str()), (opportunity::State::Won, "stages/fulfill"));
        assert!(accepted.order.is_some(), "Close stands for the order");
        assert_eq!(run_state(&sandbox.view(&deal).await), Some(process_run::State::Running));
        let complete = CompleteProcessRequest { name: deal.clone(), request_id: new_id(), ..Default::default() };
        let early = sandbox.api.runs.clone().complete_process(sandbox.api.ask(complete)).await.expect_err("no invoice");
        assert_eq!(missing(&refusal(&early)), ["documents.invoice_accepted"]);
        sandbox.fulfill(&deal).await;
        eventually("the ERP accepts the invoice, and the process is completed", SOON, || async {
            let view = sandbox.view(&deal).await;
            (run_state(&view) == Some(process_run::State::Completed)).then_some(())
        })
        .await;
        sandbox.finish().await;
    }

    /// R-STG-2, R-QUO-4: a deal that jumps over stages by winning is asked for all of their gates at once; once there is
    /// a presented quote, winning takes it, whatever stage the deal is in.
    async fn winning_a_gated_deal_asks_for_every_gate_on_the_way(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = name(&start(&sandbox, "Sales lifecycle", Opportunity::default()).await);
        let win = || WinDealRequest { opportunity: deal.clone(), request_id: new_id(), ..WinDealRequest::default() };
        let refused = sandbox.api.deals.clone().win_deal(sandbox.api.ask(win())).await.expect_err("nothing is known");
        let all = refusal(&refused);
        let all = missing(&all);
        assert!(all.contains(&"bant.need") && all.contains(&"lines"), "{all:?}");
        assert!(all.contains(&"documents.quote_active") && all.contains(&"documents.quote_accepted"), "{all:?}");
        assert_eq!(sandbox.view(&deal).await.opportunity.map(|deal| deal.state()), Some(opportunity::State::Open));
        let known = developed(&deal);
        let customer = sandbox.view(&sandbox.qualified_deal().await).await.account.expect("an account").name;
        let known = Opportunity {
            name: deal.clone(),
            account: customer,
            bant: sandbox.lead().await.bant,
            lines: known.lines,
            estimated_close_date: known.estimated_close_date,
            ..Opportunity::default()
        };
        let ask = UpdateOpportunityRequest { opportunity: Some(known), request_id: new_id(), ..Default::default() };
        sandbox.api.opportunities.clone().update_opportunity(sandbox.api.ask(ask)).await.expect("updated");
        sandbox.propose(&deal).await;
        let won = sandbox.api.deals.clone().win_deal(sandbox.api.ask(win())).await.expect("won").into_inner();
        assert_eq!(won.opportunity.map(|deal| deal.stage), Some("stages/fulfill".to_owned()));
        sandbox.finish().await;
    }

    /// R-ACT-2, R-ACT-4: a deal that begins without an owner gets its activities done by him who gets it, through the gateway
    /// or directly.
    async fn activities_are_the_owners_who_comes_later(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let employee = Some(Employee { display_name: "Anna".to_owned(), ..Employee::default() });
        let ask = CreateEmployeeRequest { employee, request_id: new_id(), ..Default::default() };
        let hired = sandbox.api.employees.clone().create_employee(sandbox.api.ask(ask)).await;
        let anna = hired.expect("hired").into_inner().name;
        let tasks = async || {
            let ask = ListMyTasksRequest { performer: anna.clone(), ..Default::default() };
            let page = sandbox.api.tasks.clone().list_my_tasks(sandbox.api.ask(ask)).await.expect("listed").into_inner();
            page.activities.len()
        };
        let first = name(&start(&sandbox, "Corporate sale", Opportunity::default()).await);
        let second = name(&start(&sandbox, "Corporate sale", Opportunity::default()).await);
        assert_eq!(tasks().await, 0);
        let ask = DevelopDealRequest { opportunity: first, owner: anna.clone(), request_id: new_id(), ..Default::default() };
        let told = sandbox.api.deals.clone().develop_deal(sandbox.api.ask(ask)).await.expect("developed").into_inner();
        assert!(told.activities.iter().all(|it| it.performer == anna), "{told:?}");
        assert_eq!(tasks().await, 2);

        let opportunity = Some(Opportunity { name: second, owner: anna.clone(), ..Opportunity::default() });
        let ask = UpdateOpportunityRequest { opportunity, request_id: new_id(), ..Default::default() };
        sandbox.api.opportunities.clone().update_opportunity(sandbox.api.ask(ask)).await.expect("updated");
        eventually("her other tasks", SOON, async || tasks().await == 4).await;
        sandbox.finish().await;
    }
}
