//! `dealflow contract`: contracts, from the first draft to their end (R-CON-1).

use clap::{Args, Subcommand};
use dealflow_proto::orders::v1::{Contract, ListContractsRequest, SignContractRequest};
use serde_json::json;

use super::papers::{List, One, next_steps};
use crate::api::{Api, new_id};
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow contract list --state sent
  dealflow contract show C-000001
  dealflow contract sign C-000001 --by 'Ann Buyer' --by 'Bob Seller'";

/// What to do with contracts.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Contracts {
    /// List contracts, the latest first
    List(List),
    /// Show one contract
    Show(One),
    /// Note who signed a contract that was sent, today
    Sign(Sign),
}

/// Arguments of `contract sign`.
#[derive(Debug, Args)]
pub struct Sign {
    /// Which one
    #[command(flatten)]
    one: One,
    /// Who signed; once for each person
    #[arg(long = "by", required = true, value_name = "PERSON")]
    signatories: Vec<String>,
}

impl Contracts {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list_contracts(list).await,
            Self::Show(one) => shown(&one, async |_, _| Ok(())).await,
            Self::Sign(Sign { one, signatories }) => {
                shown(&one, async |api, Contract { name, etag, .. }| {
                    let request_id = new_id();
                    let ask = SignContractRequest { name, etag, signatories, request_id, ..Default::default() };
                    Ok(api.contracts.clone().sign_contract(api.ask(ask)).await.map(drop)?)
                })
                .await
            }
        }
    }
}

async fn list_contracts(list: List) -> anyhow::Result<()> {
    let ask = ListContractsRequest {
        page_size: list.limit,
        filter: list.filter(),
        order_by: "create_time desc".to_owned(),
        ..ListContractsRequest::default()
    };
    let read = async |api: Api| Ok(api.contracts.clone().list_contracts(api.ask(ask)).await?.into_inner());
    let page = list.target.ask(read).await?;
    let more = !page.next_page_token.is_empty();
    if list.json {
        return data::print(&json!({ "contracts": data::list(&page.contracts, data::contract), "more": more }));
    }
    println!("{}", table(&page.contracts));
    if more {
        println!("There are more; --limit shows them.");
    }
    Ok(())
}

/// Does something with the contract as it stands, and shows what it is then.
async fn shown(one: &One, act: impl AsyncFnOnce(Api, Contract) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let work = async |api: Api| {
        let standing = find(&api, one).await?;
        act(api.clone(), standing).await?;
        find(&api, one).await
    };
    let contract = one.target.ask(work).await?;
    if one.json {
        return data::print(&data::contract(&contract));
    }
    println!("{}", table(std::slice::from_ref(&contract)));
    if !contract.comments.is_empty() {
        println!("  the customer says: {}", contract.comments);
    }
    for document in contract.documents.iter().filter(|document| document.required && document.uri.is_empty()) {
        println!("  missing: {}", document.title);
    }
    next_steps(contract.guidance.as_ref());
    Ok(())
}

async fn find(api: &Api, one: &One) -> anyhow::Result<Contract> {
    let ask = ListContractsRequest { page_size: 1, filter: one.filter("contracts"), ..ListContractsRequest::default() };
    one.found(api.contracts.clone().list_contracts(api.ask(ask)).await?.into_inner().contracts, "contract")
}

/// Contracts, one to a row.
fn table(contracts: &[Contract]) -> comfy_table::Table {
    let mut table = show::table(&["number", "version", "state", "title", "from", "until", "signed", "by"]);
    for contract in contracts {
        table.add_row([
            contract.number.as_str(),
            &contract.version.to_string(),
            word(contract.state().as_str_name(), "STATE_"),
            &contract.title,
            &show::date(contract.start_date.as_ref()),
            &show::date(contract.end_date.as_ref()),
            &show::date(contract.signed_date.as_ref()),
            &contract.signatories.join(", "),
        ]);
    }
    table
}
