//! Pages of records that are few, whatever they are kept in: filter and order are met in memory, in the same words as in
//! every other list (AIP-160).

use super::{Bond, Comparator, Filter, ListError, ListRequest, Literal, Page, page_size};

/// A record of a list that is met in memory.
pub trait Few {
    /// What such records are called, so that a token of theirs is none of another list.
    const KIND: &'static str;

    /// Its fields that are texts, `name` first: the list is ordered by it.
    fn texts(&self) -> Vec<(&'static str, &str)>;

    /// Its fields that are true or false.
    fn flags(&self) -> Vec<(&'static str, bool)>;

    /// Its resource name.
    fn name(&self) -> &str {
        self.texts().first().map(|(_, name)| *name).unwrap_or_default()
    }
}

/// A page of these records, by name.
///
/// # Errors
/// Each field of the request that cannot be met is refused by its own [`ListError`].
pub fn few<T: Few>(mut all: Vec<T>, ask: ListRequest<'_>) -> Result<Page<T>, ListError> {
    let size = usize::try_from(page_size(ask.page_size)?).unwrap_or(usize::MAX);
    let backwards = is_backwards(ask.order_by)?;
    let bond = Bond::of(&[T::KIND, ask.filter.trim(), if backwards { "name desc" } else { "name" }]);
    let after = match ask.page_token {
        "" => None,
        token => Some(bond.open(token)?),
    };
    let filter = Filter::parse(ask.filter)?;
    let mut items = Vec::with_capacity(all.len());
    all.sort_by(|one, other| if backwards { other.name().cmp(one.name()) } else { one.name().cmp(other.name()) });
    let behind = |name: &str| after.as_deref().is_none_or(|last| if backwards { name < last } else { name > last });
    for record in all {
        // Each is asked, those of other pages too: what the filter does not know is refused on every page.
        if matches(&filter, &record)? && behind(record.name()) {
            items.push(record);
        }
    }
    let more = items.len() > size;
    items.truncate(size);
    let next_page_token = items.last().filter(|_| more).map(|last| bond.seal(last.name())).unwrap_or_default();
    Ok(Page { items, next_page_token })
}

fn is_backwards(order_by: &str) -> Result<bool, ListError> {
    match order_by.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] | ["name"] => Ok(false),
        ["name", "desc"] => Ok(true),
        _ => Err(ListError::OrderBy(format!("`{order_by}` is none of `name`, `name desc`"))),
    }
}

/// Whether a record passes a filter. Every part of it is asked, so that a field that is not there is told in any case.
fn matches<T: Few>(filter: &Filter, record: &T) -> Result<bool, ListError> {
    match filter {
        Filter::All(parts) => parts.iter().try_fold(true, |all, part| Ok(matches(part, record)? && all)),
        Filter::Any(parts) => parts.iter().try_fold(false, |any, part| Ok(matches(part, record)? || any)),
        Filter::Not(part) => Ok(!matches(part, record)?),
        Filter::Anywhere(value) => Ok(record.texts().iter().any(|(_, text)| contains(text, value))),
        Filter::Compare { column, field, comparator, value } => {
            if let Some((name, is)) = record.flags().into_iter().find(|(known, _)| known == field) {
                return flag((name, is), *comparator, value);
            }
            if let Some((_, text)) = record.texts().into_iter().find(|(known, _)| known == field) {
                return Ok(text_is(text, *comparator, value));
            }
            let texts = record.texts().into_iter().map(|(known, _)| known);
            let known: Vec<&str> = texts.chain(record.flags().into_iter().map(|(known, _)| known)).collect();
            let message = format!("there is no field {field}; known are {}", known.join(", "));
            Err(ListError::Filter { column: *column, message })
        }
    }
}

fn flag((name, is): (&str, bool), comparator: Comparator, value: &Literal) -> Result<bool, ListError> {
    let wrong = |expected: &str| ListError::Filter { column: value.column, message: format!("{name} is {expected}") };
    let asked = match value.text().as_str() {
        "true" => true,
        "false" => false,
        _ => return Err(wrong("true or false")),
    };
    match comparator {
        Comparator::Equal | Comparator::Has => Ok(is == asked),
        Comparator::NotEqual => Ok(is != asked),
        _ => Err(wrong("compared by = or !=")),
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
