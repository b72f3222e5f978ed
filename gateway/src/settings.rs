//! What an installation decides about the way of its deals.

use dealflow_proto::google::type_::Decimal;
use dealflow_proto::types::v1::{Vat, VatCategory};

use crate::handoff;

/// The gateway's settings, as a value: the program fills it from flags and environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The process that a qualified lead starts where the caller names none.
    pub default_process: String,
    /// Open an opportunity for a lead that was qualified in its service directly (R-LED-3).
    pub run_opportunity_process: bool,
    /// The legal entity that sells, as the ERP knows it.
    pub legal_entity: String,
    /// VAT of a line that stands for a deal without lines: what is sold is not a product, so nothing else says it.
    pub line_vat: Vat,
    /// How documents are handed to the ERP.
    pub handoff: handoff::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_process: "processes/corporate-sale".to_owned(),
            run_opportunity_process: true,
            legal_entity: "default".to_owned(),
            line_vat: Vat { category: VatCategory::Standard.into(), rate: Some(Decimal { value: "20".to_owned() }) },
            handoff: handoff::Settings::default(),
        }
    }
}
