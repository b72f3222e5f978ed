//! `dealflow setting`: what the installation decides while it runs, and who decided it when.

use anyhow::bail;
use clap::{Args, Subcommand};
use dealflow_proto::google::type_::Decimal;
use dealflow_proto::settings::v1::setting::Kind;
use dealflow_proto::settings::v1::{
    GetSettingRequest, ListSettingChangesRequest, ListSettingsRequest, Setting, SettingChange, SettingList,
    SettingValue, UpdateSettingRequest,
};
use serde_json::{Value, json};

use crate::api::{Api, all_pages, new_id};
use crate::client::Target;
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow setting list
  dealflow setting get leads.qualification_guard
  dealflow setting set qualification_guard false      the part may be left out where only one has such a setting
  dealflow setting set activities.close_notification_recipients OWNER,OWNER_MANAGER
  dealflow setting set gateway.default_currency --default

A change holds from the next request on, in every replica; `get` shows who changed a setting when.";

/// What to do with settings.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum SettingCommand {
    /// List all settings, by name
    List(List),
    /// Show one setting and its changes, the latest first
    Get(Get),
    /// Give a setting another value, or its default again
    Set(Set),
}

/// Arguments of `setting list`.
#[derive(Debug, Args)]
pub struct List {
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `setting get`.
#[derive(Debug, Args)]
pub struct Get {
    /// The setting, e.g. leads.qualification_guard
    setting: String,
    /// At most so many changes
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: i32,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `setting set`.
#[derive(Debug, Args)]
pub struct Set {
    /// The setting, e.g. leads.qualification_guard
    setting: String,
    /// Its value: true or false, a number, text, or a list with commas between
    #[arg(required_unless_present = "default", conflicts_with = "default")]
    value: Option<String>,
    /// The default again
    #[arg(long)]
    default: bool,
    /// Only if it still has the version that you saw
    #[arg(long, default_value = "", value_name = "ETAG")]
    etag: String,
    /// Check everything and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl SettingCommand {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
            Self::Get(get) => get.run().await,
            Self::Set(set) => set.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let settings = self.target.ask(all).await?;
        if self.json {
            return data::print(&json!({ "settings": data::list(&settings, setting) }));
        }
        println!("{}", table(&settings));
        Ok(())
    }
}

async fn all(api: Api) -> anyhow::Result<Vec<Setting>> {
    let page = async |page_token| {
        let ask = ListSettingsRequest { page_token, ..ListSettingsRequest::default() };
        let page = api.settings.clone().list_settings(api.ask(ask)).await?.into_inner();
        Ok((page.settings, page.next_page_token))
    };
    Ok(all_pages(page).await?)
}

impl Get {
    async fn run(self) -> anyhow::Result<()> {
        let (typed, limit) = (self.setting, self.limit);
        let read = async |api: Api| {
            let name = find(&api, &typed).await?;
            let mut settings = api.settings.clone();
            let setting = settings.get_setting(api.ask(GetSettingRequest { name: name.clone() })).await?.into_inner();
            let ask = ListSettingChangesRequest { name, page_size: limit, ..Default::default() };
            Ok((setting, settings.list_setting_changes(api.ask(ask)).await?.into_inner().changes))
        };
        let (one, changes) = self.target.ask(read).await?;
        if self.json {
            let mut shown = setting(&one);
            shown["changes"] = data::list(&changes, change);
            return data::print(&shown);
        }
        println!("{}", table(std::slice::from_ref(&one)));
        println!("{}", one.description);
        if !one.allowed_values.is_empty() {
            println!("Allowed: {}", one.allowed_values.join(", "));
        }
        if !changes.is_empty() {
            println!("{}", history(&changes));
        }
        Ok(())
    }
}

impl Set {
    async fn run(self) -> anyhow::Result<()> {
        let (typed, given, etag, validate_only) = (self.setting, self.value, self.etag, self.dry_run);
        let set = async |api: Api| {
            let name = find(&api, &typed).await?;
            let mut settings = api.settings.clone();
            let value = match given {
                None => None,
                Some(text) => {
                    let ask = GetSettingRequest { name: name.clone() };
                    let kind = settings.get_setting(api.ask(ask)).await?.into_inner().kind();
                    Some(read(kind, &text)?)
                }
            };
            let ask = UpdateSettingRequest { name, etag, value, request_id: new_id(), validate_only };
            Ok(settings.update_setting(api.ask(ask)).await?.into_inner())
        };
        let one = self.target.ask(set).await?;
        if self.json {
            return data::print(&setting(&one));
        }
        println!("{}", table(&[one]));
        Ok(())
    }
}

/// The resource name of the setting that somebody means: `settings/` may be left out, and the part that it belongs to
/// (`leads.`) where no other part has one of that name.
async fn find(api: &Api, typed: &str) -> anyhow::Result<String> {
    let settings = all(api.clone()).await?;
    let names: Vec<&str> = settings.iter().map(|it| it.name.trim_start_matches("settings/")).collect();
    let typed = typed.trim_start_matches("settings/");
    if names.contains(&typed) {
        return Ok(format!("settings/{typed}"));
    }
    let of_a_part = |name: &&&str| name.split_once('.').is_some_and(|(_, rest)| rest == typed);
    match names.iter().filter(of_a_part).copied().collect::<Vec<_>>().as_slice() {
        [one] => Ok(format!("settings/{one}")),
        [] => bail!("no setting goes by `{typed}`; there are {}", names.join(", ")),
        several => bail!("several settings go by `{typed}`: {}", several.join(", ")),
    }
}

/// A value as somebody typed it.
fn read(kind: Kind, text: &str) -> anyhow::Result<SettingValue> {
    let mut value = SettingValue::default();
    match kind {
        Kind::Flag => {
            let flag = text.parse().map_err(|_| anyhow::anyhow!("`{text}` is neither true nor false"))?;
            value.flag = Some(flag);
        }
        Kind::Number => {
            let number = text.parse().map_err(|_| anyhow::anyhow!("`{text}` is no whole number"))?;
            value.number = Some(number);
        }
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect();
            value.list = Some(SettingList { items });
        }
        Kind::Decimal => value.decimal = Some(Decimal { value: text.to_owned() }),
        Kind::Text | Kind::Unspecified => value.text = Some(text.to_owned()),
    }
    Ok(value)
}

fn table(settings: &[Setting]) -> comfy_table::Table {
    let mut table = show::table(&["setting", "value", "default", "changed (UTC)", "by", "version"]);
    for setting in settings {
        table.add_row([
            setting.name.trim_start_matches("settings/"),
            &plain(setting.value.as_ref()),
            &plain(setting.default_value.as_ref()),
            &show::time(setting.update_time.as_ref()),
            &setting.update_actor,
            &setting.etag,
        ]);
    }
    table
}

fn history(changes: &[SettingChange]) -> comfy_table::Table {
    let mut table = show::table(&["changed (UTC)", "by", "from", "to"]);
    for change in changes {
        let after = change.setting.clone().unwrap_or_default();
        table.add_row([
            show::time(after.update_time.as_ref()),
            after.update_actor,
            plain(change.previous_value.as_ref()),
            plain(after.value.as_ref()),
        ]);
    }
    table
}

/// A value as it would be typed.
fn plain(value: Option<&SettingValue>) -> String {
    match as_data(value) {
        Value::String(text) => text,
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn as_data(value: Option<&SettingValue>) -> Value {
    let Some(value) = value else { return Value::Null };
    if let Some(list) = &value.list {
        return list.items.as_slice().into();
    }
    let flag = value.flag.map(Value::from).or_else(|| value.number.map(Value::from));
    let text = value.text.as_deref().or_else(|| value.decimal.as_ref().map(|decimal| decimal.value.as_str()));
    flag.or_else(|| text.map(Value::from)).unwrap_or_default()
}

fn setting(setting: &Setting) -> Value {
    json!({
        "name": setting.name,
        "etag": setting.etag,
        "kind": word(setting.kind().as_str_name(), "KIND_"),
        "value": as_data(setting.value.as_ref()),
        "default_value": as_data(setting.default_value.as_ref()),
        "allowed_values": setting.allowed_values,
        "is_default": setting.is_default,
        "description": setting.description,
        "update_time": data::time(setting.update_time.as_ref()),
        "update_actor": data::text(&setting.update_actor),
    })
}

fn change(change: &SettingChange) -> Value {
    let after = change.setting.clone().unwrap_or_default();
    json!({
        "time": data::time(after.update_time.as_ref()),
        "actor": after.update_actor,
        "from": as_data(change.previous_value.as_ref()),
        "to": as_data(after.value.as_ref()),
        "etag": after.etag,
    })
}
