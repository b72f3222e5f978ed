//! The schema of opportunities.

mod m0001_opportunities;
mod m0002_terms;
mod m0003_order_reservation;
mod m0004_record;
mod m0005_terminal;
mod m0006_figures;
mod m0007_processes;
mod m0008_knowledge;
mod m0009_members;
mod m0010_filters;

use sea_orm_migration::prelude::*;

/// Its migrations, first to last.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(crate::work::Migration),
            Box::new(crate::settings::Migration),
            Box::new(m0001_opportunities::Migration),
            Box::new(m0002_terms::Migration),
            Box::new(m0003_order_reservation::Migration),
            Box::new(m0004_record::Migration),
            Box::new(m0005_terminal::Migration),
            Box::new(m0006_figures::Migration),
            Box::new(m0007_processes::Migration),
            Box::new(m0008_knowledge::Migration),
            Box::new(m0009_members::Migration),
            Box::new(crate::audit::Migration),
            Box::new(m0010_filters::Migration),
            Box::new(crate::append_only::Migration),
        ]
    }
}
