//! Every call that the gateway makes to its neighbours, in one table: the message says where it goes.
//!
//! A phase names a message and gets its answer; which client, which part and where the request id stands is known here.

use std::future::Future;

use dealflow_chassis::link::Link;
use dealflow_proto::activities::v1 as activities;
use dealflow_proto::erp::v1 as erp;
use dealflow_proto::leads::v1 as leads;
use dealflow_proto::opportunities::v1 as opportunities;
use dealflow_proto::orders::v1 as orders;
use prost::Message;
use prost_types::Timestamp;
use tonic::{Request, Response, Status};

use activities::activity_service_client::ActivityServiceClient;
use activities::employee_service_client::EmployeeServiceClient;
use activities::interaction_service_client::InteractionServiceClient;
use activities::notification_service_client::NotificationServiceClient;
use erp::erp_service_client::ErpServiceClient;
use leads::account_service_client::AccountServiceClient;
use leads::contact_service_client::ContactServiceClient;
use leads::lead_service_client::LeadServiceClient;
use opportunities::analytics_service_client::AnalyticsServiceClient;
use opportunities::opportunity_service_client::OpportunityServiceClient;
use opportunities::process_service_client::ProcessServiceClient;
use opportunities::run_service_client::RunServiceClient;
use orders::approval_service_client::ApprovalServiceClient;
use orders::contract_service_client::ContractServiceClient;
use orders::credit_note_service_client::CreditNoteServiceClient;
use orders::invoice_service_client::InvoiceServiceClient;
use orders::legal_entity_service_client::LegalEntityServiceClient;
use orders::order_service_client::OrderServiceClient;
use orders::payment_service_client::PaymentServiceClient;
use orders::quote_service_client::QuoteServiceClient;

/// The parts that the gateway leads a deal through.
#[derive(Debug, Clone)]
pub struct Neighbours {
    /// Leads, accounts, contacts.
    pub leads: Link,
    /// Opportunities, stages, processes, figures.
    pub opportunities: Link,
    /// Activities and employees.
    pub activities: Link,
    /// Products, quotes, contracts, orders, invoices.
    pub orders: Link,
    /// The ERP, or its stub.
    pub erp: Link,
}

/// A message with one place to go to.
pub(crate) trait Ask: Message + std::fmt::Debug + Clone + 'static {
    /// What comes back.
    type Answer: Message + Default + Clone + 'static;

    /// Sends it.
    fn send(
        to: &Neighbours,
        request: Request<Self>,
    ) -> impl Future<Output = Result<Response<Self::Answer>, Status>> + Send;
}

/// A message that changes something, and carries a request id.
pub(crate) trait Verb: Ask {
    /// Gives it its request id, and says when it happened; what has no place for a time happens now.
    fn stamp(&mut self, request_id: String, validate_only: bool, effective_time: Option<Timestamp>);
}

macro_rules! calls {
    ($part:ident, $client:ident { $($kind:ident $method:ident($request:ty) -> $answer:ty;)* }) => {$(
        impl Ask for $request {
            type Answer = $answer;

            async fn send(to: &Neighbours, request: Request<Self>) -> Result<Response<$answer>, Status> {
                $client::new(to.$part.clone()).$method(request).await
            }
        }
        calls!(@$kind $request);
    )*};
    (@read $request:ty) => {};
    (@verb $request:ty) => {
        impl Verb for $request {
            fn stamp(&mut self, request_id: String, validate_only: bool, effective_time: Option<Timestamp>) {
                self.request_id = request_id;
                self.validate_only = validate_only;
                self.effective_time = effective_time;
            }
        }
    };
}

calls! { leads, LeadServiceClient {
    read get_lead(leads::GetLeadRequest) -> leads::Lead;
    verb qualify_lead(leads::QualifyLeadRequest) -> leads::Lead;
    verb link_opportunity(leads::LinkOpportunityRequest) -> leads::Lead;
    verb satisfy_lead(leads::SatisfyLeadRequest) -> leads::Lead;
}}

calls! { leads, AccountServiceClient {
    read get_account(leads::GetAccountRequest) -> leads::Account;
    verb make_customer(leads::MakeCustomerRequest) -> leads::Account;
}}

calls! { leads, ContactServiceClient {
    read get_contact(leads::GetContactRequest) -> leads::Contact;
}}

calls! { opportunities, OpportunityServiceClient {
    read get_opportunity(opportunities::GetOpportunityRequest) -> opportunities::Opportunity;
    read list_opportunities(opportunities::ListOpportunitiesRequest) -> opportunities::ListOpportunitiesResponse;
    read list_stage_entries(opportunities::ListStageEntriesRequest) -> opportunities::ListStageEntriesResponse;
    verb create_opportunity(opportunities::CreateOpportunityRequest) -> opportunities::Opportunity;
    verb update_opportunity(opportunities::UpdateOpportunityRequest) -> opportunities::Opportunity;
    verb start_process(opportunities::StartProcessRequest) -> opportunities::Opportunity;
    verb move_to_stage(opportunities::MoveToStageRequest) -> opportunities::Opportunity;
    verb record_activity_result(opportunities::RecordActivityResultRequest) -> opportunities::Opportunity;
    verb record_time(opportunities::RecordTimeRequest) -> opportunities::Opportunity;
    verb reserve_opportunity(opportunities::ReserveOpportunityRequest) -> opportunities::Opportunity;
    verb release_opportunity(opportunities::ReleaseOpportunityRequest) -> opportunities::Opportunity;
    verb win_opportunity(opportunities::WinOpportunityRequest) -> opportunities::Opportunity;
    verb lose_opportunity(opportunities::LoseOpportunityRequest) -> opportunities::Opportunity;
    verb note_refused_attempt(opportunities::NoteRefusedAttemptRequest) -> opportunities::RefusedAttempt;
}}

calls! { opportunities, AnalyticsServiceClient {
    read get_pipeline(opportunities::GetPipelineRequest) -> opportunities::GetPipelineResponse;
    read get_forecast(opportunities::GetForecastRequest) -> opportunities::GetForecastResponse;
    read get_won_lost(opportunities::GetWonLostRequest) -> opportunities::GetWonLostResponse;
    read get_stage_figures(opportunities::GetStageFiguresRequest) -> opportunities::GetStageFiguresResponse;
}}

calls! { opportunities, ProcessServiceClient {
    read get_process(opportunities::GetProcessRequest) -> opportunities::Process;
    read list_stages(opportunities::ListStagesRequest) -> opportunities::ListStagesResponse;
}}

calls! { opportunities, RunServiceClient {
    verb record_documents(opportunities::RecordDocumentsRequest) -> opportunities::Opportunity;
}}

calls! { activities, ActivityServiceClient {
    read get_activity(activities::GetActivityRequest) -> activities::Activity;
    read list_activities(activities::ListActivitiesRequest) -> activities::ListActivitiesResponse;
    verb create_activity(activities::CreateActivityRequest) -> activities::Activity;
    verb complete_activity(activities::CompleteActivityRequest) -> activities::Activity;
    verb sync_stage_activities(activities::SyncStageActivitiesRequest) -> activities::SyncStageActivitiesResponse;
    verb pause_reminders(activities::PauseRemindersRequest) -> activities::PauseRemindersResponse;
}}

calls! { activities, InteractionServiceClient {
    read get_interaction(activities::GetInteractionRequest) -> activities::Interaction;
}}

calls! { activities, NotificationServiceClient {
    verb notify_deal_closed(activities::NotifyDealClosedRequest) -> activities::NotifyDealClosedResponse;
}}

calls! { activities, EmployeeServiceClient {
    read get_employee(activities::GetEmployeeRequest) -> activities::Employee;
    read list_employees(activities::ListEmployeesRequest) -> activities::ListEmployeesResponse;
    read list_managers(activities::ListManagersRequest) -> activities::ListManagersResponse;
}}

calls! { orders, QuoteServiceClient {
    read get_quote(orders::GetQuoteRequest) -> orders::Quote;
    read list_quotes(orders::ListQuotesRequest) -> orders::ListQuotesResponse;
    verb create_quote(orders::CreateQuoteRequest) -> orders::Quote;
    verb request_quote_approval(orders::RequestQuoteApprovalRequest) -> orders::Quote;
    verb accept_quote(orders::AcceptQuoteRequest) -> orders::Quote;
    verb close_quote(orders::CloseQuoteRequest) -> orders::Quote;
    verb close_opportunity_quotes(orders::CloseOpportunityQuotesRequest) -> orders::CloseOpportunityQuotesResponse;
}}

calls! { orders, ContractServiceClient {
    read get_contract(orders::GetContractRequest) -> orders::Contract;
    read list_contracts(orders::ListContractsRequest) -> orders::ListContractsResponse;
}}

calls! { orders, ApprovalServiceClient {
    read get_approval(orders::GetApprovalRequest) -> orders::Approval;
    read list_approval_policies(orders::ListApprovalPoliciesRequest) -> orders::ListApprovalPoliciesResponse;
}}

calls! { orders, LegalEntityServiceClient {
    read list_legal_entities(orders::ListLegalEntitiesRequest) -> orders::ListLegalEntitiesResponse;
}}

calls! { orders, OrderServiceClient {
    read get_order(orders::GetOrderRequest) -> orders::Order;
    read list_orders(orders::ListOrdersRequest) -> orders::ListOrdersResponse;
    verb create_order(orders::CreateOrderRequest) -> orders::Order;
    verb update_order(orders::UpdateOrderRequest) -> orders::Order;
    verb confirm_order(orders::ConfirmOrderRequest) -> orders::Order;
    verb submit_order(orders::SubmitOrderRequest) -> orders::Order;
    verb reject_order(orders::RejectOrderRequest) -> orders::Order;
    verb fulfill_order(orders::FulfillOrderRequest) -> orders::Order;
    verb hold_order(orders::HoldOrderRequest) -> orders::Order;
    verb release_order(orders::ReleaseOrderRequest) -> orders::Order;
    verb cancel_order(orders::CancelOrderRequest) -> orders::Order;
}}

calls! { orders, PaymentServiceClient {
    read get_payment(orders::GetPaymentRequest) -> orders::Payment;
    read list_payments(orders::ListPaymentsRequest) -> orders::ListPaymentsResponse;
    verb record_payment(orders::RecordPaymentRequest) -> orders::Payment;
    verb reverse_payment(orders::ReversePaymentRequest) -> orders::Payment;
}}

calls! { orders, CreditNoteServiceClient {
    read get_credit_note(orders::GetCreditNoteRequest) -> orders::CreditNote;
    read list_credit_notes(orders::ListCreditNotesRequest) -> orders::ListCreditNotesResponse;
    verb void_credit_note(orders::VoidCreditNoteRequest) -> orders::CreditNote;
}}

calls! { orders, InvoiceServiceClient {
    read get_invoice(orders::GetInvoiceRequest) -> orders::Invoice;
    read list_invoices(orders::ListInvoicesRequest) -> orders::ListInvoicesResponse;
    verb create_invoice(orders::CreateInvoiceRequest) -> orders::Invoice;
    verb post_invoice(orders::PostInvoiceRequest) -> orders::Invoice;
    verb void_invoice(orders::VoidInvoiceRequest) -> orders::Invoice;
}}

calls! { erp, ErpServiceClient {
    read get_document_status(erp::GetDocumentStatusRequest) -> erp::ErpDocument;
}}
