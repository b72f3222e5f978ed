//! The messages as data: stable keys in snake_case, money as exact text, times in RFC 3339, absent values as null.

mod delivery;
mod documents;
mod failure;
mod people;
mod sale;

use dealflow_proto::convert;
use dealflow_proto::google::type_::{self, Date};
use prost_types::Timestamp;
use serde_json::{Value, json};

pub use delivery::{attempt, erp_document, event, flow, handoff, reason};
pub use documents::{adjustment, contract, invoice, line, order, quote, totals};
pub use failure::failure;
pub use people::{account, bant, contact, employee, lead};
pub use sale::{
    activity, activity_result, guidance, knowledge, notification, opportunity, process_run, stage, stage_entry,
};

use super::{places, word};

/// Prints a value for a machine.
pub fn print(value: &Value) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// `{"amount": "1234.50", "currency": "USD"}`; null where there is none.
pub fn money(amount: Option<&type_::Money>) -> Value {
    amount.map_or(Value::Null, |amount| match convert::decimal_of(amount) {
        Ok(value) => json!({ "amount": places(value), "currency": amount.currency_code }),
        Err(error) => json!({ "error": error.to_string() }),
    })
}

/// `"2017-03-01"`; null where there is none.
pub fn date(day: Option<&Date>) -> Value {
    day.map_or(Value::Null, |day| super::date(Some(day)).into())
}

/// `"2017-03-01T09:00:00.000000Z"`; null where there is none.
pub fn time(time: Option<&Timestamp>) -> Value {
    let time = time.and_then(|time| convert::time_of(time).ok());
    time.map_or(Value::Null, |time| time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true).into())
}

/// The text, or null where it is empty.
pub fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// A list by one conversion.
pub fn list<T>(items: &[T], item: impl Fn(&T) -> Value) -> Value {
    items.iter().map(item).collect()
}

#[cfg(test)]
mod tests {
    use dealflow_proto::{FILE_DESCRIPTOR_SET, activities, leads, opportunities, types};
    use prost::Message as _;
    use prost_types::{DescriptorProto, FileDescriptorSet};

    use super::*;

    /// What a message of the contract has that its data has not.
    fn left_out(messages: &[(String, DescriptorProto)], name: &str, data: &Value) -> Vec<String> {
        let found = messages.iter().find(|(known, _)| known == name);
        let (_, message) = found.unwrap_or_else(|| panic!("no message {name}"));
        let fields = message.field.iter().map(|field| field.name().to_owned());
        fields.filter(|field| data.get(field).is_none()).collect()
    }

    #[test]
    fn a_record_as_data_holds_all_that_the_record_has() {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("descriptors");
        let of_file = |file: prost_types::FileDescriptorProto| {
            let package = file.package().to_owned();
            file.message_type.into_iter().map(move |it| (format!("{package}.{}", it.name()), it))
        };
        let messages: Vec<(String, DescriptorProto)> = set.file.into_iter().flat_map(of_file).collect();
        let none: [&str; 0] = [];
        let whole = [
            ("dealflow.leads.v1.Lead", lead(&leads::v1::Lead::default())),
            ("dealflow.leads.v1.Account", account(&leads::v1::Account::default())),
            ("dealflow.leads.v1.Contact", contact(&leads::v1::Contact::default())),
            ("dealflow.types.v1.Bant", bant(Some(&types::v1::Bant::default()))),
            ("dealflow.types.v1.Line", line(&types::v1::Line::default())),
            ("dealflow.types.v1.Guidance", guidance(None)),
            ("dealflow.opportunities.v1.Opportunity", opportunity(&opportunities::v1::Opportunity::default())),
            ("dealflow.opportunities.v1.ProcessRun", process_run(&opportunities::v1::ProcessRun::default())),
            ("dealflow.opportunities.v1.StageEntry", stage_entry(&opportunities::v1::StageEntry::default())),
            ("dealflow.opportunities.v1.ActivityResult", activity_result(&Default::default())),
            ("dealflow.activities.v1.Activity", activity(&activities::v1::Activity::default())),
            ("dealflow.activities.v1.Notification", notification(&activities::v1::Notification::default())),
            ("dealflow.activities.v1.Employee", employee(&activities::v1::Employee::default())),
        ];
        for (name, data) in whole {
            assert_eq!(left_out(&messages, name, &data), none, "{name}");
        }
        // The bytes of a document are a file, not data.
        let document = knowledge(&activities::v1::KnowledgeDocument::default());
        assert_eq!(left_out(&messages, "dealflow.activities.v1.KnowledgeDocument", &document), ["content"]);
    }
}
