//! `dealflow import`: takes deals from other systems through the real verbs, with their historical dates.

pub mod crm;
mod deal;
mod patiently;
mod profile;
mod rows;
mod world;

use clap::Subcommand;

/// What to import.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// A pipeline in four CSV files: accounts, products, sales_teams, sales_pipeline
    Crm(crm::Crm),
}

impl Import {
    /// Runs the import.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Crm(crm) => crm.run().await,
        }
    }
}
