//! Activities as a calendar program reads them: RFC 5545.
//!
//! What has a beginning, and meetings and calls, are VEVENTs; the rest are VTODOs with a due time. UIDs stay, SEQUENCE
//! grows with each change, what was canceled is said to be. Times are UTC; text is escaped; lines are folded after 75
//! octets, never within a character.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::activity::{Model, State};

/// The longest line, in octets, without its end.
const LINE: usize = 75;

/// A calendar with a name.
pub fn calendar<'a>(name: &str, activities: impl IntoIterator<Item = &'a Model>) -> String {
    let mut lines = Lines::default();
    lines.add("BEGIN", "VCALENDAR");
    lines.add("VERSION", "2.0");
    lines.add("PRODID", "-//Dealflow//Activities//EN");
    lines.add("CALSCALE", "GREGORIAN");
    lines.add("METHOD", "PUBLISH");
    lines.text("NAME", name);
    lines.text("X-WR-CALNAME", name);
    lines.add("REFRESH-INTERVAL;VALUE=DURATION", "PT15M");
    lines.add("X-PUBLISHED-TTL", "PT15M");
    for activity in activities {
        entry(&mut lines, activity);
    }
    lines.add("END", "VCALENDAR");
    lines.0
}

fn entry(lines: &mut Lines, activity: &Model) {
    let event = activity.planned_start_at.is_some() || matches!(activity.kind.as_str(), "MEETING" | "CALL");
    let kind = if event { "VEVENT" } else { "VTODO" };
    lines.add("BEGIN", kind);
    lines.add("UID", &format!("{}@activities.dealflow", activity.id));
    lines.add("DTSTAMP", &time(activity.updated_at));
    lines.add("CREATED", &time(activity.created_at));
    lines.add("LAST-MODIFIED", &time(activity.updated_at));
    lines.add("SEQUENCE", &(activity.version - 1).to_string());
    lines.text("SUMMARY", &activity.subject);
    let description = description(activity);
    if !description.is_empty() {
        lines.text("DESCRIPTION", &description);
    }
    lines.text("CATEGORIES", &activity.kind);
    lines.add("PRIORITY", priority(activity));
    if event {
        if let (Some(start), Some(end)) = (activity.calendar_start, activity.calendar_end) {
            lines.add("DTSTART", &time(start));
            lines.add("DTEND", &time(end));
        }
        lines.add("STATUS", if activity.state == State::Canceled { "CANCELLED" } else { "CONFIRMED" });
        lines.add("TRANSP", if activity.is_open() { "OPAQUE" } else { "TRANSPARENT" });
    } else {
        if let Some(due) = activity.due_at {
            lines.add("DUE", &time(due));
        }
        lines.add("STATUS", to_do_status(activity.state));
        if let (State::Completed, Some(ended)) = (activity.state, activity.ended_at) {
            lines.add("COMPLETED", &time(ended));
            lines.add("PERCENT-COMPLETE", "100");
        }
    }
    lines.text("X-DEALFLOW-ACTIVITY", &activity.name());
    if !activity.regarding.is_empty() {
        lines.text("X-DEALFLOW-REGARDING", &activity.regarding);
    }
    lines.add("END", kind);
}

/// How it is done, and what came of it.
fn description(activity: &Model) -> String {
    let result = match (activity.result.as_str(), activity.result_text.as_str()) {
        ("", text) => text.to_owned(),
        (result, "") => format!("Result: {result}"),
        (result, text) => format!("Result: {result}\n{text}"),
    };
    let parts = [activity.instructions.as_str(), result.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn priority(activity: &Model) -> &'static str {
    match activity.importance.as_str() {
        "HIGH" => "1",
        "LOW" => "9",
        _ => "5",
    }
}

fn to_do_status(state: State) -> &'static str {
    match state {
        State::NotStarted | State::Waiting | State::Deferred => "NEEDS-ACTION",
        State::InProgress => "IN-PROCESS",
        State::Completed => "COMPLETED",
        State::Canceled => "CANCELLED",
    }
}

/// `20260302T090000Z`: RFC 5545 knows whole seconds only.
fn time(time: DateTime<Utc>) -> String {
    time.format("%Y%m%dT%H%M%SZ").to_string()
}

/// Content lines, folded and ended as the RFC asks.
#[derive(Default)]
struct Lines(String);

impl Lines {
    /// A value that needs no escape.
    fn add(&mut self, name: &str, value: &str) {
        let mut room = LINE;
        // Writing to a String cannot fail.
        let mut line = String::new();
        let _ = write!(line, "{name}:{value}");
        for character in line.chars() {
            if character.len_utf8() > room {
                self.0.push_str("\r\n ");
                room = LINE - 1;
            }
            self.0.push(character);
            room -= character.len_utf8();
        }
        self.0.push_str("\r\n");
    }

    /// TEXT: backslash, semicolon, comma and newline are escaped; control characters, which no program takes, left out.
    fn text(&mut self, name: &str, value: &str) {
        let mut escaped = String::with_capacity(value.len());
        let mut before = '\0';
        for character in value.chars() {
            match character {
                '\\' | ';' | ',' => {
                    escaped.push('\\');
                    escaped.push(character);
                }
                '\n' if before == '\r' => {}
                '\n' | '\r' => escaped.push_str("\\n"),
                '\t' => escaped.push('\t'),
                other if other.is_control() => {}
                other => escaped.push(other),
            }
            before = character;
        }
        self.add(name, &escaped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_after_75_octets_and_never_within_a_character() {
        for text in ["a".repeat(300), "Встреча ".repeat(40), "🚀".repeat(50), format!("{}я", "x".repeat(66))]
        {
            let mut lines = Lines::default();
            lines.text("SUMMARY", &text);
            let folded = lines.0.strip_suffix("\r\n").expect("a line ends with CRLF");
            assert!(folded.split("\r\n").all(|line| line.len() <= LINE), "{folded:?}");
            assert!(folded.split("\r\n").skip(1).all(|line| line.starts_with(' ')));
            assert_eq!(folded.replace("\r\n ", ""), format!("SUMMARY:{text}"));
        }
    }

    #[test]
    fn what_means_something_to_the_format_is_escaped() {
        let mut lines = Lines::default();
        lines.text("DESCRIPTION", "a;b,c\\d\r\ne\nf\rg\u{7}");
        assert_eq!(lines.0, "DESCRIPTION:a\\;b\\,c\\\\d\\ne\\nf\\ng\r\n");
    }
}
