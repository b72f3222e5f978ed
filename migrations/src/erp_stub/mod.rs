//! The schema of the ERP stub: its books, its events, its journal. It has no requests and no history of its own.

use sea_orm_migration::prelude::*;

mod m0001_books;
mod m0002_ledger;

/// Its migrations, first to last.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_books::Migration), Box::new(m0002_ledger::Migration)]
    }
}
