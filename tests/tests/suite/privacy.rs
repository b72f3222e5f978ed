//! R-ACC-3 and R-LED-3 across the services: a person exported and erased, a lead moved to its sale.

use std::time::Duration;

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::activities::v1::{
    Activity, CreateActivityRequest, CreateInteractionRequest, GetActivityRequest, Interaction, interaction,
};
use dealflow_proto::feed::v1::ListEventsRequest;
use dealflow_proto::gateway::v1::{ErasePersonalDataRequest, ExportPersonalDataRequest, GetDealRequest};
use dealflow_proto::leads::v1::{
    Contact, CreateContactRequest, CreateLeadRequest, DisqualifyLeadRequest, GetContactRequest, GetLeadRequest, Lead,
    MoveLeadToStageRequest, lead,
};
use dealflow_proto::opportunities::v1::{
    CreateOpportunityRequest, ListOpportunitiesRequest, Opportunity, Participant, UpdateOpportunityRequest,
};
use dealflow_testbed::{TestDb, both, eventually};
use dealflow_tests::Sandbox;
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, Value};
use prost_types::FieldMask;

use crate::documents::signed_contract;

/// How long the gateway may take to follow.
const SOON: Duration = Duration::from_secs(20);

fn tells_of(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// What is in every text of a person here.
const CANARY: &str = "canary";

/// The texts of a message that the contract marks as personal.
fn marked<M: Name>() -> Vec<String> {
    let pool = DescriptorPool::decode(dealflow_proto::FILE_DESCRIPTOR_SET).expect("the contract");
    let mark = pool.get_extension_by_name("dealflow.types.v1.personal_data").expect("the mark");
    let message = pool.get_message_by_name(&M::full_name()).expect("it is in the contract");
    let is_marked = |field: &FieldDescriptor| {
        field.kind() == Kind::String && field.options().get_extension(&mark).as_bool() == Some(true)
    };
    message.fields().filter(is_marked).map(|field| field.name().to_owned()).collect()
}

fn reflected<M: Name>(message: &M) -> DynamicMessage {
    let pool = DescriptorPool::decode(dealflow_proto::FILE_DESCRIPTOR_SET).expect("the contract");
    let descriptor = pool.get_message_by_name(&M::full_name()).expect("it is in the contract");
    DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).expect("its own bytes")
}

/// A message with all of these filled, as each is written.
fn personal<M: Name + Default>() -> M {
    let mut filled = reflected(&M::default());
    for field in marked::<M>() {
        let text = match field.as_str() {
            "email" => format!("{CANARY}@example.org"),
            "language_code" => format!("de-x-{CANARY}"),
            _ => CANARY.to_owned(),
        };
        filled.set_field_by_name(&field, Value::String(text));
    }
    M::decode(filled.encode_to_vec().as_slice()).expect("its own bytes")
}

/// Which of these tell of the person.
fn told<M: Name>(message: &M) -> Vec<String> {
    let message = reflected(message);
    let tells = |field: &String| {
        message.get_field_by_name(field).is_some_and(|it| it.as_str().is_some_and(|it| it.contains(CANARY)))
    };
    marked::<M>().into_iter().filter(tells).collect()
}

async fn a_lead(sandbox: &Sandbox, personal: &str) -> Lead {
    let base = sandbox.lead().await;
    let lead = Lead {
        name: base.name.clone(),
        family_name: personal.to_owned(),
        email: format!("{personal}@example.org"),
        ..Lead::default()
    };
    let ask =
        dealflow_proto::leads::v1::UpdateLeadRequest { lead: Some(lead), request_id: new_id(), ..Default::default() };
    let api = &sandbox.api;
    api.leads.clone().update_lead(api.ask(ask)).await.expect("the lead is updated").into_inner()
}

both! {
    /// R-ACC-3: the gateway gathers what all services hold of a person; erased, neither record, history, nor the flows
    /// that the gateway keeps tell of it, and the deal goes on.
    async fn a_person_is_exported_and_erased_across_the_services(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let lead = a_lead(&sandbox, "Quixada").await;
        let progress = sandbox.qualify(&lead.name).await;
        let deal = progress.opportunity.expect("an opportunity").name;
        sandbox.rest().await;

        let mut privacy = sandbox.api.privacy.clone();
        let ask = ExportPersonalDataRequest { name: lead.name.clone() };
        let held = privacy.export_personal_data(ask.clone()).await.expect("exported").into_inner();
        assert!(tells_of(&held.encode_to_vec(), "Quixada@example.org"));
        assert_eq!(held.opportunities.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), [deal.as_str()]);
        assert_eq!(held.activities.len(), 2, "the activities of the first stage");

        let erase = ErasePersonalDataRequest { name: lead.name.clone(), request_id: new_id(), ..Default::default() };
        let erased = privacy.erase_personal_data(erase.clone()).await.expect("erased").into_inner();
        assert!(erased.referring.contains(&deal));
        let again = privacy.erase_personal_data(erase).await.expect("erased again").into_inner();
        assert_eq!(again.person, erased.person);

        let held = privacy.export_personal_data(ask).await.expect("exported").into_inner();
        assert!(!tells_of(&held.person.expect("the person").encode_to_vec(), "Quixada"));
        // The verb sent again is answered from its flow: that does not tell either.
        let flow: uuid::Uuid = progress.flow.trim_start_matches("flows/").parse().expect("an id");
        let stored = sandbox.stored_flow(flow).await;
        assert!(!tells_of(&stored, "Quixada") && !stored.is_empty());
        let view = sandbox.api.deals.clone().get_deal(GetDealRequest { opportunity: deal, ..Default::default() }).await.expect("the deal");
        assert_eq!(view.into_inner().contact.expect("the contact").family_name, "erased");
        sandbox.stop().await;
    }

    /// R-ACC-3: whatever the contract marks as personal is filled here, and once the person is erased neither the record nor
    /// what the service tells of its past has any of it. A field that is marked later is filled and looked for by itself.
    async fn what_the_contract_marks_as_personal_is_gone_once_the_person_is_erased(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let api = &sandbox.api;
        let lead = Lead { company_name: "Kept".to_owned(), ..personal::<Lead>() };
        let ask = CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..Default::default() };
        let lead = api.leads.clone().create_lead(api.ask(ask)).await.expect("made").into_inner();
        let ask = DisqualifyLeadRequest {
            name: lead.name.clone(),
            reason: lead::DisqualifyReason::Lost.into(),
            comment: CANARY.to_owned(),
            request_id: new_id(),
            ..Default::default()
        };
        let lead = api.leads.clone().disqualify_lead(api.ask(ask)).await.expect("disqualified").into_inner();
        assert_eq!(told(&lead), marked::<Lead>(), "all that is marked is filled");
        let contact = personal::<Contact>();
        let ask = CreateContactRequest { contact: Some(contact), request_id: new_id(), ..Default::default() };
        let contact = api.contacts.clone().create_contact(api.ask(ask)).await.expect("made").into_inner();
        assert_eq!(told(&contact), marked::<Contact>(), "all that is marked is filled");

        for name in [&lead.name, &contact.name] {
            let ask = ErasePersonalDataRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
            api.privacy.clone().erase_personal_data(api.ask(ask)).await.expect("erased");
        }
        let lead = api.leads.clone().get_lead(GetLeadRequest { name: lead.name }).await.expect("there").into_inner();
        assert!(told(&lead).is_empty() && lead.company_name == "Kept", "{lead:?}");
        let ask = GetContactRequest { name: contact.name };
        let contact = api.contacts.clone().get_contact(ask).await.expect("there").into_inner();
        assert!(told(&contact).is_empty(), "{contact:?}");
        for (subject, least) in [(lead.name, 3), (contact.name, 2)] {
            let ask = ListEventsRequest { subject, page_size: 1000, ..Default::default() };
            let past = sandbox.feed(PartName::Leads).list_events(ask).await.expect("listed").into_inner().events;
            assert!(past.len() >= least, "{past:?}");
            let tells: Vec<_> = past.iter().filter(|it| tells_of(&it.encode_to_vec(), CANARY)).collect();
            assert!(tells.is_empty(), "{tells:?}");
        }
        sandbox.stop().await;
    }

    /// R-ACC-3: what people wrote of their sales in words stays as they wrote it: a machine cannot tell whom a sentence is
    /// about. It is exported with the person, and the erasure names every record that may tell of it.
    async fn free_texts_are_named_to_who_erases_a_person_and_left_to_them(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let lead = a_lead(&sandbox, "Quixada").await;
        let qualified = sandbox.qualify(&lead.name).await;
        let deal = qualified.opportunity.expect("an opportunity");
        let interaction = Interaction {
            regarding: deal.name.clone(),
            contact: deal.contact.clone(),
            channel: interaction::Channel::Phone.into(),
            subject: "Quixada wants to wait".to_owned(),
            ..Interaction::default()
        };
        let ask = CreateInteractionRequest { interaction: Some(interaction), request_id: new_id(), ..Default::default() };
        let api = &sandbox.api;
        let said = api.interactions.clone().create_interaction(api.ask(ask)).await.expect("recorded").into_inner();
        let task = Activity { subject: "Call Quixada".to_owned(), regarding: deal.name.clone(), ..Activity::default() };
        let ask = CreateActivityRequest { activity: Some(task), request_id: new_id(), ..Default::default() };
        let task = api.activities.clone().create_activity(api.ask(ask)).await.expect("made").into_inner();
        sandbox.rest().await;

        let mut privacy = api.privacy.clone();
        let ask = ExportPersonalDataRequest { name: deal.contact.clone() };
        let held = privacy.export_personal_data(ask).await.expect("exported").into_inner();
        assert_eq!(held.interactions, std::slice::from_ref(&said), "with the contact and about the deal: it is one");
        let erase = ErasePersonalDataRequest { name: deal.contact, request_id: new_id(), ..Default::default() };
        let erased = privacy.erase_personal_data(erase).await.expect("erased").into_inner();
        for name in [&deal.name, &task.name, &said.name] {
            assert!(erased.referring.contains(name), "{name} in {:?}", erased.referring);
        }
        let kept = api.activities.clone().get_activity(api.ask(GetActivityRequest { name: task.name })).await;
        assert_eq!(kept.expect("there").into_inner().subject, "Call Quixada");
        sandbox.stop().await;
    }

    /// R-ACC-3: a person is found in every sale that names it, whether a lead of its became the sale or not: as the contact, as
    /// who decides, as one who takes part; with what was done about it, to the end, and with the documents that name people.
    async fn a_person_is_found_in_sales_that_came_from_no_lead(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let api = &sandbox.api;
        let contact = async |family_name: &str| {
            let contact = Contact { family_name: family_name.to_owned(), ..Contact::default() };
            let ask = CreateContactRequest { contact: Some(contact), request_id: new_id(), ..Default::default() };
            api.contacts.clone().create_contact(api.ask(ask)).await.expect("made").into_inner().name
        };
        let (person, other) = (contact("Quixada").await, contact("Other").await);
        let sale = |title: &str| Opportunity { title: title.to_owned(), contact: other.clone(), ..Opportunity::default() };
        let takes_part = vec![Participant { contact: person.clone(), ..Participant::default() }];
        let mut named = Vec::new();
        for opportunity in [
            Opportunity { contact: person.clone(), ..sale("the one to talk to") },
            Opportunity { decision_maker: person.clone(), ..sale("decides") },
            Opportunity { participants: takes_part, ..sale("takes part") },
            sale("of somebody else"),
        ] {
            let ask = CreateOpportunityRequest { opportunity: Some(opportunity), request_id: new_id(), ..Default::default() };
            named.push(api.opportunities.clone().create_opportunity(api.ask(ask)).await.expect("opened").into_inner().name);
        }
        let foreign = named.pop().expect("the last");
        let deal = sandbox.deal_without_process().await;
        let update_mask = Some(FieldMask { paths: vec!["contact".to_owned()] });
        let with = Opportunity { name: deal.clone(), contact: person.clone(), ..Opportunity::default() };
        let ask = UpdateOpportunityRequest { opportunity: Some(with), update_mask, request_id: new_id(), ..Default::default() };
        api.opportunities.clone().update_opportunity(api.ask(ask)).await.expect("told");
        sandbox.propose(&deal).await;
        sandbox.accept(&deal).await;
        let contract = signed_contract(&sandbox, &deal).await;
        sandbox.fulfill(&deal).await;
        named.push(deal.clone());
        named.sort();
        let mut tasks = Vec::new();
        for (at, deal) in named.iter().take(3).enumerate() {
            let task = Activity { subject: format!("Call {at}"), regarding: deal.clone(), ..Activity::default() };
            let ask = CreateActivityRequest { activity: Some(task), request_id: new_id(), ..Default::default() };
            tasks.push(api.activities.clone().create_activity(api.ask(ask)).await.expect("made").into_inner().name);
        }
        sandbox.rest().await;
        let held = api.privacy.clone().export_personal_data(ExportPersonalDataRequest { name: person.clone() }).await;
        let held = held.expect("exported").into_inner();
        assert_eq!(held.opportunities.iter().map(|it| it.name.clone()).collect::<Vec<_>>(), named);
        assert!(tasks.iter().all(|task| held.activities.iter().any(|it| it.name == *task)), "{:?}", held.activities);
        let invoice = sandbox.view(&deal).await.invoices[0].clone();
        let naming = |name: &str| held.documents.iter().find(|it| it.name == name).expect("it names people");
        assert_eq!(naming(&contract.name).signatories, contract.signatories);
        assert!(invoice.buyer.is_some() && naming(&invoice.name).buyer == invoice.buyer);
        assert!(!held.more);
        let erase = ErasePersonalDataRequest { name: person, request_id: new_id(), ..Default::default() };
        let erased = api.privacy.clone().erase_personal_data(erase).await.expect("erased").into_inner();
        let referring = named.iter().chain(&tasks).chain([&contract.name, &invoice.name]);
        assert!(referring.into_iter().all(|name| erased.referring.contains(name)), "{:?}", erased.referring);
        assert!(!erased.referring.contains(&foreign));
        sandbox.stop().await;
    }

    /// R-LED-3, R-FLW-2: a lead that is moved to AWAITING_SALE in its service opens one opportunity with its process.
    async fn a_lead_moved_to_its_sale_starts_the_process_once(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let lead = sandbox.lead().await;
        let ask = MoveLeadToStageRequest {
            name: lead.name.clone(),
            stage: lead::Stage::AwaitingSale.into(),
            request_id: new_id(),
            ..Default::default()
        };
        let mut leads = sandbox.direct(PartName::Leads).leads;
        leads.move_lead_to_stage(ask.clone()).await.expect("moved");
        leads.move_lead_to_stage(ask).await.expect("said again");
        let linked = eventually("the lead's opportunity", SOON, || async {
            let found = sandbox.api.leads.clone().get_lead(GetLeadRequest { name: lead.name.clone() }).await;
            found.ok().map(|found| found.into_inner().opportunity).filter(|name| !name.is_empty())
        })
        .await;
        sandbox.rest().await;
        let listed = sandbox.api.opportunities.clone().list_opportunities(ListOpportunitiesRequest::default()).await;
        let listed = listed.expect("listed").into_inner().opportunities;
        assert_eq!(listed.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), [linked.as_str()]);
        assert!(listed[0].process_run.is_some(), "its process runs");
        sandbox.stop().await;
    }
}
