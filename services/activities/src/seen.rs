//! Which activities and interactions a caller sees (R-SEC-1).
//!
//! An activity: whoever is to do it, whoever made it, who leads them; everybody, where nobody is to do it yet. An
//! interaction: whoever recorded it and who leads him; everybody, where a program did. That a deal's people see what is
//! about their deal is the gateway's to find out, which knows both.

use dealflow_chassis::security::Sight;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ExprTrait};

use crate::{activity, interaction};

/// What names of employees begin with.
const EMPLOYEES: &str = "employees/";

/// The condition on activities, each of its alternatives with an index.
pub(crate) fn activities(sight: &Sight) -> Condition {
    let Some(names) = sight.names().filter(|names| !names.is_empty()) else {
        return sight.of_owner(activity::Column::Performer);
    };
    sight.of_owner(activity::Column::Performer).add(activity::Column::Author.is_in(names))
}

/// The condition on interactions.
pub(crate) fn interactions(sight: &Sight) -> Condition {
    let Some(names) = sight.names() else { return Condition::all() };
    let of_programs = interaction::Column::Author.starts_with(EMPLOYEES).not();
    let seen = Condition::any().add(of_programs);
    if names.is_empty() { seen } else { seen.add(interaction::Column::Author.is_in(names)) }
}
