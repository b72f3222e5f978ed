//! `dealflow notifications`: what somebody was told, and is told (R-ACT-4).

use clap::Args;
use dealflow_proto::activities::v1::{
    GetUnreadCountRequest, ListNotificationsRequest, MarkAllReadRequest, Notification, WatchNotificationsRequest,
};
use serde_json::json;
use tonic::{Code, Request};

use super::people::People;
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow notifications --of 'Anna Snelling' --unread
  dealflow notifications --of 'Anna Snelling' --watch --gateway http://127.0.0.1:7400
  dealflow notifications --of 'Anna Snelling' --read";

/// Arguments of `notifications`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Notifications {
    /// Whose: a name as people say it; who asks where it is not said
    #[arg(long, value_name = "NAME")]
    of: Option<String>,
    /// Only what was not read yet
    #[arg(long)]
    unread: bool,
    /// Mark all as read
    #[arg(long, conflicts_with = "watch")]
    read: bool,
    /// Show news as it comes, until Ctrl-C; with --json a line of JSON for each
    #[arg(long)]
    watch: bool,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: i32,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Notifications {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        self.target.ask(async |api| self.on(api).await).await
    }

    async fn on(&self, api: Api) -> anyhow::Result<()> {
        let recipient = People::read(&api).await?.meant(self.of.as_deref(), &self.target)?;
        if self.watch {
            return self.follow(&api, recipient).await;
        }
        if self.read {
            let ask = MarkAllReadRequest { recipient, request_id: new_id(), ..Default::default() };
            let marked = api.notifications.clone().mark_all_read(api.ask(ask)).await?.into_inner().marked;
            if self.json {
                return data::print(&json!({ "marked": marked }));
            }
            println!("{marked} marked as read");
            return Ok(());
        }
        let count = GetUnreadCountRequest { recipient: recipient.clone() };
        let ask = ListNotificationsRequest {
            page_size: self.limit,
            recipient,
            unread_only: self.unread,
            ..ListNotificationsRequest::default()
        };
        let unread = api.notifications.clone().get_unread_count(api.ask(count)).await?.into_inner().unread;
        let page = api.notifications.clone().list_notifications(api.ask(ask)).await?.into_inner();
        let more = !page.next_page_token.is_empty();
        if self.json {
            let notifications = data::list(&page.notifications, data::notification);
            return data::print(&json!({ "notifications": notifications, "unread": unread, "more": more }));
        }
        println!("{}", table(&page.notifications));
        println!("{unread} unread{}", if more { "; there are more, --limit shows them" } else { "" });
        Ok(())
    }

    /// News as it comes. A lost stream is opened again where it was.
    async fn follow(&self, api: &Api, recipient: String) -> anyhow::Result<()> {
        let mut ask = WatchNotificationsRequest { recipient, new_only: true, ..Default::default() };
        loop {
            // No deadline: it lasts until somebody ends it.
            let mut news = api.notifications.clone().watch_notifications(Request::new(ask.clone())).await?.into_inner();
            let lost = loop {
                let next = tokio::select! {
                    next = news.message() => next,
                    _ = tokio::signal::ctrl_c() => return Ok(()),
                };
                match next {
                    Ok(Some(told)) => {
                        (ask.after_position, ask.new_only) = (told.position, false);
                        if let Some(notification) = &told.notification {
                            self.tell(notification)?;
                        }
                    }
                    Ok(None) => return Ok(()),
                    Err(status) => break status,
                }
            };
            if lost.code() != Code::Unavailable {
                return Err(lost.into());
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }

    fn tell(&self, notification: &Notification) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string(&data::notification(notification))?);
        } else {
            println!("{}", line(notification).join("  "));
        }
        Ok(())
    }
}

fn line(notification: &Notification) -> [String; 4] {
    [
        show::time(notification.create_time.as_ref()),
        word(notification.kind().as_str_name(), "KIND_").to_owned(),
        notification.title.clone(),
        notification.text.clone(),
    ]
}

fn table(notifications: &[Notification]) -> comfy_table::Table {
    let mut table = show::table(&["when (UTC)", "what", "news", "text", "read (UTC)"]);
    for notification in notifications {
        let [when, kind, title, text] = line(notification);
        table.add_row([when, kind, title, text, show::time(notification.read_time.as_ref())]);
    }
    table
}
