//! A contact ⇄ the wire.

use dealflow_chassis::{Mask, Refusal};
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::leads::v1::contact::Channel;
use dealflow_proto::names;

use crate::contact::Model;
use crate::wire;

/// The fields that an update may name.
pub const KNOWN: &[&str] = &[
    "account",
    "given_name",
    "family_name",
    "email",
    "phone",
    "job_title",
    "department",
    "preferred_channel",
    "language_code",
];

/// The contact with the fields that the mask takes over from the message.
pub fn take_over(mut contact: Model, news: pb::Contact, mask: &Mask) -> Result<Model, Refusal> {
    let channel = news.preferred_channel();
    let text = |path: &str, mine: &mut String, theirs: String| {
        if mask.takes(path, !theirs.is_empty()) {
            *mine = theirs;
        }
    };
    text("given_name", &mut contact.given_name, news.given_name);
    text("family_name", &mut contact.family_name, news.family_name);
    text("phone", &mut contact.phone, news.phone);
    text("job_title", &mut contact.job_title, news.job_title);
    text("department", &mut contact.department, news.department);
    text("language_code", &mut contact.language_code, news.language_code);
    text("preferred_channel", &mut contact.preferred_channel, channel_name(channel).to_owned());
    if mask.takes("email", !news.email.is_empty()) {
        wire::take_email("contact.email", &mut contact.email, news.email)?;
    }
    if mask.takes("account", !news.account.is_empty()) {
        contact.account = wire::id(names::ACCOUNTS, "contact.account", &news.account)?;
    }
    Ok(contact)
}

/// A contact as the wire has it.
pub fn answer(contact: &Model) -> pb::Contact {
    pb::Contact {
        name: contact.name(),
        etag: contact.version.to_string(),
        create_time: wire::time(contact.created_at),
        update_time: wire::time(contact.updated_at),
        account: wire::name(names::ACCOUNTS, contact.account),
        given_name: contact.given_name.clone(),
        family_name: contact.family_name.clone(),
        email: contact.email.clone(),
        phone: contact.phone.clone(),
        job_title: contact.job_title.clone(),
        department: contact.department.clone(),
        preferred_channel: Channel::from_str_name(&format!("CHANNEL_{}", contact.preferred_channel))
            .unwrap_or_default()
            .into(),
        language_code: contact.language_code.clone(),
        erase_time: contact.erased_at.and_then(wire::time),
    }
}

/// A channel's name without its prefix; empty where it is not said.
fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Unspecified => "",
        said => said.as_str_name().trim_start_matches("CHANNEL_"),
    }
}
