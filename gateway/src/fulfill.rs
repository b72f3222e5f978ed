//! Fulfill: the order goes to the ERP, is delivered, and the invoice is made, posted and handed over (R-ORD-1, R-INV-1).

use dealflow_chassis::Refusal;
use dealflow_proto::gateway::v1::{DealProgress, FulfillDealRequest};
use dealflow_proto::leads::v1::{Account, GetAccountRequest};
use dealflow_proto::opportunities::v1::opportunity;
use dealflow_proto::orders::v1::{
    ConfirmOrderRequest, CreateInvoiceRequest, CreditNote, FulfillOrderRequest, GetOrderRequest, Invoice, Order, Party,
    PostInvoiceRequest, SubmitOrderRequest, order,
};

use crate::deal::{opportunity, order as order_of, refuse_closed};
use crate::documents;
use crate::flow::{Run, Stop};
use crate::parties::of_account;

/// Delivers and bills what is open, or what is said.
pub(crate) async fn fulfill_deal(run: Run, ask: FulfillDealRequest) -> Result<DealProgress, Stop> {
    let (deal, order) =
        tokio::try_join!(opportunity(&run, &ask.opportunity, &ask.etag), order_of(&run, &ask.opportunity),)?;
    if deal.state() == opportunity::State::Lost {
        return refuse_closed(&run, &deal, "FulfillDeal").await;
    }
    let Some(order) = order else {
        let message = format!("{} has no order; win the deal or accept a quote first", ask.opportunity);
        return run.refuse("find the order", Refusal::guard(message, &[("order", "an order that is not canceled")]));
    };
    let buyer = buyer(&run, &order.account).await?;
    if is_on_its_way(order.state()) {
        submit(&run, &order.name, order.state()).await?;
    }
    if order.state() != order::State::Fulfilled {
        let deliver = FulfillOrderRequest { name: order.name.clone(), lines: ask.lines.clone(), ..Default::default() };
        run.step("fulfill", deliver).await?;
    }
    let bill = CreateInvoiceRequest {
        order: order.name.clone(),
        lines: ask.lines.clone(),
        issue_date: ask.issue_date,
        ..CreateInvoiceRequest::default()
    };
    let draft = run.step("bill", bill).await?;
    let buyer = buyer.as_ref().map(of_account);
    let invoice = run.step("post", PostInvoiceRequest { name: draft.name, buyer, ..Default::default() }).await?;
    hand_over_invoice(&run, &invoice).await?;
    run.tell(&deal);
    Ok(run.progress())
}

/// Brings an order to the ERP from where it stands. What somebody else did already is left as it is.
pub(crate) async fn submit(run: &Run, name: &str, state: order::State) -> Result<Order, Stop> {
    if state == order::State::Draft {
        run.settle("confirm order", ConfirmOrderRequest { name: name.to_owned(), ..Default::default() }).await?;
    }
    if is_on_its_way(state)
        && let Some(order) =
            run.settle("submit order", SubmitOrderRequest { name: name.to_owned(), ..Default::default() }).await?
    {
        hand_over_order(run, &order).await?;
        return Ok(order);
    }
    let order = run.look("order", GetOrderRequest { name: name.to_owned() }).await?;
    run.tell(&order);
    Ok(order)
}

/// Whether an order in this state has yet to be submitted.
fn is_on_its_way(state: order::State) -> bool {
    matches!(state, order::State::Draft | order::State::Confirmed)
}

/// Leaves a submitted order for the ERP.
pub(crate) async fn hand_over_order(run: &Run, order: &Order) -> Result<(), Stop> {
    let buyer = buyer(run, &order.account).await?;
    let document = documents::of_order(order, buyer.as_ref(), &run.settings().legal_entity);
    run.hand_over(document, &order.name, &order.opportunity).await
}

/// Leaves a posted invoice for the ERP.
pub(crate) async fn hand_over_invoice(run: &Run, invoice: &Invoice) -> Result<(), Stop> {
    let buyer = kept_or_read(run, invoice.buyer.as_ref(), &invoice.account).await?;
    run.hand_over(documents::of_invoice(invoice, buyer.as_ref()), &invoice.name, &invoice.opportunity).await
}

/// Leaves a posted credit note for the ERP.
pub(crate) async fn hand_over_credit_note(run: &Run, note: &CreditNote) -> Result<(), Stop> {
    let buyer = kept_or_read(run, note.buyer.as_ref(), &note.account).await?;
    run.hand_over(documents::of_credit_note(note, buyer.as_ref()), &note.name, &note.opportunity).await
}

/// Who buys as the posted document keeps it: what its file says, the ERP gets. Else as the account says it.
async fn kept_or_read(run: &Run, kept: Option<&Party>, account: &str) -> Result<Option<Party>, Stop> {
    match kept {
        Some(kept) => Ok(Some(kept.clone())),
        None => Ok(buyer(run, account).await?.as_ref().map(of_account)),
    }
}

/// Who buys, as it stands in the documents: read once, since a document handed over twice must be the same.
pub(crate) async fn buyer(run: &Run, account: &str) -> Result<Option<Account>, Stop> {
    if account.is_empty() {
        return Ok(None);
    }
    run.read("buyer", GetAccountRequest { name: account.to_owned() }).await.map(Some)
}
