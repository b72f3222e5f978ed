//! The knowledge base (R-ACT-6).

use dealflow_proto::activities::v1::*;
use dealflow_testbed::{TestDb, both, id, refusal};
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::desk::{Desk, entry, opportunity, planned, task};

impl Desk {
    pub(crate) async fn write(
        &mut self,
        document_id: &str,
        document: KnowledgeDocument,
    ) -> Result<KnowledgeDocument, Status> {
        let ask = CreateKnowledgeDocumentRequest {
            document: Some(document),
            document_id: document_id.to_owned(),
            request_id: id(),
            ..Default::default()
        };
        Ok(self.knowledge.create_knowledge_document(ask).await?.into_inner())
    }

    async fn read(&mut self, name: &str) -> Result<KnowledgeDocument, Status> {
        let ask = GetKnowledgeDocumentRequest { name: name.to_owned() };
        Ok(self.knowledge.get_knowledge_document(ask).await?.into_inner())
    }
}

pub(crate) fn link(title: &str, tags: &[&str]) -> KnowledgeDocument {
    KnowledgeDocument {
        title: title.to_owned(),
        language_code: "en".to_owned(),
        tags: tags.iter().map(ToString::to_string).collect(),
        link: "https://wiki.example.com/page".to_owned(),
        ..Default::default()
    }
}

fn file(title: &str, content: &[u8]) -> KnowledgeDocument {
    KnowledgeDocument {
        content: content.to_vec(),
        file_name: "checklist.md".to_owned(),
        media_type: "text/markdown".to_owned(),
        link: String::new(),
        ..link(title, &[])
    }
}

both! {
    /// R-ACT-6: a document is a link or a small file; its bytes come with it alone, not with a list; it changes by mask.
    async fn a_document_is_a_link_or_a_small_file(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let text = "1. Бюджет\n2. Сроки".as_bytes();
        let made = desk.write("presentation-checklist", file("Checklist", text)).await.expect("made");
        assert_eq!((made.name.as_str(), made.size, made.content.len()), ("knowledge/presentation-checklist", text.len() as i64, 0));
        assert_eq!(desk.read(&made.name).await.expect("read"), KnowledgeDocument { content: text.to_vec(), ..made.clone() });
        let page = desk.knowledge.list_knowledge_documents(ListKnowledgeDocumentsRequest::default()).await;
        assert_eq!(page.expect("listed").into_inner().documents, std::slice::from_ref(&made));

        let news = KnowledgeDocument { name: made.name.clone(), link: "http://example.com".to_owned(), ..Default::default() };
        let paths = ["link", "content", "file_name"].map(str::to_owned).into();
        let ask = UpdateKnowledgeDocumentRequest {
            document: Some(news),
            update_mask: Some(FieldMask { paths }),
            request_id: id(),
            ..Default::default()
        };
        desk.knowledge.update_knowledge_document(ask).await.expect("moved");
        let moved = desk.read(&made.name).await.expect("read");
        assert_eq!((moved.link.as_str(), moved.size, moved.content.len(), moved.title.as_str()), ("http://example.com", 0, 0, "Checklist"));

        let both = KnowledgeDocument { link: "https://example.com".to_owned(), ..file("Both", b"x") };
        let neither = KnowledgeDocument { link: String::new(), ..link("Neither", &[]) };
        let script = KnowledgeDocument { link: "javascript:alert(1)".to_owned(), ..link("Script", &[]) };
        let large = file("Large", &vec![b'x'; 1024 * 1024 + 1]);
        for (document, field) in [(both, "link"), (neither, "link"), (script, "link"), (large, "content")] {
            let no = refusal(&desk.write("wrong", document).await.expect_err(field));
            assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec![format!("document.{field}").as_str()]));
        }
        for wrong in ["Über", "-a", "a b", "a/b"] {
            let no = refusal(&desk.write(wrong, link("Wrong", &[])).await.expect_err("no name"));
            assert_eq!(no.field_names(), ["document_id"], "{wrong}");
        }
        let no = refusal(&desk.write("presentation-checklist", link("Again", &[])).await.expect_err("taken"));
        assert_eq!((no.code, no.reason.as_str()), (Code::AlreadyExists, "TAKEN"));
    }

    /// R-ACT-6: documents are found by words of their title, tags and summary, by tag and by language.
    async fn documents_are_found_by_their_words(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        desk.write("pricing", link("How we price pumps", &["sales", "price"])).await.expect("made");
        desk.write("objections", KnowledgeDocument { summary: "when the price is too high".to_owned(), ..link("Objections", &["sales"]) }).await.expect("made");
        desk.write("demo", KnowledgeDocument { language_code: "ru".to_owned(), ..link("Демонстрация", &["show"]) }).await.expect("made");
        for (filter, names) in [
            ("price", vec!["pricing", "objections"]),
            ("tags:\"show\"", vec!["demo"]),
            ("language_code = \"ru\"", vec!["demo"]),
            ("title:\"pumps\"", vec!["pricing"]),
            ("nothing_of_this", vec![]),
        ] {
            let ask = ListKnowledgeDocumentsRequest { filter: filter.to_owned(), ..Default::default() };
            let page = desk.knowledge.list_knowledge_documents(ask).await.expect(filter).into_inner();
            let found: Vec<_> = page.documents.iter().map(|it| it.name.trim_start_matches("knowledge/")).collect();
            assert_eq!(found, names, "{filter}");
        }
    }

    /// R-ACT-6: an activity points at documents by name, and they are read together; by hand nobody points at what is
    /// not there, a template may.
    async fn an_activity_points_at_documents_by_name(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let pricing = desk.write("pricing", link("Pricing", &[])).await.expect("made");
        let demo = desk.write("demo", link("Demo", &[])).await.expect("made");
        let knowledge = vec![pricing.name.clone(), demo.name.clone()];
        let made = desk.make(Activity { knowledge: knowledge.clone(), ..task("Present") }).await.expect("made");
        assert_eq!(desk.activity(&made.name).await.knowledge, knowledge);
        let ask = BatchGetKnowledgeDocumentsRequest { names: vec!["knowledge/gone".to_owned(), demo.name.clone(), pricing.name.clone()] };
        let read = desk.knowledge.batch_get_knowledge_documents(ask).await.expect("read").into_inner().documents;
        assert_eq!(read, [demo, pricing]);
        let gone = vec!["knowledge/gone".to_owned()];
        let no = refusal(&desk.make(Activity { knowledge: gone.clone(), ..task("Present") }).await.expect_err("gone"));
        assert_eq!((no.code, no.resource.as_deref()), (Code::NotFound, Some("knowledge/gone")));
        let no = refusal(&desk.update(Activity { name: made.name, knowledge: gone.clone(), ..Default::default() }).await.expect_err("gone"));
        assert_eq!(no.code, Code::NotFound);
        let template = Activity { knowledge: gone.clone(), ..planned("present", true) };
        let open = desk.sync(entry(&opportunity(), 1, vec![template])).await.expect("entered").open;
        assert_eq!(open[0].knowledge, gone);
    }
}
