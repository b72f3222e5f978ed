//! `dealflow people`: the people of the house, and who leads whom.

use clap::Args;
use dealflow_proto::activities::v1::{Employee, ListReportsRequest};
use serde_json::json;

use super::people::People as Everybody;
use crate::api::{Api, all_pages};
use crate::client::Target;
use crate::show::{self, json as data};

const EXAMPLES: &str = "\
Examples:
  dealflow people
  dealflow people --led-by 'Dustin Brinkmann'
  dealflow people --led-by 'Dustin Brinkmann' --all-levels --json";

/// Arguments of `people`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct People {
    /// Only those whom this person leads directly
    #[arg(long, value_name = "NAME")]
    led_by: Option<String>,
    /// All the way down
    #[arg(long, requires = "led_by")]
    all_levels: bool,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl People {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        let (led_by, all_levels) = (self.led_by.as_deref(), self.all_levels);
        let read = async |api: Api| {
            let everybody = Everybody::read(&api).await?;
            let shown = match led_by {
                None => everybody.all().into_iter().cloned().collect(),
                Some(manager) => reports(&api, everybody.who(manager)?.to_owned(), all_levels).await?,
            };
            Ok((everybody, shown))
        };
        let (everybody, shown) = self.target.ask(read).await?;
        if self.json {
            return data::print(&json!({ "people": data::list(&shown, data::employee) }));
        }
        println!("{}", table(&shown, &everybody));
        Ok(())
    }
}

async fn reports(api: &Api, manager: String, all_levels: bool) -> anyhow::Result<Vec<Employee>> {
    let led = all_pages(|page_token| {
        let ask = ListReportsRequest {
            page_size: 1000,
            page_token,
            order_by: "display_name".to_owned(),
            manager: manager.clone(),
            all_levels,
            ..ListReportsRequest::default()
        };
        async move {
            let page = api.employees.clone().list_reports(api.ask(ask)).await?.into_inner();
            Ok((page.employees, page.next_page_token))
        }
    });
    Ok(led.await?)
}

fn table(people: &[Employee], everybody: &Everybody) -> comfy_table::Table {
    let mut table = show::whole(show::table(&["name", "led by", "team", "office", "roles", "here", "employee"]), 6);
    for employee in people {
        table.add_row([
            employee.display_name.as_str(),
            everybody.manager_of(&employee.name).unwrap_or_default(),
            &employee.team,
            &employee.office,
            &employee.roles.join(", "),
            if employee.active == Some(false) { "no" } else { "yes" },
            employee.name.trim_start_matches("employees/"),
        ]);
    }
    table
}
