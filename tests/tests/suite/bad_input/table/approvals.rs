//! Rows of approvals and their policies.

use dealflow::api::new_id;
use dealflow_proto::names;
use dealflow_proto::orders::v1::approval_service_client::ApprovalServiceClient;
use dealflow_proto::orders::v1::*;
use dealflow_proto::types::v1::{Line, Vat, VatCategory};
use dealflow_tests::Sandbox;
use dealflow_tests::values::{decimal, usd};
use prost::Message;
use uuid::Uuid;

use super::{Again, Row, TERMINAL};

/// So dear that no other row's quote is asked about.
const DEAR: i64 = 900_000_000_000;

pub(super) async fn approvals(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let mut approvals = ApprovalServiceClient::new(sandbox.link.clone());
    let somebody = names::EMPLOYEES.name(Uuid::now_v7());
    let step = PolicyStep { kind: ApproverKind::User.into(), user: somebody, ..PolicyStep::default() };
    let policy = ApprovalPolicy {
        display_name: "Dear offers".to_owned(),
        subject: ApprovalSubject::Quote.into(),
        min_amount: usd(DEAR),
        steps: vec![step],
        ..ApprovalPolicy::default()
    };
    if method == "ApprovalService/CreateApprovalPolicy" {
        return row!(Again::Fine, CreateApprovalPolicyRequest { approval_policy: Some(policy) });
    }
    let ask = CreateApprovalPolicyRequest { approval_policy: Some(policy), request_id: new_id(), ..Default::default() };
    let name = approvals.create_approval_policy(ask).await.ok()?.into_inner().name;
    if method == "ApprovalService/UpdateApprovalPolicy" {
        let changed = ApprovalPolicy { name, rank: 7, ..ApprovalPolicy::default() };
        return row!(Again::Fine, UpdateApprovalPolicyRequest { approval_policy: Some(changed) });
    }
    let dear = Quote {
        opportunity: sandbox.bare_opportunity().await.name,
        currency_code: "USD".to_owned(),
        lines: vec![Line {
            description: "Rocket".to_owned(),
            quantity: decimal("1"),
            unit_price: usd(DEAR),
            vat: Some(Vat { category: VatCategory::Standard.into(), rate: decimal("20") }),
            ..Line::default()
        }],
        ..Quote::default()
    };
    let mut quotes = sandbox.quotes();
    let ask = CreateQuoteRequest { quote: Some(dear), request_id: new_id(), ..Default::default() };
    let name = quotes.create_quote(ask).await.ok()?.into_inner().name;
    let ask = RequestQuoteApprovalRequest { name, request_id: new_id(), ..Default::default() };
    let name = quotes.request_quote_approval(ask).await.ok()?.into_inner().approval;
    // Whoever asked decides nothing.
    let own = Again::RefusedAtOnce("PERMISSION_DENIED");
    match method {
        "ApprovalService/Approve" => row!(own, ApproveRequest { name: name }),
        "ApprovalService/Reject" => row!(own, RejectRequest { name: name, comment: "too dear".to_owned() }),
        "ApprovalService/ForwardApproval" => {
            let approver = super::sales::employee(sandbox).await?;
            row!(own, ForwardApprovalRequest { name: name, approver: approver })
        }
        "ApprovalService/WithdrawApproval" => row!(TERMINAL, WithdrawApprovalRequest { name: name }),
        _ => None,
    }
}
