//! Who takes part in a sale: contacts in their roles (R-ACC-2), employees beside the owner (R-OPP-6), competitors.

use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The contacts who take part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Participants(pub Vec<Participant>);

/// A contact who takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Who.
    pub contact: Uuid,
    /// As what.
    pub role: Role,
}

/// What a contact is in a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Decides, alone or with others.
    DecisionMaker,
    /// Is listened to.
    Influencer,
    /// Attends the presentation.
    Attendee,
    /// Will use what is sold.
    User,
    /// Anything else.
    Other,
}

/// Names of documents of the knowledge base (R-ACT-6).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Documents(pub Vec<String>);

/// The employees who work on a sale beside its owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Team(pub Vec<Member>);

/// An employee of the team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub employee: Uuid,
    /// As what, in words.
    pub role: String,
}

/// Who else wants to sell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Competitors(pub Vec<Competitor>);

/// A competitor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Competitor {
    /// What it is called; unique in the opportunity.
    pub name: String,
    /// What it is good at.
    pub strengths: String,
    /// What it is not good at.
    pub weaknesses: String,
    /// How dangerous it is: `THREAT_…` on the wire, empty where nobody said.
    pub threat: String,
    /// It sold instead.
    pub won: bool,
}

impl Participants {
    /// Puts the decision maker among them, where that role of the contact is not there yet.
    pub fn with_decision_maker(&mut self, contact: Option<Uuid>) {
        let Some(contact) = contact else { return };
        let decides = Participant { contact, role: Role::DecisionMaker };
        if !self.0.contains(&decides) {
            self.0.insert(0, decides);
        }
    }
}

impl Competitors {
    /// Notes who sold instead; one that nobody had named is added.
    pub fn won_by(&mut self, name: &str) {
        match self.0.iter_mut().find(|competitor| competitor.name == name) {
            Some(competitor) => competitor.won = true,
            None => self.0.push(Competitor { name: name.to_owned(), won: true, ..Competitor::default() }),
        }
    }
}
