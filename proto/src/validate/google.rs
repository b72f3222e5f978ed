//! The checks of Google's types: those that every message may hold.

use prost_types::{Any, Duration, FieldMask, Struct, Timestamp};

use super::check::{self, At, Form, Text};
use crate::google::type_::{Date, Decimal, Money};
use crate::{Validate, Violation, convert};

/// 1900-01-01T00:00:00Z in seconds since 1970.
const FIRST_SECOND: i64 = -2_208_988_800;
/// 9999-12-31T23:59:59Z in seconds since 1970.
const LAST_SECOND: i64 = 253_402_300_799;
const BILLION: i32 = 1_000_000_000;
const MAX_PATHS: usize = 1000;

impl Validate for Money {
    fn validate(&self, path: &str, out: &mut Vec<Violation>) {
        let code = &self.currency_code;
        if code.len() != 3 || !code.bytes().all(|letter| letter.is_ascii_uppercase()) {
            At::field(path, "currency_code").wrong("must be 3 capital letters (ISO 4217)", out);
        }
        if self.nanos.unsigned_abs() >= BILLION.unsigned_abs() {
            At::field(path, "nanos").wrong("must lie between -999999999 and 999999999", out);
        }
        if self.units.signum() * i64::from(self.nanos.signum()) < 0 {
            At::field(path, "nanos").wrong("must have the same sign as units", out);
        }
    }
}

impl Validate for Date {
    fn validate(&self, path: &str, out: &mut Vec<Violation>) {
        if convert::date_of(self).is_err() {
            let described = "must be a day of the calendar with year (1900 to 9999), month and day";
            out.push(Violation { field: path.to_owned(), description: described.to_owned() });
        }
    }
}

impl Validate for Decimal {
    fn validate(&self, path: &str, out: &mut Vec<Violation>) {
        if let Err(error) = convert::decimal_from(self) {
            At::field(path, "value").wrong(error.to_string(), out);
        }
    }
}

impl Validate for Timestamp {
    fn validate(&self, path: &str, out: &mut Vec<Violation>) {
        if !(FIRST_SECOND..=LAST_SECOND).contains(&self.seconds) {
            At::field(path, "seconds").wrong("must lie in the years 1900 to 9999", out);
        }
        if !(0..BILLION).contains(&self.nanos) {
            At::field(path, "nanos").wrong("must lie between 0 and 999999999", out);
        }
    }
}

impl Validate for Duration {
    fn validate(&self, path: &str, out: &mut Vec<Violation>) {
        let opposed = self.seconds.signum() * i64::from(self.nanos.signum()) < 0;
        if self.nanos.unsigned_abs() >= BILLION.unsigned_abs() || opposed {
            At::field(path, "nanos").wrong("must be less than a second and of the same sign as seconds", out);
        }
    }
}

impl Validate for FieldMask {
    fn validate(&self, path: &str, out: &mut Vec<Violation>) {
        if !check::items(At::field(path, "paths"), self.paths.len(), false, 0, MAX_PATHS, out) {
            return;
        }
        let rules = Text { required: true, least: 0, most: 200, form: Form::Any, patterns: &[] };
        for (index, covered) in self.paths.iter().enumerate() {
            check::text(At::item(path, "paths", index), covered, &rules, out);
        }
    }
}

/// Anything: who unpacks it checks it.
impl Validate for Any {
    fn validate(&self, _path: &str, _out: &mut Vec<Violation>) {}
}

/// Free form: bounded only by the size of the message.
impl Validate for Struct {
    fn validate(&self, _path: &str, _out: &mut Vec<Violation>) {}
}
