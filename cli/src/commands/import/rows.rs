//! The four files as they are: typed rows, and what is wrong with the others.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context as _;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A row of `accounts.csv`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Account {
    pub account: String,
    pub sector: String,
    pub year_established: i32,
    /// Million USD.
    pub revenue: Decimal,
    pub employees: i32,
    pub office_location: String,
    pub subsidiary_of: String,
}

/// A row of `products.csv`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Product {
    pub product: String,
    pub series: String,
    /// List price in USD.
    pub sales_price: Decimal,
}

/// A row of `sales_teams.csv`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Agent {
    pub sales_agent: String,
    pub manager: String,
    pub regional_office: String,
}

/// A row of `sales_pipeline.csv`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Deal {
    pub opportunity_id: String,
    pub sales_agent: String,
    pub product: String,
    pub account: String,
    pub deal_stage: Stage,
    pub engage_date: Option<NaiveDate>,
    pub close_date: Option<NaiveDate>,
    pub close_value: Option<Decimal>,
}

/// Where a deal of the source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub(super) enum Stage {
    Prospecting,
    Engaging,
    Won,
    Lost,
}

/// A row that was not imported, and why.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Reject {
    /// The file.
    pub file: String,
    /// The line in the file, the header being line 1.
    pub line: u64,
    /// The row's own id, where it has one.
    pub id: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// Reads a file; rows that cannot be read are rejected with their line, the others go on.
pub(super) fn read<T: DeserializeOwned>(
    folder: &Path,
    file: &str,
    rejects: &mut Vec<Reject>,
) -> anyhow::Result<Vec<(u64, T)>> {
    let path = folder.join(file);
    let open = File::open(&path);
    let open =
        open.with_context(|| format!("{} cannot be read; the folder must hold the four files", path.display()))?;
    read_from(open, file, rejects).with_context(|| format!("{} has no header", path.display()))
}

/// The same of what the file holds.
///
/// # Errors
/// Where not even a header can be read.
fn read_from<T: DeserializeOwned>(
    content: impl Read,
    file: &str,
    rejects: &mut Vec<Reject>,
) -> Result<Vec<(u64, T)>, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(content);
    let headers = reader.headers()?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                match record.deserialize(Some(&headers)) {
                    Ok(row) => rows.push((line, row)),
                    Err(error) => rejects.push(Reject {
                        file: file.to_owned(),
                        line,
                        id: record.get(0).unwrap_or_default().to_owned(),
                        reason: error.to_string(),
                    }),
                }
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                let reason = error.to_string();
                rejects.push(Reject { file: file.to_owned(), line, id: String::new(), reason });
            }
        }
    }
    Ok(rows)
}

impl Deal {
    /// What is wrong with a deal, before anything of it is sent.
    pub(super) fn check(&self) -> Result<(), String> {
        let closed = matches!(self.deal_stage, Stage::Won | Stage::Lost);
        if self.opportunity_id.is_empty() {
            return Err("opportunity_id is empty".to_owned());
        }
        if closed && (self.engage_date.is_none() || self.close_date.is_none()) {
            return Err("a closed deal needs engage_date and close_date".to_owned());
        }
        if let (Some(engage), Some(close)) = (self.engage_date, self.close_date)
            && close < engage
        {
            return Err(format!("close_date {close} is before engage_date {engage}"));
        }
        if self.deal_stage == Stage::Won && self.close_value.is_none() {
            return Err("a won deal needs close_value".to_owned());
        }
        if self.close_value.is_some_and(|value| value.is_sign_negative()) {
            return Err("close_value is negative".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use dealflow_testbed::{Said, fuzz};

    use super::*;

    /// Each row of the four files is a deal that can be checked, or is rejected with its line; none is lost.
    #[test]
    fn fuzz_crm_import() {
        let seed: &[u8] = b"opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n1C1I7A6R,Moses Frase,GTX Plus Basic,Cancity,Won,2016-10-20,2017-03-01,1054.0\nZ063OYW0,Darcel Schlecht,GTXPro,,Engaging,2016-10-25,,\n";
        let words = [
            ",",
            "\n",
            "\r\n",
            "\"",
            "\"\"",
            "Won",
            "Lost",
            "Prospecting",
            "2016-02-30",
            "1054.0",
            "-0",
            "1e9",
            "opportunity_id",
            "deal_stage",
        ];
        fuzz("CRM import", &[seed], &words, |input| {
            let mut rejects = Vec::new();
            let read = read_from::<Deal>(input, "sales_pipeline.csv", &mut rejects);
            let Ok(rows) = read else { return Said::of(&read) };
            assert!(rejects.iter().all(|reject| !reject.reason.is_empty()));
            let lines = input.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
            assert!(rows.len() + rejects.len() <= lines, "{} rows of {lines} lines", rows.len() + rejects.len());
            let wrong = rows.iter().find_map(|(_, deal)| deal.check().err());
            match (rows.is_empty(), wrong.or_else(|| rejects.pop().map(|reject| reject.reason))) {
                (_, Some(wrong)) => Said::No(wrong),
                (true, None) => Said::No("no row".to_owned()),
                (false, None) => Said::Yes,
            }
        });
    }
}
