//! One page of settings. They are declared in programs, and few: so filter and order are met in memory, in the same
//! words as every other list (AIP-160).

use dealflow_proto::settings::v1 as pb;

use super::rpc::page_size;
use crate::list::{Bond, Comparator, Filter, ListError, Literal};
use crate::refusal::Refusal;

/// A page of these settings, by name; the token holds the last one's name.
///
/// # Errors
/// A refusal that names the field of the request that is wrong.
pub fn page(mut all: Vec<pb::Setting>, ask: &pb::ListSettingsRequest) -> Result<pb::ListSettingsResponse, Refusal> {
    let size = page_size(ask.page_size)?;
    let backwards = is_backwards(&ask.order_by)?;
    let bond = Bond::of(&["settings", ask.filter.trim(), if backwards { "name desc" } else { "name" }]);
    let after = match ask.page_token.as_str() {
        "" => String::new(),
        token => bond.open(token)?,
    };
    let filter = Filter::parse(&ask.filter)?;
    let mut found = Vec::with_capacity(all.len());
    all.sort_by(|one, other| if backwards { other.name.cmp(&one.name) } else { one.name.cmp(&other.name) });
    let behind =
        |name: &str| after.is_empty() || (if backwards { name < after.as_str() } else { name > after.as_str() });
    for setting in all {
        // Each is asked, those of other pages too: what the filter does not know is refused on every page.
        if matches(&filter, &setting)? && behind(&setting.name) {
            found.push(setting);
        }
    }
    let more = found.len() > size;
    found.truncate(size);
    let next_page_token = found.last().filter(|_| more).map(|last| bond.seal(&last.name)).unwrap_or_default();
    Ok(pb::ListSettingsResponse { settings: found, next_page_token })
}

fn is_backwards(order_by: &str) -> Result<bool, ListError> {
    match order_by.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] | ["name"] => Ok(false),
        ["name", "desc"] => Ok(true),
        _ => Err(ListError::OrderBy(format!("`{order_by}` is none of `name`, `name desc`"))),
    }
}

/// Whether a setting passes a filter. Every part of it is asked, so that a field that is not there is told in any case.
fn matches(filter: &Filter, setting: &pb::Setting) -> Result<bool, ListError> {
    match filter {
        Filter::All(parts) => parts.iter().try_fold(true, |all, part| Ok(matches(part, setting)? && all)),
        Filter::Any(parts) => parts.iter().try_fold(false, |any, part| Ok(matches(part, setting)? || any)),
        Filter::Not(part) => Ok(!matches(part, setting)?),
        Filter::Anywhere(value) => Ok(texts(setting).iter().any(|(_, text)| contains(text, value))),
        Filter::Compare { column, field, comparator, value } => match field.as_str() {
            "is_default" => flag(setting.is_default, *comparator, value),
            name => match texts(setting).into_iter().find(|(known, _)| *known == name) {
                Some((_, text)) => Ok(text_is(text, *comparator, value)),
                None => Err(ListError::Filter {
                    column: *column,
                    message: format!("there is no field {name}; known are name, description, update_actor, is_default"),
                }),
            },
        },
    }
}

fn texts(setting: &pb::Setting) -> [(&'static str, &str); 3] {
    [("name", &setting.name), ("description", &setting.description), ("update_actor", &setting.update_actor)]
}

fn flag(is: bool, comparator: Comparator, value: &Literal) -> Result<bool, ListError> {
    let wrong = |message: &str| ListError::Filter { column: value.column, message: message.to_owned() };
    let asked = match value.text().as_str() {
        "true" => true,
        "false" => false,
        _ => return Err(wrong("is_default is true or false")),
    };
    match comparator {
        Comparator::Equal | Comparator::Has => Ok(is == asked),
        Comparator::NotEqual => Ok(is != asked),
        _ => Err(wrong("is_default is compared by = or !=")),
    }
}

fn text_is(text: &str, comparator: Comparator, value: &Literal) -> bool {
    let asked = value.text();
    match comparator {
        Comparator::Has if value.is_presence() => !text.is_empty(),
        Comparator::Has => contains(text, value),
        Comparator::Equal => resembles(text, value),
        Comparator::NotEqual => !resembles(text, value),
        Comparator::Less => text < asked.as_str(),
        Comparator::LessOrEqual => text <= asked.as_str(),
        Comparator::Greater => text > asked.as_str(),
        Comparator::GreaterOrEqual => text >= asked.as_str(),
    }
}

/// The pieces in their order, anywhere in the text; A-Z equal a-z.
fn contains(text: &str, value: &Literal) -> bool {
    let mut rest = text.to_ascii_lowercase();
    value.pieces.iter().all(|piece| match rest.find(&piece.to_ascii_lowercase()) {
        Some(at) => {
            rest.drain(..at + piece.len());
            true
        }
        None => false,
    })
}

/// The whole text, with anything in place of each wildcard.
fn resembles(text: &str, value: &Literal) -> bool {
    let [first, middle @ .., last] = value.pieces.as_slice() else {
        return text == value.text();
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for piece in middle {
        let Some(at) = rest.find(piece.as_str()) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, is_default: bool) -> pb::Setting {
        let description = format!("What {name} decides");
        pb::Setting { name: format!("settings/{name}"), is_default, description, ..pb::Setting::default() }
    }

    fn found(filter: &str, order_by: &str, page_size: i32) -> Result<Vec<String>, String> {
        let all = || vec![setting("orders.b", true), setting("leads.a", false), setting("orders.c", false)];
        let mut ask = pb::ListSettingsRequest {
            filter: filter.into(),
            order_by: order_by.into(),
            page_size,
            ..Default::default()
        };
        let mut names = Vec::new();
        loop {
            let page = page(all(), &ask).map_err(|no| no.to_string())?;
            names.extend(page.settings.into_iter().map(|it| it.name.trim_start_matches("settings/").to_owned()));
            if page.next_page_token.is_empty() {
                return Ok(names);
            }
            ask.page_token = page.next_page_token;
        }
    }

    #[test]
    fn settings_are_found_and_ordered_as_in_every_list() {
        for (filter, order_by, names) in [
            ("", "", vec!["leads.a", "orders.b", "orders.c"]),
            ("", "name desc", vec!["orders.c", "orders.b", "leads.a"]),
            ("name = \"settings/orders.*\"", "", vec!["orders.b", "orders.c"]),
            ("name:ORDERS AND is_default = false", "", vec!["orders.c"]),
            ("NOT is_default = true OR name:b", "name", vec!["leads.a", "orders.b", "orders.c"]),
            ("decides", "", vec!["leads.a", "orders.b", "orders.c"]),
            ("update_actor:*", "", vec![]),
        ] {
            for size in [1, 2, 1000] {
                assert_eq!(
                    found(filter, order_by, size).as_deref(),
                    Ok(&names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()[..]),
                    "{filter}"
                );
            }
        }
        for (filter, order_by) in [
            ("colour = \"red\"", ""),
            ("name:a OR colour:red", ""),
            ("is_default = 7", ""),
            ("name =", ""),
            ("", "colour"),
        ] {
            assert!(found(filter, order_by, 1).is_err(), "{filter} {order_by}");
        }
    }

    /// Platform, item 2: a token is a place in its own list: not in one of another filter or order.
    #[test]
    fn a_token_of_another_list_is_refused() {
        let all = || vec![setting("orders.b", true), setting("leads.a", false), setting("orders.c", false)];
        let ask = |filter: &str, order_by: &str, page_token: &str| pb::ListSettingsRequest {
            filter: filter.into(),
            order_by: order_by.into(),
            page_token: page_token.into(),
            page_size: 1,
        };
        let token = page(all(), &ask("", "", "")).expect("it is listed").next_page_token;
        assert!(page(all(), &ask("", "name", &token)).is_ok(), "the same order in other words");
        for (filter, order_by, token) in [
            ("name:b", "", token.as_str()),
            ("", "name desc", &token),
            ("", "", "settings/leads.a"),
            ("", "", &token[1..]),
        ] {
            let refused = page(all(), &ask(filter, order_by, token)).expect_err("it is of another list");
            assert_eq!(refused.violations()[0].field, "page_token", "{refused}");
        }
    }
}
