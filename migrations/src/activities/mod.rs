//! The schema of activities.

mod m0001_activities;
mod m0002_time;
mod m0003_notifications;
mod m0004_authors;

use sea_orm_migration::prelude::*;

/// Its migrations, first to last.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(crate::work::Migration),
            Box::new(crate::settings::Migration),
            Box::new(m0001_activities::Migration),
            Box::new(m0002_time::Migration),
            Box::new(m0003_notifications::Migration),
            Box::new(m0004_authors::Migration),
            Box::new(crate::audit::Migration),
            Box::new(crate::append_only::Migration),
        ]
    }
}
