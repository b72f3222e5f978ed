//! The schema of the publisher to NATS: how far each feed is published.

use sea_orm_migration::prelude::*;

mod m0001_published;

/// Its migrations, first to last.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_published::Migration)]
    }
}
