//! The amounts of a document as its forms state them. All come from `dealflow-money`; what is decided here is only how
//! to say them: a percentage is stated with its base where the two give the amount to the cent, and in words where
//! they do not (yen, and shares of a discount that is split over VAT groups).

use dealflow_money::{Amount, Currency, LineTotals, Money, MoneyError, Totals, Vat, VatShare, compute, round};
use rust_decimal::Decimal;

use crate::{Adjustment, Document, Line};

/// Peppol lets a line net differ by 0.02 from quantity × price (R120), whatever the currency.
const SLACK: Decimal = Decimal::from_parts(2, 0, 0, false, 2);

/// A document's amounts, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// All totals.
    pub totals: Totals,
    /// One for each line, in their order.
    pub lines: Vec<StatedLine>,
    /// Allowances and charges of the whole, one for each VAT group that bears a part.
    pub adjustments: Vec<Stated>,
}

/// A line's amounts.
#[derive(Debug, Clone, PartialEq)]
pub struct StatedLine {
    /// BT-131.
    pub net: i64,
    /// BT-146 as stated: the agreed price, or the price of the whole quantity where rounding to whole units of the
    /// currency (yen) would make quantity × price a visibly other amount (PEPPOL-EN16931-R120).
    pub price: Decimal,
    /// BT-149 that belongs to it.
    pub base_quantity: Decimal,
    /// BG-27 and BG-28.
    pub adjustments: Vec<Stated>,
}

/// An allowance or a charge in money.
#[derive(Debug, Clone, PartialEq)]
pub struct Stated {
    /// A charge adds, an allowance takes off.
    pub charge: bool,
    /// BT-92, BT-99, BT-136, BT-141.
    pub amount: i64,
    /// Base and percentage, which give the amount when rounded.
    pub percentage: Option<(i64, Decimal)>,
    /// Why; it names the percentage where `percentage` does not.
    pub reason: String,
    /// Why, as a code.
    pub code: String,
    /// The VAT group that bears it; a line's adjustments have the line's.
    pub vat: Vat,
}

impl Figures {
    /// Computes and words all amounts.
    ///
    /// # Errors
    /// Those of [`dealflow_money::compute`].
    pub fn of(document: &Document) -> Result<Self, MoneyError> {
        let totals = compute(&document.input())?;
        let lines = document.lines.iter().zip(&totals.lines);
        let lines = lines.map(|(line, amounts)| stated_line(line, amounts, totals.currency)).collect();
        let kinds = [
            (false, &document.allowances, &totals.allowance_details),
            (true, &document.charges, &totals.charge_details),
        ];
        let mut adjustments = Vec::new();
        for (charge, given, details) in kinds {
            for (adjustment, detail) in given.iter().zip(details) {
                adjustments.extend(detail.shares.iter().map(|share| {
                    let base = match adjustment.vat {
                        Some(_) => totals.sum_of_lines,
                        None => group_sum(document, &totals, share),
                    };
                    let vat = Vat::new(share.category, share.rate);
                    stated(adjustment, charge, share.amount, base, vat, totals.currency)
                }));
            }
        }
        Ok(Self { totals, lines, adjustments })
    }

    /// An amount in units of the currency, with exactly its decimals.
    pub fn decimal(&self, minor: i64) -> Decimal {
        self.totals.money(minor).to_decimal()
    }
}

fn stated_line(line: &Line, amounts: &LineTotals, currency: Currency) -> StatedLine {
    let (price, base_quantity) = stated_price(line, amounts.gross, currency);
    let kinds = [(false, &line.allowances, &amounts.allowances), (true, &line.charges, &amounts.charges)];
    let mut adjustments = Vec::new();
    for (charge, given, details) in kinds {
        adjustments.extend(
            given
                .iter()
                .zip(details)
                .map(|(adjustment, amount)| stated(adjustment, charge, *amount, amounts.gross, line.vat, currency)),
        );
    }
    StatedLine { net: amounts.net, price, base_quantity, adjustments }
}

/// The agreed price, unless a reader who multiplies it would not find the line's amount again.
fn stated_price(line: &Line, gross: i64, currency: Currency) -> (Decimal, Decimal) {
    let amount = Money { minor: gross, currency }.to_decimal();
    let close = || {
        let exact = line.quantity.checked_mul(line.unit_price)?;
        let rounded = amount.checked_mul(line.base_quantity)?;
        let slack = SLACK.checked_mul(line.base_quantity)?;
        Some(exact.checked_sub(rounded)?.abs() <= slack)
    };
    if currency.exponent() >= 2 || line.quantity.is_zero() || close() == Some(true) {
        return (line.unit_price, line.base_quantity);
    }
    (amount.abs(), line.quantity.abs())
}

fn stated(adjustment: &Adjustment, charge: bool, amount: i64, base: i64, vat: Vat, currency: Currency) -> Stated {
    let mut reason = adjustment.reason.trim().to_owned();
    let percentage = match adjustment.amount {
        Amount::Fixed(_) => None,
        Amount::Percent(percent) if gives(base, percent, amount, currency) => Some((base, percent.normalize())),
        Amount::Percent(percent) => {
            reason = format!("{reason} ({} %)", percent.normalize()).trim().to_owned();
            None
        }
    };
    Stated { charge, amount, percentage, reason, code: adjustment.code.clone(), vat }
}

/// Whether base × percent ÷ 100 is the amount to the cent.
fn gives(base: i64, percent: Decimal, amount: i64, currency: Currency) -> bool {
    let decimal = |minor| Money { minor, currency }.to_decimal();
    let exact = decimal(base).checked_mul(percent).and_then(|product| product.checked_div(Decimal::ONE_HUNDRED));
    exact.is_some_and(|exact| round(exact, 2) == decimal(amount))
}

/// Σ of the line nets of a share's VAT group.
fn group_sum(document: &Document, totals: &Totals, share: &VatShare) -> i64 {
    let lines = document.lines.iter().zip(&totals.lines);
    lines
        .filter(|(line, _)| line.vat == Vat::new(share.category, share.rate))
        .map(|(_, amounts)| amounts.net)
        .fold(0, i64::saturating_add)
}
