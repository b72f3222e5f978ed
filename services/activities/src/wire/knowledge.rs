//! A document of the knowledge base ⇄ the wire.

use chrono::{DateTime, Utc};
use dealflow_chassis::{Mask, Refusal};
use dealflow_proto::activities::v1 as pb;
use uuid::Uuid;

use crate::knowledge::{Model, check_id};
use crate::wire;

/// The fields that an update may name.
pub const KNOWN: &[&str] = &["title", "language_code", "summary", "tags", "link", "content", "file_name", "media_type"];

/// A new document under the name that was chosen, and its bytes.
pub fn read(sent: pb::KnowledgeDocument, id: String, now: DateTime<Utc>) -> Result<(Model, Vec<u8>), Refusal> {
    check_id(&id)?;
    let document = Model {
        id: Uuid::now_v7(),
        slug: id,
        version: 1,
        created_at: now,
        updated_at: now,
        title: sent.title,
        language: sent.language_code,
        summary: sent.summary,
        tags: sent.tags.join("\n"),
        link: sent.link,
        file_name: sent.file_name,
        media_type: sent.media_type,
        size: size(&sent.content),
    };
    document.check()?;
    Ok((document, sent.content))
}

/// The document with the fields that the mask takes over from the message, and its new bytes where they change.
pub fn take_over(
    mut document: Model,
    news: pb::KnowledgeDocument,
    mask: &Mask,
) -> Result<(Model, Option<Vec<u8>>), Refusal> {
    let text = |path: &str, mine: &mut String, theirs: String| {
        if mask.takes(path, !theirs.is_empty()) {
            *mine = theirs;
        }
    };
    text("title", &mut document.title, news.title);
    text("language_code", &mut document.language, news.language_code);
    text("summary", &mut document.summary, news.summary);
    text("tags", &mut document.tags, news.tags.join("\n"));
    text("link", &mut document.link, news.link);
    text("file_name", &mut document.file_name, news.file_name);
    text("media_type", &mut document.media_type, news.media_type);
    let content = mask.takes("content", !news.content.is_empty()).then_some(news.content);
    if let Some(content) = &content {
        document.size = size(content);
    }
    document.check()?;
    Ok((document, content))
}

/// A document as the wire has it, without its bytes.
pub fn answer(document: &Model) -> pb::KnowledgeDocument {
    pb::KnowledgeDocument {
        name: document.name(),
        etag: document.version.to_string(),
        create_time: wire::time(document.created_at),
        update_time: wire::time(document.updated_at),
        title: document.title.clone(),
        language_code: document.language.clone(),
        summary: document.summary.clone(),
        tags: document.tags.lines().map(str::to_owned).collect(),
        link: document.link.clone(),
        content: Vec::new(),
        file_name: document.file_name.clone(),
        media_type: document.media_type.clone(),
        size: document.size,
    }
}

fn size(content: &[u8]) -> i64 {
    i64::try_from(content.len()).unwrap_or(i64::MAX)
}
