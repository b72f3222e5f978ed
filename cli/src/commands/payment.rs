//! `dealflow payment`: money that came in, and what it pays (R-INV-1).

use anyhow::Context as _;
use clap::{Args, Subcommand};
use dealflow_proto::convert;
use dealflow_proto::orders::v1::{ListInvoicesRequest, Payment, PaymentAllocation, RecordPaymentRequest};
use rust_decimal::Decimal;
use serde_json::json;

use super::deal::quoted;
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow payment record --source bank --reference 4711 --amount 120.00 --currency USD --invoice INV-2026-000001
  dealflow payment record --source bank --reference 4712 --amount 500 --currency USD      allocated later";

/// What to do with payments.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Payments {
    /// Record a payment, once per source and reference
    Record(Record),
}

/// Arguments of `payment record`.
#[derive(Debug, Args)]
pub struct Record {
    /// Where it is known from, e.g. bank
    #[arg(long)]
    source: String,
    /// How its source names it
    #[arg(long)]
    reference: String,
    /// How much came in
    #[arg(long)]
    amount: Decimal,
    /// In which currency, ISO 4217
    #[arg(long)]
    currency: String,
    /// Number of the invoice that all of it pays
    #[arg(long, value_name = "NUMBER")]
    invoice: Option<String>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Payments {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Record(record) => record.run().await,
        }
    }
}

impl Record {
    async fn run(self) -> anyhow::Result<()> {
        let amount = convert::money(self.amount, &self.currency).context("the amount is none")?;
        let work = async |api: Api| {
            let mut allocations = Vec::new();
            if let Some(number) = &self.invoice {
                let filter = format!("number = {}", quoted(number));
                let ask = ListInvoicesRequest { page_size: 1, filter, ..ListInvoicesRequest::default() };
                let found = api.invoices.clone().list_invoices(api.ask(ask)).await?.into_inner().invoices;
                let invoice = found.into_iter().next().with_context(|| format!("no invoice is called `{number}`"))?;
                allocations.push(PaymentAllocation { invoice: invoice.name, amount: Some(amount.clone()) });
            }
            let payment = Payment {
                source: self.source.clone(),
                external_reference: self.reference.clone(),
                amount: Some(amount.clone()),
                allocations,
                ..Payment::default()
            };
            let ask = RecordPaymentRequest { payment: Some(payment), request_id: new_id(), ..Default::default() };
            Ok(api.payments.clone().record_payment(api.ask(ask)).await?.into_inner())
        };
        let payment = self.target.ask(work).await?;
        if self.json {
            return data::print(&json!({
                "name": payment.name,
                "state": word(payment.state().as_str_name(), "STATE_"),
                "source": payment.source,
                "external_reference": payment.external_reference,
                "amount": data::money(payment.amount.as_ref()),
                "unallocated": data::money(payment.unallocated.as_ref()),
                "received_date": data::date(payment.received_date.as_ref()),
            }));
        }
        let mut table =
            show::whole(show::table(&["payment", "state", "source", "reference", "amount", "pays nothing yet"]), 0);
        table.add_row([
            payment.name.as_str(),
            word(payment.state().as_str_name(), "STATE_"),
            &payment.source,
            &payment.external_reference,
            &show::money(payment.amount.as_ref()),
            &show::money(payment.unallocated.as_ref()),
        ]);
        println!("{table}");
        Ok(())
    }
}
