//! Asking twice, asking at once, asking without doing, asking with an old version (R-API-1).

use chrono::TimeDelta;
use dealflow_proto::convert::timestamp;
use dealflow_proto::opportunities::v1::{
    CreateOpportunityRequest, ListOpportunitiesRequest, MoveToStageRequest, Opportunity, WinOpportunityRequest,
};
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::Code;

use crate::desk::{CORPORATE_SALE, Desk, answer, titled};

async fn count(desk: &Desk) -> usize {
    let ask = ListOpportunitiesRequest::default();
    let listed = desk.opportunities.clone().list_opportunities(ask).await.expect("listed");
    listed.into_inner().opportunities.len()
}

fn creating(title: &str) -> CreateOpportunityRequest {
    CreateOpportunityRequest {
        opportunity: Some(titled(title)),
        process: CORPORATE_SALE.to_owned(),
        request_id: id(),
        ..CreateOpportunityRequest::default()
    }
}

both! {
    /// R-API-1: the same id and content gives the same answer, the same id with other content is refused.
    async fn a_request_is_done_once(db: TestDb) {
        let desk = Desk::open(&db).await;
        let ask = creating("Pumps");
        let first = desk.create_as(ask.clone()).await.expect("opened");
        assert_eq!(desk.create_as(ask.clone()).await.expect("the same answer"), first);
        let other = CreateOpportunityRequest { opportunity: Some(titled("Valves")), ..ask };
        let refused = desk.create_as(other).await.expect_err("other content");
        assert_eq!((refused.code, refused.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
        assert_eq!(count(&desk).await, 1);
    }

    /// R-API-1: sixty-four copies of one request at once have one effect.
    async fn concurrent_copies_have_one_effect(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let ask = MoveToStageRequest {
            name: opened.name.clone(),
            stage: "stages/proposal".to_owned(),
            request_id: id(),
            ..MoveToStageRequest::default()
        };
        let mut copies = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let (mut client, ask) = (desk.opportunities.clone(), ask.clone());
            copies.spawn(async move { answer(client.move_to_stage(ask).await) });
        }
        let answers = copies.join_all().await;
        let first = answers[0].as_ref().expect("moved").clone();
        assert!(answers.iter().all(|answer| answer.as_ref() == Ok(&first)));
        assert_eq!(desk.entries(&opened.name).await.len(), 2);
        assert_eq!(desk.get(&opened.name).await, first);
    }

    /// R-API-1: a stale write is refused with ABORTED and the current version.
    async fn a_stale_version_is_refused(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        desk.move_to(&opened.name, "stages/proposal").await.expect("moved");
        let ask = WinOpportunityRequest { name: opened.name, etag: opened.etag, ..WinOpportunityRequest::default() };
        let refused = desk.win_as(ask).await.expect_err("it moved meanwhile");
        assert_eq!((refused.code, refused.metadata["etag"].as_str()), (Code::Aborted, "2"));
    }

    /// states.md: every verb can be asked with validate_only; it answers and changes nothing.
    async fn validating_changes_nothing(db: TestDb) {
        let desk = Desk::open(&db).await;
        let ask = CreateOpportunityRequest { validate_only: true, ..creating("Pumps") };
        let answered = desk.create_as(ask).await.expect("it would be opened");
        assert_eq!(answered.stage, "stages/qualification");
        assert_eq!(count(&desk).await, 0);
        let opened = desk.led().await;
        let ask = WinOpportunityRequest { name: opened.name.clone(), validate_only: true, ..Default::default() };
        desk.win_as(ask).await.expect("it would be won");
        assert_eq!(desk.get(&opened.name).await, opened);
        assert_eq!(desk.events(&opened.name).await.len(), 2);
    }

    /// What happened earlier can be said afterwards, but history runs one way.
    async fn the_effective_time_is_not_before_the_last_change(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let start = desk.time.now();
        desk.time.advance(TimeDelta::days(9));
        let at = |time| MoveToStageRequest {
            name: opened.name.clone(),
            stage: "stages/proposal".to_owned(),
            request_id: id(),
            effective_time: Some(timestamp(time)),
            ..MoveToStageRequest::default()
        };
        let early = desk.opportunities.clone().move_to_stage(at(start - TimeDelta::days(1))).await.expect_err("too early");
        assert_eq!(refusal(&early).field_names(), ["effective_time"]);
        let moved = desk.opportunities.clone().move_to_stage(at(start + TimeDelta::days(2))).await.expect("moved").into_inner();
        assert_eq!(moved.update_time, Some(timestamp(start + TimeDelta::days(2))));
        let won = WinOpportunityRequest {
            name: opened.name.clone(),
            effective_time: Some(timestamp(start + TimeDelta::days(5))),
            ..WinOpportunityRequest::default()
        };
        let won: Opportunity = desk.win_as(won).await.expect("won");
        assert_eq!(won.cycle_days, 5, "closed on the day it happened");
    }
}
