//! Splitting an amount so that nothing is lost: the method of the largest remainder.

use crate::{MoneyError, exact::fit};

/// Splits `total` minor units in the proportion of `weights`.
///
/// The shares sum to `total`; each is less than one minor unit from its exact share; a weight of
/// zero gets nothing. Units left over go to the largest remainders, and among equal remainders to the
/// first, so the same weights in the same order always give the same shares. Splitting `-total`
/// gives the negated shares. Weights may be negative (a VAT group of returned goods): only their
/// proportion to the sum counts, and a group against the sum gets a share of the other sign.
///
/// # Errors
/// [`MoneyError::Unsplittable`] if the weights sum to zero while `total` does not;
/// [`MoneyError::Overflow`] if a share does not fit, which only weights of both signs can bring about.
pub fn allocate(total: i64, weights: &[i64]) -> Result<Vec<i64>, MoneyError> {
    if total == 0 {
        return Ok(vec![0; weights.len()]);
    }
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if sum == 0 {
        return Err(MoneyError::Unsplittable { field: "amount".to_owned() });
    }
    // A positive total over a positive sum: the signs return at the end, hence the symmetry.
    let magnitude = i128::from(total).abs();
    let oriented = |weight: &i64| magnitude * i128::from(*weight) * sum.signum();
    let divisor = sum.abs();

    let mut shares: Vec<i128> = weights.iter().map(|weight| oriented(weight).div_euclid(divisor)).collect();
    let left_over = magnitude - shares.iter().sum::<i128>();
    for index in by_remainder(weights.iter().map(|w| oriented(w).rem_euclid(divisor)))
        .take(usize::try_from(left_over).expect("fewer units are left than there are weights"))
    {
        shares[index] += 1;
    }
    shares
        .into_iter()
        .map(|share| fit(share * i128::from(total.signum())))
        .collect::<Option<_>>()
        .ok_or_else(|| MoneyError::overflow("amount"))
}

/// The positions, largest remainder first; the sort is stable, so the first of equals stays first.
fn by_remainder(remainders: impl Iterator<Item = i128>) -> impl Iterator<Item = usize> {
    let mut ranked: Vec<(usize, i128)> = remainders.enumerate().collect();
    ranked.sort_by_key(|(_, remainder)| std::cmp::Reverse(*remainder));
    ranked.into_iter().map(|(index, _)| index)
}
