//! What a document says, whatever else it brings. The first that was frozen under an external id stands: one that says the
//! same with other files, or that a version froze which attached none, is the same document (R-ERP-1).

use dealflow_proto::erp::v1::{AttachedFile, Attachment, Document, Party};
use prost::{DecodeError, Message};

/// Whether two frozen documents say the same.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    matches!((of(one), of(other)), (Ok(one), Ok(other)) if one == other)
}

/// The document without what is frozen beside it: files, and what they were made of.
fn of(payload: &[u8]) -> Result<Document, DecodeError> {
    let document = Document::decode(payload)?;
    Ok(Document {
        contract_number: String::new(),
        payment_terms: String::new(),
        buyer_reference: String::new(),
        delivery_date: None,
        exemption_reason: String::new(),
        seller: None,
        payment_account: None,
        attachments: Vec::new(),
        not_attached: String::new(),
        buyer: document.buyer.map(|buyer| Party {
            trading_name: String::new(),
            registration_scheme: String::new(),
            legal_form: String::new(),
            contact_name: String::new(),
            phone: String::new(),
            email: String::new(),
            ..buyer
        }),
        ..document
    })
}

/// The files that a frozen document brings, and why one is missing.
pub(super) fn files(payload: &[u8]) -> Result<(Vec<AttachedFile>, String), DecodeError> {
    let document = Document::decode(payload)?;
    Ok((document.attachments.iter().map(listed).collect(), document.not_attached))
}

fn listed(file: &Attachment) -> AttachedFile {
    AttachedFile {
        file_name: file.file_name.clone(),
        media_type: file.media_type.clone(),
        sha256: file.sha256.clone(),
        size_bytes: i64::try_from(file.content.len()).unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-ERP-1: what an earlier version froze without files is the same document; another amount is another one.
    #[test]
    fn files_make_no_other_document() {
        let plain = Document { number: "INV-1".to_owned(), ..Document::default() };
        let file = Attachment { file_name: "invoice-INV-1.xml".to_owned(), ..Attachment::default() };
        let seller = Some(Party::default());
        let rich = Document { attachments: vec![file], payment_terms: "30 days".to_owned(), seller, ..plain.clone() };
        assert!(same(&plain.encode_to_vec(), &rich.encode_to_vec()));
        let other = Document { number: "INV-2".to_owned(), ..rich };
        assert!(!same(&plain.encode_to_vec(), &other.encode_to_vec()));
        assert!(!same(b"\xff", b"\xff"));
    }
}
