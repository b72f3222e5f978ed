//! Our books against the ERP's: control totals by type and currency, and every hand-over against its document.

use std::collections::{BTreeMap, BTreeSet};

use dealflow_proto::convert;
use dealflow_proto::erp::v1::{ErpDocument, Handoff, ListDocumentsRequest, ListHandoffsRequest, handoff};
use dealflow_proto::gateway::v1::ListFlowsRequest;
use dealflow_proto::google::type_::Money;
use dealflow_proto::orders::v1::{ListInvoicesRequest, ListOrdersRequest, invoice, order};
use dealflow_proto::types::v1::Totals;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tonic::Status;

use super::play::Play;
use super::tale::{Tale, eventually};
use crate::api::{Api, all_pages};
use crate::show::{self, places, word};

/// Both sides' control totals, by type and currency, and what each side has.
pub(super) struct Ledger {
    rows: BTreeMap<(&'static str, String), Row>,
    handoffs: Vec<Handoff>,
    documents: Vec<ErpDocument>,
}

#[derive(Default)]
struct Row {
    ours: Control,
    erp: Control,
}

/// Control totals of one side.
#[derive(Default, PartialEq, Eq)]
struct Control {
    count: usize,
    net: Decimal,
    vat: Decimal,
    gross: Decimal,
}

impl Ledger {
    /// Reads both sides whole.
    pub(super) async fn read(api: &Api) -> anyhow::Result<Self> {
        let mut rows: BTreeMap<(&'static str, String), Row> = BTreeMap::new();
        for (kind, currency, totals) in ours(api).await? {
            let ours = &mut rows.entry((kind, currency)).or_default().ours;
            ours.add(&[&totals.total_without_vat, &totals.total_vat, &totals.total_with_vat])?;
        }
        let documents = erp_documents(api).await?;
        for document in &documents {
            let key = (word(document.r#type().as_str_name(), "DOCUMENT_TYPE_"), document.currency_code.clone());
            let erp = &mut rows.entry(key).or_default().erp;
            erp.add(&[&document.total_without_vat, &document.total_vat, &document.total_with_vat])?;
        }
        Ok(Self { rows, handoffs: handoffs(api).await?, documents })
    }

    /// Checks every control total, and every hand-over against its document.
    pub(super) fn check(&self, tale: &mut Tale) {
        for ((kind, currency), row) in &self.rows {
            let (ours, erp) = (&row.ours, &row.erp);
            let what = |of: &str| format!("{kind} {currency}, {of}: the ERP's books against ours");
            tale.check(what("count"), ours.count, erp.count);
            tale.check(what("net"), places(ours.net), places(erp.net));
            tale.check(what("VAT"), places(ours.vat), places(erp.vat));
            tale.check(what("gross"), places(ours.gross), places(erp.gross));
        }
        tale.check("types and currencies with documents", 2, self.rows.len());
        let (missing, unknown) = self.differences();
        tale.check("hand-overs that the ERP does not have", "{}", format!("{missing:?}"));
        tale.check("documents of the ERP that we did not hand over", "{}", format!("{unknown:?}"));
        for handoff in &self.handoffs {
            let state = word(handoff.state().as_str_name(), "STATE_");
            tale.check(format!("{} is handed over", handoff.external_id), "DELIVERED", state);
            let standing = self.documents.iter().find(|it| it.external_id == handoff.external_id);
            let (number, hash) = standing.map_or(("", ""), |it| (&it.erp_number, &it.document_sha256));
            tale.check(format!("{}, the ERP's number", handoff.external_id), &handoff.erp_number, number);
            tale.check(format!("{}, the bytes' SHA-256", handoff.external_id), &handoff.document_sha256, hash);
        }
        tale.say(format!("{} documents handed over, {} in the ERP.", self.handoffs.len(), self.documents.len()));
    }

    /// External ids that only one side has: ours, theirs.
    fn differences(&self) -> (BTreeSet<&str>, BTreeSet<&str>) {
        let ours: BTreeSet<&str> = self.handoffs.iter().map(|it| it.external_id.as_str()).collect();
        let theirs: BTreeSet<&str> = self.documents.iter().map(|it| it.external_id.as_str()).collect();
        (&ours - &theirs, &theirs - &ours)
    }

    /// For people.
    pub(super) fn to_table(&self) -> comfy_table::Table {
        let mut table = show::numbers(&["type", "currency", "side", "count", "net", "VAT", "gross"], 3);
        for ((kind, currency), row) in &self.rows {
            for (side, control) in [("ours", &row.ours), ("ERP", &row.erp)] {
                let [net, vat, gross] =
                    [control.net, control.vat, control.gross].map(|amount| show::grouped(&places(amount)));
                table.add_row([kind, currency.as_str(), side, &control.count.to_string(), &net, &vat, &gross]);
            }
        }
        table
    }

    /// For machines.
    pub(super) fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|((kind, currency), row)| {
            json!({
                "type": kind,
                "currency": currency,
                "ours": row.ours.to_json(currency),
                "erp": row.erp.to_json(currency),
                "equal": row.ours == row.erp,
            })
        });
        let (missing, unknown) = self.differences();
        let delivered = self.handoffs.iter().filter(|it| it.state() == handoff::State::Delivered).count();
        json!({
            "control_totals": rows.collect::<Vec<_>>(),
            "handoffs": self.handoffs.len(),
            "delivered": delivered,
            "erp_documents": show::json::list(&self.documents, show::json::erp_document),
            "missing_in_erp": missing,
            "unknown_in_erp": unknown,
        })
    }
}

impl Control {
    fn add(&mut self, amounts: &[&Option<Money>; 3]) -> anyhow::Result<()> {
        let value = |amount: &Option<Money>| convert::decimal_of(&amount.clone().unwrap_or_default());
        self.count += 1;
        self.net += value(amounts[0])?;
        self.vat += value(amounts[1])?;
        self.gross += value(amounts[2])?;
        Ok(())
    }

    fn to_json(&self, currency: &str) -> Value {
        let money = |amount: Decimal| json!({ "amount": places(amount), "currency": currency });
        json!({ "count": self.count, "net": money(self.net), "vat": money(self.vat), "gross": money(self.gross) })
    }
}

/// Our side: the orders that left the house, and the posted invoices.
async fn ours(api: &Api) -> anyhow::Result<Vec<(&'static str, String, Totals)>> {
    let orders = all_pages(|page_token| async move {
        let ask = ListOrdersRequest { page_size: 1000, page_token, ..ListOrdersRequest::default() };
        let page = api.orders.clone().list_orders(api.ask(ask)).await?.into_inner();
        Ok((page.orders, page.next_page_token))
    });
    let invoices = all_pages(|page_token| async move {
        let ask = ListInvoicesRequest { page_size: 1000, page_token, ..ListInvoicesRequest::default() };
        let page = api.invoices.clone().list_invoices(api.ask(ask)).await?.into_inner();
        Ok((page.invoices, page.next_page_token))
    });
    let left = |state: order::State| {
        matches!(state, order::State::Submitted | order::State::InFulfillment | order::State::Fulfilled)
    };
    let mut ours = Vec::new();
    for order in orders.await?.into_iter().filter(|order| left(order.state())) {
        ours.push(("ORDER", order.currency_code, order.totals.unwrap_or_default()));
    }
    for invoice in invoices.await?.into_iter().filter(|invoice| invoice.state() == invoice::State::Posted) {
        ours.push(("INVOICE", invoice.currency_code, invoice.totals.unwrap_or_default()));
    }
    Ok(ours)
}

/// Everything in the ERP's books.
pub(super) async fn erp_documents(api: &Api) -> Result<Vec<ErpDocument>, Status> {
    all_pages(|page_token| async move {
        let ask = ListDocumentsRequest { page_size: 1000, page_token, ..ListDocumentsRequest::default() };
        let page = api.erp.clone().list_documents(api.ask(ask)).await?.into_inner();
        Ok((page.documents, page.next_page_token))
    })
    .await
}

async fn handoffs(api: &Api) -> Result<Vec<Handoff>, Status> {
    all_pages(|page_token| async move {
        let ask = ListHandoffsRequest { page_size: 1000, page_token, ..ListHandoffsRequest::default() };
        let page = api.handoffs.clone().list_handoffs(api.ask(ask)).await?.into_inner();
        Ok((page.handoffs, page.next_page_token))
    })
    .await
}

/// Every flow has ended completely: none runs, none is parked.
pub(super) async fn no_flow_is_left(play: &mut Play<'_>) -> anyhow::Result<()> {
    let left = eventually("the end of all flows", async || {
        let ask = ListFlowsRequest {
            page_size: 1000,
            filter: "state = \"RUNNING\" OR state = \"PARKED\"".to_owned(),
            ..ListFlowsRequest::default()
        };
        let flows = play.api.flows.clone().list_flows(play.api.ask(ask)).await?.into_inner().flows;
        let left = flows.iter().map(|flow| format!("{} {} {}", flow.verb, flow.state().as_str_name(), flow.reason));
        Ok(if flows.is_empty() { Ok(0) } else { Err(left.collect::<Vec<_>>().join(", ")) })
    })
    .await?;
    play.tale.check("flows that have not ended", 0, left);
    Ok(())
}
