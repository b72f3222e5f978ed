//! What a caller says and what is said to him: each field of a request says whether it must be given, each field that only
//! the server writes says so (AIP-203), for clients and for whoever generates forms and documents from the contract.

use dealflow_proto::FILE_DESCRIPTOR_SET;
use prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor, Value};

const OPTIONAL: i32 = 1;
const REQUIRED: i32 = 2;
const OUTPUT_ONLY: i32 = 3;
const IDENTIFIER: i32 = 8;

fn ours() -> impl Iterator<Item = MessageDescriptor> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the descriptors hold all that they import");
    pool.all_messages().filter(|message| message.full_name().starts_with("dealflow.")).collect::<Vec<_>>().into_iter()
}

fn behaviors(field: &FieldDescriptor) -> Vec<i32> {
    let option = field.parent_pool().get_extension_by_name("google.api.field_behavior").expect("declared");
    match field.options().get_extension(&option).as_ref() {
        Value::List(list) => list.iter().filter_map(Value::as_enum_number).collect(),
        _ => Vec::new(),
    }
}

/// The comment before a field.
fn comment(field: &FieldDescriptor) -> String {
    let file = field.parent_message().parent_file();
    let source = file.file_descriptor_proto().source_code_info.as_ref().expect("source info");
    let at = source.location.iter().find(|at| at.path == field.path());
    at.map(|at| at.leading_comments().trim().to_owned()).unwrap_or_default()
}

/// AIP-203: a field of a request must be given, or may be left out.
#[test]
fn each_field_of_a_request_says_whether_it_must_be_given() {
    let requests = ours().filter(|message| message.name().ends_with("Request") && message.parent_message().is_none());
    let mut fields = 0;
    for field in requests.flat_map(|message| message.fields().collect::<Vec<_>>()) {
        let told = behaviors(&field);
        assert!(told.contains(&REQUIRED) != told.contains(&OPTIONAL), "{} {told:?}", field.full_name());
        fields += 1;
    }
    assert!(fields > 1000, "{fields} fields of requests");
}

/// AIP-203: what the comment calls output only is so for machines too, and nothing else is.
#[test]
fn what_only_the_server_writes_says_so() {
    for field in ours().flat_map(|message| message.fields().collect::<Vec<_>>()) {
        let only = comment(&field).starts_with("Output only");
        assert_eq!(only, behaviors(&field).contains(&OUTPUT_ONLY), "{}", field.full_name());
    }
}

/// AIP-203, AIP-122: a record's name is what it is known by.
#[test]
fn a_record_is_known_by_its_name() {
    let records = ours().filter(|message| {
        let option = message.parent_pool().get_extension_by_name("google.api.resource").expect("declared");
        message.options().has_extension(&option)
    });
    let mut count = 0;
    for record in records {
        let name = record.get_field_by_name("name").expect("a record has a name");
        assert!(behaviors(&name).contains(&IDENTIFIER), "{}", record.full_name());
        count += 1;
    }
    assert!(count > 30, "{count} records");
}
