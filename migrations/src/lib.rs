//! The schema of each service, one migrator each.
