//! A deal as text without what differs between two runs: ids, numbers and names become their order, times go.
//!
//! Versions stay: two deals that ended in the same state by the same changes have the same.

use std::collections::HashMap;

use dealflow_proto::activities::v1::Activity;
use dealflow_proto::gateway::v1::Deal;

/// The deal as comparable text; `tag` is the word that makes its names unique.
pub fn snapshot(deal: &Deal) -> String {
    let mut deal = deal.clone();
    let mut happened: Vec<String> = deal
        .timeline
        .drain(..)
        .map(|event| {
            let kind = event.subject.split('/').next().unwrap_or_default();
            format!("{} of {kind} by {}: {} to {}", event.r#type, event.verb, event.from_state, event.to_state)
        })
        .collect();
    // What happens side by side has no order between its parts.
    happened.sort_unstable();
    let entries: HashMap<String, i32> =
        deal.stage_entries.iter().map(|entry| (entry.name.clone(), entry.number)).collect();
    let place = |activity: &Activity| (entries.get(&activity.stage_entry).copied(), activity.planned_key.clone());
    deal.action_panel.sort_by_key(place);
    deal.past_activities.sort_by_key(place);
    deal.handoffs.sort_by(|one, other| one.external_id.cmp(&other.external_id));
    for handoff in &mut deal.handoffs {
        // How it got there is not where it is.
        handoff.etag.clear();
        handoff.attempt_count = 0;
        handoff.call_count = 0;
        handoff.last_error.clear();
        handoff.document_sha256.clear();
        handoff.erp_number = if handoff.erp_number.is_empty() { "none" } else { "given" }.to_owned();
    }
    let numbers: Vec<String> = [
        deal.quotes.iter().map(|quote| quote.number.clone()).collect::<Vec<_>>(),
        deal.contracts.iter().map(|contract| contract.number.clone()).collect(),
        deal.orders.iter().map(|order| order.number.clone()).collect(),
        deal.invoices.iter().map(|invoice| invoice.number.clone()).collect(),
    ]
    .concat();
    let mut text = without_times(&format!("{deal:#?}\n{happened:#?}"));
    for (order, number) in numbers.iter().enumerate().filter(|(_, number)| !number.is_empty()) {
        text = text.replace(number.as_str(), &format!("number {order}"));
    }
    without_tags(&in_order_of_appearance(&text))
}

/// Drops `seconds` and the `nanos` that follow them; the nanos of money stay.
fn without_times(text: &str) -> String {
    let mut kept = Vec::new();
    let mut of_time = false;
    for line in text.lines() {
        let field = line.trim_start();
        let drop = field.starts_with("seconds: ") || (of_time && field.starts_with("nanos: "));
        of_time = field.starts_with("seconds: ");
        if !drop {
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// Each UUID becomes the order in which it is first named.
fn in_order_of_appearance(text: &str) -> String {
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    while let Some(place) = (0..rest.len()).find(|place| uuid_at(rest, *place).is_some()) {
        let (before, from) = rest.split_at(place);
        let (id, after) = from.split_at(36);
        let next = known.len() + 1;
        let order = *known.entry(id).or_insert(next);
        out.push_str(before);
        out.push_str(&format!("id{order}"));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn uuid_at(text: &str, place: usize) -> Option<&str> {
    let window = text.get(place..place + 36)?;
    let formed = window.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    formed.then_some(window)
}

/// The words that make names unique, in both cases.
fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find("Nr0").into_iter().chain(rest.find("nr0")).min() {
        let (before, from) = rest.split_at(place);
        out.push_str(before);
        out.push_str("Nr");
        rest = from.get(8..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_their_order_and_the_nanos_of_money_stay() {
        let text = "a: 01890000-0000-7000-8000-00000000000a\nseconds: 5\nnanos: 6\nnanos: 7\nb: Nr000012 Works\n\
                    c: 01890000-0000-7000-8000-00000000000b 01890000-0000-7000-8000-00000000000a";
        let told = without_tags(&in_order_of_appearance(&without_times(text)));
        assert_eq!(told, "a: id1\nnanos: 7\nb: Nr Works\nc: id2 id1");
    }
}
