//! What belongs to an opportunity beside its fields: people, competitors, tactics, waiting, follow-ups, reasons
//! (R-OPP-1, R-OPP-2, R-OPP-3, R-OPP-6, R-ACC-2).

use chrono::TimeDelta;
use dealflow_chassis::Context;
use dealflow_proto::opportunities::v1::competitor::Threat;
use dealflow_proto::opportunities::v1::opportunity::{LoseReason as Reason, State, Status};
use dealflow_proto::opportunities::v1::participant::Role;
use dealflow_proto::opportunities::v1::*;
use dealflow_proto::types::v1::{Bant, Line};
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::{Code, Request};

use crate::desk::{CORPORATE_SALE, Desk, OPEN_STAGES, day, decimal, titled, usd};

fn of(collection: &str, last: u8) -> String {
    format!("{collection}/0199e3a0-0000-7000-8000-0000000000{last:02}")
}

fn participant(last: u8, role: Role) -> Participant {
    Participant { contact: of("contacts", last), role: role.into() }
}

fn competitor(name: &str) -> Competitor {
    Competitor {
        name: name.to_owned(),
        strengths: "cheap".to_owned(),
        weaknesses: "slow".to_owned(),
        threat: Threat::High.into(),
        won: false,
    }
}

both! {
    /// R-OPP-1, R-ACC-2: contacts in their roles, attendees among them; the decision maker is always one of them.
    async fn contacts_take_part_in_their_roles(db: TestDb) {
        let desk = Desk::open(&db).await;
        let all = vec![
            participant(1, Role::Influencer), participant(2, Role::Attendee), participant(2, Role::User),
            participant(3, Role::Other),
        ];
        let sale = Opportunity { participants: all.clone(), decision_maker: of("contacts", 1), ..titled("Pumps") };
        let opened = desk.create(sale, "").await.expect("opened");
        let decides = participant(1, Role::DecisionMaker);
        assert_eq!(opened.participants, [vec![decides.clone()], all].concat());
        let name = opened.name;
        let fewer = Opportunity { name: name.clone(), participants: vec![participant(4, Role::Unspecified)], ..Opportunity::default() };
        let updated = desk.update(fewer, &["participants"]).await.expect("updated");
        assert_eq!(updated.participants, [decides, participant(4, Role::Other)]);
        let twice = vec![participant(4, Role::User), participant(4, Role::User)];
        let twice = Opportunity { name, participants: twice, ..Opportunity::default() };
        let told = desk.update(twice, &[]).await.expect_err("each role once");
        assert_eq!(told.field_names(), ["opportunity.participants[1]"]);
    }

    /// R-OPP-6: a team beside the owner, each employee once, with what he is in it.
    async fn a_team_works_beside_the_owner(db: TestDb) {
        let desk = Desk::open(&db).await;
        let member = |last, role: &str| TeamMember { employee: of("employees", last), role: role.to_owned() };
        let team = vec![member(1, "engineer"), member(2, "")];
        let sale = Opportunity { owner: of("employees", 3), team: team.clone(), ..titled("Pumps") };
        let opened = desk.create(sale, "").await.expect("opened");
        assert_eq!((opened.team.clone(), opened.owner.clone()), (team, of("employees", 3)));
        let twice = Opportunity { name: opened.name.clone(), team: vec![member(1, "a"), member(1, "b")], ..Opportunity::default() };
        let told = desk.update(twice, &[]).await.expect_err("each once");
        assert_eq!(told.field_names(), ["opportunity.team[1].employee"]);
        let gone = Opportunity { name: opened.name, ..Opportunity::default() };
        assert!(desk.update(gone, &["team"]).await.expect("updated").team.is_empty());
    }

    /// R-OPP-1: several competitors with strengths, weaknesses and threat; a loss says who of them sold.
    async fn competitors_are_known_and_the_loss_says_who_sold(db: TestDb) {
        let desk = Desk::open(&db).await;
        let both = vec![competitor("Rival"), competitor("Other")];
        for (winner, expected) in [("Other", vec![false, true]), ("Third", vec![false, false, true]), ("", vec![false, false])] {
            let sale = Opportunity { competitors: both.clone(), ..titled("Pumps") };
            let opened = desk.create(sale, "").await.expect("opened");
            assert_eq!(opened.competitors, both);
            let loss = LoseOpportunityRequest {
                name: opened.name,
                reason: Reason::OutSold.into(),
                competitor: winner.to_owned(),
                ..LoseOpportunityRequest::default()
            };
            let lost = desk.lose_as(loss).await.expect("lost");
            assert_eq!(lost.competitors.iter().map(|it| it.won).collect::<Vec<_>>(), expected, "{winner}");
            assert_eq!(lost.competitor, winner);
        }
        let told = desk.create(Opportunity { competitors: vec![competitor("R"), competitor("R")], ..titled("P") }, "").await;
        assert_eq!(told.expect_err("each once").field_names(), ["opportunity.competitors[1].name"]);
        let claimed = Competitor { won: true, ..competitor("Rival") };
        let opened = desk.create(Opportunity { competitors: vec![claimed], ..titled("Pumps") }, "").await.expect("opened");
        assert!(!opened.competitors[0].won, "that is not the caller's to say");
    }

    /// R-OPP-1: each change of the tactics is kept, with who made it and when; other changes leave no trace there.
    async fn the_tactics_have_a_history(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.create(Opportunity { tactics: "wait".to_owned(), ..titled("Pumps") }, "").await.expect("opened");
        let write = async |actor: &str, tactics: &str, mask: &str| {
            desk.time.advance(TimeDelta::hours(1));
            let mut ask = Request::new(UpdateOpportunityRequest {
                opportunity: Some(Opportunity { name: opened.name.clone(), tactics: tactics.to_owned(), notes: tactics.to_owned(), ..Opportunity::default() }),
                update_mask: Some(prost_types::FieldMask { paths: vec![mask.to_owned()] }),
                request_id: id(),
                ..UpdateOpportunityRequest::default()
            });
            Context::internal(actor).carry(ask.metadata_mut());
            desk.opportunities.clone().update_opportunity(ask).await.expect("updated");
        };
        write("employees/a", "show the pump", "tactics").await;
        write("employees/b", "show the pump", "tactics").await;
        write("employees/b", "ask the boss", "notes").await;
        write("employees/b", "", "tactics").await;
        let other = desk.create(Opportunity { tactics: "other".to_owned(), ..titled("Valves") }, "").await.expect("opened");
        let list = async |also: &str, ask: ListTacticsRequest| {
            let filter = format!("opportunity = \"{}\"{also}", opened.name);
            let ask = ListTacticsRequest { filter, ..ask };
            desk.opportunities.clone().list_tactics(ask).await.expect("listed").into_inner()
        };
        let all = list("", ListTacticsRequest::default()).await.tactics;
        let told: Vec<_> = all.iter().map(|it| (it.number, it.text.as_str(), it.author.as_str())).collect();
        assert_eq!(told, [(3, "", "employees/b"), (2, "show the pump", "employees/a"), (1, "wait", "anonymous")]);
        assert_eq!((all[2].write_time, &all[2].opportunity), (opened.create_time, &opened.name));
        assert_eq!(list(" AND author = \"employees/a\"", ListTacticsRequest::default()).await.tactics, all[1..2]);
        let page = ListTacticsRequest { page_size: 2, order_by: "write_time".to_owned(), ..Default::default() };
        let first = list("", page.clone()).await;
        let rest = list("", ListTacticsRequest { page_token: first.next_page_token, ..page }).await;
        assert_eq!((first.tactics[0].number, rest.tactics, rest.next_page_token), (1, all[..1].to_vec(), String::new()));
        let everything = desk.opportunities.clone().list_tactics(ListTacticsRequest::default()).await.expect("listed");
        assert_eq!(everything.into_inner().tactics.first().map(|it| it.opportunity.clone()), Some(other.name));
    }

    /// states.md: hold and resume; an opportunity that waits is open, and every other verb is still accepted.
    async fn an_opportunity_waits_and_goes_on(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let name = opened.name.as_str();
        assert_eq!(opened.status(), Status::InProgress);
        let told = desk.resume(name).await.expect_err("it does not wait");
        assert_eq!((told.reason.as_str(), told.metadata["allowed"].as_str()), ("STATE_REFUSES_VERB", "HoldOpportunity"));
        let ask = HoldOpportunityRequest { name: name.to_owned(), reason: "budget freeze".to_owned(), until_date: day(2026, 9, 1), ..Default::default() };
        let past = HoldOpportunityRequest { until_date: day(2026, 1, 1), ..ask.clone() };
        assert_eq!(desk.hold_as(past).await.expect_err("in the past").field_names(), ["until_date"]);
        let held = desk.hold_as(ask).await.expect("held");
        assert_eq!((held.status(), held.state(), held.hold_reason.as_str()), (Status::OnHold, State::Open, "budget freeze"));
        assert_eq!((held.hold_until_date, held.hold_time, held.stage.clone()), (day(2026, 9, 1), held.update_time, opened.stage));
        let verbs = held.guidance.clone().expect("guided").allowed_verbs;
        assert!(verbs.contains(&"ResumeOpportunity".to_owned()) && !verbs.contains(&"HoldOpportunity".to_owned()));
        let told = desk.hold(name, "again").await.expect_err("it waits already");
        assert_eq!((told.reason.as_str(), told.metadata["allowed"].as_str()), ("STATE_REFUSES_VERB", "ResumeOpportunity"));
        desk.time.advance(TimeDelta::days(3));
        assert_eq!(desk.move_to(name, OPEN_STAGES[1]).await.expect("moved").status(), Status::OnHold);
        let resumed = desk.resume(name).await.expect("resumed");
        assert_eq!((resumed.status(), resumed.hold_reason.as_str(), resumed.hold_time), (Status::InProgress, "", None));
        let events = desk.events(name).await;
        let last = events.last().expect("an event");
        assert_eq!((last.r#type.as_str(), last.from_state.as_str(), last.to_state.as_str()), ("opportunity.resumed", "ON_HOLD", "IN_PROGRESS"));
        assert_eq!(last.time_in_state.map(|spent| spent.seconds), Some(3 * 86_400));
        desk.hold(name, "again").await.expect("held");
        let won = desk.win(name).await.expect("an opportunity that waits can be won");
        assert_eq!((won.status(), won.hold_time), (Status::Unspecified, None));
    }

    /// R-OPP-3: instead of reopening, a follow-up opportunity, linked to the old one, with team and lines on wish.
    async fn a_closed_opportunity_is_followed_by_a_new_one(db: TestDb) {
        let desk = Desk::open(&db).await;
        let line = Line { description: "Pump".to_owned(), quantity: decimal("2"), unit_price: usd(1_000), ..Line::default() };
        let sale = Opportunity {
            account: of("accounts", 1),
            contact: of("contacts", 1),
            owner: of("employees", 1),
            source: "WEB".to_owned(),
            channel: "partner".to_owned(),
            campaign: "Spring".to_owned(),
            lead: of("leads", 1),
            external_id: "X-1".to_owned(),
            bant: Some(Bant { decision_maker: of("contacts", 2), ..Bant::default() }),
            team: vec![TeamMember { employee: of("employees", 2), role: "engineer".to_owned() }],
            lines: vec![line],
            tactics: "wait".to_owned(),
            ..titled("Pumps")
        };
        let old = desk.create(sale, CORPORATE_SALE).await.expect("opened");
        let told = desk.follow_up(CreateFollowUpOpportunityRequest { name: old.name.clone(), ..Default::default() }).await;
        assert_eq!(told.expect_err("it is open").reason, "GUARD");
        let old = desk.lose(&old.name, Reason::NoBudget).await.expect("lost");
        let whole = CreateFollowUpOpportunityRequest {
            name: old.name.clone(),
            title: "Pumps, next year".to_owned(),
            copy_team: true,
            copy_lines: true,
            estimated_close_date: day(2027, 1, 1),
            process: CORPORATE_SALE.to_owned(),
            ..CreateFollowUpOpportunityRequest::default()
        };
        let new = desk.follow_up(whole).await.expect("it follows");
        assert_eq!((new.state(), new.title.as_str(), &new.follow_up_of), (State::Open, "Pumps, next year", &old.name));
        assert_eq!((&new.account, &new.contact, &new.owner), (&old.account, &old.contact, &old.owner));
        assert_eq!((&new.source, &new.channel, &new.campaign), (&old.source, &old.channel, &old.campaign));
        assert_eq!((&new.team, &new.lines, &new.participants), (&old.team, &old.lines, &old.participants));
        assert_eq!((new.estimated_value.clone(), new.decision_maker.clone()), (usd(2_000), of("contacts", 2)));
        assert_eq!((new.lead.as_str(), new.external_id.as_str(), new.tactics.as_str()), ("", "", ""));
        assert!(new.process_run.is_some());
        let bare = desk.follow_up(CreateFollowUpOpportunityRequest { name: old.name.clone(), ..Default::default() }).await;
        let bare = bare.expect("as often as one likes");
        assert_eq!((bare.title.as_str(), bare.team.len(), bare.lines.len()), ("Pumps", 0, 0));
        assert_eq!(desk.get(&old.name).await, old, "the old one stays as it is");
        let ask = ListOpportunitiesRequest { filter: format!("follow_up_of = \"{}\"", old.name), ..Default::default() };
        let listed = desk.opportunities.clone().list_opportunities(ask).await.expect("listed").into_inner();
        assert_eq!(listed.opportunities.len(), 2);
    }

    /// R-OPP-2, AIP-158, AIP-160: the built-in reasons are listed as the user's own are: no page is longer than was asked for,
    /// a filter finds them, and an order holds for them too.
    async fn reasons_of_loss_are_one_list(db: TestDb) {
        let desk = Desk::open(&db).await;
        let captions = vec![Caption { language_code: "en".to_owned(), text: "No fit".to_owned() }];
        let ask = CreateLoseReasonRequest {
            lose_reason_id: "NO_FIT".to_owned(),
            lose_reason: Some(LoseReason { captions, ..LoseReason::default() }),
            request_id: id(),
            ..Default::default()
        };
        desk.opportunities.clone().create_lose_reason(ask).await.expect("added");
        let list = async |filter: &str, order_by: &str, page_size: i32| {
            let (mut names, mut page_token) = (Vec::new(), String::new());
            loop {
                let (filter, order_by) = (filter.to_owned(), order_by.to_owned());
                let ask = ListLoseReasonsRequest { page_size, page_token, filter, order_by };
                let page = desk.opportunities.clone().list_lose_reasons(ask).await?.into_inner();
                assert!(i32::try_from(page.lose_reasons.len()).is_ok_and(|length| length <= page_size), "{page:?}");
                names.extend(page.lose_reasons.into_iter().map(|it| it.name.trim_start_matches("loseReasons/").to_owned()));
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    return Ok::<_, tonic::Status>(names);
                }
            }
        };
        let all = ["CANCELED", "NO_BUDGET", "NO_DECISION", "NO_FIT", "OTHER", "OUT_SOLD", "PRICE"];
        let backwards: Vec<&str> = all.iter().rev().copied().collect();
        for size in [1, 2, 1000] {
            assert_eq!(list("", "", size).await.expect("listed"), all);
            assert_eq!(list("", "name desc", size).await.expect("listed"), backwards);
            assert_eq!(list("name = \"loseReasons/PRICE\"", "", size).await.expect("listed"), ["PRICE"]);
            assert_eq!(list("retired = false AND NOT built_in = true", "", size).await.expect("listed"), ["NO_FIT"]);
        }
        for (filter, order_by) in [("colour = \"red\"", ""), ("", "retired")] {
            assert_eq!(list(filter, order_by, 1).await.expect_err("no field of it").code(), Code::InvalidArgument);
        }
        let ask = ListLoseReasonsRequest { page_size: 1, ..Default::default() };
        let first = desk.opportunities.clone().list_lose_reasons(ask).await.expect("listed").into_inner();
        let other = ListLoseReasonsRequest { page_token: first.next_page_token, order_by: "name desc".to_owned(), ..Default::default() };
        let refused = desk.opportunities.clone().list_lose_reasons(other).await.expect_err("a token of another order");
        assert_eq!(refused.code(), Code::InvalidArgument);
    }

    /// R-OPP-2: reasons of the user's own beside the built-in ones, with code and caption; a comment where they ask for it.
    async fn a_loss_may_be_for_a_reason_of_the_users_own(db: TestDb) {
        let desk = Desk::open(&db).await;
        let caption = |language: &str, text: &str| Caption { language_code: language.to_owned(), text: text.to_owned() };
        let captions = vec![caption("en", "No fit"), caption("ru", "Не подходит")];
        let add = async |code: &str, reason: LoseReason| {
            let ask = CreateLoseReasonRequest { lose_reason_id: code.to_owned(), lose_reason: Some(reason), request_id: id(), ..Default::default() };
            desk.opportunities.clone().create_lose_reason(ask).await.map(tonic::Response::into_inner)
        };
        let own = LoseReason { captions: captions.clone(), comment_required: true, ..LoseReason::default() };
        let added = add("NO_FIT", own.clone()).await.expect("added");
        assert_eq!((added.name.as_str(), &added.captions, added.built_in), ("loseReasons/NO_FIT", &captions, false));
        for (code, reason) in [("NO_FIT", own.clone()), ("PRICE", own.clone())] {
            assert_eq!(add(code, reason).await.expect_err("taken").code(), Code::AlreadyExists);
        }
        for (code, reason) in [("no fit", own.clone()), ("OWN", own.clone()), ("X", LoseReason::default())] {
            assert_eq!(add(code, reason).await.expect_err("wrong").code(), Code::InvalidArgument, "{code}");
        }
        let list = desk.opportunities.clone().list_lose_reasons(ListLoseReasonsRequest::default()).await.expect("listed");
        let all: Vec<String> = list.into_inner().lose_reasons.into_iter().map(|it| it.name).collect();
        assert!(all.len() == 7 && all.is_sorted() && all.contains(&added.name), "{all:?}");

        let opened = desk.led().await;
        let loss = LoseOpportunityRequest {
            name: opened.name.clone(),
            reason: Reason::Own.into(),
            reason_code: added.name.clone(),
            ..LoseOpportunityRequest::default()
        };
        assert_eq!(desk.lose_as(loss.clone()).await.expect_err("no comment").field_names(), ["comment"]);
        let mixed = LoseOpportunityRequest { reason: Reason::Price.into(), ..loss.clone() };
        assert_eq!(desk.lose_as(mixed).await.expect_err("two reasons").field_names(), ["reason_code"]);
        let unknown = LoseOpportunityRequest { reason_code: "loseReasons/NONE".to_owned(), ..loss.clone() };
        assert_eq!(desk.lose_as(unknown).await.expect_err("unknown").code, Code::NotFound);
        let lost = desk.lose_as(LoseOpportunityRequest { comment: "too big".to_owned(), ..loss.clone() }).await.expect("lost");
        assert_eq!((lost.lose_reason(), lost.lose_reason_code.as_str()), (Reason::Own, "NO_FIT"));
        let price = desk.lose(&desk.led().await.name, Reason::Price).await.expect("lost");
        assert_eq!((price.lose_reason(), price.lose_reason_code.as_str()), (Reason::Price, "PRICE"));

        let change = async |reason: LoseReason, etag: &str| {
            let ask = UpdateLoseReasonRequest { lose_reason: Some(reason), etag: etag.to_owned(), request_id: id(), ..Default::default() };
            desk.opportunities.clone().update_lose_reason(ask).await.map(tonic::Response::into_inner)
        };
        let retired = change(LoseReason { name: added.name.clone(), retired: true, ..LoseReason::default() }, &added.etag).await;
        let retired = retired.expect("changed");
        assert_eq!((retired.retired, &retired.captions), (true, &captions));
        assert_eq!(change(retired.clone(), &added.etag).await.expect_err("stale").code(), Code::Aborted);
        let built_in = LoseReason { name: "loseReasons/PRICE".to_owned(), retired: true, ..LoseReason::default() };
        assert_eq!(refusal(&change(built_in, "").await.expect_err("built in")).reason, "GUARD");
        let next = desk.led().await;
        let told = desk.lose_as(LoseOpportunityRequest { name: next.name, comment: "x".to_owned(), ..loss }).await;
        assert_eq!(told.expect_err("retired").field_names(), ["reason_code"]);
        assert_eq!(desk.get(&lost.name).await, lost, "a lookup's edit changes no closed opportunity");
    }

    /// R-OPP-1, R-STG-1: the probability is the stage's, unless somebody says otherwise; closed ones are 100 or 0.
    async fn the_probability_is_the_stages_unless_somebody_says_otherwise(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        assert_eq!(opened.probability, Some(10));
        assert_eq!(desk.move_to(&opened.name, OPEN_STAGES[2]).await.expect("moved").probability, Some(50));
        let by_hand = Opportunity { name: opened.name.clone(), probability: Some(0), ..Opportunity::default() };
        assert_eq!(desk.update(by_hand, &[]).await.expect("updated").probability, Some(0));
        assert_eq!(desk.move_to(&opened.name, OPEN_STAGES[3]).await.expect("moved").probability, Some(0), "it stays");
        let cleared = Opportunity { name: opened.name.clone(), ..Opportunity::default() };
        assert_eq!(desk.update(cleared, &["probability"]).await.expect("updated").probability, Some(80));
        let by_hand = Opportunity { name: opened.name.clone(), probability: Some(33), ..Opportunity::default() };
        desk.update(by_hand.clone(), &[]).await.expect("updated");
        assert_eq!(desk.win(&opened.name).await.expect("won").probability, Some(100));
        let other = desk.led().await;
        desk.update(Opportunity { name: other.name.clone(), ..by_hand }, &[]).await.expect("updated");
        assert_eq!(desk.lose(&other.name, Reason::Price).await.expect("lost").probability, Some(0));
    }

    /// The same values for several at once: all of them, or none.
    async fn several_opportunities_get_the_same_values_or_none_does(db: TestDb) {
        let desk = Desk::open(&db).await;
        let (one, two) = (desk.led().await, desk.led().await);
        let batch = async |names: Vec<String>, name: &str, paths: &[&str]| {
            let ask = BatchUpdateOpportunitiesRequest {
                names,
                opportunity: Some(Opportunity { name: name.to_owned(), owner: of("employees", 9), ..Opportunity::default() }),
                update_mask: Some(prost_types::FieldMask { paths: paths.iter().map(ToString::to_string).collect() }),
                request_id: id(),
                ..BatchUpdateOpportunitiesRequest::default()
            };
            desk.opportunities.clone().batch_update_opportunities(ask).await.map(|it| it.into_inner().opportunities)
        };
        let names = || vec![two.name.clone(), one.name.clone()];
        let done = batch(names(), "opportunities/-", &["owner"]).await.expect("updated");
        assert_eq!(done.iter().map(|it| &it.name).collect::<Vec<_>>(), [&two.name, &one.name]);
        assert!(done.iter().all(|it| it.owner == of("employees", 9) && it.title == "Pumps" && it.etag == "2"));
        assert_eq!(desk.events(&one.name).await.last().map(|event| event.r#type.clone()), Some("opportunity.reassigned".to_owned()));
        let wrong = batch(names(), &one.name, &["owner"]).await.expect_err("which ones?");
        assert_eq!(refusal(&wrong).field_names(), ["opportunity.name"]);
        assert_eq!(refusal(&batch(names(), "opportunities/-", &[]).await.expect_err("what?")).field_names(), ["update_mask"]);
        let twice = batch(vec![one.name.clone(), one.name.clone()], "opportunities/-", &["owner"]).await;
        assert_eq!(refusal(&twice.expect_err("twice")).field_names(), ["names[1]"]);
        desk.win(&two.name).await.expect("won");
        let before = desk.get(&one.name).await;
        let told = batch(names(), "opportunities/-", &["owner"]).await.expect_err("one is closed");
        assert_eq!((refusal(&told).reason.as_str(), refusal(&told).metadata["closed"].as_str()), ("TERMINAL", two.name.as_str()));
        assert_eq!(desk.get(&one.name).await, before);
    }
}
