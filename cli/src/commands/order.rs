//! `dealflow order`: what customers ordered, ordered otherwise, stopped, and gave up (R-ORD-1).

use clap::Subcommand;
use dealflow_proto::gateway::v1::CancelOrderRequest;
use dealflow_proto::orders::v1::{HoldOrderRequest, ListOrdersRequest, Order, ReleaseOrderRequest};
use serde_json::json;

use super::change::Change;
use super::export::{Export, Of};
use super::papers::{List, One, Why, in_full, lines, next_steps};
use crate::api::{Api, new_id};
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow order list --state on_hold
  dealflow order show SO-000001                          with what is delivered, billed and paid of it
  dealflow order hold SO-000001 --reason 'the customer is late'
  dealflow order release SO-000001
  dealflow order change SO-000001 --line 1=5 --drop 2 --add 'PUMP-7=2@990' --reason 'as he wrote today'
  dealflow order change SO-000001 --discount 3 --charge 'Freight=40' --reason 'agreed by phone'
  dealflow order cancel SO-000001 --reason 'ordered twice'
  dealflow order export SO-000001 --format ubl";

/// What to do with orders.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Orders {
    /// List orders, the latest first
    List(List),
    /// Show one order
    Show(One),
    /// Stop an order for a while
    Hold(Why),
    /// Let an order go on where it was
    Release(One),
    /// Order otherwise; an order that the ERP has is on hold until the ERP agrees
    Change(Change),
    /// Give an order up; one that the ERP has is canceled once the ERP agrees
    Cancel(Why),
    /// Write one as a file: UBL 2.1 or PDF
    Export(Export),
}

impl Orders {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list_orders(list).await,
            Self::Export(export) => export.run(Of::Orders).await,
            Self::Show(one) => shown(&one, async |_, _| Ok(())).await,
            Self::Hold(Why { one, reason }) => {
                shown(&one, async |api, Order { name, etag, .. }| {
                    let ask = HoldOrderRequest { name, etag, reason, request_id: new_id(), ..Default::default() };
                    Ok(api.orders.clone().hold_order(api.ask(ask)).await.map(drop)?)
                })
                .await
            }
            Self::Release(one) => {
                shown(&one, async |api, Order { name, etag, .. }| {
                    let ask = ReleaseOrderRequest { name, etag, request_id: new_id(), ..Default::default() };
                    Ok(api.orders.clone().release_order(api.ask(ask)).await.map(drop)?)
                })
                .await
            }
            Self::Change(change) => {
                // By the gateway: an order that the ERP has is changed once the ERP agrees.
                let given = change.given()?;
                shown(&change.one, async |api, order| given.ask(&api, order).await).await
            }
            Self::Cancel(Why { one, reason }) => {
                // By the gateway: an order that the ERP has is canceled once the ERP agrees.
                shown(&one, async |api, Order { name, etag, .. }| {
                    let ask =
                        CancelOrderRequest { order: name, etag, reason, request_id: new_id(), ..Default::default() };
                    Ok(api.deals.clone().cancel_order(api.ask(ask)).await.map(drop)?)
                })
                .await
            }
        }
    }
}

async fn list_orders(list: List) -> anyhow::Result<()> {
    let ask = ListOrdersRequest {
        page_size: list.limit,
        filter: list.filter(),
        order_by: "create_time desc".to_owned(),
        ..ListOrdersRequest::default()
    };
    let read = async |api: Api| Ok(api.orders.clone().list_orders(api.ask(ask)).await?.into_inner());
    let page = list.target.ask(read).await?;
    let more = !page.next_page_token.is_empty();
    if list.json {
        return data::print(&json!({ "orders": data::list(&page.orders, data::order), "more": more }));
    }
    println!("{}", table(&page.orders));
    if more {
        println!("There are more; --limit shows them.");
    }
    Ok(())
}

/// Does something with the order as it stands, and shows what it is then.
async fn shown(one: &One, act: impl AsyncFnOnce(Api, Order) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let work = async |api: Api| {
        let standing = find(&api, one).await?;
        act(api.clone(), standing).await?;
        find(&api, one).await
    };
    let order = one.target.ask(work).await?;
    let whole = (&order.allowances[..], &order.charges[..], order.totals.as_ref());
    if one.json {
        let mut shown = data::order(&order);
        in_full(&mut shown, &order.lines, whole);
        return data::print(&shown);
    }
    println!("{}", table(std::slice::from_ref(&order)));
    println!("{}", lines(&order.lines, whole));
    for (what, why) in [("on hold", &order.hold_reason), ("refused by the ERP", &order.erp_refusal)] {
        if !why.is_empty() {
            println!("  {what}: {why}");
        }
    }
    next_steps(order.guidance.as_ref());
    Ok(())
}

async fn find(api: &Api, one: &One) -> anyhow::Result<Order> {
    let ask = ListOrdersRequest { page_size: 1, filter: one.filter("orders"), ..ListOrdersRequest::default() };
    one.found(api.orders.clone().list_orders(api.ask(ask)).await?.into_inner().orders, "order")
}

/// Orders, one to a row.
fn table(orders: &[Order]) -> comfy_table::Table {
    let mut table = show::whole(
        show::table(&["number", "state", "day", "delivered", "billed", "paid", "to be paid", "opportunity"]),
        7,
    );
    for order in orders {
        table.add_row([
            order.number.as_str(),
            word(order.state().as_str_name(), "STATE_"),
            &show::date(order.order_date.as_ref()),
            word(order.fulfilment().as_str_name(), "PROGRESS_"),
            word(order.billing().as_str_name(), "PROGRESS_"),
            word(order.payment().as_str_name(), "PROGRESS_"),
            &show::money(order.totals.as_ref().and_then(|totals| totals.payable.as_ref())),
            &order.opportunity,
        ]);
    }
    table
}
