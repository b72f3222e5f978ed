//! The tree a filter parses into. The grammar is in `parse.rs`.

/// A parsed filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these; the empty filter is all of nothing and lets every row pass.
    All(Vec<Filter>),
    /// At least one of these.
    Any(Vec<Filter>),
    /// Every row this one does not match, rows without the field among them.
    Not(Box<Filter>),
    /// A field compared with a value.
    Compare {
        /// Where the field's name begins.
        column: usize,
        /// The field's path, dots and all.
        field: String,
        /// How it is compared.
        comparator: Comparator,
        /// With what.
        value: Literal,
    },
    /// A value alone: any text field may contain it.
    Anywhere(Literal),
}

/// How a field is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `:`, contains; with `*` alone, is present
    Has,
}

impl Comparator {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Has => ":",
        }
    }
}

/// A value as written in a filter. What it means is decided by the field it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// Where it begins.
    pub column: usize,
    /// Whether it stood in quotes.
    pub quoted: bool,
    /// The text between the wildcards: one piece when there is no `*`.
    pub pieces: Vec<String>,
}

impl Literal {
    pub(super) fn bare(column: usize, word: &str) -> Self {
        Self { column, quoted: false, pieces: word.split('*').map(str::to_owned).collect() }
    }

    /// The value with its wildcards as stars.
    pub fn text(&self) -> String {
        self.pieces.join("*")
    }

    /// `*` alone and unquoted: any value at all.
    pub fn is_presence(&self) -> bool {
        !self.quoted && self.text() == "*"
    }

    pub(super) fn push(&mut self, c: char) {
        match self.pieces.last_mut() {
            Some(piece) => piece.push(c),
            None => self.pieces.push(c.into()),
        }
    }
}
