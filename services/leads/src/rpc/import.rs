//! Leads in bulk, by a stream of rows (R-LED-2).
//!
//! Rows are taken in batches, a transaction each. What is wrong with a row is known before its batch goes in, so that
//! one bad row keeps no good one out. A batch's request id is made of the import's and its place: the same import again
//! gets the answers of the batches that went in already, and goes on with the first that did not. A row whose external
//! id is known is passed over, whoever brought it.

use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Done, Refusal, Store, Work};
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::{Validate, Violation};
use sea_orm::prelude::Uuid;
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request, Response, Status, Streaming};

use super::lead::guarded;
use crate::error::Error;
use crate::{lead, wire};

/// Rows of one transaction.
const BATCH: i64 = 200;
/// Refused rows that the answer lists; it must fit into a message.
const LISTED: usize = 1000;

/// One import under way.
struct Import<'a> {
    store: &'a Store,
    metadata: MetadataMap,
    request_id: Uuid,
    validate_only: bool,
    batch: Vec<pb::Lead>,
    report: pb::ImportLeadsResponse,
}

/// Takes all rows of a stream.
pub(super) async fn import(
    store: &Store,
    request: Request<Streaming<pb::ImportLeadsRequest>>,
) -> Result<Response<pb::ImportLeadsResponse>, Status> {
    let (metadata, _, mut rows) = request.into_parts();
    let mut import: Option<Import<'_>> = None;
    while let Some(mut row) = rows.message().await? {
        let mut wrong = Vec::new();
        row.validate("", &mut wrong);
        let (of_lead, of_import): (Vec<_>, Vec<_>) = wrong.into_iter().partition(|it| it.field.starts_with("lead"));
        if !of_import.is_empty() {
            return Err(Refusal::fields(of_import).into());
        }
        let id = dealflow_chassis::work::take_request_id(&mut row)?;
        let import = import.get_or_insert_with(|| Import {
            store,
            metadata: metadata.clone(),
            request_id: id,
            validate_only: row.validate_only,
            batch: Vec::new(),
            report: pb::ImportLeadsResponse::default(),
        });
        if id != import.request_id {
            return Err(Refusal::field("request_id", "the same in every message of an import").into());
        }
        import.take(row, of_lead).await?;
    }
    match import {
        None => Ok(Response::new(pb::ImportLeadsResponse::default())),
        Some(mut import) => {
            import.flush().await?;
            Ok(Response::new(import.report))
        }
    }
}

impl Import<'_> {
    /// Takes a row into the batch, or notes what is wrong with it; a batch that is full goes in.
    async fn take(&mut self, row: pb::ImportLeadsRequest, mut wrong: Vec<Violation>) -> Result<(), Status> {
        self.report.row_count += 1;
        let number = if row.row == 0 { self.report.row_count } else { row.row };
        let good = if wrong.is_empty() { good(row.lead).map_err(|more| wrong = more).ok() } else { None };
        match good {
            Some(lead) => self.batch.push(lead),
            None => self.refuse(number, wrong),
        }
        if self.report.row_count % BATCH == 0 { self.flush().await } else { Ok(()) }
    }

    fn refuse(&mut self, row: i64, wrong: Vec<Violation>) {
        self.report.failed_count += 1;
        for Violation { field, description } in wrong {
            if self.report.errors.len() < LISTED {
                let field = field.trim_start_matches("lead").trim_start_matches('.').to_owned();
                self.report.errors.push(pb::ImportError { row, field, reason: description });
            }
        }
    }

    /// Sends the batch in, in one transaction.
    async fn flush(&mut self) -> Result<(), Status> {
        let leads = std::mem::take(&mut self.batch);
        let Ok(count) = i64::try_from(leads.len()) else { return Ok(()) };
        if count == 0 {
            return Ok(());
        }
        let place = (self.report.row_count - 1) / BATCH;
        let batch = pb::ImportBatchRequest {
            leads,
            request_id: Uuid::new_v5(&self.request_id, &place.to_be_bytes()).to_string(),
            validate_only: self.validate_only,
        };
        let request = Request::from_parts(self.metadata.clone(), Extensions::default(), batch);
        let created = self.store.work(request, capture).await?.into_inner().created_count;
        self.report.created_count += created;
        self.report.existing_count += count - created;
        Ok(())
    }
}

/// A row's lead, if it can be captured as it is; the checks of its form have passed.
fn good(lead: Option<pb::Lead>) -> Result<pb::Lead, Vec<Violation>> {
    let says = |field: &str, description: String| vec![Violation { field: field.to_owned(), description }];
    let lead = lead.ok_or_else(|| says("lead", "is required".to_owned()))?;
    let known = [&lead.title, &lead.company_name, &lead.given_name, &lead.family_name, &lead.email, &lead.phone];
    if known.iter().all(|text| text.trim().is_empty()) {
        return Err(says("lead", "says neither a company, a person, an address nor what it is about".to_owned()));
    }
    let blank = wire::lead::blank(Uuid::nil(), chrono::DateTime::UNIX_EPOCH);
    let read = wire::everything(wire::lead::KNOWN).and_then(|all| wire::lead::take_over(blank, lead.clone(), &all));
    match read {
        Ok(_) => Ok(lead),
        Err(refusal) => Err(refusal.violations().to_vec()),
    }
}

/// Captures those leads of a batch whose external id nobody has.
async fn capture(mut work: Work, ask: pb::ImportBatchRequest) -> Result<Done<pb::ImportBatchResponse>, Error> {
    check(&ask)?;
    let all = wire::everything(wire::lead::KNOWN)?;
    let blank = |now| wire::lead::blank(Uuid::now_v7(), now);
    let leads = ask.leads.into_iter().map(|lead| wire::lead::take_over(blank(work.now), lead, &all));
    let created = lead::insert_new(&work.tx, leads.collect::<Result<_, _>>()?).await?;
    let guarded = guarded(&work, &created).await?;
    for lead in &created {
        let change = Change::new("lead.created", lead.name(), "ImportLeads").states("", lead.state);
        work.record(change.data(&wire::lead::answer(lead, guarded)));
    }
    let created_count = i64::try_from(created.len()).map_err(Refusal::internal)?;
    Ok(work.done(pb::ImportBatchResponse { created_count }))
}
