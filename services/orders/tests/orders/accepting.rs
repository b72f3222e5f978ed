//! The way from a quote, or a win, to the one order of a deal (R-QUO-4, R-OPP-5).

use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::quote::{CloseReason, State};
use dealflow_testbed::{TestDb, both, id, refusal};
use tokio::task::JoinSet;

use crate::house::{House, ask, line, opportunity, order, quote};

async fn orders_of(house: &House, opportunity: &str) -> Vec<pb::Order> {
    let filter = format!("opportunity = \"{opportunity}\"");
    let listed = house.orders().list_orders(pb::ListOrdersRequest { filter, ..Default::default() }).await;
    listed.expect("orders can be listed").into_inner().orders
}

both! {
    /// R-QUO-4
    async fn accepting_makes_the_order_with_the_same_lines_and_totals_and_supersedes_the_siblings(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        let sibling = house.draft(quote(&deal)).await.expect("it can be drafted");
        let chosen = house.presented(pb::Quote { payment_days: 14, ..quote(&deal) }).await;
        let accepted = ask!(
            house.quotes(),
            accept_quote,
            AcceptQuoteRequest { name: chosen.name.clone(), customer_reference: "PO 7".to_owned() }
        );
        let accepted = accepted.expect("it can be accepted");
        assert_eq!(accepted.state(), State::Accepted);
        let order = house.order(&accepted.order).await;
        assert_eq!((order.state(), &order.quote), (pb::order::State::Draft, &chosen.name));
        assert_eq!((&order.lines, &order.totals), (&chosen.lines, &chosen.totals));
        assert_eq!((order.customer_reference.as_str(), order.payment_days), ("PO 7", 14));
        assert_eq!(order.number, "SO-000001");
        let sibling = house.quote(&sibling.name).await;
        assert_eq!((sibling.state(), sibling.close_reason()), (State::Closed, CloseReason::Superseded));

        let told: Vec<_> = house.events(&deal).await.into_iter().map(|event| event.r#type).collect();
        let expected = [
            "quote.created", "quote.created", "quote.activated", "quote.presented", "quote.accepted", "quote.closed",
            "order.created",
        ];
        assert_eq!(told, expected);
    }

    /// R-QUO-4
    async fn accepting_twice_makes_one_order(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        let name = house.presented(quote(&deal)).await.name;
        ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: name.clone() }).expect("it can be accepted");
        let again = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: name });
        let refused = refusal(&again.expect_err("it is accepted"));
        assert_eq!((refused.reason.as_str(), refused.metadata["state"].as_str()), ("TERMINAL", "ACCEPTED"));
        assert_eq!(orders_of(&house, &deal).await.len(), 1);
    }

    /// R-QUO-4
    async fn sixty_four_acceptances_of_two_siblings_make_one_order(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        let siblings = [house.presented(quote(&deal)).await.name, house.presented(quote(&deal)).await.name];
        let mut calls = JoinSet::new();
        for index in 0..64 {
            let (mut quotes, name) = (house.quotes(), siblings[index % 2].clone());
            calls.spawn(async move { ask!(quotes, accept_quote, AcceptQuoteRequest { name: name }) });
        }
        let answers = calls.join_all().await;
        let (accepted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((accepted.len(), refused.len()), (1, 63));
        for status in refused.into_iter().filter_map(Result::err) {
            assert_eq!(refusal(&status).reason, "TERMINAL", "{status:?}");
        }
        let orders = orders_of(&house, &deal).await;
        assert_eq!(orders.len(), 1);
        assert!(siblings.contains(&orders[0].quote));
    }

    /// R-API-1
    async fn sixty_four_copies_of_one_acceptance_have_one_effect_and_one_answer(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        let name = house.presented(quote(&deal)).await.name;
        let request = pb::AcceptQuoteRequest { name, request_id: id(), ..Default::default() };
        let mut calls = JoinSet::new();
        for _ in 0..64 {
            let (mut quotes, request) = (house.quotes(), request.clone());
            calls.spawn(async move { quotes.accept_quote(request).await.map(tonic::Response::into_inner) });
        }
        let answers = calls.join_all().await;
        let first = answers[0].as_ref().expect("it can be accepted").clone();
        assert!(answers.iter().all(|answer| answer.as_ref().ok() == Some(&first)));
        assert_eq!(orders_of(&house, &deal).await.len(), 1);
        assert_eq!(house.events(&deal).await.iter().filter(|event| event.r#type == "order.created").count(), 1);
    }

    /// R-OPP-5
    async fn a_win_and_an_acceptance_at_once_make_one_order(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        let quote = house.presented(quote(&deal)).await.name;
        let mut calls = JoinSet::new();
        for index in 0..64 {
            let (mut quotes, mut orders) = (house.quotes(), house.orders());
            let (quote, made) = (quote.clone(), order(&deal));
            calls.spawn(async move {
                if index % 8 == 0 {
                    ask!(quotes, accept_quote, AcceptQuoteRequest { name: quote }).map(|quote| quote.order)
                } else {
                    ask!(orders, create_order, CreateOrderRequest { order: Some(made) }).map(|order| order.name)
                }
            });
        }
        let answers = calls.join_all().await;
        let orders = orders_of(&house, &deal).await;
        assert_eq!(orders.len(), 1);
        for answer in answers {
            match answer {
                Ok(name) => assert_eq!(name, orders[0].name),
                Err(status) => assert_eq!(status.code(), tonic::Code::FailedPrecondition, "{status:?}"),
            }
        }
    }

    /// R-OPP-5
    async fn a_quote_cannot_be_accepted_while_another_order_stands_and_can_after_it_is_cancelled(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        let standing = house.create_order(order(&deal)).await.expect("the first order");
        assert_eq!(house.create_order(order(&deal)).await.expect("the order that stands"), standing);
        let late = house.presented(quote(&deal)).await.name;
        let refused = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: late.clone() });
        let refused = refusal(&refused.expect_err("an order stands"));
        assert_eq!((refused.reason.as_str(), &refused.metadata["order"]), ("GUARD", &standing.name));

        ask!(house.orders(), cancel_order, CancelOrderRequest { name: standing.name.clone() }).expect("it is a draft");
        let accepted = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: late });
        assert_ne!(accepted.expect("no order stands").order, standing.name);
        assert_eq!(orders_of(&house, &deal).await.len(), 2);
    }

    /// R-OPP-5: who makes the order may have named it before.
    async fn an_order_is_made_under_the_name_that_was_chosen_for_it(db: TestDb) {
        let house = House::open(db).await;
        let chosen = dealflow_proto::names::ORDERS.name(uuid::Uuid::now_v7());
        let quote = house.presented(quote(&opportunity())).await.name;
        let accepted = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: quote, order: chosen.clone() });
        assert_eq!(accepted.expect("it can be accepted").order, chosen);
        assert_eq!(house.order(&chosen).await.number, "SO-000001");
    }

    /// R-QUO-1, R-QUO-4: nobody is offered, or orders, less than nothing.
    async fn what_comes_to_less_than_nothing_is_refused_when_it_is_written(db: TestDb) {
        let house = House::open(db).await;
        let lines = vec![line("1", "100"), line("-2", "60")];
        let refused = house.draft(pb::Quote { lines: lines.clone(), ..quote(&opportunity()) }).await;
        assert_eq!(refusal(&refused.expect_err("it comes to -20")).field_names(), ["quote.lines"]);
        let refused = house.create_order(pb::Order { lines, ..order(&opportunity()) }).await;
        assert_eq!(refusal(&refused.expect_err("it comes to -20")).field_names(), ["order.lines"]);
        let nothing = vec![line("1", "100"), line("-1", "100")];
        house.draft(pb::Quote { lines: nothing, ..quote(&opportunity()) }).await.expect("nothing is not less");
    }

    /// R-ACC-1, R-ORD-1: an order of nobody's goes to no ERP.
    async fn an_order_without_an_account_is_not_confirmed(db: TestDb) {
        let house = House::open(db).await;
        let made = house.create_order(pb::Order { account: String::new(), ..order(&opportunity()) }).await.expect("a draft");
        let refused = ask!(house.orders(), confirm_order, ConfirmOrderRequest { name: made.name });
        let refused = refusal(&refused.expect_err("nobody buys"));
        assert_eq!((refused.reason.as_str(), refused.preconditions[0].1.as_str()), ("GUARD", "account"));
    }

    /// R-INV-1: what is taken back is billed with what is sold.
    async fn an_invoice_of_less_than_nothing_is_refused(db: TestDb) {
        let house = House::open(db).await;
        let lines = vec![line("1", "100"), line("-1", "60")];
        let order = house.delivered(pb::Order { lines, ..order(&opportunity()) }).await.name;
        let refused = refusal(&house.bill(&order, &[("2", "-1")]).await.expect_err("it comes to -60"));
        assert_eq!(refused.field_names(), ["lines"]);
        house.bill(&order, &[]).await.expect("all of it comes to 40");
    }

    /// R-ORD-1: the number of an order is used once.
    async fn asking_again_for_an_order_burns_no_number(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        for _ in 0..5 {
            assert_eq!(house.create_order(order(&deal)).await.expect("it stands").number, "SO-000001");
        }
        assert_eq!(house.create_order(order(&opportunity())).await.expect("the next").number, "SO-000002");
    }
}
