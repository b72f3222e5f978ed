//! Documents with totals computed by hand (`worked_examples.txt`), each asserted to the cent: line
//! nets, VAT groups and the sums of BR-CO-10 to BR-CO-17. R-PRD-1, R-QUO-1.

mod example;

use dealflow_money::{Totals, compute};
use example::Example;

const TABLE: &str = include_str!("worked_examples.txt");

#[test]
fn every_worked_example_comes_out_as_by_hand() {
    let examples = Example::read_all(TABLE);
    assert!(examples.len() >= 20, "only {} were read", examples.len());
    let wrong: Vec<String> = examples.iter().filter_map(disagreement).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_worked_example_with_a_wrong_cent_is_noticed() {
    let mut example = Example::read_all(TABLE).remove(0);
    example.sums[5] = "71.37".to_owned();
    let text = disagreement(&example).expect("71.36 is not 71.37");
    assert!(text.contains("71.37"), "{text}");
}

/// What was expected and what came, if they differ.
fn disagreement(example: &Example) -> Option<String> {
    let totals = match compute(&example.document) {
        Ok(totals) => totals,
        Err(error) => return Some(format!("{}: {error}", example.title)),
    };
    let (expected, actual) = (example.expected(), printed(&totals));
    (expected != actual).then(|| format!("{}\nexpected {expected:#?}\nactual {actual:#?}", example.title))
}

/// Everything the table states, written as the table writes it.
fn printed(totals: &Totals) -> Vec<String> {
    let text = |minor: i64| totals.money(minor).to_decimal().to_string();
    let nets = totals.lines.iter().map(|line| text(line.net));
    let groups = totals.vat.iter().map(|group| {
        let (taxable, tax) = (text(group.taxable), text(group.tax));
        format!("{} {} {taxable} {tax}", group.category, group.rate)
    });
    let sums = [
        totals.sum_of_lines,
        totals.allowances,
        totals.charges,
        totals.total_without_vat,
        totals.total_vat,
        totals.total_with_vat,
        totals.payable,
    ];
    nets.chain(groups).chain(sums.map(text)).collect()
}
