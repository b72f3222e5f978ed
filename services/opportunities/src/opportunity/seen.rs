//! Which opportunities a caller sees (R-SEC-1): those of the employees whose records he sees, those in whose team one of
//! them is, and those of nobody.

use dealflow_chassis::security::Sight;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
use sea_orm::{Condition, DbBackend, ExprTrait, QuerySelect, QueryTrait};

use super::{Column, Entity, Model};

/// The condition on `opportunity`. Each of its alternatives has an index; on PostgreSQL the ids of a team are an array, for
/// a subselect among alternatives would be looked up for each row of the table.
pub fn seen(sight: &Sight, backend: DbBackend) -> Condition {
    let Some(employees) = sight.employees() else { return Condition::all() };
    if employees.is_empty() {
        return sight.of_owner(Column::Owner);
    }
    let in_team = if backend == DbBackend::Postgres {
        let places: Vec<String> = (1..=employees.len()).map(|place| format!("${place}")).collect();
        let ids = format!("SELECT opportunity FROM opportunity_member WHERE employee IN ({})", places.join(", "));
        Expr::cust_with_values(format!("opportunity.id = ANY(ARRAY({ids}))"), employees.iter().copied())
    } else {
        let mut ids = Query::select();
        ids.column("opportunity").from("opportunity_member");
        ids.and_where(Expr::col("employee").is_in(employees.iter().copied()));
        Column::Id.in_subquery(ids)
    };
    sight.of_owner(Column::Owner).add(in_team)
}

/// Those in which a contact is the one to talk to, decides or takes part. Nothing but reading them all finds them: it is
/// for who asks what is held of a person.
pub fn with_participant(contact: Uuid, backend: DbBackend) -> Condition {
    let id = contact.to_string();
    let elsewhere = if backend == DbBackend::Postgres {
        let taking_part = "opportunity.bant->>'decision_maker' = $1 \
             OR opportunity.participants @> jsonb_build_array(jsonb_build_object('contact', $1::text))";
        Expr::cust_with_values(taking_part, [id])
    } else {
        let taking_part = "opportunity.bant->>'$.decision_maker' = ? OR INSTR(opportunity.participants, ?) > 0";
        Expr::cust_with_values(taking_part, [id.clone(), id])
    };
    Condition::any().add(Column::Contact.eq(contact)).add(elsewhere)
}

/// The condition that a column names an opportunity that is seen.
pub fn of_seen<C: ColumnTrait>(column: C, sight: &Sight, backend: DbBackend) -> Condition {
    if *sight == Sight::All {
        return Condition::all();
    }
    let seen = Entity::find().select_only().column(Column::Id).filter(seen(sight, backend));
    Condition::all().add(column.in_subquery(seen.into_query()))
}

impl Model {
    /// Whether a caller sees it.
    pub fn is_seen(&self, sight: &Sight) -> bool {
        sight.sees(self.owner, self.team.0.iter().map(|member| member.employee))
    }
}
