//! What a filter matches, the same on each database.

use chrono::NaiveDate;
use dealflow_chassis::list::{Fields, ListError, ListRequest, list};
use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::deals::{Column, Entity, Model, State, Store, deal};

const ACCOUNT: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

/// Three deals that differ in everything; `c` has nothing that may be absent.
fn three() -> [Model; 3] {
    let plain = deal("");
    [
        Model {
            title: "100% Müller_[x]".to_owned(),
            owner: Some("Ann".to_owned()),
            amount: 100_050,
            rating: Some(3),
            state: State::Won,
            won: true,
            account: Some(ACCOUNT),
            close_date: NaiveDate::from_ymd_opt(2026, 1, 31),
            ..plain.clone()
        },
        Model {
            id: Uuid::now_v7(),
            title: "b".to_owned(),
            owner: Some(String::new()),
            amount: -5,
            create_time: plain.create_time + chrono::Duration::microseconds(1),
            ..plain.clone()
        },
        Model { id: Uuid::now_v7(), title: "c".to_owned(), create_time: plain.create_time, ..plain },
    ]
}

#[tokio::test]
async fn a_filter_matches_the_rows_it_says_and_its_negation_all_others() {
    let (m, b, c) = ("100% Müller_[x]", "b", "c");
    let table: &[(&str, &[&str])] = &[
        ("", &[m, b, c]),
        ("title = b", &[b]),
        ("title = B", &[]),
        ("title != b", &[m, c]),
        ("title = \"100% Müller_[x]\"", &[m]),
        ("title > 1 AND title < c", &[m, b]),
        ("title >= c", &[c]),
        ("title <= b", &[m, b]),
        ("title : mÜLLER", &[]), // only A-Z fold, on both databases
        ("title : MüLLER", &[m]),
        ("title:\"%\"", &[m]),
        ("title:_", &[m]),
        ("title:\"!\"", &[]),
        ("title:\"0*l\"", &[m]),
        ("title = 1*", &[m]),
        ("title = \"*[x]\"", &[m]),
        ("title = \"*m*\"", &[]), // equality knows upper and lower case
        ("title = \"*M*\"", &[m]),
        ("title = *", &[m, b, c]),
        ("title != \"*M*\"", &[b, c]),
        ("owner = Ann", &[m]),
        ("owner != Ann", &[b, c]),
        ("NOT owner = Ann", &[b, c]),
        ("NOT owner != Ann", &[m]),
        ("owner:*", &[m]),
        ("NOT owner:*", &[b, c]),
        ("owner = \"\"", &[b, c]),
        ("owner != \"\"", &[m]),
        ("owner:nn", &[m]),
        ("-owner:nn", &[b, c]),
        ("amount = 1000.50", &[m]),
        ("amount < 0", &[b]),
        ("amount > -0.05", &[m, c]),
        ("amount >= -0.05", &[m, b, c]),
        ("rating = 3", &[m]),
        ("rating < 9", &[m]),
        ("NOT rating < 9", &[b, c]),
        ("rating:*", &[m]),
        ("rating:3", &[m]),
        ("state = WON OR state = LOST", &[m]),
        ("state != WON", &[b, c]),
        ("won = true", &[m]),
        ("won = false AND amount = 0", &[c]),
        ("account = accounts/01900000-0000-7000-8000-000000000001", &[m]),
        ("account:*", &[m]),
        ("create_time = 2026-05-28T20:26:40Z", &[m, c]),
        ("create_time > 2026-05-28T22:26:40+02:00", &[b]),
        ("create_time > 2026-05-28T20:26:40.0000001Z", &[b]), // read to the microsecond
        ("create_time >= 2026-05-28", &[m, b, c]),
        ("close_date <= 2026-01-31", &[m]),
        ("NOT close_date <= 2026-01-31", &[b, c]),
        ("ann OR \"b\"", &[m, b]),
        ("-b", &[m, c]),
        ("(won = true OR amount < 0) -title:x", &[b]),
    ];
    for store in Store::each().await {
        store.insert(&three()).await;
        for (filter, expected) in table {
            assert_eq!(store.titles(filter, "title").await, *expected, "{filter} {:?}", store.backend());
            if !filter.is_empty() {
                let rest = [m, b, c].into_iter().filter(|title| !expected.contains(title));
                let found = store.titles(&format!("NOT ({filter})"), "title").await;
                assert_eq!(found, rest.collect::<Vec<_>>(), "NOT ({filter}) {:?}", store.backend());
            }
        }
    }
}

#[tokio::test]
async fn a_filter_that_does_not_fit_the_fields_is_refused_at_its_column() {
    let table = [
        ("title=a AND colour=red", 13, "no field \"colour\" to filter by; there are: title, owner, amount"),
        ("title.x=a", 1, "no field \"title.x\""),
        ("amount=1.005", 8, "at most 2 decimal places"),
        ("amount=1e3", 8, "at most 2 decimal places"),
        ("amount = 99999999999999999999", 10, "expected a number"),
        ("rating=high", 8, "expected a whole number, found \"high\""),
        ("rating=2.5", 8, "expected a whole number"),
        ("rating=3*", 8, "expected a whole number"),
        ("state=WEN", 7, "expected one of LOST, OPEN, WON, found \"WEN\""),
        ("state>OPEN", 7, "state is compared by = != or :, not by >"),
        (&format!("state={}", "x".repeat(8_000)), 7, &format!("found \"{}…\"", "x".repeat(40))),
        ("won=yes", 5, "expected true or false"),
        ("won<true", 5, "not by <"),
        ("account=leads/01900000-0000-7000-8000-000000000001", 9, "expected a name like accounts/{uuid}"),
        ("account=accounts/7", 9, "expected a name like accounts/{uuid}"),
        ("account>=accounts/7", 10, "not by >="),
        ("create_time>yesterday", 13, "expected a time like"),
        ("create_time>10000-01-01", 13, "expected a time like"),
        ("close_date=2026-02-30", 12, "expected a day like"),
        ("close_date=2026-1-1", 12, "expected a day like"),
        ("title:\"\"", 7, "title:* asks for any value"),
        ("title=a*b*c*d*e*f", 7, "4 wildcards at most"),
        ("a*b*c*d*e*f", 1, "4 wildcards at most"),
    ];
    for store in Store::each().await {
        for (filter, at, expected) in table {
            match store.list(ListRequest { filter, ..Default::default() }).await {
                Err(ListError::Filter { column, message }) => {
                    assert!(message.contains(expected), "{filter}: {message}");
                    assert_eq!(column, at, "{filter}: {message}");
                }
                other => panic!("{filter} was answered {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn names_on_the_wire_may_differ_from_what_is_stored_and_a_list_may_have_its_own_order() {
    let fields = Fields::new()
        .one_of_as("state", Column::State, [("STATE_OPEN", "OPEN"), ("STATE_WON", "WON")])
        .one_of("state_as_stored", Column::State, &["OPEN", "WON"])
        .slug("owner", "people", Column::Owner)
        .uuid("account_id", "", Column::Account)
        .text("title", Column::Title)
        .sort_only()
        .default_order("title desc");
    for store in Store::each().await {
        store.insert(&three()).await;
        for (filter, expected) in [
            ("", "c b 100% Müller_[x]"),
            ("state = STATE_WON", "100% Müller_[x]"),
            ("state_as_stored = WON", "100% Müller_[x]"),
            ("owner = people/Ann", "100% Müller_[x]"),
            ("account_id = 01900000-0000-7000-8000-000000000001", "100% Müller_[x]"),
        ] {
            let ask = ListRequest { filter, ..Default::default() };
            let page = list(&store.db, Entity::find(), &fields, ask).await.expect("a page");
            let titles: Vec<String> = page.items.into_iter().map(|deal| deal.title).collect();
            assert_eq!(titles.join(" "), expected, "{filter}");
        }
        for (filter, expected) in [("title = c", "no field \"title\""), ("c", "no text to look in")] {
            let ask = ListRequest { filter, ..Default::default() };
            let refusal = list(&store.db, Entity::find(), &fields, ask).await.expect_err(filter);
            assert!(refusal.to_string().contains(expected), "{refusal}");
        }
    }
}
