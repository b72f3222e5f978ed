//! What comes in and what is answered, whatever the ERP.

use dealflow_chassis::Refusal;
use dealflow_proto::erp::v1::{Document, DocumentType, Outcome, Reason};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// A document that is handed over, of whatever kind.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) kind: DocumentType,
    pub(crate) external_id: String,
    pub(crate) idempotency_key: String,
    pub(crate) sha256: String,
    pub(crate) document: Document,
}

/// What the ERP says to it.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) replayed: bool,
    pub(crate) erp_number: String,
    pub(crate) reasons: Vec<Reason>,
}

impl Verdict {
    pub(crate) fn accepted(erp_number: impl Into<String>) -> Self {
        Self { outcome: Outcome::Accepted, replayed: false, erp_number: erp_number.into(), reasons: Vec::new() }
    }

    /// The result of the first time again.
    pub(crate) fn replayed(erp_number: impl Into<String>) -> Self {
        Self { replayed: true, ..Self::accepted(erp_number) }
    }

    pub(crate) fn refused(reasons: Vec<Reason>) -> Self {
        Self { outcome: Outcome::Rejected, replayed: false, erp_number: String::new(), reasons }
    }
}

impl Submission {
    /// Reads a message: its bytes are those of its hash, and say the same as the message round them.
    pub(crate) fn read(
        kind: DocumentType,
        (external_id, idempotency_key): (String, String),
        sha256: String,
        body: &[u8],
    ) -> Result<Self, Refusal> {
        if hex(&Sha256::digest(body)) != sha256 {
            return Err(Refusal::field("document_sha256", "the SHA-256 of document"));
        }
        let document = Document::decode(body)
            .map_err(|error| Refusal::field("document", format!("a dealflow.erp.v1.Document: {error}")))?;
        for (place, file) in document.attachments.iter().enumerate() {
            if hex(&Sha256::digest(&file.content)) != file.sha256 {
                let field = format!("document.attachments[{place}].sha256");
                return Err(Refusal::field(&field, "the SHA-256 of its content"));
            }
        }
        if document.external_id != external_id {
            return Err(Refusal::field("external_id", format!("that of the document, {}", document.external_id)));
        }
        if document.r#type() != kind {
            let expected = format!("a document of the type that this call takes, {}", kind.as_str_name());
            return Err(Refusal::field("document", expected));
        }
        let allowed = |at: u8| at.is_ascii_alphanumeric() || b"._:-".contains(&at);
        if external_id.is_empty() || !external_id.bytes().all(allowed) {
            return Err(Refusal::field("external_id", "letters, digits and . _ : -"));
        }
        Ok(Self { kind, external_id, idempotency_key, sha256, document })
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The external id stands for other content, of this hash.
pub(crate) fn other_content(external_id: &str, erp_number: &str, sha256: &str) -> Status {
    let message = format!("{external_id} stands as {erp_number} with other content");
    let metadata = [("document_sha256".to_owned(), sha256.to_owned())];
    let details = ErrorDetails::with_error_info("DUP", "erp", metadata);
    Status::with_error_details(Code::AlreadyExists, message, details)
}

/// What the document follows is not there yet.
pub(crate) fn dependency_missing(what: &str, external_id: &str) -> Status {
    let metadata = [(format!("{what}_external_id"), external_id.to_owned())];
    let details = ErrorDetails::with_error_info("DEPENDENCY_MISSING", "erp", metadata);
    Status::with_error_details(Code::FailedPrecondition, format!("the {what} {external_id} is not here yet"), details)
}

/// A reason without details.
pub(crate) fn reason(code: &str, field: impl Into<String>, message: impl Into<String>, action: &str) -> Reason {
    Reason {
        code: code.to_owned(),
        field: field.into(),
        message: message.into(),
        action: action.to_owned(),
        ..Reason::default()
    }
}

/// The refusal of a kind that an adapter does not take.
pub(crate) fn not_taken(kind: DocumentType, product: &str) -> Verdict {
    let kind = kind.as_str_name().trim_start_matches("DOCUMENT_TYPE_").to_lowercase().replace('_', " ");
    let message = format!("{product} takes no {kind}");
    Verdict::refused(vec![reason(
        "OTH",
        "type",
        message,
        "agree on it with the people of the ERP, and abandon it here",
    )])
}
