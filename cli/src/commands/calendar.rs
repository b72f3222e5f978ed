//! `dealflow calendar`: what is planned when, for people and for calendar programs (R-ACT-3).

use std::path::PathBuf;

use anyhow::Context as _;
use chrono::{Days, Utc};
use clap::Args;
use dealflow_proto::activities::v1::{
    CalendarEntry, GetCalendarRequest, ListCalendarRequest, ShareCalendarRequest, UnshareCalendarRequest,
};
use dealflow_proto::convert;
use prost_types::Timestamp;
use serde_json::{Value, json};

use super::moment::moment;
use super::people::People;
use crate::api::{Api, all_pages, new_id};
use crate::client::Target;
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow calendar --of 'Anna Snelling'                             the next two weeks
  dealflow calendar --of 'Anna Snelling' --from 2026-03-01 --to 2026-04-01
  dealflow calendar --of 'Anna Snelling' --ics anna.ics              the calendar as a file
  dealflow calendar --of 'Anna Snelling' --share                     an address for a calendar program

A shared calendar is read over plain HTTP at the gateway's address by whoever knows it; --share again gives a new one and
the old one opens nothing, --unshare takes it back.";

/// How many days are shown where that is not said.
const DAYS: u64 = 14;

/// Arguments of `calendar`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Calendar {
    /// Whose calendar: a name as people say it, several by several --of; who asks where it is not said
    #[arg(long, value_name = "NAME")]
    of: Vec<String>,
    /// From when on: 2026-03-05, '2026-03-05 14:00' or RFC 3339; UTC; now where it is not said
    #[arg(long, value_parser = moment, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Until when, not included; two weeks where it is not said
    #[arg(long, value_parser = moment, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Also what was canceled
    #[arg(long)]
    canceled: bool,
    /// Write the calendar into a file, as calendar programs read it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["share", "unshare", "from", "to"])]
    ics: Option<PathBuf>,
    /// Give the calendar a secret address that a calendar program subscribes to
    #[arg(long, conflicts_with = "unshare")]
    share: bool,
    /// Take the secret address back
    #[arg(long)]
    unshare: bool,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Calendar {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        self.target.ask(async |api| self.on(api).await).await
    }

    async fn on(&self, api: Api) -> anyhow::Result<()> {
        let people = People::read(&api).await?;
        let owners = self.owners(&people)?;
        let first = owners.first().cloned().unwrap_or_default();
        if let Some(file) = &self.ics {
            let ask = GetCalendarRequest { owner: first };
            let calendar = api.calendars.clone().get_calendar(api.ask(ask)).await?.into_inner().calendar;
            std::fs::write(file, &calendar).with_context(|| format!("{} cannot be written", file.display()))?;
            return self.tell(json!({ "file": file.display().to_string(), "bytes": calendar.len() }), || {
                format!("{}: {} bytes", file.display(), calendar.len())
            });
        }
        if self.share {
            let ask = ShareCalendarRequest { owner: first, request_id: new_id(), ..Default::default() };
            let shared = api.calendars.clone().share_calendar(api.ask(ask)).await?.into_inner();
            let at = self.target.gateway.as_deref().unwrap_or("http://GATEWAY").trim_end_matches('/');
            let address = format!("{at}{}", shared.path);
            return self
                .tell(json!({ "owner": shared.owner, "path": shared.path, "address": address }), || address.clone());
        }
        if self.unshare {
            let ask = UnshareCalendarRequest { owner: first, request_id: new_id(), ..Default::default() };
            let owner = api.calendars.clone().unshare_calendar(api.ask(ask)).await?.into_inner().owner;
            return self.tell(json!({ "owner": owner }), || "the calendar has no address any more".to_owned());
        }
        let entries = self.entries(&api, owners).await?;
        self.tell(json!({ "entries": data::list(&entries, entry) }), || table(&entries, &people).to_string())
    }

    fn owners(&self, people: &People) -> anyhow::Result<Vec<String>> {
        if self.of.is_empty() {
            return Ok(vec![people.meant(None, &self.target)?]);
        }
        self.of.iter().map(|who| Ok(people.who(who)?.to_owned())).collect()
    }

    async fn entries(&self, api: &Api, owners: Vec<String>) -> anyhow::Result<Vec<CalendarEntry>> {
        let now = Utc::now();
        let from = self.from.unwrap_or_else(|| convert::timestamp(now));
        let to = self.to.map_or_else(
            || {
                convert::time_of(&from)
                    .ok()
                    .and_then(|from| from.checked_add_days(Days::new(DAYS)))
                    .map(convert::timestamp)
            },
            Some,
        );
        let entries = all_pages(|page_token| {
            let ask = ListCalendarRequest {
                page_size: 1000,
                page_token,
                owners: owners.clone(),
                start_time: Some(from),
                end_time: to,
                show_canceled: self.canceled,
                ..ListCalendarRequest::default()
            };
            async move {
                let page = api.calendars.clone().list_calendar(api.ask(ask)).await?.into_inner();
                Ok((page.entries, page.next_page_token))
            }
        });
        Ok(entries.await?)
    }

    fn tell(&self, value: Value, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        if self.json {
            return data::print(&value);
        }
        println!("{}", text());
        Ok(())
    }
}

fn entry(entry: &CalendarEntry) -> Value {
    json!({
        "start_time": data::time(entry.start_time.as_ref()),
        "end_time": data::time(entry.end_time.as_ref()),
        "activity": entry.activity.as_ref().map(data::activity),
    })
}

fn table(entries: &[CalendarEntry], people: &People) -> comfy_table::Table {
    let mut table = show::table(&["from (UTC)", "to", "what", "kind", "state", "who"]);
    for entry in entries {
        let Some(activity) = &entry.activity else { continue };
        table.add_row([
            &show::time(entry.start_time.as_ref()),
            &show::time(entry.end_time.as_ref()),
            &activity.subject,
            word(activity.r#type().as_str_name(), "TYPE_"),
            word(activity.state().as_str_name(), "STATE_"),
            people.display(&activity.performer),
        ]);
    }
    table
}
