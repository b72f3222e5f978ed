//! A natural person: exported, erased (R-ACC-3), and what a contact carries (R-ACC-2).

use dealflow_proto::leads::v1::contact::Channel;
use dealflow_proto::leads::v1::*;
use dealflow_testbed::{TestDb, both, id, refusal};
use prost::Message;
use tonic::{Code, Status};

use crate::desk::{Desk, ready};

/// What says something of Erika.
const PERSONAL: [&str; 6] =
    ["Erika", "erika.berg@berg.example", "1234-567", "plays the violin", "prefers tea", "Head of"];

impl Desk {
    async fn erase(&mut self, name: &str) -> Result<ErasePersonResponse, Status> {
        let ask = ErasePersonRequest { name: name.to_owned(), request_id: id(), ..Default::default() };
        Ok(self.persons.erase_person(ask).await?.into_inner())
    }

    async fn export(&mut self, name: &str) -> PersonExport {
        let ask = ExportPersonRequest { name: name.to_owned() };
        self.persons.export_person(ask).await.expect("exported").into_inner()
    }

    /// Erika's lead, contacted, qualified, and then told more of as a contact.
    async fn erika(&mut self) -> Lead {
        let name = self.capture(Lead { notes: "plays the violin".to_owned(), ..ready() }).await.name;
        self.contact_lead(&name, "prefers tea").await.expect("contacted");
        let lead = self.qualify(QualifyLeadRequest { name, ..Default::default() }).await.expect("qualified");
        let contact =
            Contact { name: lead.contact.clone(), job_title: "Head of purchase".to_owned(), ..Default::default() };
        let mut ask = UpdateContactRequest { contact: Some(contact), request_id: id(), ..Default::default() };
        self.contacts.update_contact(ask.clone()).await.expect("updated");
        // Said again under another id: an answer is remembered that belongs to no change.
        ask.request_id = id();
        self.contacts.update_contact(ask).await.expect("nothing changed");
        lead
    }
}

fn tells_of_erika(bytes: &[u8]) -> Option<&'static str> {
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    PERSONAL.into_iter().find(|text| holds(text))
}

both! {
    /// R-ACC-3: everything that is held of a person comes in one answer, by the name of the contact or of the lead.
    async fn a_person_is_exported_whole(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = desk.erika().await;
        let export = desk.export(&lead.contact).await;
        assert_eq!(desk.export(&lead.name).await, export);
        assert_eq!(export.contact.as_ref().map(|it| it.family_name.as_str()), Some("Berg"));
        assert_eq!(export.leads.iter().map(|it| it.notes.as_str()).collect::<Vec<_>>(), ["plays the violin\nprefers tea"]);
        let told: Vec<_> = export.events.iter().map(|it| it.r#type.as_str()).collect();
        assert_eq!(told, ["lead.created", "lead.contacted", "contact.created", "lead.qualified", "contact.updated"]);
        let bytes = export.encode_to_vec();
        assert!(PERSONAL.iter().all(|text| bytes.windows(text.len()).any(|it| it == text.as_bytes())));
        let no = desk.persons.export_person(ExportPersonRequest { name: "accounts/7".to_owned() }).await;
        assert_eq!(refusal(&no.expect_err("no person")).field_names(), ["name"]);
    }

    /// R-ACC-3: after an erasure nothing tells of the person: not the records, not their history, not an answer to a
    /// repeated request, not the search for duplicates. What happened when stays, and so does the company.
    async fn an_erased_person_is_found_nowhere(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let create = CreateLeadRequest { lead: Some(ready()), request_id: id(), ..Default::default() };
        let lead = desk.erika().await;
        let other = desk.leads.create_lead(create.clone()).await.expect("captured").into_inner();
        let before: Vec<_> = desk.thread(&lead.name).await.iter().map(|it| (it.r#type.clone(), it.time)).collect();
        let account = desk.account(&lead.account).await;

        let erased = desk.erase(&lead.contact).await.expect("erased");
        assert!(erased.redacted_event_count >= 5, "{erased:?}");
        let contact = erased.contact.clone().expect("the contact");
        assert_eq!((contact.family_name.as_str(), contact.erase_time.is_some()), ("erased", true));
        let export = desk.export(&lead.contact).await;
        assert_eq!(tells_of_erika(&export.encode_to_vec()), None);
        let after: Vec<_> = desk.thread(&lead.name).await.iter().map(|it| (it.r#type.clone(), it.time)).collect();
        assert_eq!(after[..before.len()], before, "the chain of facts stays");
        assert_eq!(desk.account(&lead.account).await, account);

        let wanted = FindDuplicatesRequest { email: ready().email, phone: ready().phone, ..Default::default() };
        let found = desk.accounts.find_duplicates(wanted).await.expect("searched").into_inner();
        assert!(found.contacts.is_empty(), "{found:?}");

        // The same person as a lead that nobody qualified: it is set aside with it, and asked again it says nothing.
        let gone = desk.erase(&other.name).await.expect("erased").leads.remove(0);
        assert_eq!((gone.state(), gone.family_name.as_str()), (lead::State::Disqualified, "erased"));
        let again = desk.leads.create_lead(create).await.expect("the remembered answer").into_inner();
        assert_eq!(tells_of_erika(&again.encode_to_vec()), None);
    }

    /// R-ACC-3: erased twice is erased once, and an erased person changes no more.
    async fn erasing_again_changes_nothing(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = desk.erika().await;
        let first = desk.erase(&lead.name).await.expect("erased");
        let second = desk.erase(&lead.name).await.expect("erased again");
        assert_eq!((&second.contact, &second.leads), (&first.contact, &first.leads));
        let erasures = desk.thread(&lead.name).await.iter().filter(|it| it.r#type == "lead.erased").count();
        assert_eq!(erasures, 1);

        let contact = Contact { name: lead.contact.clone(), phone: "030 1".to_owned(), ..Default::default() };
        let ask = UpdateContactRequest { contact: Some(contact), request_id: id(), ..Default::default() };
        let no = refusal(&desk.contacts.update_contact(ask).await.expect_err("erased"));
        assert_eq!((no.code, no.reason.as_str()), (Code::FailedPrecondition, "TERMINAL"));
        let fresh = desk.capture(Lead { email: "x@y.example".to_owned(), phone: String::new(), ..ready() }).await.name;
        let ask = QualifyLeadRequest { name: fresh, contact: lead.contact, ..Default::default() };
        assert_eq!(refusal(&desk.qualify(ask).await.expect_err("erased")).reason, "TERMINAL");
        let open = desk.capture(ready()).await.name;
        desk.erase(&open).await.expect("erased");
        assert_eq!(refusal(&desk.reactivate(&open).await.expect_err("erased")).reason, "TERMINAL");
    }

    /// R-ACC-2, R-ACC-1: a contact carries job, department, language and preferred channel; an account is an address for
    /// electronic invoices only with its scheme.
    async fn parties_carry_what_is_needed_of_them(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let sent = Contact {
            family_name: "Berg".to_owned(),
            department: "Purchase".to_owned(),
            job_title: "Head".to_owned(),
            language_code: "de".to_owned(),
            preferred_channel: Channel::Phone.into(),
            ..Default::default()
        };
        let kept = desk.add_contact(sent.clone()).await.expect("added");
        assert_eq!((&kept.department, &kept.language_code), (&sent.department, &sent.language_code));
        assert_eq!(kept.preferred_channel(), Channel::Phone);
        let berg = |scheme: &str, address: &str| Account {
            display_name: "Berg".to_owned(),
            electronic_address_scheme: scheme.to_owned(),
            electronic_address: address.to_owned(),
            ..Default::default()
        };
        for (scheme, address, field) in [
            ("", "4000001", "account.electronic_address_scheme"),
            ("0088", "", "account.electronic_address"),
            ("GLN", "4000001", "account.electronic_address_scheme"),
        ] {
            let no = refusal(&desk.add_account(berg(scheme, address)).await.expect_err("nobody is reached"));
            assert_eq!(no.field_names(), [field]);
        }
        desk.add_account(berg("0088", "4000001")).await.expect("added");
    }

    /// R-LED-4: who may be the same already is found before anything is made.
    async fn duplicates_are_found_by_normalised_values(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = desk.erika().await;
        let ask = FindDuplicatesRequest {
            company_name: "BERG Maschinenbau".to_owned(),
            email: "Erika.Berg@berg.example".to_owned(),
            ..Default::default()
        };
        let found = desk.accounts.find_duplicates(ask).await.expect("searched").into_inner();
        let names = |found: &[DuplicateCandidate]| found.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        assert_eq!((names(&found.accounts), names(&found.contacts)), (vec![lead.account], vec![lead.contact]));
        assert_eq!(found.contacts[0].reason, "same e-mail address: Erika Berg");
        let nobody = desk.accounts.find_duplicates(FindDuplicatesRequest::default()).await.expect("searched");
        assert_eq!(nobody.into_inner(), FindDuplicatesResponse::default());
    }
}
