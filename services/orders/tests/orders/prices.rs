//! What things cost: lists, rates, prices for a day and a quantity, and refusals that a machine understands (R-PRD-1).

use chrono::TimeDelta;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::types::v1::Line;
use dealflow_testbed::{TestDb, both, refusal};
use tonic::Status;

use crate::house::{House, ask, date, decimal, eur, from_amount, line, money, opportunity, product, quote};

async fn sold(house: &House, code: &str) -> String {
    house.products().create_product(product(code)).await.expect("it can be made").into_inner().name
}

async fn list(house: &House, list: pb::PriceList) -> String {
    let list = pb::PriceList { display_name: "Dealers".to_owned(), decimals: 2, ..list };
    let made = ask!(house.prices(), create_price_list, CreatePriceListRequest { price_list: Some(list) });
    made.expect("it can be made").name
}

fn euros() -> pb::PriceList {
    pb::PriceList { currency_code: "EUR".to_owned(), ..Default::default() }
}

async fn cost(house: &House, list: &str, product: &str, from: &str, price: &str) -> Result<pb::PriceListItem, Status> {
    let item = pb::PriceListItem {
        price_list: list.to_owned(),
        product: product.to_owned(),
        min_quantity: Some(decimal(from)),
        price: Some(eur(price)),
        ..Default::default()
    };
    ask!(house.prices(), set_price, SetPriceRequest { item: Some(item) })
}

async fn rate(house: &House, from: &str, to: &str, day: u32, rate: &str) {
    let rate = pb::ExchangeRate {
        from_currency: from.to_owned(),
        to_currency: to.to_owned(),
        day: Some(date(2017, 3, day)),
        rate: Some(decimal(rate)),
        ..Default::default()
    };
    ask!(house.prices(), set_exchange_rate, SetExchangeRateRequest { exchange_rate: Some(rate) })
        .expect("it is a rate");
}

async fn find(house: &House, ask: pb::FindPriceRequest) -> Result<pb::FindPriceResponse, Status> {
    house.prices().find_price(ask).await.map(tonic::Response::into_inner)
}

/// One line of a product, without a price.
fn bare(product: &str, quantity: &str) -> Line {
    Line { product: product.to_owned(), quantity: Some(decimal(quantity)), ..Default::default() }
}

both! {
    /// R-API-1, R-PRD-1: of two who set one price, or one rate, by what they saw, the second is told that it is another by now.
    async fn a_price_and_a_rate_are_set_by_what_the_caller_saw(db: TestDb) {
        let house = House::open(db).await;
        let (product, list) = (sold(&house, "A").await, list(&house, euros()).await);
        let first = cost(&house, &list, &product, "0", "90").await.expect("it is a price");
        let set = async |etag: &str, amount: &str| {
            let item = pb::PriceListItem { price: Some(eur(amount)), ..first.clone() };
            ask!(house.prices(), set_price, SetPriceRequest { item: Some(item), etag: etag.to_owned() })
        };
        let second = set(&first.etag, "80").await.expect("it is what he saw");
        let stale = refusal(&set(&first.etag, "70").await.expect_err("it is 80 by now"));
        assert_eq!((stale.code, stale.reason.as_str()), (tonic::Code::Aborted, "STALE_ETAG"));
        set("", "75").await.expect("whatever it is");
        let elsewhere = pb::PriceListItem { min_quantity: Some(decimal("10")), ..first.clone() };
        let unseen = ask!(house.prices(), set_price, SetPriceRequest { item: Some(elsewhere), etag: second.etag });
        assert_eq!(unseen.expect_err("there is none").code(), tonic::Code::Aborted);

        let dollar = pb::ExchangeRate {
            from_currency: "EUR".to_owned(), to_currency: "USD".to_owned(), day: Some(date(2017, 3, 15)),
            rate: Some(decimal("1.05")), ..Default::default()
        };
        let set = async |etag: &str| {
            let rate = Some(dollar.clone());
            ask!(house.prices(), set_exchange_rate, SetExchangeRateRequest { exchange_rate: rate, etag: etag.to_owned() })
        };
        let first = set("").await.expect("it is a rate").etag;
        assert_eq!(set(&first).await.expect("it is what he saw").etag, "2");
        assert_eq!(set(&first).await.expect_err("it is another by now").code(), tonic::Code::Aborted);
    }

    /// R-PRD-1
    async fn the_price_of_the_largest_quantity_that_is_reached_counts(db: TestDb) {
        let house = House::open(db).await;
        let (product, list) = (sold(&house, "A").await, list(&house, euros()).await);
        for (from, price) in [("0", "90"), ("10", "80"), ("100", "70.5")] {
            cost(&house, &list, &product, from, price).await.expect("it is a price");
        }
        for (quantity, price) in [("1", "90"), ("9.999999", "90"), ("10", "80"), ("100", "70.5"), ("1000", "70.5")] {
            let ask = pb::FindPriceRequest {
                product: product.clone(), price_list: list.clone(), quantity: Some(decimal(quantity)), ..Default::default()
            };
            assert_eq!(find(&house, ask).await.expect("it is on the list").unit_price, Some(eur(price)), "{quantity}");
        }
        let lines = vec![bare(&product, "5"), bare(&product, "50")];
        let made = house.draft(pb::Quote { lines, price_list: list.clone(), ..quote(&opportunity()) }).await;
        let made = made.expect("it can be drafted");
        let prices: Vec<_> = made.lines.iter().map(|line| line.unit_price.clone()).collect();
        assert_eq!(prices, [Some(eur("90")), Some(eur("80"))]);
        assert_eq!(made.price_list, list);

        let changed = cost(&house, &list, &product, "0", "95").await.expect("the same place again");
        assert_eq!(changed.etag, "2");
        assert_eq!(house.quote(&made.name).await.lines, made.lines, "what is written keeps its price");
    }

    /// R-PRD-1: a rate that no line was converted by is not told; one whose lines stay is.
    async fn a_quote_tells_no_rate_of_lines_that_it_has_no_more(db: TestDb) {
        let house = House::open(db).await;
        let (product, list) = (sold(&house, "A").await, list(&house, euros()).await);
        cost(&house, &list, &product, "0", "90").await.expect("it is a price");
        rate(&house, "EUR", "USD", 1, "1.05").await;
        let asked = pb::Quote { price_list: list, currency_code: "USD".to_owned(), lines: vec![bare(&product, "1")], ..quote(&opportunity()) };
        let made = house.draft(asked).await.expect("it can be drafted");
        assert_eq!(made.used_rates.len(), 1);
        let change = async |changed: pb::Quote, path: &str| {
            let quote = Some(pb::Quote { name: made.name.clone(), ..changed });
            let mask = Some(prost_types::FieldMask { paths: vec![path.to_owned()] });
            ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: quote, update_mask: mask }).expect("it can be changed")
        };
        let discounted = change(pb::Quote { discount_percent: Some(decimal("5")), ..Default::default() }, "discount_percent").await;
        assert_eq!(discounted.used_rates, made.used_rates, "its lines stay");
        let dollars = Line { unit_price: Some(money("10", "USD")), ..crate::house::line("1", "1") };
        let replaced = change(pb::Quote { lines: vec![dollars], ..Default::default() }, "lines").await;
        assert_eq!(replaced.used_rates, []);
    }

    /// R-PRD-1
    async fn a_price_is_converted_by_the_rate_of_the_day_and_both_stay_once_the_quote_is_active(db: TestDb) {
        let house = House::open(db).await;
        let (product, list) = (sold(&house, "A").await, list(&house, euros()).await);
        cost(&house, &list, &product, "0", "90").await.expect("it is a price");
        rate(&house, "EUR", "USD", 1, "1.05").await;
        rate(&house, "EUR", "USD", 14, "1.0777").await;
        let dollars = |lines| pb::Quote {
            lines, price_list: list.clone(), currency_code: "USD".to_owned(), ..quote(&opportunity())
        };
        let offered = house.presented(dollars(vec![bare(&product, "1")])).await;
        assert_eq!(offered.lines[0].unit_price, Some(money("96.99", "USD")), "90 × 1.0777, rounded to the list's decimals");
        let [used] = &offered.used_rates[..] else { panic!("one rate: {:?}", offered.used_rates) };
        assert_eq!((&used.from_currency, used.rate.clone(), used.day), (&"EUR".to_owned(), Some(decimal("1.0777")), Some(date(2017, 3, 14))));

        house.time.advance(TimeDelta::days(1));
        rate(&house, "EUR", "USD", 16, "2").await;
        cost(&house, &list, &product, "0", "1000").await.expect("it is a price");
        assert_eq!(house.quote(&offered.name).await.lines, offered.lines);
        let copy = ask!(house.quotes(), revise_quote, ReviseQuoteRequest { name: offered.name }).expect("it can be revised");
        assert_eq!((&copy.lines, &copy.used_rates), (&offered.lines, &offered.used_rates), "prices are locked");
        let accepted = ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: copy.name.clone() });
        accepted.expect("it can be activated");
        let accepted = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: copy.name }).expect("it can be accepted");
        assert_eq!(house.order(&accepted.order).await.used_rates, offered.used_rates);

        // The other way round, by the same stored rate; and the product's own price without a list.
        let back = pb::FindPriceRequest { product: product.clone(), currency_code: "USD".to_owned(), ..Default::default() };
        let back = find(&house, back).await.expect("a rate is stored");
        assert_eq!((back.unit_price, back.listed_price), (Some(money("200", "USD")), Some(eur("100"))));
    }

    /// R-PRD-1
    async fn a_list_holds_from_its_first_day_to_its_last(db: TestDb) {
        let house = House::open(db).await;
        let product = sold(&house, "A").await;
        let (first, last) = (Some(date(2017, 3, 10)), Some(date(2017, 3, 20)));
        let list = list(&house, pb::PriceList { valid_from_date: first, valid_until_date: last, ..euros() }).await;
        cost(&house, &list, &product, "0", "90").await.expect("it is a price");
        for (day, holds) in [(9, false), (10, true), (20, true), (21, false)] {
            let ask = pb::FindPriceRequest {
                product: product.clone(), price_list: list.clone(), day: Some(date(2017, 3, day)), ..Default::default()
            };
            match find(&house, ask).await {
                Ok(_) => assert!(holds, "{day}"),
                Err(status) => {
                    let refused = refusal(&status);
                    assert_eq!((holds, refused.reason.as_str()), (false, "NO_PRICE_LIST"));
                    assert_eq!(refused.metadata["day"], format!("2017-03-{day:02}"));
                }
            }
        }
        let off = pb::PriceList { name: list.clone(), disabled: true, ..Default::default() };
        ask!(house.prices(), update_price_list, UpdatePriceListRequest { price_list: Some(off) }).expect("it can be ended");
        let late = house.draft(pb::Quote { lines: vec![bare(&product, "1")], price_list: list, ..quote(&opportunity()) }).await;
        assert_eq!(refusal(&late.expect_err("it holds no more")).reason, "NO_PRICE_LIST");
    }

    /// R-PRD-1
    async fn each_refusal_of_pricing_has_its_reason_and_its_line(db: TestDb) {
        let house = House::open(db).await;
        let (a, b) = (sold(&house, "A").await, sold(&house, "B").await);
        let list = list(&house, euros()).await;
        cost(&house, &list, &a, "10", "90").await.expect("it is a price");
        let many = |line: Line| Line { quantity: Some(decimal("10")), ..line };
        let cases = [
            ("NOT_IN_PRICE_LIST", "quote.lines[1].product", bare(&b, "1")),
            ("UNIT_MISMATCH", "quote.lines[1].unit_code", Line { unit_code: "KGM".to_owned(), ..many(bare(&a, "1")) }),
            ("QUANTITY_TOO_SMALL", "quote.lines[1].quantity", bare(&a, "9.99")),
            ("PRECISION", "quote.lines[1].unit_price", Line { unit_price: Some(eur("90.001")), ..many(bare(&a, "1")) }),
            ("PRECISION", "quote.lines[1].quantity", bare(&a, "10.0000001")),
            (
                "DISCOUNT_OUT_OF_RANGE",
                "quote.lines[1].discount_percent",
                Line { discount_percent: Some(decimal("101")), ..many(bare(&a, "1")) },
            ),
        ];
        for (reason, field, wrong) in cases {
            let lines = vec![bare(&a, "10"), wrong];
            let refused = house.draft(pb::Quote { lines, price_list: list.clone(), ..quote(&opportunity()) }).await;
            let refused = refusal(&refused.expect_err(reason));
            assert_eq!((refused.code, refused.reason.as_str()), (tonic::Code::InvalidArgument, reason));
            assert_eq!(refused.field_names(), [field]);
        }
        let dollars = pb::Quote { lines: vec![bare(&a, "10")], currency_code: "USD".to_owned(), ..quote(&opportunity()) };
        let refused = house.draft(pb::Quote { price_list: list.clone(), ..dollars.clone() }).await.expect_err("no rate");
        assert_eq!(refusal(&refused).reason, "CURRENCY_MISMATCH");
        assert_eq!(refusal(&house.draft(dollars).await.expect_err("no rate")).reason, "CURRENCY_MISMATCH");
        let absurd = pb::Quote { lines: vec![line("999999999999", "999999999999999")], ..quote(&opportunity()) };
        assert_eq!(refusal(&house.draft(absurd).await.expect_err("more than fits")).reason, "OVERFLOW");

        let fine = cost(&house, &list, &a, "20", "89.999").await.expect_err("the list has two decimals");
        assert_eq!((refusal(&fine).reason.as_str(), refusal(&fine).field_names()), ("PRECISION", vec!["item.price"]));
        let unit = pb::Product { unit_code: "ZZZ".to_owned(), ..product("C").product.expect("it holds one") };
        let unit = ask!(house.products(), create_product, CreateProductRequest { product: Some(unit) });
        assert_eq!(refusal(&unit.expect_err("no unit of Recommendation 20")).field_names(), ["product.unit_code"]);
    }

    /// R-PRD-1, R-QUO-2
    async fn a_threshold_in_another_currency_is_compared_by_the_stored_rate(db: TestDb) {
        let house = House::open(db).await;
        house.policy(from_amount("1000")).await;
        rate(&house, "USD", "EUR", 1, "0.5").await;
        let dollars = |price: &str| Line { unit_price: Some(money(price, "USD")), ..line("1", "1") };
        let of = |price: &str| pb::Quote { currency_code: "USD".to_owned(), lines: vec![dollars(price)], ..quote(&opportunity()) };
        house.presented(of("1999.99")).await;
        let name = house.draft(of("2000")).await.expect("it can be drafted").name;
        let asked = ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: name });
        assert_eq!(refusal(&asked.expect_err("it is worth 1,000 EUR")).reason, "APPROVAL_REQUIRED");
    }
}
