//! Which deal somebody means: people type a title, or an id from elsewhere.

use anyhow::bail;
use dealflow_proto::names;
use dealflow_proto::opportunities::v1::{ListOpportunitiesRequest, Opportunity};
use uuid::Uuid;

use super::quoted;
use crate::api::Api;

/// As many candidates are named where a title is not one deal's alone.
const CANDIDATES: i32 = 10;

/// The name of the opportunity that somebody means.
pub(in crate::commands) async fn find(api: &Api, deal: &str) -> anyhow::Result<String> {
    if deal.starts_with("opportunities/") {
        return Ok(deal.to_owned());
    }
    if let Ok(id) = Uuid::try_parse(deal) {
        return Ok(names::OPPORTUNITIES.name(id));
    }
    for field in ["external_id", "title"] {
        let found = list(api, &format!("{field} = {}", quoted(deal))).await?;
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one.name.clone()),
            several => bail!("several deals go by `{deal}`; which one?{}", told(several)),
        }
    }
    bail!("no deal has the external id or the title `{deal}`; a name is opportunities/{{uuid}}")
}

async fn list(api: &Api, filter: &str) -> anyhow::Result<Vec<Opportunity>> {
    // A text between quotes may hold wildcards: as they are typed they are meant.
    let ask = ListOpportunitiesRequest { page_size: CANDIDATES, filter: filter.to_owned(), ..Default::default() };
    Ok(api.opportunities.clone().list_opportunities(api.ask(ask)).await?.into_inner().opportunities)
}

fn told(several: &[Opportunity]) -> String {
    let line = |it: &Opportunity| format!("\n  {}  {} {} {}", it.name, it.stage, it.title, it.external_id);
    several.iter().map(|it| line(it).trim_end().to_owned()).collect()
}
