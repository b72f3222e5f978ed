//! Quotes expire by the calendar of the company, without anyone calling (R-QUO-3).

use std::time::Duration;

use chrono::{TimeDelta, TimeZone, Utc};
use dealflow_chassis::serve::{ServeConfig, serve};
use dealflow_migrations::orders::Migrator;
use dealflow_orders::Settings;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::quote::{CloseReason, State};
use dealflow_proto::orders::v1::quote_service_client::QuoteServiceClient;
use dealflow_testbed::{TestClock, TestDb, both, eventually, id, refusal};
use tokio_util::sync::CancellationToken;

use crate::house::{House, ask, date, opportunity, quote};

both! {
    /// R-QUO-3
    async fn a_quote_expires_at_the_end_of_its_day_where_the_company_is(db: TestDb) {
        let auckland = Settings { time_zone: "Pacific/Auckland".parse().expect("a zone"), ..Settings::default() };
        let house = House::with(db, auckland).await;
        // Noon in UTC is one in the morning of the 16th in Auckland: the 15th has passed there.
        let ask = pb::Quote { valid_until_date: Some(date(2017, 3, 15)), ..quote(&opportunity()) };
        assert_eq!(refusal(&house.draft(ask).await.expect_err("that day is over")).field_names(), ["quote.valid_until_date"]);
        let ask = pb::Quote { valid_until_date: Some(date(2017, 3, 16)), ..quote(&opportunity()) };
        let name = house.presented(ask).await.name;
        house.time.set(Utc.with_ymd_and_hms(2017, 3, 16, 10, 59, 59).single().expect("a time"));
        assert!(!house.quote(&name).await.expired);
        house.time.advance(TimeDelta::seconds(1));
        assert!(house.quote(&name).await.expired);
        let late = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: name });
        assert_eq!(refusal(&late.expect_err("its day is over")).reason, "GUARD");
    }

    /// R-QUO-3, R-QUO-4: where the house does not mind, an expired quote is accepted late, also once it was closed for that;
    /// never one that went out no more, and none that was revised.
    async fn an_expired_quote_is_accepted_late_where_the_house_says_so(db: TestDb) {
        let house = House::open(db).await;
        let until = || pb::Quote { valid_until_date: Some(date(2017, 3, 15)), ..quote(&opportunity()) };
        let (open, closed, revised) =
            (house.presented(until()).await, house.presented(until()).await, house.presented(until()).await);
        let draft = house.draft(until()).await.expect("it can be drafted");
        house.time.advance(TimeDelta::days(1));
        let accept = async |name: &str| ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: name.to_owned() });
        assert_eq!(refusal(&accept(&open.name).await.expect_err("by default it is refused")).reason, "GUARD");
        let late = dealflow_proto::settings::v1::SettingValue { flag: Some(false), ..Default::default() };
        house.decide("orders.refuse_expired_quotes", late).await;
        assert_eq!(accept(&open.name).await.expect("the house does not mind").state(), State::Accepted);
        ask!(house.quotes(), expire_quotes, ExpireQuotesRequest {}).expect("it can be asked");
        ask!(house.quotes(), revise_quote, ReviseQuoteRequest { name: revised.name.clone() }).expect("it can be revised");
        let accepted = accept(&closed.name).await.expect("it was closed for nothing else");
        assert_eq!((accepted.state(), accepted.close_reason()), (State::Accepted, CloseReason::Unspecified));
        assert!(!accepted.order.is_empty());
        for name in [&draft.name, &revised.name] {
            accept(name).await.expect_err("nobody has it");
        }
    }

    /// R-QUO-3
    async fn what_has_expired_is_closed_and_told_once_and_can_be_revised(db: TestDb) {
        let house = House::open(db).await;
        let until = |day| pb::Quote { valid_until_date: Some(date(2017, 3, day)), ..quote(&opportunity()) };
        let late = house.presented(until(15)).await;
        let draft = house.draft(until(15)).await.expect("it can be drafted");
        let valid = house.presented(until(16)).await;
        let timeless = house.presented(quote(&opportunity())).await;
        house.time.advance(TimeDelta::days(1));
        for expected in [1, 0] {
            let closed = ask!(house.quotes(), expire_quotes, ExpireQuotesRequest {}).expect("it can be asked");
            assert_eq!(closed.quotes.len(), expected);
        }
        let closed = house.quote(&late.name).await;
        assert_eq!((closed.state(), closed.close_reason(), closed.expired), (State::Closed, CloseReason::Expired, true));
        for (open, state) in [(&draft, State::Draft), (&valid, State::Presented), (&timeless, State::Presented)] {
            assert_eq!(house.quote(&open.name).await.state(), state, "only what was out expires");
        }
        let told = house.events(&late.opportunity).await;
        assert_eq!(told.iter().filter(|event| event.r#type == "quote.expired").count(), 1);
        let refused = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: late.name.clone() });
        let refused = refusal(&refused.expect_err("its time ran out"));
        assert!(refused.reason == "GUARD" && refused.message.contains("ReviseQuote"), "{}", refused.message);
        assert_eq!(closed.guidance.expect("it is guided").allowed_verbs, ["ReviseQuote"]);
        let copy = ask!(house.quotes(), revise_quote, ReviseQuoteRequest { name: late.name.clone() });
        let copy = copy.expect("an expired quote can be revised");
        assert_eq!((copy.revision, copy.state(), &copy.number), (1, State::Draft, &late.number));
        let again = ask!(house.quotes(), revise_quote, ReviseQuoteRequest { name: late.name });
        assert_eq!(refusal(&again.expect_err("only the current revision")).reason, "TERMINAL");
    }

    /// R-QUO-3
    async fn the_service_looks_by_itself(db: TestDb) {
        let time = TestClock::at(Utc.with_ymd_and_hms(2017, 3, 15, 12, 0, 0).single().expect("noon"));
        let store = db.store::<Migrator>("orders", time.clock()).await;
        let settings = Settings { sweep: Duration::from_millis(20), ..Settings::default() };
        let stop = CancellationToken::new();
        let serving = serve(dealflow_orders::part(store, settings), ServeConfig::default(), stop.clone()).await;
        let serving = serving.expect("it serves");
        let mut quotes = QuoteServiceClient::new(serving.link.clone());
        let offered = pb::Quote { valid_until_date: Some(date(2017, 3, 15)), ..quote(&opportunity()) };
        let ask = pb::CreateQuoteRequest { quote: Some(offered), request_id: id(), ..Default::default() };
        let name = quotes.create_quote(ask).await.expect("it can be drafted").into_inner().name;
        let ask = pb::ActivateQuoteRequest { name: name.clone(), request_id: id(), ..Default::default() };
        quotes.activate_quote(ask).await.expect("it can be activated");
        time.advance(TimeDelta::days(1));
        eventually("the quote is closed", Duration::from_secs(10), async || {
            let found = quotes.clone().get_quote(pb::GetQuoteRequest { name: name.clone() }).await;
            found.expect("it is there").into_inner().close_reason() == CloseReason::Expired
        })
        .await;
        stop.cancel();
        serving.stopped().await;
    }
}
