//! Quotes: filled in, checked, frozen, revised, expired, closed (R-QUO-1, R-QUO-3).

use chrono::TimeDelta;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::quote::{CloseReason, State};
use dealflow_proto::types::v1::Line;
use dealflow_testbed::{TestDb, both, id, refusal};
use prost_types::FieldMask;

use crate::house::{House, ask, date, decimal, eur, line, money, opportunity, product, quote, vat};

both! {
    /// R-QUO-1
    async fn a_line_takes_from_its_product_what_it_leaves_out(db: TestDb) {
        let house = House::open(db).await;
        let product = house.products().create_product(product("GTX-1")).await.expect("made").into_inner();
        let bare = Line { product: product.name.clone(), quantity: Some(decimal("2")), ..Default::default() };
        let dear = Line { unit_price: Some(eur("120.5")), unit_code: "HUR".to_owned(), ..bare.clone() };
        let lines = vec![bare, dear];
        let made = house.draft(pb::Quote { lines, ..quote(&opportunity()) }).await.expect("it can be drafted");
        let [first, second] = &made.lines[..] else { panic!("two lines") };
        assert_eq!((first.unit_price.clone(), first.vat.clone()), (Some(eur("100")), Some(vat("20"))));
        assert_eq!((first.description.as_str(), first.unit_code.as_str()), ("Product GTX-1", "C62"));
        assert_eq!((second.unit_price.clone(), second.unit_code.as_str()), (Some(eur("120.5")), "HUR"));
        assert_eq!(made.totals.expect("it is added up").total_with_vat, Some(eur("529.2")));
        assert_eq!((made.number.as_str(), made.revision, made.payment_days), ("Q-000001", 0, 30));
    }

    /// R-QUO-1
    async fn discounts_of_lines_and_of_the_whole_are_in_the_totals(db: TestDb) {
        let house = House::open(db).await;
        let mut ask = quote(&opportunity());
        ask.lines[0].discount_percent = Some(decimal("10"));
        ask.discount_percent = Some(decimal("5"));
        let totals = house.draft(ask).await.expect("it can be drafted").totals.expect("it is added up");
        assert_eq!(totals.sum_of_lines, Some(eur("369.98")));
        assert_eq!(totals.allowances, Some(eur("18.5")));
        assert_eq!(totals.total_without_vat, Some(eur("351.48")));
        assert_eq!(totals.total_vat, Some(eur("70.3")));
    }

    /// R-QUO-1
    async fn all_that_is_wrong_with_the_lines_is_told_at_once(db: TestDb) {
        let house = House::open(db).await;
        let mut ask = quote(&opportunity());
        let unknown = dealflow_proto::names::PRODUCTS.name(uuid::Uuid::now_v7());
        ask.lines = vec![
            line("0", "1"),
            line("1", "-1"),
            Line { discount_percent: Some(decimal("100.01")), ..line("1", "1") },
            Line { product: unknown.clone(), ..line("1", "1") },
            Line { product: unknown.clone(), ..line("0.0000001", "1") },
            Line { line_id: "a".to_owned(), ..line("1", "1") },
            Line { line_id: "a".to_owned(), ..line("1", "1") },
        ];
        ask.valid_until_date = Some(date(2017, 3, 14));
        let refused = refusal(&house.draft(ask).await.expect_err("it is full of mistakes"));
        assert_eq!(refused.reason, "INVALID_FIELDS");
        assert_eq!(
            refused.field_names(),
            [
                "quote.valid_until_date",
                "quote.lines[0].quantity",
                "quote.lines[1].unit_price",
                "quote.lines[2].discount_percent",
                "quote.lines[3].product",
                "quote.lines[4].product",
                "quote.lines[4].quantity",
                "quote.lines[6].line_id",
            ]
        );
        assert!(refused.message.contains(&unknown), "{}", refused.message);
    }

    /// R-QUO-1
    async fn a_quote_without_lines_is_refused(db: TestDb) {
        let house = House::open(db).await;
        let ask = pb::Quote { lines: Vec::new(), ..quote(&opportunity()) };
        assert_eq!(refusal(&house.draft(ask).await.expect_err("nothing is offered")).field_names(), ["quote.lines"]);
    }

    /// R-QUO-1
    async fn mixed_currencies_and_absurd_amounts_are_refused_with_their_reason(db: TestDb) {
        let house = House::open(db).await;
        let mut mixed = quote(&opportunity());
        mixed.lines[1].unit_price = Some(money("10", "USD"));
        let refused = refusal(&house.draft(mixed).await.expect_err("two currencies"));
        assert_eq!(refused.reason, "CURRENCY_MISMATCH");
        assert!(refused.message.contains("quote.lines[1].unit_price is in USD"), "{}", refused.message);

        let absurd = pb::Quote { lines: vec![line("999999999999", "999999999999999")], ..quote(&opportunity()) };
        let refused = refusal(&house.draft(absurd).await.expect_err("more than fits"));
        assert_eq!((refused.code, refused.reason.as_str()), (tonic::Code::InvalidArgument, "OVERFLOW"));
        assert_eq!(refused.metadata["field"], "quote.lines[0].gross");
    }

    /// R-QUO-3
    async fn an_active_quote_is_read_only_and_says_which_verb_goes_on(db: TestDb) {
        let house = House::open(db).await;
        let presented = house.presented(quote(&opportunity())).await;
        let change = pb::Quote { name: presented.name.clone(), terms: "net".to_owned(), ..Default::default() };
        let refused = ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: Some(change) });
        let refused = refusal(&refused.expect_err("it is frozen"));
        assert_eq!((refused.code, refused.reason.as_str()), (tonic::Code::FailedPrecondition, "STATE_REFUSES_VERB"));
        assert_eq!(refused.metadata["state"], "PRESENTED");
        assert!(refused.metadata["allowed"].contains("ReviseQuote"));
        assert_eq!(house.quote(&presented.name).await, presented);
    }

    /// R-QUO-1
    async fn a_draft_takes_over_the_fields_of_the_mask_and_no_others(db: TestDb) {
        let house = House::open(db).await;
        let draft = house.draft(quote(&opportunity())).await.expect("it can be drafted");
        let change = pb::Quote {
            name: draft.name.clone(),
            discount_percent: Some(decimal("50")),
            terms: "not in the mask".to_owned(),
            ..Default::default()
        };
        let mask = FieldMask { paths: vec!["discount_percent".to_owned()] };
        let request = pb::UpdateQuoteRequest {
            quote: Some(change.clone()),
            update_mask: Some(mask),
            request_id: id(),
            ..Default::default()
        };
        let changed = house.quotes().update_quote(request).await.expect("it is a draft").into_inner();
        assert_eq!((changed.terms.as_str(), changed.etag.as_str()), ("", "2"));
        assert_eq!(changed.totals.expect("it is added up").sum_of_lines, Some(eur("399.98")));

        let mask = FieldMask { paths: vec!["state".to_owned(), "number".to_owned()] };
        let request =
            pb::UpdateQuoteRequest { quote: Some(change), update_mask: Some(mask), request_id: id(), ..Default::default() };
        let refused = refusal(&house.quotes().update_quote(request).await.expect_err("states change by verbs"));
        assert_eq!(refused.fields.len(), 2, "{refused:?}");
        assert!(refused.field_names().iter().all(|field| *field == "update_mask"));
    }

    /// R-QUO-3
    async fn revising_closes_the_old_revision_and_copies_it_under_the_same_number(db: TestDb) {
        let house = House::open(db).await;
        let old = house.presented(quote(&opportunity())).await;
        let copy = ask!(house.quotes(), revise_quote, ReviseQuoteRequest { name: old.name.clone() });
        let copy = copy.expect("it can be revised");
        assert_eq!((copy.state(), copy.revision, &copy.number), (State::Draft, 1, &old.number));
        assert_eq!((&copy.lines, &copy.totals), (&old.lines, &old.totals));
        let closed = house.quote(&old.name).await;
        assert_eq!((closed.state(), closed.close_reason()), (State::Closed, CloseReason::Revised));
        let accepted = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: old.name });
        assert_eq!(refusal(&accepted.expect_err("only the current revision")).reason, "TERMINAL");
    }

    /// R-QUO-3
    async fn a_quote_expires_by_itself_after_its_last_day_and_can_still_be_revised(db: TestDb) {
        let house = House::open(db).await;
        let ask = pb::Quote { valid_until_date: Some(date(2017, 3, 15)), ..quote(&opportunity()) };
        let quote = house.presented(ask).await;
        assert!(!house.quote(&quote.name).await.expired, "the last day counts");
        house.time.advance(TimeDelta::days(1));
        let late = house.quote(&quote.name).await;
        assert!(late.expired && late.etag == quote.etag, "nobody called, and nothing was stored");
        assert!(!late.guidance.expect("it is guided").allowed_verbs.contains(&"AcceptQuote".to_owned()));

        let accepted = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: quote.name.clone() });
        let refused = refusal(&accepted.expect_err("its time ran out"));
        assert_eq!((refused.code, refused.reason.as_str()), (tonic::Code::FailedPrecondition, "GUARD"));
        assert!(refused.message.contains("2017-03-15") && refused.message.contains("ReviseQuote"));

        let copy = ask!(house.quotes(), revise_quote, ReviseQuoteRequest { name: quote.name }).expect("it can be revised");
        assert!(copy.expired);
        assert_eq!(copy.guidance.clone().expect("it is guided").missing_fields, ["valid_until_date"]);
        let activated = ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: copy.name });
        assert_eq!(refusal(&activated.expect_err("it needs a new day")).reason, "GUARD");
    }

    /// R-QUO-4
    async fn closing_a_lost_opportunitys_quotes_can_be_asked_twice(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        for _ in 0..3 {
            house.draft(quote(&deal)).await.expect("it can be drafted");
        }
        let other = house.draft(quote(&opportunity())).await.expect("it can be drafted");
        for expected in [3, 0] {
            let closed = ask!(
                house.quotes(),
                close_opportunity_quotes,
                CloseOpportunityQuotesRequest { opportunity: deal.clone(), reason: CloseReason::Lost.into() }
            );
            let closed = closed.expect("they can be closed").quotes;
            assert_eq!(closed.len(), expected);
            for quote in closed {
                assert_eq!(house.quote(&quote.name).await, quote);
                assert_eq!((quote.state(), quote.close_reason()), (State::Closed, CloseReason::Lost));
            }
        }
        assert_eq!(house.quote(&other.name).await, other);
        let refused = ask!(
            house.quotes(),
            close_quote,
            CloseQuoteRequest { name: other.name.clone(), reason: CloseReason::Superseded.into() }
        );
        assert_eq!(refusal(&refused.expect_err("that is AcceptQuote's")).field_names(), ["reason"]);
    }
}
