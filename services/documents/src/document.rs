//! A document of business, before it is a file: what was agreed and what it is called. No field is computed from
//! another; amounts come from [`Figures`](crate::Figures).

use chrono::NaiveDate;
use dealflow_money::{Currency, DocumentAdjustment, DocumentInput, VatCategory};
use rust_decimal::Decimal;

use crate::{Address, Adjustment, Line, Party};

/// What kind of paper it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An offer.
    Quote,
    /// What the customer ordered, confirmed.
    OrderConfirmation,
    /// A commercial invoice (BT-3 = 380).
    Invoice,
    /// A credit note (BT-3 = 381). Its amounts are positive.
    CreditNote,
}

impl Kind {
    /// Whether money is asked for or given back, so that the rules of EN 16931 hold.
    pub fn is_billing(self) -> bool {
        matches!(self, Self::Invoice | Self::CreditNote)
    }
}

/// What is printed across every page, so that nobody takes it for a paper that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stamp {
    /// It is being written, or somebody has yet to agree to it.
    Draft,
    /// It was ended; nobody is bound by it.
    Closed,
}

/// A quote, an order confirmation, an invoice or a credit note.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// BT-3.
    pub kind: Kind,
    /// BT-1.
    pub number: String,
    /// BT-2.
    pub issue_date: NaiveDate,
    /// BT-9: the day payment is due.
    pub due_date: Option<NaiveDate>,
    /// The last day on which a quote can be accepted.
    pub valid_until: Option<NaiveDate>,
    /// BT-5.
    pub currency: Currency,
    /// BG-4.
    pub seller: Party,
    /// BG-7.
    pub buyer: Party,
    /// The other papers that it speaks of.
    pub references: References,
    /// BG-16.
    pub payment: Option<Payment>,
    /// BT-20: terms of payment, in words.
    pub payment_terms: String,
    /// BG-13.
    pub delivery: Option<Delivery>,
    /// BG-14.
    pub period: Option<Period>,
    /// BG-25.
    pub lines: Vec<Line>,
    /// BG-20.
    pub allowances: Vec<Adjustment>,
    /// BG-21.
    pub charges: Vec<Adjustment>,
    /// Why a category is not taxed; AE, K, G and O have a wording of their own if nothing is said here.
    pub exemptions: Vec<Exemption>,
    /// BT-113.
    pub prepaid: Decimal,
    /// BT-114.
    pub rounding: Decimal,
    /// BT-22, a paragraph each.
    pub notes: Vec<String>,
    /// Across its pages; of a paper for people alone.
    pub stamp: Option<Stamp>,
}

/// The other papers of a deal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// BT-10: what the buyer asked to see, such as a cost centre.
    pub buyer: String,
    /// BT-13: the customer's order number.
    pub customer_order: String,
    /// BT-14: our order number.
    pub order: String,
    /// Our quote number, on an order confirmation.
    pub quote: String,
    /// BT-12.
    pub contract: String,
    /// BG-3: the invoices that a credit note gives back.
    pub preceding: Vec<Preceding>,
}

/// An invoice that a credit note gives back (BG-3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preceding {
    /// BT-25.
    pub number: String,
    /// BT-26.
    pub issue_date: Option<NaiveDate>,
}

/// How to pay (BG-16, BG-17): credit transfer; what a credit note gives back may be cleared instead, without an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// BT-81: 58 (SEPA credit transfer) or 30 (any other); 97 (clearing between partners) of a credit note.
    pub means: String,
    /// BT-84: IBAN, or another account number with 30.
    pub account: String,
    /// BT-85.
    pub account_name: String,
    /// BT-86: BIC.
    pub bank: String,
    /// BT-83; the document's number where it is empty.
    pub reference: String,
}

/// When and where it is delivered (BG-13).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// BT-70.
    pub name: String,
    /// BT-72.
    pub date: Option<NaiveDate>,
    /// BG-15; its country is BT-80.
    pub address: Option<Address>,
}

/// The time that is billed (BG-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// BT-73.
    pub start: NaiveDate,
    /// BT-74.
    pub end: NaiveDate,
}

/// Why a category is not taxed (BG-23).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// BT-118.
    pub category: VatCategory,
    /// BT-120.
    pub reason: String,
    /// BT-121, of the VATEX list.
    pub code: String,
}

impl Document {
    /// A document of `kind` in which nothing is said yet but who deals with whom.
    pub fn new(kind: Kind, number: impl Into<String>, issue_date: NaiveDate, currency: Currency) -> Self {
        Self {
            kind,
            number: number.into(),
            issue_date,
            due_date: None,
            valid_until: None,
            currency,
            seller: Party::default(),
            buyer: Party::default(),
            references: References::default(),
            payment: None,
            payment_terms: String::new(),
            delivery: None,
            period: None,
            lines: Vec::new(),
            allowances: Vec::new(),
            charges: Vec::new(),
            exemptions: Vec::new(),
            prepaid: Decimal::ZERO,
            rounding: Decimal::ZERO,
            notes: Vec::new(),
            stamp: None,
        }
    }

    /// What the arithmetic needs of it.
    pub fn input(&self) -> DocumentInput {
        let adjustments = |given: &[Adjustment]| -> Vec<DocumentAdjustment> {
            given
                .iter()
                .map(|one| DocumentAdjustment { amount: one.amount, reason: one.reason.clone(), vat: one.vat })
                .collect()
        };
        DocumentInput {
            currency: self.currency,
            lines: self.lines.iter().map(Line::input).collect(),
            allowances: adjustments(&self.allowances),
            charges: adjustments(&self.charges),
            prepaid: self.prepaid,
            rounding: self.rounding,
        }
    }

    /// Why `category` is not taxed, as it was given or as the rules word it; `None` if a reason is not asked for, or is
    /// missing.
    pub fn exemption(&self, category: VatCategory) -> Option<Exemption> {
        if !category.needs_exemption_reason() {
            return None;
        }
        let given = self.exemptions.iter().find(|exemption| exemption.category == category);
        let worded = || {
            let demands = category.demands();
            Some(Exemption { category, reason: demands.reason_text?.to_owned(), code: demands.reason_code?.to_owned() })
        };
        given.filter(|given| !given.reason.trim().is_empty() || !given.code.trim().is_empty()).cloned().or_else(worded)
    }

    /// Whether the parties' VAT ids stand in it: BR-O-02 to BR-O-04 forbid them where nothing is subject to VAT.
    pub fn shows_vat_ids(&self) -> bool {
        !self.categories().any(|category| category == VatCategory::O)
    }

    /// The VAT categories that lines, allowances and charges name.
    pub(crate) fn categories(&self) -> impl Iterator<Item = VatCategory> {
        let lines = self.lines.iter().map(|line| line.vat);
        let adjustments = self.allowances.iter().chain(&self.charges).filter_map(|one| one.vat);
        lines.chain(adjustments).map(|vat| vat.category)
    }
}
