//! The life cycle of a lead, verb by verb and as a whole.

use dealflow_proto::leads::v1::distribute_leads_request::Method;
use dealflow_proto::leads::v1::lead::{DisqualifyReason, Source, Stage, State};
use dealflow_proto::leads::v1::*;
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::{Code, Status};

use crate::desk::{ANNA, Desk, by_anna, opportunity, ready};

const VERBS: [&str; 9] = [
    "UpdateLead",
    "ContactLead",
    "QualifyLead",
    "DisqualifyLead",
    "ReactivateLead",
    "LinkOpportunity",
    "SatisfyLead",
    "MoveLeadToStage",
    "DistributeLeads",
];

/// `states.md`, Lead: what each state accepts, and where it leads.
const TABLE: [(State, &[(&str, State)]); 4] = [
    (
        State::New,
        &[
            ("UpdateLead", State::New),
            ("ContactLead", State::Contacted),
            ("QualifyLead", State::Qualified),
            ("DisqualifyLead", State::Disqualified),
            ("MoveLeadToStage", State::New),
            ("DistributeLeads", State::New),
        ],
    ),
    (
        State::Contacted,
        &[
            ("UpdateLead", State::Contacted),
            ("QualifyLead", State::Qualified),
            ("DisqualifyLead", State::Disqualified),
            ("MoveLeadToStage", State::Contacted),
            ("DistributeLeads", State::Contacted),
        ],
    ),
    (State::Qualified, &[("LinkOpportunity", State::Qualified), ("SatisfyLead", State::Qualified)]),
    (State::Disqualified, &[("ReactivateLead", State::New)]),
];

impl Desk {
    pub(crate) async fn contact_lead(&mut self, name: &str, note: &str) -> Result<Lead, Status> {
        let (name, note) = (name.to_owned(), note.to_owned());
        let ask = ContactLeadRequest { name, note, request_id: id(), ..Default::default() };
        Ok(self.leads.contact_lead(ask).await?.into_inner())
    }

    pub(crate) async fn reactivate(&mut self, name: &str) -> Result<Lead, Status> {
        let ask = ReactivateLeadRequest { name: name.to_owned(), request_id: id(), ..Default::default() };
        Ok(self.leads.reactivate_lead(ask).await?.into_inner())
    }

    async fn act(&mut self, verb: &str, name: &str) -> Result<Lead, Status> {
        match verb {
            "UpdateLead" => {
                let lead = Lead { name: name.to_owned(), title: "Four lathes".to_owned(), ..Default::default() };
                let ask = UpdateLeadRequest { lead: Some(lead), request_id: id(), ..Default::default() };
                Ok(self.leads.update_lead(ask).await?.into_inner())
            }
            "ContactLead" => self.contact_lead(name, "called back").await,
            "QualifyLead" => {
                let name = name.to_owned();
                self.qualify(QualifyLeadRequest {
                    name,
                    create_account: true,
                    create_contact: true,
                    ..Default::default()
                })
                .await
            }
            "DisqualifyLead" => self.disqualify(name).await,
            "ReactivateLead" => self.reactivate(name).await,
            "LinkOpportunity" => self.link(name, &opportunity()).await,
            "SatisfyLead" => self.satisfy(name).await,
            "MoveLeadToStage" => self.move_to(name, Stage::Distribution).await,
            "DistributeLeads" => {
                self.distribute(&[name], Method::ByHand, &[ANNA]).await?;
                Ok(self.lead(name).await)
            }
            other => panic!("{other} is no verb"),
        }
    }

    /// A new lead, brought into a state.
    async fn lead_in(&mut self, state: State) -> Lead {
        let name = self.capture(ready()).await.name;
        let way: &[&str] = match state {
            State::Contacted => &["ContactLead"],
            State::Qualified => &["QualifyLead"],
            State::Disqualified => &["DisqualifyLead"],
            _ => &[],
        };
        for verb in way {
            self.act(verb, &name).await.expect("the way into the state is open");
        }
        self.lead(&name).await
    }
}

both! {
    /// states.md, R-LED-5: every state answers every verb as the table says; a refusal changes nothing and names the
    /// state and what it accepts. R-PRC-4: the lead itself says the same.
    async fn every_state_answers_every_verb(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        for (state, accepted) in TABLE {
            let told = desk.lead_in(state).await.guidance.expect("guidance").allowed_verbs;
            let expected: Vec<&str> = accepted.iter().map(|(verb, _)| *verb).collect();
            assert_eq!(told, expected, "{state:?} says what it accepts");
            for verb in VERBS {
                let lead = desk.lead_in(state).await;
                assert_eq!(lead.state(), state);
                let answer = desk.act(verb, &lead.name).await;
                match accepted.iter().find(|(accepted, _)| *accepted == verb) {
                    Some((_, next)) => {
                        let after = answer.unwrap_or_else(|no| panic!("{state:?} accepts {verb}: {no}"));
                        assert_eq!(after.state(), *next, "{state:?} {verb}");
                        assert_eq!(after, desk.lead(&lead.name).await);
                    }
                    None => {
                        let no = refusal(&answer.expect_err(verb));
                        assert_eq!((no.code, no.reason.as_str()), (Code::FailedPrecondition, "STATE_REFUSES_VERB"));
                        let name = state.as_str_name().trim_start_matches("STATE_");
                        assert_eq!(no.metadata["state"], name);
                        assert_eq!(no.metadata["allowed"], expected.join(", "));
                        assert_eq!(desk.lead(&lead.name).await, lead, "{state:?} {verb} changed nothing");
                    }
                }
            }
        }
    }

    /// R-LED-1, R-LED-3: a captured lead keeps all that was said, in state NEW, stage QUALIFICATION.
    async fn a_captured_lead_keeps_what_was_said(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let sent = Lead {
            source: Source::TradeShow.into(),
            channel: "booth".to_owned(),
            campaign: "EMO 2026".to_owned(),
            owner: ANNA.to_owned(),
            notes: "met at the booth".to_owned(),
            external_id: "crm-7".to_owned(),
            state: State::Qualified.into(),
            opportunity: opportunity(),
            ..ready()
        };
        let lead = desk.capture(sent.clone()).await;
        assert_eq!((lead.state(), lead.stage()), (State::New, Stage::Qualification));
        assert_eq!(lead.etag, "1");
        let kept = Lead {
            name: lead.name.clone(),
            etag: lead.etag.clone(),
            create_time: lead.create_time,
            update_time: lead.update_time,
            state: State::New.into(),
            stage: Stage::Qualification.into(),
            opportunity: String::new(),
            guidance: lead.guidance.clone(),
            stage_time: lead.stage_time,
            ..sent
        };
        assert_eq!(lead, kept, "what is output only is ignored, the rest is kept");
        assert_eq!(desk.lead(&lead.name).await, lead);
    }

    /// R-LED-3: contacting adds the note to the notes; so does nothing else.
    async fn contacting_adds_the_note(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = desk.capture(Lead { notes: "met at the booth".to_owned(), ..ready() }).await;
        let lead = desk.contact_lead(&lead.name, "wants a quote").await.expect("contacted");
        assert_eq!(lead.notes, "met at the booth\nwants a quote");
        let long = desk.capture(Lead { notes: "x".repeat(19_999), ..ready() }).await;
        let no = refusal(&desk.contact_lead(&long.name, "too much").await.expect_err("the notes are full"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["note"]));
    }

    /// R-LED-5: a disqualified lead keeps reason and comment until it is reactivated.
    async fn a_disqualified_lead_says_why_and_can_come_back(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = desk.capture(ready()).await;
        let no = DisqualifyLeadRequest { name: lead.name.clone(), request_id: id(), ..Default::default() };
        let no = refusal(&desk.leads.disqualify_lead(no).await.expect_err("no reason was given"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["reason"]));

        let lead = desk.disqualify(&lead.name).await.expect("disqualified");
        assert_eq!(lead.disqualify_reason(), DisqualifyReason::Lost);
        assert_eq!(lead.disqualify_comment, "went to a competitor");
        let lead = desk.reactivate(&lead.name).await.expect("reactivated");
        assert_eq!((lead.state(), lead.stage()), (State::New, Stage::Qualification));
        assert_eq!((lead.disqualify_reason(), lead.disqualify_comment.as_str()), (DisqualifyReason::Unspecified, ""));
    }

    /// R-LED-4, R-LED-5: a lead becomes one opportunity and no other; then it is not disqualified any more.
    async fn a_lead_becomes_one_opportunity(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let name = desk.qualified(ready()).await.name;
        let (first, second) = (opportunity(), opportunity());
        let linked = desk.link(&name, &first).await.expect("linked");
        assert_eq!(linked.opportunity, first);
        assert_eq!(desk.link(&name, &first).await.expect("said again"), linked, "nothing changed");

        for answer in [desk.link(&name, &second).await, desk.disqualify(&name).await] {
            let no = refusal(&answer.expect_err("it has its opportunity"));
            assert_eq!(no.code, Code::FailedPrecondition);
            assert_eq!(no.metadata["opportunity"], first);
        }
        let other = desk.qualified(Lead { title: "Other".to_owned(), bant: ready().bant, ..Default::default() }).await;
        let no = refusal(&desk.link(&other.name, &first).await.expect_err("taken"));
        assert_eq!((no.code, no.reason.as_str()), (Code::AlreadyExists, "TAKEN"));
        assert_eq!((no.metadata["field"].as_str(), no.metadata["holder"].as_str()), ("opportunity", name.as_str()));
        assert_eq!(desk.lead(&name).await, linked);
    }

    /// states.md: a won opportunity satisfies its lead, once.
    async fn a_won_opportunity_satisfies_its_lead(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let name = desk.qualified(ready()).await.name;
        desk.link(&name, &opportunity()).await.expect("linked");
        let satisfied = desk.satisfy(&name).await.expect("satisfied");
        assert_eq!((satisfied.state(), satisfied.stage()), (State::Qualified, Stage::Satisfied));
        assert_eq!(desk.satisfy(&name).await.expect("said again"), satisfied, "nothing changed");
        let told = satisfied.guidance.expect("guidance");
        assert!(told.allowed_verbs.is_empty() && told.next_actions.is_empty(), "{told:?}");
    }

    /// states.md, rules for all: each transition leaves one history row that says from, to, verb, actor, reason, and
    /// the time spent in the old state; what changed nothing leaves none.
    async fn each_transition_is_told_once(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        desk.guard(false).await;
        let lead = desk.capture(Lead { title: "A lead".to_owned(), ..Default::default() }).await;
        desk.clock.advance(chrono::TimeDelta::hours(3));
        desk.contact_lead(&lead.name, "").await.expect("contacted");
        desk.clock.advance(chrono::TimeDelta::minutes(5));
        let ask = DisqualifyLeadRequest {
            name: lead.name.clone(),
            reason: DisqualifyReason::CannotContact.into(),
            request_id: id(),
            ..Default::default()
        };
        desk.leads.disqualify_lead(by_anna(ask)).await.expect("disqualified");
        desk.reactivate(&lead.name).await.expect("reactivated");
        desk.qualify(QualifyLeadRequest { name: lead.name.clone(), ..Default::default() }).await.expect("qualified");
        let deal = opportunity();
        desk.link(&lead.name, &deal).await.expect("linked");
        desk.link(&lead.name, &deal).await.expect("said again");
        desk.satisfy(&lead.name).await.expect("satisfied");
        desk.satisfy(&lead.name).await.expect("said again");

        let events = desk.thread(&lead.name).await;
        let told: Vec<_> =
            events.iter().map(|e| (e.r#type.as_str(), e.from_state.as_str(), e.to_state.as_str())).collect();
        assert_eq!(
            told,
            [
                ("lead.created", "", "NEW"),
                ("lead.contacted", "NEW", "CONTACTED"),
                ("lead.disqualified", "CONTACTED", "DISQUALIFIED"),
                ("lead.reactivated", "DISQUALIFIED", "NEW"),
                ("lead.qualified", "NEW", "QUALIFIED"),
                ("lead.linked", "QUALIFIED", "QUALIFIED"),
                ("lead.satisfied", "QUALIFIED", "QUALIFIED"),
            ]
        );
        assert_eq!(events[1].time_in_state.map(|d| d.seconds), Some(3 * 3600));
        let gone = &events[2];
        assert_eq!((gone.verb.as_str(), gone.actor.as_str()), ("DisqualifyLead", ANNA));
        assert_eq!((gone.reason.as_str(), gone.time_in_state.map(|d| d.seconds)), ("CANNOT_CONTACT", Some(300)));
        let data = gone.data.as_ref().expect("the record after the change");
        let after: Lead = data.to_msg().expect("a lead");
        assert_eq!(after.state(), State::Disqualified);
    }
}
