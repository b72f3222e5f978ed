//! Points in time as people type them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use dealflow_proto::convert;
use prost_types::Timestamp;

/// `2026-03-05`, `2026-03-05 14:00` (both UTC) or RFC 3339.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    time(text).map(convert::timestamp)
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN));
    let minute = || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M");
    match day.or_else(|_| minute()) {
        Ok(time) => Ok(time.and_utc()),
        Err(_) => DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|_| {
            "a time is expected, such as 2026-03-05, '2026-03-05 14:00' or 2026-03-05T14:00:00Z".to_owned()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_a_minute_and_the_whole_truth_are_taken() {
        let said = |text| time(text).map(|time| time.to_rfc3339());
        assert_eq!(said("2026-03-05").as_deref(), Ok("2026-03-05T00:00:00+00:00"));
        assert_eq!(said("2026-03-05 14:00").as_deref(), Ok("2026-03-05T14:00:00+00:00"));
        assert_eq!(said("2026-03-05T14:00:00+02:00").as_deref(), Ok("2026-03-05T12:00:00+00:00"));
        assert!(said("tomorrow").is_err());
    }
}
