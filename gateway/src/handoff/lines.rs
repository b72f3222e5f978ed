//! What the ERP did of each line of an order, as it is stored.

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
}

impl From<pb::LineStatus> for LineDone {
    fn from(line: pb::LineStatus) -> Self {
        let text = |quantity: Option<type_::Decimal>| quantity.map(|it| it.value);
        let (confirmed, delivered) = (text(line.confirmed_quantity), text(line.delivered_quantity));
        Self { line_id: line.line_id, confirmed, delivered }
    }
}

impl From<LineDone> for pb::LineStatus {
    fn from(line: LineDone) -> Self {
        let wire = |quantity: Option<String>| quantity.map(|value| type_::Decimal { value });
        let (confirmed_quantity, delivered_quantity) = (wire(line.confirmed), wire(line.delivered));
        Self { line_id: line.line_id, confirmed_quantity, delivered_quantity }
    }
}
