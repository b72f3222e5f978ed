//! What lists read of their callers, given what nobody would write: refused with its place or answered alike by both
//! databases, and never a fault of theirs.

use dealflow_chassis::list::{Filter, ListError, ListRequest, Literal};
use dealflow_testbed::{Said, fuzz};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::deals::{State, Store, deal};

const WORDS: &[&str] = &[
    " AND ",
    " OR ",
    "NOT ",
    "-",
    "(",
    ")",
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    ":",
    "*",
    "\"",
    "'",
    "\\",
    "\\*",
    "\\u00e9",
    "\\u0000",
    "\\ud800",
    ",",
    ".",
    " desc",
    " asc",
    "title",
    "owner",
    "amount",
    "rating",
    "state",
    "won",
    "account",
    "create_time",
    "close_date",
    "true",
    "false",
    "OPEN",
    "WON",
    "null",
    "12.5",
    "0.001",
    "2147483648",
    "1e3",
    "accounts/00000000-0000-0000-0000-000000000001",
    "2026-01-31",
    "2026-02-30",
    "2026-01-31T09:30:00+02:00",
    "+262142-12-31",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "%",
    "_",
    "!",
    "[",
    "?",
    "]",
];

/// Each database at hand, with the same few rows.
struct Stores {
    runtime: Runtime,
    all: Vec<Store>,
}

impl Stores {
    fn open() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let rows: Vec<_> =
            [("a", 5), ("Zürich [x]*?", -1), ("100% _!", 12_345), ("", i64::MAX), ("a\u{1F600}", i64::MIN)]
                .into_iter()
                .zip(1_u128..)
                .map(|((title, amount), number)| {
                    let mut row = deal(title);
                    row.id = Uuid::from_u128(number);
                    row.amount = amount;
                    if number % 2 == 0 {
                        row.owner = Some("Ann".to_owned());
                        row.rating = Some(i32::MIN + i32::try_from(number).unwrap_or_default());
                        row.state = State::Won;
                        row.account = Some(row.id);
                        row.close_date = chrono::NaiveDate::from_ymd_opt(2026, 1, 31);
                    }
                    row
                })
                .collect();
        let all = runtime.block_on(async {
            let all = Store::each().await;
            for store in &all {
                store.insert(&rows).await;
            }
            all
        });
        Self { runtime, all }
    }

    /// What all of them answer: the titles and the next page's token, or what is wrong.
    fn answer(&self, ask: ListRequest<'_>) -> Result<(Vec<String>, String), String> {
        let answers = self.all.iter().map(|store| match self.runtime.block_on(store.list(ask)) {
            Ok(page) => Ok((page.items.into_iter().map(|row| row.title).collect(), page.next_page_token)),
            Err(ListError::Db(error)) => panic!("{:?} fails: {error}", store.backend()),
            Err(refused) => Err(refused.to_string()),
        });
        let answers: Vec<_> = answers.collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "they differ: {answers:?}");
        answers.into_iter().next().expect("SQLite is always at hand")
    }
}

/// A filter as the grammar writes it; what stood without quotes stands so again.
fn written(filter: &Filter) -> String {
    let value = |value: &Literal| {
        if !value.quoted {
            return value.pieces.join("*");
        }
        let mut pieces = value.pieces.clone();
        for piece in &mut pieces {
            *piece = piece.replace('\\', "\\\\").replace('"', "\\\"").replace('*', "\\*");
        }
        format!("\"{}\"", pieces.join("*"))
    };
    let inside = |filter: &Filter| match filter {
        Filter::All(_) | Filter::Any(_) | Filter::Not(_) => format!("({})", written(filter)),
        _ => written(filter),
    };
    let joined = |all: &[Filter], by: &str| all.iter().map(inside).collect::<Vec<_>>().join(by);
    match filter {
        Filter::All(all) => joined(all, " AND "),
        Filter::Any(any) => joined(any, " OR "),
        Filter::Not(other) => format!("NOT {}", inside(other)),
        Filter::Compare { field, comparator, value: v, .. } => format!("{field} {} {}", comparator.sign(), value(v)),
        Filter::Anywhere(v) => value(v),
    }
}

/// The tree without its places.
fn shape(filter: &Filter) -> String {
    match filter {
        Filter::All(all) => format!("all{:?}", all.iter().map(shape).collect::<Vec<_>>()),
        Filter::Any(any) => format!("any{:?}", any.iter().map(shape).collect::<Vec<_>>()),
        Filter::Not(other) => format!("not {}", shape(other)),
        Filter::Compare { field, comparator, value, .. } => {
            format!("{field}{}{:?}{}", comparator.sign(), value.pieces, value.quoted)
        }
        Filter::Anywhere(value) => format!("{:?}{}", value.pieces, value.quoted),
    }
}

/// R-API-1: a filter is refused at a place in it, or read as what it says and answered alike by both databases.
#[test]
fn fuzz_filter() {
    let stores = Stores::open();
    let seeds: [&[u8]; 5] = [
        b"title = \"a*\" AND NOT (amount >= 0.05 OR rating < -3)",
        b"state = WON owner:Ann -won = true",
        b"account = accounts/00000000-0000-0000-0000-000000000002 OR close_date:*",
        b"create_time > 2026-01-31T09:30:00+02:00 title != '' \"z\\u00fcrich\"",
        "title = \"*[x]\\**\" 100% a\u{1F600}".as_bytes(),
    ];
    fuzz("filter", &seeds, WORDS, |input| {
        let Ok(filter) = std::str::from_utf8(input) else { return Said::No("no UTF-8".to_owned()) };
        match Filter::parse(filter) {
            Err(ListError::Filter { column, .. }) => {
                assert!((1..=filter.chars().count() + 1).contains(&column), "column {column} is not in it");
            }
            Err(other) => panic!("a filter is refused as another field: {other}"),
            Ok(tree) => {
                let again = written(&tree);
                // One that stood in many parentheses, or was long, may be too much of both when it is written anew.
                if let Ok(read) = Filter::parse(&again) {
                    assert_eq!(shape(&read), shape(&tree), "{again}");
                }
            }
        }
        Said::of(&stores.answer(ListRequest { filter, ..Default::default() }))
    });
}

/// R-API-1: an order is refused or is the same on both databases; page by page it brings each row once.
#[test]
fn fuzz_order_by() {
    let stores = Stores::open();
    let seeds: [&[u8]; 3] = [b"owner desc, title", b"rating, amount desc", b"create_time asc,state,won"];
    fuzz("order_by", &seeds, WORDS, |input| {
        let Ok(order_by) = std::str::from_utf8(input) else { return Said::No("no UTF-8".to_owned()) };
        let whole = stores.answer(ListRequest { order_by, ..Default::default() });
        if let Ok((titles, _)) = &whole {
            let (mut pages, mut page_token) = (Vec::new(), String::new());
            loop {
                let ask = ListRequest { order_by, page_size: 2, page_token: &page_token, ..Default::default() };
                let (page, next) = stores.answer(ask).expect("a page of what was taken whole");
                pages.extend(page);
                page_token = next;
                if page_token.is_empty() {
                    break;
                }
            }
            assert_eq!(&pages, titles);
        }
        Said::of(&whole)
    });
}

/// R-API-1: no token but one that was given leads to a page.
#[test]
fn fuzz_page_token() {
    let stores = Stores::open();
    let ask = ListRequest { page_size: 1, order_by: "owner desc, rating, title", ..Default::default() };
    let (mut given, mut page_token) = (Vec::new(), String::new());
    loop {
        let (_, next) = stores.answer(ListRequest { page_token: &page_token, ..ask }).expect("a page");
        if next.is_empty() {
            break;
        }
        given.push(next.clone());
        page_token = next;
    }
    let seeds: Vec<&[u8]> = given.iter().map(String::as_bytes).collect();
    let words = ["eyJ", "e30", "bnVsbA", "W10", "In0", "=", "==", "AA", "__", "--"];
    fuzz("page_token", &seeds, &words, |input| {
        let Ok(page_token) = std::str::from_utf8(input) else { return Said::No("no UTF-8".to_owned()) };
        let answer = stores.answer(ListRequest { page_token, ..ask });
        match &answer {
            Ok(_) => assert!(page_token.is_empty() || given.iter().any(|one| one == page_token), "it leads somewhere"),
            Err(refused) => assert!(refused.starts_with("page_token: "), "{refused}"),
        }
        Said::of(&answer)
    });
}
