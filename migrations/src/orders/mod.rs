//! The schema of orders.

mod m0001_products;
mod m0002_documents;
mod m0003_approvals;
mod m0004_billing;
mod m0005_prices;
mod m0006_contracts;
mod m0007_adjustments;
mod m0008_sellers;
mod m0009_payment_terms;
mod m0010_owners;
mod m0011_own_numbers;
mod m0012_parties;
mod m0013_revisions;
mod m0014_details;

use sea_orm_migration::prelude::*;

/// Its migrations, first to last.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(crate::work::Migration),
            Box::new(crate::settings::Migration),
            Box::new(m0001_products::Migration),
            Box::new(m0002_documents::Migration),
            Box::new(m0003_approvals::Migration),
            Box::new(m0004_billing::Migration),
            Box::new(m0005_prices::Migration),
            Box::new(m0006_contracts::Migration),
            Box::new(m0007_adjustments::Migration),
            Box::new(m0008_sellers::Migration),
            Box::new(m0009_payment_terms::Migration),
            Box::new(m0010_owners::Migration),
            Box::new(m0011_own_numbers::Migration),
            Box::new(m0012_parties::Migration),
            Box::new(m0013_revisions::Migration),
            Box::new(m0014_details::Migration),
            Box::new(crate::audit::Migration),
            Box::new(crate::append_only::Migration),
        ]
    }
}
