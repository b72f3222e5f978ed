//! What deals refer to: products, accounts and people, each imported once, whatever was there before.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use dealflow_proto::activities::v1::{CreateEmployeeRequest, Employee};
use dealflow_proto::leads::v1::{Account, CreateAccountRequest};
use dealflow_proto::orders::v1::{CreateProductRequest, Product};
use dealflow_proto::types::v1::Address;
use rust_decimal::Decimal;

use super::deal::request_id;
use super::patiently::patiently;
use super::profile::Profile;
use super::rows::{self, Deal, Reject, read};
use crate::api::Api;

/// What deals refer to, by the words of the source.
pub(super) struct World {
    pub profile: Profile,
    accounts: HashMap<String, String>,
    products: HashMap<String, Product>,
    employees: HashMap<String, String>,
}

impl World {
    /// Imports what deals refer to, from the three files beside the pipeline.
    pub(super) async fn import(
        api: &Api,
        profile: Profile,
        folder: &Path,
        rejects: &mut Vec<Reject>,
    ) -> anyhow::Result<Self> {
        let products: Vec<(u64, rows::Product)> = read(folder, "products.csv", rejects)?;
        let accounts: Vec<(u64, rows::Account)> = read(folder, "accounts.csv", rejects)?;
        let agents: Vec<(u64, rows::Agent)> = read(folder, "sales_teams.csv", rejects)?;
        Ok(Self {
            products: import_products(api, &profile, &products).await?,
            accounts: import_accounts(api, &profile, &accounts).await?,
            employees: import_people(api, &agents).await?,
            profile,
        })
    }

    pub(super) fn account(&self, word: &str) -> String {
        self.accounts.get(word).cloned().unwrap_or_default()
    }

    pub(super) fn employee(&self, word: &str) -> String {
        self.employees.get(word).cloned().unwrap_or_default()
    }

    pub(super) fn product(&self, word: &str) -> Option<&Product> {
        let word = self.profile.product(word);
        self.products.get(word)
    }

    /// Whether all that a deal refers to is there, and the deal is right in itself.
    pub(super) fn check(&self, deal: &Deal) -> Result<(), String> {
        deal.check()?;
        if self.product(&deal.product).is_none() {
            let known: Vec<&str> = self.products.keys().map(String::as_str).collect();
            let known = known.join(", ");
            return Err(format!(
                "product `{}` is not in products.csv ({known}); the profile may alias it",
                deal.product
            ));
        }
        if !deal.account.is_empty() && !self.accounts.contains_key(&deal.account) {
            return Err(format!("account `{}` is not in accounts.csv", deal.account));
        }
        if !self.employees.contains_key(&deal.sales_agent) {
            return Err(format!("sales agent `{}` is not in sales_teams.csv", deal.sales_agent));
        }
        Ok(())
    }
}

async fn import_products(
    api: &Api,
    profile: &Profile,
    rows: &[(u64, rows::Product)],
) -> anyhow::Result<HashMap<String, Product>> {
    let mut products = HashMap::new();
    for (_, row) in rows {
        let product = Product {
            code: row.product.clone(),
            display_name: row.product.clone(),
            series: row.series.clone(),
            list_price: Some(profile.money(row.sales_price)?),
            vat: Some(profile.vat()?),
            ..Product::default()
        };
        let ask = CreateProductRequest {
            product: Some(product),
            request_id: request_id(&row.product, "product").to_string(),
            ..CreateProductRequest::default()
        };
        let made = patiently(|| async { api.products.clone().create_product(api.ask(ask.clone())).await }).await?;
        products.insert(row.product.clone(), made.into_inner());
    }
    Ok(products)
}

async fn import_accounts(
    api: &Api,
    profile: &Profile,
    rows: &[(u64, rows::Account)],
) -> anyhow::Result<HashMap<String, String>> {
    let mut accounts: HashMap<String, String> = HashMap::new();
    // Parents first, so that a subsidiary can name its own.
    let (parents, subsidiaries): (Vec<_>, Vec<_>) = rows.iter().partition(|(_, row)| row.subsidiary_of.is_empty());
    for (_, row) in parents.into_iter().chain(subsidiaries) {
        let account = Account {
            display_name: row.account.clone(),
            sector: row.sector.clone(),
            employee_count: row.employees,
            annual_revenue: Some(profile.money(row.revenue * Decimal::from(1_000_000))?),
            year_established: row.year_established,
            parent: accounts.get(&row.subsidiary_of).cloned().unwrap_or_default(),
            external_id: row.account.clone(),
            address: Some(Address { region: row.office_location.clone(), ..Address::default() }),
            ..Account::default()
        };
        let ask = CreateAccountRequest {
            account: Some(account),
            request_id: request_id(&row.account, "account").to_string(),
            ..CreateAccountRequest::default()
        };
        let made = patiently(|| async { api.accounts.clone().create_account(api.ask(ask.clone())).await }).await?;
        accounts.insert(row.account.clone(), made.into_inner().name);
    }
    Ok(accounts)
}

async fn import_people(api: &Api, rows: &[(u64, rows::Agent)]) -> anyhow::Result<HashMap<String, String>> {
    let mut people: HashMap<String, String> = HashMap::new();
    let managers: BTreeSet<(&str, &str)> =
        rows.iter().map(|(_, row)| (row.manager.as_str(), row.regional_office.as_str())).collect();
    let managers = managers.into_iter().map(|(name, office)| (name, "", office));
    let agents =
        rows.iter().map(|(_, row)| (row.sales_agent.as_str(), row.manager.as_str(), row.regional_office.as_str()));
    for (name, manager, office) in managers.chain(agents) {
        let employee = Employee {
            display_name: name.to_owned(),
            manager: people.get(manager).cloned().unwrap_or_default(),
            office: office.to_owned(),
            team: if manager.is_empty() { String::new() } else { manager.to_owned() },
            ..Employee::default()
        };
        let ask = CreateEmployeeRequest {
            employee: Some(employee),
            request_id: request_id(name, "employee").to_string(),
            ..CreateEmployeeRequest::default()
        };
        let made = patiently(|| async { api.employees.clone().create_employee(api.ask(ask.clone())).await }).await?;
        people.insert(name.to_owned(), made.into_inner().name);
    }
    Ok(people)
}
