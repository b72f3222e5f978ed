//! VAT categories of EN 16931 and what each demands of a document, as data: those who fill, check
//! or print a document ask here instead of knowing the categories by heart.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::MoneyError;

/// A code of UNCL 5305 as EN 16931 uses it (BT-151, BT-118). Never derived from a rate: five of the
/// nine have the rate 0 and differ in law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VatCategory {
    /// Standard rate, which includes the reduced rates.
    S,
    /// Zero rated goods.
    Z,
    /// Exempt from VAT.
    E,
    /// Reverse charge: the buyer owes the tax.
    AE,
    /// Intra-community supply.
    K,
    /// Export outside the EU.
    G,
    /// Outside the scope of VAT.
    O,
    /// Canary Islands general indirect tax (IGIC).
    L,
    /// Tax of Ceuta and Melilla (IPSI).
    M,
}

/// A category with its rate in per cent: the key of a VAT group. 19 and 19.00 are the same rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Vat {
    /// BT-151.
    pub category: VatCategory,
    /// BT-152, per cent: 19 for 19 %. Zero for O, which is printed without a rate.
    pub rate: Decimal,
}

/// Whether a document must, may or must not carry something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It must be there.
    Required,
    /// Both are fine.
    Optional,
    /// It must not be there.
    Forbidden,
}

/// What the rate of a category may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateRule {
    /// Above 0, up to 100.
    Positive,
    /// 0 to 100.
    ZeroOrMore,
    /// 0, and written.
    Zero,
    /// 0 in the arithmetic, and no rate element in the document (BR-O-05).
    Absent,
}

/// What EN 16931 demands of a document with a VAT group of this category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VatDemands {
    /// The rules these demands come from: `BR-AE` for BR-AE-01 to BR-AE-10.
    pub rules: &'static str,
    /// -05 to -07: the rate of lines, allowances and charges.
    pub rate: RateRule,
    /// -10: a reason text (BT-120) or code (BT-121) on the group.
    pub exemption_reason: Presence,
    /// The code of the VATEX list that fits without knowing more of the case. None for E, where the
    /// article of law decides.
    pub reason_code: Option<&'static str>,
    /// The text that goes with [`reason_code`](Self::reason_code).
    pub reason_text: Option<&'static str>,
    /// -02 to -04: the seller's VAT id (BT-31) or its tax representative's (BT-63); for S, Z, E, AE,
    /// L and M a tax registration (BT-32) will do.
    pub seller_vat_id: Presence,
    /// -02 to -04: the buyer's VAT id (BT-48); for AE a legal registration id (BT-47) will do.
    pub buyer_vat_id: Presence,
    /// BR-IC-11, BR-IC-12: delivery date or invoicing period, and the country delivered to.
    pub delivery: Presence,
    /// BR-O-11 to -14: no group of another category in the same document.
    pub alone: bool,
}

/// The demands most categories share; each category names what it changes.
const ORDINARY: VatDemands = VatDemands {
    rules: "BR-S",
    rate: RateRule::Positive,
    exemption_reason: Presence::Forbidden,
    reason_code: None,
    reason_text: None,
    seller_vat_id: Presence::Required,
    buyer_vat_id: Presence::Optional,
    delivery: Presence::Optional,
    alone: false,
};

/// The demands those share that charge no tax and say why.
const UNTAXED: VatDemands = VatDemands { rate: RateRule::Zero, exemption_reason: Presence::Required, ..ORDINARY };

impl VatCategory {
    /// All nine, in the order in which groups are listed.
    pub const ALL: [Self; 9] = [Self::S, Self::Z, Self::E, Self::AE, Self::K, Self::G, Self::O, Self::L, Self::M];

    /// The code as written in a document.
    pub fn code(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::Z => "Z",
            Self::E => "E",
            Self::AE => "AE",
            Self::K => "K",
            Self::G => "G",
            Self::O => "O",
            Self::L => "L",
            Self::M => "M",
        }
    }

    /// Reads a code.
    ///
    /// # Errors
    /// [`MoneyError::Refused`] with field `category` for anything but the nine codes.
    pub fn parse(code: &str) -> Result<Self, MoneyError> {
        Self::ALL
            .into_iter()
            .find(|category| category.code() == code)
            .ok_or_else(|| MoneyError::refused("category", format!("{code:?}"), "S, Z, E, AE, K, G, O, L or M"))
    }

    /// What a document with this category must hold.
    pub fn demands(self) -> VatDemands {
        match self {
            Self::S => ORDINARY,
            Self::Z => VatDemands { rules: "BR-Z", rate: RateRule::Zero, ..ORDINARY },
            Self::E => VatDemands { rules: "BR-E", ..UNTAXED },
            Self::AE => VatDemands {
                rules: "BR-AE",
                reason_code: Some("VATEX-EU-AE"),
                reason_text: Some("Reverse charge"),
                buyer_vat_id: Presence::Required,
                ..UNTAXED
            },
            Self::K => VatDemands {
                rules: "BR-IC",
                reason_code: Some("VATEX-EU-IC"),
                reason_text: Some("Intra-community supply"),
                buyer_vat_id: Presence::Required,
                delivery: Presence::Required,
                ..UNTAXED
            },
            Self::G => VatDemands {
                rules: "BR-G",
                reason_code: Some("VATEX-EU-G"),
                reason_text: Some("Export outside the EU"),
                ..UNTAXED
            },
            Self::O => VatDemands {
                rules: "BR-O",
                rate: RateRule::Absent,
                reason_code: Some("VATEX-EU-O"),
                reason_text: Some("Not subject to VAT"),
                seller_vat_id: Presence::Forbidden,
                buyer_vat_id: Presence::Forbidden,
                alone: true,
                ..UNTAXED
            },
            Self::L => VatDemands { rules: "BR-AF", rate: RateRule::ZeroOrMore, ..ORDINARY },
            Self::M => VatDemands { rules: "BR-AG", rate: RateRule::ZeroOrMore, ..ORDINARY },
        }
    }

    /// E, AE, K, G, O: the group carries a reason text or code.
    pub fn needs_exemption_reason(self) -> bool {
        self.demands().exemption_reason == Presence::Required
    }

    /// AE, K: seller and buyer are both named with their VAT ids.
    pub fn needs_both_vat_ids(self) -> bool {
        let demands = self.demands();
        demands.seller_vat_id == Presence::Required && demands.buyer_vat_id == Presence::Required
    }

    /// K: delivery date and country.
    pub fn needs_delivery(self) -> bool {
        self.demands().delivery == Presence::Required
    }

    /// All but O: the rate is written in the document.
    pub fn has_rate_element(self) -> bool {
        self.demands().rate != RateRule::Absent
    }

    /// Z, E, AE, K, G, O: a rate other than 0 is refused.
    pub fn rate_must_be_zero(self) -> bool {
        matches!(self.demands().rate, RateRule::Zero | RateRule::Absent)
    }
}

impl std::fmt::Display for VatCategory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl Vat {
    /// A category with a rate in per cent.
    pub fn new(category: VatCategory, rate: Decimal) -> Self {
        Self { category, rate }
    }
}
