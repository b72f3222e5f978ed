//! Whose documents a caller sees, as the part behind the gateway answers it: in its queries (R-SEC-1).

use dealflow_proto::names;
use dealflow_proto::orders::v1 as pb;
use dealflow_testbed::{TestDb, both, id};
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::house::{House, ask, by, eur, opportunity, order, policy, quote};

/// Owner, who leads him, somebody else; who leads sees those whom he leads beside himself.
const OWNER: u128 = 1;
const MANAGER: u128 = 2;
const STRANGER: u128 = 3;
const APPROVER: u128 = 4;

fn employee(number: u128) -> String {
    names::EMPLOYEES.name(Uuid::from_u128(number))
}

/// A message from somebody who sees these employees' records.
fn seen_by<M>(employees: &[u128], message: M) -> Request<M> {
    let mut request = Request::new(message);
    let sees: Vec<String> = employees.iter().map(|id| Uuid::from_u128(*id).simple().to_string()).collect();
    request.metadata_mut().insert("dealflow-sees", sees.join(",").parse().expect("it is ASCII"));
    request
}

/// The names that a caller's lists hold, and what he is answered to each of these names and to a verb on it.
struct Told {
    listed: bool,
    got: Result<(), Code>,
    changed: Result<(), Code>,
}

fn code<T>(answer: Result<T, Status>) -> Result<(), Code> {
    answer.map(drop).map_err(|status| status.code())
}

macro_rules! told {
    ($who:expr, $name:expr, $client:expr, $get:ident($getting:ident), $list:ident($listing:ident).$of:ident,
     $verb:ident($change:expr)) => {{
        let (who, name): (&[u128], &str) = ($who, $name);
        let got = $client.$get(seen_by(who, pb::$getting { name: name.to_owned() })).await;
        let page = $client.$list(seen_by(who, pb::$listing::default())).await.expect("a list").into_inner();
        let changed = $client.$verb(seen_by(who, $change)).await;
        Told { listed: page.$of.iter().any(|it| it.name == name), got: code(got), changed: code(changed) }
    }};
}

/// A document of each kind, all of one deal of the owner's.
struct Papers {
    quote: String,
    contract: String,
    order: String,
    invoice: String,
    note: String,
    payment: String,
}

impl Papers {
    async fn of(house: &House, owner: &str) -> Self {
        let (deal, owner) = (opportunity(), owner.to_owned());
        let quote = house.draft(pb::Quote { owner: owner.clone(), ..quote(&deal) }).await.expect("drafted").name;
        let contract = pb::Contract { opportunity: deal.clone(), quote: quote.clone(), ..Default::default() };
        let contract = ask!(house.contracts(), create_contract, CreateContractRequest { contract: Some(contract) });
        let order = house.delivered(pb::Order { owner, ..order(&deal) }).await.name;
        let posted = house.bill(&order, &[("1", "1")]).await.expect("billed").name;
        house.post(&posted).await.expect("posted");
        let note = house.credit(&posted, &[]).await.expect("credited").name;
        let invoice = house.bill(&order, &[]).await.expect("billed").name;
        let pays = pb::PaymentAllocation { invoice: posted, amount: Some(eur("1")) };
        let payment = pb::Payment {
            source: "bank".to_owned(),
            external_reference: id(),
            amount: Some(eur("2")),
            allocations: vec![pays],
            ..Default::default()
        };
        let payment = house.pay(payment).await.expect("it came in").name;
        Self { quote, contract: contract.expect("written").name, order, invoice, note, payment }
    }

    /// What somebody is told of each; the verbs are only tried, so that the next one is told the same.
    async fn told_to(&self, house: &House, who: &[u128]) -> Vec<(&'static str, Told)> {
        macro_rules! trying {
            ($message:ident { $($field:ident: $value:expr),* }) => {
                pb::$message { $($field: $value,)* request_id: id(), validate_only: true, ..Default::default() }
            };
        }
        let quote = trying!(UpdateQuoteRequest {
            quote: Some(pb::Quote { name: self.quote.clone(), terms: "at once".to_owned(), ..Default::default() })
        });
        let contract = trying!(CancelContractRequest { name: self.contract.clone() });
        let order = trying!(HoldOrderRequest { name: self.order.clone(), reason: "late".to_owned() });
        let invoice = trying!(VoidInvoiceRequest { name: self.invoice.clone(), reason: "wrong".to_owned() });
        let note = trying!(VoidCreditNoteRequest { name: self.note.clone(), reason: "wrong".to_owned() });
        let payment = trying!(ReversePaymentRequest { name: self.payment.clone(), reason: "wrong".to_owned() });
        vec![
            (
                "quote",
                told!(
                    who,
                    &self.quote,
                    house.quotes(),
                    get_quote(GetQuoteRequest),
                    list_quotes(ListQuotesRequest).quotes,
                    update_quote(quote)
                ),
            ),
            (
                "contract",
                told!(
                    who,
                    &self.contract,
                    house.contracts(),
                    get_contract(GetContractRequest),
                    list_contracts(ListContractsRequest).contracts,
                    cancel_contract(contract)
                ),
            ),
            (
                "order",
                told!(
                    who,
                    &self.order,
                    house.orders(),
                    get_order(GetOrderRequest),
                    list_orders(ListOrdersRequest).orders,
                    hold_order(order)
                ),
            ),
            (
                "invoice",
                told!(
                    who,
                    &self.invoice,
                    house.invoices(),
                    get_invoice(GetInvoiceRequest),
                    list_invoices(ListInvoicesRequest).invoices,
                    void_invoice(invoice)
                ),
            ),
            (
                "credit note",
                told!(
                    who,
                    &self.note,
                    house.credit_notes(),
                    get_credit_note(GetCreditNoteRequest),
                    list_credit_notes(ListCreditNotesRequest).credit_notes,
                    void_credit_note(note)
                ),
            ),
            (
                "payment",
                told!(
                    who,
                    &self.payment,
                    house.payments(),
                    get_payment(GetPaymentRequest),
                    list_payments(ListPaymentsRequest).payments,
                    reverse_payment(payment)
                ),
            ),
        ]
    }
}

both! {
    /// R-SEC-1: a document is seen and changed by its owner and who leads him; what has no owner goes with its order. To
    /// anybody else it is as if it were not there, by its name, for its verbs, in lists.
    async fn a_document_is_its_owners_and_of_who_leads_him(db: TestDb) {
        let house = House::open(db).await;
        let papers = Papers::of(&house, &employee(OWNER)).await;
        for (who, sees) in [(vec![OWNER], true), (vec![MANAGER, OWNER], true), (vec![STRANGER, MANAGER], false), (vec![], false)] {
            for (kind, told) in papers.told_to(&house, &who).await {
                let wanted = if sees { Ok(()) } else { Err(Code::NotFound) };
                assert_eq!((told.listed, told.got), (sees, wanted), "{kind} to {who:?}");
                // Whoever sees it may be refused for its state.
                assert_eq!(told.changed != Err(Code::NotFound), sees, "a verb on the {kind} by {who:?}: {:?}", told.changed);
            }
        }
        let nobodys = Papers::of(&house, "").await;
        for (kind, told) in nobodys.told_to(&house, &[STRANGER]).await {
            assert_eq!((told.listed, told.got), (true, Ok(())), "{kind} of nobody");
        }
    }

    /// R-SEC-1: beside a name that one sees, a name that one does not see is not there either; money that pays nothing yet
    /// is the back office's alone.
    async fn what_is_not_seen_is_named_by_nobody(db: TestDb) {
        let house = House::open(db).await;
        let theirs = Papers::of(&house, &employee(OWNER)).await;
        let deal = house.quote(&theirs.quote).await.opportunity;
        let who = &[STRANGER];
        let request_id = id;
        let bill = pb::CreateInvoiceRequest { order: theirs.order.clone(), request_id: request_id(), ..Default::default() };
        assert_eq!(code(house.invoices().create_invoice(seen_by(who, bill)).await), Err(Code::NotFound));
        let credit = pb::CreateCreditNoteRequest { invoice: theirs.invoice.clone(), reason: "x".to_owned(), request_id: request_id(), ..Default::default() };
        assert_eq!(code(house.credit_notes().create_credit_note(seen_by(who, credit)).await), Err(Code::NotFound));
        let contract = Some(pb::Contract { opportunity: deal.clone(), quote: theirs.quote.clone(), ..Default::default() });
        let contract = pb::CreateContractRequest { contract, request_id: request_id(), ..Default::default() };
        assert_eq!(code(house.contracts().create_contract(seen_by(who, contract)).await), Err(Code::NotFound));
        let standing = pb::CreateOrderRequest { order: Some(order(&deal)), request_id: request_id(), ..Default::default() };
        assert_eq!(code(house.orders().create_order(seen_by(who, standing)).await), Err(Code::NotFound));
        let accept = pb::AcceptQuoteRequest { name: theirs.quote.clone(), request_id: request_id(), ..Default::default() };
        assert_eq!(code(house.quotes().accept_quote(seen_by(who, accept)).await), Err(Code::NotFound));
        let close = |who: &[u128]| seen_by(who, pb::CloseOpportunityQuotesRequest {
            opportunity: deal.clone(), reason: pb::quote::CloseReason::Lost.into(), request_id: request_id(), ..Default::default()
        });
        let refused = house.quotes().close_opportunity_quotes(close(who)).await.expect_err("not his");
        assert_eq!((refused.code(), refused.message()), (Code::NotFound, format!("there is no {deal}").as_str()));
        let closed = house.quotes().close_opportunity_quotes(close(&[OWNER])).await.expect("his own").into_inner();
        assert_eq!(closed.quotes.len(), 1);

        let loose = pb::Payment { source: "bank".to_owned(), external_reference: id(), amount: Some(eur("1")), ..Default::default() };
        let loose = house.pay(loose).await.expect("it came in").name;
        let get = || pb::GetPaymentRequest { name: loose.clone() };
        assert_eq!(code(house.payments().get_payment(seen_by(&[OWNER], get())).await), Err(Code::NotFound));
        assert!(house.payments().get_payment(get()).await.is_ok());
    }

    /// R-SEC-1, R-QUO-2: whoever is asked to approve sees what he is asked about, and that he is asked; so does whom he
    /// gives it to, and he himself still. Nobody else does but the owner's people.
    async fn an_approver_sees_what_he_is_asked_to_approve(db: TestDb) {
        let house = House::open(db).await;
        house.policy(policy(vec![by(&employee(APPROVER))])).await;
        let draft = house.draft(pb::Quote { owner: employee(OWNER), ..quote(&opportunity()) }).await.expect("drafted").name;
        let sees = async |who: &[u128], approval: &str| {
            let quote = house.quotes().get_quote(seen_by(who, pb::GetQuoteRequest { name: draft.clone() })).await.is_ok();
            let quotes = house.quotes().list_quotes(seen_by(who, pb::ListQuotesRequest::default())).await;
            let listed = !quotes.expect("a list").into_inner().quotes.is_empty();
            let asked = house.approvals().get_approval(seen_by(who, pb::GetApprovalRequest { name: approval.to_owned() })).await;
            let approvals = house.approvals().list_approvals(seen_by(who, pb::ListApprovalsRequest::default())).await;
            let in_list = !approvals.expect("a list").into_inner().approvals.is_empty();
            assert_eq!((quote, asked.is_ok()), (listed, in_list), "{who:?}: a list and a name say the same");
            (quote, in_list)
        };
        assert_eq!(sees(&[APPROVER], "approvals/00000000-0000-0000-0000-000000000001").await, (false, false), "not asked yet");
        let approval = house.ask_approval(&employee(MANAGER), &draft).await.expect("asked").approval;
        assert_eq!(sees(&[APPROVER], &approval).await, (true, true));
        assert_eq!(sees(&[OWNER], &approval).await, (true, true));
        assert_eq!(sees(&[MANAGER], &approval).await, (false, true), "who asked sees what becomes of it");
        assert_eq!(sees(&[STRANGER], &approval).await, (false, false));
        assert_eq!(sees(&[], &approval).await, (false, false));
        let forward = |approver: u128| pb::ForwardApprovalRequest {
            name: approval.clone(), approver: employee(approver), comment: "on leave".to_owned(), request_id: id(), ..Default::default()
        };
        let refused = house.approvals().forward_approval(seen_by(&[STRANGER], forward(STRANGER))).await;
        assert_eq!(code(refused), Err(Code::NotFound), "nobody takes what is not his to see");
        let mut ask = seen_by(&[APPROVER], forward(STRANGER));
        ask.metadata_mut().insert("dealflow-actor", employee(APPROVER).parse().expect("it is ASCII"));
        house.approvals().forward_approval(ask).await.expect("it is his to give on");
        assert_eq!(sees(&[STRANGER], &approval).await, (true, true));
        assert_eq!(sees(&[APPROVER], &approval).await, (true, true));
        let mut ask = seen_by(&[STRANGER], pb::ApproveRequest { name: approval.clone(), request_id: id(), ..Default::default() });
        ask.metadata_mut().insert("dealflow-actor", employee(STRANGER).parse().expect("it is ASCII"));
        let approved = house.approvals().approve(ask).await.expect("he sees it, and is asked").into_inner();
        assert_eq!(approved.state(), pb::approval::State::Approved);
    }
}
