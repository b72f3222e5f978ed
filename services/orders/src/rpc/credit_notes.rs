//! The RPCs of credit notes.

use dealflow_chassis::list::list;
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::{Work, check};
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::credit_note_service_server::CreditNoteService;
use dealflow_proto::{convert, names};
use rust_decimal::Decimal;
use sea_orm::{EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};

use super::invoices::check_authority;
use super::{Orders, answer, asked_list};
use crate::credit_note::{self, Crediting, Model, State};
use crate::details;
use crate::error::Error;
use crate::invoice::{self, Billed};
use crate::legal_entity;
use crate::number;
use crate::order;
use crate::parties::Parties;
use crate::record::{change, save};
use crate::seen;
use crate::settings::{ERP, OVER_BILLING_PERCENT};
use crate::wire::asked;

/// The credit note that a verb names, locked, as the caller saw it. Its order is locked before it: what a credit note
/// takes back can be billed again, and billing waits for the order.
async fn locked(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let order = credit_note::find(&work.tx, name, &work.context.sight).await?.order_id;
    order::lock(&work.tx, &names::ORDERS.name(order), &Sight::All).await?;
    let note = credit_note::lock(&work.tx, name, &work.context.sight).await?;
    work.check_etag(name, etag, note.version)?;
    work.take_effect_after(note.updated_at)?;
    Ok(note)
}

/// Writes the credit note and its history.
async fn saved(
    work: &mut Work,
    (kind, verb, reason): (&str, &str, &str),
    before: &Model,
    after: &Model,
) -> Result<pb::CreditNote, Error> {
    save(&work.tx, before, after).await?;
    let answer = after.to_wire()?;
    work.record(change(kind, verb, Some(before), after, &answer).reason(reason));
    Ok(answer)
}

/// What is billed of an order, less what its credit notes take back, drafts too.
async fn billed(work: &Work, order: &order::Model) -> Result<Billed, Error> {
    let billed = invoice::billed(&work.tx, order).await?;
    credit_note::drafted(&work.tx, order.id, billed).await
}

#[tonic::async_trait]
impl CreditNoteService for Orders {
    async fn create_credit_note(
        &self,
        request: Request<pb::CreateCreditNoteRequest>,
    ) -> Result<Response<pb::CreditNote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateCreditNoteRequest| async move {
                let to_credit = asked(&ask.lines)?;
                let issue_date = ask.issue_date.as_ref().and_then(|day| convert::date_of(day).ok());
                // The order first, as billing does; the invoice's lock makes credits of it follow each other.
                let order = invoice::find(&work.tx, &ask.invoice, &work.context.sight).await?.order_id;
                let order = order::lock(&work.tx, &names::ORDERS.name(order), &Sight::All).await?;
                let invoice = invoice::lock(&work.tx, &ask.invoice, &work.context.sight).await?;
                invoice.check_ours("CreateCreditNote")?;
                work.take_effect_after(invoice.updated_at)?;
                let credited = credit_note::credited_of(&work.tx, invoice.id).await?;
                let billed = billed(&work, &order).await?;
                let of = Crediting { invoice: &invoice, credited: &credited, order: &order, billed: &billed };
                let series = legal_entity::series(&work.tx, &invoice.legal_entity).await?.credit_notes;
                let why = (ask.reason, issue_date, series.as_str());
                let note = Model::of_invoice(&of, &to_credit, why, self.moment(work.now))?;
                credit_note::insert(&work.tx, &note).await?;
                let answer = note.to_wire()?;
                let told = change("credit_note.created", "CreateCreditNote", None, &note, &answer);
                work.record(told.reason(note.reason));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn import_credit_note(
        &self,
        request: Request<pb::ImportCreditNoteRequest>,
    ) -> Result<Response<pb::CreditNote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ImportCreditNoteRequest| async move {
                let to_credit = asked(&ask.lines)?;
                let issue_date = ask.issue_date.as_ref().and_then(|day| convert::date_of(day).ok());
                let order = invoice::find(&work.tx, &ask.invoice, &work.context.sight).await?.order_id;
                let order = order::lock(&work.tx, &names::ORDERS.name(order), &Sight::All).await?;
                let invoice = invoice::lock(&work.tx, &ask.invoice, &work.context.sight).await?;
                check_authority(&work, ERP, "ImportCreditNote").await?;
                credit_note::check_imported(&work.tx, &invoice.legal_entity, &ask.number).await?;
                let external_id = details::external_id(ask.external_id)?;
                work.take_effect_after(invoice.updated_at)?;
                let credited = credit_note::credited_of(&work.tx, invoice.id).await?;
                let billed = billed(&work, &order).await?;
                let of = Crediting { invoice: &invoice, credited: &credited, order: &order, billed: &billed };
                let now = self.moment(work.now);
                let draft = Model::of_invoice(&of, &to_credit, (ask.reason, issue_date, ""), now)?;
                let mut note = draft.imported(ask.number, external_id, now)?;
                note.parties = Some(Parties::now(&work.tx, note.deal(), ask.buyer).await?);
                credit_note::insert(&work.tx, &note).await?;
                let answer = note.to_wire()?;
                // Another event than a posting: what came from the ERP is not handed over to it.
                let told = change("credit_note.imported", "ImportCreditNote", None, &note, &answer);
                work.record(told.reason(note.reason));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_credit_note(
        &self,
        request: Request<pb::GetCreditNoteRequest>,
    ) -> Result<Response<pb::CreditNote>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        answer(credit_note::find(self.reader(), &ask.name, &sight).await.and_then(|note| note.to_wire()))
    }

    async fn list_credit_notes(
        &self,
        request: Request<pb::ListCreditNotesRequest>,
    ) -> Result<Response<pb::ListCreditNotesResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let seen = credit_note::Entity::find().filter(seen::of_order(credit_note::Column::OrderId, &sight));
        let page = list(self.reader(), seen, &credit_note::FIELDS, asked_list!(ask)).await;
        let page = page.map_err(dealflow_chassis::Refusal::from)?;
        let notes = page.items.iter().map(Model::to_wire).collect::<Result<_, _>>();
        answer(
            notes.map(|credit_notes| pb::ListCreditNotesResponse {
                credit_notes,
                next_page_token: page.next_page_token,
            }),
        )
    }

    async fn post_credit_note(
        &self,
        request: Request<pb::PostCreditNoteRequest>,
    ) -> Result<Response<pb::CreditNote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::PostCreditNoteRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let mut after = before.clone().post(self.moment(work.now))?;
                let invoice = invoice::find(&work.tx, &names::INVOICES.name(after.invoice_id), &Sight::All).await?;
                invoice.check_ours("PostCreditNote")?;
                after.parties = Some(Parties::now(&work.tx, after.deal(), ask.buyer).await?);
                after.number = Some(number::of_credit_note(&work.tx, &after.legal_entity, &after.series).await?);
                let told = ("credit_note.posted", "PostCreditNote", "");
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn void_credit_note(
        &self,
        request: Request<pb::VoidCreditNoteRequest>,
    ) -> Result<Response<pb::CreditNote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::VoidCreditNoteRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let order = order::find(&work.tx, &names::ORDERS.name(before.order_id), &Sight::All).await?;
                let mut billed = Billed::default();
                let mut over_percent = Decimal::ZERO;
                if before.state == State::Posted {
                    let of_ours =
                        invoice::find(&work.tx, &names::INVOICES.name(before.invoice_id), &Sight::All).await?;
                    of_ours.check_ours("VoidCreditNote")?;
                    billed = invoice::billed(&work.tx, &order).await?;
                    over_percent = OVER_BILLING_PERCENT.read(&work).await?;
                }
                let against = (&order, &billed, over_percent);
                let after = before.clone().void(ask.withdrawn, against, self.moment(work.now))?;
                let told = ("credit_note.voided", "VoidCreditNote", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
