//! Check digits of the identifiers that Peppol looks into (PEPPOL-COMMON-R040 to R050), and of an IBAN.

/// The rule that `id` breaks in `scheme`, with the form it should have.
pub(crate) fn broken_rule(scheme: &str, id: &str) -> Option<(&'static str, &'static str)> {
    let (rule, form, right) = match scheme {
        "0088" => ("PEPPOL-COMMON-R040", "a GLN: digits with a GS1 check digit", is_gln(id)),
        "0192" => ("PEPPOL-COMMON-R041", "a Norwegian organisation number: 9 digits, modulus 11", is_norwegian(id)),
        "0184" => ("PEPPOL-COMMON-R042", "a Danish CVR number: 8 digits, with or without DK", is_danish(id)),
        "0208" => ("PEPPOL-COMMON-R043", "a Belgian enterprise number: 10 digits, modulus 97", is_belgian(id)),
        "0007" => ("PEPPOL-COMMON-R049", "a Swedish organisation number: 10 digits, Luhn", is_swedish(id)),
        "0151" => ("PEPPOL-COMMON-R050", "an Australian business number: 11 digits, modulus 89", is_australian(id)),
        _ => return None,
    };
    (!right).then_some((rule, form))
}

/// An IBAN with right check digits; spaces are for the eye.
pub(crate) fn is_iban(account: &str) -> bool {
    let compact: Vec<u8> = account.bytes().filter(|byte| *byte != b' ').collect();
    if !(15..=34).contains(&compact.len()) || !compact[..2].iter().all(u8::is_ascii_uppercase) {
        return false;
    }
    let (head, body) = compact.split_at(4);
    let mut remainder = 0u32;
    for byte in body.iter().chain(head) {
        remainder = match byte {
            b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
            b'A'..=b'Z' => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
            _ => return false,
        };
    }
    remainder == 1
}

fn digits(id: &str) -> Option<Vec<u32>> {
    id.chars().map(|character| character.to_digit(10)).collect()
}

fn exactly(id: &str, length: usize) -> Option<Vec<u32>> {
    digits(id).filter(|digits| digits.len() == length)
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// From the right, weights 1, 3, 1, 3 …: a multiple of ten.
fn is_gln(id: &str) -> bool {
    digits(id).filter(|digits| digits.len() > 1).is_some_and(|digits| {
        let sum: u32 =
            digits.iter().rev().enumerate().map(|(at, digit)| digit * if at.is_multiple_of(2) { 1 } else { 3 }).sum();
        sum.is_multiple_of(10)
    })
}

fn is_norwegian(id: &str) -> bool {
    exactly(id, 9).is_some_and(|digits| {
        let check = (11 - weighted(&digits[..8], &[3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
        check < 10 && check == digits[8]
    })
}

fn is_danish(id: &str) -> bool {
    exactly(id.strip_prefix("DK").unwrap_or(id), 8).is_some()
}

fn is_belgian(id: &str) -> bool {
    exactly(id, 10).is_some_and(|digits| {
        let number = digits[..8].iter().fold(0, |sum, digit| sum * 10 + digit);
        digits[8] * 10 + digits[9] == 97 - number % 97
    })
}

fn is_swedish(id: &str) -> bool {
    exactly(id, 10).is_some_and(|digits| {
        let doubled =
            |at: usize, digit: u32| if at.is_multiple_of(2) { digit * 2 / 10 + digit * 2 % 10 } else { digit };
        let sum: u32 = digits.iter().enumerate().map(|(at, digit)| doubled(at, *digit)).sum();
        sum.is_multiple_of(10)
    })
}

fn is_australian(id: &str) -> bool {
    exactly(id, 11).filter(|digits| digits[0] > 0).is_some_and(|mut digits| {
        digits[0] -= 1;
        weighted(&digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]).is_multiple_of(89)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-INV-3, PEPPOL-COMMON-R040 to R050: numbers that are in use pass, one digit off does not.
    #[test]
    fn check_digits_tell_a_slip_of_the_pen() {
        let known = [
            ("0088", "7300010000001", "7300010000002"),
            ("0192", "974760673", "974760674"),
            ("0184", "DK12345674", "DK1234567"),
            ("0208", "0202239951", "0202239952"),
            ("0007", "5560360793", "5560360794"),
            ("0151", "51824753556", "51824753557"),
        ];
        for (scheme, right, wrong) in known {
            assert_eq!(broken_rule(scheme, right), None, "{scheme} {right}");
            assert!(broken_rule(scheme, wrong).is_some(), "{scheme} {wrong}");
        }
        assert!(is_iban("DE89 3704 0044 0532 0130 00") && is_iban("GB29NWBK60161331926819"));
        assert!(!is_iban("DE89 3704 0044 0532 0130 01") && !is_iban("DE8") && !is_iban("ÄÖ89370400440532013000"));
    }
}
