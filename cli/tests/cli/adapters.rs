//! Adapters to real ERPs as parts of the program.

use super::run_on;
use super::serve::Serving;

const SELLERS: &str = r#"
sellers:
  default:
    legal_name: Nordlicht Handels GmbH
    country_code: AT
    vat_id: ATU12345678
    electronic_address: ATU12345678
    electronic_address_scheme: "9914"
    bank_account: AT611904300234573201
"#;

const MAPPING: &str = r#"
companies:
  default:
    company: Nordlicht Handels GmbH
    currencies: [EUR]
    taxes: [{category: S, rate: 20, item_tax_template: VAT 20, account: VAT 20 - N}]
customers: {find_by: tax_id}
items: {otherwise: SERVICE}
units: {C62: Nos}
"#;

/// R-ERP-1: an adapter is a part like the others: it serves, tells its health, and stops in order.
#[test]
fn an_adapter_is_served_as_a_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("sellers.yaml"), SELLERS).expect("written");
    std::fs::write(file("mapping.yaml"), MAPPING).expect("written");
    std::fs::write(file("token"), "key:s3cret").expect("written");
    let (out, sellers, mapping, token) = (file("out"), file("sellers.yaml"), file("mapping.yaml"), file("token"));
    let ubl = ["--ubl-folder", out.as_str(), "--ubl-sellers", &sellers];
    let erpnext =
        ["--erpnext-url", "https://erp.invalid", "--erpnext-token-file", &token, "--erpnext-mapping", &mapping];
    for (part, flags) in [("erp-ubl", &ubl[..]), ("erp-erpnext", &erpnext[..])] {
        let serving = Serving::start_part(folder.path(), part, flags);
        let health = super::run(&["health", &serving.gateway]);
        assert_eq!(health.code, Some(0), "{part}: {}", health.err);
        assert!(!serving.told.contains("s3cret"), "{}", serving.told);
        let (status, rest) = serving.stop();
        assert!(status.success(), "{part}: {rest}");
    }
    assert!(std::fs::metadata(out).is_ok_and(|it| it.is_dir()), "the folder is made");
}

/// R-ERP-1: what an adapter is not told it asks for at its start, all of it; so does a file that is not complete.
#[test]
fn an_adapter_that_lacks_something_says_so_and_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    for (part, flags) in [
        ("erp-ubl", ["--ubl-folder", "--ubl-sellers"].as_slice()),
        ("erp-erpnext", ["--erpnext-url", "--erpnext-token-file", "--erpnext-mapping"].as_slice()),
    ] {
        let refused = run_on(folder.path(), &["serve", part, "--listen", "127.0.0.1:0"]);
        assert_eq!(refused.code, Some(1), "{}", refused.out);
        assert!(flags.iter().all(|flag| refused.err.contains(flag)), "{}", refused.err);
    }
    let poor = folder.path().join("mapping.yaml").display().to_string();
    std::fs::write(&poor, "units: {C62: Nos}").expect("written");
    let token = folder.path().join("token").display().to_string();
    std::fs::write(&token, "key:s3cret").expect("written");
    let flags = ["--erpnext-url", "https://erp.invalid", "--erpnext-token-file", &token, "--erpnext-mapping", &poor];
    let refused = run_on(folder.path(), &[&["serve", "erp-erpnext", "--listen", "127.0.0.1:0"], &flags[..]].concat());
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(["companies", "customers", "items"].iter().all(|it| refused.err.contains(it)), "{}", refused.err);
    assert!(!refused.err.contains("s3cret"));
}

/// R-ERP-1: a whole suite hands its documents to the ERP that it is told of, by flag or environment, and runs no stub beside
/// it; the places of parts that it runs itself it does not pass over in silence.
#[test]
fn a_whole_suite_takes_the_erp_that_it_is_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("sellers.yaml"), SELLERS).expect("written");
    let (out, sellers) = (file("out"), file("sellers.yaml"));
    let erp = Serving::start_part(folder.path(), "erp-ubl", &["--ubl-folder", out.as_str(), "--ubl-sellers", &sellers]);
    for by_flag in [true, false] {
        let (flag, variable) = (["--erp-url", erp.gateway.as_str()], [("DEALFLOW_ERP_URL", erp.gateway.as_str())]);
        let suite = if by_flag {
            Serving::start_with(folder.path(), &flag, &[])
        } else {
            Serving::start_with(folder.path(), &[], &variable)
        };
        assert!(suite.told.contains(&format!("Documents go to the ERP at {}.", erp.gateway)), "{}", suite.told);
        assert!(!suite.told.contains("the ERP stub"), "{}", suite.told);
        let known = super::run(&["erp", "show", "--json", "--gateway", &suite.gateway]).json(0);
        assert_eq!(known["capabilities"]["product"], "ubl-folder", "{known:#}");
    }
    assert!(!folder.path().join("erp.db").exists(), "no stub's books are made");
    let refused = run_on(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--leads-url", "http://127.0.0.1:1"]);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.err.contains("--leads-url") && refused.err.contains("serve gateway"), "{}", refused.err);
}
