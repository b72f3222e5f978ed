//! What the options of a field ask of its value, read into one struct.

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor, Value};

/// A string without `max_len` may have this many characters.
const MAX_CHARACTERS: u64 = 4096;
/// A repeated field without `max_items` may have this many items.
const MAX_ITEMS: u64 = 1000;
const REQUIRED: i32 = 2;
const OUTPUT_ONLY: i32 = 3;

/// The rules of one field; each kind of value looks only at what concerns it.
pub(crate) struct Rules {
    /// The field must be given, and not empty.
    pub(crate) required: bool,
    /// The server sets the field, and what a caller sends in it is not looked at.
    pub(crate) output_only: bool,
    /// The fewest and most characters.
    pub(crate) characters: (u64, u64),
    /// `Any`, `Email` or `Uuid`.
    pub(crate) form: &'static str,
    /// The forms of the names that a reference may hold; empty for no reference.
    pub(crate) patterns: Vec<String>,
    /// The least and greatest number.
    pub(crate) range: (Option<i64>, Option<i64>),
    /// The fewest and most items.
    pub(crate) items: (u64, u64),
    /// Numbers of an enum that are not taken.
    pub(crate) refused: Vec<i32>,
}

impl Rules {
    /// Reads the rules of `field`; an error names a reference to a kind that no message declares.
    pub(crate) fn of(field: &FieldDescriptor) -> Result<Self, String> {
        let behaviors = behaviors(field);
        let mut rules = Self {
            required: behaviors.contains(&REQUIRED),
            output_only: behaviors.contains(&OUTPUT_ONLY),
            characters: (0, MAX_CHARACTERS),
            form: "Any",
            patterns: Vec::new(),
            range: (None, None),
            items: (0, MAX_ITEMS),
            refused: Vec::new(),
        };
        if let Some(kind) = reference(field) {
            rules.patterns = patterns(field.parent_pool(), &kind)
                .ok_or_else(|| format!("{}: no message declares the kind {kind}", field.full_name()))?;
        }
        if let Some(Value::Message(options)) = extension(field, "buf.validate.field") {
            rules.take(&options);
        }
        Ok(rules)
    }

    /// Takes over what a `buf.validate.FieldRules` says.
    fn take(&mut self, field: &DynamicMessage) {
        self.required |= field.get_field_by_name("required").is_some_and(|it| it.as_bool() == Some(true));
        if let Some(string) = message(field, "string") {
            self.characters.0 = count(&string, "min_len").unwrap_or(self.characters.0);
            self.characters.1 = count(&string, "max_len").unwrap_or(self.characters.1);
            for (rule, form) in [("email", "Email"), ("uuid", "Uuid")] {
                if set(&string, rule).is_some_and(|it| it.as_bool() == Some(true)) {
                    self.form = form;
                }
            }
        }
        for numbers in ["int32", "int64"].iter().filter_map(|name| message(field, name)) {
            let least = number(&numbers, "gte").or_else(|| number(&numbers, "gt").map(|it| it + 1));
            let most = number(&numbers, "lte").or_else(|| number(&numbers, "lt").map(|it| it - 1));
            self.range = (least, most);
        }
        let names = message(field, "enum");
        if let Some(refused) = names.and_then(|names| set(&names, "not_in")) {
            let refused = refused.as_list().unwrap_or_default();
            self.refused.extend(refused.iter().filter_map(Value::as_i32));
        }
        if let Some(repeated) = message(field, "repeated") {
            self.items.0 = count(&repeated, "min_items").unwrap_or(self.items.0);
            self.items.1 = count(&repeated, "max_items").unwrap_or(self.items.1);
            if let Some(item) = message(&repeated, "items") {
                self.take(&item);
            }
        }
    }
}

/// The forms that the names of `record` may have; none where it is no record.
pub(crate) fn record_patterns(record: &MessageDescriptor) -> Option<Vec<String>> {
    let option = record.parent_pool().get_extension_by_name("google.api.resource")?;
    let options = record.options();
    if !options.has_extension(&option) {
        return None;
    }
    options.get_extension(&option).as_message().map(pattern_list)
}

fn behaviors(field: &FieldDescriptor) -> Vec<i32> {
    match extension(field, "google.api.field_behavior") {
        Some(Value::List(list)) => list.iter().filter_map(Value::as_enum_number).collect(),
        _ => Vec::new(),
    }
}

fn reference(field: &FieldDescriptor) -> Option<String> {
    let option = extension(field, "google.api.resource_reference")?;
    let kind = option.as_message()?.get_field_by_name("type")?.as_str()?.to_owned();
    (kind != "*").then_some(kind)
}

/// Looks for the kind in every message, then in the definitions that stand in files.
fn patterns(pool: &DescriptorPool, kind: &str) -> Option<Vec<String>> {
    let resource = pool.get_extension_by_name("google.api.resource")?;
    let definition = pool.get_extension_by_name("google.api.resource_definition")?;
    let mut declared = Vec::new();
    for options in pool.all_messages().map(|message| message.options()) {
        declared.push(options.get_extension(&resource).into_owned());
    }
    for options in pool.files().map(|file| file.options()) {
        declared.extend(options.get_extension(&definition).as_list().unwrap_or_default().iter().cloned());
    }
    let is_kind = |it: &&DynamicMessage| it.get_field_by_name("type").is_some_and(|name| name.as_str() == Some(kind));
    declared.iter().filter_map(Value::as_message).find(is_kind).map(pattern_list)
}

fn pattern_list(resource: &DynamicMessage) -> Vec<String> {
    let patterns = resource.get_field_by_name("pattern");
    let patterns = patterns.as_ref().and_then(|it| it.as_list()).unwrap_or_default();
    patterns.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn extension(field: &FieldDescriptor, name: &str) -> Option<Value> {
    let option = field.parent_pool().get_extension_by_name(name)?;
    let options = field.options();
    options.has_extension(&option).then(|| options.get_extension(&option).into_owned())
}

fn set(message: &DynamicMessage, name: &str) -> Option<Value> {
    message.has_field_by_name(name).then(|| message.get_field_by_name(name).map(|it| it.into_owned()))?
}

fn message(message: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    set(message, name)?.as_message().cloned()
}

fn count(message: &DynamicMessage, name: &str) -> Option<u64> {
    set(message, name)?.as_u64()
}

fn number(message: &DynamicMessage, name: &str) -> Option<i64> {
    let value = set(message, name)?;
    value.as_i64().or_else(|| value.as_i32().map(i64::from))
}
