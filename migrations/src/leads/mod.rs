//! The schema of leads.

mod m0001_leads;
mod m0002_work;

use sea_orm_migration::prelude::*;

/// Its migrations, first to last.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(crate::work::Migration),
            Box::new(crate::settings::Migration),
            Box::new(m0001_leads::Migration),
            Box::new(m0002_work::Migration),
            Box::new(crate::audit::Migration),
            Box::new(crate::append_only::Migration),
        ]
    }
}
