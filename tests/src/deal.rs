//! A deal's way in one line per phase, through the gateway as any client goes it.

use dealflow::api::{Api, new_id};
use dealflow_proto::activities::v1::{Activity, activity};
use dealflow_proto::gateway::v1::{
    AcceptQuoteRequest, CompleteActivityRequest, Deal, DealProgress, DevelopDealRequest, FulfillDealRequest,
    GetDealRequest, MoveToStageRequest, ProposeQuoteRequest, QualifyLeadRequest,
};
use dealflow_proto::leads::v1::{CreateLeadRequest, Lead, lead};
use dealflow_proto::opportunities::v1::{CreateOpportunityRequest, Opportunity, opportunity};
use dealflow_proto::orders::v1::{CreateProductRequest, Product, Quote};
use dealflow_proto::types::v1::{Line, Vat, VatCategory};
use tonic::Status;

use crate::Sandbox;
use crate::values::{day, decimal, usd, worth_an_opportunity};

/// What was expected of a call that a script makes.
const GOES: &str = "a step of the script goes through";

impl Sandbox {
    /// A lead that can be qualified, of a company and a person that nobody knows yet.
    pub async fn lead(&self) -> Lead {
        let unique = self.unique();
        let lead = Lead {
            title: format!("Pumps for {unique}"),
            company_name: format!("{unique} Works"),
            given_name: "Ann".to_owned(),
            family_name: format!("Buyer {unique}"),
            email: format!("{}@example.com", unique.to_lowercase()),
            source: lead::Source::TradeShow.into(),
            channel: "fair".to_owned(),
            campaign: "Spring".to_owned(),
            bant: worth_an_opportunity(),
            notes: "wants pumps".to_owned(),
            ..Lead::default()
        };
        let ask = CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..CreateLeadRequest::default() };
        self.api.leads.clone().create_lead(self.api.ask(ask)).await.expect(GOES).into_inner()
    }

    /// Qualifies a lead; the corporate sale begins.
    pub async fn qualify(&self, lead: &str) -> DealProgress {
        let ask = QualifyLeadRequest { lead: lead.to_owned(), request_id: new_id(), ..QualifyLeadRequest::default() };
        self.api.deals.clone().qualify_lead(self.api.ask(ask)).await.expect(GOES).into_inner()
    }

    /// A deal in the first stage of the corporate sale: its opportunity.
    pub async fn qualified_deal(&self) -> String {
        let lead = self.lead().await;
        self.qualify(&lead.name).await.opportunity.expect("qualifying opens an opportunity").name
    }

    /// A deal that no process leads, with lines: its opportunity.
    pub async fn deal_without_process(&self) -> String {
        let lead = self.lead().await;
        let ask = QualifyLeadRequest {
            lead: lead.name,
            without_process: true,
            request_id: new_id(),
            ..QualifyLeadRequest::default()
        };
        let qualified = self.api.deals.clone().qualify_lead(self.api.ask(ask)).await.expect(GOES).into_inner();
        let opportunity = qualified.opportunity.expect("qualifying opens an opportunity").name;
        self.develop(&opportunity).await;
        opportunity
    }

    /// An opportunity that came from no lead, led by no process.
    pub async fn bare_opportunity(&self) -> Opportunity {
        let opportunity = Opportunity { title: self.unique(), ..Opportunity::default() };
        let ask = CreateOpportunityRequest {
            opportunity: Some(opportunity),
            request_id: new_id(),
            ..CreateOpportunityRequest::default()
        };
        self.api.opportunities.clone().create_opportunity(self.api.ask(ask)).await.expect(GOES).into_inner()
    }

    /// A product with 20 % VAT.
    pub async fn product(&self) -> Product {
        let code = self.unique();
        let product = Product {
            display_name: format!("Pump {code}"),
            code,
            list_price: usd(1200),
            vat: Some(Vat { category: VatCategory::Standard.into(), rate: decimal("20") }),
            ..Product::default()
        };
        let ask = CreateProductRequest { product: Some(product), request_id: new_id(), ..Default::default() };
        self.api.products.clone().create_product(self.api.ask(ask)).await.expect(GOES).into_inner()
    }

    /// Notes what the customer asks for: two lines, worth 3 330.00 without VAT.
    pub async fn develop(&self, opportunity: &str) -> DealProgress {
        let ask = developed(opportunity);
        self.api.deals.clone().develop_deal(self.api.ask(ask)).await.expect(GOES).into_inner()
    }

    /// Makes, activates and presents a quote of the opportunity's lines.
    pub async fn propose(&self, opportunity: &str) -> Quote {
        let ask = ProposeQuoteRequest {
            opportunity: opportunity.to_owned(),
            request_id: new_id(),
            ..ProposeQuoteRequest::default()
        };
        let proposed = self.api.deals.clone().propose_quote(self.api.ask(ask)).await.expect(GOES).into_inner();
        proposed.quote.expect("proposing makes a quote")
    }

    /// The customer takes the quote that was presented.
    pub async fn accept(&self, opportunity: &str) -> DealProgress {
        let ask = AcceptQuoteRequest {
            opportunity: opportunity.to_owned(),
            request_id: new_id(),
            ..AcceptQuoteRequest::default()
        };
        self.api.deals.clone().accept_quote(self.api.ask(ask)).await.expect(GOES).into_inner()
    }

    /// Delivers and bills what is open.
    pub async fn fulfill(&self, opportunity: &str) -> DealProgress {
        let ask = FulfillDealRequest {
            opportunity: opportunity.to_owned(),
            request_id: new_id(),
            ..FulfillDealRequest::default()
        };
        self.api.deals.clone().fulfill_deal(self.api.ask(ask)).await.expect(GOES).into_inner()
    }

    /// Enters another stage.
    pub async fn move_to(&self, opportunity: &str, stage: &str) -> DealProgress {
        let ask = MoveToStageRequest {
            opportunity: opportunity.to_owned(),
            stage: stage.to_owned(),
            request_id: new_id(),
            ..MoveToStageRequest::default()
        };
        self.api.deals.clone().move_to_stage(self.api.ask(ask)).await.expect(GOES).into_inner()
    }

    /// Completes one activity.
    pub async fn complete(&self, activity: &str, result: &str) -> Result<DealProgress, Status> {
        let ask = CompleteActivityRequest {
            activity: activity.to_owned(),
            result: result.to_owned(),
            actual_minutes: 15,
            request_id: new_id(),
            ..CompleteActivityRequest::default()
        };
        Ok(self.api.deals.clone().complete_activity(self.api.ask(ask)).await?.into_inner())
    }

    /// The activities of the process that are still to be done, in the order they were planned in.
    pub async fn to_do(&self, opportunity: &str) -> Vec<Activity> {
        let view = self.view(opportunity).await;
        let mut open = view.action_panel;
        open.retain(|activity| activity.origin() == activity::Origin::Process);
        let entry = view.opportunity.and_then(|opportunity| opportunity.stage_entry).unwrap_or_default();
        let place = |key: &str| entry.planned_activities.iter().position(|planned| planned.key == key);
        open.sort_by_key(|activity| place(&activity.planned_key));
        open
    }

    /// Completes all activities of the present stage with `done`; answers what the last one led to.
    pub async fn complete_stage(&self, opportunity: &str) -> DealProgress {
        let mut last = None;
        for activity in self.to_do(opportunity).await {
            last = Some(self.complete(&activity.name, "done").await.expect(GOES));
        }
        last.expect("the stage has activities")
    }

    /// Completes stages until the deal has entered this one.
    pub async fn complete_until(&self, opportunity: &str, stage: &str) {
        while self.view(opportunity).await.opportunity.expect("it is there").stage != stage {
            self.complete_stage(opportunity).await;
        }
    }

    /// A deal of the corporate sale, won by completing every activity of every stage: its opportunity.
    pub async fn deal_won_by_activities(&self) -> String {
        let opportunity = self.qualified_deal().await;
        self.develop(&opportunity).await;
        self.complete_until(&opportunity, "stages/proposal").await;
        self.propose(&opportunity).await;
        let won = loop {
            let done = self.complete_stage(&opportunity).await;
            let now = done.opportunity.expect("completing the last activity moves the opportunity");
            if now.state() != opportunity::State::Open {
                break now;
            }
        };
        assert_eq!(won.state(), opportunity::State::Won);
        opportunity
    }

    /// Everything about a deal.
    pub async fn view(&self, opportunity: &str) -> Deal {
        view(&self.api, opportunity).await
    }
}

/// Everything about a deal.
pub async fn view(api: &Api, opportunity: &str) -> Deal {
    let ask = GetDealRequest { opportunity: opportunity.to_owned(), ..Default::default() };
    api.deals.clone().get_deal(api.ask(ask)).await.expect(GOES).into_inner()
}

/// What [`Sandbox::develop`] asks.
pub fn developed(opportunity: &str) -> DevelopDealRequest {
    let line = |description: &str, quantity: &str, price| Line {
        description: description.to_owned(),
        quantity: decimal(quantity),
        unit_price: usd(price),
        vat: Some(Vat { category: VatCategory::Standard.into(), rate: decimal("20") }),
        ..Line::default()
    };
    DevelopDealRequest {
        opportunity: opportunity.to_owned(),
        lines: vec![line("Pump", "3", 1000), line("Fitting", "5.5", 60)],
        estimated_close_date: day(2099, 12, 31),
        tactics: "show the pump at work".to_owned(),
        competitor: "Rival".to_owned(),
        request_id: new_id(),
        ..DevelopDealRequest::default()
    }
}
