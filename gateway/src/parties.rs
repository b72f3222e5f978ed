//! Who buys, as a bill says it: the part that posts it knows no accounts, so the gateway tells it with the call, and the
//! bill keeps it (R-INV-1).
//!
//! What a caller writes there himself is not taken: nobody invents a buyer. Once a bill is posted it is told what it keeps,
//! so that a call that comes twice is the same call.

use axum::body::Bytes;
use dealflow_chassis::security::Sight;
use dealflow_chassis::{Context, Refusal};
use dealflow_proto::leads::v1::{Account, GetAccountRequest};
use dealflow_proto::orders::v1::{
    GetCreditNoteRequest, GetInvoiceRequest, GetOrderRequest, ImportCreditNoteRequest, ImportInvoiceRequest,
    ListCreditNotesRequest, ListInvoicesRequest, Party, PostCreditNoteRequest, PostInvoiceRequest,
    VoidCreditNoteRequest, VoidInvoiceRequest, credit_note, invoice,
};
use http::request::Parts;
use http::{Request, Response, header};
use prost::Message;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::calls::{Ask, Neighbours};
use crate::flow::Flows;
use crate::handoff::Handoffs;
use crate::through::{FRAME, Through, only_message, whole};
use crate::voided;

/// The services of which some calls are told who buys.
pub(crate) const SERVICES: [&str; 2] = ["dealflow.orders.v1.InvoiceService", "dealflow.orders.v1.CreditNoteService"];

/// An account as what documents say of it (R-ACC-1). The name it goes by stands in where it has no other.
pub(crate) fn of_account(account: &Account) -> Party {
    Party {
        legal_name: account.legal_name.clone(),
        trading_name: account.display_name.clone(),
        address: account.address.clone(),
        vat_id: account.vat_id.clone(),
        registration_id: account.registration_id.clone(),
        electronic_address: account.electronic_address.clone(),
        electronic_address_scheme: account.electronic_address_scheme.clone(),
        phone: account.phone.clone(),
        email: account.email.clone(),
        ..Party::default()
    }
}

/// The way to the bills of a part.
#[derive(Clone)]
pub(crate) struct Telling {
    pub(crate) through: Through,
    pub(crate) to: Neighbours,
    pub(crate) handoffs: Handoffs,
    pub(crate) flows: Flows,
}

/// The calls that are told something.
const TOLD: [&str; 6] =
    ["PostInvoice", "ImportInvoice", "VoidInvoice", "PostCreditNote", "ImportCreditNote", "VoidCreditNote"];

impl Telling {
    /// Answers a call, by its part or instead of it.
    pub(crate) async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        if !TOLD.contains(&method.as_str()) {
            return self.through.answer(request).await;
        }
        let (mut head, body) = request.into_parts();
        let bytes = whole(body).await?;
        head.headers.remove(header::CONTENT_LENGTH);
        match method.as_str() {
            "VoidInvoice" => return voided::answer::<VoidInvoiceRequest>(&self, head, bytes).await,
            "VoidCreditNote" => return voided::answer::<VoidCreditNoteRequest>(&self, head, bytes).await,
            _ => {}
        }
        let told = Asking::of(&self, &head)?.told(&method, only_message(&bytes)?).await?;
        let bytes = told.map_or(Ok(bytes), |message| framed(&message))?;
        self.through.answer(Request::from_parts(head, Body::new(axum::body::Body::from(bytes)))).await
    }
}

/// A message as a body of one.
pub(crate) fn framed(message: &[u8]) -> Result<Bytes, Refusal> {
    let length = u32::try_from(message.len()).map_err(Refusal::internal)?;
    let mut bytes = Vec::with_capacity(FRAME + message.len());
    bytes.push(0);
    bytes.extend(length.to_be_bytes());
    bytes.extend(message);
    Ok(bytes.into())
}

/// Looks up who buys.
pub(crate) struct Asking<'a> {
    to: &'a Neighbours,
    pub(crate) context: Context,
}

impl<'a> Asking<'a> {
    /// Read for the document's own sake: the caller is told nothing of it that the part does not tell.
    pub(crate) fn of(telling: &'a Telling, head: &Parts) -> Result<Self, Refusal> {
        let context = Context::of(&MetadataMap::from_headers(head.headers.clone()))?;
        Ok(Self { to: &telling.to, context: Context { roles: None, sight: Sight::All, ..context } })
    }

    /// The message with who buys; none where it cannot be read, which the part refuses.
    async fn told(&self, method: &str, message: &[u8]) -> Result<Option<Vec<u8>>, Status> {
        Ok(match method {
            "PostInvoice" => {
                let Ok(mut ask) = PostInvoiceRequest::decode(message) else { return Ok(None) };
                let bill = self.there(GetInvoiceRequest { name: ask.name.clone() }).await?;
                ask.buyer = match bill {
                    Some(bill) if bill.state() == invoice::State::Draft => self.buyer(&bill.account).await?,
                    bill => bill.and_then(|bill| bill.buyer),
                };
                Some(ask.encode_to_vec())
            }
            "PostCreditNote" => {
                let Ok(mut ask) = PostCreditNoteRequest::decode(message) else { return Ok(None) };
                let bill = self.there(GetCreditNoteRequest { name: ask.name.clone() }).await?;
                ask.buyer = match bill {
                    Some(bill) if bill.state() == credit_note::State::Draft => self.buyer(&bill.account).await?,
                    bill => bill.and_then(|bill| bill.buyer),
                };
                Some(ask.encode_to_vec())
            }
            "ImportCreditNote" => {
                let Ok(mut ask) = ImportCreditNoteRequest::decode(message) else { return Ok(None) };
                ask.buyer = self.buyer_of_note(&ask).await?;
                Some(ask.encode_to_vec())
            }
            _ => {
                let Ok(mut ask) = ImportInvoiceRequest::decode(message) else { return Ok(None) };
                ask.buyer = self.buyer_of_import(&ask).await?;
                Some(ask.encode_to_vec())
            }
        })
    }

    /// What an invoice that was imported before keeps, else what the order's account says.
    async fn buyer_of_import(&self, ask: &ImportInvoiceRequest) -> Result<Option<Party>, Status> {
        let Some(order) = self.there(GetOrderRequest { name: ask.order.clone() }).await? else { return Ok(None) };
        if !ask.number.contains(['"', '\\', '*']) {
            let filter = format!("order = \"{}\" AND number = \"{}\"", ask.order, ask.number);
            let before = ListInvoicesRequest { page_size: 1, filter, ..ListInvoicesRequest::default() };
            if let Some(before) = self.ask(before).await?.invoices.into_iter().next() {
                return Ok(before.buyer);
            }
        }
        self.buyer(&order.account).await
    }

    /// What a credit note that was imported before keeps, else what the invoice's account says.
    async fn buyer_of_note(&self, ask: &ImportCreditNoteRequest) -> Result<Option<Party>, Status> {
        let Some(invoice) = self.there(GetInvoiceRequest { name: ask.invoice.clone() }).await? else { return Ok(None) };
        if !ask.number.contains(['"', '\\', '*']) {
            let filter = format!("invoice = \"{}\" AND number = \"{}\"", ask.invoice, ask.number);
            let before = ListCreditNotesRequest { page_size: 1, filter, ..ListCreditNotesRequest::default() };
            if let Some(before) = self.ask(before).await?.credit_notes.into_iter().next() {
                return Ok(before.buyer);
            }
        }
        self.buyer(&invoice.account).await
    }

    /// Nobody where the deal names no account, or one that is gone.
    pub(crate) async fn buyer(&self, account: &str) -> Result<Option<Party>, Status> {
        if account.is_empty() {
            return Ok(None);
        }
        Ok(self.there(GetAccountRequest { name: account.to_owned() }).await?.as_ref().map(of_account))
    }

    /// None where there is none, or its name is none: the part refuses that.
    pub(crate) async fn there<A: Ask>(&self, ask: A) -> Result<Option<A::Answer>, Status> {
        match self.ask(ask).await {
            Ok(answer) => Ok(Some(answer)),
            Err(status) if matches!(status.code(), Code::NotFound | Code::InvalidArgument) => Ok(None),
            Err(status) => Err(status),
        }
    }

    async fn ask<A: Ask>(&self, ask: A) -> Result<A::Answer, Status> {
        let mut request = tonic::Request::new(ask);
        self.context.carry(request.metadata_mut());
        A::send(self.to, request).await.map(tonic::Response::into_inner)
    }
}
