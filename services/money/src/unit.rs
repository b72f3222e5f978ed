//! Units of measure: what a quantity counts and a price is for.

/// Whether `code` stands in UN/ECE Recommendation 20, with the packages of Recommendation 21 (prefixed X), as the
/// validators of EN 16931 hold it (BR-CL-23, May 2026).
pub fn is_unit(code: &str) -> bool {
    !code.is_empty() && include_str!("units.txt").split_ascii_whitespace().any(|known| known == code)
}

#[cfg(test)]
mod tests {
    use super::is_unit;

    #[test]
    fn a_unit_is_a_code_of_the_list_and_nothing_like_it() {
        for code in ["C62", "HUR", "KGM", "XBX"] {
            assert!(is_unit(code), "{code}");
        }
        for code in ["", "c62", "PIECE", "C62 HUR", " C62"] {
            assert!(!is_unit(code), "{code}");
        }
    }
}
