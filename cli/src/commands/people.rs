//! Who the people and companies behind the names are: people read no UUIDs.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use dealflow_proto::activities::v1::{Employee, ListEmployeesRequest};
use dealflow_proto::leads::v1::ListAccountsRequest;
use tonic::Status;

use crate::api::{Api, all_pages};

/// Whose deals a figure is about.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Whose {
    /// Only one owner's deals, by name
    #[arg(long, value_name = "PERSON")]
    pub(super) owner: Option<String>,
    /// Only the deals of a team's members
    #[arg(long, value_name = "TEAM", conflicts_with = "owner")]
    pub(super) team: Option<String>,
    /// Only the deals of those whom somebody leads
    #[arg(long, value_name = "PERSON", conflicts_with_all = ["owner", "team"])]
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
    pub(super) fn meant(&self, who: Option<&str>, actor: &str) -> anyhow::Result<String> {
        let asked = who.unwrap_or(actor);
        match (self.find(asked), who) {
            (Some(name), _) => Ok(name.to_owned()),
            (None, Some(who)) => anyhow::bail!("nobody goes by `{who}`; `dealflow people` lists everybody"),
            (None, None) => anyhow::bail!("say whose with --of NAME, or who you are with --actor"),
        }
    }

    /// Whose deals are meant: one person's, a team's, those whom a manager leads; nobody's in particular where none is.
    pub(super) fn owners(&self, who: &Whose) -> anyhow::Result<Vec<String>> {
        if let Some(owner) = &who.owner {
            return Ok(vec![self.find(owner).with_context(|| format!("nobody goes by `{owner}`"))?.to_owned()]);
        }
        let of = |which: &dyn Fn(&Employee) -> bool| {
            let mut names: Vec<String> = self.0.values().filter(|it| which(it)).map(|it| it.name.clone()).collect();
            names.sort_unstable();
            names
        };
        if let Some(team) = &who.team {
            let members = of(&|employee| employee.team == *team);
            ensure!(!members.is_empty(), "nobody is in a team `{team}`");
            return Ok(members);
        }
        let Some(manager) = &who.manager else { return Ok(Vec::new()) };
        let manager = self.find(manager).with_context(|| format!("nobody goes by `{manager}`"))?;
        let led = of(&|employee| employee.manager == manager);
        ensure!(!led.is_empty(), "{} leads nobody", self.display(manager));
        Ok(led)
    }

    /// The wire's name of who goes by this name, or has it on the wire.
    pub(super) fn find(&self, who: &str) -> Option<&str> {
        let found = self.0.values().find(|employee| employee.display_name == who || employee.name == who);
        found.map(|employee| employee.name.as_str())
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
