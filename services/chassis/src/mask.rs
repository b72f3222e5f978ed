//! Which fields an Update takes over (AIP-134).

use dealflow_proto::Violation;
use prost_types::FieldMask;

use crate::refusal::Refusal;

/// The fields of an update: those that the mask names, or, without a mask, those that are set.
#[derive(Debug)]
pub struct Mask {
    paths: Option<Vec<String>>,
}

impl Mask {
    /// Reads a mask; a path that is not among `known` is refused, and all such paths are listed at once.
    pub fn of(mask: Option<FieldMask>, known: &[&str]) -> Result<Self, Refusal> {
        let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else {
            return Ok(Self { paths: None });
        };
        if mask.paths.iter().any(|path| path == "*") {
            return Ok(Self { paths: Some(known.iter().map(ToString::to_string).collect()) });
        }
        let unknown: Vec<Violation> = mask
            .paths
            .iter()
            .filter(|path| !known.contains(&path.as_str()))
            .map(|path| Violation {
                field: "update_mask".to_owned(),
                description: format!("`{path}` cannot be updated; known are {}", known.join(", ")),
            })
            .collect();
        if unknown.is_empty() { Ok(Self { paths: Some(mask.paths) }) } else { Err(Refusal::fields(unknown)) }
    }

    /// Whether to take a field over; `set` says whether the message has a value for it.
    pub fn takes(&self, path: &str, set: bool) -> bool {
        match &self.paths {
            Some(paths) => paths.iter().any(|known| known == path),
            None => set,
        }
    }
}
