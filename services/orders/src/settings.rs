//! What an installation decides about its documents.

use std::time::Duration;

use chrono_tz::Tz;
use dealflow_chassis::settings::{Setting, Value};
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
    "How much more than what is delivered may be billed where it is asked for, 0 to 100 percent of the quantity",
)
.checked(is_percentage);

/// What stands in a bill where the buyer asked to see nothing (BT-10): Peppol wants it, or the customer's order number.
pub const BUYER_REFERENCE: Setting<String> = Setting::text(
    "orders.buyer_reference",
    "",
    "What a bill says as the buyer's reference (BT-10) where it is made without one, 200 characters at most; Peppol wants \
     it wherever there is no order number of the customer's",
)
.checked(fits_200);

/// Why something is exempt, where the bill is made without saying it (BT-120).
pub const EXEMPTION_REASON: Setting<String> = Setting::text(
    "orders.exemption_reason",
    "",
    "Why the lines of a bill that are exempt from VAT (category E) are so (BT-120), where it is made without saying it, \
     1000 characters at most",
)
.checked(fits_1000);

/// Whether a quote that expired can be accepted (R-QUO-4).
pub const REFUSE_EXPIRED: Setting<bool> = Setting::flag(
    "orders.refuse_expired_quotes",
    true,
    "Whether a quote cannot be accepted any more when its last day has passed; where not, it can be accepted late, also \
     after it was closed for that",
);

fn is_percentage(value: &Value) -> Result<(), String> {
    match value {
        Value::Decimal(percent) if !(Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(percent) => {
            Err("0 to 100 per cent".to_owned())
        }
        _ => Ok(()),
    }
}

fn fits_200(value: &Value) -> Result<(), String> {
    fits(value, 200)
}

fn fits_1000(value: &Value) -> Result<(), String> {
    fits(value, 1000)
}

fn fits(value: &Value, most: usize) -> Result<(), String> {
    match value {
        Value::Text(text) if text.chars().count() > most => Err(format!("at most {most} characters")),
        _ => Ok(()),
    }
}

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
