//! An interaction ⇄ the wire.

use chrono::{DateTime, Utc};
use dealflow_chassis::{Mask, Refusal};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::interaction::{Channel, Direction};
use dealflow_proto::names;
use uuid::Uuid;

use crate::activity::Names;
use crate::interaction::Model;
use crate::wire;
use crate::wire::activity::check_regarding;

/// The fields that an update may name.
pub const KNOWN: &[&str] = &["contact", "channel", "direction", "subject", "notes", "interaction_time", "participants"];

/// A new interaction as it was sent: the actor is its author.
pub fn read(sent: pb::Interaction, actor: &str, now: DateTime<Utc>) -> Result<Model, Refusal> {
    check_regarding("interaction.regarding", &sent.regarding)?;
    let happened = wire::moment("interaction.interaction_time", sent.interaction_time.as_ref())?.unwrap_or(now);
    check_past(happened, now)?;
    Ok(Model {
        id: Uuid::now_v7(),
        version: 1,
        created_at: now,
        updated_at: now,
        contact: wire::id(names::CONTACTS, "interaction.contact", &sent.contact)?,
        channel: channel_name(sent.channel()),
        direction: direction_name(sent.direction()),
        regarding: sent.regarding,
        subject: sent.subject,
        notes: sent.notes,
        happened_at: happened,
        participants: Names(sent.participants),
        author: actor.to_owned(),
    })
}

/// The interaction with the fields that the mask takes over from the message.
pub fn take_over(mut it: Model, news: pb::Interaction, mask: &Mask, now: DateTime<Utc>) -> Result<Model, Refusal> {
    let (channel, direction) = (news.channel(), news.direction());
    if mask.takes("contact", !news.contact.is_empty()) {
        it.contact = wire::id(names::CONTACTS, "interaction.contact", &news.contact)?;
    }
    if mask.takes("channel", channel != Channel::Unspecified) {
        it.channel = channel_name(channel);
    }
    if mask.takes("direction", direction != Direction::Unspecified) {
        it.direction = direction_name(direction);
    }
    if mask.takes("subject", !news.subject.is_empty()) {
        it.subject = news.subject;
    }
    if mask.takes("notes", !news.notes.is_empty()) {
        it.notes = news.notes;
    }
    if mask.takes("participants", !news.participants.is_empty()) {
        it.participants = Names(news.participants);
    }
    let time = wire::moment("interaction.interaction_time", news.interaction_time.as_ref())?;
    if mask.takes("interaction_time", time.is_some()) {
        it.happened_at = time.unwrap_or(it.created_at);
        check_past(it.happened_at, now)?;
    }
    Ok(it)
}

fn check_past(happened: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Refusal> {
    if happened <= now {
        return Ok(());
    }
    let expected = format!("not in the future; it is {} now", now.to_rfc3339());
    Err(Refusal::field("interaction.interaction_time", expected))
}

/// An interaction as the wire has it.
pub fn answer(it: &Model) -> pb::Interaction {
    pb::Interaction {
        name: it.name(),
        etag: it.version.to_string(),
        create_time: wire::time(it.created_at),
        update_time: wire::time(it.updated_at),
        regarding: it.regarding.clone(),
        contact: wire::name(names::CONTACTS, it.contact),
        channel: Channel::from_str_name(&format!("CHANNEL_{}", it.channel)).unwrap_or_default().into(),
        direction: Direction::from_str_name(&format!("DIRECTION_{}", it.direction)).unwrap_or_default().into(),
        subject: it.subject.clone(),
        notes: it.notes.clone(),
        interaction_time: wire::time(it.happened_at),
        participants: it.participants.0.clone(),
        author: it.author.clone(),
    }
}

fn channel_name(channel: Channel) -> String {
    channel.as_str_name().trim_start_matches("CHANNEL_").to_owned()
}

/// Empty where it is not known.
fn direction_name(direction: Direction) -> String {
    match direction {
        Direction::Unspecified => String::new(),
        known => known.as_str_name().trim_start_matches("DIRECTION_").to_owned(),
    }
}
