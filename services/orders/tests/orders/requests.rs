//! What holds for every request: ids, versions, questions, repeated requests (R-API-1).

use dealflow_proto::orders::v1 as pb;
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::Code;

use crate::house::{House, ask, opportunity, product, quote};

both! {
    /// R-API-1
    async fn the_same_id_and_content_gives_the_same_answer_and_other_content_is_refused(db: TestDb) {
        let house = House::open(db).await;
        let request = product("GTX-1");
        let first = house.products().create_product(request.clone()).await.expect("made").into_inner();
        let again = house.products().create_product(request.clone()).await.expect("answered").into_inner();
        assert_eq!(first, again);
        let other = pb::CreateProductRequest { request_id: request.request_id, ..product("GTX-2") };
        let refused = refusal(&house.products().create_product(other).await.expect_err("another product"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    }

    /// R-API-1
    async fn a_stale_write_is_refused_with_the_present_etag(db: TestDb) {
        let house = House::open(db).await;
        let draft = house.draft(quote(&opportunity())).await.expect("it can be drafted");
        let name = draft.name.clone();
        ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: name.clone(), etag: draft.etag.clone() })
            .expect("it is as it was seen");
        let stale = ask!(house.quotes(), present_quote, PresentQuoteRequest { name: name, etag: draft.etag });
        let refused = refusal(&stale.expect_err("it was activated"));
        assert_eq!((refused.code, refused.metadata["etag"].as_str()), (Code::Aborted, "2"));
    }

    /// R-API-1
    async fn a_question_checks_everything_and_changes_nothing(db: TestDb) {
        let house = House::open(db).await;
        let deal = opportunity();
        let asked = ask!(house.quotes(), create_quote, CreateQuoteRequest { quote: Some(quote(&deal)), validate_only: true });
        let gone = asked.expect("it could be drafted").name;
        let read = house.quotes().get_quote(pb::GetQuoteRequest { name: gone.clone() }).await;
        let refused = refusal(&read.expect_err("it was only asked"));
        assert_eq!((refused.code, refused.resource), (Code::NotFound, Some(gone)));

        let offered = house.presented(quote(&deal)).await;
        let asked =
            ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: offered.name.clone(), validate_only: true });
        let order = asked.expect("it could be accepted").order;
        assert_eq!(house.quote(&offered.name).await, offered);
        let read = house.orders().get_order(pb::GetOrderRequest { name: order }).await;
        assert_eq!(read.expect_err("it was only asked").code(), Code::NotFound);
    }

    /// R-API-1
    async fn unknown_records_and_missing_fields_are_told(db: TestDb) {
        let house = House::open(db).await;
        let nobody = |collection: dealflow_proto::names::Collection| collection.name(uuid::Uuid::now_v7());
        let (quote, order, invoice) = (
            nobody(dealflow_proto::names::QUOTES),
            nobody(dealflow_proto::names::ORDERS),
            nobody(dealflow_proto::names::INVOICES),
        );
        let statuses = [
            ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: quote }).expect_err("no quote"),
            ask!(house.orders(), confirm_order, ConfirmOrderRequest { name: order.clone() }).expect_err("no order"),
            house.bill(&order, &[]).await.expect_err("no order"),
            house.post(&invoice).await.expect_err("no invoice"),
        ];
        for status in statuses {
            assert_eq!(refusal(&status).reason, "NOT_FOUND");
        }
        let empty = pb::CreateQuoteRequest { quote: Some(pb::Quote::default()), request_id: id(), ..Default::default() };
        let refused = refusal(&house.quotes().create_quote(empty).await.expect_err("nothing was said"));
        assert_eq!(refused.field_names(), ["quote.opportunity", "quote.currency_code", "quote.lines"]);
    }
}
