//! Resource names ⇄ ids (AIP-122): `leads/0198…` ⇄ the UUID in it.

use uuid::Uuid;

/// A collection of records; it builds and reads the names of its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Collection(&'static str);

/// Leads: `leads/{lead}`.
pub const LEADS: Collection = Collection("leads");
/// Accounts: `accounts/{account}`.
pub const ACCOUNTS: Collection = Collection("accounts");
/// Contacts: `contacts/{contact}`.
pub const CONTACTS: Collection = Collection("contacts");
/// Opportunities: `opportunities/{opportunity}`.
pub const OPPORTUNITIES: Collection = Collection("opportunities");
/// Stages of the sales process: `stages/{stage}`.
pub const STAGES: Collection = Collection("stages");
/// Sales processes: `processes/{process}`.
pub const PROCESSES: Collection = Collection("processes");
/// Reasons of loss: `loseReasons/{lose_reason}`.
pub const LOSE_REASONS: Collection = Collection("loseReasons");
/// One stay of an opportunity in a stage: `stageEntries/{stage_entry}`.
pub const STAGE_ENTRIES: Collection = Collection("stageEntries");
/// Activities: `activities/{activity}`.
pub const ACTIVITIES: Collection = Collection("activities");
/// Employees: `employees/{employee}`.
pub const EMPLOYEES: Collection = Collection("employees");
/// Categories of activities: `categories/{category}`.
pub const CATEGORIES: Collection = Collection("categories");
/// What people are told: `notifications/{notification}`.
pub const NOTIFICATIONS: Collection = Collection("notifications");
/// Business interactions: `interactions/{interaction}`.
pub const INTERACTIONS: Collection = Collection("interactions");
/// Documents of the knowledge base: `knowledge/{document}`.
pub const KNOWLEDGE: Collection = Collection("knowledge");
/// Products: `products/{product}`.
pub const PRODUCTS: Collection = Collection("products");
/// Quotes: `quotes/{quote}`.
pub const QUOTES: Collection = Collection("quotes");
/// Contracts: `contracts/{contract}`.
pub const CONTRACTS: Collection = Collection("contracts");
/// Orders: `orders/{order}`.
pub const ORDERS: Collection = Collection("orders");
/// Invoices: `invoices/{invoice}`.
pub const INVOICES: Collection = Collection("invoices");
/// Policies of approval: `approvalPolicies/{approval_policy}`.
pub const APPROVAL_POLICIES: Collection = Collection("approvalPolicies");
/// Approvals: `approvals/{approval}`.
pub const APPROVALS: Collection = Collection("approvals");
/// Credit notes: `creditNotes/{credit_note}`.
pub const CREDIT_NOTES: Collection = Collection("creditNotes");
/// Payments: `payments/{payment}`.
pub const PAYMENTS: Collection = Collection("payments");
/// Price lists: `priceLists/{price_list}`.
pub const PRICE_LISTS: Collection = Collection("priceLists");
/// Prices of a list: `priceListItems/{price_list_item}`.
pub const PRICE_LIST_ITEMS: Collection = Collection("priceListItems");
/// Exchange rates: `exchangeRates/{exchange_rate}`.
pub const EXCHANGE_RATES: Collection = Collection("exchangeRates");
/// Who sells: `legalEntities/{legal_entity}`.
pub const LEGAL_ENTITIES: Collection = Collection("legalEntities");
/// When customers pay: `paymentTerms/{payment_terms}`.
pub const PAYMENT_TERMS: Collection = Collection("paymentTerms");
/// Flows of the gateway: `flows/{flow}`.
pub const FLOWS: Collection = Collection("flows");
/// Hand-offs to an ERP: `handoffs/{handoff}`.
pub const HANDOFFS: Collection = Collection("handoffs");
/// Documents of an ERP: `erpDocuments/{erp_document}`.
pub const ERP_DOCUMENTS: Collection = Collection("erpDocuments");

/// What an installation decides: `settings/{part}.{setting}`.
pub const SETTINGS: Collection = Collection("settings");

/// A segment of a name has at most this many characters.
const MAX_SEGMENT: usize = 100;

/// A name that its collection does not know; says what is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {got:?}")]
pub struct BadName {
    /// What would be a name, e.g. `leads/{uuid}`.
    pub expected: String,
    /// What was given, cut to 200 characters.
    pub got: String,
}

impl Collection {
    /// The name of the member with this id.
    #[must_use]
    pub fn name(self, id: Uuid) -> String {
        format!("{}/{id}", self.0)
    }

    /// The id in a member's name; only the form that [`name`](Self::name) writes is taken, so that one record
    /// has one name.
    ///
    /// # Errors
    /// [`BadName`] if it is no name of this collection.
    pub fn parse(self, name: &str) -> Result<Uuid, BadName> {
        let id = self.member(name).and_then(|id| Uuid::try_parse(id).ok());
        id.filter(|id| self.name(*id) == name).ok_or_else(|| self.bad("uuid", name))
    }

    /// As [`parse`](Self::parse); the empty string names nothing.
    ///
    /// # Errors
    /// [`BadName`] if it is neither empty nor a name of this collection.
    pub fn parse_optional(self, name: &str) -> Result<Option<Uuid>, BadName> {
        if name.is_empty() { Ok(None) } else { self.parse(name).map(Some) }
    }

    /// The name of the member that goes by a word instead of a UUID, e.g. `stages/proposal`.
    #[must_use]
    pub fn slug(self, word: &str) -> String {
        format!("{}/{word}", self.0)
    }

    /// The word in a member's name: letters, digits and `._~-`, at most 100.
    ///
    /// # Errors
    /// [`BadName`] if it is no name of this collection.
    pub fn parse_slug(self, name: &str) -> Result<&str, BadName> {
        self.member(name).filter(|word| is_segment(word)).ok_or_else(|| self.bad("id", name))
    }

    /// The collection's own name, e.g. `stageEntries`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }

    fn member(self, name: &str) -> Option<&str> {
        name.strip_prefix(self.0)?.strip_prefix('/')
    }

    fn bad(self, id: &str, name: &str) -> BadName {
        BadName { expected: format!("{}/{{{id}}}", self.0), got: name.chars().take(200).collect() }
    }
}

/// Whether `name` has the form of `pattern`, e.g. `leads/{lead}`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let (mut expected, mut given) = (pattern.split('/'), name.split('/'));
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return true,
            (Some(variable), Some(segment)) if variable.starts_with('{') && is_segment(segment) => {}
            (Some(fixed), Some(segment)) if fixed == segment => {}
            _ => return false,
        }
    }
}

fn is_segment(segment: &str) -> bool {
    let letter = |it: u8| it.is_ascii_alphanumeric() || b"._~-".contains(&it);
    (1..=MAX_SEGMENT).contains(&segment.len()) && segment.bytes().all(letter)
}
