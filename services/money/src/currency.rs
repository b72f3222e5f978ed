//! The currency of an amount: an ISO 4217 code and its number of decimals.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::MoneyError;

/// A currency of ISO 4217 that has minor units. Serialized as its code.
///
/// Codes without minor units (XAU, XXX) are no currency of a document. Codes that were superseded
/// (HRK) are accepted: a stored document does not become invalid when a country joins the euro.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency {
    code: iso_currency::Currency,
    exponent: u8,
}

impl Currency {
    /// Reads a code such as `USD`, in capitals as the standard and EN 16931 (BT-5) write it.
    ///
    /// # Errors
    /// [`MoneyError::UnknownCurrency`] for anything else.
    pub fn parse(code: &str) -> Result<Self, MoneyError> {
        let known = || {
            let iso = iso_currency::Currency::from_code(code).filter(|iso| iso.code() == code)?;
            let exponent = u8::try_from(iso.exponent()?).ok()?;
            Some(Self { code: iso, exponent })
        };
        known().ok_or_else(|| MoneyError::UnknownCurrency { code: code.to_owned() })
    }

    /// The three letters of the code.
    pub fn code(&self) -> &'static str {
        self.code.code()
    }

    /// Decimals of an amount: 2 for USD and HUF, 0 for JPY and KRW, 3 for KWD, at most 4 (CLF).
    pub fn exponent(&self) -> u32 {
        u32::from(self.exponent)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::str::FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::parse(code)
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(code: String) -> Result<Self, MoneyError> {
        Self::parse(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}
