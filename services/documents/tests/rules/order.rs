//! The order of elements, as the XSD fixes it, and nothing that it does not know.

use roxmltree::Node;

use super::{Bill, Broken};

/// The children that a parent may have here, in the order of UBL 2.1's XSD.
const ORDER: &[(&str, &str)] = &[
    (
        "Invoice",
        "CustomizationID ProfileID ID IssueDate DueDate InvoiceTypeCode Note DocumentCurrencyCode \
         BuyerReference InvoicePeriod OrderReference BillingReference ContractDocumentReference \
         AccountingSupplierParty AccountingCustomerParty Delivery PaymentMeans PaymentTerms \
         AllowanceCharge TaxTotal LegalMonetaryTotal InvoiceLine",
    ),
    (
        "CreditNote",
        "CustomizationID ProfileID ID IssueDate CreditNoteTypeCode Note DocumentCurrencyCode \
         BuyerReference InvoicePeriod OrderReference BillingReference ContractDocumentReference \
         AccountingSupplierParty AccountingCustomerParty Delivery PaymentMeans PaymentTerms \
         AllowanceCharge TaxTotal LegalMonetaryTotal CreditNoteLine",
    ),
    ("InvoicePeriod", "StartDate EndDate"),
    ("OrderReference", "ID SalesOrderID"),
    ("BillingReference", "InvoiceDocumentReference"),
    ("InvoiceDocumentReference", "ID IssueDate"),
    ("ContractDocumentReference", "ID"),
    ("AccountingSupplierParty", "Party"),
    ("AccountingCustomerParty", "Party"),
    ("Party", "EndpointID PartyName PostalAddress PartyTaxScheme PartyLegalEntity Contact"),
    ("PartyName", "Name"),
    ("PostalAddress", "StreetName AdditionalStreetName CityName PostalZone CountrySubentity Country"),
    ("Address", "StreetName AdditionalStreetName CityName PostalZone CountrySubentity Country"),
    ("Country", "IdentificationCode"),
    ("PartyTaxScheme", "CompanyID TaxScheme"),
    ("TaxScheme", "ID"),
    ("PartyLegalEntity", "RegistrationName CompanyID CompanyLegalForm"),
    ("Contact", "Name Telephone ElectronicMail"),
    ("Delivery", "ActualDeliveryDate DeliveryLocation DeliveryParty"),
    ("DeliveryLocation", "Address"),
    ("DeliveryParty", "PartyName"),
    ("PaymentMeans", "PaymentMeansCode PaymentDueDate PaymentID PayeeFinancialAccount"),
    ("PayeeFinancialAccount", "ID Name FinancialInstitutionBranch"),
    ("FinancialInstitutionBranch", "ID"),
    ("PaymentTerms", "Note"),
    (
        "AllowanceCharge",
        "ChargeIndicator AllowanceChargeReasonCode AllowanceChargeReason MultiplierFactorNumeric \
         Amount BaseAmount TaxCategory",
    ),
    ("TaxTotal", "TaxAmount TaxSubtotal"),
    ("TaxSubtotal", "TaxableAmount TaxAmount TaxCategory"),
    ("TaxCategory", "ID Percent TaxExemptionReasonCode TaxExemptionReason TaxScheme"),
    ("ClassifiedTaxCategory", "ID Percent TaxScheme"),
    (
        "LegalMonetaryTotal",
        "LineExtensionAmount TaxExclusiveAmount TaxInclusiveAmount AllowanceTotalAmount \
         ChargeTotalAmount PrepaidAmount PayableRoundingAmount PayableAmount",
    ),
    ("InvoiceLine", "ID InvoicedQuantity LineExtensionAmount OrderLineReference AllowanceCharge Item Price"),
    ("CreditNoteLine", "ID CreditedQuantity LineExtensionAmount OrderLineReference AllowanceCharge Item Price"),
    ("OrderLineReference", "LineID"),
    ("Item", "Description Name SellersItemIdentification ClassifiedTaxCategory"),
    ("SellersItemIdentification", "ID"),
    ("Price", "PriceAmount BaseQuantity"),
];

/// What may stand several times beneath its parent.
const REPEATED: &[&str] =
    &["BillingReference", "AllowanceCharge", "TaxSubtotal", "InvoiceLine", "CreditNoteLine", "PartyTaxScheme"];

pub(crate) fn check(bill: &Bill<'_>, broken: &mut Broken) {
    let namespace = format!("urn:oasis:names:specification:ubl:schema:xsd:{}-2", bill.root.tag_name().name());
    broken.unless(bill.root.tag_name().namespace() == Some(namespace.as_str()), "XSD", "the root's namespace");
    for node in bill.root.descendants().filter(Node::is_element) {
        let children: Vec<&str> =
            node.children().filter(Node::is_element).map(|child| child.tag_name().name()).collect();
        let name = node.tag_name().name();
        let Some((_, allowed)) = ORDER.iter().find(|(parent, _)| *parent == name) else {
            broken.unless(children.is_empty(), "XSD", format!("{name} has children"));
            broken.unless(node.text().is_some_and(|text| !text.trim().is_empty()), "PEPPOL-EN16931-R008", name);
            continue;
        };
        broken.unless(!children.is_empty(), "PEPPOL-EN16931-R008", format!("{name} is empty"));
        let mut last = 0;
        for (index, child) in children.iter().enumerate() {
            let Some(place) = allowed.split_ascii_whitespace().position(|known| known == *child) else {
                broken.unless(false, "XSD", format!("{name} has a {child}"));
                continue;
            };
            broken.unless(place >= last, "XSD", format!("{child} of {name} is out of order"));
            let again = children[..index].contains(child) && !REPEATED.contains(child);
            broken.unless(!again, "XSD", format!("{name} has {child} twice"));
            last = place.max(last);
        }
    }
}
