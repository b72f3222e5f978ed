//! Reads a filter character by character and knows the column it is at.
//!
//! Columns count characters from 1, so that a caller can put a mark under the place.

use super::ListError;
use super::filter::{Comparator, Literal};

/// Characters that end a word anywhere.
const BREAKS: &str = "()<>=!,\"'";

pub(super) struct Scanner {
    chars: Vec<char>,
    at: usize,
}

impl Scanner {
    pub(super) fn new(text: &str) -> Self {
        Self { chars: text.chars().collect(), at: 0 }
    }

    /// The present column, from 1.
    pub(super) fn column(&self) -> usize {
        self.at + 1
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Steps over white space and says what follows it.
    pub(super) fn peek_after_space(&mut self) -> Option<char> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.peek()
    }

    /// Takes `expected` if it is what follows.
    pub(super) fn take(&mut self, expected: char) -> bool {
        let there = self.peek() == Some(expected);
        self.at += usize::from(there);
        there
    }

    /// Takes `keyword` if it follows as a whole word.
    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        self.peek_after_space();
        let length = keyword.chars().count();
        let there = self.word_length(":") == length
            && self.chars[self.at..self.at + length].iter().copied().eq(keyword.chars());
        if there {
            self.at += length;
        }
        there
    }

    /// The characters up to white space, a break or one of `also`; may be empty.
    pub(super) fn word(&mut self, also: &str) -> String {
        let end = self.at + self.word_length(also);
        let word = self.chars[self.at..end].iter().collect();
        self.at = end;
        word
    }

    fn word_length(&self, also: &str) -> usize {
        let ends = |c: char| c.is_whitespace() || BREAKS.contains(c) || also.contains(c);
        self.chars[self.at..].iter().take_while(|c| !ends(**c)).count()
    }

    /// The comparator at this place, if one is.
    pub(super) fn comparator(&mut self) -> Result<Option<Comparator>, ListError> {
        let column = self.column();
        let found = match self.peek_after_space() {
            Some('=') => Comparator::Equal,
            Some(':') => Comparator::Has,
            Some('<') => Comparator::Less,
            Some('>') => Comparator::Greater,
            Some('!') => Comparator::NotEqual,
            _ => return Ok(None),
        };
        self.at += 1;
        let found = match found {
            Comparator::Less if self.take('=') => Comparator::LessOrEqual,
            Comparator::Greater if self.take('=') => Comparator::GreaterOrEqual,
            Comparator::NotEqual if !self.take('=') => {
                return Err(refuse(column, "expected != here, for \"is not equal to\""));
            }
            other => other,
        };
        Ok(Some(found))
    }

    /// A quoted string; the opening quote is next. `*` is a wildcard, `\*` the star itself.
    pub(super) fn quoted(&mut self) -> Result<Literal, ListError> {
        let column = self.column();
        let quote = self.peek();
        self.at += 1;
        let mut literal = Literal { column, quoted: true, pieces: vec![String::new()] };
        loop {
            let here = self.column();
            let Some(next) = self.peek() else {
                return Err(refuse(column, "this string has no closing quote"));
            };
            self.at += 1;
            match next {
                c if Some(c) == quote => return Ok(literal),
                '\\' => literal.push(self.escaped(here)?),
                '*' => literal.pieces.push(String::new()),
                '\0' => return Err(refuse(here, "a text cannot hold the character U+0000")),
                c => literal.push(c),
            }
        }
    }

    fn escaped(&mut self, column: usize) -> Result<char, ListError> {
        let escape = self.peek();
        self.at += 1;
        match escape {
            Some(c @ ('"' | '\'' | '\\' | '*')) => Ok(c),
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some('u') => {
                let end = (self.at + 4).min(self.chars.len());
                let digits: String = self.chars[self.at..end].iter().collect();
                self.at = end;
                u32::from_str_radix(&digits, 16)
                    .ok()
                    .filter(|code| digits.len() == 4 && *code != 0)
                    .and_then(char::from_u32)
                    .ok_or_else(|| refuse(column, "expected \\u and four hexadecimal digits of a character"))
            }
            _ => Err(refuse(column, "expected one of \\\" \\' \\\\ \\* \\n \\r \\t \\uXXXX")),
        }
    }

    /// What stands here, for a message.
    pub(super) fn found(&mut self) -> String {
        match self.peek_after_space() {
            Some(c) => format!("found `{c}`"),
            None => "the filter ends here".to_owned(),
        }
    }
}

/// A refusal of the filter at `column`.
pub(super) fn refuse(column: usize, message: impl Into<String>) -> ListError {
    ListError::Filter { column, message: message.into() }
}
