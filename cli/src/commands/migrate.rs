//! `dealflow migrate`: opens all databases, which migrates them, and tells what each has; or only tells what is to do.

use clap::{Args, ValueEnum};
use dealflow_chassis::Clock;
use serde_json::json;

use crate::hold::Hold;
use crate::show;
use crate::suite::{Databases, PartName, migrations, open};

const EXAMPLES: &str = "\
Examples:
  dealflow migrate
  dealflow migrate --database-url @database.url
  dealflow migrate status --database-url @database.url   # changes nothing

Migrations expand before they contract: on PostgreSQL older replicas may go on running. `serve` migrates by itself;
this is for those who want it done before.";

/// Arguments of `migrate`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Migrate {
    /// Whether to migrate, or only to tell what is applied and what is not
    #[arg(value_enum, default_value_t = What::Up)]
    what: What,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which databases
    #[command(flatten)]
    databases: Databases,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// What is not applied yet is
    Up,
    /// Nothing is changed
    Status,
}

/// The migrations that are applied, or those that are not, in their order.
fn of(all: &[(String, bool)], wanted: bool) -> Vec<String> {
    all.iter().filter(|(_, applied)| *applied == wanted).map(|(name, _)| name.clone()).collect()
}

impl Migrate {
    /// Migrates and prints the versions.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.what {
            What::Up => self.up().await,
            What::Status => self.status().await,
        }
    }

    async fn status(self) -> anyhow::Result<()> {
        let mut parts = Vec::new();
        for part in PartName::ALL {
            parts.push((part, migrations(&self.databases.of(part), part).await?));
        }
        if self.json {
            let told = |(part, all): &(PartName, Vec<(String, bool)>)| json!({ "part": part.word(), "applied": of(all, true), "pending": of(all, false) });
            return show::json::print(&json!({ "parts": parts.iter().map(told).collect::<Vec<_>>() }));
        }
        let mut table = show::table(&["part", "applied", "to be applied", "which"]);
        for (part, all) in &parts {
            let (applied, pending) = (of(all, true).len().to_string(), of(all, false));
            table.add_row([part.word(), &applied, &pending.len().to_string(), &pending.join(", ")]);
        }
        println!("{table}");
        Ok(())
    }

    async fn up(self) -> anyhow::Result<()> {
        let embedded = self.databases.database_url.is_none();
        let _hold = embedded.then(|| Hold::take(&self.databases.data, &PartName::ALL)).transpose()?;
        let mut parts = Vec::new();
        for part in PartName::ALL {
            let config = self.databases.of(part);
            let store = open(&config, part, Clock::system()).await?;
            store.close().await?;
            parts.push((part, of(&migrations(&config, part).await?, true)));
        }
        if self.json {
            let parts: Vec<_> = parts.iter().map(|(part, it)| json!({ "part": part.word(), "applied": it })).collect();
            return show::json::print(&json!({ "parts": parts }));
        }
        let mut table = show::table(&["part", "applied", "its migrations, in their order"]);
        for (part, applied) in &parts {
            table.add_row([part.word(), &applied.len().to_string(), &applied.join(", ")]);
        }
        println!("{table}");
        Ok(())
    }
}
