//! What the ERP did of each line of an order, as it is stored.

use dealflow_proto::convert;
use dealflow_proto::erp::v1 as pb;
use dealflow_proto::google::type_;
use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};

/// What the ERP did of each line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Lines(pub Vec<LineDone>);

/// What the ERP did of one line, all in all; quantities as it wrote them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LineDone {
    /// The line.
    pub line_id: String,
    /// How much of it was agreed to; all where it is absent.
    pub confirmed: Option<String>,
    /// How much of it was delivered.
    pub delivered: Option<String>,
    /// The most that it ever said was delivered, where that is more.
    pub most: Option<String>,
}

impl Lines {
    /// What the ERP says of the lines now, after this: what it takes back is not forgotten.
    pub(super) fn then(&self, told: &[pb::LineStatus]) -> Self {
        let before = |line_id: &str| self.0.iter().find(|line| line.line_id == line_id);
        let read = |quantity: &Option<String>| {
            let wire = type_::Decimal { value: quantity.clone()? };
            convert::decimal_from(&wire).ok()
        };
        let after = told.iter().cloned().map(LineDone::from).map(|line| {
            let known = before(&line.line_id).and_then(|line| line.most.clone().or_else(|| line.delivered.clone()));
            let (most, now) = (read(&known).unwrap_or_default(), read(&line.delivered).unwrap_or_default());
            LineDone { most: known.filter(|_| most.abs() > now.abs()), ..line }
        });
        Self(after.collect())
    }

    /// Lines of which the ERP said before that more was delivered.
    pub(super) fn taken_back(&self) -> Vec<pb::LineStatus> {
        self.0.iter().filter(|line| line.most.is_some()).cloned().map(Into::into).collect()
    }
}

impl From<pb::LineStatus> for LineDone {
    fn from(line: pb::LineStatus) -> Self {
        let text = |quantity: Option<type_::Decimal>| quantity.map(|it| it.value);
        let (confirmed, delivered) = (text(line.confirmed_quantity), text(line.delivered_quantity));
        Self { line_id: line.line_id, confirmed, delivered, most: None }
    }
}

impl From<LineDone> for pb::LineStatus {
    fn from(line: LineDone) -> Self {
        let wire = |quantity: Option<String>| quantity.map(|value| type_::Decimal { value });
        let (confirmed_quantity, delivered_quantity) = (wire(line.confirmed), wire(line.delivered));
        Self { line_id: line.line_id, confirmed_quantity, delivered_quantity }
    }
}
