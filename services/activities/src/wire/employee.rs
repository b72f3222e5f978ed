//! An employee ⇄ the wire.

use chrono::{DateTime, Utc};
use dealflow_chassis::{Mask, Refusal};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::names;
use uuid::Uuid;

use crate::activity::Names;
use crate::employee::Model;
use crate::wire;

/// The fields that an update may name.
pub const KNOWN: &[&str] = &["display_name", "manager", "office", "team", "email", "roles", "active"];

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
        roles: Names(sent.roles),
        active: sent.active.unwrap_or(true),
        updated_at: None,
    })
}

/// The employee with the fields that the mask takes over from the message.
pub fn take_over(mut employee: Model, news: pb::Employee, mask: &Mask) -> Result<Model, Refusal> {
    let text = |path: &str, mine: &mut String, theirs: String| {
        if mask.takes(path, !theirs.is_empty()) {
            *mine = theirs;
        }
    };
    text("display_name", &mut employee.display_name, news.display_name);
    text("office", &mut employee.office, news.office);
    text("team", &mut employee.team, news.team);
    text("email", &mut employee.email, news.email);
    if mask.takes("manager", !news.manager.is_empty()) {
        employee.manager = wire::id(names::EMPLOYEES, "employee.manager", &news.manager)?;
    }
    if mask.takes("roles", !news.roles.is_empty()) {
        employee.roles = Names(news.roles);
    }
    if mask.takes("active", news.active.is_some()) {
        employee.active = news.active.unwrap_or(true);
    }
    Ok(employee)
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
        roles: employee.roles.0.clone(),
        active: Some(employee.active),
        update_time: wire::time(employee.changed_at()),
    }
}
