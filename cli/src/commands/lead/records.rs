//! The records of a CSV file, of one with quotes that nobody closed too.
//!
//! A quote that is not closed would make one field of all that follows. So a record ends early, as a fault, where its
//! quote can be no right one: at the end of the file, after far too much, or where a quote that stands lines further on
//! is followed by more text and so did not mean to close it. Reading then goes on in the line after the one in which
//! the quote opened. Quotes within fields that have none at their beginning stand for themselves, as in `5" pipe`.

/// The fields of one record.
pub(super) type Record = Vec<Vec<u8>>;

/// A record with more bytes than this in lines of its own is none: a quote was not closed.
const MAX_BYTES: usize = 1024 * 1024;
/// So is one with as many times the header's fields, in several lines.
const MAX_TIMES: usize = 4;

/// A record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Which field is at fault, counted from 0.
    pub(super) field: usize,
    /// What is wrong.
    pub(super) reason: String,
}

/// Reads record after record; empty lines are passed over.
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    /// How many fields a record should have.
    width: usize,
    /// Where the next record begins.
    at: usize,
    /// The line of the file in which that is, counted from 1.
    line: usize,
    /// Records that begin before this were within a quote that nobody closed.
    doubtful_until: usize,
}

/// How far the reading of a field has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Plain,
    Quotes,
    /// A quote within quotes: the end of them, or the first of a pair that stands for one.
    Quote,
}

impl<'a> Records<'a> {
    /// The records of a file.
    pub(super) fn new(bytes: &'a [u8], delimiter: u8) -> Self {
        Self { bytes, delimiter, width: usize::MAX / MAX_TIMES, at: 0, line: 1, doubtful_until: 0 }
    }

    /// The header says how many fields a record has.
    pub(super) fn expect(&mut self, width: usize) {
        self.width = width;
    }

    fn go_to(&mut self, at: usize) {
        self.line += breaks(&self.bytes[self.at..at]);
        self.at = at;
    }

    /// Reads the record that begins here; answers it, and where the next one begins.
    fn read(&self) -> (Result<Record, Fault>, usize, usize) {
        let (mut fields, mut field) = (Record::new(), Vec::new());
        let (mut within, mut opened) = (Within::Nothing, self.at);
        // The first quote that went on into another line, and the first field with a quote in its middle.
        let (mut first, mut stray) = (None, None);
        for (at, byte) in self.bytes.iter().copied().enumerate().skip(self.at) {
            let is_break = byte == b'\n' || byte == b'\r';
            match (within, byte) {
                (Within::Nothing, b'"') => (within, opened) = (Within::Quotes, at),
                (Within::Quotes, b'"') => within = Within::Quote,
                (Within::Quote, b'"') => {
                    field.push(byte);
                    within = Within::Quotes;
                }
                (Within::Quotes, _) => {
                    field.push(byte);
                    let first = if is_break { *first.get_or_insert((fields.len(), opened)) } else { (0, 0) };
                    let far = at - self.at > MAX_BYTES || fields.len() >= self.width.saturating_mul(MAX_TIMES);
                    if is_break && far {
                        return self.unclosed(first, at);
                    }
                }
                (_, byte) if byte == self.delimiter => {
                    fields.push(std::mem::take(&mut field));
                    within = Within::Nothing;
                }
                _ if is_break => {
                    fields.push(field);
                    return (self.trusted(fields, stray), at, at);
                }
                (Within::Quote, _) if first.is_some() => return self.unclosed((fields.len(), opened), at),
                _ => {
                    if byte == b'"' {
                        stray.get_or_insert(fields.len());
                    }
                    field.push(byte);
                    within = Within::Plain;
                }
            }
        }
        let end = self.bytes.len();
        if within == Within::Quotes {
            return self.unclosed((fields.len(), opened), end);
        }
        fields.push(field);
        (self.trusted(fields, stray), end, end)
    }

    /// A record is not believed that may be the end of one whose quote was taken for not closed.
    fn trusted(&self, fields: Record, stray: Option<usize>) -> Result<Record, Fault> {
        match stray {
            Some(field) if self.at < self.doubtful_until => {
                let reason = "a quote stands in the middle; does it close one of a row before?".to_owned();
                Err(Fault { field, reason })
            }
            _ => Ok(fields),
        }
    }

    /// A quote that opened here, in this field, and until there was not closed.
    fn unclosed(&self, (field, opened): (usize, usize), until: usize) -> (Result<Record, Fault>, usize, usize) {
        let line = self.line + breaks(&self.bytes[self.at..opened]);
        let rest = &self.bytes[opened..];
        let next =
            rest.iter().position(|byte| *byte == b'\n' || *byte == b'\r').map_or(self.bytes.len(), |at| opened + at);
        let reason = format!("the quote that opens in line {line} is not closed");
        (Err(Fault { field, reason }), next, until)
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let blank = self.bytes[self.at..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        self.go_to(self.at + blank);
        if self.at >= self.bytes.len() {
            return None;
        }
        let (record, next, doubtful_until) = self.read();
        self.go_to(next);
        self.doubtful_until = self.doubtful_until.max(doubtful_until);
        Some(record)
    }
}

/// Line ends of all kinds.
fn breaks(bytes: &[u8]) -> usize {
    let lone = |at: usize| bytes[at] == b'\n' || bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    (0..bytes.len()).filter(|at| lone(*at)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let mut records = Records::new(text.as_bytes(), b',');
        records.expect(3);
        let text = |record: Record| {
            record.into_iter().map(|field| String::from_utf8_lossy(&field).into_owned()).collect::<Vec<_>>().join("|")
        };
        records.map(|it| it.map_or_else(|fault| format!("{}: {}", fault.field, fault.reason), text)).collect()
    }

    #[test]
    fn quotes_hold_delimiters_lines_and_quotes() {
        assert_eq!(told("a,\"b,\n\"\"c\"\"\",d\r\n\r\n5\" pipe,,\"\"\re"), ["a|b,\n\"c\"|d", "5\" pipe||", "e"]);
        assert_eq!(told("\"a\" b,c,d\n"), ["a b|c|d"], "in one line it is clear what was meant");
    }

    #[test]
    fn a_quote_that_is_not_closed_costs_its_own_row_only() {
        let lost = "1: the quote that opens in line 2 is not closed";
        assert_eq!(told("a,b,c\nd,\"e,f\ng,h,i\nj,k,l\n"), ["a|b|c", lost, "g|h|i", "j|k|l"]);
        assert_eq!(told("a,b,c\nd,\"e,f\ng,\"h\",i\nj,k,l\n"), ["a|b|c", lost, "g|h|i", "j|k|l"]);
        assert_eq!(told("a,b,c\r\nd,\"e,f\r\n\"g\",h,i"), ["a|b|c", lost, "g|h|i"]);
        assert_eq!(told("a,b,c\nd,\"e,f\ng,\"h,i\nj,k,l\n")[2], "1: the quote that opens in line 3 is not closed");
    }

    #[test]
    fn the_rest_of_a_field_of_several_lines_is_no_row() {
        let told = told("\"Berg\nS\u{f6}hne\" AG,b,c\nd,e,f\n");
        assert_eq!(told[0], "0: the quote that opens in line 1 is not closed");
        assert!(told[1].starts_with("0: a quote stands in the middle"), "{told:?}");
        assert_eq!(told[2..], ["d|e|f"]);
    }

    #[test]
    fn a_great_file_of_lone_quotes_is_read_in_a_moment() {
        let text = "x\",y,\"z\n".repeat(100_000);
        assert!(told(&text).len() >= 100_000 / 4);
    }
}
