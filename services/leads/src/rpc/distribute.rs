//! What DistributeLeads does beside the rule: locks, saves, records (R-LED-6).

use dealflow_chassis::{Change, Done, Refusal, Work};
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::leads::v1::distribute_leads_request::Method as Asked;
use dealflow_proto::names;
use uuid::Uuid;

use super::lead::guarded;
use crate::distribution::{self, Method};
use crate::error::Error;
use crate::{lead, wire};

/// Chooses an owner for each lead, and hands it over.
pub(super) async fn distribute(
    mut work: Work,
    ask: &pb::DistributeLeadsRequest,
) -> Result<Done<pb::DistributeLeadsResponse>, Error> {
    let (method, employees) = read(ask)?;
    let before = lead::lock_all(&work.tx, &ask.leads, &work.context.sight).await?;
    for lead in &before {
        work.take_effect_after(lead.updated_at)?;
        lead.clone().accept(lead::Verb::DistributeLeads, work.now)?;
    }
    let mut candidates = distribution::candidates(&work.tx, method, &employees).await?;
    let owners: Vec<Option<Uuid>> = before.iter().map(|lead| lead.owner).collect();
    let chosen = distribution::choose(method, &mut candidates, &owners);
    distribution::save_turns(&work.tx, &candidates).await?;

    let mut after = Vec::with_capacity(before.len());
    for (lead, owner) in before.iter().zip(chosen) {
        let handed = lead.clone().hand_to(owner, work.now)?;
        let changed = handed != *lead;
        let version = lead.version + i64::from(changed);
        let updated_at = if changed { work.now } else { lead.updated_at };
        after.push(lead::Model { version, updated_at, ..handed });
    }
    let moved = before.iter().zip(&after).filter(|(before, after)| before.version != after.version);
    let changed: Vec<lead::Model> = moved.map(|(_, after)| after.clone()).collect();
    distribution::save_leads(&work.tx, &changed, work.now).await?;

    let guarded = guarded(&work, &changed).await?;
    for lead in &changed {
        let change = Change::new("lead.distributed", lead.name(), "DistributeLeads").states(lead.state, lead.state);
        let owner = wire::name(names::EMPLOYEES, lead.owner);
        work.record(change.reason(owner).since(lead.state_since).data(&wire::lead::answer(lead, guarded)));
    }
    let assigned = |lead: &lead::Model| pb::Assignment {
        lead: lead.name(),
        owner: wire::name(names::EMPLOYEES, lead.owner),
        etag: lead.version.to_string(),
    };
    Ok(work.done(pb::DistributeLeadsResponse { assignments: after.iter().map(assigned).collect() }))
}

/// The method and the employees; one alone by hand, none twice, no lead twice.
fn read(ask: &pb::DistributeLeadsRequest) -> Result<(Method, Vec<Uuid>), Refusal> {
    let method = match ask.method() {
        Asked::ByHand | Asked::Unspecified => Method::ByHand,
        Asked::RoundRobin => Method::RoundRobin,
        Asked::LeastBusy => Method::LeastBusy,
    };
    if method == Method::ByHand && ask.employees.len() != 1 {
        return Err(Refusal::field("employees", "one employee, where it is done by hand"));
    }
    for (field, list) in [("leads", &ask.leads), ("employees", &ask.employees)] {
        let twice = list.iter().enumerate().find(|(index, name)| list[..*index].contains(name));
        if let Some((index, name)) = twice {
            return Err(Refusal::field(&format!("{field}[{index}]"), format!("each once; {name} is there twice")));
        }
    }
    let ids = ask.employees.iter().enumerate().map(|(index, name)| {
        let bad = |bad: names::BadName| Refusal::field(&format!("employees[{index}]"), bad.to_string());
        names::EMPLOYEES.parse(name).map_err(bad)
    });
    Ok((method, ids.collect::<Result<_, _>>()?))
}
