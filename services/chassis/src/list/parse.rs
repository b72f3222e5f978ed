//! The filter language of AIP-160: text in, a tree out, or the column where it went wrong.
//!
//! ```text
//! expression = factor { [AND] factor }          a space alone means AND
//! factor     = term { OR term }                 OR binds tighter than AND
//! term       = [NOT | -] ( "(" expression ")" | restriction )
//! restriction= field comparator value | value   a value alone is looked for in every text field
//! ```
//!
//! Functions and comparisons between two fields are not part of it. Input is bounded in length,
//! depth and number of comparisons, so that no filter costs more than its answer.

use super::ListError;
use super::filter::{Comparator, Filter, Literal};
use super::scan::{Scanner, refuse};

/// The longest filter, in bytes.
pub(super) const MAX_LENGTH: usize = 8_192;
/// The deepest nesting of parentheses.
pub(super) const MAX_DEPTH: usize = 16;
/// The most comparisons in one filter.
pub(super) const MAX_RESTRICTIONS: usize = 100;

impl Filter {
    /// Parses a filter; white space alone is the filter that lets every row pass.
    ///
    /// # Errors
    /// [`ListError::Filter`] with the column and what was expected there.
    pub fn parse(text: &str) -> Result<Self, ListError> {
        if text.len() > MAX_LENGTH {
            let message = format!("the filter has {} bytes; at most {MAX_LENGTH} are read", text.len());
            return Err(refuse(1, message));
        }
        let mut parser = Parser { scanner: Scanner::new(text), depth: 0, restrictions: 0 };
        if parser.scanner.peek_after_space().is_none() {
            return Ok(Self::All(Vec::new()));
        }
        let filter = parser.expression()?;
        match parser.scanner.peek_after_space() {
            None => Ok(filter),
            Some(_) => Err(parser.expected("AND, OR or the end")),
        }
    }
}

struct Parser {
    scanner: Scanner,
    depth: usize,
    restrictions: usize,
}

impl Parser {
    fn expression(&mut self) -> Result<Filter, ListError> {
        let mut all = vec![self.factor()?];
        loop {
            match self.scanner.peek_after_space() {
                None | Some(')') => break,
                Some(_) => {
                    self.scanner.take_keyword("AND");
                    all.push(self.factor()?);
                }
            }
        }
        Ok(one_or(all, Filter::All))
    }

    fn factor(&mut self) -> Result<Filter, ListError> {
        let mut any = vec![self.term()?];
        while self.scanner.take_keyword("OR") {
            any.push(self.term()?);
        }
        Ok(one_or(any, Filter::Any))
    }

    fn term(&mut self) -> Result<Filter, ListError> {
        let negated = self.scanner.take_keyword("NOT") || self.scanner.take('-');
        let term = self.simple()?;
        Ok(if negated { Filter::Not(Box::new(term)) } else { term })
    }

    fn simple(&mut self) -> Result<Filter, ListError> {
        self.scanner.peek_after_space();
        let column = self.scanner.column();
        if !self.scanner.take('(') {
            return self.restriction();
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(refuse(column, format!("parentheses may be nested {MAX_DEPTH} deep at most")));
        }
        let inner = self.expression()?;
        if !self.scanner.take(')') {
            return Err(self.expected(&format!("`)` for the `(` at column {column}")));
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn restriction(&mut self) -> Result<Filter, ListError> {
        let column = self.scanner.column();
        self.restrictions += 1;
        if self.restrictions > MAX_RESTRICTIONS {
            return Err(refuse(column, format!("a filter may hold {MAX_RESTRICTIONS} comparisons at most")));
        }
        if let Some('"' | '\'') = self.scanner.peek() {
            let literal = self.scanner.quoted()?;
            return match self.scanner.comparator()? {
                None => Ok(Filter::Anywhere(literal)),
                Some(_) => Err(refuse(column, "a field's name is written without quotes")),
            };
        }
        let field = self.scanner.word(":");
        if field.is_empty() || is_keyword(&field) {
            let message = "expected a field's name, a value or `(`";
            return Err(refuse(
                column,
                if field.is_empty() {
                    format!("{message}; {}", self.scanner.found())
                } else {
                    format!("{message}; found the keyword {field}")
                },
            ));
        }
        if self.scanner.peek() == Some('(') {
            return Err(refuse(column, "functions are not supported; compare a field with a value"));
        }
        match self.scanner.comparator()? {
            Some(comparator) => {
                check_path(&field, column)?;
                Ok(Filter::Compare { column, field, comparator, value: self.value(comparator)? })
            }
            None if is_keyword(&field.to_ascii_uppercase()) => {
                Err(refuse(column, format!("write {} in capitals", field.to_ascii_uppercase())))
            }
            None => self.literal(field, column).map(Filter::Anywhere),
        }
    }

    fn value(&mut self, comparator: Comparator) -> Result<Literal, ListError> {
        let next = self.scanner.peek_after_space();
        let column = self.scanner.column();
        let sign = comparator.sign();
        let literal = match next {
            Some('"' | '\'') => self.scanner.quoted()?,
            Some('(') => {
                return Err(refuse(column, format!("expected one value after `{sign}`; join several by OR")));
            }
            _ => {
                let word = self.scanner.word("");
                if word.is_empty() || is_keyword(&word) {
                    let message = format!("expected a value after `{sign}`");
                    return Err(refuse(
                        column,
                        if word.is_empty() {
                            format!("{message}; {}", self.scanner.found())
                        } else {
                            format!("{message}; put the keyword {word} in quotes if it is meant as text")
                        },
                    ));
                }
                self.literal(word, column)?
            }
        };
        match self.scanner.peek() {
            Some(c) if c != ')' && !c.is_whitespace() => Err(refuse(
                self.scanner.column(),
                format!("expected a space after the value, found `{c}`; values with signs stand in quotes"),
            )),
            _ => Ok(literal),
        }
    }

    fn literal(&self, word: String, column: usize) -> Result<Literal, ListError> {
        match word.contains('\0') {
            true => Err(refuse(column, "a text cannot hold the character U+0000")),
            false => Ok(Literal::bare(column, &word)),
        }
    }

    fn expected(&mut self, what: &str) -> ListError {
        let found = self.scanner.found();
        refuse(self.scanner.column(), format!("expected {what}; {found}"))
    }
}

fn one_or(mut filters: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match filters.len() {
        1 => filters.swap_remove(0),
        _ => many(filters),
    }
}

fn is_keyword(word: &str) -> bool {
    matches!(word, "AND" | "OR" | "NOT")
}

/// A path is names joined by dots: letters, digits and `_`, not a digit first.
fn check_path(path: &str, column: usize) -> Result<(), ListError> {
    let mut at = column;
    for name in path.split('.') {
        let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.is_empty() || !letters || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(refuse(at, "expected a field's name: letters, digits and _, joined by dots"));
        }
        at += name.chars().count() + 1;
    }
    Ok(())
}
