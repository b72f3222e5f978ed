//! What an opportunity knows: fields, lines, estimate, guidance, lists, events (R-OPP-1, R-PRC-4).

use dealflow_proto::google::type_::Money;
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::opportunities::v1::participant::Role;
use dealflow_proto::opportunities::v1::{ListOpportunitiesRequest, Opportunity, Participant, WinOpportunityRequest};
use dealflow_proto::types::v1::{Bant, BudgetStatus, Line, Need};
use dealflow_testbed::{RefusalView, TestDb, both};
use tonic::Code;

use crate::desk::{CORPORATE_SALE, Desk, day, decimal, titled, usd};

fn line(description: &str, quantity: &str, price: Option<Money>) -> Line {
    Line { description: description.to_owned(), quantity: decimal(quantity), unit_price: price, ..Line::default() }
}

fn price(units: i64, nanos: i32) -> Option<Money> {
    Some(Money { currency_code: "USD".to_owned(), units, nanos })
}

fn uuid(last: u8) -> String {
    format!("0199e3a0-0000-7000-8000-0000000000{last:02}")
}

async fn refused(desk: &Desk, opportunity: Opportunity) -> Box<RefusalView> {
    let refused = desk.create(opportunity, "").await.expect_err("it cannot be meant");
    assert_eq!(refused.code, Code::InvalidArgument, "{}", refused.message);
    refused
}

both! {
    /// R-OPP-1: the estimate is the sum of the lines, each rounded once, unless it is given by hand.
    async fn the_estimate_follows_the_lines(db: TestDb) {
        let desk = Desk::open(&db).await;
        let discounted = Line { discount_percent: decimal("12.5"), ..line("Pump", "3", price(9, 990_000_000)) };
        let lines = vec![discounted, line("Hose", "1.5", price(0, 333_000_000)), line("Advice", "1", None)];
        let sale = Opportunity { lines, ..titled("Pumps") };
        let opened = desk.create(sale, "").await.expect("opened");
        // 3 × 9.99 = 29.97, less 12.5 % (3.74625 → 3.75) = 26.22; 1.5 × 0.333 = 0.4995 → 0.50.
        assert_eq!(opened.estimated_value, usd(2672));
        let nets: Vec<_> = opened.lines.iter().map(|line| line.net.clone()).collect();
        assert_eq!(nets, [usd(2622), usd(50), None]);
        let ids: Vec<&str> = opened.lines.iter().map(|line| line.line_id.as_str()).collect();
        assert_eq!(ids, ["1", "2", "3"]);
        let name = opened.name.clone();
        let by_hand = Opportunity { name: name.clone(), estimated_value: usd(5), ..Opportunity::default() };
        assert_eq!(desk.update(by_hand, &[]).await.expect("updated").estimated_value, usd(5));
        let fewer = Opportunity { name: name.clone(), lines: vec![line("Pump", "2", price(10, 0))], ..Opportunity::default() };
        assert_eq!(desk.update(fewer, &["lines"]).await.expect("updated").estimated_value, usd(5), "by hand");
        let cleared = Opportunity { name, ..Opportunity::default() };
        assert_eq!(desk.update(cleared, &["estimated_value"]).await.expect("updated").estimated_value, usd(2000));
    }

    /// R-OPP-1: what no line or amount may be; all faults are told at once.
    async fn amounts_that_cannot_be_meant_are_refused(db: TestDb) {
        let desk = Desk::open(&db).await;
        let of = |line: Line| Opportunity { lines: vec![line], ..titled("Pumps") };
        let told = refused(&desk, of(line("Pump", "1", price(-1, 0)))).await;
        assert_eq!(told.field_names(), ["opportunity.lines[0].unit_price"]);
        for percent in ["-1", "100.01"] {
            let discounted = Line { discount_percent: decimal(percent), ..line("Pump", "1", price(1, 0)) };
            assert_eq!(refused(&desk, of(discounted)).await.field_names(), ["opportunity.lines[0].discount_percent"]);
        }
        let huge = line("Pump", "1000000000", price(i64::MAX, 0));
        assert_eq!(refused(&desk, of(huge)).await.reason, "OVERFLOW");
        let euro = Some(Money { currency_code: "EUR".to_owned(), units: 1, nanos: 0 });
        let mixed = Opportunity { estimated_value: euro.clone(), ..of(line("Pump", "1", price(1, 0))) };
        assert_eq!(refused(&desk, mixed).await.reason, "CURRENCY_MISMATCH");
        let fine = Opportunity { estimated_value: price(0, 5_000_000), ..titled("Pumps") };
        assert_eq!(refused(&desk, fine).await.reason, "ARITHMETIC");
        let unknown = Opportunity { currency_code: "XYZ".to_owned(), ..titled("Pumps") };
        assert_eq!(refused(&desk, unknown).await.reason, "INVALID_FIELDS");
        let several = Opportunity {
            estimated_close_date: day(2026, 2, 1),
            lines: vec![line(" ", "1", None), Line { description: "Pump".to_owned(), ..Line::default() }],
            estimated_value: usd(-1),
            ..titled("Pumps")
        };
        let told = refused(&desk, several).await;
        let fields = [
            "opportunity.estimated_close_date",
            "opportunity.lines[0].description",
            "opportunity.lines[1].quantity",
            "opportunity.estimated_value",
        ];
        assert_eq!(told.field_names(), fields);
        let future = Opportunity { open_date: day(2026, 3, 3), ..titled("Pumps") };
        assert_eq!(refused(&desk, future).await.field_names(), ["opportunity.open_date"]);
        assert_eq!(refused(&desk, Opportunity::default()).await.field_names(), ["opportunity.title"]);

        let opened = desk.create(Opportunity { estimated_value: usd(1), ..titled("Pumps") }, "").await.expect("opened");
        let to_euro = Opportunity { name: opened.name.clone(), currency_code: "EUR".to_owned(), ..Opportunity::default() };
        let told = desk.update(to_euro.clone(), &[]).await.expect_err("nothing is converted silently");
        assert_eq!(told.reason, "CURRENCY_MISMATCH");
        let with_amount = Opportunity { estimated_value: euro, ..to_euro };
        assert_eq!(desk.update(with_amount, &[]).await.expect("all of it").currency_code, "EUR");
    }

    /// R-OPP-1, AIP-134: an update takes over the fields of its mask and no others, and never what follows from verbs.
    async fn an_update_takes_over_the_fields_of_its_mask(db: TestDb) {
        let desk = Desk::open(&db).await;
        let bant = Bant {
            budget_status: BudgetStatus::CanBuy.into(),
            budget_amount: usd(10_000),
            decision_maker: format!("contacts/{}", uuid(1)),
            need: Need::MustHave.into(),
            need_text: "Насос".to_owned(),
            decision_date: day(2026, 6, 30),
            ..Bant::default()
        };
        let full = Opportunity {
            account: format!("accounts/{}", uuid(2)),
            contact: format!("contacts/{}", uuid(3)),
            owner: format!("employees/{}", uuid(4)),
            bant: Some(bant.clone()),
            probability: Some(33),
            tactics: "t".to_owned(),
            competitor: "c".to_owned(),
            presentation_date: day(2026, 4, 1),
            notes: "n".to_owned(),
            source: "WEB".to_owned(),
            external_id: "X-1".to_owned(),
            estimated_close_date: day(2026, 7, 1),
            terms_of_sale: "30 days, delivered".to_owned(),
            revenue_expectation: usd(900_000),
            channel: "partner".to_owned(),
            campaign: "Spring".to_owned(),
            proposal_handover_date: day(2026, 4, 20),
            ..titled("Pumps")
        };
        let opened = desk.create(full.clone(), CORPORATE_SALE).await.expect("opened");
        let kept = Opportunity {
            decision_maker: bant.decision_maker.clone(),
            participants: vec![Participant { contact: bant.decision_maker.clone(), role: Role::DecisionMaker.into() }],
            currency_code: "USD".to_owned(),
            open_date: day(2026, 3, 2),
            ..full
        };
        let facts = |it: Opportunity| Opportunity {
            name: String::new(), etag: String::new(), create_time: None, update_time: None, state: 0, stage: String::new(),
            process_run: None, stage_entry: None, guidance: None, status: 0, ..it
        };
        assert_eq!(facts(opened.clone()), kept);
        let change = Opportunity { name: opened.name.clone(), title: "Valves".to_owned(), ..Opportunity::default() };
        let updated = desk.update(change.clone(), &["title", "notes", "probability"]).await.expect("updated");
        assert_eq!((updated.title.as_str(), updated.notes.as_str(), updated.probability), ("Valves", "", Some(10)));
        assert_eq!((updated.bant, updated.etag.as_str()), (Some(bant), "2"));
        let told = desk.update(change, &["stage", "state"]).await.expect_err("verbs change those");
        assert_eq!(told.field_names(), ["update_mask", "update_mask"]);
    }

    /// R-OPP-1, R-ACC-2: the decision maker is a person, one fact by either of its names; terms and expectation are
    /// updated like any other field.
    async fn the_decision_maker_is_one_person_by_either_name(db: TestDb) {
        let desk = Desk::open(&db).await;
        let (one, two) = (format!("contacts/{}", uuid(1)), format!("contacts/{}", uuid(2)));
        let by_bant = |who: &str| Some(Bant { decision_maker: who.to_owned(), need: Need::MustHave.into(), ..Bant::default() });
        let told = refused(&desk, Opportunity { bant: by_bant(&one), decision_maker: two.clone(), ..titled("Pumps") }).await;
        assert_eq!(told.field_names(), ["opportunity.decision_maker"]);
        let opened = desk.create(Opportunity { decision_maker: one.clone(), ..titled("Pumps") }, "").await.expect("opened");
        let decides = |it: &Opportunity| (it.decision_maker.clone(), it.bant.clone().expect("known").decision_maker);
        assert_eq!(decides(&opened), (one.clone(), one.clone()));
        let name = opened.name;
        let change = |it: Opportunity| Opportunity { name: name.clone(), ..it };
        let given = change(Opportunity { bant: by_bant(&two), ..Opportunity::default() });
        assert_eq!(decides(&desk.update(given, &["bant"]).await.expect("updated")), (two.clone(), two.clone()));
        let given = change(Opportunity { decision_maker: one.clone(), ..Opportunity::default() });
        let updated = desk.update(given, &[]).await.expect("updated");
        assert_eq!((decides(&updated), updated.bant.map(|it| it.need)), ((one.clone(), one), Some(Need::MustHave.into())));
        let given = change(Opportunity { terms_of_sale: "cash".to_owned(), ..Opportunity::default() });
        let masked = ["terms_of_sale", "decision_maker", "revenue_expectation"];
        let updated = desk.update(given, &masked).await.expect("updated");
        assert_eq!((updated.terms_of_sale.as_str(), updated.decision_maker.as_str()), ("cash", ""));
        let told = refused(&desk, Opportunity { revenue_expectation: usd(-1), ..titled("Pumps") }).await;
        assert_eq!(told.field_names(), ["opportunity.revenue_expectation"]);
    }

    /// One opportunity per lead, one per external id; the refusal names the holder.
    async fn a_lead_becomes_one_opportunity(db: TestDb) {
        let desk = Desk::open(&db).await;
        let lead = format!("leads/{}", uuid(1));
        let first = Opportunity { lead: lead.clone(), external_id: "X-1".to_owned(), ..titled("Pumps") };
        let first = desk.create(first, "").await.expect("opened");
        for (field, again) in [
            ("lead", Opportunity { lead: lead.clone(), ..titled("Valves") }),
            ("external_id", Opportunity { external_id: "X-1".to_owned(), ..titled("Valves") }),
        ] {
            let told = desk.create(again, "").await.expect_err("taken");
            assert_eq!((told.code, told.reason.as_str()), (Code::AlreadyExists, "TAKEN"));
            assert_eq!((told.metadata["field"].as_str(), &told.metadata["holder"]), (field, &first.name));
        }
        let other = desk.create(titled("Valves"), "").await.expect("opened");
        let stolen = Opportunity { name: other.name, lead, ..Opportunity::default() };
        assert_eq!(desk.update(stolen, &[]).await.expect_err("taken").code, Code::AlreadyExists);
    }

    /// R-PRC-4: the answer says what may come next; open activities first, then the stages.
    async fn every_answer_says_what_may_come_next(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let guidance = opened.guidance.clone().expect("guided");
        let verbs = [
            "UpdateOpportunity",
            "MoveToStage",
            "RecordActivityResult",
            "RecordTime",
            "ReserveOpportunity",
            "WinOpportunity",
            "LoseOpportunity",
            "HoldOpportunity",
            "CancelProcess",
        ];
        assert_eq!(guidance.allowed_verbs, verbs);
        let actions: Vec<(&str, &str)> =
            guidance.next_actions.iter().map(|it| (it.verb.as_str(), it.description.as_str())).collect();
        assert_eq!(actions[1..], [
            ("RecordActivityResult", "Prepare presentation [Prepared]"),
            ("MoveToStage", "Move to Presentation"),
            ("MoveToStage", "Move to Proposal"),
            ("MoveToStage", "Move to Contracting"),
        ]);
        let results = "[Presentation agreed; Not reached → once more: Contact the client, assess the needs, coordinate the \
                       date and time of the presentation; No budget → lost: NO_BUDGET; No need → lost: CANCELED]";
        assert!(actions[0].1.ends_with(results), "{}", actions[0].1);
        assert!(guidance.next_actions.iter().all(|action| action.resource == opened.name));
        for field in ["bant.need", "lines", "estimated_value", "estimated_close_date", "account"] {
            assert!(guidance.missing_fields.iter().any(|missing| missing == field), "{field}");
        }
        let known = Opportunity {
            name: opened.name,
            account: format!("accounts/{}", uuid(1)),
            bant: Some(Bant { need: Need::MustHave.into(), ..Bant::default() }),
            ..Opportunity::default()
        };
        let missing = desk.update(known, &[]).await.expect("updated").guidance.expect("guided").missing_fields;
        assert!(!missing.iter().any(|field| field == "account" || field == "bant.need"), "{missing:?}");
        let free = desk.create(titled("Valves"), "").await.expect("opened").guidance.expect("guided");
        assert!(free.allowed_verbs.iter().any(|verb| verb == "StartProcess"));
        assert!(!free.allowed_verbs.iter().any(|verb| verb == "RecordActivityResult"));
    }

    /// Lists filter and order by the record's fields, page by page.
    async fn opportunities_are_listed_by_filter_and_order(db: TestDb) {
        let desk = Desk::open(&db).await;
        let owner = format!("employees/{}", uuid(1));
        for (title, value) in [("a", 300), ("b", 100), ("c", 200)] {
            let sale = Opportunity { owner: owner.clone(), estimated_value: usd(value), ..titled(title) };
            desk.create(sale, CORPORATE_SALE).await.expect("opened");
        }
        let yen = Some(Money { currency_code: "JPY".to_owned(), units: 2, nanos: 0 });
        let yen = Opportunity { currency_code: "JPY".to_owned(), estimated_value: yen, external_id: "Y".to_owned(), ..titled("d") };
        let yen = desk.create(yen, "").await.expect("opened");
        desk.win(&yen.name).await.expect("won");
        let list = async |filter: &str, order_by: &str, size: i32| {
            let mut titles = Vec::new();
            let mut ask = ListOpportunitiesRequest {
                filter: filter.to_owned(),
                order_by: order_by.to_owned(),
                page_size: size,
                ..ListOpportunitiesRequest::default()
            };
            loop {
                let page = desk.opportunities.clone().list_opportunities(ask.clone()).await.expect("listed").into_inner();
                titles.extend(page.opportunities.iter().map(|it| it.title.clone()));
                if page.next_page_token.is_empty() {
                    return titles.join("");
                }
                ask.page_token = page.next_page_token;
            }
        };
        assert_eq!(list("", "", 1).await, "abcd");
        let by_value = list("", "estimated_value desc", 2).await;
        assert!(["acdb", "adcb"].contains(&by_value.as_str()), "2 USD and 2 JPY are equal: {by_value}");
        assert_eq!(list("estimated_value >= 2", "estimated_value desc", 1).await.len(), 3);
        assert_eq!(list("state = \"OPEN\"", "", 0).await, "abc");
        assert_eq!(list("stage = \"stages/closed-won\"", "", 0).await, "d");
        assert_eq!(list(&format!("owner = \"{owner}\""), "create_time", 0).await.len(), 3);
        assert_eq!(list("external_id = \"Y\"", "", 0).await, "d");
        assert_eq!(list("close_date >= 2026-03-02", "", 0).await, "d");
        assert_eq!(list("currency_code = \"JPY\"", "", 0).await, "d");
        let led = "process_run.process = \"processes/corporate-sale\"";
        assert_eq!(list(led, "create_time", 1).await, "abc");
        let win_for = async |title: &str, actual_value: Option<Money>| {
            let filter = format!("title = \"{title}\"");
            let ask = ListOpportunitiesRequest { filter, ..ListOpportunitiesRequest::default() };
            let page = desk.opportunities.clone().list_opportunities(ask).await.expect("listed").into_inner();
            let name = page.opportunities[0].name.clone();
            desk.win_as(WinOpportunityRequest { name, actual_value, ..WinOpportunityRequest::default() }).await.expect("won");
        };
        win_for("a", usd(300)).await;
        assert_eq!(list(&format!("{led} AND actual_value > 2 AND state = WON"), "", 0).await, "a", "3 USD");
        assert_eq!(list("actual_value = 2", "", 0).await, "d", "2 JPY");
        let digits = |code: &str, units: i64| Some(Money { currency_code: code.to_owned(), units, nanos: 0 });
        for (code, units) in [("KWD", 700), ("CLF", 701), ("KRW", 702), ("EUR", 703)] {
            let sale = Opportunity { currency_code: code.to_owned(), ..titled(code) };
            desk.create(sale, "").await.expect("opened");
            win_for(code, digits(code, units)).await;
            assert_eq!(list(&format!("actual_value = {units}"), "", 0).await, code);
            assert_eq!(list(&format!("actual_value > {}.9999 AND actual_value < {units}.0001", units - 1), "", 0).await, code);
        }
        let contact = format!("contacts/{}", uuid(2));
        let fair = Opportunity {
            contact: contact.clone(),
            source: "TRADE_SHOW".to_owned(),
            channel: "Fair".to_owned(),
            campaign: "Spring".to_owned(),
            ..titled("e")
        };
        let fair = desk.create(fair, "").await.expect("opened");
        desk.lose(&fair.name, LoseReason::Price).await.expect("lost");
        for filter in [
            &format!("contact = \"{contact}\""),
            "source = TRADE_SHOW",
            "channel = \"Fair\"",
            "campaign = \"Spring\"",
            "lose_reason_code = \"PRICE\"",
        ] {
            assert_eq!(list(filter, "", 0).await, "e", "{filter}");
        }
        let wrong = ListOpportunitiesRequest { filter: "colour = red".to_owned(), ..ListOpportunitiesRequest::default() };
        assert!(desk.opportunities.clone().list_opportunities(wrong).await.is_err());
    }

    /// R-API-2: each change is an event of the opportunity's thread, with the record after it.
    async fn each_change_is_an_event_with_the_record(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        desk.complete_stage(&opened).await;
        let won = desk.win(&opened.name).await.expect("won");
        let events = desk.events(&opened.name).await;
        let kinds: Vec<&str> = events.iter().map(|event| event.r#type.trim_start_matches("opportunity.")).collect();
        let expected = ["created", "process_started", "result_recorded", "result_recorded", "stage_changed", "won"];
        assert_eq!(kinds, expected);
        let last = events.last().and_then(|event| event.data.clone()).expect("with the record");
        let told: Opportunity = prost::Message::decode(last.value.as_slice()).expect("an opportunity");
        assert_eq!((told, last.type_url.ends_with("Opportunity")), (won, true));
        let ends = events.last().map(|event| (event.from_state.as_str(), event.to_state.as_str()));
        assert_eq!(ends, Some(("OPEN", "WON")));
    }
}
