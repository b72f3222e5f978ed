//! Every file keeps every rule (R-INV-3): thousands of random documents, read back by the rules' own reader.

mod generate;
mod rules;

use dealflow_documents::{Document, Kind, Refusal, ubl};
use dealflow_money::MoneyError;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

/// The file, or `None` where the document is refused as it must be.
fn written(document: &Document) -> Option<String> {
    match ubl(document) {
        Ok(xml) => Some(xml),
        Err(Refusal::Arithmetic(MoneyError::Overflow { .. } | MoneyError::Unsplittable { .. })) => None,
        Err(Refusal::Incomplete(findings)) => {
            let of_decimals = findings.iter().all(|finding| finding.rule.starts_with("BR-DEC"));
            let taken_back = findings.iter().all(|finding| finding.rule.starts_with("PEPPOL-T01-R0"));
            let expected = match document.kind {
                Kind::OrderConfirmation => taken_back || document.currency.code() == "KWD",
                _ => of_decimals && document.currency.code() == "KWD",
            };
            assert!(expected, "{findings:?}");
            None
        }
        Err(refusal) => panic!("{refusal}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_shrink_iters: 300, ..ProptestConfig::default() })]

    /// R-INV-3, BR-01 to BR-65, BR-CO-03 to BR-CO-26, BR-DEC, BR-S/Z/E/AE/IC/G/O/AF/AG, PEPPOL-EN16931-R: not one is
    /// broken by any document, and the same document gives the same bytes.
    #[test]
    fn no_file_breaks_a_rule(document in generate::document()) {
        if let Some(xml) = written(&document) {
            prop_assert_eq!(rules::broken(&xml), Vec::<String>::new(), "{}", xml);
            prop_assert_eq!(Some(xml), written(&document));
        }
    }
}

/// R-INV-3: the generator does make all that the property speaks of, so that it is not true of nothing.
#[test]
fn the_random_documents_are_of_every_kind() {
    let mut runner = TestRunner::deterministic();
    let mut seen = String::new();
    let mut files = 0;
    for _ in 0..400 {
        let document = generate::document().new_tree(&mut runner).expect("a document").current();
        if let Some(xml) = written(&document) {
            files += 1;
            seen.push_str(&xml);
        }
    }
    assert!(files > 250, "{files} of 400");
    for part in [
        "<CreditNote ",
        "<Invoice ",
        ">JPY<",
        ">HUF<",
        ">KWD<",
        ">AE<",
        ">K<",
        ">G<",
        ">O<",
        ">L<",
        ">M<",
        ">E<",
        ">Z<",
        "PrepaidAmount",
        "PayableRoundingAmount",
        "ChargeTotalAmount",
        "AllowanceTotalAmount",
        "MultiplierFactorNumeric",
        "PaymentDueDate",
        "&amp;",
        "&lt;",
        "Ромашка",
        "Ελλην",
        "🚀",
        "InvoicePeriod",
    ] {
        assert!(seen.contains(part), "no {part}");
    }
    let digits = seen.split("<cbc:PriceAmount currencyID=\"EUR\">").skip(1).any(|price| {
        price.chars().take_while(|character| *character != '<').filter(char::is_ascii_digit).count() >= 17
    });
    assert!(digits, "no 18 digits");
}

/// R-INV-3: files for the official validators, which `tests/ubl/official.sh` runs.
#[test]
#[ignore = "writes files into $DOCUMENTS_OUT for tests/ubl/official.sh"]
fn write_files_for_the_official_validators() {
    let folder = std::path::PathBuf::from(std::env::var_os("DOCUMENTS_OUT").expect("DOCUMENTS_OUT is a folder"));
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        prop::test_runner::TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha),
    );
    let mut files = 0;
    while files < 300 {
        let mut document = generate::document().new_tree(&mut runner).expect("a document").current();
        if files % 5 == 4 {
            document.kind = Kind::OrderConfirmation;
        }
        if let Some(xml) = written(&document).filter(|_| counts_in_doubles(&document)) {
            files += 1;
            std::fs::write(folder.join(format!("{files:04}.xml")), xml).expect("the file is written");
        }
    }
}

/// R-INV-3: what a suite has written, such as the documents of imported deals (`tests/ubl/imported.py`), breaks no rule.
#[test]
#[ignore = "reads the files of $DOCUMENTS_IN for tests/ubl/imported.py"]
fn files_of_a_folder_break_no_rule() {
    let folder = std::env::var_os("DOCUMENTS_IN").expect("DOCUMENTS_IN is a folder");
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    let mut broken = std::collections::BTreeMap::<String, (usize, std::path::PathBuf)>::new();
    for entry in std::fs::read_dir(folder).expect("it is read") {
        let path = entry.expect("it is listed").path();
        let xml = std::fs::read_to_string(&path).expect("it is read");
        let root = roxmltree::Document::parse(&xml).map(|it| it.root_element().tag_name().name().to_owned());
        let root = root.expect("it is XML");
        *kinds.entry(root.clone()).or_default() += 1;
        // EN 16931 is about bills; orders are for the official validators.
        for rule in if root == "Order" { Vec::new() } else { rules::broken(&xml) } {
            broken.entry(rule).or_insert((0, path.clone())).0 += 1;
        }
    }
    println!("{kinds:?} read, {} rules broken", broken.len());
    assert!(kinds.contains_key("Invoice") && broken.is_empty(), "{broken:#?}");
}

/// CEN's BR-S-08 subtracts 1 in binary floating point, so its file cannot judge amounts beyond 2^53.
fn counts_in_doubles(document: &Document) -> bool {
    let figures = dealflow_documents::Figures::of(document).expect("it was written");
    let totals = &figures.totals;
    let most = [totals.sum_of_lines, totals.total_with_vat, totals.allowances, totals.charges];
    most.into_iter().all(|amount| figures.decimal(amount).abs() < rust_decimal::Decimal::from(1i64 << 53))
}
