//! Every requirement of the spine is named by a test that shows it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What the spine promises.
const SPINE: &[&str] = &[
    "R-LED-1", "R-LED-2", "R-LED-3", "R-LED-4", "R-LED-5", "R-LED-6", "R-ACC-1", "R-ACC-2", "R-ACC-3", "R-OPP-1",
    "R-OPP-2", "R-OPP-3", "R-OPP-4", "R-OPP-5", "R-OPP-6", "R-STG-1", "R-STG-2", "R-STG-3", "R-STG-4", "R-STG-5",
    "R-PRC-1", "R-PRC-2", "R-PRC-3", "R-PRC-4", "R-ANA-1", "R-ACT-1", "R-ACT-2", "R-ACT-3", "R-ACT-4", "R-ACT-5",
    "R-ACT-6", "R-ACT-7", "R-PRD-1", "R-QUO-1", "R-QUO-2", "R-QUO-3", "R-QUO-4", "R-CON-1", "R-ORD-1", "R-INV-1",
    "R-INV-2", "R-INV-3", "R-FLW-1", "R-FLW-2", "R-FLW-3", "R-ERP-1", "R-API-1", "R-API-2", "R-API-3", "R-SEC-1",
];

#[test]
fn every_requirement_of_the_spine_is_named_in_a_test() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace");
    let mut named = BTreeSet::new();
    in_tests(workspace, false, &mut named);
    let missing: Vec<_> = SPINE.iter().filter(|id| !named.contains(**id)).collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
}

/// The ids that the files below `tests` folders name; this file, which names them all, is not asked.
fn in_tests(folder: &Path, of_tests: bool, named: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                in_tests(&path, of_tests || name == "tests", named);
            }
        } else if path.extension().is_some_and(|kind| kind == "rs") && name != "requirements.rs" {
            let text = fs::read_to_string(&path).expect("the source is text");
            // Unit tests stand at the end of the file that they test.
            let tests =
                if of_tests { Some(text.as_str()) } else { text.split_once("#[cfg(test)]").map(|(_, tests)| tests) };
            named.extend(tests.into_iter().flat_map(ids));
        }
    }
}

/// `R-XXX-n`, wherever it stands; in the name of a function `r_xxx_n`.
fn ids(text: &str) -> impl Iterator<Item = String> + '_ {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    text.split(word).filter_map(|word| {
        let parts: Vec<String> = word.split(['-', '_']).map(str::to_ascii_uppercase).collect();
        let [first, area, number, ..] = parts.as_slice() else { return None };
        let is_id = first == "R" && area.len() == 3 && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        is_id.then(|| format!("R-{area}-{number}"))
    })
}
