//! What a document lacks is told at once, each with its rule and its field (R-INV-3, R-ACC-1).

mod example;
mod generate;

use dealflow_documents::{Document, Exemption, Kind, Party, Payment, Refusal, Registration, Stamp, ubl};
use dealflow_money::{Currency, VatCategory};
use rust_decimal::Decimal;

fn findings(document: &Document) -> Vec<String> {
    match ubl(document) {
        Ok(xml) => panic!("it was written:\n{xml}"),
        Err(Refusal::Incomplete(findings)) => {
            findings.into_iter().map(|finding| format!("{} {}", finding.rule, finding.field)).collect()
        }
        Err(refusal) => panic!("{refusal}"),
    }
}

/// R-INV-3, R-ACC-1: an invoice of which nothing is known but its lines names all that is missing in one refusal.
#[test]
fn everything_that_is_missing_is_told_at_once() {
    let mut document = example::bill(Kind::Invoice);
    (document.seller, document.buyer) = (Party::default(), Party::default());
    document.references.buyer.clear();
    document.references.customer_order.clear();
    (document.payment, document.due_date) = (None, None);
    document.payment_terms = " ".to_owned();
    document.lines[1].unit = "pcs".to_owned();
    document.charges[0].reason.clear();
    assert_eq!(
        findings(&document),
        [
            "BR-06 seller.legal_name",
            "BR-07 buyer.legal_name",
            "BR-09 seller.address.country",
            "PEPPOL-EN16931-R020 seller.electronic_address",
            "BR-11 buyer.address.country",
            "PEPPOL-EN16931-R010 buyer.electronic_address",
            "BR-CO-26 seller.registration",
            "BR-CL-23 lines[1].unit",
            "BR-38 charges[0].reason",
            "BR-S-02 seller.vat_id",
            "PEPPOL-EN16931-R003 references.buyer",
            "BR-CO-25 due_date",
            "BR-61 payment",
        ]
    );
}

/// R-INV-3, BR-AE-02, BR-IC-02, BR-IC-11, BR-IC-12, BR-G-02, BR-E-10, BR-O-11: each VAT category asks for what is its
/// own, and for nothing once it is there.
#[test]
fn each_vat_category_asks_for_its_own() {
    use VatCategory::{AE, E, G, K, O, Z};
    let of = |category| {
        let mut document = example::bill(Kind::Invoice);
        for line in &mut document.lines {
            line.vat = example::vat(category, 0);
        }
        document.charges.clear();
        (document.seller.vat_id, document.buyer.vat_id) = (String::new(), String::new());
        document
    };
    let asked = [
        (Z, vec!["BR-Z-02 seller.vat_id"]),
        (E, vec!["BR-E-02 seller.vat_id", "BR-E-10 exemptions[E].reason"]),
        (AE, vec!["BR-AE-02 seller.vat_id", "BR-AE-02 buyer.vat_id"]),
        (
            K,
            vec![
                "BR-IC-02 seller.vat_id",
                "BR-IC-02 buyer.vat_id",
                "BR-IC-11 delivery.date",
                "BR-IC-12 delivery.address.country",
            ],
        ),
        (G, vec!["BR-G-02 seller.vat_id"]),
    ];
    for (category, expected) in asked {
        assert_eq!(findings(&of(category)), expected, "{category}");
    }
    // Not subject to VAT: the ids are left out, and no other group may stand beside it.
    let mut outside = of(O);
    outside.seller.vat_id = "ATU12345678".to_owned();
    let xml = ubl(&outside).expect("it lacks nothing");
    assert!(!xml.contains("ATU12345678") && xml.contains("VATEX-EU-O"), "{xml}");
    outside.lines[0].vat = example::vat(Z, 0);
    assert_eq!(findings(&outside), ["BR-O-11 lines"]);
    // A reverse charge to a buyer without VAT id but in a register.
    let mut registered = of(AE);
    registered.seller.tax_registration = "123/456".to_owned();
    registered.buyer.registration = Some(Registration { scheme: String::new(), id: "FN 9".to_owned() });
    assert!(ubl(&registered).is_ok());
    registered.exemptions = vec![Exemption { category: AE, reason: String::new(), code: "VATEX-EU-IC".to_owned() }];
    assert_eq!(findings(&registered), ["PEPPOL-EN16931-P0104 exemptions[AE].code"]);
}

/// R-INV-3, BR-DEC-09 to -23: a dinar has three decimals, an invoice two; where the third is zero it is written.
#[test]
fn dinars_are_written_where_two_decimals_hold_them() {
    let mut document = example::bill(Kind::Invoice);
    document.currency = Currency::parse("KWD").expect("a currency");
    let refused = findings(&document);
    assert!(refused.contains(&"BR-DEC-20 totals.vat[1].tax".to_owned()), "{refused:?}");
    document.allowances.clear();
    document.lines.truncate(1);
    let xml = ubl(&document).expect("whole hundredths");
    assert!(xml.contains("<cbc:PayableAmount currencyID=\"KWD\">3558.6</cbc:PayableAmount>"), "{xml}");
}

/// R-INV-3, PEPPOL-EN16931-R120, R040: yen are whole, so a price that is not is stated for the whole quantity, and a
/// percentage that does not give the amount is said in words.
#[test]
fn yen_are_whole_and_still_add_up() {
    let mut document = example::bill(Kind::Invoice);
    document.currency = Currency::parse("JPY").expect("a currency");
    (document.prepaid, document.rounding) = (Decimal::ZERO, Decimal::ZERO);
    document.lines.truncate(1);
    document.lines[0].unit_price = Decimal::new(335, 1);
    document.lines[0].allowances[0].amount = dealflow_money::Amount::Percent(Decimal::from(7));
    let xml = ubl(&document).expect("it lacks nothing");
    for part in [
        // 3 × 33.5 is 100.5, which is 101 yen.
        "<cbc:PriceAmount currencyID=\"JPY\">101</cbc:PriceAmount>",
        "<cbc:BaseQuantity unitCode=\"C62\">3</cbc:BaseQuantity>",
        "<cbc:AllowanceChargeReason>Volume discount (7 %)</cbc:AllowanceChargeReason>",
        "<cbc:LineExtensionAmount currencyID=\"JPY\">94</cbc:LineExtensionAmount>",
    ] {
        assert!(xml.contains(part), "no {part} in\n{xml}");
    }
}

/// R-INV-3: German, Dutch, Danish, Swedish and Norwegian sellers have rules of their own in Peppol.
#[test]
fn sellers_of_some_countries_must_say_more() {
    let of = |country: &str| {
        let mut document = example::bill(Kind::Invoice);
        for party in [&mut document.seller, &mut document.buyer] {
            party.address.country = country.to_owned();
            party.address.postal_code.clear();
            party.registration = Some(Registration { scheme: String::new(), id: "1".to_owned() });
            party.contact = None;
        }
        document
    };
    for (country, expected) in [
        ("DE", "DE-R-004 seller.address.postal_code"),
        ("DE", "DE-R-005 seller.contact.name"),
        ("NL", "NL-R-003 seller.registration"),
        ("NL", "NL-R-005 buyer.registration"),
        ("IT", "IT-R-004 seller.address.postal_code"),
        ("DK", "DK-R-002 seller.registration"),
        ("SE", "SE-R-001 seller.vat_id"),
        ("NO", "NO-R-001 seller.vat_id"),
    ] {
        let found = findings(&of(country));
        assert!(found.contains(&expected.to_owned()), "{country}: {found:?}");
    }
    assert!(ubl(&of("AT")).is_ok());
}

/// R-INV-3, BR-49, DE-R-001: a credit note that is set off says so and names no account, also where the rules of a country
/// ask for means of payment; an invoice is not paid like that.
#[test]
fn a_credit_note_is_set_off_without_an_account() {
    let none = String::new;
    let clearing =
        Payment { means: "97".to_owned(), account: none(), account_name: none(), bank: none(), reference: none() };
    let mut note = example::bill(Kind::CreditNote);
    note.payment = Some(clearing.clone());
    let xml = ubl(&note).expect("it lacks nothing");
    assert!(xml.contains("<cbc:PaymentMeansCode>97</cbc:PaymentMeansCode>"), "{xml}");
    assert!(!xml.contains("PayeeFinancialAccount"), "{xml}");
    let mut invoice = example::bill(Kind::Invoice);
    invoice.payment = Some(clearing);
    assert_eq!(findings(&invoice), ["BR-CL-16 payment.means", "BR-50 payment.account"]);
}

/// R-INV-3: a quote is for people; a system gets the order that it becomes.
#[test]
fn a_quote_has_no_ubl_and_an_order_has() {
    assert_eq!(ubl(&example::bill(Kind::Quote)), Err(Refusal::NoForm));
    let void = Document { stamp: Some(Stamp::Closed), ..example::bill(Kind::Invoice) };
    assert_eq!(ubl(&void), Err(Refusal::Stamped(Stamp::Closed)), "no program takes it for one that holds");
    let mut order = example::bill(Kind::OrderConfirmation);
    order.number = "SO-000017".to_owned();
    let xml = ubl(&order).expect("it lacks nothing");
    for part in
        ["<Order ", "<cbc:ID>PO-2026-17</cbc:ID>", "<cbc:SalesOrderID>SO-000017</cbc:SalesOrderID>", ">4314.46<"]
    {
        assert!(xml.contains(part), "no {part} in\n{xml}");
    }
}
