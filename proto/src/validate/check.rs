//! The checks of single values, called by the generated code.

use uuid::Uuid;

pub(crate) use super::at::At;
pub(crate) use super::mask::keep_masked;
use crate::Violation;
use crate::names;

/// What is said of a field that is missing.
pub(crate) const REQUIRED: &str = "is required";

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
    #[allow(dead_code, reason = "only generated code makes it, for the protos that ask for it")]
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
            at.wrong(format!("must have at least {} characters", rules.least), out);
        }
        return;
    }
    let characters = value.chars().count();
    if characters < rules.least {
        at.wrong(format!("must have at least {} characters, has {characters}", rules.least), out);
    } else if characters > rules.most {
        at.wrong(format!("must have at most {} characters, has {characters}", rules.most), out);
    } else if value.contains('\0') {
        at.wrong("must not contain the character NUL", out);
    } else if !has_form(value, &rules.form) {
        let form = if matches!(rules.form, Form::Email) { "an e-mail address" } else { "a UUID" };
        at.wrong(format!("must be {form}"), out);
    } else if !rules.patterns.is_empty() && !rules.patterns.iter().any(|it| names::matches(it, value)) {
        at.wrong(format!("must be of the form {}", rules.patterns.join(" or ")), out);
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
pub(crate) fn choice(at: At<'_>, number: i32, known: bool, required: bool, refused: &[i32], out: &mut Vec<Violation>) {
    if required && number == 0 {
        at.wrong(REQUIRED, out);
    } else if !known {
        at.wrong(format!("must be a value that the enum names, is {number}"), out);
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
        at.wrong(format!("must have at least {least} items, has {count}"), out);
    } else if count > most {
        at.wrong(format!("must have at most {most} items, has {count}"), out);
        return false;
    }
    true
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
        !label.is_empty() && label.chars().all(letters) && !label.starts_with('-') && !label.ends_with('-')
    };
    !person.is_empty() && !value.contains(blank) && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    //! The rules that a proto may ask for and none does yet.

    use super::*;

    fn told(check: impl FnOnce(At<'_>, &mut Vec<Violation>)) -> Vec<String> {
        let mut out = Vec::new();
        check(At::field("", "it"), &mut out);
        out.into_iter().map(|violation| violation.description).collect()
    }

    #[test]
    fn an_email_address_has_a_person_and_a_domain() {
        let rules = Text { required: false, least: 0, most: 320, form: Form::Email, patterns: &[] };
        for good in ["", "a@b", "anna.berg+x@mail.example.org", "jürgen@müller.example"] {
            assert_eq!(told(|at, out| text(at, good, &rules, out)), [""; 0], "{good}");
        }
        for bad in ["a", "@b", "a@", "a@b@c", "a b@c", "a@b..c", "a@-b", "a@b.", "a@b\n"] {
            let refused = told(|at, out| text(at, bad, &rules, out));
            assert_eq!(refused, ["must be an e-mail address"], "{bad}");
        }
    }

    #[test]
    fn a_shortest_length_holds_for_the_empty_string_too() {
        let rules = Text { required: false, least: 2, most: 3, form: Form::Any, patterns: &[] };
        assert_eq!(told(|at, out| text(at, "", &rules, out)), ["must have at least 2 characters"]);
        assert_eq!(told(|at, out| text(at, "ü", &rules, out)), ["must have at least 2 characters, has 1"]);
        assert_eq!(told(|at, out| text(at, "üü", &rules, out)), [""; 0]);
    }

    #[test]
    fn refused_values_and_too_few_items_are_told() {
        assert_eq!(told(|at, out| choice(at, 2, true, false, &[2], out)), ["must not be the value 2"]);
        let few = told(|at, out| assert!(items(at, 1, false, 2, 9, out)));
        assert_eq!(few, ["must have at least 2 items, has 1"]);
    }
}
