//! The calendar, by people and interval and as a feed (R-ACT-3).

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_proto::activities::v1::activity::{Importance, Type};
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::{Code, Status};

use crate::desk::{Desk, entry, opportunity, planned, task};

impl Desk {
    /// What a person's calendar shows between two days from now.
    async fn calendar(&mut self, owner: &str, from: i64, until: i64) -> Vec<String> {
        let ask = ListCalendarRequest {
            owners: vec![owner.to_owned()],
            start_time: Some(timestamp(self.clock.now() + TimeDelta::days(from))),
            end_time: Some(timestamp(self.clock.now() + TimeDelta::days(until))),
            ..Default::default()
        };
        let page = self.calendars.list_calendar(ask).await.expect("listed").into_inner();
        page.entries.into_iter().map(|entry| entry.activity.expect("an activity").subject).collect()
    }

    async fn share(&mut self, owner: &str) -> ShareCalendarResponse {
        let ask = ShareCalendarRequest { owner: owner.to_owned(), request_id: id(), ..Default::default() };
        self.calendars.share_calendar(ask).await.expect("shared").into_inner()
    }

    async fn feed(&mut self, owner: &str, token: &str) -> Result<String, Status> {
        let ask = GetCalendarFeedRequest { owner: owner.to_owned(), token: token.to_owned() };
        let feed = self.calendars.get_calendar_feed(ask).await?.into_inner();
        assert_eq!(feed.content_type, "text/calendar; charset=utf-8");
        Ok(String::from_utf8(feed.calendar).expect("it is text"))
    }
}

/// The lines of each component of a calendar, unfolded.
fn components(calendar: &str) -> Vec<Vec<String>> {
    let unfolded = calendar.replace("\r\n ", "");
    let mut found: Vec<Vec<String>> = Vec::new();
    for line in unfolded.split("\r\n") {
        match line {
            "BEGIN:VEVENT" | "BEGIN:VTODO" => found.push(vec![line.to_owned()]),
            line => {
                if let Some(component) = found.last_mut() {
                    component.push(line.to_owned());
                }
            }
        }
    }
    found
}

fn of<'a>(components: &'a [Vec<String>], summary: &str) -> &'a [String] {
    let wanted = format!("SUMMARY:{summary}");
    components.iter().find(|lines| lines.contains(&wanted)).unwrap_or_else(|| panic!("no {summary}"))
}

fn utc(time: DateTime<Utc>) -> String {
    time.format("%Y%m%dT%H%M%SZ").to_string()
}

both! {
    /// R-ACT-3: the calendar shows what touches the interval, of the people asked for, by its time; what has no time is
    /// not in it, what was canceled only where it is asked for.
    async fn the_calendar_shows_what_touches_the_interval(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let bert = desk.hire("Bert", "").await.expect("hired").name;
        let now = desk.clock.now();
        let at = |hours: i64| Some(timestamp(now + TimeDelta::hours(hours)));
        let hers = |subject: &str, start, due| Activity {
            performer: anna.clone(),
            planned_start_time: start,
            due_time: due,
            ..task(subject)
        };
        let made = [hers("long", at(20), at(30)), hers("short", at(26), None), hers("due", None, at(28)), hers("later", at(50), None), hers("no time", None, None)];
        for activity in made {
            desk.make(activity).await.expect("made");
        }
        desk.make(Activity { performer: bert.clone(), due_time: at(27), ..task("Bert's") }).await.expect("made");
        let dropped = desk.make(hers("dropped", at(25), None)).await.expect("made").name;
        desk.cancel(&dropped).await.expect("canceled");

        assert_eq!(desk.calendar(&anna, 1, 2).await, ["long", "short", "due"]);
        assert_eq!(desk.calendar(&anna, 0, 1).await, ["long"]);
        assert_eq!(desk.calendar(&anna, 2, 9).await, ["later"]);
        let both_of_them = ListCalendarRequest {
            owners: vec![anna.clone(), bert],
            start_time: at(24),
            end_time: at(48),
            show_canceled: true,
            page_size: 2,
            ..Default::default()
        };
        let (mut subjects, mut ask) = (Vec::new(), both_of_them.clone());
        loop {
            let page = desk.calendars.list_calendar(ask.clone()).await.expect("listed").into_inner();
            for entry in &page.entries {
                let (start, end) = (entry.start_time.expect("a start"), entry.end_time.expect("an end"));
                assert!((start.seconds, start.nanos) < (end.seconds, end.nanos));
            }
            subjects.extend(page.entries.into_iter().map(|entry| entry.activity.expect("an activity").subject));
            ask.page_token = page.next_page_token;
            if ask.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(subjects, ["long", "dropped", "short", "Bert's", "due"]);
        let meetings = ListCalendarRequest { filter: "type = \"MEETING\"".to_owned(), ..both_of_them.clone() };
        assert_eq!(desk.calendars.list_calendar(meetings).await.expect("listed").into_inner().entries, []);
        let empty = ListCalendarRequest { end_time: both_of_them.start_time, ..both_of_them.clone() };
        let no = refusal(&desk.calendars.list_calendar(empty).await.expect_err("no interval"));
        assert_eq!(no.field_names(), ["end_time"]);
        let nobodys = ListCalendarRequest { owners: Vec::new(), ..both_of_them };
        let no = refusal(&desk.calendars.list_calendar(nobodys).await.expect_err("nobody's"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["owners"]));
    }

    /// R-ACT-3, R-STG-3: Qualification → Proposal → back → Presentation: at every step the calendar shows the activities
    /// of the present stage entry and the manual task, and nothing that was left; the feed says of that: CANCELLED.
    async fn the_calendar_is_right_at_every_step_of_a_jump(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let token = desk.share(&anna).await.token;
        let deal = opportunity();
        let now = desk.clock.now();
        let due = |days: i64| Some(timestamp(now + TimeDelta::days(days)));
        let plan = |subjects: &[&str], days: i64| {
            let due_time = due(days);
            let of_stage = |it: &&str| Activity { performer: anna.clone(), due_time, ..planned(it, true) };
            subjects.iter().map(of_stage).collect::<Vec<_>>()
        };
        let manual = Activity { performer: anna.clone(), regarding: deal.clone(), due_time: due(5), ..task("manual") };
        let manual = desk.make(manual).await.expect("made");
        let qualification = plan(&["contact", "prepare"], 2);
        let proposal = plan(&["offer", "comments", "contract"], 4);
        let presentation = plan(&["present"], 3);
        let steps = [
            (qualification.clone(), vec!["contact", "prepare", "manual"]),
            (proposal, vec!["offer", "comments", "contract", "manual"]),
            (qualification, vec!["contact", "prepare", "manual"]),
            (presentation, vec!["present", "manual"]),
        ];
        let mut seen = Vec::new();
        for (number, (plan, shown)) in steps.into_iter().enumerate() {
            let synced = desk.sync(entry(&deal, number as i32 + 1, plan)).await.expect("entered");
            seen.extend(synced.open.into_iter().map(|activity| activity.name));
            assert_eq!(desk.calendar(&anna, 0, 30).await, shown, "step {number}");
            desk.clock.advance(TimeDelta::hours(1));
            let feed = components(&desk.feed(&anna, &token).await.expect("the feed"));
            let said = |status: &str| feed.iter().filter(|lines| lines.contains(&format!("STATUS:{status}"))).count();
            assert_eq!(said("NEEDS-ACTION"), shown.len(), "step {number}");
            assert_eq!(said("CANCELLED"), seen.len() + 1 - shown.len(), "step {number}");
        }
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((all, seen.len()), (8, 8), "each entry has new activities");
        assert_eq!(desk.activity(&manual.name).await.etag, "1", "the manual task is untouched");
    }

    /// R-ACT-3: the feed is a calendar by RFC 5545: what has a beginning is an event, the rest to-dos; a change makes the
    /// sequence grow; what is over leaves after a while.
    async fn the_feed_is_a_calendar(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna Петрова", "").await.expect("hired").name;
        let token = desk.share(&anna).await.token;
        let now = desk.clock.now();
        let (start, due) = (now + TimeDelta::days(1), now + TimeDelta::days(2));
        let hers = |subject: &str| Activity { performer: anna.clone(), due_time: Some(timestamp(due)), ..task(subject) };
        let meeting = Activity {
            r#type: Type::Meeting.into(),
            planned_start_time: Some(timestamp(start)),
            instructions: "Room 5; bring drawings,\nplease".to_owned(),
            importance: Importance::High.into(),
            ..hers("Презентация 🚀")
        };
        let meeting = desk.make(meeting).await.expect("made");
        let to_do = desk.make(hers("write")).await.expect("made");
        let feed = desk.feed(&anna, &token).await.expect("the feed");
        let file = desk.calendars.get_calendar(GetCalendarRequest { owner: anna.clone() }).await.expect("the file");
        assert_eq!(file.into_inner().calendar, feed.as_bytes(), "the same as a file, without the secret");
        assert!(feed.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") && feed.ends_with("END:VCALENDAR\r\n"));
        assert!(feed.contains("X-WR-CALNAME:Anna Петрова\r\n"));
        assert!(feed.split("\r\n").all(|line| line.len() <= 75), "no line is longer than 75 octets");
        let found = components(&feed);
        let has = |summary: &str, lines: &[String]| {
            let event = of(&found, summary);
            for line in lines {
                assert!(event.contains(line), "{summary} has no {line}: {event:?}");
            }
        };
        let id_of = |name: &str| name.trim_start_matches("activities/").to_owned();
        has("Презентация 🚀", &[
            "BEGIN:VEVENT".to_owned(),
            format!("UID:{}@activities.dealflow", id_of(&meeting.name)),
            format!("DTSTAMP:{}", utc(now)),
            "SEQUENCE:0".to_owned(),
            format!("DTSTART:{}", utc(start)),
            format!("DTEND:{}", utc(due)),
            "STATUS:CONFIRMED".to_owned(),
            "PRIORITY:1".to_owned(),
            "DESCRIPTION:Room 5\\; bring drawings\\,\\nplease".to_owned(),
        ]);
        has("write", &["BEGIN:VTODO".to_owned(), format!("DUE:{}", utc(due)), "STATUS:NEEDS-ACTION".to_owned()]);

        desk.clock.advance(TimeDelta::hours(1));
        desk.start(&to_do.name).await.expect("begun");
        desk.complete(&to_do.name, "").await.expect("completed");
        desk.cancel(&meeting.name).await.expect("canceled");
        let found = components(&desk.feed(&anna, &token).await.expect("the feed"));
        let event = of(&found, "Презентация 🚀");
        assert!(event.contains(&"STATUS:CANCELLED".to_owned()) && event.contains(&"SEQUENCE:1".to_owned()), "{event:?}");
        let done = of(&found, "write");
        assert!(done.contains(&"SEQUENCE:2".to_owned()) && done.contains(&"STATUS:COMPLETED".to_owned()), "{done:?}");
        assert!(done.contains(&format!("COMPLETED:{}", utc(desk.clock.now()))), "{done:?}");

        desk.clock.advance(TimeDelta::days(20));
        let found = components(&desk.feed(&anna, &token).await.expect("the feed"));
        assert_eq!(found.len(), 1, "of what was canceled it is said for two weeks");
        desk.clock.advance(TimeDelta::days(100));
        assert_eq!(components(&desk.feed(&anna, &token).await.expect("the feed")).len(), 0);
    }

    /// R-ACT-3: only the secret opens the calendar; a new one replaces it, and taken back it opens nothing. Who asks with
    /// a wrong one is not told what is there, and the history does not tell the secret.
    async fn only_the_secret_opens_the_calendar(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let bert = desk.hire("Bert", "").await.expect("hired").name;
        let first = desk.share(&anna).await;
        assert!(first.token.len() >= 40, "it cannot be guessed");
        let path = format!("/calendar/{}/{}.ics", anna.trim_start_matches("employees/"), first.token);
        assert_eq!((first.path.as_str(), first.owner.as_str()), (path.as_str(), anna.as_str()));
        desk.feed(&anna, &first.token).await.expect("it opens");
        let second = desk.share(&anna).await;
        assert_ne!(first.token, second.token);
        desk.feed(&anna, &second.token).await.expect("it opens");
        let nobody = format!("employees/{}", id());
        let mut messages = Vec::new();
        for (owner, token) in [(&anna, &first.token), (&bert, &second.token), (&nobody, &second.token)] {
            let no = refusal(&desk.feed(owner, token).await.expect_err("closed"));
            assert_eq!((no.code, no.resource), (Code::NotFound, None));
            messages.push(no.message);
        }
        assert!(messages.iter().all(|message| *message == messages[0]), "{messages:?}");
        let ask = UnshareCalendarRequest { owner: anna.clone(), request_id: id(), ..Default::default() };
        desk.calendars.unshare_calendar(ask).await.expect("taken back");
        assert_eq!(desk.feed(&anna, &second.token).await.expect_err("closed").code(), Code::NotFound);
        let events = format!("{:?}", desk.thread(&anna).await);
        assert!(events.contains("calendar.shared") && !events.contains(&second.token), "{events}");
    }
}
