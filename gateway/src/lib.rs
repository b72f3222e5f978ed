//! The way of a deal across the services, and its hand-over to the ERP.
//!
//! The path of a verb: `deals_rpc.rs` takes the call → `flow` begins its flow, or joins the copy that is under way → the
//! phase's function runs from the top to the bottom, a call per line → the caller gets what was changed.
//!
//! The five phases, one file each: `qualify.rs`, `develop.rs`, `propose.rs`, `close.rs` (and `accepted.rs`, where that
//! began in its service), `fulfill.rs`; between them
//! `advance.rs`, after a win `aftercare.rs`. What happens in a service directly comes by the feed (`follow.rs`) and begins the same (`events.rs`).
//!
//! - `calls.rs` every call that goes out; `progress.rs` what a verb tells, `guidance.rs` what may come next; `deal.rs`
//!   what the phases ask of a deal; `reserve.rs` why one that is ordered cannot be lost
//! - `gates.rs` the documents that a process asks for, told to it
//! - `deal_view.rs`, `timeline.rs`, `watch.rs`, `hub.rs` a deal in one call, and live
//! - `notify.rs` what people are told of a deal; `calendar.rs` calendars over plain HTTP
//! - `reports.rs` whom a caller leads: whose records he sees beside his own; `seen.rs` whether he sees what a call is about,
//!   `through.rs` calls about documents and activities that are passed on; `known.rs` whether those whom a call names are there;
//!   `parties.rs` who buys, told to what posts a bill; `approvers.rs` who leads whom and has which role, told to what asks
//!   for an approval
//! - `flows_rpc.rs` flows for operators; `settings_rpc.rs` the settings of all parts in one place, `audit_rpc.rs`
//!   their audits, `analytics_rpc.rs` figures by people; `privacy_rpc.rs` what is held of a person
//! - `meters.rs` what is measured beside the calls
//! - `documents.rs` orders, invoices and credit notes as an ERP gets them, `attached.rs` with their files; `handoff/` how
//!   they get there; `voided.rs` a bill that does not get there after all;
//!   `rejections.rs`, `erp_news/` what the ERP's answers and doings mean for our records, `owner_task.rs` what is left to
//!   the deal's owner then; `change.rs`, `cancel.rs` an order that is to be otherwise, or not at all, and `asking.rs` how the
//!   ERP is asked for it
//! - `reconcile/` whether the ERP's books and our hand-overs say the same
//! - `export/` documents as files: PDF and UBL

mod accepted;
mod advance;
mod aftercare;
mod analytics_rpc;
mod approvers;
mod asking;
mod attached;
mod audit_rpc;
mod calendar;
mod calls;
mod cancel;
mod change;
mod close;
mod deal;
mod deal_view;
mod deals_rpc;
mod develop;
mod documents;
mod erp_news;
mod events;
mod export;
mod flow;
mod flows_rpc;
mod follow;
mod fulfill;
mod gates;
mod guidance;
pub mod handoff;
mod hub;
mod known;
mod meters;
mod notify;
mod owner_task;
mod parties;
mod privacy_rpc;
mod progress;
mod propose;
mod qualify;
mod rebuilt;
pub mod reconcile;
mod rejections;
mod reports;
mod reserve;
mod seen;
mod settings;
mod settings_rpc;
mod through;
mod timeline;
mod voided;
mod watch;

use dealflow_chassis::Store;
use dealflow_chassis::audit;
use dealflow_chassis::feed::{self, Feed};
use dealflow_chassis::serve::Part;
use dealflow_proto::audit::v1::audit_service_server::AuditServiceServer;
use dealflow_proto::erp::v1::erp_callback_service_server::ErpCallbackServiceServer;
use dealflow_proto::erp::v1::handoff_service_server::HandoffServiceServer;
use dealflow_proto::erp::v1::reconciliation_service_server::ReconciliationServiceServer;
use dealflow_proto::gateway::v1::deal_service_server::DealServiceServer;
use dealflow_proto::gateway::v1::document_service_server::DocumentServiceServer;
use dealflow_proto::gateway::v1::flow_service_server::FlowServiceServer;
use dealflow_proto::gateway::v1::privacy_service_server::PrivacyServiceServer;
use dealflow_proto::opportunities::v1::analytics_service_server::AnalyticsServiceServer;
use dealflow_proto::settings::v1::setting_service_server::SettingServiceServer;

pub use calls::Neighbours;
pub use settings::{DEFAULT_CURRENCY, DEFAULT_PROCESS, RUN_OPPORTUNITY_PROCESS, SETTINGS, Settings};

use flow::{Flows, Parts, lease};
use handoff::Handoffs;

/// The neighbours' services that a client reaches here too, so that it needs one address.
fn passed_on(to: &Neighbours) -> Vec<(&'static str, dealflow_chassis::link::Link)> {
    vec![
        ("dealflow.leads.v1.LeadService", to.leads.clone()),
        ("dealflow.leads.v1.AccountService", to.leads.clone()),
        ("dealflow.leads.v1.ContactService", to.leads.clone()),
        ("dealflow.leads.v1.PersonService", to.leads.clone()),
        ("dealflow.opportunities.v1.OpportunityService", to.opportunities.clone()),
        ("dealflow.opportunities.v1.ProcessService", to.opportunities.clone()),
        ("dealflow.opportunities.v1.RunService", to.opportunities.clone()),
        ("dealflow.activities.v1.ActivityService", to.activities.clone()),
        ("dealflow.activities.v1.TaskService", to.activities.clone()),
        ("dealflow.activities.v1.CategoryService", to.activities.clone()),
        ("dealflow.activities.v1.CalendarService", to.activities.clone()),
        ("dealflow.activities.v1.NotificationService", to.activities.clone()),
        ("dealflow.activities.v1.InteractionService", to.activities.clone()),
        ("dealflow.activities.v1.KnowledgeService", to.activities.clone()),
        ("dealflow.activities.v1.EmployeeService", to.activities.clone()),
        ("dealflow.orders.v1.ProductService", to.orders.clone()),
        ("dealflow.orders.v1.PriceService", to.orders.clone()),
        ("dealflow.orders.v1.QuoteService", to.orders.clone()),
        ("dealflow.orders.v1.ApprovalService", to.orders.clone()),
        ("dealflow.orders.v1.ContractService", to.orders.clone()),
        ("dealflow.orders.v1.OrderService", to.orders.clone()),
        ("dealflow.orders.v1.InvoiceService", to.orders.clone()),
        ("dealflow.orders.v1.CreditNoteService", to.orders.clone()),
        ("dealflow.orders.v1.PaymentService", to.orders.clone()),
        ("dealflow.orders.v1.PaymentTermsService", to.orders.clone()),
        ("dealflow.orders.v1.LegalEntityService", to.orders.clone()),
        ("dealflow.erp.v1.ErpService", to.erp.clone()),
        ("dealflow.erp.v1.ErpStubControlService", to.erp.clone()),
    ]
}

/// The gateway as a part: its services, those that it passes on, and its work in the background.
pub fn part(store: Store, neighbours: Neighbours, settings: Settings) -> Part {
    let mut delivery = settings.handoff.clone();
    delivery.on_rejected.get_or_insert_with(|| rejections::tell_orders(neighbours.clone()));
    delivery.on_news.get_or_insert_with(|| erp_news::bring_to_orders(neighbours.clone()));
    delivery.rebuild.get_or_insert_with(|| {
        rebuilt::from_the_records(neighbours.clone(), store.clone(), settings.legal_entity.clone())
    });
    let handoffs = Handoffs::new(store.clone(), neighbours.erp.clone(), delivery);
    let parts = Parts { neighbours: neighbours.clone(), handoffs: handoffs.clone(), settings, store: store.clone() };
    let flows = Flows::new(store.clone(), parts, deals_rpc::acts());
    let feeds = follow::feeds(&neighbours);
    let seen = seen::Seen { to: neighbours.clone() };
    let known = known::Known { to: neighbours.clone() };
    let deals = deals_rpc::DealRpc {
        flows: flows.clone(),
        view: deal_view::DealView { to: neighbours.clone(), handoffs: handoffs.clone() },
        watch: watch::Watch {
            to: neighbours.clone(),
            hubs: feeds.iter().cloned().map(hub::Hub::new).collect(),
            seen: seen.clone(),
        },
        seen: seen.clone(),
        known: known.clone(),
    };
    let mut part = Part::new("gateway")
        .service(DealServiceServer::new(deals))
        .service(DocumentServiceServer::new(export::DocumentRpc {
            store: store.clone(),
            to: neighbours.clone(),
            seen: seen.clone(),
        }))
        .service(FlowServiceServer::new(flows_rpc::FlowRpc(flows.clone())))
        .service(HandoffServiceServer::new(handoffs.clone()))
        .service(ErpCallbackServiceServer::new(handoffs.clone()))
        .service(ReconciliationServiceServer::new(reconcile::Reconciler::new(
            store.clone(),
            neighbours.erp.clone(),
            handoffs.clone(),
        )))
        .service(PrivacyServiceServer::new(privacy_rpc::PrivacyRpc { store: store.clone(), to: neighbours.clone() }))
        .service(SettingServiceServer::new(settings_rpc::SettingRpc::new(store.clone(), &neighbours)))
        .service(AuditServiceServer::new(audit_rpc::AuditRpc::new(store.clone(), &neighbours)))
        .service(AnalyticsServiceServer::new(analytics_rpc::AnalyticsRpc { to: neighbours.clone() }))
        .service(Feed::server(store.clone()))
        .reports({
            let reports = reports::Reports::new(neighbours.activities.clone());
            move |manager| Box::pin(reports.clone().of(manager))
        })
        .http(calendar::SEGMENT, calendar::Pages::new(neighbours.activities.clone()))
        .ready({
            let store = store.clone();
            move || {
                let store = store.clone();
                Box::pin(async move { store.ping().await })
            }
        })
        .task({
            let store = store.clone();
            move |stop| feed::number(store, stop)
        })
        .task({
            let (store, handoffs, feeds) = (store.clone(), handoffs.clone(), feeds.clone());
            move |stop| meters::watch(store, handoffs, feeds, stop)
        })
        .task({
            let store = store.clone();
            move |stop| audit::seal(store, stop)
        })
        .task({
            let handoffs = handoffs.clone();
            move |stop| handoffs.task(stop)
        })
        .task({
            let flows = flows.clone();
            move |stop| lease::renew(flows, stop)
        })
        .task({
            let flows = flows.clone();
            move |stop| lease::take_over(flows, stop)
        });
    for feed in feeds.into_iter().chain([follow::own(&store)]) {
        let flows = flows.clone();
        part = part.task(move |stop| follow::follow(flows, feed, stop));
    }
    for (service, link) in passed_on(&neighbours) {
        part = if parties::SERVICES.contains(&service) {
            let through = through::Through { link, seen: seen.clone() };
            let (to, handoffs, flows) = (neighbours.clone(), handoffs.clone(), flows.clone());
            let telling = parties::Telling { through, to, handoffs, flows };
            part.pass_through(service, move |request| telling.clone().answer(request))
        } else if approvers::SERVICES.contains(&service) {
            let through = through::Through { link, seen: seen.clone() };
            let approvers = approvers::Approvers { through, to: neighbours.clone() };
            part.pass_through(service, move |request| approvers.clone().answer(request))
        } else if through::SERVICES.contains(&service) {
            let (through, known) = (through::Through { link, seen: seen.clone() }, known.clone());
            part.pass_through(service, move |request| {
                let (through, known) = (through.clone(), known.clone());
                async move { through.answer(known.checked(request).await?).await }
            })
        } else if known::SERVICES.contains(&service) {
            let asking = known::Asking { link, known: known.clone() };
            part.pass_through(service, move |request| asking.clone().answer(request))
        } else {
            part.pass_on(service, link)
        };
    }
    part
}
