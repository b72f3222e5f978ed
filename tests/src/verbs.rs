//! The gateway's verbs as cases: what each needs before, and how it is asked.

use clap::ValueEnum;
use dealflow::api::{Api, new_id};
use dealflow_proto::gateway::v1::{
    AcceptQuoteRequest, ChangeOrderRequest, CompleteActivityRequest, DealProgress, DevelopDealRequest,
    FulfillDealRequest, LoseDealRequest, MoveToStageRequest, ProposeQuoteRequest, QualifyLeadRequest,
    StartProcessRequest, WinDealRequest,
};
use dealflow_proto::leads::v1::GetLeadRequest;
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::types::v1::Line;
use tonic::Status;

use crate::Sandbox;
use crate::deal::{developed, view};
use crate::faults::Trace;
use crate::snapshot::snapshot;

/// A verb of the gateway, and where the deal stands when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Verb {
    /// `QualifyLead`
    Qualify,
    /// `DevelopDeal`
    Develop,
    /// `StartProcess`
    StartProcess,
    /// `MoveToStage`
    MoveToStage,
    /// `CompleteActivity` of one among others
    CompletePlain,
    /// `CompleteActivity` of the last one of a stage
    CompleteAdvancing,
    /// `CompleteActivity` of the last one of the last stage, which wins the deal
    CompleteWinning,
    /// `CompleteActivity` with a result that loses the deal
    CompleteLosing,
    /// `ProposeQuote`
    Propose,
    /// `AcceptQuote` while the process has work before the win
    Accept,
    /// `AcceptQuote` that wins the deal
    AcceptAndWin,
    /// `WinDeal` of a deal with a presented quote
    WinWithQuote,
    /// `WinDeal` of a deal that was never quoted
    WinWithoutQuote,
    /// `LoseDeal` of a deal with a presented quote
    Lose,
    /// `FulfillDeal` of an ordered deal
    Fulfill,
    /// `ChangeOrder` of an order that the ERP has, or is about to
    Change,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Qualify,
        Self::Develop,
        Self::StartProcess,
        Self::MoveToStage,
        Self::CompletePlain,
        Self::CompleteAdvancing,
        Self::CompleteWinning,
        Self::CompleteLosing,
        Self::Propose,
        Self::Accept,
        Self::AcceptAndWin,
        Self::WinWithQuote,
        Self::WinWithoutQuote,
        Self::Lose,
        Self::Fulfill,
        Self::Change,
    ];

    /// The word for it in commands.
    pub fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Brings a new deal to where the verb can be asked.
    pub async fn prepare(self, sandbox: &Sandbox) -> Asked {
        let request_id = new_id();
        let opportunity = match self {
            Self::Qualify => {
                let lead = sandbox.lead().await.name;
                return Asked { verb: self, lead, record: String::new(), opportunity: String::new(), request_id };
            }
            Self::StartProcess => sandbox.deal_without_process().await,
            Self::AcceptAndWin => {
                let opportunity = sandbox.deal_without_process().await;
                sandbox.propose(&opportunity).await;
                opportunity
            }
            Self::WinWithQuote | Self::Accept | Self::Lose => {
                let opportunity = sandbox.qualified_deal().await;
                sandbox.develop(&opportunity).await;
                sandbox.propose(&opportunity).await;
                opportunity
            }
            Self::WinWithoutQuote | Self::Propose => {
                let opportunity = sandbox.qualified_deal().await;
                sandbox.develop(&opportunity).await;
                opportunity
            }
            Self::CompleteAdvancing | Self::CompleteWinning => {
                let opportunity = sandbox.qualified_deal().await;
                sandbox.develop(&opportunity).await;
                if self == Self::CompleteWinning {
                    sandbox.move_to(&opportunity, "stages/contracting").await;
                }
                let mut open = sandbox.to_do(&opportunity).await;
                open.pop();
                for activity in open {
                    sandbox.complete(&activity.name, "done").await.expect("all but the last are completed");
                }
                opportunity
            }
            Self::Change => {
                let opportunity = sandbox.deal_without_process().await;
                sandbox.propose(&opportunity).await;
                let record = sandbox.accept(&opportunity).await.order.expect("the acceptance makes an order").name;
                return Asked { verb: self, lead: String::new(), record, opportunity, request_id };
            }
            Self::Fulfill => {
                let opportunity = sandbox.deal_without_process().await;
                sandbox.propose(&opportunity).await;
                sandbox.accept(&opportunity).await;
                opportunity
            }
            Self::Develop | Self::MoveToStage | Self::CompletePlain | Self::CompleteLosing => {
                sandbox.qualified_deal().await
            }
        };
        let record = sandbox.to_do(&opportunity).await.first().map(|activity| activity.name.clone());
        Asked { verb: self, lead: String::new(), record: record.unwrap_or_default(), opportunity, request_id }
    }
}

/// A verb to be asked of one deal, again and again with the same request id.
#[derive(Debug, Clone)]
pub struct Asked {
    verb: Verb,
    lead: String,
    record: String,
    opportunity: String,
    /// The request id that it is asked with, which is its flow's id.
    pub request_id: String,
}

impl Asked {
    /// Asks.
    pub async fn ask(&self, api: &Api, trace: &Trace) -> Result<DealProgress, Status> {
        let (opportunity, request_id) = (self.opportunity.clone(), self.request_id.clone());
        let mut deals = api.deals.clone();
        macro_rules! ask {
            ($method:ident, $request:ident { $($field:ident: $value:expr),* $(,)? }) => {{
                let ask = $request { $($field: $value,)* request_id, ..$request::default() };
                deals.$method(trace.carry(api.ask(ask))).await
            }};
        }
        let answer = match self.verb {
            Verb::Qualify => ask!(qualify_lead, QualifyLeadRequest { lead: self.lead.clone() }),
            Verb::Develop => {
                let ask = DevelopDealRequest { request_id, ..developed(&opportunity) };
                deals.develop_deal(trace.carry(api.ask(ask))).await
            }
            Verb::StartProcess => {
                let process = "Corporate sale".to_owned();
                ask!(start_process, StartProcessRequest { opportunity: opportunity, process: process })
            }
            Verb::MoveToStage => {
                let stage = "stages/proposal".to_owned();
                ask!(move_to_stage, MoveToStageRequest { opportunity: opportunity, stage: stage })
            }
            Verb::CompletePlain | Verb::CompleteAdvancing | Verb::CompleteWinning => {
                let result = "done".to_owned();
                ask!(complete_activity, CompleteActivityRequest { activity: self.record.clone(), result: result })
            }
            Verb::CompleteLosing => {
                let result = "no_budget".to_owned();
                ask!(complete_activity, CompleteActivityRequest { activity: self.record.clone(), result: result })
            }
            Verb::Propose => ask!(propose_quote, ProposeQuoteRequest { opportunity: opportunity }),
            Verb::Accept | Verb::AcceptAndWin => ask!(accept_quote, AcceptQuoteRequest { opportunity: opportunity }),
            Verb::WinWithQuote | Verb::WinWithoutQuote => ask!(win_deal, WinDealRequest { opportunity: opportunity }),
            Verb::Lose => {
                let reason = LoseReason::NoBudget.into();
                ask!(lose_deal, LoseDealRequest { opportunity: opportunity, reason: reason })
            }
            Verb::Fulfill => ask!(fulfill_deal, FulfillDealRequest { opportunity: opportunity }),
            Verb::Change => {
                let lines = vec![Line { line_id: "1".to_owned(), ..developed(&opportunity).lines[0].clone() }];
                let (order, reason) = (self.record.clone(), "the other one is not wanted".to_owned());
                ask!(change_order, ChangeOrderRequest { order: order, lines: lines, reason: reason })
            }
        };
        answer.map(tonic::Response::into_inner)
    }

    /// How the deal stands, without what differs between two deals.
    pub async fn end_state(&self, api: &Api) -> String {
        let opportunity = match self.verb {
            Verb::Qualify => {
                let ask = GetLeadRequest { name: self.lead.clone() };
                let lead = api.leads.clone().get_lead(api.ask(ask)).await;
                lead.expect("the lead is there").into_inner().opportunity
            }
            _ => self.opportunity.clone(),
        };
        snapshot(&view(api, &opportunity).await)
    }
}

/// Panics where two end states differ, and says where.
///
/// # Panics
/// If they differ.
pub fn assert_same(want: &str, got: &str, case: &str) {
    if let Some(difference) = difference(want, got) {
        panic!("{case} ends otherwise than with none lost {difference}");
    }
}

/// Where two end states differ; nothing where they are the same.
pub fn difference(want: &str, got: &str) -> Option<String> {
    if want == got {
        return None;
    }
    let lines = want.lines().zip(got.lines()).enumerate();
    let differing: Vec<String> = lines
        .filter(|(_, (want, got))| want != got)
        .take(12)
        .map(|(line, (want, got))| format!("line {line}: `{}` became `{}`", want.trim(), got.trim()))
        .collect();
    let (long, longer) = (want.lines().count(), got.lines().count());
    Some(format!("({long} and {longer} lines):\n{}", differing.join("\n")))
}
