//! A deal in one call (R-API-3).

use dealflow_proto::activities::v1::{self as activities, Activity, activity};
use dealflow_proto::feed::v1::{Event, ListEventsRequest, ListEventsResponse};
use dealflow_proto::gateway::v1::{GetDealRequest, stage_bar_item::Mark};
use dealflow_proto::opportunities::v1::{
    self as opportunities, Caption, Opportunity, ProcessStage, StageEntry, StageStay,
};
use dealflow_proto::{leads, orders};
use dealflow_testbed::{TestDb, both};
use prost_types::Timestamp;

use crate::house::{House, LEAD, OPPORTUNITY, neighbour, opened};
use crate::neighbour::Neighbour;

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn stage(name: &str) -> ProcessStage {
    let caption = Caption { language_code: "en".to_owned(), text: name.to_uppercase() };
    ProcessStage { stage: format!("stages/{name}"), captions: vec![caption], ..ProcessStage::default() }
}

fn entry(name: &str, entered: i64, left: Option<i64>) -> StageEntry {
    let leave_time = left.and_then(at);
    StageEntry { stage: format!("stages/{name}"), enter_time: at(entered), leave_time, ..StageEntry::default() }
}

fn stay(name: &str, entry_count: i32, seconds: i64) -> StageStay {
    let total_time = Some(prost_types::Duration { seconds, nanos: 0 });
    StageStay { stage: format!("stages/{name}"), entry_count, total_time }
}

/// A deal that went forward and back again: presentation, then qualification once more.
fn deal() -> Neighbour {
    let it = neighbour();
    it.read("GetOpportunity", |_: opportunities::GetOpportunityRequest| {
        Ok(opened(Opportunity { lead: LEAD.to_owned(), ..Opportunity::default() }))
    });
    it.read("GetProcess", |_: opportunities::GetProcessRequest| {
        let stages = ["qualification", "presentation", "proposal"].map(stage).to_vec();
        Ok(opportunities::Process { stages, ..Default::default() })
    });
    it.read("ListStages", |_: opportunities::ListStagesRequest| Ok(opportunities::ListStagesResponse::default()));
    it.read("ListStageEntries", |_: opportunities::ListStageEntriesRequest| {
        let stage_entries = vec![
            entry("qualification", 100, Some(160)),
            entry("presentation", 160, Some(200)),
            entry("qualification", 200, None),
        ];
        // The latest first, as it is asked for.
        let stage_entries = stage_entries.into_iter().rev().collect();
        let stays = vec![stay("qualification", 2, 60), stay("presentation", 1, 40)];
        Ok(opportunities::ListStageEntriesResponse { stage_entries, stays, ..Default::default() })
    });
    it.read("ListActivities", |ask: activities::ListActivitiesRequest| {
        let state = if ask.filter.contains("NOT") { activity::State::NotStarted } else { activity::State::Completed };
        let activities = vec![Activity { state: state.into(), ..Activity::default() }];
        Ok(activities::ListActivitiesResponse { activities, ..Default::default() })
    });
    it.read("ListQuotes", |_: orders::v1::ListQuotesRequest| Ok(orders::v1::ListQuotesResponse::default()));
    it.read("ListContracts", |_: orders::v1::ListContractsRequest| Ok(orders::v1::ListContractsResponse::default()));
    it.read("ListOrders", |_: orders::v1::ListOrdersRequest| Ok(orders::v1::ListOrdersResponse::default()));
    it.read("ListInvoices", |_: orders::v1::ListInvoicesRequest| Ok(orders::v1::ListInvoicesResponse::default()));
    it.read("GetLead", |ask: leads::v1::GetLeadRequest| Ok(leads::v1::Lead { name: ask.name, ..Default::default() }));
    it.read("ListEvents", |ask: ListEventsRequest| {
        let seconds = if ask.thread == LEAD { 10 } else { 20 };
        let event = Event { thread: ask.thread, time: at(seconds), ..Event::default() };
        Ok(ListEventsResponse { events: vec![event], ..ListEventsResponse::default() })
    });
    it
}

both! {
    /// R-API-3, R-STG-3
    async fn a_deal_shows_its_way_its_activities_and_what_happened_oldest_first(db: TestDb) {
        let house = House::open(&db, &deal()).await;
        let ask = GetDealRequest { opportunity: OPPORTUNITY.to_owned(), ..GetDealRequest::default() };
        let deal = house.deals.clone().get_deal(ask).await.expect("it is read").into_inner();
        let bar: Vec<_> = deal.stage_bar.iter().map(|it| (it.caption.as_str(), it.mark(), it.entry_count, it.seconds)).collect();
        assert_eq!(bar, [
            ("QUALIFICATION", Mark::Current, 2, 60),
            ("PRESENTATION", Mark::Visited, 1, 40),
            ("PROPOSAL", Mark::Unspecified, 0, 0),
        ]);
        assert_eq!((deal.action_panel.len(), deal.past_activities.len()), (1, 1));
        let entered: Vec<_> = deal.stage_entries.iter().map(|entry| entry.enter_time.map(|time| time.seconds)).collect();
        assert_eq!(entered, [Some(100), Some(160), Some(200)], "first to last");
        assert!(!deal.more_stage_entries && !deal.more_past_activities && !deal.more_timeline);
        assert_eq!(deal.lead.map(|lead| lead.name), Some(LEAD.to_owned()));
        let threads: Vec<_> = deal.timeline.iter().map(|event| event.thread.as_str()).collect();
        assert_eq!(threads, [LEAD, LEAD, OPPORTUNITY, OPPORTUNITY, OPPORTUNITY], "two feeds of the lead, three of the deal");
    }
}
