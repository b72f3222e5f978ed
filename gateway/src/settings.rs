//! What an operator gives the gateway, and what the installation decides about the way of its deals while it runs.

use dealflow_chassis::settings::{Setting, Spec};
use dealflow_proto::google::type_::Decimal;
use dealflow_proto::types::v1::{Vat, VatCategory};

use crate::handoff;

/// Whether the opportunity of a lead that awaits its sale starts a process (R-LED-3).
pub const RUN_OPPORTUNITY_PROCESS: Setting<bool> = Setting::flag(
    "gateway.run_opportunity_process",
    true,
    "Whether the opportunity of a lead that reaches AWAITING_SALE starts its process; where not, it is opened without \
     one, unless the caller names one",
);

/// The process that a lead starts where the caller names none.
pub const DEFAULT_PROCESS: Setting<String> = Setting::text(
    "gateway.default_process",
    "processes/corporate-sale",
    "The process that a lead's opportunity starts where the caller names none",
);

/// The currency of a deal that names none.
pub const DEFAULT_CURRENCY: Setting<String> =
    Setting::text("gateway.default_currency", "USD", "The currency of a deal that names none, ISO 4217");

/// What is to be done for the account after a win (R-OPP-5).
pub(crate) const AFTER_WIN: Setting<Vec<String>> = Setting::list(
    "gateway.after_win",
    &["CALL 14: Ask whether everything is as the customer expected"],
    "Activities on the account after a win, ten at most: type (TASK, CALL, EMAIL, MEETING), days after the win, and \
     subject, as in `CALL 14: Ask whether all runs well`; what says something else is passed over",
);

/// What an installation decides of this part while it runs.
pub static SETTINGS: &[Spec] =
    &[AFTER_WIN.spec(), RUN_OPPORTUNITY_PROCESS.spec(), DEFAULT_PROCESS.spec(), DEFAULT_CURRENCY.spec()];

/// The gateway's settings, as a value: the program fills it from flags and environment.
#[derive(Debug, Clone)]
pub struct Settings {
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
            legal_entity: "default".to_owned(),
            line_vat: Vat { category: VatCategory::Standard.into(), rate: Some(Decimal { value: "20".to_owned() }) },
            handoff: handoff::Settings::default(),
        }
    }
}
