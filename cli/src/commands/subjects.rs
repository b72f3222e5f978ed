//! What the records go by that a list is about: people read no UUIDs.

use std::collections::{BTreeSet, HashMap};

use dealflow_proto::activities::v1::GetActivityRequest;
use dealflow_proto::leads::v1::{GetContactRequest, GetLeadRequest};
use dealflow_proto::opportunities::v1::GetOpportunityRequest;
use dealflow_proto::orders::v1::GetProductRequest;
use futures::stream::{self, StreamExt};
use tonic::{Code, Status};

use crate::api::Api;

/// How many records are read at the same time.
const AT_ONCE: usize = 16;

/// The titles of opportunities and leads, the subjects of activities, the names of contacts and products, by their names on
/// the wire. The services list no records by name: each is read by itself, several at once, and each only once.
pub(super) async fn titles<'a>(
    api: &Api,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, String>, Status> {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let read: Vec<Result<(String, String), Status>> = stream::iter(names)
        .map(|name| async move { Ok((name.to_owned(), title(api, name.to_owned()).await?)) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    read.into_iter().filter(|read| !matches!(read, Ok((_, title)) if title.is_empty())).collect()
}

/// What one record goes by; empty where it has no title, or is not there any more.
async fn title(api: &Api, name: String) -> Result<String, Status> {
    let read = match name.split('/').next() {
        Some("opportunities") => {
            let ask = api.ask(GetOpportunityRequest { name });
            api.opportunities.clone().get_opportunity(ask).await.map(|found| found.into_inner().title)
        }
        Some("leads") => {
            api.leads.clone().get_lead(api.ask(GetLeadRequest { name })).await.map(|found| found.into_inner().title)
        }
        Some("contacts") => {
            let ask = api.ask(GetContactRequest { name });
            api.contacts.clone().get_contact(ask).await.map(|found| {
                let contact = found.into_inner();
                format!("{} {}", contact.given_name, contact.family_name).trim().to_owned()
            })
        }
        Some("products") => {
            let ask = api.ask(GetProductRequest { name });
            api.products.clone().get_product(ask).await.map(|found| found.into_inner().display_name)
        }
        Some("activities") => {
            let ask = api.ask(GetActivityRequest { name });
            api.activities.clone().get_activity(ask).await.map(|found| found.into_inner().subject)
        }
        _ => Ok(String::new()),
    };
    match read {
        Err(status) if status.code() == Code::NotFound => Ok(String::new()),
        read => read,
    }
}
