//! What holds for every request: its form, its id, its version, its time (R-API-1).

use std::collections::BTreeSet;

use chrono::TimeDelta;
use dealflow_proto::convert::timestamp;
use dealflow_proto::leads::v1::*;
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::Code;

use crate::desk::{Desk, ready};

const NOBODY: &str = "leads/0198f7a0-0000-7000-8000-000000000001";

both! {
    /// R-API-1: what is wrong with a request's form is told at once, field by field.
    async fn all_wrong_fields_are_named_at_once(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = Lead { owner: "Anna".to_owned(), title: "x".repeat(301), source: 99, ..ready() };
        let ask = CreateLeadRequest { lead: Some(lead), request_id: "once".to_owned(), ..Default::default() };
        let no = refusal(&desk.leads.create_lead(ask).await.expect_err("malformed"));
        let named: BTreeSet<&str> = no.field_names().into_iter().collect();
        assert_eq!((no.code, no.reason.as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
        assert_eq!(named, BTreeSet::from(["lead.owner", "lead.source", "lead.title", "request_id"]));
        let no = refusal(&desk.leads.qualify_lead(QualifyLeadRequest::default()).await.expect_err("empty"));
        assert_eq!(no.field_names(), ["name", "request_id"]);
        let no = refusal(&desk.add_account(Account::default()).await.expect_err("nameless"));
        assert_eq!(no.field_names(), ["account.display_name"]);
        let no = refusal(&desk.link(NOBODY, "deal 7").await.expect_err("no name of an opportunity"));
        assert_eq!(no.field_names(), ["opportunity"]);
    }

    /// Who is not there is named.
    async fn unknown_records_are_named(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let get = desk.leads.get_lead(GetLeadRequest { name: NOBODY.to_owned() }).await.map(|_| ());
        let act = desk.satisfy(NOBODY).await.map(|_| ());
        for answer in [get, act] {
            let no = refusal(&answer.expect_err("nobody"));
            assert_eq!(
                (no.code, no.reason.as_str(), no.resource.as_deref()),
                (Code::NotFound, "NOT_FOUND", Some(NOBODY))
            );
        }
    }

    /// R-API-1: a repeated request is answered as the first; the same id with other content is refused.
    async fn a_repeated_request_is_answered_as_the_first(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = desk.capture(ready()).await;
        let ask = QualifyLeadRequest { name: lead.name.clone(), request_id: id(), ..Default::default() };
        let first = desk.leads.qualify_lead(ask.clone()).await.expect("qualified").into_inner();
        let again = desk.leads.qualify_lead(ask.clone()).await.expect("answered again").into_inner();
        assert_eq!(first, again);
        let other = QualifyLeadRequest { create_account: true, ..ask };
        let no = refusal(&desk.leads.qualify_lead(other).await.expect_err("other content"));
        assert_eq!((no.code, no.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    }

    /// R-API-1: a write to a version that the caller did not see is refused with the present one.
    async fn a_stale_write_is_refused(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = desk.capture(ready()).await;
        let ask = |etag: &str| ContactLeadRequest {
            name: lead.name.clone(),
            etag: etag.to_owned(),
            request_id: id(),
            ..Default::default()
        };
        let contacted = desk.leads.contact_lead(ask("1")).await.expect("contacted").into_inner();
        assert_eq!(contacted.etag, "2");
        let no = refusal(&desk.leads.contact_lead(ask("1")).await.expect_err("stale"));
        assert_eq!((no.code, no.reason.as_str(), no.metadata["etag"].as_str()), (Code::Aborted, "STALE_ETAG", "2"));
        assert_eq!(desk.lead(&lead.name).await, contacted);
    }

    /// states.md: every verb can be asked with validate_only, and then changes nothing.
    async fn validate_only_changes_nothing(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = desk.capture(ready()).await;
        let mut ask =
            QualifyLeadRequest { name: lead.name.clone(), request_id: id(), validate_only: true, ..Default::default() };
        let would = desk.leads.qualify_lead(ask.clone()).await.expect("it would do").into_inner();
        assert_eq!(would.state(), lead::State::Qualified);
        assert_eq!(desk.lead(&lead.name).await, lead);
        assert!(desk.all_accounts().await.is_empty());
        assert_eq!(desk.thread(&lead.name).await.len(), 1, "nothing happened but the capture");
        ask.validate_only = false;
        desk.leads.qualify_lead(ask).await.expect("the id is still free");
    }

    /// A change takes effect when the caller says, but not in the future and not before the record's last change.
    async fn history_runs_one_way(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let start = desk.clock.now();
        desk.clock.advance(TimeDelta::days(10));
        let at = |days: i64| Some(timestamp(start + TimeDelta::days(days)));
        let create =
            CreateLeadRequest { lead: Some(ready()), request_id: id(), effective_time: at(2), ..Default::default() };
        let lead = desk.leads.create_lead(create).await.expect("captured").into_inner();
        assert_eq!(lead.create_time, at(2));
        let contact = |days: i64| ContactLeadRequest {
            name: lead.name.clone(),
            request_id: id(),
            effective_time: at(days),
            ..Default::default()
        };
        for days in [1, 11] {
            let no = refusal(&desk.leads.contact_lead(contact(days)).await.expect_err("out of order"));
            assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["effective_time"]));
        }
        let lead = desk.leads.contact_lead(contact(5)).await.expect("in order").into_inner();
        assert_eq!(lead.update_time, at(5));
        let told = desk.thread(&lead.name).await;
        assert_eq!(told[1].time_in_state.map(|spent| spent.seconds), Some(3 * 24 * 3600));
    }

    /// R-API-1: 64 concurrent copies of one request have one effect and one answer.
    async fn concurrent_copies_have_one_effect(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = desk.capture(ready()).await;
        let ask = QualifyLeadRequest { name: lead.name.clone(), request_id: id(), ..Default::default() };
        let copies = (0..64).map(|_| {
            let (mut desk, ask) = (desk.clone(), ask.clone());
            tokio::spawn(async move { desk.leads.qualify_lead(ask).await.map(|answer| answer.into_inner()) })
        });
        let mut answers = Vec::new();
        for copy in copies.collect::<Vec<_>>() {
            answers.push(copy.await.expect("the call ends").expect("every copy is answered"));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(answers[0], desk.lead(&lead.name).await);
        assert_eq!(desk.all_accounts().await.len(), 1);
        let told: Vec<_> = desk.thread(&lead.name).await.into_iter().map(|event| event.r#type).collect();
        assert_eq!(told.iter().filter(|kind| *kind == "lead.qualified").count(), 1);
    }
}
