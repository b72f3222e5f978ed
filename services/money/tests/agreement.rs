//! Two results compared to the cent under the names of the rules; lines and totals as stored JSON.

use dealflow_money::{
    Amount, Currency, Difference, DocumentAdjustment, DocumentInput, LineInput, Totals, Vat, VatCategory, compute,
};
use rust_decimal::dec;

fn document() -> DocumentInput {
    let euro = Currency::parse("EUR").expect("EUR is a currency");
    let vat = Vat::new(VatCategory::S, dec!(19));
    let reduced = Vat::new(VatCategory::S, dec!(7));
    let mut document = DocumentInput::new(
        euro,
        vec![LineInput::new("1", dec!(3), dec!(19.99), vat), LineInput::new("2", dec!(1), dec!(5), reduced)],
    );
    document.allowances.push(DocumentAdjustment {
        amount: Amount::Percent(dec!(10)),
        reason: "spring".to_owned(),
        vat: None,
    });
    document
}

fn totals() -> Totals {
    compute(&document()).expect("a good document")
}

#[test]
fn equal_totals_have_no_differences() {
    assert_eq!(totals().differences(&totals()), []);
}

#[test]
fn a_cent_in_one_total_is_told_by_its_rule() {
    let expected = totals();
    let mut claimed = totals();
    claimed.total_with_vat += 1;
    assert_eq!(
        expected.differences(&claimed),
        [Difference {
            rule: "BR-CO-15",
            field: "total_with_vat".to_owned(),
            expected: Some(expected.total_with_vat),
            actual: Some(expected.total_with_vat + 1),
        }]
    );
}

#[test]
fn a_group_moved_to_another_category_is_missing_there_and_surplus_here() {
    let expected = totals();
    let mut claimed = totals();
    claimed.vat[0].category = VatCategory::E;
    let differences = expected.differences(&claimed);
    let told: Vec<_> = differences.iter().map(|told| (told.field.as_str(), told.expected, told.actual)).collect();
    let (taxable, tax) = (expected.vat[0].taxable, expected.vat[0].tax);
    assert_eq!(
        told,
        [
            ("vat[S 7].taxable", Some(taxable), None),
            ("vat[S 7].tax", Some(tax), None),
            ("vat[E 7].taxable", None, Some(taxable)),
            ("vat[E 7].tax", None, Some(tax)),
        ]
    );
}

#[test]
fn a_missing_line_is_told() {
    let mut claimed = totals();
    claimed.lines.pop();
    let differences = totals().differences(&claimed);
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].field, "lines[1].net");
    assert_eq!(differences[0].actual, None);
}

#[test]
fn amounts_of_two_currencies_are_not_compared() {
    let mut claimed = totals();
    claimed.currency = Currency::parse("USD").expect("USD is a currency");
    let differences = totals().differences(&claimed);
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].rule, "BT-5");
}

#[test]
fn a_stored_document_is_read_back_as_it_was() {
    let json = serde_json::to_string(&document()).expect("it is written");
    assert!(json.contains(r#""unit_price":"19.99""#), "{json}");
    assert!(json.contains(r#""currency":"EUR""#), "{json}");
    assert!(json.contains(r#"{"percent":"10"}"#), "{json}");
    let back: DocumentInput = serde_json::from_str(&json).expect("it is read");
    assert_eq!(back, document());

    let json = serde_json::to_string(&totals()).expect("it is written");
    let back: Totals = serde_json::from_str(&json).expect("it is read");
    assert_eq!(back, totals());
}

#[test]
fn a_stored_line_may_leave_out_what_has_a_default_and_no_unknown_currency_comes_in() {
    let line: LineInput =
        serde_json::from_str(r#"{"id":"1","quantity":"3","unit_price":"19.99","vat":{"category":"S","rate":"19"}}"#)
            .expect("the rest has defaults");
    assert_eq!(line, document().lines[0]);
    let unknown = serde_json::from_str::<Currency>(r#""EUX""#);
    assert!(unknown.is_err());
}
