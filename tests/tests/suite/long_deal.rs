//! R-STG-2, R-API-3: a deal may move any number of times, and is shown all the same: the latest of it, and the rest by pages.

use dealflow::api::{all_pages, new_id};
use dealflow::suite::PartName;
use dealflow_proto::activities::v1::activity;
use dealflow_proto::feed::v1::Event;
use dealflow_proto::gateway::v1::{Deal, GetDealRequest, LoseDealRequest, stage_bar_item::Mark};
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::opportunities::v1::{
    CreateOpportunityRequest, ListStageEntriesRequest, MoveToStageRequest, Opportunity, StageEntry,
};
use dealflow_proto::orders::v1::quote::CloseReason;
use dealflow_proto::orders::v1::{CreateQuoteRequest, GetQuoteRequest, ListQuotesRequest, Quote};
use dealflow_proto::types::v1::{Line, Vat, VatCategory};
use dealflow_testbed::{TestDb, both};
use dealflow_tests::Sandbox;
use dealflow_tests::values::{decimal, usd};
use prost::Message;
use prost_types::Timestamp;

/// Moves of one deal: more than a view shows.
const MOVES: usize = 320;
/// What a client takes in one message.
const MOST_BYTES: usize = 4 * 1024 * 1024;

async fn view(sandbox: &Sandbox, opportunity: &str, timeline_before_time: Option<Timestamp>) -> Deal {
    let ask = GetDealRequest { opportunity: opportunity.to_owned(), timeline_before_time };
    let view = sandbox.api.deals.clone().get_deal(sandbox.api.ask(ask)).await;
    view.expect("however long it is").into_inner()
}

/// All that happened to a deal, by views of it.
async fn happened(sandbox: &Sandbox, deal: &str) -> Vec<Event> {
    let (mut happened, mut first, mut more): (Vec<Event>, _, _) = (Vec::new(), None, true);
    while more {
        let part = view(sandbox, deal, first).await;
        assert!(part.encoded_len() < MOST_BYTES && !part.timeline.is_empty());
        (first, more) = (part.timeline[0].time, part.more_timeline);
        happened.splice(0..0, part.timeline);
    }
    happened
}

async fn entries(sandbox: &Sandbox, deal: &str, order_by: &str) -> Vec<StageEntry> {
    let api = &sandbox.api;
    let all = all_pages(async |page_token| {
        let (opportunity, order_by) = (deal.to_owned(), order_by.to_owned());
        let ask = ListStageEntriesRequest { opportunity, page_size: 100, page_token, order_by, ..Default::default() };
        let page = api.opportunities.clone().list_stage_entries(api.ask(ask)).await?.into_inner();
        assert!(page.stage_entries.len() <= 100);
        Ok((page.stage_entries, page.next_page_token))
    });
    all.await.expect("listed")
}

both! {
    /// R-STG-2, R-STG-3, R-API-3: with records so large that all of it would fit in no message.
    async fn a_deal_that_moved_hundreds_of_times_is_shown_and_its_whole_way_is_read_by_pages(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let long = Opportunity { title: sandbox.unique(), notes: "n".repeat(15_000), ..Opportunity::default() };
        let ask = CreateOpportunityRequest { opportunity: Some(long), request_id: new_id(), ..Default::default() };
        let deal = sandbox.api.opportunities.clone().create_opportunity(sandbox.api.ask(ask)).await.expect("opened");
        let deal = deal.into_inner().name;
        let mut opportunities = sandbox.direct(PartName::Opportunities).opportunities;
        for at in 0..MOVES {
            let stage = if at % 2 == 0 { "stages/proposal" } else { "stages/qualification" }.to_owned();
            let ask = MoveToStageRequest { name: deal.clone(), stage, request_id: new_id(), ..Default::default() };
            opportunities.move_to_stage(ask).await.expect("any number of times");
        }
        sandbox.rest().await;

        let shown = view(&sandbox, &deal, None).await;
        assert!(shown.encoded_len() < MOST_BYTES, "{} bytes", shown.encoded_len());
        assert!(shown.more_stage_entries && shown.more_timeline && !shown.more_past_activities);
        let numbers: Vec<i32> = shown.stage_entries.iter().map(|entry| entry.number).collect();
        assert!(numbers.is_sorted() && numbers.last() == Some(&321) && numbers.len() == 200, "{numbers:?}");
        let bar: Vec<_> = shown.stage_bar.iter().map(|stage| (stage.mark(), stage.entry_count)).collect();
        assert!(bar.contains(&(Mark::Current, 161)) && bar.contains(&(Mark::Visited, 160)), "all of them count: {bar:?}");

        let happened = happened(&sandbox, &deal).await;
        let moves = happened.iter().filter(|event| event.r#type == "opportunity.stage_changed").count();
        assert_eq!(moves, MOVES, "none is missing and none is there twice");
        assert_eq!(happened[0].r#type, "opportunity.created");
        let times: Vec<_> = happened.iter().map(|event| event.time.map(|time| (time.seconds, time.nanos))).collect();
        assert!(times.is_sorted());

        let all = entries(&sandbox, &deal, "").await;
        assert!(all.iter().map(|entry| entry.number).eq(1..=321), "first to last, without a gap");
        let backwards = entries(&sandbox, &deal, "number desc").await;
        assert!(backwards.iter().rev().eq(all.iter()));
        sandbox.finish().await;
    }

    /// R-STG-3, R-ACT-2, R-API-3: what is to be done is shown whole, however much was canceled before.
    async fn what_is_to_be_done_is_shown_whatever_was_canceled_before(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        for at in 0..84 {
            sandbox.move_to(&deal, if at % 2 == 0 { "stages/proposal" } else { "stages/qualification" }).await;
        }
        let shown = view(&sandbox, &deal, None).await;
        assert_eq!(shown.action_panel.len(), 2, "those of the present entry");
        assert!(shown.action_panel.iter().all(|activity| activity.state() == activity::State::NotStarted));
        assert!(shown.more_past_activities, "210 were canceled");
        assert_eq!(shown.past_activities.len(), 200);
        assert!(shown.past_activities.iter().all(|activity| activity.state() == activity::State::Canceled));
        let made: Vec<_> = shown.past_activities.iter().map(|it| it.create_time.map(|time| (time.seconds, time.nanos))).collect();
        assert!(made.is_sorted());
        sandbox.finish().await;
    }

    /// R-API-3: a deal is shown though its documents would fit into no message together: the latest of them, and that there
    /// are earlier ones. Each is read by its name, and all of them by pages. R-OPP-5: and it is lost with all of them.
    async fn a_deal_of_large_documents_is_shown_and_says_what_it_leaves_out(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.deal_without_process().await;
        let api = &sandbox.api;
        let line = Line {
            description: "文".repeat(1000),
            quantity: decimal("1"),
            unit_price: usd(10),
            vat: Some(Vat { category: VatCategory::Standard.into(), rate: decimal("20") }),
            ..Line::default()
        };
        let mut made = Vec::new();
        for _ in 0..4 {
            let quote = Quote {
                opportunity: deal.clone(),
                currency_code: "USD".to_owned(),
                lines: vec![line.clone(); 450],
                ..Quote::default()
            };
            let ask = CreateQuoteRequest { quote: Some(quote), request_id: new_id(), ..Default::default() };
            let quote = api.quotes.clone().create_quote(api.ask(ask)).await.expect("it is a message").into_inner();
            assert!(quote.encoded_len() > MOST_BYTES / 4, "{} bytes", quote.encoded_len());
            made.push(quote.name);
        }
        let shown = view(&sandbox, &deal, None).await;
        assert!(shown.encoded_len() < MOST_BYTES, "{} bytes", shown.encoded_len());
        let names: Vec<&str> = shown.quotes.iter().map(|quote| quote.name.as_str()).collect();
        assert!(!names.is_empty() && names == made[made.len() - names.len()..], "the latest: {names:?} of {made:?}");
        assert!(shown.more_quotes && !shown.more_orders && !shown.more_action_panel);
        let happened = happened(&sandbox, &deal).await;
        let quotes: Vec<&Event> = happened.iter().filter(|event| made.contains(&event.subject)).collect();
        assert_eq!(quotes.len(), 4, "what happened is told in any case, page by page");
        assert!(quotes.iter().all(|event| event.data.is_none()), "without what is too large");
        let listed = all_pages(async |page_token| {
            let filter = format!("opportunity = \"{deal}\"");
            let ask = ListQuotesRequest { page_size: 1000, page_token, filter, ..Default::default() };
            let page = api.quotes.clone().list_quotes(api.ask(ask)).await?.into_inner();
            Ok((page.quotes, page.next_page_token))
        });
        let listed: Vec<String> = listed.await.expect("listed").into_iter().map(|quote| quote.name).collect();
        assert_eq!(listed, made);

        // Lost it is like any other, though what is closed with it goes into no message either.
        let reason = LoseReason::Price.into();
        let ask = LoseDealRequest { opportunity: deal, reason, request_id: new_id(), ..LoseDealRequest::default() };
        let lost = api.deals.clone().lose_deal(api.ask(ask)).await.expect("the loss ends").into_inner();
        assert!(lost.quote.is_none(), "several were closed");
        for name in made {
            let quote = api.quotes.clone().get_quote(api.ask(GetQuoteRequest { name })).await.expect("it is there");
            assert_eq!(quote.into_inner().close_reason(), CloseReason::Lost);
        }
        sandbox.finish().await;
    }
}
