//! `dealflow invoice`: what customers have to pay, and what is taken back of it (R-INV-1).

use clap::Subcommand;
use dealflow_proto::orders::v1::{
    CreateCreditNoteRequest, CreditNote, Invoice, ListCreditNotesRequest, ListInvoicesRequest, PostCreditNoteRequest,
    PostInvoiceRequest,
};
use serde_json::{Value, json};

use super::draft::Draft;
use super::export::{Export, Of};
use super::papers::{List, One, Why, in_full, lines, next_steps};
use crate::api::{Api, new_id};
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow invoice list --state posted
  dealflow invoice show INV-2026-000001                  with what is paid and credited of it
  dealflow invoice draft SO-000001 --instalment 1        by the order's terms of payment
  dealflow invoice post invoices/019abc4e-…              gives a draft its number
  dealflow invoice credit INV-2026-000001 --reason 'returned'
  dealflow invoice export INV-2026-000001 --format pdf";

/// What to do with invoices.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Invoices {
    /// List invoices, the latest first
    List(List),
    /// Show one invoice
    Show(One),
    /// Draft an invoice for what an order delivered, or for an instalment of it
    Draft(Draft),
    /// Give a draft its number; it changes no more then
    Post(One),
    /// Take back all of an invoice that is not credited yet, by a posted credit note
    Credit(Why),
    /// Write one as a file: UBL 2.1 or PDF
    Export(Export),
}

impl Invoices {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list_invoices(list).await,
            Self::Export(export) => export.run(Of::Invoices).await,
            Self::Show(one) => shown(&one, async |_, _| Ok(())).await,
            Self::Draft(draft) => {
                let work = async |api: Api| draft.create(&api).await;
                let invoice = draft.one.target.ask(work).await?;
                print(&draft.one, &invoice, &[])
            }
            Self::Post(one) => {
                shown(&one, async |api, Invoice { name, etag, .. }| {
                    let ask = PostInvoiceRequest { name, etag, request_id: new_id(), ..Default::default() };
                    Ok(api.invoices.clone().post_invoice(api.ask(ask)).await.map(drop)?)
                })
                .await
            }
            Self::Credit(Why { one, reason }) => {
                shown(&one, async |api, Invoice { name: invoice, .. }| {
                    let request_id = new_id();
                    let ask = CreateCreditNoteRequest { invoice, reason, request_id, ..Default::default() };
                    let draft = api.credit_notes.clone().create_credit_note(api.ask(ask)).await?.into_inner();
                    let ask = PostCreditNoteRequest { name: draft.name, request_id: new_id(), ..Default::default() };
                    Ok(api.credit_notes.clone().post_credit_note(api.ask(ask)).await.map(drop)?)
                })
                .await
            }
        }
    }
}

async fn list_invoices(list: List) -> anyhow::Result<()> {
    let ask = ListInvoicesRequest {
        page_size: list.limit,
        filter: list.filter(),
        order_by: "create_time desc".to_owned(),
        ..ListInvoicesRequest::default()
    };
    let read = async |api: Api| Ok(api.invoices.clone().list_invoices(api.ask(ask)).await?.into_inner());
    let page = list.target.ask(read).await?;
    let more = !page.next_page_token.is_empty();
    if list.json {
        return data::print(&json!({ "invoices": data::list(&page.invoices, data::invoice), "more": more }));
    }
    println!("{}", table(&page.invoices));
    if more {
        println!("There are more; --limit shows them.");
    }
    Ok(())
}

/// Does something with the invoice as it stands, and shows what it is then, with its credit notes.
async fn shown(one: &One, act: impl AsyncFnOnce(Api, Invoice) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let work = async |api: Api| {
        let standing = find(&api, one.filter("invoices"), one).await?;
        let same = format!("name = \"{}\"", standing.name);
        let credits = format!("invoice = \"{}\"", standing.name);
        act(api.clone(), standing).await?;
        let ask = ListCreditNotesRequest { page_size: 1000, filter: credits, ..ListCreditNotesRequest::default() };
        let notes = api.credit_notes.clone().list_credit_notes(api.ask(ask)).await?.into_inner().credit_notes;
        Ok((find(&api, same, one).await?, notes))
    };
    let (invoice, notes) = one.target.ask(work).await?;
    print(one, &invoice, &notes)
}

fn print(one: &One, invoice: &Invoice, notes: &[CreditNote]) -> anyhow::Result<()> {
    let whole = (&invoice.allowances[..], &invoice.charges[..], invoice.totals.as_ref());
    if one.json {
        let mut shown = data::invoice(invoice);
        in_full(&mut shown, &invoice.lines, whole);
        shown["credit_notes"] = data::list(notes, of_note);
        return data::print(&shown);
    }
    println!("{}", table(std::slice::from_ref(invoice)));
    println!("{}", lines(&invoice.lines, whole));
    for note in notes {
        let amount = show::money(note.totals.as_ref().and_then(|totals| totals.payable.as_ref()));
        println!("  credit note {} {amount}: {}", numbered(note), note.reason);
    }
    next_steps(invoice.guidance.as_ref());
    Ok(())
}

fn numbered(note: &CreditNote) -> &str {
    if note.number.is_empty() { word(note.state().as_str_name(), "STATE_") } else { &note.number }
}

async fn find(api: &Api, filter: String, one: &One) -> anyhow::Result<Invoice> {
    let ask = ListInvoicesRequest { page_size: 1, filter, ..ListInvoicesRequest::default() };
    one.found(api.invoices.clone().list_invoices(api.ask(ask)).await?.into_inner().invoices, "invoice")
}

fn of_note(note: &CreditNote) -> Value {
    json!({
        "name": note.name,
        "number": data::text(&note.number),
        "state": word(note.state().as_str_name(), "STATE_"),
        "reason": note.reason,
        "totals": data::totals(note.totals.as_ref()),
    })
}

/// Invoices, one to a row.
fn table(invoices: &[Invoice]) -> comfy_table::Table {
    let mut table =
        show::whole(show::table(&["number", "state", "day", "due", "to be paid", "open", "paid", "order"]), 0);
    for invoice in invoices {
        let paid = word(invoice.payment_status().as_str_name(), "PAYMENT_STATUS_");
        let paid = if invoice.overdue { format!("{paid}, overdue") } else { paid.to_owned() };
        table.add_row([
            if invoice.number.is_empty() { invoice.name.as_str() } else { invoice.number.as_str() },
            word(invoice.state().as_str_name(), "STATE_"),
            &show::date(invoice.issue_date.as_ref()),
            &show::date(invoice.due_date.as_ref()),
            &show::money(invoice.totals.as_ref().and_then(|totals| totals.payable.as_ref())),
            &show::money(invoice.open.as_ref()),
            &paid,
            &invoice.order_number,
        ]);
    }
    table
}
