//! Where a value stands in a request.

use std::fmt;

use crate::Violation;

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
        Self { path, field, index: None, below: None }
    }

    /// One item of the repeated field `field`.
    pub(crate) fn item(path: &'a str, field: &'a str, index: usize) -> Self {
        Self { index: Some(index), ..Self::field(path, field) }
    }

    /// The field `below` of the message in `field`.
    pub(crate) fn below(path: &'a str, field: &'a str, below: &'a str) -> Self {
        Self { below: Some(below), ..Self::field(path, field) }
    }

    /// Notes what is wrong here.
    pub(crate) fn wrong(self, description: impl Into<String>, out: &mut Vec<Violation>) {
        out.push(Violation { field: self.to_string(), description: description.into() });
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
