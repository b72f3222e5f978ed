//! What is done with leads, one struct of arguments each.

use std::collections::HashSet;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use dealflow_proto::gateway::v1::QualifyLeadRequest;
use dealflow_proto::leads::v1::distribute_leads_request::Method as Asked;
use dealflow_proto::leads::v1::lead::{self, DisqualifyReason};
use dealflow_proto::leads::v1::{
    CreateLeadRequest, DisqualifyLeadRequest, DistributeLeadsRequest, Lead, MoveLeadToStageRequest,
    ReactivateLeadRequest, UpdateLeadRequest,
};
use dealflow_proto::types::v1::{Bant, BudgetStatus, Need};
use serde_json::json;

use super::{csv, enum_word, find, read, tell};
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::commands::fields::{LEAD, Said};
use crate::commands::people::People;
use crate::commands::process;
use crate::show::{self, json as data};

/// Arguments of `lead add`.
#[derive(Debug, Args)]
pub struct Add {
    /// What it is about
    #[arg(long, default_value = "")]
    title: String,
    /// The company
    #[arg(long, default_value = "")]
    company: String,
    /// Given name of the person
    #[arg(long, default_value = "")]
    given_name: String,
    /// Family name of the person
    #[arg(long, default_value = "")]
    family_name: String,
    /// E-mail address
    #[arg(long, default_value = "")]
    email: String,
    /// Telephone number
    #[arg(long, default_value = "")]
    phone: String,
    /// VAT id of the company
    #[arg(long, default_value = "")]
    vat_id: String,
    /// Where it came from, e.g. `web`, `trade show`, `business card`
    #[arg(long, default_value = "")]
    source: String,
    /// The channel it came by
    #[arg(long, default_value = "")]
    channel: String,
    /// The campaign that brought it
    #[arg(long, default_value = "")]
    campaign: String,
    /// Who works on it: a name, or employees/{uuid}
    #[arg(long)]
    owner: Option<String>,
    /// How much it is needed: must-have, should-have, good-to-have, no-need
    #[arg(long)]
    need: Option<String>,
    /// Whether there is money: may-buy, can-buy, will-buy, no-committed-budget
    #[arg(long)]
    budget: Option<String>,
    /// Notes
    #[arg(long, default_value = "")]
    notes: String,
    /// Its id in another system
    #[arg(long, default_value = "")]
    external_id: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Add {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let who = [&self.title, &self.company, &self.given_name, &self.family_name, &self.email];
        if who.iter().all(|said| said.trim().is_empty()) {
            bail!(
                "say what the lead is about or who it is: --title, --company, --family-name, --given-name or --email"
            );
        }
        let bant = bant(self.need.as_deref(), self.budget.as_deref())?;
        let (owner, json) = (self.owner, self.json);
        let mut lead = Lead {
            title: self.title,
            company_name: self.company,
            given_name: self.given_name,
            family_name: self.family_name,
            email: self.email,
            phone: self.phone,
            vat_id: self.vat_id,
            source: csv::source(&self.source).map_err(anyhow::Error::msg)?.into(),
            channel: self.channel,
            campaign: self.campaign,
            notes: self.notes,
            external_id: self.external_id,
            bant,
            ..Lead::default()
        };
        let add = async |api: Api| {
            if let Some(owner) = owner {
                lead.owner = employees(&People::read(&api).await?, &[owner], None, None)?.remove(0);
            }
            let ask = CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..Default::default() };
            Ok(api.leads.clone().create_lead(api.ask(ask)).await?.into_inner())
        };
        tell(&self.target.ask(add).await?, json)
    }
}

fn bant(need: Option<&str>, budget: Option<&str>) -> anyhow::Result<Option<Bant>> {
    if need.is_none() && budget.is_none() {
        return Ok(None);
    }
    let known = |prefix: &str, word: &str| format!("{prefix}_{}", enum_word(word));
    let mut bant = Bant::default();
    if let Some(need) = need {
        let found = Need::from_str_name(&known("NEED", need));
        bant.need = found.with_context(|| format!("`{need}` is no need"))?.into();
    }
    if let Some(budget) = budget {
        let found = BudgetStatus::from_str_name(&known("BUDGET_STATUS", budget));
        bant.budget_status = found.with_context(|| format!("`{budget}` is no budget status"))?.into();
    }
    Ok(Some(bant))
}

/// Arguments of `lead set`.
#[derive(Debug, Args)]
pub struct Set {
    /// The lead: its name, its UUID, or its external id
    lead: String,
    /// What is known now, e.g. need=must-have 'estimated_value=1200 EUR'; nothing behind = clears the field, one that is
    /// none names all that are
    #[arg(required = true, value_name = "FIELD=VALUE")]
    fields: Vec<String>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Set {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let said = Said::read("a lead", LEAD, &self.fields)?;
        let set = async |api: Api| {
            let mut lead = read(&api, find(&api, &self.lead).await?).await?;
            let (etag, update_mask) = (lead.etag.clone(), Some(said.write(&api, &mut lead).await?));
            let request_id = new_id();
            let ask = UpdateLeadRequest { lead: Some(lead), etag, update_mask, request_id, ..Default::default() };
            Ok(api.leads.clone().update_lead(api.ask(ask)).await?.into_inner())
        };
        tell(&self.target.ask(set).await?, self.json)
    }
}

/// Arguments of `lead qualify`.
#[derive(Debug, Args)]
pub struct Qualify {
    /// The lead: its name, its UUID, or its external id
    lead: String,
    /// Link it to this account
    #[arg(long, default_value = "", value_name = "accounts/{uuid}")]
    account: String,
    /// Link it to this contact
    #[arg(long, default_value = "", value_name = "contacts/{uuid}")]
    contact: String,
    /// Make a new account though candidates look the same
    #[arg(long)]
    create_account: bool,
    /// Make a new contact though candidates look the same
    #[arg(long)]
    create_contact: bool,
    /// The process to start, by its name in any language; else the installation's
    #[arg(long, default_value = "")]
    process: String,
    /// Start no process
    #[arg(long, conflicts_with = "process")]
    without_process: bool,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Qualify {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Self { lead, account, contact, create_account, create_contact, process, without_process, json, target } =
            self;
        let qualify = async |api: Api| {
            let process = match process.as_str() {
                "" => String::new(),
                named => process::find(&api, named).await?.name,
            };
            let ask = QualifyLeadRequest {
                lead: find(&api, &lead).await?,
                account,
                contact,
                create_account,
                create_contact,
                process,
                without_process,
                request_id: new_id(),
                ..QualifyLeadRequest::default()
            };
            Ok(api.deals.clone().qualify_lead(api.ask(ask)).await?.into_inner())
        };
        let progress = target.ask(qualify).await?;
        let opportunity = progress.opportunity.unwrap_or_default();
        let lead = progress.lead.unwrap_or_default();
        if json {
            return data::print(&json!({ "lead": data::lead(&lead), "opportunity": data::opportunity(&opportunity) }));
        }
        println!("{} became {}", lead.name, opportunity.name);
        println!("  dealflow deal show {}", opportunity.name);
        Ok(())
    }
}

/// Arguments of `lead disqualify`.
#[derive(Debug, Args)]
pub struct Disqualify {
    /// The lead: its name, its UUID, or its external id
    lead: String,
    /// Why: lost, cannot-contact, no-longer-interested, canceled, incorrect-data, duplicate
    #[arg(long)]
    reason: String,
    /// In words
    #[arg(long, default_value = "")]
    comment: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Disqualify {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Self { lead, reason, comment, json, target } = self;
        let known = DisqualifyReason::from_str_name(&format!("DISQUALIFY_REASON_{}", enum_word(&reason)));
        let known = known.with_context(|| format!("`{reason}` is no reason; --help lists them"))?;
        let disqualify = async |api: Api| {
            let name = find(&api, &lead).await?;
            let reason = known.into();
            let ask = DisqualifyLeadRequest { name, reason, comment, request_id: new_id(), ..Default::default() };
            Ok(api.leads.clone().disqualify_lead(api.ask(ask)).await?.into_inner())
        };
        tell(&target.ask(disqualify).await?, json)
    }
}

/// Takes a lead up again.
pub(super) async fn reactivate(api: &Api, name: String) -> anyhow::Result<Lead> {
    let ask = ReactivateLeadRequest { name, request_id: new_id(), ..Default::default() };
    Ok(api.leads.clone().reactivate_lead(api.ask(ask)).await?.into_inner())
}

/// How an owner is chosen.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Method {
    /// The one who is named
    ByHand,
    /// One after the other
    RoundRobin,
    /// Who owns the fewest open leads
    LeastBusy,
}

/// Arguments of `lead distribute`.
#[derive(Debug, Args)]
pub struct Distribute {
    /// The leads: names, UUIDs, or external ids
    #[arg(required = true)]
    leads: Vec<String>,
    /// To whom: a name, or employees/{uuid}; several for round-robin and least-busy
    #[arg(long, value_name = "EMPLOYEE", required_unless_present_any = ["team", "office"])]
    to: Vec<String>,
    /// To the members of this team
    #[arg(long)]
    team: Option<String>,
    /// To those who work at this office
    #[arg(long)]
    office: Option<String>,
    /// How; by hand where one is named, else round robin
    #[arg(long)]
    method: Option<Method>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Distribute {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Self { leads, to, team, office, method, json, target } = self;
        let distribute = async |api: Api| {
            let people = People::read(&api).await?;
            let employees = employees(&people, &to, team.as_deref(), office.as_deref())?;
            let method = match method {
                Some(Method::ByHand) => Asked::ByHand,
                Some(Method::LeastBusy) => Asked::LeastBusy,
                None if employees.len() == 1 => Asked::ByHand,
                Some(Method::RoundRobin) | None => Asked::RoundRobin,
            };
            let mut names = Vec::with_capacity(leads.len());
            for lead in &leads {
                names.push(find(&api, lead).await?);
            }
            let ask = DistributeLeadsRequest {
                leads: names,
                method: method.into(),
                employees,
                request_id: new_id(),
                ..Default::default()
            };
            let done = api.leads.clone().distribute_leads(api.ask(ask)).await?.into_inner();
            Ok((done.assignments, people))
        };
        let (assignments, people) = target.ask(distribute).await?;
        if json {
            let told = |it: &dealflow_proto::leads::v1::Assignment| json!({ "lead": it.lead, "owner": it.owner });
            return data::print(&json!({ "assignments": data::list(&assignments, told) }));
        }
        let mut table = show::whole(show::table(&["lead", "owner"]), 0);
        for it in &assignments {
            table.add_row([it.lead.as_str(), people.display(&it.owner)]);
        }
        println!("{table}");
        Ok(())
    }
}

/// The names on the wire of those who are meant: by name, the members of a team, those at an office. Nobody twice.
fn employees(people: &People, who: &[String], team: Option<&str>, office: Option<&str>) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for name in who {
        // Who has this name on the wire may be a person whom the caller does not see.
        found.push(if name.starts_with("employees/") { name.clone() } else { people.who(name)?.to_owned() });
    }
    let mut groups = Vec::new();
    if let Some(team) = team {
        groups.extend(people.in_team(team)?);
    }
    if let Some(office) = office {
        groups.extend(people.at_office(office)?);
    }
    found.extend(groups.into_iter().filter(|name| people.is_here(name)));
    let mut seen = HashSet::new();
    found.retain(|name| seen.insert(name.clone()));
    if found.is_empty() {
        bail!("nobody of them works here any more");
    }
    Ok(found)
}

/// Arguments of `lead stage`.
#[derive(Debug, Args)]
pub struct Stage {
    /// The lead: its name, its UUID, or its external id
    lead: String,
    /// Where to: qualification, distribution, handoff-to-sales, awaiting-sale
    stage: String,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Stage {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Self { lead, stage, reason, json, target } = self;
        let known = lead::Stage::from_str_name(&format!("STAGE_{}", enum_word(&stage)));
        let known = known.with_context(|| format!("`{stage}` is no stage of a lead; --help lists them"))?;
        let go = async |api: Api| {
            let name = find(&api, &lead).await?;
            let stage = known.into();
            let ask = MoveLeadToStageRequest { name, stage, reason, request_id: new_id(), ..Default::default() };
            Ok(api.leads.clone().move_lead_to_stage(api.ask(ask)).await?.into_inner())
        };
        tell(&target.ask(go).await?, json)
    }
}
