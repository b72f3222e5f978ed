//! A deal from lead to the ERP's books, by each of its ways.

use std::time::Duration;

use dealflow::api::new_id;
use dealflow_proto::activities::v1::{Activity, CreateActivityRequest, activity};
use dealflow_proto::gateway::v1::stage_bar_item::Mark;
use dealflow_proto::gateway::v1::{Deal, FulfillDealRequest, LoseDealRequest, WatchDealRequest};
use dealflow_proto::leads::v1::{GetAccountRequest, lead};
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::opportunities::v1::{opportunity, process_run, stage_entry};
use dealflow_proto::orders::v1::{Contract, CreateContractRequest, LineQuantity, invoice, order, quote};
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::values::{decimal, usd};
use tonic::Code;

both! {
    /// R-LED-1, R-LED-3, R-LED-4, R-ACC-1, R-OPP-1, R-OPP-2, R-OPP-5, R-STG-3, R-STG-4, R-QUO-1, R-ORD-1, R-INV-1, R-ERP-1
    async fn a_deal_whose_every_activity_is_completed_is_won_fulfilled_and_in_the_erps_books(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_won_by_activities().await;
        let fulfilled = sandbox.fulfill(&deal).await;
        assert_eq!(fulfilled.handoffs.len(), 1, "the invoice is handed over");
        sandbox.rest().await;
        let view = sandbox.view(&deal).await;
        let stages: Vec<&str> = view.stage_entries.iter().map(|entry| entry.stage.as_str()).collect();
        let way = ["qualification", "presentation", "proposal", "contracting", "closed-won"];
        assert_eq!(stages.len(), way.len(), "{stages:?}");
        assert_eq!(stages[..4], way.map(|stage| format!("stages/{stage}"))[..4]);
        let causes: Vec<_> = view.stage_entries.iter().map(|entry| entry.cause()).collect();
        assert_eq!(causes[0], stage_entry::Cause::Opened);
        assert_eq!(causes[1..4], [stage_entry::Cause::AdvanceAuto; 3]);
        assert_eq!(view.past_activities.len(), 9, "two, one, three and three");
        assert!(view.past_activities.iter().all(|activity| activity.state() == activity::State::Completed));
        let won = view.opportunity.clone().expect("the view has the opportunity");
        assert_eq!(won.state(), opportunity::State::Won);
        assert_eq!(won.actual_value, usd(3330), "the lines' sum without VAT");
        assert_eq!(won.process_run.as_ref().map(|run| run.state()), Some(process_run::State::Completed));
        assert_eq!(view.lead.as_ref().map(|lead| (lead.state(), lead.stage())), Some((lead::State::Qualified, lead::Stage::Satisfied)));
        assert!(view.account.as_ref().is_some_and(|account| account.customer_time.is_some()), "R-ACC-1: it is a customer");
        assert_eq!(view.quotes.iter().map(|quote| quote.state()).collect::<Vec<_>>(), [quote::State::Closed]);
        assert_eq!(view.orders.iter().map(|order| order.state()).collect::<Vec<_>>(), [order::State::Fulfilled]);
        assert_eq!(view.orders[0].totals.as_ref().and_then(|totals| totals.total_with_vat.clone()), usd(3996));
        assert_eq!(view.invoices.iter().map(|invoice| invoice.state()).collect::<Vec<_>>(), [invoice::State::Posted]);
        assert_eq!(view.handoffs.len(), 2, "order and invoice");
        assert!(view.handoffs.iter().all(|handoff| !handoff.erp_number.is_empty()));
        sandbox.finish().await;
    }

    /// R-STG-2, R-STG-3
    async fn a_jump_cancels_the_stage_and_a_visit_makes_it_anew_while_manual_tasks_live_on(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        let by_hand = Activity { subject: "Send flowers".to_owned(), regarding: deal.clone(), ..Activity::default() };
        let ask = CreateActivityRequest { activity: Some(by_hand), request_id: new_id(), ..Default::default() };
        let by_hand = sandbox.api.activities.clone().create_activity(sandbox.api.ask(ask)).await.expect("it is made");
        let first: Vec<Activity> = sandbox.to_do(&deal).await;
        sandbox.complete(&first[0].name, "done").await.expect("one of two is completed");
        sandbox.move_to(&deal, "stages/contracting").await;
        let jumped = sandbox.view(&deal).await;
        let left = state_of(&jumped, &first[1].name);
        assert_eq!(left.state(), activity::State::Canceled);
        assert_eq!(left.cancel_reason(), activity::CancelReason::StageLeft);
        assert_eq!(state_of(&jumped, &first[0].name).state(), activity::State::Completed, "what is done stays done");
        sandbox.move_to(&deal, "stages/qualification").await;
        let again = sandbox.to_do(&deal).await;
        assert_eq!(subjects(&again), subjects(&first), "the stage's activities are made anew");
        assert!(again.iter().all(|new| first.iter().all(|old| old.name != new.name)), "under new ids");
        let back = sandbox.view(&deal).await;
        let manual = state_of(&back, &by_hand.into_inner().name);
        assert_eq!(manual.state(), activity::State::NotStarted, "a manual task outlives every stage");
        let bar: Vec<_> = back.stage_bar.iter().map(|stage| (stage.stage.as_str(), stage.mark(), stage.entry_count)).collect();
        assert!(bar.contains(&("stages/qualification", Mark::Current, 2)), "{bar:?}");
        assert!(bar.contains(&("stages/contracting", Mark::Visited, 1)), "{bar:?}");
        assert!(bar.contains(&("stages/presentation", Mark::Unspecified, 0)), "{bar:?}");
        sandbox.finish().await;
    }

    /// R-OPP-2, R-OPP-3
    async fn a_deal_is_lost_from_any_stage_with_its_reason_and_changes_no_more(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        sandbox.propose(&deal).await;
        let ask = LoseDealRequest {
            opportunity: deal.clone(),
            reason: LoseReason::OutSold.into(),
            comment: "cheaper elsewhere".to_owned(),
            competitor: "Rival".to_owned(),
            request_id: new_id(),
            ..LoseDealRequest::default()
        };
        sandbox.api.deals.clone().lose_deal(sandbox.api.ask(ask)).await.expect("any open deal can be lost");
        let view = sandbox.view(&deal).await;
        let lost = view.opportunity.expect("the view has the opportunity");
        assert_eq!((lost.state(), lost.lose_reason()), (opportunity::State::Lost, LoseReason::OutSold));
        assert_eq!(lost.lose_comment, "cheaper elsewhere");
        assert!(view.action_panel.is_empty(), "no activity of the process stays open");
        let reasons: Vec<_> = view.past_activities.iter().map(|activity| activity.cancel_reason()).collect();
        assert_eq!(reasons, [activity::CancelReason::OpportunityClosed; 2]);
        assert_eq!(view.quotes[0].close_reason(), quote::CloseReason::Lost);
        let ask = dealflow_tests::deal::developed(&deal);
        let refused = sandbox.api.deals.clone().develop_deal(sandbox.api.ask(ask)).await.expect_err("it is closed");
        assert_eq!((refused.code(), refusal(&refused).reason.as_str()), (Code::FailedPrecondition, "TERMINAL"));
        sandbox.finish().await;
    }

    /// R-QUO-4
    async fn accepting_a_quote_wins_a_deal_that_no_process_leads(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        let quote = sandbox.propose(&deal).await;
        let accepted = sandbox.accept(&deal).await;
        assert_eq!(accepted.opportunity.map(|deal| deal.state()), Some(opportunity::State::Won));
        let order = accepted.order.expect("the acceptance makes the order");
        assert_eq!((order.state(), &order.quote), (order::State::Submitted, &quote.name));
        assert_eq!(order.totals, quote.totals, "with the quote's totals");
        sandbox.finish().await;
    }

    /// R-QUO-4, R-OPP-5, R-CON-1
    async fn accepting_a_quote_leaves_a_deal_open_whose_process_has_the_contract_before_it(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        sandbox.complete_until(&deal, "stages/proposal").await;
        let quote = sandbox.propose(&deal).await;
        sandbox.complete_until(&deal, "stages/contracting").await;
        sandbox.accept(&deal).await;
        let view = sandbox.view(&deal).await;
        assert_eq!(view.opportunity.map(|deal| deal.state()), Some(opportunity::State::Open));
        let contract = Contract { opportunity: deal.clone(), quote: quote.name.clone(), ..Contract::default() };
        let ask = CreateContractRequest { contract: Some(contract), request_id: new_id(), ..Default::default() };
        sandbox.contracts().create_contract(sandbox.api.ask(ask)).await.expect("the contract is drafted");
        let won = sandbox.complete_stage(&deal).await;
        assert_eq!(won.opportunity.map(|deal| deal.state()), Some(opportunity::State::Won));
        let view = sandbox.view(&deal).await;
        let orders: Vec<_> = view.orders.iter().map(|order| (order.state(), order.quote.clone())).collect();
        assert_eq!(orders, [(order::State::Submitted, quote.name)], "the win makes no second order");
        assert_eq!(view.contracts.len(), 1);
        sandbox.finish().await;
    }

    /// R-ORD-1, R-INV-1
    async fn a_deal_is_fulfilled_in_parts_and_never_beyond_what_was_ordered(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        sandbox.propose(&deal).await;
        let order = sandbox.accept(&deal).await.order.expect("the acceptance makes the order");
        let part = LineQuantity { line_id: order.lines[0].line_id.clone(), quantity: decimal("1") };
        let ask = FulfillDealRequest {
            opportunity: deal.clone(),
            lines: vec![part.clone()],
            request_id: new_id(),
            ..FulfillDealRequest::default()
        };
        let fulfilled = sandbox.api.deals.clone().fulfill_deal(sandbox.api.ask(ask.clone())).await.expect("one of three");
        let fulfilled = fulfilled.into_inner();
        assert_eq!(fulfilled.order.as_ref().map(|order| order.state()), Some(order::State::InFulfillment));
        let first = fulfilled.invoice.expect("a part is billed").totals.and_then(|totals| totals.total_without_vat);
        assert_eq!(first, usd(1000));
        sandbox.fulfill(&deal).await;
        let too_much = FulfillDealRequest { request_id: new_id(), ..ask };
        let refused = sandbox.api.deals.clone().fulfill_deal(sandbox.api.ask(too_much)).await;
        let refused = refused.expect_err("everything is delivered and billed");
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
        let view = sandbox.view(&deal).await;
        assert_eq!(view.invoices.len(), 2);
        assert_eq!(view.orders[0].state(), order::State::Fulfilled);
        sandbox.finish().await;
    }

    /// R-API-3, R-PRC-4
    async fn one_view_holds_the_whole_deal_and_a_stream_tells_of_its_changes(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, other) = (sandbox.qualified_deal().await, sandbox.qualified_deal().await);
        let mut asked = tonic::Request::new(WatchDealRequest { opportunity: deal.clone() });
        asked.set_timeout(Duration::from_secs(60));
        let mut changes = sandbox.api.deals.clone().watch_deal(asked).await.expect("the stream opens").into_inner();
        sandbox.develop(&other).await;
        sandbox.develop(&deal).await;
        sandbox.propose(&deal).await;
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| last != "quote.presented") {
            let change = tokio::time::timeout(Duration::from_secs(20), changes.message()).await;
            let change = change.unwrap_or_else(|_| panic!("the stream tells of the quote; it told {seen:?}"));
            let event = change.expect("the stream goes on").and_then(|change| change.event).expect("a change is an event");
            assert_ne!(event.thread, other, "only this deal is told of");
            seen.push(event.r#type);
        }
        drop(changes);
        let view = sandbox.view(&deal).await;
        assert!(view.lead.is_some() && view.account.is_some() && view.contact.is_some());
        assert_eq!(view.action_panel.len(), 2);
        let with_effects = view.action_panel.iter().flat_map(|activity| &activity.allowed_results);
        assert!(with_effects.filter(|result| !result.effect.is_empty()).count() >= 2, "the panel says what results do");
        assert_eq!(view.quotes.len(), 1);
        let told: Vec<&str> = view.timeline.iter().map(|event| event.r#type.as_str()).collect();
        for event in ["lead.created", "lead.qualified", "opportunity.created", "activity.created", "quote.presented"] {
            assert!(told.contains(&event), "{event} is in {told:?}");
        }
        let guidance = view.guidance.expect("a view says what may come next");
        // R-PRC-4: in the words of the API that answers.
        let allowed = [
            "DevelopDeal", "MoveToStage", "CompleteActivity", "WinDeal", "LoseDeal", "HoldOpportunity", "CancelProcess",
            "ProposeQuote", "AcceptQuote",
        ];
        assert_eq!(guidance.allowed_verbs, allowed);
        let next: Vec<(&str, &str)> =
            guidance.next_actions.iter().map(|next| (next.verb.as_str(), next.resource.as_str())).collect();
        assert!(next[..2].iter().all(|(verb, on)| *verb == "CompleteActivity" && on.starts_with("activities/")), "{next:?}");
        assert_eq!(next[2], ("AcceptQuote", view.quotes[0].name.as_str()));
        assert!(next[3..].iter().all(|(verb, on)| *verb == "MoveToStage" && *on == deal), "{next:?}");
        assert!(!guidance.missing_fields.is_empty(), "{guidance:?}");
        sandbox.finish().await;
    }

    /// R-LED-4, R-ACC-1
    async fn a_second_lead_of_the_same_company_asks_first_and_joins_the_customer(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let first = sandbox.lead().await;
        let account = sandbox.qualify(&first.name).await.lead.expect("the verb tells of the lead").account;
        let twin = dealflow_proto::leads::v1::Lead { given_name: "Bea".to_owned(), ..first.clone() };
        let ask = dealflow_proto::leads::v1::CreateLeadRequest { lead: Some(twin), request_id: new_id(), ..Default::default() };
        let twin = sandbox.api.leads.clone().create_lead(sandbox.api.ask(ask)).await.expect("it is captured").into_inner();
        let mut ask = dealflow_proto::gateway::v1::QualifyLeadRequest {
            lead: twin.name,
            request_id: new_id(),
            ..Default::default()
        };
        let refused = sandbox.api.deals.clone().qualify_lead(sandbox.api.ask(ask.clone())).await.expect_err("it is known");
        let refused = refusal(&refused);
        assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "DUPLICATES"));
        assert!(refused.preconditions.iter().any(|(_, subject, _)| *subject == account), "{:?}", refused.preconditions);
        (ask.account, ask.create_contact, ask.request_id) = (account.clone(), true, new_id());
        let joined = sandbox.api.deals.clone().qualify_lead(sandbox.api.ask(ask)).await.expect("it is decided").into_inner();
        assert_eq!(joined.opportunity.map(|deal| deal.account), Some(account.clone()));
        let ask = GetAccountRequest { name: account };
        let account = sandbox.api.accounts.clone().get_account(sandbox.api.ask(ask)).await.expect("it is there");
        assert!(account.into_inner().customer_time.is_some());
        sandbox.finish().await;
    }
}

fn state_of(view: &Deal, activity: &str) -> Activity {
    let mut all = view.action_panel.iter().chain(&view.past_activities);
    all.find(|it| it.name == activity).cloned().expect("the view has every activity of the deal")
}

fn subjects(activities: &[Activity]) -> Vec<&str> {
    activities.iter().map(|activity| activity.subject.as_str()).collect()
}
