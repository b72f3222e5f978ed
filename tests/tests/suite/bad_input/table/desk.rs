//! Rows of categories, calendars, notifications, interactions and the knowledge base.

use dealflow::api::new_id;
use dealflow_proto::activities::v1::*;
use dealflow_tests::Sandbox;
use prost::Message;

use super::sales::employee;
use super::{Again, Row, TAKEN};

pub(super) async fn desk(method: &str, sandbox: &Sandbox) -> Option<Row> {
    match method {
        "CalendarService/ShareCalendar" => {
            let owner = employee(sandbox).await?;
            row!(Again::Fine, ShareCalendarRequest { owner: owner })
        }
        "CalendarService/UnshareCalendar" => {
            let owner = employee(sandbox).await?;
            row!(Again::Fine, UnshareCalendarRequest { owner: owner })
        }
        "NotificationService/MarkAllRead" => {
            let recipient = employee(sandbox).await?;
            row!(Again::Fine, MarkAllReadRequest { recipient: recipient })
        }
        "NotificationService/MarkRead" => {
            let name = notification(sandbox).await?;
            row!(Again::Fine, MarkReadRequest { name: name })
        }
        "NotificationService/NotifyDealClosed" => {
            let opportunity = sandbox.bare_opportunity().await.name;
            let outcome = notify_deal_closed_request::Outcome::Won.into();
            row!(Again::Fine, NotifyDealClosedRequest { opportunity: opportunity, outcome: outcome })
        }
        _ => records(method, sandbox).await,
    }
}

async fn records(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let regarding = sandbox.bare_opportunity().await.name;
    let channel = interaction::Channel::Phone.into();
    let said = Interaction { regarding, channel, subject: "Called".to_owned(), ..Interaction::default() };
    match method {
        "CategoryService/CreateCategory" => {
            row!(TAKEN, CreateCategoryRequest { category: Some(category(sandbox)) })
        }
        "CategoryService/UpdateCategory" => {
            let ask =
                CreateCategoryRequest { category: Some(category(sandbox)), request_id: new_id(), ..Default::default() };
            let name = sandbox.api.categories.clone().create_category(ask).await.ok()?.into_inner().name;
            let category = Some(Category { name, archived: true, ..Category::default() });
            row!(Again::Fine, UpdateCategoryRequest { category: category })
        }
        "InteractionService/CreateInteraction" => {
            row!(Again::Fine, CreateInteractionRequest { interaction: Some(said) })
        }
        "InteractionService/UpdateInteraction" => {
            let ask = CreateInteractionRequest { interaction: Some(said), request_id: new_id(), ..Default::default() };
            let name = sandbox.api.interactions.clone().create_interaction(ask).await.ok()?.into_inner().name;
            let interaction = Some(Interaction { name, notes: "twice".to_owned(), ..Interaction::default() });
            row!(Again::Fine, UpdateInteractionRequest { interaction: interaction })
        }
        "KnowledgeService/CreateKnowledgeDocument" => {
            row!(TAKEN, CreateKnowledgeDocumentRequest { document: Some(document()), document_id: id(sandbox) })
        }
        "KnowledgeService/UpdateKnowledgeDocument" => {
            let ask = CreateKnowledgeDocumentRequest {
                document: Some(document()),
                document_id: id(sandbox),
                request_id: new_id(),
                ..Default::default()
            };
            let name = sandbox.api.knowledge.clone().create_knowledge_document(ask).await.ok()?.into_inner().name;
            let document = Some(KnowledgeDocument { name, summary: "short".to_owned(), ..Default::default() });
            row!(Again::Fine, UpdateKnowledgeDocumentRequest { document: document })
        }
        _ => None,
    }
}

/// A notification of somebody's: of an activity that somebody else made.
async fn notification(sandbox: &Sandbox) -> Option<String> {
    let recipient = employee(sandbox).await?;
    let activity = Activity { subject: sandbox.unique(), performer: recipient.clone(), ..Activity::default() };
    let ask = CreateActivityRequest { activity: Some(activity), request_id: new_id(), ..Default::default() };
    sandbox.api.activities.clone().create_activity(ask).await.ok()?;
    let ask = ListNotificationsRequest { recipient, ..Default::default() };
    let told = sandbox.api.notifications.clone().list_notifications(ask).await.ok()?.into_inner().notifications;
    Some(told.first()?.name.clone())
}

fn category(sandbox: &Sandbox) -> Category {
    let done = AllowedResult { code: "done".to_owned(), ..AllowedResult::default() };
    Category { display_name: sandbox.unique(), allowed_results: vec![done], ..Category::default() }
}

fn document() -> KnowledgeDocument {
    let link = "https://wiki.example.com/pumps".to_owned();
    KnowledgeDocument { title: "Pumps".to_owned(), link, ..KnowledgeDocument::default() }
}

fn id(sandbox: &Sandbox) -> String {
    sandbox.unique().to_lowercase()
}
