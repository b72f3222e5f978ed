//! What the records go by that a list is about: people read no UUIDs.

use std::collections::{BTreeSet, HashMap};

use dealflow_proto::activities::v1::GetActivityRequest;
use dealflow_proto::leads::v1::GetLeadRequest;
use dealflow_proto::opportunities::v1::GetOpportunityRequest;
use futures::stream::{self, StreamExt};
use tonic::{Code, Status};

use crate::api::Api;

/// How many records are read at the same time.
const AT_ONCE: usize = 16;

/// The titles of opportunities and leads, the subjects of activities, by their names on the wire. The services list no
/// records by name: each is read by itself, several at once, and each only once.
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
