//! Who sells and who buys, with all that an invoice says of them (R-ACC-1).

/// A party of a document (BG-4, BG-7).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Party {
    /// BT-27, BT-44: the name in the register.
    pub legal_name: String,
    /// BT-28, BT-45: the name it trades under, where that is another.
    pub trading_name: String,
    /// BG-5, BG-8.
    pub address: Address,
    /// BT-31, BT-48: VAT id with its country prefix.
    pub vat_id: String,
    /// BT-32: the seller's registration with its tax office, where it has no VAT id.
    pub tax_registration: String,
    /// BT-30, BT-47.
    pub registration: Option<Registration>,
    /// BT-33: legal form, capital and what else the law wants on paper.
    pub legal_form: String,
    /// BT-34, BT-49.
    pub electronic_address: Option<ElectronicAddress>,
    /// BG-6, BG-9.
    pub contact: Option<Contact>,
}

/// A postal address (BG-5, BG-8, BG-15).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// BT-35, BT-50, BT-75.
    pub street: String,
    /// BT-36, BT-51, BT-76.
    pub additional: String,
    /// BT-37, BT-52, BT-77.
    pub city: String,
    /// BT-38, BT-53, BT-78.
    pub postal_code: String,
    /// BT-39, BT-54, BT-79.
    pub region: String,
    /// BT-40, BT-55, BT-80: ISO 3166-1 alpha-2.
    pub country: String,
}

/// A number in a register of companies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// ISO 6523 code of the register; empty where it has none.
    pub scheme: String,
    /// The number.
    pub id: String,
}

/// Where electronic documents go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectronicAddress {
    /// EAS code, such as 0088 (GLN) or 9930 (German VAT id).
    pub scheme: String,
    /// The address in that scheme.
    pub id: String,
}

/// Whom to ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// BT-41, BT-56.
    pub name: String,
    /// BT-42, BT-57.
    pub phone: String,
    /// BT-43, BT-58.
    pub email: String,
}
