//! What an operator gives the gateway, and what the installation decides about the way of its deals while it runs.

use dealflow_chassis::settings::{Setting, Spec, Value};
use dealflow_money::Currency;
use dealflow_proto::google::type_::Decimal;
use dealflow_proto::names;
use dealflow_proto::types::v1::{Vat, VatCategory};

use crate::aftercare::{MOST_TEMPLATES, Template};
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
    "The process that a lead's opportunity starts where the caller names none: `processes/{process}` of the library",
)
.checked(is_process);

/// The currency of a deal that names none.
pub const DEFAULT_CURRENCY: Setting<String> =
    Setting::text("gateway.default_currency", "USD", "The currency of a deal that names none, ISO 4217")
        .checked(is_currency);

/// What becomes of the open quotes of a deal when it is won.
pub(crate) const OPEN_QUOTES_AT_WIN: Setting<String> = Setting::text(
    "gateway.open_quotes_at_win",
    CANCEL,
    "What a win does while other quotes than the one that is taken are open: CANCEL, it closes them; REFUSE, it is \
     refused until somebody closes them. The quote that a customer accepts supersedes the others in any case",
)
.one_of(&[CANCEL, REFUSE]);

/// Open quotes are closed with the win.
const CANCEL: &str = "CANCEL";
/// Open quotes refuse the win.
pub(crate) const REFUSE: &str = "REFUSE";

/// What is to be done for the account after a win (R-OPP-5).
pub(crate) const AFTER_WIN: Setting<Vec<String>> = Setting::list(
    "gateway.after_win",
    &["CALL 14: Ask whether everything is as the customer expected"],
    "Activities on the account after a win, ten at most: type (TASK, CALL, EMAIL, MEETING), days after the win, and \
     subject, as in `CALL 14: Ask whether all runs well`",
)
.checked(are_templates);

/// Which files a document brings to the ERP (R-INV-3). A PDF has three times the bytes of the UBL, and is asked for by people.
pub(crate) const HANDOFF_ATTACHMENTS: Setting<String> = Setting::text(
    "gateway.handoff_attachments",
    UBL,
    "Which files a document brings to the ERP: NONE; UBL, invoices and credit notes as XML; UBL_AND_PDF, order \
     confirmations, invoices and credit notes as PDF too. What is handed over keeps the files that it has",
)
.one_of(&["NONE", UBL, UBL_AND_PDF]);

/// Invoices and credit notes as XML.
pub(crate) const UBL: &str = "UBL";
/// And pages.
pub(crate) const UBL_AND_PDF: &str = "UBL_AND_PDF";

/// The language of documents for people (R-INV-3). An export in no other language is the file that the ERP got.
pub(crate) const DOCUMENT_LANGUAGE: Setting<String> = Setting::text(
    "gateway.document_language",
    "en",
    "The language of documents where nobody asks for another, en or ru: of the pages, of those that go to the ERP too, and \
     of the words for terms and discounts in the XML",
)
.one_of(&["en", "ru"]);

/// What an installation decides of this part while it runs.
pub static SETTINGS: &[Spec] = &[
    AFTER_WIN.spec(),
    RUN_OPPORTUNITY_PROCESS.spec(),
    DEFAULT_PROCESS.spec(),
    DEFAULT_CURRENCY.spec(),
    OPEN_QUOTES_AT_WIN.spec(),
    HANDOFF_ATTACHMENTS.spec(),
    DOCUMENT_LANGUAGE.spec(),
];

/// The form of a process's name; that it is in the library is asked where the setting is changed, see `settings_rpc.rs`.
fn is_process(value: &Value) -> Result<(), String> {
    let Value::Text(name) = value else { return Ok(()) };
    names::PROCESSES.parse_slug(name).map(drop).map_err(|error| error.to_string())
}

fn is_currency(value: &Value) -> Result<(), String> {
    let Value::Text(code) = value else { return Ok(()) };
    Currency::parse(code).map(drop).map_err(|error| error.to_string())
}

fn are_templates(value: &Value) -> Result<(), String> {
    let Value::List(items) = value else { return Ok(()) };
    if items.len() > MOST_TEMPLATES {
        return Err(format!("at most {MOST_TEMPLATES} activities, not {}", items.len()));
    }
    match items.iter().find(|item| Template::read(item).is_none()) {
        None => Ok(()),
        Some(other) => Err(format!(
            "`{other}` is no activity: type (TASK, CALL, EMAIL, MEETING), days after the win up to 3650, and a subject of \
             at most 500 characters, as in `CALL 14: Ask whether all runs well`"
        )),
    }
}

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
