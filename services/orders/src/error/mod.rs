//! What this service refuses, and how each refusal reads.

mod fields;
mod refused;

use chrono::NaiveDate;
use dealflow_chassis::Refusal;
use dealflow_money::MoneyError;
use dealflow_proto::Violation;
use dealflow_proto::errors::v1::ErrorReason;
use rust_decimal::Decimal;
use sea_orm::DbErr;

pub use fields::violation;

/// Why a request about products or documents is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A refusal that every service has: life cycle, etag, effective time, list.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not do it.
    #[error(transparent)]
    Db(#[from] DbErr),
    /// Fields that cannot be meant, all of them.
    #[error("fields are missing or malformed")]
    Fields(Vec<Violation>),
    /// A document that the arithmetic refuses.
    #[error("{document}: {cause}")]
    Money {
        /// The document's field in the request, e.g. `quote`.
        document: &'static str,
        /// What the arithmetic says.
        #[source]
        cause: MoneyError,
    },
    /// Lines priced in another currency than the document's (BT-5).
    #[error("the document is in {expected}; {}", found.join("; "))]
    MixedCurrencies {
        /// The document's currency.
        expected: String,
        /// Each line that differs: field and currency.
        found: Vec<String>,
    },
    /// A product code that another product has (R-PRD-1).
    #[error("the product code {code} belongs to {holder}")]
    CodeTaken {
        /// The code.
        code: String,
        /// The product's name.
        holder: String,
    },
    /// A value that is unique and another record has.
    #[error("{field} {value} belongs to {holder}")]
    RecordTaken {
        /// The field.
        field: &'static str,
        /// The value.
        value: String,
        /// The record's name.
        holder: String,
    },
    /// A series in which another legal entity gives the same numbers (R-INV-1).
    #[error("{field} {series} would give numbers of {holder}, whose series is {other}; another one is needed")]
    SeriesTaken {
        /// The field.
        field: &'static str,
        /// The series that was asked for.
        series: String,
        /// The series that it meets.
        other: String,
        /// Who has it.
        holder: String,
    },
    /// Instalments are billed each in its turn (R-INV-1).
    #[error("instalment {earlier} of {order} is not billed; CreateInvoice bills it before instalment {instalment}")]
    EarlierInstalment {
        /// The order's name.
        order: String,
        /// What was asked for.
        instalment: usize,
        /// What comes before it.
        earlier: usize,
    },
    /// A quote whose last day has passed (R-QUO-3).
    #[error(
        "{quote} was valid until {valid_until}; ReviseQuote makes a new revision, or UpdateQuote moves a draft's date"
    )]
    Expired {
        /// The quote's name.
        quote: String,
        /// Its last day.
        valid_until: NaiveDate,
    },
    /// A policy asks for an approval that was not given (R-QUO-2).
    #[error("{subject} needs an approval before {verb}: {policies} asks for it; {request} asks who must agree")]
    ApprovalRequired {
        /// The record's name.
        subject: String,
        /// What was to be done.
        verb: &'static str,
        /// Which verb asks for the approval.
        request: &'static str,
        /// The policies that ask.
        policies: String,
    },
    /// An order would become one that a policy asks about, and nobody agreed to (R-QUO-2).
    #[error(
        "{order} would be worth more, or be sold further below the list prices, than was agreed: {policies} asks for an \
         approval, which a quote gets and an order does not; CancelOrder, and RequestQuoteApproval of a quote that says so"
    )]
    NotAgreed {
        /// The order's name.
        order: String,
        /// The policies that ask.
        policies: String,
    },
    /// A step of a policy has nobody left who may decide it (R-QUO-2).
    #[error("the policy {policy} has nobody to ask: {who}")]
    NoApprover {
        /// What the policy is called.
        policy: String,
        /// Who is missing.
        who: String,
    },
    /// Somebody decides who was not asked (R-QUO-2).
    #[error("{approval} is decided by {allowed}, not by {actor}")]
    NotAnApprover {
        /// The approval's name.
        approval: String,
        /// Who tried.
        actor: String,
        /// Who may.
        allowed: String,
    },
    /// Somebody decides his own (R-QUO-2).
    #[error("{actor} owns the record or asked for {approval}: nobody approves his own")]
    OwnApproval {
        /// The approval's name.
        approval: String,
        /// Who tried, or was to.
        actor: String,
    },
    /// What was to be approved is not what was asked for (R-QUO-2).
    #[error("{subject} is not what {approval} was asked for; withdraw that, and ask for approval again")]
    ChangedSince {
        /// The record's name.
        subject: String,
        /// The approval's name.
        approval: String,
    },
    /// Only a posted invoice is credited or paid (R-INV-1).
    #[error("{invoice} is {state}; a POSTED invoice is credited or paid, and a DRAFT one is voided or posted first")]
    NotPosted {
        /// The invoice's name.
        invoice: String,
        /// Its state.
        state: String,
    },
    /// More would be credited than was invoiced (R-INV-1).
    #[error("line {line}: {left} is invoiced and not yet credited; {asked} is too much")]
    OverCredited {
        /// The line's id.
        line: String,
        /// What may still be credited.
        left: Decimal,
        /// Quantity asked for.
        asked: Decimal,
    },
    /// All that was invoiced is credited already (R-INV-1).
    #[error("{invoice}: all of it is credited; VoidCreditNote frees a draft")]
    NothingToCredit {
        /// The invoice's name.
        invoice: String,
    },
    /// A payment would pay more than it is (R-INV-1).
    #[error("{payment}: {left} minor units of it pay nothing yet; more cannot be allocated")]
    OverAllocated {
        /// The payment's name.
        payment: String,
        /// What is left of it, in minor units.
        left: i128,
    },
    /// The same reference with another content (R-INV-1).
    #[error("{source_of} has told of {reference} already, as {holder}, and otherwise")]
    PaymentKnown {
        /// The source.
        source_of: String,
        /// The reference.
        reference: String,
        /// The payment's name.
        holder: String,
    },
    /// From SUBMITTED on the integration changes an order (R-ORD-1).
    #[error(
        "{order} is {state}: the ERP has it, so the integration changes it and {actor} does not; {verb} is refused"
    )]
    ErpHasIt {
        /// The order's name.
        order: String,
        /// Its state.
        state: String,
        /// Who tried.
        actor: String,
        /// What.
        verb: &'static str,
    },
    /// An order with invoices is not given up (R-ORD-1).
    #[error("{order} has invoices that are not credited; credit or void them first")]
    StillBilled {
        /// The order's name.
        order: String,
    },
    /// An order is closed once all of it is billed (R-ORD-1).
    #[error("{order} is not billed in full; {instead}")]
    NotBilled {
        /// The order's name.
        order: String,
        /// What would be accepted.
        instead: &'static str,
    },
    /// The other side invoices (R-INV-2).
    #[error("{verb} is refused: {authority} has the authority to invoice here; {instead}")]
    NoAuthority {
        /// What was tried.
        verb: &'static str,
        /// Who invoices.
        authority: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// What the books of others know is taken back by a credit note (R-INV-1).
    #[error("{invoice} {why}: nothing voids it; CreateCreditNote takes it back")]
    NotVoid {
        /// The invoice's name.
        invoice: String,
        /// What stands against it.
        why: &'static str,
    },
    /// A credit note that was posted is void only while nobody built on it (R-INV-1).
    #[error("{note} {why}: nothing voids it; CreateInvoice bills anew what is delivered")]
    NoteStays {
        /// The credit note's name.
        note: String,
        /// What stands against it.
        why: &'static str,
    },
    /// Who invoices credits too (R-INV-2).
    #[error("{verb} is refused: the ERP made {invoice}, and credits it there; here it would be a document of its own")]
    InvoicedByErp {
        /// The invoice's name.
        invoice: String,
        /// What was tried.
        verb: &'static str,
    },
    /// Another document has the number that this one would get (R-INV-1).
    #[error(
        "{number} is {holder}, of the legal entity {legal_entity}: the ERP knows a document by its number, so nothing is \
         posted in that series; a legal entity with a series of its own bills such orders"
    )]
    NumberTaken {
        /// The number.
        number: String,
        /// Name of the document that has it.
        holder: String,
        /// The code of who posted that.
        legal_entity: String,
    },
    /// The price list is not one that holds (R-PRD-1).
    #[error("{price_list} does not hold on {day}; name one that does, or give each line its unit_price")]
    NoPriceList {
        /// The list's name.
        price_list: String,
        /// The day.
        day: NaiveDate,
    },
    /// What cannot be priced as it was written (R-PRD-1).
    #[error("{}", fields::told(fields))]
    Pricing {
        /// The catalogue's name for the first of them.
        reason: ErrorReason,
        /// Each field and what it must be.
        fields: Vec<Violation>,
    },
    /// A contract is signed with all its documents (R-CON-1).
    #[error("{contract} lacks required documents: {missing}; UpdateContract says where they lie before it is sent")]
    DocumentsMissing {
        /// The contract's name.
        contract: String,
        /// Their titles.
        missing: String,
    },
    /// A contract is not in force before its first day (R-CON-1).
    #[error("{contract} is in force from {start} on")]
    NotYet {
        /// The contract's name.
        contract: String,
        /// Its first day.
        start: NaiveDate,
    },
    /// The opportunity has a live order already: never two (R-OPP-5).
    #[error("{opportunity} has the order {order} already; cancel that first")]
    OrderStands {
        /// The opportunity's name.
        opportunity: String,
        /// The order's name.
        order: String,
    },
    /// An order without an account: nobody would pay for it (R-ACC-1).
    #[error("{order} has no account, and nobody would pay for it; UpdateOrder gives it one")]
    NoCustomer {
        /// The order's name.
        order: String,
    },
    /// More than was ordered would be delivered (R-ORD-1).
    #[error("line {line}: {ordered} ordered, {fulfilled} fulfilled; {asked} more is too much")]
    OverFulfilled {
        /// The line's id.
        line: String,
        /// Quantity ordered.
        ordered: Decimal,
        /// Quantity delivered before.
        fulfilled: Decimal,
        /// Quantity asked for.
        asked: Decimal,
    },
    /// Less would be ordered than is done of it already (R-ORD-1).
    #[error("line {line}: {least} is {done}; {asked} is less than that, and what is {done} is not ordered less")]
    BelowDone {
        /// The line's id.
        line: String,
        /// `delivered` or `billed`.
        done: &'static str,
        /// How much.
        least: Decimal,
        /// Quantity asked for.
        asked: Decimal,
    },
    /// After a change nothing would be left to bill of what the invoices do not carry (R-INV-1).
    #[error(
        "nothing of {order} would be left to bill, and its invoices do not come to the {total} that it would come to: \
         allowances, charges and cents are billed with the last piece; leave one to bill, or CreateCreditNote takes back what \
         is billed (VoidInvoice, where that is a draft), and CreateInvoice bills it anew after the change"
    )]
    RestLost {
        /// The order's name.
        order: String,
        /// What it would come to, with VAT.
        total: String,
    },
    /// What is done already is not changed any more (R-ORD-1).
    #[error("{what} is {done}: {stays}, unless a credit note takes back what is billed")]
    DoneStays {
        /// The line, or the order.
        what: String,
        /// How far it is.
        done: &'static str,
        /// What therefore stays.
        stays: &'static str,
    },
    /// More than was delivered would be billed (R-INV-1).
    #[error("line {line}: {left} is delivered and not yet billed; {asked} is too much")]
    OverBilled {
        /// The line's id.
        line: String,
        /// What may still be billed now.
        left: Decimal,
        /// Quantity asked for.
        asked: Decimal,
    },
    /// All that is delivered is billed already (R-INV-1).
    #[error("{order}: all that is delivered is billed; FulfillOrder delivers more, VoidInvoice frees a draft")]
    NothingToBill {
        /// The order's name.
        order: String,
    },
}
