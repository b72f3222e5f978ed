//! Code lists, as the validators of EN 16931 and Peppol hold them (May 2026). A list stands here only because a rule
//! checks against it.

/// Whether `code` stands in a list of codes parted by white space.
fn has(list: &str, code: &str) -> bool {
    !code.is_empty() && list.split_ascii_whitespace().any(|known| known == code)
}

/// BR-CL-04, PEPPOL-EN16931-CL007: ISO 4217 without the currencies that are gone.
pub(crate) fn is_currency(code: &str) -> bool {
    has(include_str!("codes/currencies.txt"), code)
}

/// BR-CL-14: ISO 3166-1 alpha-2, and XI for Northern Ireland.
pub(crate) fn is_country(code: &str) -> bool {
    has(include_str!("codes/countries.txt"), code)
}

/// BR-CO-09: a VAT id opens with its country; Greece is EL there.
pub(crate) fn has_country_prefix(vat_id: &str) -> bool {
    vat_id.get(..2).is_some_and(|prefix| prefix == "EL" || is_country(prefix)) && vat_id.len() > 2
}

/// BR-CL-25, PEPPOL-EN16931-CL008: electronic address schemes.
pub(crate) fn is_address_scheme(code: &str) -> bool {
    has(include_str!("codes/schemes.txt"), code)
}

/// BR-CL-11: registers of ISO 6523.
pub(crate) fn is_register(code: &str) -> bool {
    has(include_str!("codes/registers.txt"), code)
}

/// BR-CL-22: the VATEX list.
pub(crate) fn is_exemption(code: &str) -> bool {
    has(include_str!("codes/exemptions.txt"), code)
}

/// PEPPOL-EN16931-P0104 to P0111: the category that a VATEX code may only stand beside.
pub(crate) fn category_of_exemption(code: &str) -> Option<&'static str> {
    match code {
        "VATEX-EU-G" => Some("G"),
        "VATEX-EU-O" => Some("O"),
        "VATEX-EU-IC" => Some("K"),
        "VATEX-EU-AE" => Some("AE"),
        "VATEX-EU-D" | "VATEX-EU-F" | "VATEX-EU-I" | "VATEX-EU-J" => Some("E"),
        _ => None,
    }
}
