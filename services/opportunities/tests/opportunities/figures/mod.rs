//! Figures equal a naive recomputation from the exported rows (R-ANA-1).
//!
//! - `random`   opportunities at random, made over the contract and exported again
//! - `naive`    every figure, recomputed from the rows in the plainest way
//! - `equal`    the figures and the recomputation, whatever is filtered, grouped and folded
//! - `at_once`  while others write and fold
//! - `public`   the public data set, whose figures are known

mod at_once;
mod equal;
mod naive;
mod public;
mod random;
