//! The URL of a PostgreSQL database, which holds a password: refused where it is none, and never told.

use std::str::FromStr;

use sea_orm::DbErr;
use sqlx::postgres::PgConnectOptions;

/// Refuses a URL that is none before anybody can print it: a password stands in it (R-SEC-1).
pub(crate) fn check(url: &str) -> Result<(), DbErr> {
    let scheme = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let reason = match PgConnectOptions::from_str(url) {
        Ok(_) if scheme => return Ok(()),
        Ok(_) => "it does not begin with postgres://".to_owned(),
        Err(error) => error.to_string(),
    };
    // What the parser says may quote what it could not read.
    let quoted = url.split(['/', '@', ':', '?']).any(|part| part.len() > 2 && reason.contains(part));
    let reason = if quoted { String::new() } else { format!(": {reason}") };
    Err(DbErr::Custom(format!(
        "the URL of the database is not understood{reason}. It is not shown, for it may hold a password; expected is \
         postgres://user:password@host:5432/database, with # / ? @ : and % of the password as %23 %2F %3F %40 %3A %25"
    )))
}
