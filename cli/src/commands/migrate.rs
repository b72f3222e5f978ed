//! `dealflow migrate`: opens all databases, which migrates them, and tells what each has.

use clap::Args;
use dealflow_chassis::store::Clock;
use sea_orm::{ConnectionTrait as _, FromQueryResult, Statement};
use serde_json::json;

use crate::hold::Hold;
use crate::show;
use crate::suite::{Databases, PartName, open};

const EXAMPLES: &str = "\
Examples:
  dealflow migrate
  dealflow migrate --database-url postgres://user:password@host/dealflow

Migrations expand before they contract: on PostgreSQL older replicas may go on running. `serve` migrates by itself;
this is for those who want it done before.";

/// `work`, the tables that every part has, comes first; its name would sort last.
const BY_TIME: &str = "SELECT version FROM seaql_migrations ORDER BY version <> 'work', version";

/// Arguments of `migrate`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Migrate {
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which databases
    #[command(flatten)]
    databases: Databases,
}

#[derive(Debug, FromQueryResult)]
struct Applied {
    version: String,
}

impl Migrate {
    /// Migrates and prints the versions.
    pub async fn run(self) -> anyhow::Result<()> {
        let embedded = self.databases.database_url.is_none();
        let _hold = embedded.then(|| Hold::take(&self.databases.data, &PartName::ALL)).transpose()?;
        let mut parts = Vec::new();
        for part in PartName::ALL {
            let store = open(&self.databases.of(part), part, Clock::system()).await?;
            let ask = Statement::from_string(store.backend(), BY_TIME);
            let rows = store.reader().query_all_raw(ask).await?;
            let applied = rows.iter().map(|row| Applied::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
            parts.push((part, applied));
            store.close().await?;
        }
        if self.json {
            let versions = |applied: &[Applied]| applied.iter().map(|it| it.version.clone()).collect::<Vec<_>>();
            let parts: Vec<_> =
                parts.iter().map(|(part, it)| json!({ "part": part.word(), "applied": versions(it) })).collect();
            return show::json::print(&json!({ "parts": parts }));
        }
        let mut table = show::table(&["part", "applied", "its migrations, in their order"]);
        for (part, applied) in &parts {
            let names: Vec<&str> = applied.iter().map(|it| it.version.as_str()).collect();
            table.add_row([part.word(), &applied.len().to_string(), &names.join(", ")]);
        }
        println!("{table}");
        Ok(())
    }
}
