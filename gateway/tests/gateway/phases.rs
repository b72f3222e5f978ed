//! What each phase asks of the services, and in which order.

use dealflow_proto::convert;
use dealflow_proto::gateway::v1::{
    AcceptQuoteRequest, CompleteActivityRequest, DevelopDealRequest, FulfillDealRequest, LoseDealRequest,
    ProposeQuoteRequest, WinDealRequest,
};
use dealflow_proto::google::type_::Money;
use dealflow_proto::opportunities::v1::{self as opportunities, Opportunity, opportunity};
use dealflow_proto::orders::v1::{self as orders, Invoice, Order, Quote, invoice, order, quote};
use dealflow_proto::types::v1::Totals;
use dealflow_proto::{activities, leads};
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::Code;

use crate::house::{ACTIVITY, ENTRY, House, LEAD, OPPORTUNITY, neighbour, opened, wrong_state};
use crate::neighbour::Neighbour;

const ACCOUNT: &str = "accounts/0197a000-0000-7000-8000-00000000000b";
const QUOTE: &str = "quotes/0197a000-0000-7000-8000-000000000005";
const ORDER: &str = "orders/0197a000-0000-7000-8000-000000000006";
pub(crate) const INVOICE: &str = "invoices/0197a000-0000-7000-8000-000000000007";

fn dollars(units: i64) -> Money {
    Money { currency_code: "USD".to_owned(), units, nanos: 0 }
}

fn totals() -> Option<Totals> {
    Some(Totals { total_without_vat: Some(dollars(100)), payable: Some(dollars(120)), ..Totals::default() })
}

pub(crate) fn the_deal() -> Opportunity {
    Opportunity {
        lead: LEAD.to_owned(),
        account: ACCOUNT.to_owned(),
        estimated_value: Some(dollars(90)),
        title: "Stone".to_owned(),
        ..opened(Opportunity::default())
    }
}

pub(crate) fn the_quote(state: quote::State) -> Quote {
    Quote {
        name: QUOTE.to_owned(),
        account: ACCOUNT.to_owned(),
        state: state.into(),
        order: ORDER.to_owned(),
        totals: totals(),
        ..Quote::default()
    }
}

pub(crate) fn the_order(state: order::State) -> Order {
    Order {
        name: ORDER.to_owned(),
        number: "SO-000001".to_owned(),
        opportunity: OPPORTUNITY.to_owned(),
        account: ACCOUNT.to_owned(),
        state: state.into(),
        currency_code: "USD".to_owned(),
        totals: totals(),
        ..Order::default()
    }
}

pub(crate) fn the_invoice(state: invoice::State) -> Invoice {
    Invoice {
        name: INVOICE.to_owned(),
        number: "INV-2017-000001".to_owned(),
        order_number: "SO-000001".to_owned(),
        opportunity: OPPORTUNITY.to_owned(),
        state: state.into(),
        currency_code: "USD".to_owned(),
        totals: totals(),
        ..Invoice::default()
    }
}

fn won(ask: opportunities::WinOpportunityRequest) -> Opportunity {
    Opportunity { state: opportunity::State::Won.into(), actual_value: ask.actual_value, ..the_deal() }
}

/// Neighbours with one open deal, whose quotes and orders are these.
pub(crate) fn selling(quotes: Vec<Quote>, standing: Vec<Order>, process: opportunities::Process) -> Neighbour {
    let it = neighbour();
    it.read("GetOpportunity", |_: opportunities::GetOpportunityRequest| Ok(the_deal()));
    it.read("GetAccount", |ask: leads::v1::GetAccountRequest| {
        Ok(leads::v1::Account { name: ask.name, display_name: "Mason & Sons".to_owned(), ..Default::default() })
    });
    it.read(
        "ListLegalEntities",
        |_: orders::ListLegalEntitiesRequest| Ok(orders::ListLegalEntitiesResponse::default()),
    );
    it.read("ListContracts", |_: orders::ListContractsRequest| Ok(orders::ListContractsResponse::default()));
    it.read("ListCreditNotes", |_: orders::ListCreditNotesRequest| Ok(orders::ListCreditNotesResponse::default()));
    it.read("ListApprovalPolicies", |_: orders::ListApprovalPoliciesRequest| {
        Ok(orders::ListApprovalPoliciesResponse::default())
    });
    it.verb("ReserveOpportunity", |ask: opportunities::ReserveOpportunityRequest| {
        Ok(Opportunity { reserved_order: ask.order, ..the_deal() })
    });
    it.verb("ReleaseOpportunity", |_: opportunities::ReleaseOpportunityRequest| Ok(the_deal()));
    it.verb("CloseQuote", |_: orders::CloseQuoteRequest| Ok(the_quote(quote::State::Closed)));
    it.verb("CancelOrder", |_: orders::CancelOrderRequest| Ok(the_order(order::State::Canceled)));
    it.read("GetProcess", move |_: opportunities::GetProcessRequest| Ok(process.clone()));
    it.read("ListQuotes", move |_: orders::ListQuotesRequest| {
        Ok(orders::ListQuotesResponse { quotes: quotes.clone(), ..Default::default() })
    });
    it.read("ListOrders", move |_: orders::ListOrdersRequest| {
        Ok(orders::ListOrdersResponse { orders: standing.clone(), ..Default::default() })
    });
    it.read("GetOrder", |_: orders::GetOrderRequest| Ok(the_order(order::State::Submitted)));
    it.verb("UpdateOpportunity", |ask: opportunities::UpdateOpportunityRequest| {
        Ok(ask.opportunity.unwrap_or_default())
    });
    it.verb("CreateQuote", |ask: orders::CreateQuoteRequest| {
        Ok(Quote { name: QUOTE.to_owned(), ..ask.quote.unwrap_or_default() })
    });
    it.verb("RequestQuoteApproval", |_: orders::RequestQuoteApprovalRequest| Ok(the_quote(quote::State::Presented)));
    it.verb("AcceptQuote", |_: orders::AcceptQuoteRequest| Ok(the_quote(quote::State::Accepted)));
    it.verb("CloseOpportunityQuotes", |_: orders::CloseOpportunityQuotesRequest| {
        Ok(orders::CloseOpportunityQuotesResponse::default())
    });
    it.verb("CreateOrder", |_: orders::CreateOrderRequest| Ok(the_order(order::State::Draft)));
    it.verb("ConfirmOrder", |_: orders::ConfirmOrderRequest| Ok(the_order(order::State::Confirmed)));
    it.verb("SubmitOrder", |_: orders::SubmitOrderRequest| Ok(the_order(order::State::Submitted)));
    it.verb("FulfillOrder", |_: orders::FulfillOrderRequest| Ok(the_order(order::State::Fulfilled)));
    it.verb("CreateInvoice", |_: orders::CreateInvoiceRequest| Ok(the_invoice(invoice::State::Draft)));
    it.verb("VoidInvoice", |_: orders::VoidInvoiceRequest| Ok(the_invoice(invoice::State::Void)));
    it.verb("PostInvoice", |_: orders::PostInvoiceRequest| Ok(the_invoice(invoice::State::Posted)));
    it.verb("WinOpportunity", |ask: opportunities::WinOpportunityRequest| Ok(won(ask)));
    it.verb("LoseOpportunity", |_: opportunities::LoseOpportunityRequest| {
        Ok(Opportunity { state: opportunity::State::Lost.into(), ..the_deal() })
    });
    it.verb("SatisfyLead", |ask: leads::v1::SatisfyLeadRequest| {
        Ok(leads::v1::Lead { name: ask.name, ..Default::default() })
    });
    it
}

pub(crate) fn presented() -> Vec<Quote> {
    vec![the_quote(quote::State::Presented)]
}

/// A process without work after the stage that the deal is in.
pub(crate) fn short() -> opportunities::Process {
    let stage = |name: &str| opportunities::ProcessStage { stage: name.to_owned(), ..Default::default() };
    opportunities::Process { stages: vec![stage("stages/qualification"), stage("stages/won")], ..Default::default() }
}

/// Whether all of these happened, in this order; others may lie between.
fn in_order(effects: &[String], wanted: &[&str]) -> bool {
    let mut effects = effects.iter();
    wanted.iter().all(|wanted| effects.any(|effect| effect == wanted))
}

fn win() -> WinDealRequest {
    WinDealRequest { opportunity: OPPORTUNITY.to_owned(), request_id: id(), ..WinDealRequest::default() }
}

both! {
    /// R-QUO-4, R-OPP-2, R-OPP-5: the presented quote is taken, and its total is what the deal was worth.
    async fn a_win_takes_the_presented_quote_and_hands_its_order_over(db: TestDb) {
        let neighbour = selling(presented(), Vec::new(), short());
        let house = House::open(&db, &neighbour).await;
        let done = house.deals.clone().win_deal(win()).await.expect("it is won").into_inner();
        let effects = neighbour.effects();
        assert!(in_order(&effects, &["ReserveOpportunity", "AcceptQuote", "WinOpportunity", "SubmitOrder"]), "{effects:?}");
        for follows in ["SyncStageActivities", "SatisfyLead", "MakeCustomer", "NotifyDealClosed", "CloseOpportunityQuotes"] {
            assert!(effects.iter().any(|effect| effect == follows), "{follows} follows: {effects:?}");
        }
        assert!(!effects.iter().any(|effect| effect == "CreateOrder"), "never two orders");
        assert_eq!(done.opportunity.and_then(|deal| deal.actual_value), Some(dollars(100)));
        assert_eq!(done.order.map(|order| order.state()), Some(order::State::Submitted));
        assert_eq!(done.handoffs.len(), 1);
    }

    /// R-OPP-5: without a quote the win makes the order.
    async fn a_win_without_a_quote_makes_the_order_itself(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        let house = House::open(&db, &neighbour).await;
        let done = house.deals.clone().win_deal(win()).await.expect("it is won").into_inner();
        let effects = neighbour.effects();
        assert!(in_order(&effects, &["WinOpportunity", "CreateOrder", "ConfirmOrder", "SubmitOrder"]), "{effects:?}");
        assert_eq!(done.handoffs.len(), 1);
    }

    /// R-FLW-1: what can refuse is asked before anything is done.
    async fn a_win_that_would_be_refused_takes_no_quote(db: TestDb) {
        let neighbour = selling(presented(), Vec::new(), short());
        let house = House::open(&db, &neighbour).await;
        neighbour.refuse("WinOpportunity", 1, &wrong_state());
        let refused = refusal(&house.deals.clone().win_deal(win()).await.expect_err("it is refused"));
        assert_eq!(refused.metadata.get("step").map(String::as_str), Some("may win"));
        assert!(neighbour.effects().is_empty());
    }

    /// R-FLW-1: somebody who confirmed or submitted the order first does no harm.
    async fn an_order_that_somebody_submitted_first_is_left_as_it_is(db: TestDb) {
        let neighbour = selling(presented(), Vec::new(), short());
        let house = House::open(&db, &neighbour).await;
        neighbour.refuse("ConfirmOrder", 1, &wrong_state());
        neighbour.refuse("SubmitOrder", 1, &wrong_state());
        let done = house.deals.clone().win_deal(win()).await.expect("it is won").into_inner();
        assert_eq!(done.order.map(|order| order.state()), Some(order::State::Submitted));
        assert!(done.handoffs.is_empty(), "its submission handed it over");
    }

    /// R-QUO-4 (C): the contract still comes.
    async fn an_accepted_quote_leaves_the_deal_open_while_its_process_has_work_before_the_win(db: TestDb) {
        let neighbour = selling(presented(), Vec::new(), short());
        let house = House::open(&db, &neighbour).await;
        let ask = AcceptQuoteRequest { opportunity: OPPORTUNITY.to_owned(), request_id: id(), ..Default::default() };
        let done = house.deals.clone().accept_quote(ask).await.expect("it is accepted").into_inner();
        assert_eq!(neighbour.effects(), ["ReserveOpportunity", "AcceptQuote", "ConfirmOrder", "SubmitOrder"]);
        assert_eq!(done.opportunity.map(|deal| deal.state()), Some(opportunity::State::Open));
        assert_eq!(done.handoffs.len(), 1);
    }

    /// R-QUO-4 (D): nothing is left to do before the win.
    async fn an_accepted_quote_wins_a_deal_whose_process_has_no_more_work(db: TestDb) {
        let neighbour = selling(presented(), Vec::new(), short());
        let done = |mut deal: Opportunity| {
            if let Some(entry) = &mut deal.stage_entry {
                entry.planned_activities.iter_mut().for_each(|planned| planned.result = "done".to_owned());
            }
            deal
        };
        neighbour.read("GetOpportunity", move |_: opportunities::GetOpportunityRequest| Ok(done(the_deal())));
        let house = House::open(&db, &neighbour).await;
        let ask = AcceptQuoteRequest { opportunity: OPPORTUNITY.to_owned(), request_id: id(), ..Default::default() };
        let done = house.deals.clone().accept_quote(ask).await.expect("it is accepted").into_inner();
        assert!(in_order(&neighbour.effects(), &["ReserveOpportunity", "AcceptQuote", "WinOpportunity", "SubmitOrder"]));
        assert_eq!(done.opportunity.map(|deal| deal.state()), Some(opportunity::State::Won));
    }

    /// R-OPP-2: refused while an order stands, with its name.
    async fn a_deal_with_a_standing_order_is_not_lost(db: TestDb) {
        let neighbour = selling(Vec::new(), vec![the_order(order::State::Confirmed)], short());
        let house = House::open(&db, &neighbour).await;
        let ask = LoseDealRequest {
            opportunity: OPPORTUNITY.to_owned(),
            reason: opportunity::LoseReason::Price.into(),
            request_id: id(),
            ..Default::default()
        };
        let refused = refusal(&house.deals.clone().lose_deal(ask).await.expect_err("it is ordered"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
        assert_eq!(refused.preconditions[0].1, ORDER);
        assert!(neighbour.effects().is_empty());
    }

    /// R-OPP-2
    async fn a_loss_cancels_activities_and_closes_quotes(db: TestDb) {
        let neighbour = selling(presented(), vec![the_order(order::State::Canceled)], short());
        let house = House::open(&db, &neighbour).await;
        let ask = LoseDealRequest {
            opportunity: OPPORTUNITY.to_owned(),
            reason: opportunity::LoseReason::Price.into(),
            request_id: id(),
            ..Default::default()
        };
        house.deals.clone().lose_deal(ask).await.expect("it is lost");
        let effects = neighbour.effects();
        assert!(in_order(&effects, &["LoseOpportunity", "SyncStageActivities"]), "{effects:?}");
        assert!(in_order(&effects, &["LoseOpportunity", "CloseOpportunityQuotes"]), "{effects:?}");
    }

    /// R-ORD-1, R-INV-1
    async fn fulfilment_submits_what_is_not_submitted_delivers_bills_and_hands_over(db: TestDb) {
        let neighbour = selling(Vec::new(), vec![the_order(order::State::Confirmed)], short());
        let house = House::open(&db, &neighbour).await;
        let ask = FulfillDealRequest { opportunity: OPPORTUNITY.to_owned(), request_id: id(), ..Default::default() };
        let done = house.deals.clone().fulfill_deal(ask).await.expect("it is fulfilled").into_inner();
        assert_eq!(neighbour.effects(), ["SubmitOrder", "FulfillOrder", "CreateInvoice", "PostInvoice"]);
        assert_eq!(done.handoffs.len(), 2, "the order's and the invoice's");
        assert_eq!(done.invoice.map(|invoice| invoice.number), Some("INV-2017-000001".to_owned()));
    }

    /// R-QUO-1: lines and customer come from the opportunity; a deal without lines is offered as one.
    async fn a_proposal_is_made_of_what_is_known_of_the_deal(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        neighbour.verb("CreateQuote", |ask: orders::CreateQuoteRequest| {
            let quote = ask.quote.unwrap_or_default();
            assert_eq!(quote.lines.len(), 1);
            assert_eq!(quote.lines[0].unit_price, Some(dollars(90)));
            assert!(quote.valid_until_date.is_some_and(|day| convert::date_of(&day).is_ok()));
            Ok(Quote { name: QUOTE.to_owned(), ..quote })
        });
        let house = House::open(&db, &neighbour).await;
        let ask = ProposeQuoteRequest { opportunity: OPPORTUNITY.to_owned(), request_id: id(), ..Default::default() };
        let done = house.deals.clone().propose_quote(ask).await.expect("it is proposed").into_inner();
        assert_eq!(neighbour.effects(), ["CreateQuote", "RequestQuoteApproval"]);
        assert_eq!(done.quote.map(|quote| quote.state()), Some(quote::State::Presented));
    }

    /// R-API-1: a stale version is refused by the gateway too, before anything is done.
    async fn a_proposal_on_a_version_that_is_old_is_aborted(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        let house = House::open(&db, &neighbour).await;
        let ask = ProposeQuoteRequest {
            opportunity: OPPORTUNITY.to_owned(),
            etag: "0".to_owned(),
            request_id: id(),
            ..Default::default()
        };
        let refused = refusal(&house.deals.clone().propose_quote(ask).await.expect_err("it changed"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::Aborted, "STALE_ETAG"));
        assert_eq!(refused.metadata.get("etag").map(String::as_str), Some("1"));
    }

    /// R-OPP-1: what is said is taken over and the rest kept.
    ///
    /// A verb of one step is as durable as its service makes it, under the caller's own request id.
    async fn developing_is_one_call_under_the_callers_id_and_stores_no_flow(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        let ask = DevelopDealRequest {
            opportunity: OPPORTUNITY.to_owned(),
            tactics: "show the quarry".to_owned(),
            terms_of_sale: "30 days".to_owned(),
            campaign: "Spring".to_owned(),
            probability: Some(0),
            request_id: id(),
            ..Default::default()
        };
        let wanted = ask.request_id.clone();
        neighbour.verb("UpdateOpportunity", move |ask: opportunities::UpdateOpportunityRequest| {
            assert_eq!(ask.request_id, wanted);
            let paths = ["tactics", "terms_of_sale", "campaign", "probability"].map(str::to_owned);
            assert_eq!(ask.update_mask.map(|mask| mask.paths), Some(paths.to_vec()));
            Ok(ask.opportunity.unwrap_or_default())
        });
        let house = House::open(&db, &neighbour).await;
        neighbour.lose_replies("UpdateOpportunity", 1);
        let done = house.deals.clone().develop_deal(ask.clone()).await.expect("it is developed").into_inner();
        assert_eq!(done.opportunity.map(|deal| deal.tactics), Some("show the quarry".to_owned()));
        assert_eq!(neighbour.effects(), ["UpdateOpportunity"]);
        assert_eq!(house.flow(&ask.request_id).await.expect_err("there is none").code(), Code::NotFound);
    }

    /// R-STG-3, R-STG-5: a result that changes nothing but its activity leaves the others alone.
    async fn a_result_without_effect_asks_for_no_other_activities(db: TestDb) {
        let neighbour = selling(Vec::new(), Vec::new(), short());
        neighbour.verb("CompleteActivity", |ask: activities::v1::CompleteActivityRequest| {
            Ok(activities::v1::Activity {
                name: ask.name,
                regarding: OPPORTUNITY.to_owned(),
                origin: activities::v1::activity::Origin::Process.into(),
                stage_entry: ENTRY.to_owned(),
                planned_key: "contact_client#1".to_owned(),
                result: "done".to_owned(),
                ..Default::default()
            })
        });
        neighbour.read("GetActivity", |ask: activities::v1::GetActivityRequest| {
            Ok(activities::v1::Activity { name: ask.name, ..Default::default() })
        });
        neighbour.verb("RecordActivityResult", |_: opportunities::RecordActivityResultRequest| Ok(the_deal()));
        let house = House::open(&db, &neighbour).await;
        let ask = CompleteActivityRequest { activity: ACTIVITY.to_owned(), request_id: id(), ..Default::default() };
        house.deals.clone().complete_activity(ask).await.expect("it is completed");
        assert_eq!(neighbour.effects(), ["CompleteActivity", "RecordActivityResult"]);
    }
}
