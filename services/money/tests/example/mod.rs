//! Reads the notation of `worked_examples.txt`. A row it does not understand is a panic, so that no
//! expectation is skipped unseen.

use dealflow_money::{Adjustment, Amount, Currency, DocumentAdjustment, DocumentInput, LineInput, Vat, VatCategory};
use rust_decimal::Decimal;

/// One document and what was computed for it by hand.
pub(crate) struct Example {
    pub(crate) title: String,
    pub(crate) document: DocumentInput,
    pub(crate) nets: Vec<String>,
    pub(crate) groups: Vec<String>,
    /// BR-CO-10 to BR-CO-16.
    pub(crate) sums: Vec<String>,
}

impl Example {
    pub(crate) fn read_all(table: &str) -> Vec<Self> {
        table.split("\n== ").skip(1).map(Self::read).collect()
    }

    /// Nets, groups and sums in one list.
    pub(crate) fn expected(&self) -> Vec<String> {
        [&self.nets[..], &self.groups, &self.sums].concat()
    }

    fn read(text: &str) -> Self {
        let (title, rows) = text.split_once('\n').expect("a title, then rows");
        // Indented rows are the working by hand.
        let mut rows = rows.lines().filter(|row| !row.is_empty() && !row.starts_with(' '));
        let currency = rows.next().and_then(|code| Currency::parse(code).ok());
        let currency = currency.unwrap_or_else(|| panic!("{title}: no currency"));
        let mut example = Self {
            title: title.to_owned(),
            document: DocumentInput::new(currency, Vec::new()),
            nets: Vec::new(),
            groups: Vec::new(),
            sums: Vec::new(),
        };
        for row in rows {
            example.read_row(&row.split_whitespace().collect::<Vec<_>>());
        }
        assert_eq!(example.sums.len(), 7, "{title}: BR-CO-10 to BR-CO-16");
        example
    }

    fn read_row(&mut self, row: &[&str]) {
        match row {
            ["line", line @ .., "->", net] => {
                let id = (self.document.lines.len() + 1).to_string();
                self.document.lines.push(read_line(id, line));
                self.nets.push((*net).to_owned());
            }
            ["less", rest @ ..] => self.document.allowances.push(read_header(rest)),
            ["plus", rest @ ..] => self.document.charges.push(read_header(rest)),
            ["prepaid", amount] => self.document.prepaid = decimal(amount),
            ["rounding", amount] => self.document.rounding = decimal(amount),
            ["group", group @ ..] => self.groups.push(group.join(" ")),
            ["10:", a, "11:", b, "12:", c, "13:", d, "14:", e, "15:", f, "16:", g] => {
                self.sums = [a, b, c, d, e, f, g].map(ToString::to_string).to_vec();
            }
            other => panic!("not understood: {other:?}"),
        }
    }
}

fn read_line(id: String, words: &[&str]) -> LineInput {
    let (quantity, price, base, rest) = match words {
        [quantity, "x", price, "/", base, rest @ ..] => (quantity, price, *base, rest),
        [quantity, "x", price, rest @ ..] => (quantity, price, "1", rest),
        other => panic!("not understood: {other:?}"),
    };
    let [category, rate, adjustments @ ..] = rest else { panic!("no VAT: {words:?}") };
    let mut line = LineInput::new(id, decimal(quantity), decimal(price), vat(category, rate));
    line.base_quantity = decimal(base);
    let mut rest = adjustments;
    while let [kind, amount, after @ ..] = rest {
        let (amount, after) = read_amount(amount, after);
        let adjustment = Adjustment { amount, reason: (*kind).to_owned() };
        match *kind {
            "less" => line.allowances.push(adjustment),
            "plus" => line.charges.push(adjustment),
            other => panic!("not understood: {other}"),
        }
        rest = after;
    }
    assert!(rest.is_empty(), "not understood: {rest:?}");
    line
}

fn read_header(words: &[&str]) -> DocumentAdjustment {
    let (amount, rest) = read_amount(words[0], &words[1..]);
    let vat = match rest {
        ["split"] => None,
        [category, rate] => Some(vat(category, rate)),
        other => panic!("not understood: {other:?}"),
    };
    DocumentAdjustment { amount, reason: "header".to_owned(), vat }
}

fn read_amount<'r, 'w>(amount: &str, rest: &'r [&'w str]) -> (Amount, &'r [&'w str]) {
    match rest {
        ["%", rest @ ..] => (Amount::Percent(decimal(amount)), rest),
        rest => (Amount::Fixed(decimal(amount)), rest),
    }
}

fn vat(category: &str, rate: &str) -> Vat {
    let category = VatCategory::parse(category).expect("a category");
    Vat::new(category, decimal(rate))
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}
