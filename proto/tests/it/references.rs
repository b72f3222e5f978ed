//! References: a field that holds a resource name says of which kind (AIP-122, AIP-124), for the clients' sake, and so that the
//! form of the name is checked; `*` where it may be of several.

use std::collections::{BTreeMap, BTreeSet};

use dealflow_proto::FILE_DESCRIPTOR_SET;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

/// Fields that are called as a kind of record is and hold something else.
const OTHERS: [(&str, &str); 10] = [
    ("erp.v1.Capabilities.product", "the program that an ERP is"),
    ("erp.v1.Document.payment_terms", "the terms in words"),
    ("erp.v1.PaymentAccount.account", "an IBAN"),
    ("gateway.v1.StartDealRequest.process", "may be what people call it"),
    ("gateway.v1.StartProcessRequest.process", "may be what people call it"),
    ("opportunities.v1.ActivityResult.target", "a word of the process"),
    ("opportunities.v1.ActivityTemplate.category", "what people call it"),
    ("opportunities.v1.CreateOpportunityRequest.process", "may be what people call it"),
    ("opportunities.v1.PlannedActivity.category", "what people call it"),
    ("opportunities.v1.StartProcessRequest.process", "may be what people call it"),
];

/// Documents and the ERP know who sells by a code.
const CODE: &str = "legal_entity";

/// Names of fields that are a person's of the house.
const PEOPLE: [&str; 5] = ["manager", "owner", "performer", "recipient", "approver"];

fn pool() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the descriptors hold all that they import")
}

fn is_record(message: &MessageDescriptor) -> bool {
    let option = message.parent_pool().get_extension_by_name("google.api.resource").expect("declared");
    message.options().has_extension(&option)
}

/// What a field refers to; none where it does not say.
fn reference(field: &FieldDescriptor) -> Option<String> {
    let option = field.parent_pool().get_extension_by_name("google.api.resource_reference").expect("declared");
    let options = field.options();
    let value = options.has_extension(&option).then(|| options.get_extension(&option))?;
    let kind = value.as_message()?.get_field_by_name("type")?.as_str()?.to_owned();
    Some(kind)
}

/// The comment before a field.
fn comment(field: &FieldDescriptor) -> String {
    let file = field.parent_message().parent_file();
    let source = file.file_descriptor_proto().source_code_info.as_ref().expect("source info");
    let at = source.location.iter().find(|at| at.path == field.path());
    at.map(|at| at.leading_comments().to_owned()).unwrap_or_default()
}

/// Whether a comment shows the form of a name: `quotes/{quote}` in backticks.
fn shows_a_name(comment: &str) -> bool {
    comment.split('`').skip(1).step_by(2).any(|code| {
        let (collection, id) = code.split_once("/{").unwrap_or_default();
        !collection.is_empty() && collection.chars().all(char::is_alphabetic) && id.ends_with('}')
    })
}

fn snake(kind: &str) -> String {
    let mut snake = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// R-API-1, AIP-122: a field whose comment or name says that it holds a resource name says of which kind.
#[test]
fn a_field_that_holds_a_resource_name_says_so() {
    let pool = pool();
    let ours = || pool.all_messages().filter(|message| message.full_name().starts_with("dealflow."));
    let mut kinds: BTreeSet<String> = ours().filter(is_record).map(|record| snake(record.name())).collect();
    kinds.remove(CODE);
    let others: BTreeMap<&str, &str> = OTHERS.into_iter().collect();
    let mut silent = Vec::new();
    for message in ours() {
        let record = is_record(&message);
        for field in message.fields().filter(|field| field.kind() == Kind::String) {
            let (name, path) = (field.name(), field.full_name().trim_start_matches("dealflow.").to_owned());
            let own = record && name == "name";
            let named = kinds.contains(name) || PEOPLE.contains(&name) || shows_a_name(&comment(&field));
            if named && !own && reference(&field).is_none() && !others.contains_key(path.as_str()) {
                silent.push(path);
            }
        }
    }
    assert_eq!(silent, Vec::<String>::new());
    let there =
        |path: &str| pool.get_message_by_name(&format!("dealflow.{}", path.rsplit_once('.').unwrap_or_default().0));
    assert!(others.keys().all(|path| there(path).is_some()), "an exception is gone: {others:?}");
}

/// AIP-123: what a reference names is declared.
#[test]
fn a_reference_names_a_kind_that_there_is() {
    let pool = pool();
    let records = pool.all_messages().filter(is_record).map(|record| format!("dealflow.dev/{}", record.name()));
    let kinds: BTreeSet<String> = records.chain(["*".to_owned()]).collect();
    for field in pool.all_messages().flat_map(|message| message.fields().collect::<Vec<_>>()) {
        if let Some(kind) = reference(&field) {
            assert!(kinds.contains(&kind), "{}: {kind}", field.full_name());
        }
    }
}
