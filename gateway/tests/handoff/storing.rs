//! R-ERP-1: a document is stored once, frozen, and in company.

use dealflow_gateway::handoff::record::State;
use dealflow_proto::erp::v1::{Attachment, Document, handoff};
use dealflow_testbed::{TestDb, both, refusal};
use futures::future::join_all;
use sha2::Digest;
use tonic::Status;

use crate::house::{House, invoice, new, order, settings};

both! {
    /// R-ERP-1
    async fn sixty_four_copies_stored_at_once_are_one_hand_over(db: TestDb) {
        let house = House::build(db, settings()).await;
        let document = order("SO-1");
        let names = join_all((0..64).map(|_| house.hand_over(&document))).await;
        assert!(names.iter().all(|name| *name == names[0]));
        assert_eq!(house.all().await.len(), 1);
        assert_eq!(house.hand_over(&document).await, names[0], "also later");
    }

    /// R-ERP-1
    async fn documents_stored_at_once_share_commits(db: TestDb) {
        let house = House::build(db, settings()).await;
        let documents: Vec<_> = (0..64).map(|number| order(&format!("SO-{number}"))).collect();
        let changes = house.store.changes();
        let before = *changes.borrow();
        join_all(documents.iter().map(|document| house.hand_over(document))).await;
        let commits = *changes.borrow() - before;
        assert_eq!(house.all().await.len(), 64);
        assert!(commits < 64, "{commits} commits for 64 documents");
    }

    /// R-ERP-1
    async fn other_content_under_a_standing_id_is_refused(db: TestDb) {
        let house = House::build(db, settings()).await;
        let mut document = order("SO-1");
        let name = house.hand_over(&document).await;
        let frozen = house.get(&name).await;
        document.customer_reference = "PO 7".to_owned();
        let refused = house.handoffs.store(new(&document)).await.expect_err("the bytes differ");
        let refused = refusal(&Status::from(refused));
        assert_eq!((refused.code, refused.reason.as_str()), (tonic::Code::AlreadyExists, "TAKEN"));
        assert_eq!(refused.metadata["holder"], name);
        assert_eq!(house.get(&name).await, frozen, "nothing is edited after hand-over");
    }

    /// R-ERP-1: what an earlier version froze without files goes out as it is, though this one would add some; so does what
    /// the installation wanted other files for.
    async fn what_was_frozen_first_goes_out_with_the_files_that_it_has(db: TestDb) {
        let house = House::build(db, settings()).await;
        let bare = order("SO-1");
        let name = house.hand_over(&bare).await;
        let frozen = house.get(&name).await.document_sha256;
        let content = b"<Order/>".to_vec();
        let sha256 = sha2::Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let file = Attachment { file_name: "order-SO-1.xml".to_owned(), media_type: "application/xml".to_owned(), content, sha256 };
        let rich = Document {
            attachments: vec![file], contract_number: "C-17".to_owned(), payment_terms: "30 days".to_owned(), ..bare.clone()
        };
        assert_eq!(house.hand_over(&rich).await, name, "it is the same document");
        let stands = house.get(&name).await;
        assert_eq!((stands.document_sha256, stands.attachments.len()), (frozen.clone(), 0));
        house.work();
        house.becomes(&name, State::Delivered).await;
        let books = house.books().await;
        assert_eq!((books[0].document_sha256.as_str(), books[0].attachments.len()), (frozen.as_str(), 0));
        let other = order("SO-2");
        let with_file = Document { external_id: other.external_id.clone(), number: "SO-2".to_owned(), ..rich.clone() };
        let name = house.hand_over(&with_file).await;
        assert_eq!(house.hand_over(&other).await, name);
        let files = house.get(&name).await.attachments;
        assert_eq!((files.len(), files[0].size_bytes, files[0].sha256.as_str()), (1, 8, rich.attachments[0].sha256.as_str()));
    }

    /// R-ERP-1
    async fn a_refused_document_does_not_take_its_neighbours_with_it(db: TestDb) {
        let house = House::build(db, settings()).await;
        let first = order("SO-0");
        house.hand_over(&first).await;
        let mut edited = first.clone();
        edited.customer_reference = "PO 7".to_owned();
        let documents: Vec<_> = (1..20).map(|number| order(&format!("SO-{number}"))).chain([edited]).collect();
        let stored = join_all(documents.iter().map(|document| house.handoffs.store(new(document)))).await;
        assert_eq!(stored.iter().filter(|stored| stored.is_ok()).count(), 19);
        assert!(stored[19].is_err());
        assert_eq!(house.all().await.len(), 20);
    }

    /// R-ERP-1
    async fn an_invoice_waits_for_its_order_and_not_once_that_is_delivered(db: TestDb) {
        let house = House::open(db).await;
        let order = order("SO-1");
        let early = house.hand_over(&invoice(&order, "INV-1")).await;
        assert_eq!(house.get(&early).await.state(), handoff::State::Blocked);
        let name = house.hand_over(&order).await;
        house.becomes(&name, State::Delivered).await;
        house.becomes(&early, State::Delivered).await;
        let late = house.hand_over(&invoice(&order, "INV-2")).await;
        house.becomes(&late, State::Delivered).await;
    }

    /// R-ERP-1
    async fn what_cannot_be_handed_over_is_refused_with_its_field(db: TestDb) {
        let house = House::build(db, settings()).await;
        let good = order("SO-1");
        let bad_id = |id: &str| { let mut it = new(&good); it.document.external_id = id.to_owned(); it };
        let mut no_type = new(&good);
        no_type.document.r#type = 0;
        let mut no_totals = new(&good);
        no_totals.document.totals = None;
        let mut no_order = new(&invoice(&good, "INV-1"));
        no_order.document.order_external_id = String::new();
        let mut wrong_record = new(&good);
        wrong_record.record = "invoices/7".to_owned();
        for (new, field) in [
            (bad_id(""), "document.external_id"),
            (bad_id("df order 1"), "document.external_id"),
            (bad_id(&"x".repeat(36)), "document.external_id"),
            (no_type, "document.type"),
            (no_totals, "document.totals.payable"),
            (no_order, "document.order_external_id"),
            (wrong_record, "record"),
        ] {
            let refused = house.handoffs.store(new).await.expect_err(field);
            assert_eq!(refusal(&Status::from(refused)).field_names(), [field]);
        }
        assert!(house.all().await.is_empty());
    }

    /// R-ERP-1
    async fn documents_delivered_at_once_share_commits(db: TestDb) {
        let house = House::build(db, settings()).await;
        let documents: Vec<_> = (0..128).map(|number| order(&format!("SO-{number}"))).collect();
        let names = join_all(documents.iter().map(|document| house.hand_over(document))).await;
        let changes = house.store.changes();
        let before = *changes.borrow();
        house.work();
        for name in &names {
            house.becomes(name, State::Delivered).await;
        }
        let commits = *changes.borrow() - before;
        assert!(commits < 256, "{commits} commits for 128 claims and 128 outcomes");
    }
}
