//! Fulfill: the order goes to the ERP, is delivered, and the invoice is made, posted and handed over (R-ORD-1, R-INV-1).

use dealflow_chassis::Refusal;
use dealflow_proto::gateway::v1::{DealProgress, FulfillDealRequest};
use dealflow_proto::leads::v1::{Account, GetAccountRequest};
use dealflow_proto::opportunities::v1::opportunity;
use dealflow_proto::orders::v1::{
    ConfirmOrderRequest, CreateInvoiceRequest, CreditNote, FulfillOrderRequest, GetInvoiceRequest, GetOrderRequest,
    Invoice, ListCreditNotesRequest, Order, Party, PostInvoiceRequest, SubmitOrderRequest, VoidInvoiceRequest, order,
};
use tonic::Status;
use tonic_types::StatusExt;

use crate::attached;
use crate::deal::{opportunity, order as order_of, refuse_closed};
use crate::documents;
use crate::flow::{Run, Stop};
use crate::parties::of_account;

/// That a bill was asked for beforehand.
const MAY_BILL: &str = "may bill";
/// That the ERP bills, for all runs.
const ERP_BILLS: &str = "the ERP bills";

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
    if order.state() == order::State::OnHold {
        let message = format!("{} {} is ON_HOLD: {}", order.name, order.number, order.hold_reason);
        return run.refuse("look at the hold", Refusal::guard(message, &[(&order.name, "is on hold")]));
    }
    let buyer = buyer(&run, &order.account).await?;
    let bill = CreateInvoiceRequest {
        order: order.name.clone(),
        lines: ask.lines.clone(),
        issue_date: ask.issue_date,
        buyer_reference: ask.buyer_reference.clone(),
        delivery_date: ask.delivery_date,
        exemption_reason: ask.exemption_reason.clone(),
        ..CreateInvoiceRequest::default()
    };
    if ask.lines.is_empty() || is_delivered(order.state()) {
        no_note_is_refused(&run, &order).await?;
    }
    let bills = may_bill(&run, &order, &bill).await?;
    if is_on_its_way(order.state()) {
        submit(&run, &order.name, order.state()).await?;
    }
    if !is_delivered(order.state()) {
        let deliver = FulfillOrderRequest { name: order.name.clone(), lines: ask.lines.clone(), ..Default::default() };
        run.step("fulfill", deliver).await?;
    }
    if bills {
        if matches!(order.state(), order::State::Fulfilled | order::State::Closed) {
            hand_over_credits(&run, &order).await?;
        }
        let draft = run.step("bill", bill).await?;
        let post = PostInvoiceRequest {
            name: draft.name.clone(),
            buyer: buyer.as_ref().map(of_account),
            ..Default::default()
        };
        // What was delivered stays so; what the draft bills can be billed again.
        let reason = "it could not be posted".to_owned();
        let void = VoidInvoiceRequest { name: draft.name, reason, ..VoidInvoiceRequest::default() };
        let invoice = run.or_undo("posted", ("void", void), run.step("post", post)).await?;
        hand_over_invoice(&run, &invoice).await?;
    }
    run.tell(&deal);
    Ok(run.progress())
}

/// Refuses while the ERP refuses a credit note of the order: to it what that took back is billed still, and it would take no
/// invoice for the same. What is said to be delivered now is none of that. A flow that was begun goes on: what it delivered
/// it bills.
async fn no_note_is_refused(run: &Run, order: &Order) -> Result<(), Stop> {
    if run.is_stored() {
        return Ok(());
    }
    let standing = run.standing(&order.number).await?;
    if standing.refused_note.is_empty() {
        return Ok(());
    }
    let (note, handoff) = (&standing.refused_note_is, &standing.refused_note);
    let message = format!(
        "the ERP refused {note} of {} {}, and bills nothing twice; mend what it names, and ReplayHandoff {handoff} sends it \
         again, or VoidCreditNote takes it back",
        order.name, order.number
    );
    let refusal = Refusal::guard(message, &[(note, "is refused by the ERP")]).with("handoff", handoff.as_str());
    run.refuse("look at the credit notes", refusal)
}

/// Asks whether what is delivered can be billed, before it is delivered: nobody takes a delivery back. False where the ERP
/// bills (R-INV-2): then delivering is all there is to do.
async fn may_bill(run: &Run, order: &Order, bill: &CreateInvoiceRequest) -> Result<bool, Stop> {
    if run.has_noted(ERP_BILLS) {
        return Ok(false);
    }
    // Begun by an earlier version of this program, which did not ask: it may be delivered and billed already.
    if run.is_stored() && !run.has_noted(MAY_BILL) {
        return Ok(true);
    }
    match run.check(MAY_BILL, CreateInvoiceRequest { assume_delivered: true, ..bill.clone() }).await {
        Err(Stop::Refused(refused)) if !is_delivered(order.state()) && is_for_the_erp(&refused.status) => {
            run.note(ERP_BILLS).await?;
            Ok(false)
        }
        asked => asked.map(|()| true),
    }
}

/// Whether a bill is refused because the ERP makes it.
fn is_for_the_erp(status: &Status) -> bool {
    let info = status.get_details_error_info();
    info.is_some_and(|info| info.metadata.get("invoicing_authority").is_some_and(|authority| authority == "ERP"))
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

/// Whether all of an order in this state is delivered.
fn is_delivered(state: order::State) -> bool {
    matches!(state, order::State::Fulfilled | order::State::Closed)
}

/// Whether an order in this state has yet to be submitted.
fn is_on_its_way(state: order::State) -> bool {
    matches!(state, order::State::Draft | order::State::Confirmed)
}

/// Leaves a submitted order for the ERP.
pub(crate) async fn hand_over_order(run: &Run, order: &Order) -> Result<(), Stop> {
    let buyer = buyer(run, &order.account).await?;
    let mut document = documents::of_order(order, buyer.as_ref(), &run.settings().legal_entity);
    attached::to_order(run, &mut document, order, buyer.as_ref().map(of_account)).await?;
    run.hand_over(document, &order.name, &order.opportunity).await
}

/// Leaves a posted invoice for the ERP.
pub(crate) async fn hand_over_invoice(run: &Run, invoice: &Invoice) -> Result<(), Stop> {
    let buyer = kept_or_read(run, invoice.buyer.as_ref(), &invoice.account).await?;
    let mut document = documents::of_invoice(invoice, buyer.as_ref());
    attached::to_invoice(run, &mut document, invoice).await?;
    run.hand_over(document, &invoice.name, &invoice.opportunity).await
}

/// Leaves the credit notes of an order for the ERP, before what is billed anew: it bills nothing twice, and has to hear first
/// what was taken back. Their events do the same, but later than a caller may come.
async fn hand_over_credits(run: &Run, order: &Order) -> Result<(), Stop> {
    let filter = format!("order = \"{}\" AND state = POSTED", order.name);
    let mut ask = ListCreditNotesRequest { page_size: 1000, filter, ..ListCreditNotesRequest::default() };
    loop {
        let page = run.read("credit notes", ask.clone()).await?;
        // What the ERP made it has.
        for note in page.credit_notes.iter().filter(|note| !note.series.is_empty()) {
            hand_over_credit_note(run, note).await?;
        }
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        ask.page_token = page.next_page_token;
    }
}

/// Leaves a posted credit note for the ERP.
pub(crate) async fn hand_over_credit_note(run: &Run, note: &CreditNote) -> Result<(), Stop> {
    let buyer = kept_or_read(run, note.buyer.as_ref(), &note.account).await?;
    let mut document = documents::of_credit_note(note, buyer.as_ref());
    attached::to_credit_note(run, &mut document, note).await?;
    run.hand_over(document, &note.name, &note.opportunity).await
}

/// Keeps an invoice that the ERP made beside those that we hand over: what the ERP tells of it finds it there (R-INV-2).
pub(crate) async fn take_over_invoice(run: &Run, invoice: &Invoice) -> Result<(), Stop> {
    let record = (invoice.name.as_str(), invoice.opportunity.as_str());
    run.take_over(documents::of_their_invoice(invoice), record, &invoice.number).await
}

/// As [`take_over_invoice`]; what the ERP said of the invoice before is looked at anew.
pub(crate) async fn take_over_credit_note(run: &Run, note: &CreditNote) -> Result<(), Stop> {
    let invoice = run.read("invoice", GetInvoiceRequest { name: note.invoice.clone() }).await?;
    let record = (note.name.as_str(), note.opportunity.as_str());
    run.take_over(documents::of_their_credit_note(note, &invoice), record, &note.number).await?;
    run.tell_again(&documents::ids_of(&invoice)).await
}

/// Who buys as the posted document keeps it: what its file says, the ERP gets. Else as the account says it.
pub(crate) async fn kept_or_read(run: &Run, kept: Option<&Party>, account: &str) -> Result<Option<Party>, Stop> {
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
