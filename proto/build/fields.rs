//! How prost names and wraps in Rust what a descriptor describes.

use prost_reflect::FieldDescriptor;

const KEYWORDS: [&str; 38] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "final", "fn", "for", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override",
    "priv", "pub", "ref", "return", "static", "struct", "trait", "type", "use", "where", "while",
];

/// The Rust path of a message or an enum, as seen from the crate's root.
pub(crate) fn path(full_name: &str) -> String {
    if let Some(well_known) = full_name.strip_prefix("google.protobuf.") {
        return format!("::prost_types::{well_known}");
    }
    match full_name.rsplit_once('.') {
        Some((modules, name)) => {
            let modules: Vec<String> = modules.split('.').map(snake).collect();
            format!("crate::wire::{}::{name}", modules.join("::"))
        }
        None => full_name.to_owned(),
    }
}

/// The Rust name of a field or a module.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    if KEYWORDS.contains(&snake.as_str()) { format!("r#{snake}") } else { snake }
}

/// How the struct holds a field.
pub(crate) enum Holding {
    /// As it is: `self.field`.
    Plain,
    /// As an `Option`: messages and `optional` scalars.
    Optional,
    /// As a `Vec`.
    Many,
}

/// How prost holds `field`; an error where it is a map or in a oneof, for which no check is written.
pub(crate) fn holding(field: &FieldDescriptor) -> Result<Holding, String> {
    let choice = field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
    if field.is_map() || choice {
        return Err(format!("{}: maps and oneofs in requests are not checked", field.full_name()));
    }
    if field.is_list() {
        return Ok(Holding::Many);
    }
    Ok(if field.supports_presence() { Holding::Optional } else { Holding::Plain })
}
