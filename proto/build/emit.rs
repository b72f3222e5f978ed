//! Writes `impl Validate` for every request and what it is made of, `impl Mutation` for requests that change, and
//! `impl Listing` for those that list.

use std::collections::BTreeMap;
use std::fmt::Write;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use crate::fields::{Holding, holding, path, snake};
use crate::rules::{Rules, record_patterns};

/// What makes a request one for a list.
const LISTING: [&str; 4] = ["page_size", "page_token", "filter", "order_by"];

/// The source of all checks; an error names the field that asks for a check nobody wrote.
pub(crate) fn checks(pool: &DescriptorPool) -> Result<String, String> {
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        if !is_request(&method.input()) {
            return Err(format!("{}: what it takes must be named ...Request to be checked", method.full_name()));
        }
    }
    let mut wanted = BTreeMap::new();
    for message in pool.all_messages().filter(is_request) {
        gather(message, &mut wanted);
    }
    let mut source = String::new();
    for message in wanted.values() {
        source.push_str(&validate(message)?);
        if is_request(message) && message.get_field_by_name("request_id").is_some() {
            source.push_str(&mutation(message));
        }
        if is_request(message) && LISTING.iter().all(|field| message.get_field_by_name(field).is_some()) {
            source.push_str(&listing(message));
        }
    }
    Ok(source)
}

fn is_request(message: &MessageDescriptor) -> bool {
    message.package_name().starts_with("dealflow.") && message.name().ends_with("Request")
}

/// Adds `message` and all messages below it; those of Google are checked by hand in `src/validate`.
fn gather(message: MessageDescriptor, wanted: &mut BTreeMap<String, MessageDescriptor>) {
    if !message.package_name().starts_with("dealflow.") || wanted.contains_key(message.full_name()) {
        return;
    }
    wanted.insert(message.full_name().to_owned(), message.clone());
    for field in message.fields() {
        if let Kind::Message(inner) = field.kind() {
            gather(inner, wanted);
        }
    }
}

fn validate(message: &MessageDescriptor) -> Result<String, String> {
    let mut body = String::new();
    for field in message.fields() {
        body.push_str(&field_check(message, &field)?);
    }
    Ok(format!(
        "impl crate::Validate for {} {{ fn validate(&self, path: &str, out: &mut Vec<crate::Violation>) {{\n{body} }} }}\n",
        path(message.full_name()),
    ))
}

fn field_check(message: &MessageDescriptor, field: &FieldDescriptor) -> Result<String, String> {
    let mut rules = Rules::of(field)?;
    if rules.output_only {
        return Ok(String::new());
    }
    let (name, rust, required) = (field.name(), snake(field.name()), rules.required);
    let at = format!("check::At::field(path, {name:?})");
    Ok(match holding(field)? {
        Holding::Plain => one(field, &rules, &at, &format!("&self.{rust}"))?,
        Holding::Optional => {
            rules.required = false;
            let present = one(field, &rules, &at, "value")?;
            let (before, after) = masked(message, field).unwrap_or_default();
            format!(
                "if check::present({at}, self.{rust}.is_some(), {required}, out) && let Some(value) = &self.{rust} {{ {before} {present} {after} }}\n"
            )
        }
        Holding::Many => {
            let (least, most) = rules.items;
            let item = one(field, &rules, &format!("check::At::item(path, {name:?}, index)"), "value")?;
            format!(
                "if check::items({at}, self.{rust}.len(), {required}, {least}, {most}, out) {{ for (index, value) in self.{rust}.iter().enumerate() {{ {item} }} }}\n"
            )
        }
    })
}

/// The check of one value that is borrowed as `value`.
fn one(field: &FieldDescriptor, rules: &Rules, at: &str, value: &str) -> Result<String, String> {
    let required = rules.required;
    Ok(match field.kind() {
        Kind::String => {
            let (least, most) = rules.characters;
            let (form, patterns) = (rules.form, &rules.patterns);
            format!(
                "check::text({at}, {value}, &check::Text {{ required: {required}, least: {least}, most: {most}, form: check::Form::{form}, patterns: &{patterns:?} }}, out);\n"
            )
        }
        Kind::Enum(names) => {
            let refused = &rules.refused;
            format!(
                "{{ let number: i32 = *{value}; check::choice({at}, number, {}::is_valid(number), {required}, &{refused:?}, out); }}\n",
                path(names.full_name())
            )
        }
        Kind::Int32 | Kind::Int64 | Kind::Uint32 => {
            let (least, most) = rules.range;
            format!("check::number({at}, i64::from(*{value}), {required}, {least:?}, {most:?}, out);\n")
        }
        Kind::Message(_) => {
            format!("crate::Validate::validate({value}, &{at}.to_string(), out);\n")
        }
        Kind::Bytes => format!("check::present({at}, !{value}.is_empty(), {required}, out);\n").replace("!&", "!"),
        _ if required => {
            return Err(format!("{}: no check of a required value of this type", field.full_name()));
        }
        _ => String::new(),
    })
}

/// Around the record of an update: the mask decides which required fields count, and its name must say which record.
fn masked(message: &MessageDescriptor, field: &FieldDescriptor) -> Option<(String, String)> {
    message.get_field_by_name("update_mask")?;
    let Kind::Message(record) = field.kind() else {
        return None;
    };
    let patterns = record_patterns(&record)?;
    let name = field.name();
    let before = "let before = out.len();".to_owned();
    let mut after = String::new();
    let _ = write!(
        after,
        "check::keep_masked({name:?}, self.update_mask.as_ref(), before, path, out);
         check::text(check::At::below(path, {name:?}, \"name\"), &value.name, &check::Text {{ required: true, least: 0, most: 4096, form: check::Form::Any, patterns: &{patterns:?} }}, out);"
    );
    Some((before, after))
}

fn listing(message: &MessageDescriptor) -> String {
    format!(
        "impl crate::Listing for {} {{
            fn page_size(&self) -> i32 {{ self.page_size }}
            fn page_token(&self) -> &str {{ &self.page_token }}
            fn filter(&self) -> &str {{ &self.filter }}
            fn order_by(&self) -> &str {{ &self.order_by }}
        }}\n",
        path(message.full_name()),
    )
}

fn mutation(message: &MessageDescriptor) -> String {
    let or = |field: &str, there: &str, missing: &str| {
        let found = message.get_field_by_name(field).is_some();
        (if found { there } else { missing }).to_owned()
    };
    format!(
        "impl crate::Mutation for {} {{
            fn request_id(&self) -> &str {{ &self.request_id }}
            fn set_request_id(&mut self, id: String) {{ self.request_id = id; }}
            fn validate_only(&self) -> bool {{ {} }}
            fn etag(&self) -> &str {{ {} }}
            fn effective_time(&self) -> Option<::prost_types::Timestamp> {{ {} }}
        }}\n",
        path(message.full_name()),
        or("validate_only", "self.validate_only", "false"),
        or("etag", "&self.etag", "\"\""),
        or("effective_time", "self.effective_time", "None"),
    )
}
