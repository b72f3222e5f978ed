//! The schema of gateway.

mod m0001_flows;
mod m0002_handoffs;
mod m0003_business;
mod m0004_reconciliations;
mod m0005_divergence;
mod m0006_lease_clock;
mod m0007_taken_over;
mod m0008_not_taken;

use sea_orm_migration::prelude::*;

/// Its migrations, first to last.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(crate::work::Migration),
            Box::new(crate::settings::Migration),
            Box::new(m0001_flows::Migration),
            Box::new(m0002_handoffs::Migration),
            Box::new(m0003_business::Migration),
            Box::new(m0004_reconciliations::Migration),
            Box::new(m0005_divergence::Migration),
            Box::new(m0006_lease_clock::Migration),
            Box::new(m0007_taken_over::Migration),
            Box::new(m0008_not_taken::Migration),
            Box::new(crate::audit::Migration),
            Box::new(crate::append_only::Migration),
        ]
    }
}
