//! The five phases as they are called: each verb is answered by its flow.

use std::pin::Pin;

use dealflow_chassis::work::check;
use dealflow_proto::gateway::v1::deal_service_server::DealService;
use dealflow_proto::gateway::v1::{
    AcceptQuoteRequest, CancelOrderRequest, ChangeOrderRequest, CompleteActivityRequest, Deal, DealProgress,
    DevelopDealRequest, FulfillDealRequest, GetDealRequest, LoseDealRequest, MoveToStageRequest, ProposeQuoteRequest,
    QualifyLeadRequest, StartDealRequest, StartProcessRequest, WatchDealRequest, WatchDealResponse, WinDealRequest,
};
use dealflow_proto::orders::v1::{VoidCreditNoteRequest, VoidInvoiceRequest};
use futures::Stream;
use tonic::{Request, Response, Status};

use crate::deal_view::DealView;
use crate::flow::{Acts, Flows};
use crate::known::{Known, of_development, of_start};
use crate::seen::Seen;
use crate::voided::{self, Voiding};
use crate::watch::Watch;
use crate::{advance, cancel, change, close, develop, events, fulfill, propose, qualify};

/// What each verb does.
pub(crate) fn acts() -> Acts {
    Acts::default()
        .verb("QualifyLead", qualify::qualify_lead)
        .single_where("DevelopDeal", develop::develop_deal, develop::is_one_step)
        .verb("StartDeal", advance::start_deal)
        .verb("StartProcess", advance::start_process)
        .verb("MoveToStage", advance::move_to_stage)
        .verb("CompleteActivity", advance::complete_activity)
        .verb("ProposeQuote", propose::propose_quote)
        .verb("AcceptQuote", close::accept_quote)
        .verb("WinDeal", close::win_deal)
        .verb("LoseDeal", close::lose_deal)
        .verb("FulfillDeal", fulfill::fulfill_deal)
        .verb("CancelOrder", cancel::cancel_order)
        .verb("ChangeOrder", change::change_order)
        .verb(VoidInvoiceRequest::FLOW, voided::void::<VoidInvoiceRequest>)
        .verb(VoidCreditNoteRequest::FLOW, voided::void::<VoidCreditNoteRequest>)
        .event(events::FOLLOW_EVENT, events::follow_event)
}

/// The service.
#[derive(Clone)]
pub(crate) struct DealRpc {
    pub(crate) flows: Flows,
    pub(crate) view: DealView,
    pub(crate) watch: Watch,
    pub(crate) seen: Seen,
    pub(crate) known: Known,
}

macro_rules! verbs {
    ($($method:ident($request:ty) = $verb:literal on $subject:ident $(naming $named:ident)?;)*) => {
        #[tonic::async_trait]
        impl DealService for DealRpc {
            $(async fn $method(&self, request: Request<$request>) -> Result<Response<DealProgress>, Status> {
                self.seen.check(&request, &request.get_ref().$subject).await?;
                $(self.known.check(&request, $named(request.get_ref())).await?;)?
                self.flows.answer($verb, request, |ask| &ask.$subject).await
            })*

            async fn get_deal(&self, request: Request<GetDealRequest>) -> Result<Response<Deal>, Status> {
                check(request.get_ref())?;
                self.view.read(request).await.map(Response::new)
            }

            type WatchDealStream = Pin<Box<dyn Stream<Item = Result<WatchDealResponse, Status>> + Send>>;

            async fn watch_deal(
                &self,
                request: Request<WatchDealRequest>,
            ) -> Result<Response<Self::WatchDealStream>, Status> {
                check(request.get_ref())?;
                self.watch.open(request).await.map(Response::new)
            }
        }
    };
}

verbs! {
    qualify_lead(QualifyLeadRequest) = "QualifyLead" on lead;
    develop_deal(DevelopDealRequest) = "DevelopDeal" on opportunity naming of_development;
    start_deal(StartDealRequest) = "StartDeal" on process naming of_start;
    start_process(StartProcessRequest) = "StartProcess" on opportunity;
    move_to_stage(MoveToStageRequest) = "MoveToStage" on opportunity;
    complete_activity(CompleteActivityRequest) = "CompleteActivity" on activity;
    propose_quote(ProposeQuoteRequest) = "ProposeQuote" on opportunity;
    accept_quote(AcceptQuoteRequest) = "AcceptQuote" on opportunity;
    win_deal(WinDealRequest) = "WinDeal" on opportunity;
    lose_deal(LoseDealRequest) = "LoseDeal" on opportunity;
    fulfill_deal(FulfillDealRequest) = "FulfillDeal" on opportunity;
    cancel_order(CancelOrderRequest) = "CancelOrder" on order;
    change_order(ChangeOrderRequest) = "ChangeOrder" on order;
}
