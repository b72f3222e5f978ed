//! `dealflow invoice draft`: an invoice for what an order delivered, or for an instalment of it (R-INV-1).

use clap::Args;
use dealflow_proto::convert;
use dealflow_proto::orders::v1::{CreateInvoiceRequest, Invoice, ListOrdersRequest, Order};
use rust_decimal::Decimal;

use super::papers::One;
use crate::api::{Api, new_id};

/// Arguments of `invoice draft`.
#[derive(Debug, Args)]
pub struct Draft {
    /// The order
    #[command(flatten)]
    pub(super) one: One,
    /// Which instalment of the order's terms, from 1 on; else all that is delivered and not yet billed
    #[arg(long, default_value_t = 0)]
    instalment: i32,
    /// What the customer paid in advance, in the order's currency
    #[arg(long, value_name = "AMOUNT")]
    prepaid: Option<Decimal>,
    /// Added to what is to be paid, or taken off it, so that it is a round amount
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    rounding: Option<Decimal>,
}

impl Draft {
    /// Makes the draft.
    pub(super) async fn create(&self, api: &Api) -> anyhow::Result<Invoice> {
        let filter = self.one.filter("orders");
        let ask = ListOrdersRequest { page_size: 1, filter, ..ListOrdersRequest::default() };
        let found = api.orders.clone().list_orders(api.ask(ask)).await?.into_inner().orders;
        let Order { name: order, currency_code, .. } = self.one.found(found, "order")?;
        let money = |amount: Option<Decimal>| amount.map(|amount| convert::money(amount, &currency_code)).transpose();
        let ask = CreateInvoiceRequest {
            order,
            instalment: self.instalment,
            prepaid: money(self.prepaid)?,
            rounding: money(self.rounding)?,
            request_id: new_id(),
            ..CreateInvoiceRequest::default()
        };
        Ok(api.invoices.clone().create_invoice(api.ask(ask)).await?.into_inner())
    }
}
