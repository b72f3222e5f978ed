//! What an installation decides about its documents.

use std::time::Duration;

use chrono_tz::Tz;
use dealflow_chassis::settings::Setting;
use rust_decimal::Decimal;

/// Who invoices (R-INV-2).
pub const INVOICING_AUTHORITY: Setting<String> = Setting::text(
    "orders.invoicing_authority",
    INTERNAL,
    "Who invoices: INTERNAL, we invoice and hand over; ERP, the ERP invoices and its invoices are taken over",
)
.one_of(&[INTERNAL, ERP]);

/// How much more than what is delivered may be billed where it is asked for (R-INV-1).
pub const OVER_BILLING_PERCENT: Setting<Decimal> = Setting::decimal(
    "orders.over_billing_percent",
    Decimal::ZERO,
    "How much more than what is delivered may be billed where it is asked for, in percent of the quantity",
);

/// We invoice.
pub(crate) const INTERNAL: &str = "INTERNAL";
/// The ERP invoices.
pub(crate) const ERP: &str = "ERP";

/// What does not change while the part runs, as a value: the program fills it, tests pass what they need.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the company is: which day it is there decides when a quote expires and an invoice is due.
    pub time_zone: Tz,
    /// How often the service looks for quotes whose last day has passed.
    pub sweep: Duration,
    /// Who acts for the ERP: from SUBMITTED on only they cancel an order (R-ORD-1).
    pub integration: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            time_zone: Tz::UTC,
            sweep: Duration::from_secs(60),
            integration: vec!["erp".to_owned(), "integration".to_owned()],
        }
    }
}
