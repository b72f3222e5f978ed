//! What a source does not say, and how it spells the same thing: a profile beside the files.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use anyhow::Context as _;
use chrono::NaiveTime;
use dealflow_proto::convert;
use dealflow_proto::google::type_::{Decimal as WireDecimal, Money};
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::types::v1::{Bant, BudgetStatus, Need, Vat, VatCategory};
use rust_decimal::Decimal;
use serde::Deserialize;
use tonic::Status;

use super::rows::Stage;

/// What the source does not say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    aliases: Aliases,
    currency: String,
    vat_category: String,
    pub day_starts_at: NaiveTime,
    pub process: String,
    bant: BantText,
    pub lost: Lost,
    stages: HashMap<Stage, Vec<String>>,
    pub payment_days: i32,
}

/// Other spellings of the same thing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Aliases {
    products: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct BantText {
    budget_status: String,
    need: String,
    need_text: String,
}

/// How a lost deal is closed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lost {
    reason: String,
    pub comment: String,
}

impl Profile {
    /// The profile of a file, or the built-in one.
    pub(super) fn read(file: Option<&PathBuf>) -> anyhow::Result<Self> {
        let text = match file {
            Some(file) => std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?,
            None => include_str!("crm.json").to_owned(),
        };
        serde_json::from_str(&text).context("the profile is not understood")
    }

    /// The product that a word of the source means.
    pub(super) fn product<'a>(&'a self, word: &'a str) -> &'a str {
        self.aliases.products.get(word).map_or(word, String::as_str)
    }

    pub(super) fn stages(&self, stage: Stage) -> &[String] {
        self.stages.get(&stage).map_or(&[], Vec::as_slice)
    }

    pub(super) fn money(&self, amount: Decimal) -> Result<Money, Status> {
        convert::money(amount, &self.currency).map_err(|error| Status::invalid_argument(error.to_string()))
    }

    pub(super) fn bant(&self) -> Bant {
        let enum_name = |prefix: &str, word: &str| format!("{prefix}_{word}");
        Bant {
            budget_status: BudgetStatus::from_str_name(&enum_name("BUDGET_STATUS", &self.bant.budget_status))
                .unwrap_or_default()
                .into(),
            need: Need::from_str_name(&enum_name("NEED", &self.bant.need)).unwrap_or_default().into(),
            need_text: self.bant.need_text.clone(),
            ..Bant::default()
        }
    }

    /// The VAT of every product.
    pub(super) fn vat(&self) -> anyhow::Result<Vat> {
        let category = VatCategory::from_str_name(&format!("VAT_CATEGORY_{}", self.vat_category))
            .with_context(|| format!("`{}` is no VAT category", self.vat_category))?;
        Ok(Vat { category: category.into(), rate: Some(WireDecimal { value: "0".to_owned() }) })
    }
}

impl Lost {
    pub(super) fn reason(&self) -> Result<LoseReason, Status> {
        LoseReason::from_str_name(&format!("LOSE_REASON_{}", self.reason))
            .ok_or_else(|| Status::invalid_argument(format!("`{}` is no reason of loss", self.reason)))
    }
}
