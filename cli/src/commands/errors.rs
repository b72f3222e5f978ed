//! `dealflow errors`: the catalogue of refusals, from the contract itself.

use anyhow::Context as _;
use clap::Args;
use dealflow_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use serde_json::json;

use crate::show;

/// Where the catalogue stands, and what its names begin with.
const FILE: &str = "dealflow/errors/v1/errors.proto";
const PREFIX: &str = "ERROR_REASON_";
/// The numbers of the fields `enum_type` and `value` on the way to a comment.
const ENUMS: i32 = 5;
const VALUES: i32 = 2;

/// Arguments of `errors`.
#[derive(Debug, Args)]
pub struct Errors {
    /// As data
    #[arg(long)]
    json: bool,
}

/// One refusal: `STALE_ETAG`, `ABORTED`, and what it means.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// `ErrorInfo.reason`.
    pub reason: String,
    /// The gRPC code, or several.
    pub code: String,
    /// What it means, and what its details hold.
    pub meaning: String,
}

impl Errors {
    /// Prints the catalogue.
    pub async fn run(self) -> anyhow::Result<()> {
        let all = catalogue()?;
        if self.json {
            let rows: Vec<_> =
                all.iter().map(|it| json!({ "reason": it.reason, "code": it.code, "meaning": it.meaning })).collect();
            return show::json::print(&json!({ "domain": "dealflow", "reasons": rows }));
        }
        let mut table = show::table(&["reason", "code", "meaning"]);
        for it in &all {
            table.add_row([&it.reason, &it.code, &it.meaning]);
        }
        println!("{table}");
        Ok(())
    }
}

/// All reasons, in the order of the contract.
pub fn catalogue() -> anyhow::Result<Vec<Entry>> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET)?;
    let file = set.file.iter().find(|file| file.name() == FILE).context("the contract has no catalogue of refusals")?;
    let reasons = file.enum_type.first().context("the catalogue is empty")?;
    let told = reasons.value.iter().enumerate().filter(|(_, value)| value.number() != 0);
    told.map(|(index, value)| {
        let reason = value.name().trim_start_matches(PREFIX).to_owned();
        let comment = comment(file, &[ENUMS, 0, VALUES, i32::try_from(index)?]);
        let (code, meaning) = comment.split_once(": ").with_context(|| format!("{reason} says no code"))?;
        Ok(Entry { reason, code: code.to_owned(), meaning: meaning.to_owned() })
    })
    .collect()
}

/// The comment before an element, on one line.
fn comment(file: &FileDescriptorProto, path: &[i32]) -> String {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let found = locations.into_iter().find(|location| location.path == path);
    let lines = found.map(|location| location.leading_comments().to_owned()).unwrap_or_default();
    lines.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_the_contract_is_told_with_its_code_and_a_meaning() {
        let all = catalogue().expect("every reason says its code");
        assert!(all.len() > 20, "{}", all.len());
        let codes: Vec<String> = (1..=16).map(|code| format!("{:?}", tonic::Code::from_i32(code))).collect();
        for entry in &all {
            let spelt =
                |code: &str| code.split('_').map(|it| it[..1].to_owned() + &it[1..].to_lowercase()).collect::<String>();
            assert!(entry.code.split(" or ").all(|code| codes.contains(&spelt(code))), "{entry:?}");
            assert!(entry.meaning.ends_with('.') && !entry.reason.contains("ERROR_REASON"), "{entry:?}");
        }
        let stale = all.iter().find(|entry| entry.reason == "STALE_ETAG").expect("it is one of them");
        assert_eq!(stale.code, "ABORTED");
        assert!(stale.meaning.starts_with("the record changed since it was read"), "{}", stale.meaning);
    }
}
