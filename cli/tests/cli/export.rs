//! Documents as files from the command line.

use super::{run, run_on};

/// R-INV-3: the help names the forms, and what is not there is said by its number.
#[test]
fn a_document_that_is_not_there_is_not_exported() {
    let help = run(&["invoice", "export", "--help"]);
    assert_eq!(help.code, Some(0), "{}", help.err);
    for part in ["ubl", "pdf", "--out", "dealflow seller set"] {
        assert!(help.out.contains(part), "no {part} in {}", help.out);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let none = run_on(folder.path(), &["invoice", "export", "INV-9", "--format", "pdf"]);
    assert_eq!(none.code, Some(1), "{}", none.err);
    assert!(none.err.contains("none of the invoices has the number `INV-9`"), "{}", none.err);
}
