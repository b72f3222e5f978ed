//! A part's schema, expanded to what this version needs; what a newer version has added is left alone.
//!
//! An upgrade migrates first and replaces the processes after it, and a roll back puts the old ones onto the new schema:
//! for a time the old version runs, and is started, on a schema that is ahead of it. Migrations only expand (they add
//! tables, columns with a default, indexes), so that it can; what it does not use any more is taken away by the version
//! after the next at the earliest.

use std::collections::HashSet;
use std::marker::PhantomData;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use sea_orm_migration::{MigrationTrait, MigratorTrait, sea_orm::DynIden, seaql_migrations};

/// Applies what is not applied yet.
pub(crate) async fn expand<M: MigratorTrait>(db: &DatabaseConnection) -> Result<(), DbErr> {
    Ours::<M>::up(db, None).await
}

/// A part's migrations in their order, each with whether it is applied; nothing is changed.
pub(crate) async fn status<M: MigratorTrait>(db: &impl ConnectionTrait) -> Result<Vec<(String, bool)>, DbErr> {
    let table = match db.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'seaql_migrations'"
        }
        _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
    };
    let is_there = db.query_one_raw(Statement::from_string(db.get_database_backend(), table)).await?.is_some();
    let applied: HashSet<String> = match is_there {
        true => Ours::<M>::get_migration_models(db).await?.into_iter().map(|it| it.version).collect(),
        false => HashSet::new(),
    };
    Ok(all::<M>().into_iter().map(|name| (name.clone(), applied.contains(&name))).collect())
}

/// The names of all migrations of a part.
pub(crate) fn all<M: MigratorTrait>() -> Vec<String> {
    M::migrations().iter().map(|it| it.name().to_owned()).collect()
}

/// A migrator's own migrations. By itself a migrator refuses a database that has others.
struct Ours<M>(PhantomData<M>);

#[tonic::async_trait]
impl<M: MigratorTrait> MigratorTrait for Ours<M> {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        M::migrations()
    }

    fn migration_table_name() -> DynIden {
        M::migration_table_name()
    }

    async fn get_migration_models<C>(db: &C) -> Result<Vec<seaql_migrations::Model>, DbErr>
    where
        C: ConnectionTrait,
    {
        let known: HashSet<String> = M::migrations().iter().map(|it| it.name().to_owned()).collect();
        let applied = M::get_migration_models(db).await?;
        let (ours, newer): (Vec<_>, Vec<_>) = applied.into_iter().partition(|it| known.contains(&it.version));
        if !newer.is_empty() {
            let newer: Vec<&str> = newer.iter().map(|it| it.version.as_str()).collect();
            tracing::warn!(newer = newer.join(", "), "the schema is a newer version's, which has expanded it");
        }
        Ok(ours)
    }
}
