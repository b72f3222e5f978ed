//! An employee ⇄ the wire.

use chrono::{DateTime, Utc};
use dealflow_chassis::Refusal;
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::names;
use uuid::Uuid;

use crate::employee::Model;
use crate::wire;

/// A new employee as it was sent.
pub fn read(sent: pb::Employee, now: DateTime<Utc>) -> Result<Model, Refusal> {
    Ok(Model {
        id: Uuid::now_v7(),
        version: 1,
        created_at: now,
        display_name: sent.display_name,
        manager: wire::id(names::EMPLOYEES, "employee.manager", &sent.manager)?,
        office: sent.office,
        team: sent.team,
        email: sent.email,
    })
}

/// An employee as the wire has it.
pub fn answer(employee: &Model) -> pb::Employee {
    pb::Employee {
        name: employee.name(),
        etag: employee.version.to_string(),
        create_time: wire::time(employee.created_at),
        display_name: employee.display_name.clone(),
        manager: wire::name(names::EMPLOYEES, employee.manager),
        office: employee.office.clone(),
        team: employee.team.clone(),
        email: employee.email.clone(),
    }
}
