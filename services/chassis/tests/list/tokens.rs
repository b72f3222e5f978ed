//! Page tokens: bound to their list, and refused when they are not ours.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dealflow_chassis::list::{self, ListError, ListRequest};
use proptest::prelude::*;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::deals::{Column, Entity, FIELDS, Model, Store, deal};

const ASK: ListRequest<'static> =
    ListRequest { page_size: 1, page_token: "", filter: "title:*", order_by: "owner desc, title" };

async fn store_with_a_token() -> (Store, String) {
    let store = Store::each().await.swap_remove(0);
    store.insert(&[deal("a"), deal("b"), deal("c")]).await;
    let token = store.list(ASK).await.expect("a page").next_page_token;
    assert!(!token.is_empty());
    (store, token)
}

fn refused(answer: Result<list::Page<Model>, ListError>, expected: &str) {
    let refusal = answer.expect_err("a foreign token");
    assert_eq!(refusal.field(), "page_token", "{refusal}");
    assert!(refusal.to_string().contains(expected), "{refusal}");
}

#[tokio::test]
async fn a_token_is_refused_by_a_list_with_other_arguments() {
    let (store, page_token) = store_with_a_token().await;
    let ask = ListRequest { page_token: &page_token, ..ASK };
    let other = "belongs to a list with another parent, filter or order_by";
    refused(store.list(ListRequest { filter: "title:a", ..ask }).await, other);
    refused(store.list(ListRequest { filter: "", ..ask }).await, other);
    refused(store.list(ListRequest { order_by: "title", ..ask }).await, other);
    refused(store.list(ListRequest { order_by: "", ..ask }).await, other);
    for state in ["OPEN", "WON"] {
        let parent = Entity::find().filter(Column::State.eq(state));
        refused(list::list(&store.db, parent, &FIELDS, ask).await, other);
    }
    let page = store.list(ListRequest { page_size: 2, ..ask }).await.expect("another size is allowed");
    assert_eq!(page.items.len(), 2);
}

#[tokio::test]
async fn a_token_outlives_a_base_that_compares_with_the_present_moment() {
    let (store, _) = store_with_a_token().await;
    let until = |seconds| {
        let now = deal("").create_time + chrono::Duration::seconds(seconds);
        Entity::find().filter(Column::CreateTime.lt(now))
    };
    let first = list::list(&store.db, until(1), &FIELDS, ASK).await.expect("the first page");
    let ask = ListRequest { page_token: &first.next_page_token, ..ASK };
    let second = list::list(&store.db, until(2), &FIELDS, ask).await.expect("the second page");
    assert_eq!(second.items[0].title, "b");
}

#[tokio::test]
async fn a_token_that_is_not_ours_is_refused() {
    let (store, token) = store_with_a_token().await;
    let cut = &token[..token.len() - 5];
    let long = "A".repeat(9_000);
    let json = URL_SAFE_NO_PAD.encode(r#"{"l":"x","k":[null,"a","b"],"c":"y"}"#);
    let list = URL_SAFE_NO_PAD.encode("[".repeat(3_000));
    for (page_token, expected) in [
        ("x", "not a token of ours"),
        ("2", "not a token of ours"),
        ("%%%", "not a token of ours"),
        ("ünicode", "not a token of ours"),
        (cut, "not a token of ours"),
        (&json, "not a token of ours"),
        (&list, "not a token of ours"),
        (&long, "longer than any token"),
    ] {
        refused(store.list(ListRequest { page_token, ..ASK }).await, expected);
    }
}

#[tokio::test]
async fn a_sort_value_too_long_for_a_token_is_refused_and_not_cut() {
    let (store, _) = store_with_a_token().await;
    store.insert(&[deal(&"z".repeat(20_000)), deal("~")]).await;
    let ask = ListRequest { page_size: 1, order_by: "title desc", ..Default::default() };
    let first = store.list(ask).await.expect("the first page is short");
    let refusal = store.list(ListRequest { page_token: &first.next_page_token, ..ask }).await;
    let refusal = refusal.expect_err("the row of 20,000 characters");
    assert_eq!(refusal.field(), "order_by");
    assert!(refusal.to_string().contains("too long to page by"), "{refusal}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn no_token_panics_and_a_changed_character_is_noticed(
        noise in prop::collection::vec(any::<String>(), 16),
        places in prop::collection::vec(any::<prop::sample::Index>(), 16),
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let (store, token) = store_with_a_token().await;
            for text in noise.iter().filter(|text| !text.is_empty()) {
                refused(store.list(ListRequest { page_token: text, ..ASK }).await, "ask again");
            }
            for place in places {
                let mut changed = token.clone().into_bytes();
                let at = place.index(changed.len());
                changed[at] = if changed[at] == b'A' { b'Q' } else { b'A' };
                let changed = String::from_utf8(changed).expect("still ASCII");
                refused(store.list(ListRequest { page_token: &changed, ..ASK }).await, "not a token of ours");
            }
        });
    }
}
