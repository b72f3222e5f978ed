//! Where two steps can refuse, what the first did is taken back (R-FLW-3).

use dealflow_proto::erp::v1::{ListHandoffsRequest, handoff};
use dealflow_proto::gateway::v1::{
    AcceptQuoteRequest, CompleteActivityRequest, FulfillDealRequest, ListFlowsRequest, LoseDealRequest,
    ProposeQuoteRequest, flow,
};
use dealflow_proto::opportunities::v1::{self as opportunities, Opportunity, opportunity};
use dealflow_proto::orders::v1::{
    self as orders, GetInvoiceRequest, Invoice, VoidInvoiceRequest, invoice, order, quote,
};
use dealflow_proto::{activities, names};
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::{Code, Status};

use crate::house::{ACTIVITY, ENTRY, House, OPPORTUNITY, guard, wrong_state};
use crate::neighbour::Neighbour;
use crate::phases::{presented, selling, short, the_deal, the_invoice, the_order, the_quote};

fn accept() -> AcceptQuoteRequest {
    AcceptQuoteRequest { opportunity: OPPORTUNITY.to_owned(), request_id: id(), ..Default::default() }
}

fn propose() -> ProposeQuoteRequest {
    ProposeQuoteRequest { opportunity: OPPORTUNITY.to_owned(), request_id: id(), ..Default::default() }
}

fn fulfill() -> FulfillDealRequest {
    FulfillDealRequest { opportunity: OPPORTUNITY.to_owned(), request_id: id(), ..Default::default() }
}

fn count(neighbour: &Neighbour, effect: &str) -> usize {
    neighbour.effects().iter().filter(|it| *it == effect).count()
}

/// The refusal of a deal that is reserved for an order.
fn ordered(order: &str) -> Status {
    let refusal = dealflow_chassis::Refusal::guard("it is ordered", &[(order, "is not canceled")]);
    refusal.with("reserved_order", order).into()
}

both! {
    /// R-FLW-3: the order is refused after the deal was reserved for it: the deal is freed, the caller gets the refusal,
    /// and operators see what happened.
    async fn an_order_that_is_refused_frees_its_deal_again(db: TestDb) {
        let neighbour = selling(presented(), Vec::new(), short());
        neighbour.refuse("AcceptQuote", 1, &guard("another order stands"));
        let house = House::open(&db, &neighbour).await;
        let ask = accept();
        let refused = refusal(&house.deals.clone().accept_quote(ask.clone()).await.expect_err("it is refused"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
        assert_eq!((refused.message.as_str(), refused.preconditions.len()), ("another order stands", 1));
        assert_eq!(neighbour.effects(), ["ReserveOpportunity", "ReleaseOpportunity"]);

        let filter = "state = \"COMPENSATED\"".to_owned();
        let listed = house.flows.clone().list_flows(ListFlowsRequest { filter, ..Default::default() }).await;
        let flows = listed.expect("they are listed").into_inner().flows;
        assert_eq!(flows.len(), 1);
        assert_eq!((flows[0].state(), flows[0].step.as_str()), (flow::State::Compensated, "accept"));
        assert_eq!(flows[0].reason, "another order stands");

        let again = house.deals.clone().accept_quote(ask).await.expect_err("its steps are used up");
        assert_eq!(refusal(&again), refused, "the same request, the same refusal");
        assert_eq!(neighbour.effects().len(), 2, "and nothing is done again");
        house.deals.clone().accept_quote(accept()).await.expect("a new request is a new try");
        assert_eq!(count(&neighbour, "AcceptQuote"), 1);
    }

    /// R-FLW-3, R-FLW-1: that it is taken back is decided once, though the step would be accepted by the next run.
    async fn a_compensation_whose_reply_is_lost_is_brought_to_its_end_and_not_undone(db: TestDb) {
        let neighbour = selling(presented(), Vec::new(), short());
        neighbour.refuse("AcceptQuote", 1, &guard("another order stands"));
        neighbour.lose_replies("ReleaseOpportunity", 3);
        let house = House::open(&db, &neighbour).await;
        let ask = accept();
        let refused = refusal(&house.deals.clone().accept_quote(ask.clone()).await.expect_err("it is refused"));
        assert_eq!(refused.reason, "GUARD");
        assert_eq!(neighbour.effects(), ["ReserveOpportunity", "ReleaseOpportunity"]);
        house.reaches(&ask.request_id, flow::State::Compensated).await;
    }

    /// R-FLW-3: what cannot be taken back waits for an operator.
    async fn a_compensation_that_is_refused_itself_parks_the_flow(db: TestDb) {
        let neighbour = selling(presented(), Vec::new(), short());
        neighbour.refuse("AcceptQuote", 1, &guard("another order stands"));
        neighbour.refuse("ReleaseOpportunity", 1, &guard("the audit holds it"));
        let house = House::open(&db, &neighbour).await;
        let ask = accept();
        let refused = refusal(&house.deals.clone().accept_quote(ask.clone()).await.expect_err("it cannot end"));
        assert_eq!(refused.reason, "FLOW_PARKED");
        assert!(refused.message.contains("the audit holds it"), "{}", refused.message);
    }

    /// R-OPP-2: the order has its name before it is made, so that the deal can be reserved for it.
    async fn the_order_is_made_under_the_name_that_the_deal_was_reserved_for(db: TestDb) {
        let neighbour = selling(presented(), Vec::new(), short());
        let (reserve, made) = (std::sync::Arc::new(std::sync::Mutex::new(String::new())), the_quote(quote::State::Accepted));
        let kept = reserve.clone();
        neighbour.verb("ReserveOpportunity", move |ask: opportunities::ReserveOpportunityRequest| {
            assert_eq!(ask.value, made.totals.clone().and_then(|totals| totals.total_without_vat));
            kept.lock().expect("no panic").clone_from(&ask.order);
            Ok(Opportunity { reserved_order: ask.order, ..the_deal() })
        });
        let kept = reserve.clone();
        neighbour.verb("AcceptQuote", move |ask: orders::AcceptQuoteRequest| {
            assert_eq!(ask.order, *kept.lock().expect("no panic"));
            let id = names::ORDERS.parse(&ask.order).map_err(|error| Status::internal(error.to_string()))?;
            assert_eq!(id.get_version_num(), 7);
            Ok(the_quote(quote::State::Accepted))
        });
        let house = House::open(&db, &neighbour).await;
        house.deals.clone().accept_quote(accept()).await.expect("it is accepted");
    }

    /// R-FLW-3, R-OPP-3: the deal was closed while the quote was made: a refusal, and no offer is left behind.
    async fn a_proposal_whose_deal_is_closed_meanwhile_is_refused_and_withdrawn(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        let closing = neighbour.clone();
        neighbour.verb("CreateQuote", move |ask: orders::CreateQuoteRequest| {
            closing.read("GetOpportunity", |_: opportunities::GetOpportunityRequest| {
                Ok(Opportunity { state: opportunity::State::Lost.into(), ..the_deal() })
            });
            Ok(orders::Quote { name: the_quote(quote::State::Draft).name, ..ask.quote.unwrap_or_default() })
        });
        let house = House::open(&db, &neighbour).await;
        let refused = refusal(&house.deals.clone().propose_quote(propose()).await.expect_err("the deal is lost"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "TERMINAL"));
        assert_eq!(refused.metadata.get("state").map(String::as_str), Some("LOST"));
        assert_eq!(count(&neighbour, "CloseQuote"), 1, "{:?}", neighbour.effects());
    }

    /// R-FLW-3: the close of the deal closed the draft before it was activated.
    async fn a_draft_that_the_close_of_its_deal_closed_tells_that_the_deal_is_closed(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        // Once more with who may be asked, for an earlier run may have asked them.
        neighbour.refuse("RequestQuoteApproval", 2, &wrong_state());
        neighbour.refuse("CloseQuote", 1, &wrong_state());
        let house = House::open(&db, &neighbour).await;
        let ask = propose();
        let refused = refusal(&house.deals.clone().propose_quote(ask.clone()).await.expect_err("it is refused"));
        assert_eq!(refused.reason, "STATE_REFUSES_VERB", "the deal itself is open: the quote's refusal is told");
        house.reaches(&ask.request_id, flow::State::Compensated).await;
    }

    /// R-API-1: history runs one way, for a deal too.
    async fn a_proposal_before_the_deals_last_change_is_refused(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        neighbour.read("GetOpportunity", move |_: opportunities::GetOpportunityRequest| {
            Ok(Opportunity { update_time: at(1_500_000_100), ..the_deal() })
        });
        let house = House::open(&db, &neighbour).await;
        let ask = ProposeQuoteRequest { effective_time: at(1_500_000_000), ..propose() };
        let refused = refusal(&house.deals.clone().propose_quote(ask).await.expect_err("it was changed later"));
        assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["effective_time"]));
        assert!(neighbour.effects().is_empty());
    }

    /// R-ACC-1: nothing is offered to nobody.
    async fn a_deal_without_a_customer_gets_no_quote(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        neighbour.read("GetOpportunity", move |_: opportunities::GetOpportunityRequest| {
            Ok(Opportunity { account: String::new(), ..the_deal() })
        });
        let house = House::open(&db, &neighbour).await;
        let refused = refusal(&house.deals.clone().propose_quote(propose()).await.expect_err("nobody buys"));
        assert_eq!((refused.reason.as_str(), refused.preconditions[0].1.as_str()), ("GUARD", "opportunity.account"));
        assert!(neighbour.effects().is_empty());
    }

    /// R-OPP-2, R-ORD-1
    async fn a_lost_deal_is_not_fulfilled(db: TestDb) {
        let neighbour = selling(Vec::new(), vec![the_order(order::State::Confirmed)], short());
        neighbour.read("GetOpportunity", move |_: opportunities::GetOpportunityRequest| {
            Ok(Opportunity { state: opportunity::State::Lost.into(), ..the_deal() })
        });
        let house = House::open(&db, &neighbour).await;
        let ask = FulfillDealRequest { opportunity: OPPORTUNITY.to_owned(), request_id: id(), ..Default::default() };
        let refused = refusal(&house.deals.clone().fulfill_deal(ask).await.expect_err("it is lost"));
        assert_eq!(refused.reason, "TERMINAL");
        assert_eq!(neighbour.effects(), ["NoteRefusedAttempt"]);
    }

    /// R-FLW-3, R-INV-1: what cannot be billed is not delivered.
    async fn a_delivery_that_could_not_be_billed_is_refused_before_anything_is_done(db: TestDb) {
        let neighbour = selling(Vec::new(), vec![the_order(order::State::Confirmed)], short());
        neighbour.refuse("CreateInvoice", 1, &guard("nothing is left to bill"));
        let house = House::open(&db, &neighbour).await;
        let refused = refusal(&house.deals.clone().fulfill_deal(fulfill()).await.expect_err("it is refused"));
        assert_eq!(refused.metadata.get("step").map(String::as_str), Some("may bill"));
        assert!(neighbour.effects().is_empty(), "{:?}", neighbour.effects());
    }

    /// R-FLW-3, R-INV-1: what is delivered stays so; the draft that could not be posted is taken back, and bills nothing.
    async fn an_invoice_that_cannot_be_posted_is_voided_and_can_be_made_again(db: TestDb) {
        let neighbour = selling(Vec::new(), vec![the_order(order::State::Submitted)], short());
        neighbour.refuse("PostInvoice", 1, &guard("the period is closed"));
        let house = House::open(&db, &neighbour).await;
        let ask = fulfill();
        let refused = refusal(&house.deals.clone().fulfill_deal(ask.clone()).await.expect_err("it is refused"));
        assert_eq!((refused.reason.as_str(), refused.message.as_str()), ("GUARD", "the period is closed"));
        assert_eq!(neighbour.effects(), ["FulfillOrder", "CreateInvoice", "VoidInvoice"]);
        house.reaches(&ask.request_id, flow::State::Compensated).await;
        let delivered = the_order(order::State::Fulfilled);
        neighbour.read("ListOrders", move |_: orders::ListOrdersRequest| {
            Ok(orders::ListOrdersResponse { orders: vec![delivered.clone()], ..Default::default() })
        });
        house.deals.clone().fulfill_deal(fulfill()).await.expect("a new request bills what is delivered");
        assert_eq!(neighbour.effects()[3..], ["CreateInvoice", "PostInvoice"]);
    }

    /// R-FLW-3: what is refused after the delivery says why, and an operator decides.
    async fn a_bill_that_is_refused_after_the_delivery_parks_the_flow_with_its_reason(db: TestDb) {
        let neighbour = selling(Vec::new(), vec![the_order(order::State::Submitted)], short());
        let closing = neighbour.clone();
        neighbour.verb("FulfillOrder", move |_: orders::FulfillOrderRequest| {
            closing.refuse("CreateInvoice", 1, &guard("the ERP invoices; ImportInvoice takes its invoice over"));
            Ok(the_order(order::State::Fulfilled))
        });
        let house = House::open(&db, &neighbour).await;
        let ask = fulfill();
        let refused = refusal(&house.deals.clone().fulfill_deal(ask.clone()).await.expect_err("it cannot end"));
        assert_eq!(refused.reason, "FLOW_PARKED");
        assert!(refused.message.contains("ImportInvoice"), "{}", refused.message);
        house.reaches(&ask.request_id, flow::State::Parked).await;
    }

    /// R-OPP-2: whoever comes before the feed frees the deal of an order that is canceled.
    async fn a_deal_whose_order_was_canceled_just_now_can_be_lost(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        let canceled = the_order(order::State::Canceled);
        neighbour.refuse("LoseOpportunity", 1, &ordered(&canceled.name));
        neighbour.read("GetOrder", move |_: orders::GetOrderRequest| Ok(canceled.clone()));
        let house = House::open(&db, &neighbour).await;
        let ask = LoseDealRequest {
            opportunity: OPPORTUNITY.to_owned(),
            reason: opportunity::LoseReason::Price.into(),
            request_id: id(),
            ..Default::default()
        };
        house.deals.clone().lose_deal(ask).await.expect("it is lost");
        assert_eq!(neighbour.effects()[..2], ["ReleaseOpportunity", "LoseOpportunity"]);
    }

    /// R-OPP-2, R-STG-5: a result that would lose an ordered deal is refused while its activity is still open.
    async fn an_activity_whose_result_cannot_be_recorded_is_not_completed(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        let standing = the_order(order::State::Submitted);
        neighbour.read("GetActivity", |ask: activities::v1::GetActivityRequest| {
            let loses = activities::v1::AllowedResult { code: "refused".to_owned(), closes_deal: true, ..Default::default() };
            Ok(activities::v1::Activity {
                name: ask.name,
                regarding: OPPORTUNITY.to_owned(),
                origin: activities::v1::activity::Origin::Process.into(),
                stage_entry: ENTRY.to_owned(),
                planned_key: "contact_client#1".to_owned(),
                allowed_results: vec![loses],
                ..Default::default()
            })
        });
        neighbour.verb("RecordActivityResult", |_: opportunities::RecordActivityResultRequest| Ok(the_deal()));
        neighbour.refuse("RecordActivityResult", 1, &ordered(&standing.name));
        let house = House::open(&db, &neighbour).await;
        let ask = CompleteActivityRequest {
            activity: ACTIVITY.to_owned(),
            result: "refused".to_owned(),
            request_id: id(),
            ..Default::default()
        };
        let refused = refusal(&house.deals.clone().complete_activity(ask).await.expect_err("an order stands"));
        assert_eq!((refused.reason.as_str(), refused.preconditions[0].1.as_str()), ("GUARD", standing.name.as_str()));
        assert!(neighbour.effects().is_empty(), "{:?}", neighbour.effects());
    }
    /// R-INV-1, R-FLW-3: the invoice may not be void after all, when its hand-over was taken out of the queue already: it is
    /// put back, and the caller gets the refusal.
    async fn the_hand_over_of_an_invoice_that_is_not_void_after_all_is_put_back(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        let bill = Invoice { series: "INV".to_owned(), ..the_invoice(invoice::State::Posted) };
        let (read, foreseen) = (bill.clone(), Invoice { state: invoice::State::Void.into(), ..bill.clone() });
        neighbour.read("GetInvoice", move |_: GetInvoiceRequest| Ok(read.clone()));
        neighbour.verb("VoidInvoice", move |ask: VoidInvoiceRequest| match ask.validate_only {
            true => Ok(foreseen.clone()),
            false => Err(guard("it was paid meanwhile")),
        });
        let house = House::open(&db, &neighbour).await;
        let ask = VoidInvoiceRequest { name: bill.name.clone(), request_id: id(), ..Default::default() };
        let void = |ask: VoidInvoiceRequest| async {
            refusal(&house.invoices.clone().void_invoice(ask).await.expect_err("it was paid"))
        };
        let stands = || async {
            let listed = house.handoffs.clone().list_handoffs(ListHandoffsRequest::default()).await;
            listed.expect("they are listed").into_inner().handoffs.pop().expect("one is")
        };
        let refused = void(ask.clone()).await;
        assert_eq!((refused.reason.as_str(), refused.message.as_str()), ("GUARD", "it was paid meanwhile"));
        house.reaches(&ask.request_id, flow::State::Compensated).await;
        assert_ne!(stands().await.state(), handoff::State::Abandoned);
        assert_eq!(void(ask).await, refused, "the same request, the same refusal");
    }
}
