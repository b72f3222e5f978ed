//! The suite's API as the program's own commands use it: typed clients on one link, and requests that carry who asks.

use std::time::Duration;

use dealflow_chassis::Context;
use dealflow_chassis::link::Link;
use dealflow_proto::activities::v1::activity_service_client::ActivityServiceClient;
use dealflow_proto::activities::v1::calendar_service_client::CalendarServiceClient;
use dealflow_proto::activities::v1::category_service_client::CategoryServiceClient;
use dealflow_proto::activities::v1::employee_service_client::EmployeeServiceClient;
use dealflow_proto::activities::v1::interaction_service_client::InteractionServiceClient;
use dealflow_proto::activities::v1::knowledge_service_client::KnowledgeServiceClient;
use dealflow_proto::activities::v1::notification_service_client::NotificationServiceClient;
use dealflow_proto::activities::v1::task_service_client::TaskServiceClient;
use dealflow_proto::erp::v1::erp_service_client::ErpServiceClient;
use dealflow_proto::erp::v1::erp_stub_control_service_client::ErpStubControlServiceClient;
use dealflow_proto::erp::v1::handoff_service_client::HandoffServiceClient;
use dealflow_proto::gateway::v1::deal_service_client::DealServiceClient;
use dealflow_proto::gateway::v1::document_service_client::DocumentServiceClient;
use dealflow_proto::gateway::v1::flow_service_client::FlowServiceClient;
use dealflow_proto::gateway::v1::privacy_service_client::PrivacyServiceClient;
use dealflow_proto::leads::v1::account_service_client::AccountServiceClient;
use dealflow_proto::leads::v1::contact_service_client::ContactServiceClient;
use dealflow_proto::leads::v1::lead_service_client::LeadServiceClient;
use dealflow_proto::opportunities::v1::analytics_service_client::AnalyticsServiceClient;
use dealflow_proto::opportunities::v1::opportunity_service_client::OpportunityServiceClient;
use dealflow_proto::opportunities::v1::process_service_client::ProcessServiceClient;
use dealflow_proto::opportunities::v1::run_service_client::RunServiceClient;
use dealflow_proto::orders::v1::approval_service_client::ApprovalServiceClient;
use dealflow_proto::orders::v1::contract_service_client::ContractServiceClient;
use dealflow_proto::orders::v1::credit_note_service_client::CreditNoteServiceClient;
use dealflow_proto::orders::v1::invoice_service_client::InvoiceServiceClient;
use dealflow_proto::orders::v1::legal_entity_service_client::LegalEntityServiceClient;
use dealflow_proto::orders::v1::order_service_client::OrderServiceClient;
use dealflow_proto::orders::v1::payment_service_client::PaymentServiceClient;
use dealflow_proto::orders::v1::payment_terms_service_client::PaymentTermsServiceClient;
use dealflow_proto::orders::v1::product_service_client::ProductServiceClient;
use dealflow_proto::orders::v1::quote_service_client::QuoteServiceClient;
use dealflow_proto::settings::v1::setting_service_client::SettingServiceClient;
use tonic::{Request, Status};
use uuid::Uuid;

/// How long a command waits for one call.
const PATIENCE: Duration = Duration::from_secs(60);

/// All services behind one gateway. Cloning is cheap; each task takes a clone.
#[derive(Clone)]
pub struct Api {
    /// The five phases and the deal view.
    pub deals: DealServiceClient<Link>,
    /// Documents as files.
    pub documents: DocumentServiceClient<Link>,
    /// Flows.
    pub flows: FlowServiceClient<Link>,
    /// Hand-overs.
    pub handoffs: HandoffServiceClient<Link>,
    /// The ERP.
    pub erp: ErpServiceClient<Link>,
    /// What the ERP stub is told to do wrong, and what it saw.
    pub stub: ErpStubControlServiceClient<Link>,
    /// Leads.
    pub leads: LeadServiceClient<Link>,
    /// Contacts.
    pub contacts: ContactServiceClient<Link>,
    /// What is held of a person.
    pub privacy: PrivacyServiceClient<Link>,
    /// Accounts.
    pub accounts: AccountServiceClient<Link>,
    /// Opportunities.
    pub opportunities: OpportunityServiceClient<Link>,
    /// The process library.
    pub processes: ProcessServiceClient<Link>,
    /// The runs of processes.
    pub runs: RunServiceClient<Link>,
    /// Figures.
    pub analytics: AnalyticsServiceClient<Link>,
    /// Activities.
    pub activities: ActivityServiceClient<Link>,
    /// My tasks, the action panel.
    pub tasks: TaskServiceClient<Link>,
    /// Categories of activities.
    pub categories: CategoryServiceClient<Link>,
    /// Calendars.
    pub calendars: CalendarServiceClient<Link>,
    /// The notification centre.
    pub notifications: NotificationServiceClient<Link>,
    /// Business interactions.
    pub interactions: InteractionServiceClient<Link>,
    /// The knowledge base.
    pub knowledge: KnowledgeServiceClient<Link>,
    /// People.
    pub employees: EmployeeServiceClient<Link>,
    /// Products.
    pub products: ProductServiceClient<Link>,
    /// Quotes.
    pub quotes: QuoteServiceClient<Link>,
    /// Approvals and their policies.
    pub approvals: ApprovalServiceClient<Link>,
    /// Contracts.
    pub contracts: ContractServiceClient<Link>,
    /// Orders.
    pub orders: OrderServiceClient<Link>,
    /// Invoices.
    pub invoices: InvoiceServiceClient<Link>,
    /// Credit notes.
    pub credit_notes: CreditNoteServiceClient<Link>,
    /// Payments.
    pub payments: PaymentServiceClient<Link>,
    /// Who sells.
    pub legal_entities: LegalEntityServiceClient<Link>,
    /// When customers pay.
    pub payment_terms: PaymentTermsServiceClient<Link>,
    /// What the installation decides.
    pub settings: SettingServiceClient<Link>,
    context: Context,
}

impl Api {
    /// The API behind a link, asked by an actor.
    pub fn new(link: &Link, actor: &str) -> Self {
        Self {
            deals: DealServiceClient::new(link.clone()),
            documents: DocumentServiceClient::new(link.clone()),
            flows: FlowServiceClient::new(link.clone()),
            handoffs: HandoffServiceClient::new(link.clone()),
            erp: ErpServiceClient::new(link.clone()),
            stub: ErpStubControlServiceClient::new(link.clone()),
            leads: LeadServiceClient::new(link.clone()),
            contacts: ContactServiceClient::new(link.clone()),
            privacy: PrivacyServiceClient::new(link.clone()),
            accounts: AccountServiceClient::new(link.clone()),
            opportunities: OpportunityServiceClient::new(link.clone()),
            processes: ProcessServiceClient::new(link.clone()),
            runs: RunServiceClient::new(link.clone()),
            analytics: AnalyticsServiceClient::new(link.clone()),
            activities: ActivityServiceClient::new(link.clone()),
            tasks: TaskServiceClient::new(link.clone()),
            categories: CategoryServiceClient::new(link.clone()),
            calendars: CalendarServiceClient::new(link.clone()),
            notifications: NotificationServiceClient::new(link.clone()),
            interactions: InteractionServiceClient::new(link.clone()),
            knowledge: KnowledgeServiceClient::new(link.clone()),
            employees: EmployeeServiceClient::new(link.clone()),
            products: ProductServiceClient::new(link.clone()),
            quotes: QuoteServiceClient::new(link.clone()),
            approvals: ApprovalServiceClient::new(link.clone()),
            contracts: ContractServiceClient::new(link.clone()),
            orders: OrderServiceClient::new(link.clone()),
            invoices: InvoiceServiceClient::new(link.clone()),
            credit_notes: CreditNoteServiceClient::new(link.clone()),
            payments: PaymentServiceClient::new(link.clone()),
            legal_entities: LegalEntityServiceClient::new(link.clone()),
            payment_terms: PaymentTermsServiceClient::new(link.clone()),
            settings: SettingServiceClient::new(link.clone()),
            context: Context::internal(actor),
        }
    }

    /// The same API, asked by somebody else.
    #[must_use]
    pub fn asked_by(&self, actor: &str) -> Self {
        Self { context: Context::internal(actor), ..self.clone() }
    }

    /// A request with a deadline and the name of who asks.
    pub fn ask<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request.set_timeout(PATIENCE);
        self.context.carry(request.metadata_mut());
        request
    }
}

/// A new request id.
pub fn new_id() -> String {
    Uuid::now_v7().to_string()
}

/// Reads all pages of a list: `page` asks for one, given the token, and answers its items and the next token.
pub async fn all_pages<T, F, Fut>(mut page: F) -> Result<Vec<T>, Status>
where
    F: FnMut(String) -> Fut,
    Fut: Future<Output = Result<(Vec<T>, String), Status>>,
{
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let (items, next) = page(token).await?;
        all.extend(items);
        if next.is_empty() {
            return Ok(all);
        }
        token = next;
    }
}
