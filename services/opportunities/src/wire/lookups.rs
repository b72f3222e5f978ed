//! What stands beside opportunities, as its readers see it.

use dealflow_chassis::list::Few;
use dealflow_proto::convert::timestamp;
use dealflow_proto::names::{LOSE_REASONS, OPPORTUNITIES};
use dealflow_proto::opportunities::v1 as pb;

use super::write::state;
use crate::error::Error;
use crate::opportunity::{LoseReason, attempt, lose_reason, tactics};

/// The tactics from a time on.
pub(crate) fn tactics(row: tactics::Model) -> pb::TacticsEntry {
    pb::TacticsEntry {
        number: row.number,
        text: row.text,
        author: row.author,
        write_time: Some(timestamp(row.at)),
        opportunity: OPPORTUNITIES.name(row.opportunity),
    }
}

/// A refused attempt.
pub(crate) fn refused_attempt(row: attempt::Model) -> pb::RefusedAttempt {
    pb::RefusedAttempt {
        opportunity: OPPORTUNITIES.name(row.opportunity),
        verb: row.verb,
        actor: row.actor,
        attempt_time: Some(timestamp(row.at)),
        message: row.message,
        state: state(row.state).into(),
        request_id: row.request_id.to_string(),
        traceparent: row.traceparent,
    }
}

/// A reason in the list of all of them.
pub(crate) struct ListedReason(pub(crate) pb::LoseReason);

impl Few for ListedReason {
    const KIND: &'static str = "loseReasons";

    fn texts(&self) -> Vec<(&'static str, &str)> {
        vec![("name", &self.0.name)]
    }

    fn flags(&self) -> Vec<(&'static str, bool)> {
        let Self(reason) = self;
        vec![("retired", reason.retired), ("built_in", reason.built_in), ("comment_required", reason.comment_required)]
    }
}

/// A reason that is part of the product.
pub(crate) fn built_in_reason(reason: LoseReason) -> pb::LoseReason {
    let (en, ru) = match reason {
        LoseReason::OutSold => ("A competitor sold", "Продал конкурент"),
        LoseReason::Canceled => ("The customer canceled", "Клиент отказался"),
        LoseReason::NoBudget => ("No budget", "Нет бюджета"),
        LoseReason::NoDecision => ("No decision was made", "Решение не принято"),
        LoseReason::Price => ("The price", "Цена"),
        LoseReason::Other => ("Another reason", "Другая причина"),
    };
    pb::LoseReason {
        name: LOSE_REASONS.slug(&reason.to_string()),
        captions: captions(en, ru),
        comment_required: reason == LoseReason::Other,
        built_in: true,
        ..pb::LoseReason::default()
    }
}

/// A reason of the user's own.
pub(crate) fn own_reason(row: &lose_reason::Model) -> pb::LoseReason {
    pb::LoseReason {
        name: LOSE_REASONS.slug(&row.code),
        etag: row.version.to_string(),
        captions: captions(&row.caption_en, &row.caption_ru),
        comment_required: row.comment_required,
        retired: row.retired,
        built_in: false,
    }
}

/// A reason as a caller says it.
///
/// # Errors
/// [`Error::Fields`] where a caption is missing, or of no language that is known.
pub(crate) fn read_reason(given: &pb::LoseReason, code: String, version: i64) -> Result<lose_reason::Model, Error> {
    let text = |language: &str| {
        let mut found = given.captions.iter().filter(|caption| caption.language_code == language);
        found.next().map(|caption| caption.text.trim().to_owned()).unwrap_or_default()
    };
    let (caption_en, caption_ru) = (text("en"), text("ru"));
    if caption_en.is_empty() {
        return Err(Error::field("lose_reason.captions", "must have one in English (`en`)"));
    }
    let longest = given.captions.iter().map(|caption| caption.text.chars().count()).max();
    if given.captions.iter().any(|caption| !matches!(caption.language_code.as_str(), "en" | "ru"))
        || longest.is_some_and(|length| length > 300)
    {
        return Err(Error::field("lose_reason.captions", "must be of `en` or `ru`, with 300 characters at most"));
    }
    Ok(lose_reason::Model {
        code,
        version,
        caption_en,
        caption_ru,
        comment_required: given.comment_required,
        retired: given.retired,
    })
}

fn captions(en: &str, ru: &str) -> Vec<pb::Caption> {
    let caption =
        |language: &str, text: &str| pb::Caption { language_code: language.to_owned(), text: text.to_owned() };
    let both = [caption("en", en), caption("ru", ru)];
    both.into_iter().filter(|caption| !caption.text.is_empty()).collect()
}
