//! What must hold in any suite that is at rest, whatever happened to it before.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use dealflow::api::all_pages;
use dealflow::suite::PartName;
use dealflow_proto::activities::v1::{Activity, ListActivitiesRequest, activity};
use dealflow_proto::erp::v1::{
    BusinessStatus, DocumentType, ErpDocument, Handoff, ListDocumentsRequest, ListHandoffsRequest, handoff,
};
use dealflow_proto::feed::v1::SubscribeRequest;
use dealflow_proto::gateway::v1::{Flow, ListFlowsRequest, flow};
use dealflow_proto::opportunities::v1::{ListOpportunitiesRequest, ListStageEntriesRequest, Opportunity, opportunity};
use dealflow_proto::orders::v1::{Invoice, ListInvoicesRequest, ListOrdersRequest, Order, invoice, order};
use dealflow_proto::types::v1::Totals;
use dealflow_testbed::{Kind, eventually};
use sea_orm::{ConnectionTrait, Statement, TryGetable};

use crate::Sandbox;

/// How long a suite may take to come to rest: a worker that died holds its documents for 90 s.
const REST: Duration = Duration::from_secs(120);

/// The events from which something follows (R-FLW-2).
const FOLLOWED: [&str; 15] = [
    "lead.qualified",
    "opportunity.created",
    "opportunity.opened",
    "opportunity.process_started",
    "opportunity.stage_changed",
    "opportunity.result_recorded",
    "opportunity.won",
    "opportunity.lost",
    "activity.completed",
    "quote.accepted",
    "order.created",
    "order.canceled",
    "order.submitted",
    "invoice.posted",
    "credit_note.posted",
];

const READS: &str = "the suite can be read";
/// Connections of a part to its database, of which all may have been cut.
const CUT: usize = 16;

/// Reads all pages of a list.
macro_rules! all {
    ($sandbox:expr, $client:ident.$method:ident, $request:ident, $items:ident) => {
        all_pages(async |page_token| {
            let ask = $request { page_size: 1000, page_token, ..Default::default() };
            let page = $sandbox.api.$client.clone().$method($sandbox.api.ask(ask)).await?.into_inner();
            Ok((page.$items, page.next_page_token))
        })
        .await
        .expect(READS)
    };
}

impl Sandbox {
    /// Waits until the suite is at rest, checks what must hold then, and stops it.
    ///
    /// # Panics
    /// If something does not come to rest, or does not hold.
    pub async fn finish(self) {
        self.rest().await;
        let opportunities = self.opportunities().await;
        let orders: Vec<Order> = all!(self, orders.list_orders, ListOrdersRequest, orders);
        let invoices: Vec<Invoice> = all!(self, invoices.list_invoices, ListInvoicesRequest, invoices);
        one_order_per_deal(&orders);
        no_gap_in_numbers(&invoices);
        books_agree(&orders, &invoices, &self.handoffs().await, &self.booked().await);
        let activities: Vec<Activity> = all!(self, activities.list_activities, ListActivitiesRequest, activities);
        for deal in &opportunities {
            self.entries_follow_each_other(deal).await;
            open_activities_belong_to_the_present_entry(deal, &activities);
        }
        self.stop().await;
    }

    /// Waits until nothing is on its way any more: no event to follow, no flow, no hand-over, no news of the ERP.
    ///
    /// # Panics
    /// If that takes longer than two minutes, or a flow is parked, or a hand-over was refused.
    pub async fn rest(&self) {
        self.own_rest().await;
        eventually("what the ERP did is read and told", REST, || self.news_are_told()).await;
        // From which more may follow.
        self.own_rest().await;
    }

    async fn own_rest(&self) {
        eventually("the feeds are read", REST, || self.feeds_are_read()).await;
        eventually("every flow has ended", REST, || async {
            let flows: Vec<Flow> = all!(self, flows.list_flows, ListFlowsRequest, flows);
            let parked = flows.iter().find(|flow| flow.state() == flow::State::Parked);
            assert!(parked.is_none(), "no flow is parked: {parked:?}");
            flows.iter().all(|flow| matches!(flow.state(), flow::State::Completed | flow::State::Compensated))
        })
        .await;
        eventually("every hand-over is delivered", REST, || async {
            let handoffs = self.handoffs().await;
            let refused = |it: &&Handoff| matches!(it.state(), handoff::State::Rejected | handoff::State::DeadLettered);
            let refused = handoffs.iter().find(refused);
            assert!(refused.is_none(), "the ERP takes every document: {refused:?}");
            // What was given up is a matter of whoever gave it up.
            let ended = [handoff::State::Delivered, handoff::State::Abandoned];
            handoffs.iter().all(|handoff| ended.contains(&handoff.state()))
        })
        .await;
    }

    async fn opportunities(&self) -> Vec<Opportunity> {
        all!(self, opportunities.list_opportunities, ListOpportunitiesRequest, opportunities)
    }

    async fn handoffs(&self) -> Vec<Handoff> {
        all!(self, handoffs.list_handoffs, ListHandoffsRequest, handoffs)
    }

    async fn booked(&self) -> Vec<ErpDocument> {
        all!(self, erp.list_documents, ListDocumentsRequest, documents)
    }

    /// Whether every event has its place in its feed, and the gateway has begun what follows from each.
    async fn feeds_are_read(&self) -> bool {
        for part in [PartName::Leads, PartName::Opportunities, PartName::Activities, PartName::Orders] {
            if self.kind == Kind::Postgres
                && self.number(part, "SELECT count(*) FROM history WHERE position IS NULL").await > 0
            {
                return false;
            }
            let read = format!("SELECT coalesce(max(position), 0) FROM feed_position WHERE feed = '{part}'");
            let ask = SubscribeRequest {
                after_position: self.number(PartName::Gateway, &read).await,
                types: FOLLOWED.map(str::to_owned).to_vec(),
                uncaused_only: true,
                follow: false,
                ..SubscribeRequest::default()
            };
            let mut batches = self.feed(part).subscribe(ask).await.expect(READS).into_inner();
            while let Some(batch) = batches.message().await.expect(READS) {
                if !batch.events.is_empty() {
                    return false;
                }
            }
        }
        true
    }

    /// Whether all that the ERP tells is taken in, and brought to the records.
    async fn news_are_told(&self) -> bool {
        let told = self.number(PartName::Erp, "SELECT coalesce(max(position), 0) FROM event").await;
        let read = self.value::<String>(PartName::Gateway, "SELECT event_cursor FROM erp_target").await;
        let read = read.rsplit('.').next().and_then(|position| position.parse::<i64>().ok()).unwrap_or_default();
        read >= told
            && self.number(PartName::Gateway, "SELECT count(*) FROM handoff WHERE news_at IS NOT NULL").await == 0
    }

    /// What the gateway keeps of a flow: its input, its answer, its journal.
    pub async fn stored_flow(&self, id: uuid::Uuid) -> Vec<u8> {
        let suite = self.running.suite.as_ref().expect("the suite runs");
        let (_, store) =
            suite.stores().iter().find(|(name, _)| *name == PartName::Gateway).expect("the gateway's store");
        let sql = "SELECT input, answer, journal FROM flow WHERE id = $1";
        let ask = Statement::from_sql_and_values(store.backend(), sql, [id.into()]);
        let row = store.reader().query_one_raw(ask).await.expect(READS).expect("the flow is there");
        let column = |index| row.try_get_by_index::<Option<Vec<u8>>>(index).expect("bytes").unwrap_or_default();
        [column(0), column(1), column(2)].concat()
    }

    async fn number(&self, part: PartName, sql: &str) -> i64 {
        self.value(part, sql).await
    }

    async fn value<T: TryGetable>(&self, part: PartName, sql: &str) -> T {
        let suite = self.running.suite.as_ref().expect("the suite runs");
        let (_, store) = suite.stores().iter().find(|(name, _)| *name == part).expect("every part has a store");
        let ask = Statement::from_string(store.backend(), sql);
        let mut answer = store.reader().query_one_raw(ask.clone()).await;
        // Connections that a test has cut are still in the pool: each is found out once.
        for _ in 0..CUT {
            if answer.is_ok() {
                break;
            }
            answer = store.reader().query_one_raw(ask.clone()).await;
        }
        let row = answer.expect(READS).expect("the answer is one row");
        row.try_get_by_index(0).expect("the value is of its type")
    }

    /// R-STG-3: entries are numbered without a gap, each begins when the one before it ends, and only the last stands.
    async fn entries_follow_each_other(&self, deal: &Opportunity) {
        let ask = ListStageEntriesRequest { opportunity: deal.name.clone(), ..Default::default() };
        let answer = self.api.opportunities.clone().list_stage_entries(self.api.ask(ask)).await.expect(READS);
        let entries = answer.into_inner().stage_entries;
        let numbers: Vec<usize> = entries.iter().filter_map(|entry| usize::try_from(entry.number).ok()).collect();
        assert_eq!(numbers, (1..=entries.len()).collect::<Vec<_>>(), "{}: entries have no gap", deal.name);
        for pair in entries.windows(2) {
            assert_eq!(pair[0].leave_time, pair[1].enter_time, "{}: one is left as the next is entered", deal.name);
        }
        let last = entries.last().expect("every opportunity has entered a stage");
        assert_eq!(last.stage, deal.stage, "{}: it is in the stage that it entered last", deal.name);
        if deal.state() == opportunity::State::Open {
            assert_eq!(last.leave_time, None, "{}: the present entry is not left", deal.name);
        }
    }
}

/// R-OPP-5.
fn one_order_per_deal(orders: &[Order]) {
    let mut deals = BTreeSet::new();
    for order in orders.iter().filter(|order| order.state() != order::State::Canceled) {
        assert!(deals.insert(&order.opportunity), "{} is ordered twice", order.opportunity);
    }
}

/// R-INV-1: numbers count up from one in each series, an invoice for each that was posted; one that is void keeps its own.
/// What the ERP made is numbered there.
fn no_gap_in_numbers(invoices: &[Invoice]) {
    let mut series: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
    let ours = |invoice: &&Invoice| !invoice.number.is_empty() && !invoice.series.is_empty();
    for invoice in invoices.iter().filter(ours) {
        let count = invoice.number.rsplit('-').next().and_then(|count| count.parse().ok());
        let count = count.unwrap_or_else(|| panic!("{} ends in a number", invoice.number));
        series.entry((&invoice.legal_entity, &invoice.series)).or_default().push(count);
    }
    for (of, mut counts) in series {
        counts.sort_unstable();
        let whole: Vec<u64> = (1..).take(counts.len()).collect();
        assert_eq!(counts, whole, "the invoices of {of:?} are numbered without a gap");
    }
}

/// R-ERP-1: the ERP has each submitted order and each posted invoice once, with our totals, and nothing else.
fn books_agree(orders: &[Order], invoices: &[Invoice], handoffs: &[Handoff], booked: &[ErpDocument]) {
    let submitted = |order: &&Order| {
        use order::State::{Closed, Fulfilled, InFulfillment, Submitted};
        matches!(order.state(), Submitted | InFulfillment | Fulfilled | Closed)
    };
    let orders = orders.iter().filter(submitted).map(|it| (format!("dealflow:order:{}", it.number), it.totals.clone()));
    let posted = invoices.iter().filter(|it| it.state() == invoice::State::Posted && !it.series.is_empty());
    let invoices = posted.map(|it| (format!("dealflow:invoice:{}", it.number), it.totals.clone()));
    let ours: BTreeMap<String, Totals> =
        orders.chain(invoices).map(|(id, totals)| (id, totals.expect("a document has totals"))).collect();
    let theirs: BTreeMap<&str, &ErpDocument> = booked.iter().map(|it| (it.external_id.as_str(), it)).collect();
    assert_eq!(theirs.len(), booked.len(), "no document is booked twice");
    let on_their_way: BTreeSet<&str> = handoffs.iter().map(|it| it.external_id.as_str()).collect();
    assert_eq!(on_their_way.len(), handoffs.len(), "no document is handed over twice");
    // Of the chain's other documents the numbers are compared below; a canceled order stays in the ERP's books as such.
    let sold = |it: &&ErpDocument| {
        matches!(it.r#type(), DocumentType::Order | DocumentType::Invoice) && it.status() != BusinessStatus::Cancelled
    };
    let sold: BTreeSet<&str> = booked.iter().filter(sold).map(|it| it.external_id.as_str()).collect();
    assert_eq!(ours.keys().map(String::as_str).collect::<Vec<_>>(), sold.into_iter().collect::<Vec<_>>());
    for (id, totals) in &ours {
        let book = theirs[id.as_str()];
        assert_eq!(book.total_without_vat, totals.total_without_vat, "{id}: total without VAT");
        assert_eq!(book.total_vat, totals.total_vat, "{id}: total VAT");
        assert_eq!(book.total_with_vat, totals.total_with_vat, "{id}: total with VAT");
    }
    let numbers: HashMap<&str, &str> =
        booked.iter().map(|it| (it.external_id.as_str(), it.erp_number.as_str())).collect();
    for handoff in handoffs.iter().filter(|it| it.state() == handoff::State::Delivered && !it.taken_over) {
        assert_eq!(numbers[handoff.external_id.as_str()], handoff.erp_number, "we know the ERP's number");
    }
}

/// R-STG-3.
fn open_activities_belong_to_the_present_entry(deal: &Opportunity, activities: &[Activity]) {
    let entry = deal.stage_entry.as_ref().map(|entry| entry.name.as_str()).unwrap_or_default();
    let of_process = |it: &&Activity| it.regarding == deal.name && it.origin() == activity::Origin::Process;
    for activity in activities.iter().filter(of_process) {
        let open = !matches!(activity.state(), activity::State::Completed | activity::State::Canceled);
        let may_be = deal.state() == opportunity::State::Open && activity.stage_entry == entry;
        assert!(!open || may_be, "{} is open, and its stage is left", activity.name);
    }
}
