//! Whose records a caller sees: his own and those of all whom he leads, or everybody's (R-SEC-1).
//!
//! The gateway knows who leads whom; it writes the employees into a header, and the queries of each part ask for them. A
//! record that a caller does not see is to him as if it were not there: in lists, by its name, in sums.

use std::str::FromStr;

use sea_orm::ColumnTrait;
use sea_orm::sea_query::Condition;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

use dealflow_proto::names;

use crate::context::{EVERYBODYS, SEES};
use crate::refusal::Refusal;

/// Whose records a caller sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sight {
    /// Everybody's: where nobody is asked who he is, for the parts themselves, and for roles that see all.
    #[default]
    All,
    /// Those of these employees, and those of nobody.
    Of(Vec<Uuid>),
}

impl Sight {
    /// The sight of a request's caller.
    ///
    /// # Errors
    /// When the header is not one of ours.
    pub fn of(metadata: &MetadataMap) -> Result<Self, Refusal> {
        let Some(header) = metadata.get(SEES).filter(|header| header.as_bytes() != EVERYBODYS.as_bytes()) else {
            return Ok(Self::All);
        };
        let bad = || Refusal::field(SEES, "UUIDs by comma");
        let text = header.to_str().map_err(|_| bad())?;
        let ids = text.split(',').filter(|id| !id.is_empty()).map(|id| Uuid::from_str(id).map_err(|_| bad()));
        ids.collect::<Result<_, _>>().map(Self::Of)
    }

    /// As it stands in a header; none where everything is seen.
    #[must_use]
    pub fn header(&self) -> Option<String> {
        let ids: Vec<String> = self.employees()?.iter().map(|id| id.simple().to_string()).collect();
        Some(ids.join(","))
    }

    /// The employees whose records are seen; none where everybody's are.
    #[must_use]
    pub fn employees(&self) -> Option<&[Uuid]> {
        match self {
            Self::All => None,
            Self::Of(employees) => Some(employees),
        }
    }

    /// The same, as employees are named in texts: by those who make a record or ask for it.
    #[must_use]
    pub fn names(&self) -> Option<Vec<String>> {
        self.employees().map(|seen| seen.iter().map(|id| names::EMPLOYEES.name(*id)).collect())
    }

    /// Whether what is an employee's own (his tasks, his calendar, his notifications) is seen.
    #[must_use]
    pub fn sees_own_of(&self, employee: Uuid) -> bool {
        self.employees().is_none_or(|seen| seen.contains(&employee))
    }

    /// Whether a record of this owner and team is seen.
    #[must_use]
    pub fn sees(&self, owner: Option<Uuid>, mut team: impl Iterator<Item = Uuid>) -> bool {
        owner.is_none_or(|owner| self.sees_own_of(owner)) || team.any(|member| self.sees_own_of(member))
    }

    /// The condition that the owner's records are seen, in a column with an index.
    #[must_use]
    pub fn of_owner<C: ColumnTrait>(&self, owner: C) -> Condition {
        match self.employees() {
            None => Condition::all(),
            Some(seen) => Condition::any().add(owner.is_null()).add(owner.is_in(seen.iter().copied())),
        }
    }

    /// Which of these owners' records count; all that are seen where none are named. None where nothing counts.
    #[must_use]
    pub fn narrow(&self, wanted: Vec<Uuid>) -> Option<Vec<Uuid>> {
        let Some(seen) = self.employees() else { return Some(wanted) };
        let counted: Vec<Uuid> = match wanted.is_empty() {
            true => seen.to_vec(),
            false => wanted.into_iter().filter(|owner| seen.contains(owner)).collect(),
        };
        (!counted.is_empty()).then_some(counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-SEC-1: nobody's records are everybody's; one's own and those of one's team are seen, others are not.
    #[test]
    fn what_is_seen_is_ones_own_and_what_is_nobodys() {
        let [ann, bob, carl] = [1, 2, 3].map(Uuid::from_u128);
        let seen = Sight::Of(vec![ann, bob]);
        let sees = |owner, team: &[Uuid]| seen.sees(owner, team.iter().copied());
        assert!(sees(None, &[]) && sees(Some(ann), &[]) && sees(Some(bob), &[]) && sees(Some(carl), &[bob]));
        assert!(!sees(Some(carl), &[]) && !sees(Some(carl), &[carl]));
        assert_eq!(seen.narrow(Vec::new()), Some(vec![ann, bob]));
        assert_eq!((seen.narrow(vec![bob, carl]), seen.narrow(vec![carl])), (Some(vec![bob]), None));
        assert_eq!(Sight::Of(Vec::new()).narrow(Vec::new()), None, "who is nobody counts nothing");
        assert_eq!(Sight::All.narrow(vec![carl]), Some(vec![carl]));
    }

    /// R-SEC-1: a sight goes through a header and is the same; one that cannot be read is refused, not taken for all.
    #[test]
    fn a_sight_goes_through_a_header() {
        let mut metadata = MetadataMap::new();
        assert_eq!(Sight::of(&metadata).ok(), Some(Sight::All));
        for seen in [Sight::Of(Vec::new()), Sight::Of(vec![Uuid::from_u128(1), Uuid::from_u128(2)])] {
            let header = seen.header().expect("it is not all");
            metadata.insert(SEES, header.parse().expect("it is ASCII"));
            assert_eq!(Sight::of(&metadata).ok(), Some(seen));
        }
        metadata.insert(SEES, EVERYBODYS.parse().expect("it is ASCII"));
        assert_eq!(Sight::of(&metadata).ok(), Some(Sight::All));
        metadata.insert(SEES, "everybody".parse().expect("it is ASCII"));
        assert!(Sight::of(&metadata).is_err());
    }
}
