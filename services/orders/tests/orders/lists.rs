//! Lists: filters, orders, pages.

use dealflow_proto::orders::v1 as pb;
use dealflow_testbed::{TestDb, both, refusal};

use crate::house::{House, opportunity, order, product, quote};

both! {
    /// R-QUO-1
    async fn quotes_are_found_by_opportunity_state_number_and_age_page_by_page(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        let mut drafted = Vec::new();
        for _ in 0..5 {
            drafted.push(house.draft(quote(&deal)).await.expect("it can be drafted").name);
            house.time.advance(chrono::TimeDelta::minutes(1));
        }
        let offered = house.presented(quote(&opportunity())).await;
        let found = async |filter: String, order_by: &str, size: i32| {
            let (mut names, mut page_token) = (Vec::new(), String::new());
            loop {
                let ask = pb::ListQuotesRequest {
                    page_size: size,
                    page_token: page_token.clone(),
                    filter: filter.clone(),
                    order_by: order_by.to_owned(),
                };
                let page = house.quotes().list_quotes(ask).await.expect("they can be listed").into_inner();
                names.extend(page.quotes.into_iter().map(|quote| quote.name));
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    return names;
                }
            }
        };
        assert_eq!(found(format!("opportunity = \"{deal}\""), "create_time", 2).await, drafted);
        assert_eq!(found("state = PRESENTED".to_owned(), "", 0).await, std::slice::from_ref(&offered.name));
        assert_eq!(found(format!("number = \"{}\"", offered.number), "", 0).await, std::slice::from_ref(&offered.name));
        let late = "create_time >= \"2017-03-15T12:05:00Z\"".to_owned();
        assert_eq!(found(late, "", 0).await, [offered.name]);
        drafted.reverse();
        assert_eq!(found("state = DRAFT".to_owned(), "create_time desc", 2).await, drafted);
    }

    /// R-INV-1
    async fn orders_and_invoices_are_found_by_what_they_belong_to(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        let order = house.delivered(order(&deal)).await;
        let invoice = house.bill(&order.name, &[]).await.expect("all of it");
        house.delivered(crate::house::order(&opportunity())).await;
        for filter in [format!("order = \"{}\"", order.name), format!("opportunity = \"{deal}\""), "state = DRAFT".to_owned()] {
            let listed = house.invoices().list_invoices(pb::ListInvoicesRequest { filter, ..Default::default() }).await;
            assert_eq!(listed.expect("listed").into_inner().invoices, std::slice::from_ref(&invoice));
        }
        let filter = format!("opportunity = \"{deal}\" AND state = FULFILLED");
        let listed = house.orders().list_orders(pb::ListOrdersRequest { filter, ..Default::default() }).await;
        let read = house.order(&order.name).await;
        assert_eq!(listed.expect("listed").into_inner().orders, [read], "a list tells of an order what Get tells");
    }

    /// R-PRD-1
    async fn products_are_found_by_code_and_unknown_fields_are_refused(db: TestDb) {
        let house = House::open(db).await;
        for code in ["GTX-1", "GTX-2", "MG-1"] {
            house.products().create_product(product(code)).await.expect("made");
        }
        let list = async |filter: &str| {
            let ask = pb::ListProductsRequest { filter: filter.to_owned(), ..Default::default() };
            house.products().list_products(ask).await.map(|page| page.into_inner().products.len())
        };
        assert_eq!(list("code = \"GTX-1\"").await.expect("listed"), 1);
        assert_eq!(list("code = \"GTX*\"").await.expect("listed"), 2);
        let refused = refusal(&list("colour = \"red\"").await.expect_err("no such field"));
        assert_eq!((refused.reason.as_str(), refused.field_names()), ("INVALID_LIST", vec!["filter"]));
    }
}
