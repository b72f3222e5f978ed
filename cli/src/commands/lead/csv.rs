//! A CSV file as leads: which column is which field, and what is wrong with a row (R-LED-2).
//!
//! Files come from everywhere: with a byte order mark, semicolons or tabs, quotes and line breaks in fields, quotes that
//! nobody closed, in the wrong encoding, with rows that are too short or too long. Nothing of it ends the import: a row
//! that cannot be read is told with its number. The header is row 1; empty lines do not count.

use std::str::FromStr;

use anyhow::{Context as _, anyhow, bail};
use dealflow_proto::convert;
use dealflow_proto::leads::v1::Lead;
use dealflow_proto::leads::v1::lead::Source;
use dealflow_proto::types::v1::Address;
use rust_decimal::Decimal;

use super::records::{Record, Records};

/// A row with more bytes than this is no lead; a server would not take it either.
const MAX_ROW: usize = 1024 * 1024;

/// The columns that are understood, with what else they may be called; letters and digits count, case does not.
const COLUMNS: [(&str, &[&str]); 21] = [
    ("title", &["subject", "topic"]),
    ("company_name", &["company", "account", "organisation", "organization", "firm"]),
    ("given_name", &["firstname", "forename"]),
    ("family_name", &["lastname", "surname", "name"]),
    ("email", &["emailaddress", "mail"]),
    ("phone", &["telephone", "tel", "phonenumber", "mobile"]),
    ("vat_id", &["vat", "vatnumber", "vatin"]),
    ("source", &["leadsource"]),
    ("channel", &[]),
    ("campaign", &[]),
    ("owner", &["employee"]),
    ("estimated_value", &["value", "amount", "budget"]),
    ("currency", &["currencycode"]),
    ("notes", &["note", "comment", "comments", "remarks", "description"]),
    ("external_id", &["id", "leadid", "reference"]),
    ("street", &["address"]),
    ("city", &["town"]),
    ("postal_code", &["zip", "zipcode", "postcode"]),
    ("region", &["county", "province"]),
    ("country_code", &["country"]),
    ("-", &[]),
];

/// The fields that may have several lines. In another a line break is the sign of a quote that nobody closed: what
/// follows it may be rows.
const SEVERAL_LINES: [&str; 2] = ["notes", "street"];

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) row: i64,
    pub(super) field: String,
    pub(super) reason: String,
}

/// A file that was read.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// The rows that are leads.
    pub(super) rows: Vec<(i64, Lead)>,
    /// Those that are not.
    pub(super) wrong: Vec<Wrong>,
    /// Columns that nothing was taken from.
    pub(super) unused: Vec<String>,
}

/// Reads a file. `renamed` holds `HEADER=field` pairs; `-` as field leaves a column out.
pub(super) fn read(bytes: &[u8], delimiter: Option<u8>, renamed: &[(String, String)]) -> anyhow::Result<Sheet> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        bail!("the file is UTF-16; save it as UTF-8");
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    let delimiter = delimiter.unwrap_or_else(|| likely(bytes));
    let mut records = Records::new(bytes, delimiter);
    let header = records.next().context("the file is empty: its first row names the columns")?;
    let header = header.map_err(|fault| anyhow!("the header cannot be read: {}", fault.reason))?;
    let (columns, unused) = columns(&header, renamed)?;
    records.expect(columns.len());
    let mut sheet = Sheet { unused, ..Sheet::default() };
    for (record, row) in records.zip(2..) {
        let record = record.map_err(|fault| {
            let field = columns.get(fault.field).copied().flatten().unwrap_or_default();
            (field.to_owned(), fault.reason)
        });
        match record.and_then(|record| lead(&columns, &record)) {
            Ok(None) => {}
            Ok(Some(lead)) => sheet.rows.push((row, lead)),
            Err((field, reason)) => sheet.wrong.push(Wrong { row, field, reason }),
        }
    }
    Ok(sheet)
}

/// The delimiter that stands most often in the first line.
fn likely(bytes: &[u8]) -> u8 {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| first.iter().filter(|byte| **byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// Which field each column is, and the headers that are none.
fn columns(header: &Record, renamed: &[(String, String)]) -> anyhow::Result<(Vec<Option<&'static str>>, Vec<String>)> {
    let known: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let (mut fields, mut unused) = (Vec::new(), Vec::new());
    for (from, to) in renamed {
        if !known.contains(&to.as_str()) {
            bail!("`{to}` is no field of a lead; known are {}", known.join(", "));
        }
        if !header.iter().any(|text| plain(text) == plain(from.as_bytes())) {
            bail!("there is no column `{from}`");
        }
    }
    for text in header {
        let said = plain(text);
        let wanted = renamed.iter().find(|(from, _)| plain(from.as_bytes()) == said).map(|(_, to)| to.as_str());
        let found = COLUMNS.iter().find(|(name, others)| match wanted {
            Some(wanted) => *name == wanted,
            None => *name != "-" && (plain(name.as_bytes()) == said || others.contains(&said.as_str())),
        });
        let field = found.map(|(name, _)| *name).filter(|name| *name != "-");
        if let Some(field) = field
            && fields.contains(&Some(field))
        {
            bail!("two columns are `{field}`; say which with --map, and leave one out with `--map HEADER=-`");
        }
        if field.is_none() {
            unused.push(String::from_utf8_lossy(text).into_owned());
        }
        fields.push(field);
    }
    if fields.iter().all(Option::is_none) {
        bail!("no column is known by its header; known are {}; name others with --map", known.join(", "));
    }
    Ok((fields, unused))
}

fn plain(header: &[u8]) -> String {
    let text = String::from_utf8_lossy(header);
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The lead of a row; none where the row is blank.
fn lead(columns: &[Option<&'static str>], record: &Record) -> Result<Option<Lead>, (String, String)> {
    if record.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    let size: usize = record.iter().map(Vec::len).sum();
    if size > MAX_ROW {
        return Err((String::new(), format!("the row has {size} bytes: is a quote not closed?")));
    }
    if record.len() != columns.len() {
        let reason = format!("the row has {} fields, the header {}", record.len(), columns.len());
        return Err((String::new(), reason));
    }
    let (mut lead, mut address) = (Lead::default(), Address::default());
    let (mut amount, mut currency) = ("", "");
    for (field, bytes) in columns.iter().zip(record) {
        let Some(field) = *field else { continue };
        let wrong = |reason: &str| (field.to_owned(), reason.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8; save the file as UTF-8"))?.trim();
        if text.contains(['\n', '\r']) && !SEVERAL_LINES.contains(&field) {
            return Err(wrong(
                "has a line break: is its quote closed where it should be? What it holds was not read as rows",
            ));
        }
        match field {
            "estimated_value" => amount = text,
            "currency" => currency = text,
            "source" => lead.source = source(text).map_err(|reason| wrong(&reason))?.into(),
            field => {
                if let Some(place) = place(&mut lead, &mut address, field) {
                    text.clone_into(place);
                }
            }
        }
    }
    address.country_code.make_ascii_uppercase();
    if address != Address::default() {
        lead.address = Some(address);
    }
    if !amount.is_empty() {
        let wrong = |reason: String| ("estimated_value".to_owned(), reason);
        let value = Decimal::from_str(amount).map_err(|_| wrong(format!("`{amount}` is no number such as 1234.50")))?;
        if currency.is_empty() {
            return Err(("currency".to_owned(), "says nothing; an amount needs its currency".to_owned()));
        }
        let money = convert::money(value, &currency.to_uppercase()).map_err(|error| wrong(error.to_string()))?;
        lead.estimated_value = Some(money);
    }
    Ok(Some(lead))
}

/// Where the text of a field goes.
fn place<'a>(lead: &'a mut Lead, address: &'a mut Address, field: &str) -> Option<&'a mut String> {
    Some(match field {
        "title" => &mut lead.title,
        "company_name" => &mut lead.company_name,
        "given_name" => &mut lead.given_name,
        "family_name" => &mut lead.family_name,
        "email" => &mut lead.email,
        "phone" => &mut lead.phone,
        "vat_id" => &mut lead.vat_id,
        "channel" => &mut lead.channel,
        "campaign" => &mut lead.campaign,
        "owner" => &mut lead.owner,
        "notes" => &mut lead.notes,
        "external_id" => &mut lead.external_id,
        "street" => &mut address.street,
        "city" => &mut address.city,
        "postal_code" => &mut address.postal_code,
        "region" => &mut address.region,
        "country_code" => &mut address.country_code,
        _ => return None,
    })
}

/// A source as people write it: `Trade show`, `trade-show`, `TRADE_SHOW`.
pub(super) fn source(text: &str) -> Result<Source, String> {
    let word: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let sources = || (1..).map_while(|number| Source::try_from(number).ok());
    let name = |source: &Source| source.as_str_name().trim_start_matches("SOURCE_");
    if word.is_empty() {
        return Ok(Source::Unspecified);
    }
    sources().find(|source| name(source) == word).ok_or_else(|| {
        let known: Vec<&str> = sources().map(|source| source.as_str_name().trim_start_matches("SOURCE_")).collect();
        format!("`{text}` is no source; known are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(text: &[u8]) -> Sheet {
        read(text, None, &[]).expect("a sheet")
    }

    /// R-LED-2: each row is a lead or is told with its number; none is lost, none counts twice.
    #[test]
    fn fuzz_lead_import() {
        let seeds: [&[u8]; 3] = [
            b"company,value,currency,source\nA,1234.50,eur,\nB,5,USD,Trade show\n",
            b"\xef\xbb\xbfCompany;First name;E-Mail;Notes\r\n\"Berg; S\xc3\xb6hne\";Erika;e@b.example;\"says \"\"yes\"\"\"\r\n",
            b"title\tcountry\townerx\nA\tDE\t\n",
        ];
        let words = [
            ",",
            ";",
            "\t",
            "\n",
            "\r\n",
            "\"",
            "\"\"",
            "company",
            "value",
            "currency",
            "EUR",
            "owner",
            "employees/",
            "email",
            "1e400",
            "-79228162514264337593543950335",
            "external_id",
            "\u{feff}",
            "country_code",
            "moon",
        ];
        dealflow_testbed::fuzz("lead import", &seeds, &words, |input| {
            let read = read(input, None, &[]);
            let Ok(sheet) = &read else { return dealflow_testbed::Said::of(&read) };
            let mut rows: Vec<i64> = sheet.rows.iter().map(|(row, _)| *row).collect();
            rows.extend(sheet.wrong.iter().map(|wrong| wrong.row));
            rows.sort_unstable();
            assert!(rows.windows(2).all(|pair| pair[0] < pair[1]) && rows.iter().all(|row| *row >= 2), "{rows:?}");
            match sheet.wrong.last() {
                Some(wrong) => dealflow_testbed::Said::No(wrong.reason.clone()),
                None if sheet.rows.is_empty() => dealflow_testbed::Said::No("no row".to_owned()),
                None => dealflow_testbed::Said::Yes,
            }
        });
    }

    #[test]
    fn marks_quotes_semicolons_and_line_ends_of_all_kinds_are_understood() {
        let text = b"\xef\xbb\xbfCompany;First name;E-Mail;Notes;Lead source\r\n\
            \"Berg; S\xc3\xb6hne\";Erika;e@b.example;\"says \"\"yes\"\"\r\nand calls\";Trade show\r\n\
            \r\n;;;;\r\nOther;;;;\r\n";
        let sheet = sheet(text);
        assert_eq!(sheet.wrong, []);
        let (row, lead) = &sheet.rows[0];
        assert_eq!((*row, lead.company_name.as_str(), lead.given_name.as_str()), (2, "Berg; Söhne", "Erika"));
        assert_eq!((lead.notes.as_str(), lead.source()), ("says \"yes\"\r\nand calls", Source::TradeShow));
        assert_eq!(sheet.rows[1].1.company_name, "Other");
    }

    #[test]
    fn a_row_that_cannot_be_read_is_told_and_the_others_go_on() {
        let text = b"company,value,currency,source\nA,1234.50,eur,\nB,1.234,50,x,y\nM\xfcller,,,\nC,1e,EUR,\nD,5,,\nE,,,moon\n\
            F\n\"G\nH\",,,\n\"I,,,\n\"J, K\",,,web\n";
        let sheet = sheet(text);
        let told: Vec<_> = sheet.wrong.iter().map(|it| (it.row, it.field.as_str())).collect();
        let (value, company) = ("estimated_value", "company_name");
        let expected = [(3, ""), (4, company), (5, value), (6, "currency"), (7, "source"), (8, ""), (9, company)];
        assert_eq!(told[..7], expected);
        assert_eq!(told[7..], [(10, company)]);
        assert_eq!(sheet.wrong[5].reason, "the row has 1 fields, the header 4");
        let good: Vec<_> = sheet.rows.iter().map(|(row, lead)| (*row, lead.company_name.as_str())).collect();
        assert_eq!(good, [(2, "A"), (11, "J, K")]);
        let value = sheet.rows[0].1.estimated_value.as_ref().map(|it| (it.units, it.nanos, it.currency_code.as_str()));
        assert_eq!(value, Some((1234, 500_000_000, "EUR")));
    }

    #[test]
    fn columns_are_named_by_hand_where_their_headers_say_nothing() {
        let renamed = [("Kunde".to_owned(), "company_name".to_owned()), ("Name".to_owned(), "-".to_owned())];
        let sheet = read(b"Kunde,Name,Farbe\nBerg,Erika,blau\n", None, &renamed).expect("a sheet");
        assert_eq!((sheet.rows[0].1.company_name.as_str(), sheet.rows[0].1.family_name.as_str()), ("Berg", ""));
        assert_eq!(sheet.unused, ["Name", "Farbe"]);
        let wrong =
            |renamed: &[(String, String)], text: &[u8]| read(text, None, renamed).map(drop).map_err(|e| e.to_string());
        assert!(wrong(&renamed, b"a,b\n").is_err_and(|e| e.contains("no column `Kunde`")));
        assert!(wrong(&[], b"a,b\n").is_err_and(|e| e.contains("--map")));
        assert!(wrong(&[], b"\xff\xfea\0").is_err_and(|e| e.contains("UTF-16")));
        assert!(wrong(&[], b"").is_err_and(|e| e.contains("empty")));
        assert!(wrong(&[], b"email,mail\n").is_err_and(|e| e.contains("two columns")));
    }

    #[test]
    fn whatever_the_bytes_nothing_panics_and_no_row_is_lost() {
        // A small generator of dirty files: the pieces that break readers, in every order a few thousand times.
        let pieces: [&[u8]; 12] =
            [b"\"", b",", b";", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"a", "ä".as_bytes(), b"\t", b"1.5"];
        let mut state = 1_u32;
        for _ in 0..3_000 {
            let mut text = b"company,email,value\n".to_vec();
            for _ in 0..30 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.extend(pieces[(state >> 16) as usize % pieces.len()]);
            }
            let sheet = sheet(&text);
            let mut rows: Vec<i64> =
                sheet.rows.iter().map(|it| it.0).chain(sheet.wrong.iter().map(|it| it.row)).collect();
            rows.sort_unstable();
            rows.dedup();
            assert_eq!(rows.len(), sheet.rows.len() + sheet.wrong.len(), "each row once");
        }
    }
}
