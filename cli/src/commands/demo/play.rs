//! The steps that all deals of the demo have in common: each one call of the API, told in a line.

use anyhow::Context as _;
use chrono::{Days, Utc};
use dealflow_proto::activities::v1::{Activity, CreateEmployeeRequest, Employee, activity};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::handoff;
use dealflow_proto::gateway::v1::{
    CompleteActivityRequest, Deal, DealProgress, DevelopDealRequest, FulfillDealRequest, GetDealRequest,
    MoveToStageRequest, ProposeQuoteRequest, QualifyLeadRequest,
};
use dealflow_proto::google::type_::{Decimal as WireDecimal, Money};
use dealflow_proto::leads::v1::{CreateLeadRequest, Lead, lead};
use dealflow_proto::orders::v1::{CreateProductRequest, Product, Quote};
use dealflow_proto::types::v1::{Bant, BudgetStatus, Line, Need, PurchaseProcess, Timeframe, Vat, VatCategory};
use serde_json::{Value, json};

use super::super::deal::View;
use super::tale::{Tale, eventually};
use crate::api::{Api, new_id};
use crate::show::{self, json as data, word};

/// The stage with everything on it: who asks, who sells, what is sold.
pub(super) struct Play<'a> {
    pub(super) api: Api,
    pub(super) tale: &'a mut Tale,
    pub(super) owner: String,
    products: [Product; 2],
}

/// Who comes in, and what for.
pub(super) struct Visitor {
    pub(super) title: &'static str,
    pub(super) company: &'static str,
    pub(super) given_name: &'static str,
    pub(super) family_name: &'static str,
    pub(super) source: lead::Source,
}

impl<'a> Play<'a> {
    /// Two people and two products.
    pub(super) async fn set_up(api: &Api, tale: &'a mut Tale) -> anyhow::Result<Self> {
        tale.chapter("Before the curtain");
        let manager = employee(api, "Dana Reyes", "").await?;
        let owner = employee(api, "Sam Ortiz", &manager).await?;
        let analyzer = product(api, "AN-200", "Analyzer", 1250, 0, "20").await?;
        let handbook = product(api, "HB-7", "Handbook", 33, 330_000_000, "7").await?;
        tale.say("Sam Ortiz sells, Dana Reyes leads the team.");
        tale.say("On sale: the Analyzer at 1,250.00 USD (20 % VAT), the Handbook at 33.33 USD (7 % VAT).");
        Ok(Self { api: api.asked_by(&owner), tale, owner, products: [analyzer, handbook] })
    }

    /// Captures and qualifies a lead; answers the opportunity.
    pub(super) async fn open(&mut self, visitor: &Visitor) -> anyhow::Result<String> {
        let lead = Lead {
            title: visitor.title.to_owned(),
            company_name: visitor.company.to_owned(),
            given_name: visitor.given_name.to_owned(),
            family_name: visitor.family_name.to_owned(),
            source: visitor.source.into(),
            owner: self.owner.clone(),
            bant: Some(bant()),
            ..Lead::default()
        };
        let ask = CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..CreateLeadRequest::default() };
        let lead = self.api.leads.clone().create_lead(self.api.ask(ask)).await?.into_inner();
        let source = word(lead.source().as_str_name(), "SOURCE_");
        self.tale.say(format!("A lead: {} of {} ({source}).", visitor.family_name, visitor.company));

        let ask = QualifyLeadRequest { lead: lead.name, request_id: new_id(), ..QualifyLeadRequest::default() };
        let progress = self.api.deals.clone().qualify_lead(self.api.ask(ask)).await?.into_inner();
        let made = progress.activities.len();
        let opportunity = progress.opportunity.context("QualifyLead answered no opportunity")?;
        let stage = &opportunity.stage;
        self.tale.say(format!("Qualified: account, contact and opportunity stand, {made} activities wait in {stage}."));
        Ok(opportunity.name)
    }

    /// What the customer wants: two analyzers and three handbooks, or as many as are said.
    pub(super) async fn develop(&mut self, opportunity: &str, quantities: [i64; 2]) -> anyhow::Result<()> {
        let lines = self.products.iter().zip(quantities).filter(|(_, quantity)| *quantity > 0);
        let lines: Vec<Line> = lines.map(|(product, quantity)| line(product, quantity)).collect();
        let in_a_month = Utc::now().date_naive() + Days::new(30);
        let ask = DevelopDealRequest {
            opportunity: opportunity.to_owned(),
            lines,
            estimated_close_date: Some(convert::date(in_a_month)),
            tactics: "Show the Analyzer on the customer's own samples.".to_owned(),
            request_id: new_id(),
            ..DevelopDealRequest::default()
        };
        let progress = self.api.deals.clone().develop_deal(self.api.ask(ask)).await?.into_inner();
        let value = progress.opportunity.and_then(|opportunity| opportunity.estimated_value);
        self.tale.say(format!("Developed: the customer's need in lines, estimated {}.", show::money(value.as_ref())));
        Ok(())
    }

    /// A quote of the opportunity's lines, made, activated and presented.
    pub(super) async fn propose(&mut self, opportunity: &str, discount_percent: &str) -> anyhow::Result<Quote> {
        let discount = (discount_percent != "0").then(|| WireDecimal { value: discount_percent.to_owned() });
        let ask = ProposeQuoteRequest {
            opportunity: opportunity.to_owned(),
            discount_percent: discount,
            terms: "30 days net".to_owned(),
            payment_days: 30,
            request_id: new_id(),
            ..ProposeQuoteRequest::default()
        };
        let progress = self.api.deals.clone().propose_quote(self.api.ask(ask)).await?.into_inner();
        let quote = progress.quote.context("ProposeQuote answered no quote")?;
        let totals = quote.totals.clone().unwrap_or_default();
        let [net, vat, gross] = [&totals.total_without_vat, &totals.total_vat, &totals.total_with_vat]
            .map(|amount| show::money(amount.as_ref()));
        let off = if discount_percent == "0" { String::new() } else { format!(", {discount_percent} % off") };
        self.tale.say(format!("Quote {} presented{off}: {net} + VAT {vat} = {gross}.", quote.number));
        Ok(quote)
    }

    /// Moves a deal to another stage.
    pub(super) async fn move_to(&mut self, opportunity: &str, stage: &str, reason: &str) -> anyhow::Result<()> {
        let ask = MoveToStageRequest {
            opportunity: opportunity.to_owned(),
            stage: stage.to_owned(),
            reason: reason.to_owned(),
            request_id: new_id(),
            ..MoveToStageRequest::default()
        };
        self.api.deals.clone().move_to_stage(self.api.ask(ask)).await?;
        self.tale.say(format!("Moved to {stage}: {reason}."));
        Ok(())
    }

    /// Completes an activity with the result `done`.
    pub(super) async fn complete(&mut self, activity: &Activity) -> anyhow::Result<DealProgress> {
        let ask = CompleteActivityRequest {
            activity: activity.name.clone(),
            etag: activity.etag.clone(),
            result: "done".to_owned(),
            actual_minutes: 30,
            request_id: new_id(),
            ..CompleteActivityRequest::default()
        };
        let progress = self.api.deals.clone().complete_activity(self.api.ask(ask)).await?.into_inner();
        self.tale.say(format!("Done: {}.", activity.subject));
        Ok(progress)
    }

    /// Delivers and bills the order; waits until order and invoice are in the ERP.
    pub(super) async fn fulfill(&mut self, opportunity: &str) -> anyhow::Result<()> {
        let ask = FulfillDealRequest {
            opportunity: opportunity.to_owned(),
            request_id: new_id(),
            ..FulfillDealRequest::default()
        };
        let progress = self.api.deals.clone().fulfill_deal(self.api.ask(ask)).await?.into_inner();
        let invoice = progress.invoice.context("FulfillDeal answered no invoice")?;
        let payable = invoice.totals.as_ref().and_then(|totals| totals.payable.as_ref());
        self.tale.say(format!("Delivered; invoice {} posted over {}.", invoice.number, show::money(payable)));
        self.delivered(opportunity, 2).await
    }

    /// Waits until so many hand-overs of a deal stand, all delivered.
    pub(super) async fn delivered(&mut self, opportunity: &str, count: usize) -> anyhow::Result<()> {
        let deal = eventually(&format!("{count} delivered hand-overs"), async || {
            let deal = self.deal(opportunity).await?;
            let done = |it: &&dealflow_proto::erp::v1::Handoff| it.state() == handoff::State::Delivered;
            if deal.handoffs.len() == count && deal.handoffs.iter().filter(done).count() == count {
                return Ok(Ok(deal));
            }
            let states = deal.handoffs.iter().map(|it| format!("{} {}", it.external_id, it.state().as_str_name()));
            Ok(Err(format!("{:?}", states.collect::<Vec<_>>())))
        })
        .await?;
        for handoff in &deal.handoffs {
            self.tale.say(format!("In the ERP: {} as {}.", handoff.external_id, handoff.erp_number));
        }
        Ok(())
    }

    /// The deal as it is now.
    pub(super) async fn deal(&self, opportunity: &str) -> anyhow::Result<Deal> {
        let ask = GetDealRequest { opportunity: opportunity.to_owned(), ..Default::default() };
        Ok(self.api.deals.clone().get_deal(self.api.ask(ask)).await?.into_inner())
    }

    /// The deal as people see it.
    pub(super) async fn view(&self, opportunity: &str) -> anyhow::Result<View> {
        View::read(&self.api, opportunity).await
    }

    /// A deal in short, for machines.
    pub(super) async fn summary(&self, opportunity: &str, way: &str) -> anyhow::Result<Value> {
        let deal = self.deal(opportunity).await?;
        let canceled = |it: &&Activity| it.cancel_reason() == activity::CancelReason::StageLeft;
        Ok(json!({
            "way": way,
            "opportunity": deal.opportunity.as_ref().map(data::opportunity),
            "stages_entered": data::list(&deal.stage_entries, |entry| entry.stage.clone().into()),
            "activities_canceled_stage_left": deal.past_activities.iter().filter(canceled).count(),
            "quotes": data::list(&deal.quotes, data::quote),
            "orders": data::list(&deal.orders, data::order),
            "invoices": data::list(&deal.invoices, data::invoice),
            "handoffs": data::list(&deal.handoffs, data::handoff),
        }))
    }
}

fn bant() -> Bant {
    Bant {
        budget_status: BudgetStatus::CanBuy.into(),
        purchase_process: PurchaseProcess::Individual.into(),
        need: Need::MustHave.into(),
        need_text: "Samples wait for two days in the outside laboratory.".to_owned(),
        timeframe: Timeframe::ThisQuarter.into(),
        ..Bant::default()
    }
}

fn line(product: &Product, quantity: i64) -> Line {
    Line {
        product: product.name.clone(),
        description: product.display_name.clone(),
        quantity: Some(WireDecimal { value: quantity.to_string() }),
        unit_price: product.list_price.clone(),
        vat: product.vat.clone(),
        ..Line::default()
    }
}

async fn employee(api: &Api, display_name: &str, manager: &str) -> anyhow::Result<String> {
    let employee =
        Employee { display_name: display_name.to_owned(), manager: manager.to_owned(), ..Employee::default() };
    let ask =
        CreateEmployeeRequest { employee: Some(employee), request_id: new_id(), ..CreateEmployeeRequest::default() };
    Ok(api.employees.clone().create_employee(api.ask(ask)).await?.into_inner().name)
}

async fn product(api: &Api, code: &str, name: &str, units: i64, nanos: i32, rate: &str) -> anyhow::Result<Product> {
    let product = Product {
        code: code.to_owned(),
        display_name: name.to_owned(),
        list_price: Some(Money { currency_code: "USD".to_owned(), units, nanos }),
        vat: Some(Vat { category: VatCategory::Standard.into(), rate: Some(WireDecimal { value: rate.to_owned() }) }),
        ..Product::default()
    };
    let ask = CreateProductRequest { product: Some(product), request_id: new_id(), ..CreateProductRequest::default() };
    Ok(api.products.clone().create_product(api.ask(ask)).await?.into_inner())
}
