//! Codes that say why something is taken off or added, as the validators of EN 16931 hold them (May 2026).

/// Whether `code` stands in UNTDID 5189, the reasons of allowances (BR-CL-19); 95 is a discount.
pub fn is_allowance_reason(code: &str) -> bool {
    has(include_str!("allowances.txt"), code)
}

/// Whether `code` stands in UNTDID 7161, the reasons of charges (BR-CL-20); FC is freight.
pub fn is_charge_reason(code: &str) -> bool {
    has(include_str!("charges.txt"), code)
}

fn has(list: &str, code: &str) -> bool {
    !code.is_empty() && list.split_ascii_whitespace().any(|known| known == code)
}

#[cfg(test)]
mod tests {
    use super::{is_allowance_reason, is_charge_reason};

    #[test]
    fn each_list_knows_its_own_codes_and_no_others() {
        assert!(is_allowance_reason("95") && !is_charge_reason("95"));
        assert!(is_charge_reason("FC") && !is_allowance_reason("FC"));
        assert!(!is_allowance_reason("") && !is_allowance_reason("95 100") && !is_charge_reason("fc"));
    }
}
