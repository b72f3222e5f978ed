//! What an update's mask says of the fields that are missing.

use prost_types::FieldMask;

use super::at::At;
use super::check::REQUIRED;
use crate::Violation;

/// Forgives the missing fields of the record in `field` that its update does not take over.
///
/// An update takes over the fields of its mask, or those that are set if the mask is empty (AIP-134), so a
/// required field counts only where the mask covers it. Items of repeated fields are always taken over whole.
pub(crate) fn keep_masked(field: &str, mask: Option<&FieldMask>, from: usize, path: &str, out: &mut Vec<Violation>) {
    let record = format!("{}.", At::field(path, field));
    let paths = mask.map_or(&[][..], |mask| mask.paths.as_slice());
    let covered = |missing: &str| paths.iter().any(|path| covers(path, missing));
    let found = out.split_off(from);
    out.extend(found.into_iter().filter(|violation| {
        let within = violation.field.strip_prefix(&record).unwrap_or(&violation.field);
        violation.description != REQUIRED || within.contains('[') || covered(within)
    }));
}

/// Whether a path of a mask takes the field over; `*` takes all.
fn covers(path: &str, field: &str) -> bool {
    let below = |rest: &str| rest.is_empty() || rest.starts_with('.');
    path == "*" || field.strip_prefix(path).is_some_and(below)
}
