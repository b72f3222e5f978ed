//! A refusal in the words of the caller's own request, whatever step found the field wrong.
//!
//! A step's message holds a record (`opportunity.lines[0].unit_price`); the verb's own request says the same more
//! briefly (`lines[0].unit_price`). What the request does not say at all is the deal's: there the record stays named.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use dealflow_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::FileDescriptorSet;

/// The fields of each request of the gateway.
static REQUESTS: LazyLock<HashMap<String, HashSet<String>>> = LazyLock::new(|| {
    // Our own descriptors; were they broken, nothing would be reworded.
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap_or_default().file;
    let messages =
        files.into_iter().filter(|file| file.package() == "dealflow.gateway.v1").flat_map(|it| it.message_type);
    let requests = messages.map(|message| {
        let fields = message.field.iter().map(|field| field.name().to_owned()).collect();
        (message.name().to_owned(), fields)
    });
    requests.collect()
});

/// The records that the steps' messages hold.
const RECORDS: [&str; 4] = ["opportunity", "quote", "order", "lead"];

/// What goes by another name in the verb's request.
const RENAMED: [(&str, &str, &str); 4] = [
    ("QualifyLead", "external_id", "opportunity_external_id"),
    ("CompleteActivity", "comment", "result_text"),
    ("CompleteActivity", "planned_key", "activity"),
    ("CompleteActivity", "stage_entry", "activity"),
];

/// The field of the verb's request that a step means.
pub(super) fn of_caller(verb: &str, step: &str, field: &str) -> String {
    let Some(known) = REQUESTS.get(&format!("{verb}Request")) else { return field.to_owned() };
    let (record, inner) = match field.split_once('.') {
        Some((record, inner)) if RECORDS.contains(&record) => (Some(record), inner),
        _ => (None, field),
    };
    let end = inner.find(['.', '[']).unwrap_or(inner.len());
    let (first, rest) = inner.split_at(end);
    if let Some((_, _, own)) = RENAMED.iter().find(|(of, name, _)| *of == verb && *name == first) {
        return format!("{own}{rest}");
    }
    if known.contains(first) {
        return inner.to_owned();
    }
    match (record, first) {
        (None, "name") => subject(known, step).unwrap_or(field).to_owned(),
        // A document is made of the deal: what is wrong with it is to be mended there.
        (Some(_), _) => format!("opportunity.{inner}"),
        (None, _) => field.to_owned(),
    }
}

/// What a step's `name` is called in the request.
fn subject<'a>(known: &HashSet<String>, step: &str) -> Option<&'a str> {
    let of_step = if step.contains("accept") { "quote" } else { "opportunity" };
    [of_step, "opportunity", "lead", "activity", "order"].into_iter().find(|field| known.contains(*field))
}

#[cfg(test)]
mod tests {
    use super::of_caller;

    /// R-API-1
    #[test]
    fn a_field_of_a_step_becomes_the_callers_own() {
        let cases = [
            ("DevelopDeal", "develop", "opportunity.lines[0].unit_price", "lines[0].unit_price"),
            ("DevelopDeal", "may offer", "quote.lines[2].product", "lines[2].product"),
            ("DevelopDeal", "develop", "opportunity.bant.budget_amount", "bant.budget_amount"),
            ("ProposeQuote", "draft", "quote.valid_until_date", "valid_until_date"),
            ("ProposeQuote", "draft", "quote.account", "opportunity.account"),
            ("QualifyLead", "open", "opportunity.external_id", "opportunity_external_id"),
            ("QualifyLead", "qualify", "name", "lead"),
            ("WinDeal", "may order", "order.lines[0].unit_price", "opportunity.lines[0].unit_price"),
            ("WinDeal", "accept", "name", "quote"),
            ("WinDeal", "win", "close_date", "close_date"),
            ("LoseDeal", "lose", "name", "opportunity"),
            ("CompleteActivity", "may record", "comment", "result_text"),
            ("CompleteActivity", "complete", "name", "activity"),
            ("FulfillDeal", "bill", "lines[0].quantity", "lines[0].quantity"),
            ("ChangeOrder", "may change", "order.lines[0].unit_price", "lines[0].unit_price"),
            ("ChangeOrder", "order", "name", "order"),
            ("FollowEvent", "record", "comment", "comment"),
        ];
        for (verb, step, field, own) in cases {
            assert_eq!(of_caller(verb, step, field), own, "{verb}, {step}: {field}");
        }
    }
}
