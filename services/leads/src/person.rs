//! A natural person: a contact with the leads that it came from, or a lead that became no contact (R-ACC-3).

use dealflow_chassis::Refusal;
use dealflow_chassis::redact::blanked;
use dealflow_chassis::security::Sight;
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::names;
use sea_orm::ConnectionTrait;

use crate::error::Error;
use crate::{contact, lead};

/// What this part knows of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The contact, if the person became one.
    pub contact: Option<contact::Model>,
    /// The leads, the oldest first.
    pub leads: Vec<lead::Model>,
}

impl Person {
    /// The person of this name. A lead that became a contact is that contact, with all its leads.
    pub async fn find(db: &impl ConnectionTrait, name: &str) -> Result<Self, Error> {
        if name.starts_with(names::CONTACTS.as_str()) {
            return Self::of(db, contact::get(db, name).await?).await;
        }
        if !name.starts_with(names::LEADS.as_str()) {
            return Err(Refusal::field("name", "contacts/{uuid} or leads/{uuid}").into());
        }
        let lead = lead::get(db, name, &Sight::All).await?;
        match lead.contact {
            Some(id) => Self::of(db, contact::get(db, &names::CONTACTS.name(id)).await?).await,
            None => Ok(Self { contact: None, leads: vec![lead] }),
        }
    }

    async fn of(db: &impl ConnectionTrait, contact: contact::Model) -> Result<Self, Error> {
        let leads = lead::of_contact(db, contact.id).await?;
        Ok(Self { contact: Some(contact), leads })
    }

    /// The names of all records.
    pub fn names(&self) -> Vec<String> {
        self.contact.iter().map(contact::Model::name).chain(self.leads.iter().map(lead::Model::name)).collect()
    }
}

/// Blanks a lead or a contact as history keeps it: the fields that are `personal_data` in the contract.
pub fn blank(data_type: &str, data: &[u8]) -> Result<Option<Vec<u8>>, prost::DecodeError> {
    let lead = blanked(data_type, data, |lead: &mut pb::Lead| {
        lead.given_name.clear();
        lead.family_name = lead::ERASED.to_owned();
        lead.email.clear();
        lead.phone.clear();
        lead.notes.clear();
        lead.disqualify_comment.clear();
    })?;
    if lead.is_some() {
        return Ok(lead);
    }
    blanked(data_type, data, |contact: &mut pb::Contact| {
        contact.given_name.clear();
        contact.family_name = lead::ERASED.to_owned();
        contact.email.clear();
        contact.phone.clear();
        contact.job_title.clear();
        contact.department.clear();
        contact.preferred_channel = 0;
        contact.language_code.clear();
    })
}
