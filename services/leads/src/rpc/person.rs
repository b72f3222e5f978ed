//! Persons: what is held of one, exported and erased (R-ACC-3).

use dealflow_chassis::security::Sight;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Done, Refusal, Store, Work, history, redact};
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::leads::v1::person_service_server::PersonService;
use sea_orm::{ColumnTrait, DatabaseBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tonic::{Request, Response, Status};

use super::lead::guarded;
use crate::error::Error;
use crate::person::{Person, blank};
use crate::{contact, lead, wire};

/// Events that an export holds at the most, and the most bytes of their records: it is one message, with what other parts
/// hold.
const EVENTS: u64 = 1000;
const MOST_BYTES: usize = 1024 * 1024;

/// The service of persons.
#[derive(Clone)]
pub struct Persons {
    store: Store,
}

impl Persons {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl PersonService for Persons {
    async fn export_person(
        &self,
        request: Request<pb::ExportPersonRequest>,
    ) -> Result<Response<pb::PersonExport>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let db = self.store.reader();
        let person = Person::find(db, &ask.name).await?;
        let guarded = guarded(&self.store, &person.leads).await?;
        let rows = history::Entity::find()
            .filter(history::Column::Subject.is_in(person.names()))
            .filter(history::Column::Kind.ne(""))
            .order_by_asc(history::Column::Seq)
            .limit(EVENTS + 1)
            .all(db)
            .await
            .map_err(Refusal::from)?;
        let sqlite = self.store.backend() == DatabaseBackend::Sqlite;
        let place = |row: &history::Model| if sqlite { row.seq } else { row.position.unwrap_or_default() };
        let (found, mut bytes) = (rows.len(), 0);
        let mut fitting = rows;
        fitting.truncate(usize::try_from(EVENTS).unwrap_or(usize::MAX));
        fitting.retain(|row| {
            bytes += row.data.len();
            bytes <= MOST_BYTES
        });
        let more_events = fitting.len() < found;
        let events = fitting.into_iter().map(|row| {
            let place = place(&row);
            row.into_event(place)
        });
        Ok(Response::new(pb::PersonExport {
            contact: person.contact.as_ref().map(wire::contact::answer),
            leads: person.leads.iter().map(|lead| wire::lead::answer(lead, guarded)).collect(),
            events: events.collect(),
            more_events,
        }))
    }

    async fn erase_person(
        &self,
        request: Request<pb::ErasePersonRequest>,
    ) -> Result<Response<pb::ErasePersonResponse>, Status> {
        self.store.work(request, |work, ask: pb::ErasePersonRequest| async move { erase(work, &ask.name).await }).await
    }
}

/// Blanks records and history. The records are locked in the same order as everywhere: leads, then the contact.
async fn erase(mut work: Work, name: &str) -> Result<Done<pb::ErasePersonResponse>, Error> {
    let found = Person::find(&work.tx, name).await?;
    let names: Vec<String> = found.leads.iter().map(lead::Model::name).collect();
    let leads = lead::lock_all(&work.tx, &names, &Sight::All).await?;
    let contact = match found.contact {
        Some(contact) => Some(contact::lock(&work.tx, "name", &contact.name()).await?),
        None => None,
    };
    // What was done by now is to be blanked with the rest; what is done from now on says nothing any more.
    let person = Person { contact, leads };
    let redacted = redact::redact(&work.tx, &person.names(), blank).await?;

    let mut erased = Vec::with_capacity(person.leads.len());
    let fresh: Vec<lead::Model> = person.leads.iter().filter(|lead| lead.erased_at.is_none()).cloned().collect();
    for lead in &fresh {
        work.take_effect_after(lead.updated_at)?;
    }
    let now = work.now;
    lead::erase_all(&work.tx, &fresh, now).await?;
    for lead in person.leads {
        if lead.erased_at.is_some() {
            erased.push(wire::lead::answer(&lead, false));
            continue;
        }
        let (state, since) = (lead.state, lead.state_since);
        let version = lead.version + 1;
        let lead = lead::Model { version, updated_at: now, ..lead.erase(now) };
        let answer = wire::lead::answer(&lead, false);
        let change = Change::new("lead.erased", lead.name(), "ErasePerson").states(state, lead.state).since(since);
        work.record(change.data(&answer));
        erased.push(answer);
    }
    let contact = match person.contact {
        Some(contact) if contact.erased_at.is_none() => {
            let contact = contact::save(&work.tx, contact.erase(now), now).await?;
            let answer = wire::contact::answer(&contact);
            work.record(Change::new("contact.erased", contact.name(), "ErasePerson").data(&answer));
            Some(answer)
        }
        other => other.as_ref().map(wire::contact::answer),
    };
    let redacted_event_count = i64::try_from(redacted).map_err(Refusal::internal)?;
    Ok(work.done(pb::ErasePersonResponse { contact, leads: erased, redacted_event_count }))
}
