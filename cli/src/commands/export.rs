//! `dealflow quote|order|invoice|credit-note export`: a document as a file to send, or for another system (R-INV-3).

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use dealflow_proto::convert;
use dealflow_proto::gateway::v1::{DocumentFile, ExportDocumentRequest, export_document_request as form};
use dealflow_proto::orders::v1::{ListCreditNotesRequest, ListInvoicesRequest, ListOrdersRequest, ListQuotesRequest};
use serde_json::json;

use super::deal::quoted;
use super::named;
use crate::api::Api;
use crate::client::Target;
use crate::show::json as data;

const EXAMPLES: &str = "\
Examples:
  dealflow invoice export INV-2026-000017 --format pdf                 a file of that name in this folder
  dealflow invoice export INV-2026-000017 --format ubl --out -         to the standard output
  dealflow quote export Q-000031 --format pdf --language ru --out offer.pdf
  dealflow order export SO-000017 --format ubl --buyer-reference KST-4711

Who sells is said once: `dealflow seller set default --legal-name …`. What a form demands and the records lack is refused
as one list, each entry with its field and its rule.";

/// What to do with documents of one kind.
#[derive(Debug, Subcommand)]
pub enum Paper {
    /// Write one as a file: UBL 2.1 or PDF
    Export(Export),
}

/// Arguments of `export`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Export {
    /// The document: its number, its name, or its UUID
    document: String,
    /// The form of the file
    #[arg(long)]
    format: Format,
    /// Where to write it; `-` is the standard output, without it a file named after the document
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The language of a PDF: en or ru
    #[arg(long, default_value = "en")]
    language: String,
    /// What the buyer asked to see, such as a cost centre (BT-10)
    #[arg(long, default_value = "")]
    buyer_reference: String,
    /// The day of delivery, which intra-community supply must name (BT-72)
    #[arg(long, value_name = "YYYY-MM-DD")]
    delivery_date: Option<NaiveDate>,
    /// Why exempt lines are exempt (BT-120)
    #[arg(long, default_value = "")]
    exemption_reason: String,
    /// The result as JSON; the file is written all the same
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// UBL 2.1 by EN 16931 and Peppol BIS Billing 3.0
    Ubl,
    /// Pages to be read and sent
    Pdf,
}

/// Which kind of document a command is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Quotes,
    Orders,
    Invoices,
    CreditNotes,
}

impl Paper {
    /// Runs the command.
    pub(super) async fn run(self, of: Of) -> anyhow::Result<()> {
        match self {
            Self::Export(export) => export.run(of).await,
        }
    }
}

impl Export {
    /// Runs the command.
    pub(super) async fn run(self, of: Of) -> anyhow::Result<()> {
        let format = match self.format {
            Format::Ubl => form::Format::Ubl,
            Format::Pdf => form::Format::Pdf,
        };
        let export = async |api: Api| {
            let ask = ExportDocumentRequest {
                name: of.find(&api, &self.document).await?,
                format: format.into(),
                language_code: self.language.clone(),
                buyer_reference: self.buyer_reference.clone(),
                delivery_date: self.delivery_date.map(convert::date),
                exemption_reason: self.exemption_reason.clone(),
            };
            Ok(api.documents.clone().export_document(api.ask(ask)).await?.into_inner())
        };
        let file: DocumentFile = self.target.ask(export).await?;
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from(&file.file_name));
        if out.as_os_str() == "-" {
            return std::io::stdout().write_all(&file.content).context("the standard output took not all");
        }
        std::fs::write(&out, &file.content).with_context(|| format!("{} cannot be written", out.display()))?;
        let bytes = file.content.len();
        if self.json {
            let file = json!({
                "file": out.display().to_string(), "media_type": file.media_type, "bytes": bytes, "sha256": file.sha256,
            });
            return data::print(&file);
        }
        println!("{} ({bytes} bytes, SHA-256 {})", out.display(), file.sha256);
        Ok(())
    }
}

impl Of {
    /// The name of the document that somebody means; of a quote's revisions the latest.
    async fn find(self, api: &Api, which: &str) -> anyhow::Result<String> {
        let collection = match self {
            Self::Quotes => "quotes",
            Self::Orders => "orders",
            Self::Invoices => "invoices",
            Self::CreditNotes => "creditNotes",
        };
        let name = named(collection, which);
        if name.starts_with(&format!("{collection}/")) {
            return Ok(name);
        }
        let (filter, order_by) = (format!("number = {}", quoted(which)), "create_time desc".to_owned());
        let found = match self {
            Self::Quotes => {
                let ask = ListQuotesRequest { page_size: 1, filter, order_by, ..ListQuotesRequest::default() };
                let page = api.quotes.clone().list_quotes(api.ask(ask)).await?.into_inner();
                page.quotes.into_iter().next().map(|quote| quote.name)
            }
            Self::Orders => {
                let ask = ListOrdersRequest { page_size: 1, filter, order_by, ..ListOrdersRequest::default() };
                let page = api.orders.clone().list_orders(api.ask(ask)).await?.into_inner();
                page.orders.into_iter().next().map(|order| order.name)
            }
            Self::Invoices => {
                let ask = ListInvoicesRequest { page_size: 1, filter, order_by, ..ListInvoicesRequest::default() };
                let page = api.invoices.clone().list_invoices(api.ask(ask)).await?.into_inner();
                page.invoices.into_iter().next().map(|invoice| invoice.name)
            }
            Self::CreditNotes => {
                let ask =
                    ListCreditNotesRequest { page_size: 1, filter, order_by, ..ListCreditNotesRequest::default() };
                let page = api.credit_notes.clone().list_credit_notes(api.ask(ask)).await?.into_inner();
                page.credit_notes.into_iter().next().map(|note| note.name)
            }
        };
        found.with_context(|| {
            format!("none of the {collection} has the number `{which}`; a name is {collection}/{{uuid}}")
        })
    }
}
