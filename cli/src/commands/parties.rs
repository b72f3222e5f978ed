//! `dealflow account` and `dealflow contact`: companies and their people; a person's data exported and erased (R-ACC).

use anyhow::bail;
use clap::{Args, Subcommand};
use dealflow_proto::activities::v1::Interaction;
use dealflow_proto::feed::v1::Event;
use dealflow_proto::gateway::v1::{ErasePersonalDataRequest, ExportPersonalDataRequest, NamingDocument};
use dealflow_proto::leads::v1::{
    Account, Contact, GetAccountRequest, GetContactRequest, Lead, ListAccountsRequest, ListContactsRequest,
    UpdateAccountRequest,
};
use serde_json::{Value, json};

use super::deal::quoted;
use super::fields::{ACCOUNT, Said};
use super::named;
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data};

const ACCOUNTS: &str = "\
Examples:
  dealflow account list --filter 'display_name : \"berg\"'
  dealflow account show Acme
  dealflow account set Acme vat_id=ATU12345678 address.city=Wien address.country_code=AT
  dealflow account show accounts/019abc4e-… --json";

const CONTACTS: &str = "\
Examples:
  dealflow contact list --filter 'email = \"erika@berg.example\"'
  dealflow contact show 'Erika Berg'
  dealflow contact show contacts/019abc4e-…
  dealflow contact export contacts/019abc4e-… > erika.json
  dealflow contact erase contacts/019abc4e-… --yes

A lead that became no contact is a person too: export and erase take leads/{uuid} as well.";

/// As many candidates are named where a name is not one record's alone.
const CANDIDATES: i32 = 10;

/// What to do with accounts.
#[derive(Debug, Subcommand)]
#[command(after_help = ACCOUNTS)]
pub enum AccountCommand {
    /// List accounts, by name
    List(List),
    /// Show one account
    Show(One),
    /// Change what is known of an account, field by field
    Set(Set),
}

/// What to do with contacts.
#[derive(Debug, Subcommand)]
#[command(after_help = CONTACTS)]
pub enum ContactCommand {
    /// List contacts, by name
    List(List),
    /// Show one contact
    Show(One),
    /// Everything that the suite holds of a person, as JSON
    Export(Export),
    /// Blank a person in records, history and finished flows; issued documents keep their buyer
    Erase(Erase),
}

/// Arguments of the lists.
#[derive(Debug, Args)]
pub struct List {
    /// A filter of the API
    #[arg(long, default_value = "")]
    filter: String,
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

/// Which record.
#[derive(Debug, Args)]
pub struct One {
    /// The record: what it goes by where no other does, its name, or its UUID
    name: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `account set`.
#[derive(Debug, Args)]
pub struct Set {
    /// Which
    #[command(flatten)]
    one: One,
    /// What is known now, e.g. email=office@acme.example; nothing behind = clears the field, one that is none names all
    /// that are
    #[arg(required = true, value_name = "FIELD=VALUE")]
    fields: Vec<String>,
}

/// Arguments of `contact export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The person: contacts/{uuid}, leads/{uuid}, or the UUID of a contact
    name: String,
    /// As everywhere; it is JSON in any case
    #[arg(long, hide = true)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `contact erase`.
#[derive(Debug, Args)]
pub struct Erase {
    /// The person: contacts/{uuid}, leads/{uuid}, or the UUID of a contact
    name: String,
    /// Do it; without it everything is checked and nothing is changed
    #[arg(long)]
    yes: bool,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl AccountCommand {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(List { filter, limit, json, target }) => {
                let order_by = "display_name".to_owned();
                let ask = ListAccountsRequest { page_size: limit, filter, order_by, ..Default::default() };
                let list = async |api: Api| Ok(api.accounts.clone().list_accounts(api.ask(ask)).await?.into_inner());
                let page = target.ask(list).await?;
                if json {
                    let more = !page.next_page_token.is_empty();
                    return data::print(
                        &json!({ "accounts": data::list(&page.accounts, data::account), "more": more }),
                    );
                }
                println!("{}", accounts(&page.accounts));
                Ok(())
            }
            Self::Show(One { name, json, target }) => {
                let read = async |api: Api| {
                    let ask = GetAccountRequest { name: account(&api, &name).await? };
                    Ok(api.accounts.clone().get_account(api.ask(ask)).await?.into_inner())
                };
                let account = target.ask(read).await?;
                shown(&data::account(&account), json)
            }
            Self::Set(Set { one: One { name, json, target }, fields }) => {
                let said = Said::read("an account", ACCOUNT, &fields)?;
                let set = async |api: Api| {
                    let ask = GetAccountRequest { name: account(&api, &name).await? };
                    let mut standing = api.accounts.clone().get_account(api.ask(ask)).await?.into_inner();
                    let ask = UpdateAccountRequest {
                        etag: standing.etag.clone(),
                        update_mask: Some(said.write(&api, &mut standing).await?),
                        account: Some(standing),
                        request_id: new_id(),
                        ..UpdateAccountRequest::default()
                    };
                    Ok(api.accounts.clone().update_account(api.ask(ask)).await?.into_inner())
                };
                shown(&data::account(&target.ask(set).await?), json)
            }
        }
    }
}

impl ContactCommand {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(List { filter, limit, json, target }) => {
                let order_by = "family_name".to_owned();
                let ask = ListContactsRequest { page_size: limit, filter, order_by, ..Default::default() };
                let list = async |api: Api| Ok(api.contacts.clone().list_contacts(api.ask(ask)).await?.into_inner());
                let page = target.ask(list).await?;
                if json {
                    let more = !page.next_page_token.is_empty();
                    return data::print(
                        &json!({ "contacts": data::list(&page.contacts, data::contact), "more": more }),
                    );
                }
                println!("{}", contacts(&page.contacts));
                Ok(())
            }
            Self::Show(One { name, json, target }) => {
                let read = async |api: Api| {
                    let ask = GetContactRequest { name: contact(&api, &name).await? };
                    Ok(api.contacts.clone().get_contact(api.ask(ask)).await?.into_inner())
                };
                let contact = target.ask(read).await?;
                shown(&data::contact(&contact), json)
            }
            Self::Export(export) => export.run().await,
            Self::Erase(erase) => erase.run().await,
        }
    }
}

impl Export {
    async fn run(self) -> anyhow::Result<()> {
        let ask = ExportPersonalDataRequest { name: named("contacts", &self.name) };
        let read = async |api: Api| Ok(api.privacy.clone().export_personal_data(api.ask(ask)).await?.into_inner());
        let held = self.target.ask(read).await?;
        let person = held.person.unwrap_or_default();
        data::print(&json!({
            "contact": person.contact.as_ref().map(data::contact),
            "leads": data::list(&person.leads, data::lead),
            "history": data::list(&person.events, as_it_was),
            "opportunities": data::list(&held.opportunities, data::opportunity),
            "activities": data::list(&held.activities, data::activity),
            "interactions": data::list(&held.interactions, said),
            "documents": data::list(&held.documents, naming),
            "more": held.more || person.more_events,
        }))
    }
}

/// What was said with the person, or about its deals.
fn said(interaction: &Interaction) -> Value {
    json!({
        "name": interaction.name,
        "regarding": interaction.regarding,
        "time": show::time(interaction.interaction_time.as_ref()),
        "subject": interaction.subject,
        "notes": interaction.notes,
    })
}

/// Whom a document names.
fn naming(document: &NamingDocument) -> Value {
    let buyer = document.buyer.as_ref().map(|buyer| {
        json!({
            "legal_name": buyer.legal_name,
            "trading_name": buyer.trading_name,
            "phone": buyer.phone,
            "email": buyer.email,
        })
    });
    json!({ "name": document.name, "signatories": document.signatories, "buyer": buyer })
}

/// An event with the record as it was then.
fn as_it_was(event: &Event) -> Value {
    let mut told = data::event(event);
    let record = event.data.as_ref().and_then(|data| {
        let lead = data.to_msg::<Lead>().ok().map(|lead| data::lead(&lead));
        lead.or_else(|| data.to_msg::<Contact>().ok().map(|contact| data::contact(&contact)))
    });
    told["record"] = record.unwrap_or_default();
    told
}

impl Erase {
    async fn run(self) -> anyhow::Result<()> {
        let ask = ErasePersonalDataRequest {
            name: named("contacts", &self.name),
            request_id: new_id(),
            validate_only: !self.yes,
            ..Default::default()
        };
        let erase = async |api: Api| Ok(api.privacy.clone().erase_personal_data(api.ask(ask)).await?.into_inner());
        let done = self.target.ask(erase).await?;
        let person = done.person.unwrap_or_default();
        if self.json {
            return data::print(&json!({
                "erased": self.yes,
                "contact": person.contact.as_ref().map(data::contact),
                "leads": data::list(&person.leads, data::lead),
                "redacted_events": person.redacted_event_count,
                "referring": done.referring,
            }));
        }
        let (what, leads) = (if self.yes { "erased" } else { "would be erased; --yes does it" }, person.leads.len());
        println!("{what}: contact {}, leads {leads}", usize::from(person.contact.is_some()));
        println!("{} rows of history blanked", person.redacted_event_count);
        if !done.referring.is_empty() {
            println!("These point at the person and may tell of it in words; who owns them decides:");
            done.referring.iter().for_each(|name| println!("  {name}"));
        }
        Ok(())
    }
}

/// The name of the account that somebody means.
pub(super) async fn account(api: &Api, which: &str) -> anyhow::Result<String> {
    let name = named("accounts", which);
    if name.starts_with("accounts/") {
        return Ok(name);
    }
    let filter = format!("display_name = {}", quoted(which));
    let ask = ListAccountsRequest { page_size: CANDIDATES, filter, ..ListAccountsRequest::default() };
    let found = api.accounts.clone().list_accounts(api.ask(ask)).await?.into_inner().accounts;
    only("account", which, found.iter().map(|it| (it.name.as_str(), it.vat_id.as_str())))
}

/// The name of the contact that somebody means: by its given and family name, or the family name alone.
pub(super) async fn contact(api: &Api, which: &str) -> anyhow::Result<String> {
    let name = named("contacts", which);
    if name.starts_with("contacts/") {
        return Ok(name);
    }
    // Where a given name ends and a family name begins nobody says.
    let words: Vec<&str> = which.split_whitespace().collect();
    let ways = (0..words.len()).map(|at| {
        let family = format!("family_name = {}", quoted(&words[at..].join(" ")));
        match at {
            0 => family,
            _ => format!("({family} AND given_name = {})", quoted(&words[..at].join(" "))),
        }
    });
    let filter = ways.collect::<Vec<_>>().join(" OR ");
    let ask = ListContactsRequest { page_size: CANDIDATES, filter, ..ListContactsRequest::default() };
    let found = api.contacts.clone().list_contacts(api.ask(ask)).await?.into_inner().contacts;
    only("contact", which, found.iter().map(|it| (it.name.as_str(), it.email.as_str())))
}

/// The one that was found; several are told with what tells them apart.
fn only<'a>(noun: &str, which: &str, found: impl Iterator<Item = (&'a str, &'a str)>) -> anyhow::Result<String> {
    let found: Vec<_> = found.collect();
    match found.as_slice() {
        [(name, _)] => Ok((*name).to_owned()),
        [] => bail!("no {noun} goes by `{which}`; dealflow {noun} list finds them"),
        several => {
            let told: String = several.iter().map(|(name, mark)| format!("\n  {name}  {mark}")).collect();
            bail!("several {noun}s go by `{which}`; which one?{told}")
        }
    }
}

fn shown(record: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        return data::print(record);
    }
    println!("{}", show::fields(record));
    Ok(())
}

fn accounts(accounts: &[Account]) -> comfy_table::Table {
    let mut table = show::whole(show::table(&["account", "name", "VAT id", "sector", "customer since (UTC)"]), 0);
    for it in accounts {
        let since = show::time(it.customer_time.as_ref());
        table.add_row([&it.name, &it.display_name, &it.vat_id, &it.sector, &since]);
    }
    table
}

fn contacts(contacts: &[Contact]) -> comfy_table::Table {
    let mut table = show::whole(show::table(&["contact", "name", "e-mail", "phone", "job", "account"]), 0);
    for it in contacts {
        let name = format!("{} {}", it.given_name, it.family_name);
        table.add_row([it.name.as_str(), name.trim(), &it.email, &it.phone, &it.job_title, &it.account]);
    }
    table
}
