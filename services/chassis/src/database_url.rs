//! The URL of a PostgreSQL database, which holds a password: refused where it is none or leads nowhere, and never told.

use std::io::ErrorKind;
use std::str::FromStr;
use std::time::{Duration, Instant};

use sea_orm::DbErr;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a database may be starting, and how often it is asked meanwhile.
const STARTING: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(250);

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

/// Opens one plain connection: what is wrong with it is told in its own words, where a pool would try again until its time
/// is up, and say that alone.
pub(crate) async fn reach(url: &str) -> Result<(), DbErr> {
    check(url)?;
    let options = PgConnectOptions::from_str(url).map_err(|_| DbErr::Custom("the URL is none".to_owned()))?;
    let at = format!("PostgreSQL at {}:{}", options.get_host(), options.get_port());
    let begun = Instant::now();
    loop {
        let error = match tokio::time::timeout(PATIENCE, options.connect()).await {
            Ok(Ok(connection)) => return PgConnection::close(connection).await.map_err(|error| told(&at, &error)),
            Ok(Err(error)) => error,
            Err(_) => return Err(DbErr::Custom(format!("{at} does not answer within {PATIENCE:?}"))),
        };
        if !starts(&error) || begun.elapsed() >= STARTING {
            return Err(told(&at, &error));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether a database that is just starting would say so.
fn starts(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code == "57P03"),
        _ => false,
    }
}

fn told(at: &str, error: &sqlx::Error) -> DbErr {
    DbErr::Custom(match error {
        sqlx::Error::Io(error) => format!("{at} cannot be reached: {error}"),
        // Its message, without the place in its own source.
        sqlx::Error::Database(error) => format!("{at} says no: {}", error.message()),
        other => format!("{at} cannot be talked to: {other}"),
    })
}
