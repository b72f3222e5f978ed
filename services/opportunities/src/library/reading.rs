//! A tree into values: what is missing, misspelt or not known is noted, and reading goes on.

use super::definition::{At, Fault};
use super::text::Text;
use super::tree::{Kind, Node};

/// The most characters of a text in a definition.
const MAX_TEXT: usize = 4000;

/// Reads the parts of one file, and keeps what is wrong in it.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) faults: Vec<Fault>,
}

/// The names and values at one place of a file.
pub(super) struct Entries<'a> {
    line: u64,
    column: u64,
    entries: &'a [(At<String>, Node)],
}

impl Reader {
    /// Notes what is wrong at a place.
    pub(super) fn fault<T>(&mut self, at: &At<T>, reason: impl Into<String>) {
        self.faults.push(Fault { line: at.line, column: at.column, reason: reason.into() });
    }

    /// The names and values of a part; a name that is not known is a fault.
    pub(super) fn entries<'a>(&mut self, node: &'a Node, what: &str, known: &[&str]) -> Entries<'a> {
        let entries = match &node.value {
            Kind::Map(entries) => entries.as_slice(),
            _ => {
                self.fault(node, format!("{what} is names with values: {}", known.join(", ")));
                &[]
            }
        };
        for (name, _) in entries.iter().filter(|(name, _)| !known.contains(&name.value.as_str())) {
            self.fault(name, format!("{what} knows no `{}`; it knows {}", name.value, known.join(", ")));
        }
        Entries { line: node.line, column: node.column, entries }
    }

    /// A value that must be there.
    pub(super) fn need<'a>(&mut self, of: &Entries<'a>, name: &str) -> Option<&'a Node> {
        let found = of.get(name).filter(|node| node.value != Kind::Empty);
        if found.is_none() {
            let at = At { value: (), line: of.line, column: of.column };
            self.fault(&at, format!("`{name}` is missing here"));
        }
        found
    }

    /// A word.
    pub(super) fn word(&mut self, node: &Node) -> Option<At<String>> {
        match &node.value {
            Kind::Word(word) => Some(At { value: word.clone(), line: node.line, column: node.column }),
            _ => {
                self.fault(node, "a word is expected here");
                None
            }
        }
    }

    /// A word that must be there and can stand in a resource name or a key.
    pub(super) fn slug(&mut self, of: &Entries<'_>, name: &str) -> At<String> {
        let Some(word) = self.need(of, name).and_then(|node| self.word(node)) else {
            return At { value: String::new(), line: of.line, column: of.column };
        };
        if !is_slug(&word.value) {
            self.fault(&word, format!("`{}` is no id: 1 to 60 of a-z, 0-9, `-`, `_`", word.value));
        }
        word
    }

    /// One of some words.
    pub(super) fn one_of<T: Copy>(&mut self, node: &Node, all: &[T], as_str: fn(T) -> &'static str) -> Option<T> {
        let word = self.word(node)?;
        let found = all.iter().copied().find(|it| as_str(*it) == word.value);
        if found.is_none() {
            let known: Vec<&str> = all.iter().map(|it| as_str(*it)).collect();
            self.fault(&word, format!("`{}` is none of {}", word.value, known.join(", ")));
        }
        found
    }

    /// A number in a range.
    pub(super) fn number(&mut self, node: &Node, range: std::ops::RangeInclusive<i32>) -> Option<i32> {
        let word = self.word(node)?;
        let number = word.value.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            self.fault(&word, format!("`{}` is no number from {least} to {most}", word.value));
        }
        number
    }

    /// True or false; what it is where nothing is said.
    pub(super) fn flag(&mut self, of: &Entries<'_>, name: &str, unsaid: bool) -> bool {
        let Some(node) = of.get(name) else { return unsaid };
        match &node.value {
            Kind::Word(word) if word == "true" => true,
            Kind::Word(word) if word == "false" => false,
            _ => {
                self.fault(node, format!("`{name}` is true or false"));
                unsaid
            }
        }
    }

    /// The items of a list; none where nothing is said.
    pub(super) fn list<'a>(&mut self, of: &Entries<'a>, name: &str) -> &'a [Node] {
        match of.get(name).map(|node| (node, &node.value)) {
            None | Some((_, Kind::Empty)) => &[],
            Some((_, Kind::List(items))) => items,
            Some((node, _)) => {
                self.fault(node, format!("`{name}` is a list"));
                &[]
            }
        }
    }

    /// A text in both languages.
    pub(super) fn text(&mut self, node: &Node) -> Text {
        let entries = self.entries(node, "a text", &["en", "ru"]);
        let mut in_language = |language: &str| {
            let Some(word) = self.need(&entries, language).and_then(|node| self.word(node)) else {
                return String::new();
            };
            if word.value.trim().is_empty() || word.value.chars().count() > MAX_TEXT {
                self.fault(&word, format!("a text has 1 to {MAX_TEXT} characters"));
            }
            word.value
        };
        Text { en: in_language("en"), ru: in_language("ru") }
    }

    /// A text in both languages that must be there.
    pub(super) fn need_text(&mut self, of: &Entries<'_>, name: &str) -> Text {
        self.need(of, name).map(|node| self.text(node)).unwrap_or_default()
    }
}

impl<'a> Entries<'a> {
    /// A value, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(known, _)| known.value == name).map(|(_, node)| node)
    }
}

/// Whether a word can stand in a resource name or a key.
pub(crate) fn is_slug(word: &str) -> bool {
    let letter = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-_".contains(&it);
    (1..=60).contains(&word.len()) && word.bytes().all(letter)
}
