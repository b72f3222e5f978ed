//! What happened last in a deal, of all parts, in one order.
//!
//! A deal may have moved any number of times (R-STG-2), so a view shows the latest events and says whether there are
//! earlier ones. Where it ends, it ends between two times: whoever asks for what was before the first event that he has
//! misses none.

use dealflow_chassis::link::Link;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, ListEventsRequest, ListEventsResponse};
use prost::Message;
use prost_types::Timestamp;
use tonic::{Response, Status};

/// The most events of a view.
const MOST: usize = 300;
/// The most bytes of its events.
const MOST_BYTES: usize = 1024 * 1024;
/// The largest record that an event is shown with: what happened is told in any case.
const MOST_OF_RECORD: usize = 256 * 1024;

/// The latest events of a thread in one part, before a time where one is said.
pub(crate) async fn latest(feed: &Link, thread: &str, before: Option<Timestamp>) -> Result<ListEventsResponse, Status> {
    let ask = ListEventsRequest {
        thread: thread.to_owned(),
        page_size: i32::try_from(MOST).unwrap_or(i32::MAX),
        newest_first: true,
        before_time: before,
        ..ListEventsRequest::default()
    };
    FeedServiceClient::new(feed.clone()).list_events(ask).await.map(Response::into_inner)
}

/// The latest of what the parts told, oldest first: by time; what took effect at the same moment, by its place in its
/// feed. And whether there is more before.
pub(crate) fn merged(pages: Vec<ListEventsResponse>) -> (Vec<Event>, bool) {
    // Before the last event of a page that is not the last one there may be others.
    let partial = pages.iter().filter(|page| !page.next_page_token.is_empty());
    let known_from = partial.filter_map(|page| page.events.last().map(time)).max();
    let mut events: Vec<Event> = pages.into_iter().flat_map(|page| page.events).collect();
    for event in &mut events {
        event.data = event.data.take().filter(|data| data.value.len() <= MOST_OF_RECORD);
    }
    events.sort_by_key(|event| (time(event), event.position));
    let dropped = events.len() - fitting(events.iter().rev().map(Message::encoded_len), MOST, MOST_BYTES);
    let cut = events[..dropped].last().map(time);
    let Some(end) = known_from.max(cut) else { return (events, false) };
    let behind = events.partition_point(|event| time(event) <= end);
    // What is known for certain begins behind that moment. Where nothing is behind it, that moment itself is shown, and
    // nothing before it: whoever asks for what was before gets the rest.
    let of_end = events.partition_point(|event| time(event) < end).max(dropped);
    let from = if behind < events.len() { behind } else { of_end };
    (events.split_off(from), true)
}

/// How many of these sizes fit, one at least where there is one.
pub(crate) fn fitting(sizes: impl Iterator<Item = usize>, most: usize, most_bytes: usize) -> usize {
    let mut bytes = 0;
    let fit = sizes.take(most).enumerate().take_while(|(at, size)| {
        bytes += size;
        *at == 0 || bytes <= most_bytes
    });
    fit.count()
}

fn time(event: &Event) -> (i64, i32) {
    let time = event.time.unwrap_or_default();
    (time.seconds, time.nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(seconds: &[i64], more: bool) -> ListEventsResponse {
        let event = |seconds: &i64| Event { time: Some(Timestamp { seconds: *seconds, nanos: 0 }), ..Event::default() };
        let next_page_token = if more { "more".to_owned() } else { String::new() };
        ListEventsResponse { events: seconds.iter().map(event).collect(), next_page_token }
    }

    fn shown(pages: Vec<ListEventsResponse>) -> (Vec<i64>, bool) {
        let (events, more) = merged(pages);
        (events.iter().map(|event| time(event).0).collect(), more)
    }

    /// R-API-3
    #[test]
    fn a_timeline_ends_where_nothing_is_missing() {
        assert_eq!(shown(vec![page(&[9, 5, 1], false), page(&[8, 2], false)]), (vec![1, 2, 5, 8, 9], false));
        assert_eq!(shown(vec![page(&[9, 5, 4], true), page(&[8, 2], false)]), (vec![5, 8, 9], true));
        assert_eq!(shown(vec![page(&[9, 5, 5], true), page(&[8, 5], false)]), (vec![8, 9], true));
        assert_eq!(shown(vec![page(&[5, 5], true), page(&[], false)]), (vec![5, 5], true), "something is shown");
        assert_eq!(shown(vec![]), (vec![], false));
        let many: Vec<i64> = (0..500).rev().map(|at| at / 2).collect();
        let (times, more) = shown(vec![page(&many, false)]);
        assert_eq!((times.first(), times.last(), times.len(), more), (Some(&100), Some(&249), 300, true));
        let (times, _) = shown(vec![page(&(0..501).rev().map(|at| at / 2).collect::<Vec<_>>(), false)]);
        assert_eq!((times.first(), times.len()), (Some(&101), 299), "a time is shown whole or not at all");
    }

    #[test]
    fn as_much_is_shown_as_fits() {
        let fit = |sizes: &[usize]| fitting(sizes.iter().copied(), 3, 10);
        assert_eq!([fit(&[]), fit(&[50, 1]), fit(&[5, 5, 5]), fit(&[1, 1, 1, 1])], [0, 1, 2, 3]);
    }
}
