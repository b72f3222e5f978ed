//! Who the people and companies behind the names are: people read no UUIDs.

use std::collections::{BTreeSet, HashMap};

use anyhow::{bail, ensure};
use dealflow_proto::activities::v1::{Employee, ListEmployeesRequest};
use dealflow_proto::leads::v1::ListAccountsRequest;
use tonic::Status;

use super::lookups::same;
use crate::api::{Api, all_pages};
use crate::client::Target;

/// Whose deals a figure is about.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Whose {
    /// Only one owner's deals, by name
    #[arg(long, value_name = "PERSON")]
    pub(super) owner: Option<String>,
    /// Only the deals of a team's members
    #[arg(long, value_name = "TEAM", conflicts_with = "owner")]
    pub(super) team: Option<String>,
    /// Only the deals of those who work at an office
    #[arg(long, value_name = "OFFICE", conflicts_with_all = ["owner", "team"])]
    pub(super) office: Option<String>,
    /// Only the deals of those whom somebody leads
    #[arg(long, value_name = "PERSON", conflicts_with_all = ["owner", "team", "office"])]
    pub(super) manager: Option<String>,
}

/// All employees, by their names on the wire.
pub(super) struct People(HashMap<String, Employee>);

impl People {
    /// Reads all of them.
    pub(super) async fn read(api: &Api) -> Result<Self, Status> {
        let all = all_pages(|page_token| async move {
            let ask = ListEmployeesRequest { page_size: 1000, page_token, ..ListEmployeesRequest::default() };
            let page = api.employees.clone().list_employees(api.ask(ask)).await?.into_inner();
            Ok((page.employees, page.next_page_token))
        });
        Ok(Self(all.await?.into_iter().map(|employee| (employee.name.clone(), employee)).collect()))
    }

    /// What a person goes by; the name on the wire where nobody is known by it.
    pub(super) fn display<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, |employee| employee.display_name.as_str())
    }

    /// What the person's manager goes by.
    pub(super) fn manager_of(&self, name: &str) -> Option<&str> {
        let employee = self.0.get(name)?;
        (!employee.manager.is_empty()).then(|| self.display(&employee.manager))
    }

    /// Everybody, by what they go by.
    pub(super) fn all(&self) -> Vec<&Employee> {
        let mut all: Vec<&Employee> = self.0.values().collect();
        all.sort_by(|one, other| one.display_name.cmp(&other.display_name));
        all
    }

    /// Who is meant: by this name, or, where none is said, who asks.
    pub(super) fn meant(&self, who: Option<&str>, target: &Target) -> anyhow::Result<String> {
        if let Some(who) = who {
            return Ok(self.who(who)?.to_owned());
        }
        let me = target.me()?;
        if me.is_empty() {
            bail!("your token names no employee; say whose with --of NAME");
        }
        if !self.find(&me).is_empty() {
            return Ok(self.who(&me)?.to_owned());
        }
        // A token that names an employee says who asks, whatever --actor does.
        match me == target.actor {
            true => bail!("say whose with --of NAME, or who you are with --actor"),
            false => bail!("your token names {me}, whom nobody here knows; say whose with --of NAME"),
        }
    }

    /// The wire's name of the one who goes by this name, or has it on the wire.
    pub(super) fn who(&self, who: &str) -> anyhow::Result<&str> {
        match self.find(who).as_slice() {
            [one] => Ok(&one.name),
            [] => bail!("nobody goes by `{who}`; `dealflow people` lists everybody"),
            several => {
                let told: Vec<String> = several.iter().map(|it| format!("{} ({})", it.display_name, it.name)).collect();
                bail!("several people go by `{who}`: {}", told.join(", "))
            }
        }
    }

    /// Whether the person works here; who is not known may.
    pub(super) fn is_here(&self, name: &str) -> bool {
        self.0.get(name).is_none_or(|employee| employee.active != Some(false))
    }

    /// The wire's names of those who are in a team, in the order of their own names.
    pub(super) fn in_team(&self, team: &str) -> anyhow::Result<Vec<String>> {
        self.members("in a team", team, |employee| &employee.team)
    }

    /// The wire's names of those who work at an office, in the order of their own names.
    pub(super) fn at_office(&self, office: &str) -> anyhow::Result<Vec<String>> {
        self.members("at an office", office, |employee| &employee.office)
    }

    fn members(&self, what: &str, wanted: &str, of: fn(&Employee) -> &String) -> anyhow::Result<Vec<String>> {
        let all = self.all();
        let members = all.iter().filter(|it| !wanted.is_empty() && same(of(it), wanted));
        let members: Vec<String> = members.map(|it| it.name.clone()).collect();
        if members.is_empty() {
            let known: BTreeSet<&str> = all.iter().map(|it| of(it).as_str()).filter(|it| !it.is_empty()).collect();
            let known: Vec<&str> = known.into_iter().collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            bail!("nobody is {what} `{wanted}`; there are {known}");
        }
        Ok(members)
    }

    /// Whose deals are meant: one person's, a team's, an office's, those whom a manager leads; nobody's in particular
    /// where none is.
    pub(super) fn owners(&self, whose: &Whose) -> anyhow::Result<Vec<String>> {
        let Whose { owner, team, office, manager } = whose;
        if let Some(owner) = owner {
            return Ok(vec![self.who(owner)?.to_owned()]);
        }
        if let Some(team) = team {
            return self.in_team(team);
        }
        if let Some(office) = office {
            return self.at_office(office);
        }
        let Some(manager) = manager else { return Ok(Vec::new()) };
        let manager = self.who(manager)?;
        let led = self.all().into_iter().filter(|it| it.manager == manager);
        let led: Vec<String> = led.map(|it| it.name.clone()).collect();
        ensure!(!led.is_empty(), "{} leads nobody", self.display(manager));
        Ok(led)
    }

    /// Who may be meant: by the name on the wire, by what people say, and, where nobody goes by exactly that, whatever
    /// the case of the letters and the spaces between the words.
    fn find(&self, who: &str) -> Vec<&Employee> {
        if let Some(employee) = self.0.get(who) {
            return vec![employee];
        }
        let all = self.all();
        let exactly: Vec<&Employee> = all.iter().copied().filter(|it| it.display_name == who).collect();
        if !exactly.is_empty() {
            return exactly;
        }
        all.into_iter().filter(|it| same(&it.display_name, who)).collect()
    }
}

/// What all accounts go by, by their names on the wire.
pub(super) async fn account_names(api: &Api) -> Result<HashMap<String, String>, Status> {
    let all = all_pages(|page_token| async move {
        let ask = ListAccountsRequest { page_size: 1000, page_token, ..ListAccountsRequest::default() };
        let page = api.accounts.clone().list_accounts(api.ask(ask)).await?.into_inner();
        Ok((page.accounts, page.next_page_token))
    });
    Ok(all.await?.into_iter().map(|account| (account.name, account.display_name)).collect())
}
