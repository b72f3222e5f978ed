//! The checks of single values, called by the generated code.

use std::fmt;

use prost_types::FieldMask;
use uuid::Uuid;

use crate::Violation;
use crate::names;

const REQUIRED: &str = "is required";

/// Where a value stands; only a violation pays for the text.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    path: &'a str,
    field: &'a str,
    index: Option<usize>,
    below: Option<&'a str>,
}

impl<'a> At<'a> {
    /// The field `field` of the message at `path`.
    pub(crate) fn field(path: &'a str, field: &'a str) -> Self {
        Self {
            path,
            field,
            index: None,
            below: None,
        }
    }

    /// One item of the repeated field `field`.
    pub(crate) fn item(path: &'a str, field: &'a str, index: usize) -> Self {
        Self {
            index: Some(index),
            ..Self::field(path, field)
        }
    }

    /// The field `below` of the message in `field`.
    pub(crate) fn below(path: &'a str, field: &'a str, below: &'a str) -> Self {
        Self {
            below: Some(below),
            ..Self::field(path, field)
        }
    }

    /// Notes what is wrong here.
    pub(crate) fn wrong(self, description: impl Into<String>, out: &mut Vec<Violation>) {
        out.push(Violation {
            field: self.to_string(),
            description: description.into(),
        });
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}.", self.path)?;
        }
        f.write_str(self.field)?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        match self.below {
            Some(below) => write!(f, ".{below}"),
            None => Ok(()),
        }
    }
}

/// What a string may be.
pub(crate) struct Text<'a> {
    /// Not empty.
    pub(crate) required: bool,
    /// The fewest characters.
    pub(crate) least: usize,
    /// The most characters.
    pub(crate) most: usize,
    /// The form of a string that is not empty.
    pub(crate) form: Form,
    /// The forms of the name that a reference holds, unless it is empty; none for other strings.
    pub(crate) patterns: &'a [&'a str],
}

/// Well-known forms of strings.
pub(crate) enum Form {
    /// Any characters.
    Any,
    /// An e-mail address.
    #[allow(
        dead_code,
        reason = "only generated code makes it, for the protos that ask for it"
    )]
    Email,
    /// A UUID with its hyphens.
    Uuid,
}

/// Checks a string; of several faults the first is told, the others follow from it or hide behind it.
pub(crate) fn text(at: At<'_>, value: &str, rules: &Text<'_>, out: &mut Vec<Violation>) {
    if value.is_empty() {
        if rules.required {
            at.wrong(REQUIRED, out);
        } else if rules.least > 0 {
            at.wrong(
                format!("must have at least {} characters", rules.least),
                out,
            );
        }
        return;
    }
    let characters = value.chars().count();
    if characters < rules.least {
        at.wrong(
            format!(
                "must have at least {} characters, has {characters}",
                rules.least
            ),
            out,
        );
    } else if characters > rules.most {
        at.wrong(
            format!(
                "must have at most {} characters, has {characters}",
                rules.most
            ),
            out,
        );
    } else if value.contains('\0') {
        at.wrong("must not contain the character NUL", out);
    } else if !has_form(value, &rules.form) {
        let form = if matches!(rules.form, Form::Email) {
            "an e-mail address"
        } else {
            "a UUID"
        };
        at.wrong(format!("must be {form}"), out);
    } else if !rules.patterns.is_empty()
        && !rules.patterns.iter().any(|it| names::matches(it, value))
    {
        at.wrong(
            format!("must be of the form {}", rules.patterns.join(" or ")),
            out,
        );
    }
}

/// Checks a number against its range, both ends included.
pub(crate) fn number(
    at: At<'_>,
    value: i64,
    required: bool,
    least: Option<i64>,
    most: Option<i64>,
    out: &mut Vec<Violation>,
) {
    if required && value == 0 {
        return at.wrong(REQUIRED, out);
    }
    if let Some(least) = least.filter(|least| value < *least) {
        at.wrong(format!("must be at least {least}, is {value}"), out);
    }
    if let Some(most) = most.filter(|most| value > *most) {
        at.wrong(format!("must be at most {most}, is {value}"), out);
    }
}

/// Checks the number of an enum; `known` says whether the enum names it.
pub(crate) fn choice(
    at: At<'_>,
    number: i32,
    known: bool,
    required: bool,
    refused: &[i32],
    out: &mut Vec<Violation>,
) {
    if required && number == 0 {
        at.wrong(REQUIRED, out);
    } else if !known {
        at.wrong(
            format!("must be a value that the enum names, is {number}"),
            out,
        );
    } else if refused.contains(&number) {
        at.wrong(format!("must not be the value {number}"), out);
    }
}

/// Checks that a field is given where it must be; true if there is something to look at.
pub(crate) fn present(at: At<'_>, given: bool, required: bool, out: &mut Vec<Violation>) -> bool {
    if !given && required {
        at.wrong(REQUIRED, out);
    }
    given
}

/// Checks the number of items; false if there are too many to look at each.
pub(crate) fn items(
    at: At<'_>,
    count: usize,
    required: bool,
    least: usize,
    most: usize,
    out: &mut Vec<Violation>,
) -> bool {
    if required && count == 0 {
        at.wrong(REQUIRED, out);
    } else if count < least {
        at.wrong(
            format!("must have at least {least} items, has {count}"),
            out,
        );
    } else if count > most {
        at.wrong(format!("must have at most {most} items, has {count}"), out);
        return false;
    }
    true
}

/// Forgives the missing fields of the record in `field` that its update does not take over.
///
/// An update takes over the fields of its mask, or those that are set if the mask is empty (AIP-134), so a
/// required field counts only where the mask covers it. Items of repeated fields are always taken over whole.
pub(crate) fn keep_masked(
    field: &str,
    mask: Option<&FieldMask>,
    from: usize,
    path: &str,
    out: &mut Vec<Violation>,
) {
    let record = format!("{}.", At::field(path, field));
    let covered = |missing: &str| {
        mask.is_some_and(|mask| {
            mask.paths.iter().any(|covered| {
                missing
                    .strip_prefix(covered.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
    };
    let found = out.split_off(from);
    out.extend(found.into_iter().filter(|violation| {
        let within = violation
            .field
            .strip_prefix(&record)
            .unwrap_or(&violation.field);
        violation.description != REQUIRED || within.contains('[') || covered(within)
    }));
}

fn has_form(value: &str, form: &Form) -> bool {
    match form {
        Form::Any => true,
        Form::Email => is_email(value),
        Form::Uuid => value.len() == 36 && Uuid::try_parse(value).is_ok(),
    }
}

/// Something before one `@`, a domain after it, no blanks: who mistypes the rest learns it from the first mail.
fn is_email(value: &str) -> bool {
    let Some((person, domain)) = value.split_once('@') else {
        return false;
    };
    let blank = |letter: char| letter.is_whitespace() || letter.is_control();
    let label = |label: &str| {
        let letters = |letter: char| letter.is_alphanumeric() || letter == '-';
        !label.is_empty()
            && label.chars().all(letters)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    !person.is_empty() && !value.contains(blank) && domain.split('.').all(label)
}
