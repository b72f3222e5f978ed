//! The schema of the UBL adapter: its register. It has no requests and no history of its own.

use sea_orm_migration::prelude::*;

mod m0001_register;

/// Its migrations, first to last.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_register::Migration)]
    }
}
