//! Who takes part in a sale, as callers see it and say it: participants, team, competitors.

use dealflow_proto::names::{CONTACTS, EMPLOYEES};
use dealflow_proto::opportunities::v1 as pb;

use super::read::{Faults, name};
use crate::opportunity::{Competitor, Competitors, Member, Participant, Participants, Role, Team};

/// A competitor.
pub(super) fn competitor(it: &Competitor) -> pb::Competitor {
    pb::Competitor {
        name: it.name.clone(),
        strengths: it.strengths.clone(),
        weaknesses: it.weaknesses.clone(),
        threat: pb::competitor::Threat::from_str_name(&it.threat).unwrap_or_default().into(),
        won: it.won,
    }
}

/// A contact who takes part.
pub(super) fn participant(it: &Participant) -> pb::Participant {
    use pb::participant::Role as Wire;
    let role = match it.role {
        Role::DecisionMaker => Wire::DecisionMaker,
        Role::Influencer => Wire::Influencer,
        Role::Attendee => Wire::Attendee,
        Role::User => Wire::User,
        Role::Other => Wire::Other,
    };
    pb::Participant { contact: CONTACTS.name(it.contact), role: role.into() }
}

/// An employee of the team.
pub(super) fn member(it: &Member) -> pb::TeamMember {
    pb::TeamMember { employee: EMPLOYEES.name(it.employee), role: it.role.clone() }
}

/// Competitors as a caller says them: each name once. Who sold instead is not theirs to say.
pub(super) fn read_competitors(given: &[pb::Competitor], faults: &mut Faults) -> Competitors {
    for (index, competitor) in given.iter().enumerate() {
        if given[..index].iter().any(|before| before.name == competitor.name) {
            faults.wrong(format!("opportunity.competitors[{index}].name"), "stands there twice");
        }
    }
    let read = |it: &pb::Competitor| Competitor {
        name: it.name.clone(),
        strengths: it.strengths.clone(),
        weaknesses: it.weaknesses.clone(),
        threat: if it.threat == 0 { String::new() } else { it.threat().as_str_name().to_owned() },
        won: false,
    };
    Competitors(given.iter().map(read).collect())
}

/// Contacts as a caller says them: each role of a contact once.
pub(super) fn read_participants(given: &[pb::Participant], faults: &mut Faults) -> Participants {
    use pb::participant::Role as Wire;
    let mut read = Participants::default();
    for (index, it) in given.iter().enumerate() {
        let contact = faults.take(name(&format!("participants[{index}].contact"), CONTACTS, &it.contact));
        let role = match it.role() {
            Wire::DecisionMaker => Role::DecisionMaker,
            Wire::Influencer => Role::Influencer,
            Wire::Attendee => Role::Attendee,
            Wire::User => Role::User,
            Wire::Unspecified | Wire::Other => Role::Other,
        };
        let Some(contact) = contact else { continue };
        let participant = Participant { contact, role };
        if read.0.contains(&participant) {
            faults.wrong(format!("opportunity.participants[{index}]"), "stands there twice");
        }
        read.0.push(participant);
    }
    read
}

/// The team as a caller says it: each employee once.
pub(super) fn read_team(given: &[pb::TeamMember], faults: &mut Faults) -> Team {
    let mut read = Team::default();
    for (index, it) in given.iter().enumerate() {
        let employee = faults.take(name(&format!("team[{index}].employee"), EMPLOYEES, &it.employee));
        let Some(employee) = employee else { continue };
        if read.0.iter().any(|member| member.employee == employee) {
            faults.wrong(format!("opportunity.team[{index}].employee"), "stands there twice");
        }
        read.0.push(Member { employee, role: it.role.clone() });
    }
    read
}
