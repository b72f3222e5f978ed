//! Normalised values: two ways to write the same thing give the same key (R-LED-4).
//!
//! A key is for finding candidates, so it rather finds one too many; a person decides.

/// Legal forms at the end of a company's name. `co` stands for `& Co.`.
const FORMS_BEHIND: &[&str] = &[
    "ab",
    "ag",
    "aps",
    "as",
    "asa",
    "bv",
    "co",
    "company",
    "corp",
    "corporation",
    "doo",
    "eg",
    "ek",
    "ev",
    "gbr",
    "gmbh",
    "inc",
    "incorporated",
    "kft",
    "kg",
    "kgaa",
    "limited",
    "llc",
    "llp",
    "lp",
    "ltd",
    "mbh",
    "nv",
    "ohg",
    "oy",
    "oyj",
    "plc",
    "pte",
    "pty",
    "sa",
    "sarl",
    "sas",
    "se",
    "sl",
    "snc",
    "spa",
    "spzoo",
    "srl",
    "sro",
    "ug",
    "zrt",
    "ао",
    "зао",
    "ип",
    "оао",
    "ооо",
    "пао",
    "тоо",
];
/// Legal forms before a company's name.
const FORMS_BEFORE: &[&str] = &["ао", "зао", "ип", "оао", "ооо", "пао", "тоо"];
/// What joins a name to its legal form: `Smith and Co`.
const JOINTS: &[&str] = &["and", "und", "et", "и"];
/// Shorter numbers are extensions, not somebody's telephone.
const LEAST_DIGITS: usize = 5;

/// A company's name without case, punctuation and legal form; none where nothing is left.
pub fn company(name: &str) -> Option<String> {
    let words = words(name);
    let mut rest = words.as_slice();
    while let [first, more @ ..] = rest
        && !more.is_empty()
        && FORMS_BEFORE.contains(&first.as_str())
    {
        rest = more;
    }
    let mut stripped = false;
    while let [more @ .., last] = rest
        && !more.is_empty()
        && (FORMS_BEHIND.contains(&last.as_str()) || stripped && JOINTS.contains(&last.as_str()))
    {
        rest = more;
        stripped = true;
    }
    some(rest.concat())
}

/// A person's name without case and punctuation.
pub fn person(given: &str, family: &str) -> Option<String> {
    some([words(given), words(family)].concat().join(" "))
}

/// A VAT id without blanks, points and hyphens.
pub fn vat(id: &str) -> Option<String> {
    some(id.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect())
}

/// An e-mail address without case.
pub fn email(address: &str) -> Option<String> {
    some(address.trim().to_lowercase())
}

/// A telephone number's digits: `+49 (0)30 1234` and `0049-30-1234` are one.
pub fn phone(number: &str) -> Option<String> {
    let national = number.replace("(0)", "");
    let digits: String = national.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.strip_prefix("00").unwrap_or(&digits);
    (digits.len() >= LEAST_DIGITS).then(|| digits.to_owned())
}

/// Words in lower case. Points and apostrophes vanish (`G.m.b.H.`), other punctuation parts words.
fn words(name: &str) -> Vec<String> {
    let spaced: String = name
        .replace(['.', '\'', '’', '`'], "")
        .to_lowercase()
        .replace('ё', "е")
        .replace("sp z oo", "spzoo")
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    spaced.split_whitespace().map(str::to_owned).collect()
}

fn some(key: String) -> Option<String> {
    (!key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(names: &[&str]) {
        let keys: Vec<_> = names.iter().map(|name| company(name)).collect();
        assert!(keys.iter().all(|key| key.is_some() && *key == keys[0]), "{names:?} gave {keys:?}");
    }

    #[test]
    fn ways_to_write_one_company_give_one_key() {
        same(&["ACME GmbH", "Acme", "acme G.m.b.H.", "A.C.M.E. gmbh", "Acme, GmbH & Co. KG"]);
        same(&["Nord-Stern Ltd.", "NORDSTERN LIMITED", "Nord Stern, Inc."]);
        same(&["ООО «Ромашка»", "Ромашка ООО", "ромашка"]);
        same(&["Smith and Co Ltd", "Smith & Co.", "smith"]);
        same(&["Wisła Sp. z o.o.", "WISŁA"]);
    }

    #[test]
    fn different_companies_and_empty_names_have_no_key_in_common() {
        assert_ne!(company("Smith and Sons Ltd"), company("Smith Ltd"));
        assert_eq!(company("AG").as_deref(), Some("ag"), "a name that is nothing but a legal form is a name");
        assert_eq!(company(" . - "), None);
    }

    #[test]
    fn numbers_and_addresses_are_compared_without_their_punctuation() {
        assert_eq!(phone("+49 (0)30 123-456"), phone("0049 30 123456"));
        assert_eq!(phone("ext. 12"), None);
        assert_eq!(vat("de 123.456.789"), vat("DE123456789"));
        assert_eq!(email(" Anna@Example.COM "), email("anna@example.com"));
        assert_eq!(person("Anna-Lena", "O'Neil"), person("anna lena", "ONEIL"));
    }
}
