//! A checker that finds nothing proves nothing: good files, each with one thing spoilt, and the rule that must be found
//! broken (R-INV-3).

mod example;
mod generate;
mod rules;

use dealflow_documents::{Address, Delivery, Document, Exemption, Kind, ubl};
use dealflow_money::VatCategory::{self, AE, E, G, K, O, S};

/// A rule, what to look for in a good file, and what to put in its place (the first time it occurs).
type Mutation = (&'static str, &'static str, &'static str);

const INVOICE: &[Mutation] = &[
    ("BR-01", "<cbc:CustomizationID>", "<cbc:CustomizationID/><cbc:X>"),
    ("PEPPOL-EN16931-R004", "billing:3.0", "billing:2.0"),
    ("PEPPOL-EN16931-R007", "billing:01:1.0", "billing:02:1.0"),
    ("BR-02", "<cbc:ID>INV-2026-000042</cbc:ID>", ""),
    ("BR-03", "<cbc:IssueDate>2026-11-26</cbc:IssueDate>", ""),
    ("BR-04", "TypeCode>380<", "TypeCode>381<"),
    ("PEPPOL-EN16931-F001", "2026-12-26", "26.12.2026"),
    ("PEPPOL-EN16931-R002", "<cbc:Note>", "<cbc:Note>two</cbc:Note><cbc:Note>"),
    ("PEPPOL-EN16931-R051", "currencyID=\"EUR\"", "currencyID=\"USD\""),
    ("BR-05", "<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>", ""),
    ("BR-06", "<cbc:RegistrationName>Nordlicht Handels GmbH</cbc:RegistrationName>", ""),
    ("BR-07", "<cbc:RegistrationName>Ring &amp; Söhne OG</cbc:RegistrationName>", ""),
    ("BR-09", "<cbc:IdentificationCode>AT<", "<cbc:IdentificationCode>at<"),
    ("PEPPOL-EN16931-R020", "<cbc:EndpointID schemeID=\"0088\">7300010000001</cbc:EndpointID>", ""),
    ("PEPPOL-EN16931-R010", "<cbc:EndpointID schemeID=\"9957\">FR40303265045</cbc:EndpointID>", ""),
    ("BR-62", "<cbc:EndpointID schemeID=\"0088\">", "<cbc:EndpointID>"),
    ("BR-63", "<cbc:EndpointID schemeID=\"9957\">", "<cbc:EndpointID>"),
    ("BR-CO-09", "ATU12345678", "12345678"),
    ("BR-S-02", "ATU12345678</cbc:CompanyID>", "</cbc:CompanyID>"),
    ("BR-13", "<cbc:TaxExclusiveAmount", "<cbc:X"),
    ("BR-15", "<cbc:PayableAmount", "<cbc:X"),
    ("BR-21", "<cac:InvoiceLine><cbc:ID>1</cbc:ID>", "<cac:InvoiceLine>"),
    ("BT-126", "<cbc:ID>2</cbc:ID>", "<cbc:ID>1</cbc:ID>"),
    ("BR-22", ">3</cbc:InvoicedQuantity>", "></cbc:InvoicedQuantity>"),
    ("BR-23", "<cbc:InvoicedQuantity unitCode=\"C62\">", "<cbc:InvoicedQuantity>"),
    ("BR-25", "<cbc:Name>Handbook</cbc:Name>", ""),
    ("BR-26", "1234.5</cbc:PriceAmount>", "</cbc:PriceAmount>"),
    ("BR-27", ">1234.5</cbc:PriceAmount>", ">-1234.5</cbc:PriceAmount>"),
    ("PEPPOL-EN16931-R120", ">1234.5</cbc:PriceAmount>", ">1234.51</cbc:PriceAmount>"),
    ("PEPPOL-EN16931-R120", ">3</cbc:InvoicedQuantity>", ">4</cbc:InvoicedQuantity>"),
    ("PEPPOL-EN16931-R121", ">1</cbc:BaseQuantity>", ">0</cbc:BaseQuantity>"),
    ("PEPPOL-EN16931-R130", "<cbc:BaseQuantity unitCode=\"C62\">", "<cbc:BaseQuantity unitCode=\"HUR\">"),
    ("BR-36", "<cbc:Amount currencyID=\"EUR\">49.00</cbc:Amount>", ""),
    ("BR-31", "<cbc:Amount currencyID=\"EUR\">19.95</cbc:Amount>", ""),
    ("BR-33", "<cbc:AllowanceChargeReason>Loyalty discount</cbc:AllowanceChargeReason>", ""),
    ("BR-38", "<cbc:AllowanceChargeReason>Freight</cbc:AllowanceChargeReason>", ""),
    ("BR-42", "<cbc:AllowanceChargeReason>Volume discount</cbc:AllowanceChargeReason>", ""),
    ("PEPPOL-EN16931-R043", "<cbc:ChargeIndicator>true<", "<cbc:ChargeIndicator>1<"),
    ("PEPPOL-EN16931-R040", "<cbc:MultiplierFactorNumeric>2.5<", "<cbc:MultiplierFactorNumeric>2.51<"),
    ("PEPPOL-EN16931-R042", "<cbc:MultiplierFactorNumeric>2.5</cbc:MultiplierFactorNumeric>", ""),
    ("PEPPOL-EN16931-R041", "<cbc:BaseAmount currencyID=\"EUR\">3333.15</cbc:BaseAmount>", ""),
    (
        "BR-CO-10",
        "<cbc:LineExtensionAmount currencyID=\"EUR\">4131.15<",
        "<cbc:LineExtensionAmount currencyID=\"EUR\">4131.16<",
    ),
    (
        "BR-CO-11",
        "<cbc:AllowanceTotalAmount currencyID=\"EUR\">103.28<",
        "<cbc:AllowanceTotalAmount currencyID=\"EUR\">103.27<",
    ),
    (
        "BR-CO-12",
        "<cbc:ChargeTotalAmount currencyID=\"EUR\">49.00<",
        "<cbc:ChargeTotalAmount currencyID=\"EUR\">49.01<",
    ),
    (
        "BR-CO-13",
        "<cbc:TaxExclusiveAmount currencyID=\"EUR\">4076.87<",
        "<cbc:TaxExclusiveAmount currencyID=\"EUR\">4076.88<",
    ),
    ("BR-CO-14", "<cbc:TaxAmount currencyID=\"EUR\">737.57<", "<cbc:TaxAmount currencyID=\"EUR\">737.99<"),
    (
        "BR-CO-15",
        "<cbc:TaxInclusiveAmount currencyID=\"EUR\">4814.44<",
        "<cbc:TaxInclusiveAmount currencyID=\"EUR\">4814.99<",
    ),
    ("BR-CO-16", "<cbc:PrepaidAmount currencyID=\"EUR\">500.00<", "<cbc:PrepaidAmount currencyID=\"EUR\">500.01<"),
    ("BR-CO-17", "<cbc:TaxAmount currencyID=\"EUR\">659.76<", "<cbc:TaxAmount currencyID=\"EUR\">659.77<"),
    ("BR-S-08", "<cbc:TaxableAmount currencyID=\"EUR\">3298.82<", "<cbc:TaxableAmount currencyID=\"EUR\">3298.83<"),
    ("BR-DEC", ">49.00</cbc:Amount>", ">49.000</cbc:Amount>"),
    ("BR-DEC", ">500.00</cbc:PrepaidAmount>", ">5e2</cbc:PrepaidAmount>"),
    (
        "BR-S-05",
        "<cac:ClassifiedTaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>20<",
        "<cac:ClassifiedTaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>0<",
    ),
    ("BR-CL-17", "<cbc:ID>S</cbc:ID>", "<cbc:ID>X</cbc:ID>"),
    (
        "BR-S-10",
        "<cbc:ID>S</cbc:ID><cbc:Percent>10</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory></cac:TaxSubtotal>",
        "<cbc:ID>S</cbc:ID><cbc:Percent>10</cbc:Percent><cbc:TaxExemptionReason>why</cbc:TaxExemptionReason><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory></cac:TaxSubtotal>",
    ),
    ("PEPPOL-EN16931-R053", "<cac:LegalMonetaryTotal>", "<cac:TaxTotal/><cac:LegalMonetaryTotal>"),
    ("BR-49", "<cbc:PaymentMeansCode>58</cbc:PaymentMeansCode>", ""),
    ("BR-CL-16", "<cbc:PaymentMeansCode>58<", "<cbc:PaymentMeansCode>49<"),
    ("BR-61", "<cbc:ID>AT611904300234573201</cbc:ID>", ""),
    ("BT-83", "<cbc:PaymentID>INV-2026-000042</cbc:PaymentID>", ""),
    (
        "XSD",
        "<cbc:CityName>Wien</cbc:CityName>",
        "<cbc:CityName>Wien</cbc:CityName><cbc:StreetName>late</cbc:StreetName>",
    ),
    ("PEPPOL-EN16931-R008", "<cbc:Name>Nordlicht</cbc:Name>", "<cbc:Name> </cbc:Name>"),
    ("XML", "&amp;", "&"),
];

const CREDIT_NOTE: &[Mutation] = &[
    ("BR-04", "TypeCode>381<", "TypeCode>380<"),
    ("BR-55", "<cbc:ID>INV-2026-000041</cbc:ID>", ""),
    ("BT-26", "<cbc:IssueDate>2026-11-01</cbc:IssueDate>", ""),
    ("XSD", "<cbc:CreditNoteTypeCode>", "<cbc:DueDate>2026-12-26</cbc:DueDate><cbc:CreditNoteTypeCode>"),
    ("BR-22", ">3</cbc:CreditedQuantity>", "></cbc:CreditedQuantity>"),
];

/// The same invoice with another VAT category on all of it.
fn of_category(category: VatCategory) -> Document {
    let mut document = example::bill(Kind::Invoice);
    for line in &mut document.lines {
        line.vat = example::vat(category, 0);
    }
    document.charges[0].vat = None;
    document.exemptions = vec![Exemption { category: E, reason: "Article 132".to_owned(), code: String::new() }];
    let address = Address { country: "FR".to_owned(), ..Address::default() };
    document.delivery =
        Some(Delivery { date: Some(document.issue_date), address: Some(address), ..Delivery::default() });
    document
}

const BY_CATEGORY: &[(VatCategory, &[Mutation])] = &[
    (
        E,
        &[
            ("BR-CO-18", "<cac:TaxSubtotal>", "<cac:X>"),
            ("BR-E-10", "<cbc:TaxExemptionReason>Article 132</cbc:TaxExemptionReason>", ""),
            (
                "BR-E-05",
                "<cac:ClassifiedTaxCategory><cbc:ID>E</cbc:ID><cbc:Percent>0<",
                "<cac:ClassifiedTaxCategory><cbc:ID>E</cbc:ID><cbc:Percent>1<",
            ),
        ],
    ),
    (
        AE,
        &[
            ("BR-AE-02", "<cbc:CompanyID>ATU87654321</cbc:CompanyID>", ""),
            ("PEPPOL-EN16931-P0104", "VATEX-EU-AE", "VATEX-EU-G"),
        ],
    ),
    (
        K,
        &[
            ("BR-IC-02", "<cbc:CompanyID>ATU87654321</cbc:CompanyID>", ""),
            ("BR-IC-11", "<cbc:ActualDeliveryDate>2026-11-26</cbc:ActualDeliveryDate>", ""),
            ("BR-IC-12", "<cbc:IdentificationCode>FR</cbc:IdentificationCode>", ""),
        ],
    ),
    (
        G,
        &[
            ("BR-G-02", "<cbc:CompanyID>ATU12345678</cbc:CompanyID>", ""),
            (
                "BR-G-06",
                "<cac:TaxCategory><cbc:ID>G</cbc:ID><cbc:Percent>0<",
                "<cac:TaxCategory><cbc:ID>G</cbc:ID><cbc:Percent>2<",
            ),
        ],
    ),
    (
        O,
        &[
            (
                "BR-O-05",
                "<cac:ClassifiedTaxCategory><cbc:ID>O</cbc:ID>",
                "<cac:ClassifiedTaxCategory><cbc:ID>O</cbc:ID><cbc:Percent>0</cbc:Percent>",
            ),
            ("BR-CO-26", "<cbc:CompanyID>FN 123456a</cbc:CompanyID>", ""),
            (
                "BR-O-02",
                "<cac:PartyLegalEntity>",
                "<cac:PartyTaxScheme><cbc:CompanyID>ATU1</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme><cac:PartyLegalEntity>",
            ),
        ],
    ),
    (S, &[]),
];

/// R-INV-3: each rule that the checker names is found broken where it is broken.
#[test]
fn a_spoilt_file_is_caught_by_the_rule_it_breaks() {
    let mut missed = Vec::new();
    let mut spoil = |document: &Document, mutations: &[Mutation]| {
        let good = ubl(document).unwrap_or_else(|refusal| panic!("{refusal}"));
        let good: String = good.lines().map(str::trim).collect();
        assert_eq!(rules::broken(&good), Vec::<String>::new(), "{good}");
        for (rule, from, to) in mutations {
            assert!(good.contains(from), "{rule}: no {from} in\n{good}");
            let broken = rules::broken(&spoilt(&good, from, to));
            if !broken.iter().any(|found| found.starts_with(&format!("{rule}:"))) {
                missed.push(format!("{rule} ({from} → {to}): {broken:?}"));
            }
        }
    };
    spoil(&example::bill(Kind::Invoice), INVOICE);
    spoil(&example::bill(Kind::CreditNote), CREDIT_NOTE);
    for (category, mutations) in BY_CATEGORY.iter().filter(|(category, _)| *category != S) {
        spoil(&of_category(*category), mutations);
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Replaces the first occurrence; an element that is renamed is renamed at its end too.
fn spoilt(good: &str, from: &str, to: &str) -> String {
    let spoilt = good.replacen(from, to, 1);
    let renamed = |tag: &str| from.trim_start_matches('<').starts_with(tag);
    ["cbc:TaxExclusiveAmount", "cbc:PayableAmount", "cac:TaxSubtotal", "cbc:CustomizationID", "cbc:ChargeIndicator"]
        .into_iter()
        .filter(|tag| renamed(tag) && to.contains(":X"))
        .fold(spoilt, |spoilt, tag| spoilt.replacen(&format!("</{tag}>"), &format!("</{}X>", &tag[..4]), 1))
}
