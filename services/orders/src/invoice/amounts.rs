//! What an invoice bills and what that comes to: an instalment, what is asked for, or all that is delivered and not billed.

use rust_decimal::Decimal;

use super::{Billed, Settling};
use crate::adjustment::{Adjustments, Share};
use crate::document::{Asked, Line, Lines, Totals, Whole, currency, pick};
use crate::error::Error;
use crate::order;
use crate::payment_terms::Plan;
use crate::record::Told;

/// The instalment that a bill is of: the one that is asked for, and where neither that nor lines are, the first of the
/// order's plan that is not billed; 0 where it is of none.
pub fn instalment_to_bill(order: &order::Model, billed: &Billed, asked: &[Asked], number: i32) -> i32 {
    let Some(plan) = order.plan.as_ref().filter(|plan| number == 0 && asked.is_empty() && !plan.0.is_empty()) else {
        return number;
    };
    let is_open = |count: &usize| order.lines.0.iter().any(|line| !left_of(plan, billed, line, *count).is_zero());
    // Where all of them are billed, the last one says so.
    let next = (1..=plan.0.len()).find(is_open).unwrap_or(plan.0.len());
    i32::try_from(next).unwrap_or(number)
}

/// What the first of a plan's instalments bill of a line and is not billed yet.
fn left_of(plan: &Plan, billed: &Billed, line: &Line, count: usize) -> Decimal {
    let left = plan.up_to(count, line.quantity) - billed.of(&line.id);
    if left.is_sign_negative() == line.quantity.is_sign_negative() { left } else { Decimal::ZERO }
}

/// What an instalment bills of each line, and the days that it is due in: what the plan makes due up to it and is not
/// billed yet. What a credit note took back is due again with the instalment that it was billed by, or a later one.
pub(super) fn instalment_of(
    order: &order::Model,
    billed: &Billed,
    asked: &[Asked],
    number: usize,
) -> Result<(Vec<Asked>, i32), Error> {
    let plan = order.plan.as_ref().filter(|plan| number <= plan.0.len());
    let Some((plan, one)) = plan.and_then(|plan| plan.0.get(number - 1).map(|one| (plan, one))) else {
        let there = order.plan.as_ref().map_or(0, |plan| plan.0.len());
        let expected = match there {
            0 => "nothing: the order's terms of payment have no instalments".to_owned(),
            last => format!("1 to {last}, the instalments of the order"),
        };
        return Err(Error::field("instalment", expected));
    };
    if !asked.is_empty() {
        return Err(Error::field("lines", "nothing: an instalment bills its part of every line"));
    }
    let left = |line: &Line, count: usize| left_of(plan, billed, line, count);
    if order.lines.0.iter().any(|line| !left(line, number - 1).is_zero()) {
        let order = order.name();
        return Err(Error::EarlierInstalment { order, instalment: number, earlier: number - 1 });
    }
    let due = order.lines.0.iter().map(|line| Asked { line: line.id.clone(), quantity: left(line, number) });
    let due: Vec<Asked> = due.filter(|asked| !asked.quantity.is_zero()).collect();
    if due.is_empty() {
        return Err(Error::NothingToBill { order: order.name() });
    }
    Ok((due, one.days))
}

/// The lines of an invoice: what is asked for, or all that is delivered and not billed.
pub(super) fn lines_to_bill(
    order: &order::Model,
    billed: &Billed,
    asked: &[Asked],
    over: Decimal,
) -> Result<Lines, Error> {
    // Beyond what is delivered only what somebody asks for, and as far as the installation tolerates it.
    let left = |line: &Line| {
        let plain = line.fulfilled - billed.of(&line.id);
        let left = if asked.is_empty() { plain } else { plain + line.tolerated(over) };
        let beyond = !left.is_zero() && left.is_sign_negative() != line.quantity.is_sign_negative();
        if beyond { Decimal::ZERO } else { left }
    };
    let over = |line: &Line, asked| Error::OverBilled { line: line.id.clone(), left: left(line), asked };
    let picked = pick(&order.lines, asked, left, over)?;
    if picked.is_empty() {
        return Err(Error::NothingToBill { order: order.name() });
    }
    let currency = currency(&order.currency)?;
    let billed_line = |(line, quantity): (&Line, Decimal)| {
        let share = Share::of_quantities(billed.of(&line.id) + quantity, line.quantity);
        let adjustments = line.adjustments.part(&billed.carried(&line.id), share, currency);
        let adjustments = adjustments.map_err(|cause| Error::Money { document: "invoice", cause })?;
        Ok(Line { quantity, fulfilled: Decimal::ZERO, adjustments, ..line.clone() })
    };
    picked.into_iter().map(billed_line).collect::<Result<_, Error>>().map(Lines)
}

/// The invoice's share of what the order says of the whole, and what it comes to.
pub(super) fn totals_to_bill(
    order: &order::Model,
    billed: &Billed,
    lines: &Lines,
    settling: Settling,
) -> Result<(Adjustments, Totals), Error> {
    let currency = currency(&order.currency)?;
    let now_billed = |line: &Line| billed.of(&line.id) + lines.get(&line.id).map(|l| l.quantity).unwrap_or_default();
    let completes = order.lines.0.iter().all(|line| now_billed(line) == line.quantity);
    let reached = order.lines.0.iter().all(|line| line.is_reached_by(now_billed(line)));
    let of_order = Whole::of(order.discount_percent, order.adjustments.as_ref());
    let mut whole = Whole { discount: of_order.discount, ..Whole::default() };
    if !of_order.adjustments.is_empty() {
        let own = whole.totals("invoice", currency, lines)?;
        let done = billed.sum_of_lines() + i128::from(own.0.sum_of_lines);
        let share = if reached { Share::ALL } else { Share { done, whole: i128::from(order.totals.0.sum_of_lines) } };
        let part = of_order.adjustments.part(&billed.carried_of_whole(), share, currency);
        whole.adjustments = part.map_err(|cause| Error::Money { document: "invoice", cause })?;
    }
    whole.rounding = settling.rounding;
    whole.prepaid = settling.prepaid;
    let own = whole.totals("invoice", currency, lines)?;
    if completes {
        let rest = i128::from(order.totals.0.total_with_vat) - billed.amount() - i128::from(own.0.total_with_vat);
        if rest != 0 {
            whole.rounding += Decimal::from_i128_with_scale(rest, currency.exponent());
            let rounded = whole.totals("invoice", currency, lines)?;
            return Ok((whole.adjustments, rounded));
        }
    }
    Ok((whole.adjustments, own))
}
