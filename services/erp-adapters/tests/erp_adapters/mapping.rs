//! The mapping of ERPNext: complete or refused, and an entry that is not there is named.

use std::time::Duration;

use dealflow_chassis::link::Link;
use dealflow_chassis::tls::ClientTls;
use dealflow_erp_adapters::erpnext::{self, Settings};
use dealflow_proto::erp::v1::Party;

use crate::house::{Caller, INV1, SO1, document, invoice, order};
use crate::site::{Site, TOKEN};

pub(crate) const MAPPING: &str = r#"
companies:
  default:
    company: Nordlicht Handels GmbH
    currencies: [EUR]
    delivery_days: 7
    taxes:
      - {category: S, rate: 20, item_tax_template: VAT 20, account: VAT 20 - N}
      - {category: S, rate: 10, item_tax_template: VAT 10, account: VAT 10 - N}
      - {category: Z, rate: 0, item_tax_template: VAT 0}
    payment_terms:
      by_days: {30: Net 30}
    naming_series: {order: SO-.YYYY.-}
customers: {find_by: tax_id}
items: {otherwise: SERVICE, adjustment: DISCOUNT}
units: {C62: Nos}
"#;

/// An adapter with a mapping, in process.
pub(crate) fn link(url: &str, mapping: &str) -> Link {
    start(url, mapping).expect("the mapping is complete")
}

/// A caller of it.
pub(crate) fn connected(url: &str, mapping: &str) -> Caller {
    Caller::of(link(url, mapping))
}

fn start(url: &str, mapping: &str) -> Result<Link, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mapping.yaml");
    std::fs::write(&file, mapping).expect("written");
    let settings = Settings {
        url: url.parse().expect("an address"),
        tls: ClientTls::believing(None).expect("authorities"),
        token: TOKEN.into(),
        patience: Duration::from_millis(500),
        mapping: file,
    };
    assert!(!format!("{settings:?}").contains(TOKEN), "a token is never shown");
    erpnext::part(settings).map(|part| part.link()).map_err(|error| error.to_string())
}

/// R-ERP-1: a mapping that lacks something is refused at the start, with everything that it lacks.
#[tokio::test]
async fn an_incomplete_mapping_is_refused_with_all_that_is_missing() {
    let told = start("http://127.0.0.1:1", "{}").map(drop).expect_err("it is empty");
    for missing in ["companies", "customers", "items", "units"] {
        assert!(told.contains(missing), "{missing}: {told}");
    }
    let half = r#"
companies:
  default:
    taxes:
      - {category: X, rate: 5.5, item_tax_template: ""}
customers: {accounts: {accounts/1: A}}
items: {otherwise: SERVICE}
units: {STÜCK: ""}
"#;
    let told = start("http://127.0.0.1:1", half).map(drop).expect_err("it is incomplete");
    for missing in [
        "companies.default.company: ",
        "companies.default.currencies: ",
        "companies.default.taxes[0].category: S, Z, E, AE, K, G, O, L or M, not `X`",
        "companies.default.taxes[0].item_tax_template: ",
        "companies.default.taxes[0].account: ",
        "units.STÜCK: a code of UN/ECE Recommendation 20",
        "units.STÜCK: the name of a UOM",
    ] {
        assert!(told.contains(missing), "{missing}: {told}");
    }
    let misspelt = MAPPING.replace("delivery_days", "delivery_day");
    let told = start("http://127.0.0.1:1", &misspelt).map(drop).expect_err("no such word");
    assert!(told.contains("delivery_day"), "{told}");
}

/// R-ERP-1: a document that needs an entry that is not there is refused with all of them by name, and nothing is drafted.
#[tokio::test]
async fn an_entry_that_is_not_there_is_named() {
    let (site, url) = Site::open().await;
    let narrow =
        MAPPING.replace("C62: Nos", "HUR: Hour").replace(", adjustment: DISCOUNT", "").replace("[EUR]", "[USD]");
    let erp = connected(&url, &narrow);
    let items = [("1", "1", "10.00", 20, "5"), ("2", "1", "10.00", 13, "0")];
    let mut document = document(dealflow_proto::erp::v1::DocumentType::Order, SO1, &items, "0");
    document.buyer = Some(Party { account: "accounts/1".to_owned(), vat_id: "AT1".to_owned(), ..Party::default() });
    let told: Vec<String> = erp.refused(&document).await.into_iter().map(|it| it.message).collect();
    assert_eq!(
        told,
        [
            "customers.accounts has no entry `accounts/1`, and ERPNext no Customer with tax id `AT1`",
            "currencies of Nordlicht Handels GmbH has no entry EUR",
            "units has no entry `C62`",
            "items.adjustment is not there, and the document has a discount, an allowance or a charge",
            "units has no entry `C62`",
            "taxes of Nordlicht Handels GmbH has no entry S at 13 %",
        ]
    );
    document.legal_entity = "other".to_owned();
    let told = erp.refused(&document).await;
    assert!(told.iter().any(|it| it.message == "companies has no entry `other`"), "{told:?}");
    assert!(site.of(SO1).is_empty());
}

/// R-ERP-1: terms that no template fits are refused where the mapping says so.
#[tokio::test]
async fn terms_that_no_template_fits_are_refused_where_it_is_said() {
    let (_site, url) = Site::open().await;
    let strict = MAPPING.replace("{30: Net 30}", "{14: Net 14}\n      otherwise: refuse");
    let erp = connected(&url, &strict);
    erp.booked(&order(SO1)).await;
    let told = erp.refused(&invoice(INV1, SO1)).await;
    assert_eq!(told[0].message, "payment_terms.by_days of Nordlicht Handels GmbH has no entry 30");
    let lax = connected(&url, &MAPPING.replace("30: Net 30", "14: Net 14"));
    lax.booked(&invoice(INV1, SO1)).await;
}

/// R-ERP-1: accounts and products that are listed go by their entries.
#[tokio::test]
async fn listed_accounts_and_products_go_by_their_entries() {
    let (site, url) = Site::open().await;
    site.books().items.insert("ITEM-7".to_owned());
    let listed = MAPPING
        .replace("{find_by: tax_id}", "{accounts: {accounts/4711: Müller}}")
        .replace("otherwise: SERVICE", "products: {products/7: ITEM-7}");
    let erp = connected(&url, &listed);
    let mut document = order(SO1);
    document.lines[0].product = "products/7".to_owned();
    let told = erp.refused(&document).await;
    assert_eq!((told.len(), told[0].line_id.as_str(), told[0].code.as_str()), (1, "2", "ITM"));
    document.lines[1].product = "products/7".to_owned();
    erp.booked(&document).await;
    assert_eq!(site.of(SO1)[0]["items"][0]["item_code"], "ITEM-7");
}
