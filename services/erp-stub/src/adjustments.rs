//! Allowances and charges as a document names them, for the arithmetic: the ERP computes them itself.

use dealflow_money::{Adjustment, Amount, DocumentAdjustment};
use dealflow_proto::convert;
use dealflow_proto::types::v1 as wire;

use crate::checks::Unreadable;
use crate::checks::totals::vat;

/// Of a line.
pub(crate) fn of_line(given: &[wire::Adjustment]) -> Result<Vec<Adjustment>, Unreadable> {
    given.iter().map(|one| Ok(Adjustment { amount: amount(one)?, reason: one.reason.clone() })).collect()
}

/// Of the whole.
pub(crate) fn of_whole(given: &[wire::Adjustment]) -> Result<Vec<DocumentAdjustment>, Unreadable> {
    let one = |one: &wire::Adjustment| {
        let vat = one.vat.as_ref().map(|given| vat(Some(given))).transpose()?;
        Ok(DocumentAdjustment { amount: amount(one)?, reason: one.reason.clone(), vat })
    };
    given.iter().map(one).collect()
}

fn amount(given: &wire::Adjustment) -> Result<Amount, Unreadable> {
    match (&given.amount, &given.percent) {
        (Some(amount), _) => Ok(Amount::Fixed(convert::decimal_of(amount)?)),
        (None, Some(percent)) => Ok(Amount::Percent(convert::decimal_from(percent)?)),
        (None, None) => Err(Unreadable::Absent("amount or percent of an allowance or a charge")),
    }
}
