//! R-LED-4, R-FLW-1: a lead that is qualified many times at once, by callers that give up and over connections that are
//! cut, is qualified once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::gateway::v1::{DealProgress, QualifyLeadRequest};
use dealflow_proto::leads::v1::{ListAccountsRequest, ListContactsRequest};
use dealflow_proto::opportunities::v1::ListOpportunitiesRequest;
use dealflow_testbed::{Kind, TestDb, both, eventually};
use dealflow_tests::Sandbox;
use tonic::{Code, Status};

/// How long a request may be asked again while connections are cut.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is an answer that is no fault on the way.
async fn qualify(sandbox: &Sandbox, ask: &QualifyLeadRequest) -> Result<DealProgress, Status> {
    eventually("an answer", PATIENCE, || async {
        let answer = sandbox.api.deals.clone().qualify_lead(sandbox.api.ask(ask.clone())).await;
        match answer {
            Err(fault) if matches!(fault.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Internal) => None,
            answer => Some(answer.map(tonic::Response::into_inner)),
        }
    })
    .await
}

/// A caller whose connection breaks so soon after he asked: what he asked for goes on without him. Whether it broke before
/// the answer came.
async fn cut_off(sandbox: &Sandbox, ask: &QualifyLeadRequest, after: Duration) -> bool {
    let mut deals = sandbox.direct(PartName::Gateway).deals;
    let gone = deals.qualify_lead(sandbox.api.ask(ask.clone()));
    tokio::time::timeout(after, gone).await.is_err()
}

both! {
    /// R-LED-4, R-LED-3: sent 20 times at once, the half of them as the same request, each of them first over a connection
    /// that breaks, while every connection to the database (where there are any) is killed again and again: one contact, one
    /// opportunity, no second account.
    async fn a_lead_qualified_twenty_times_at_once_over_killed_connections_is_qualified_once(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (lead, other) = (sandbox.lead().await, sandbox.lead().await);
        let same = QualifyLeadRequest { lead: lead.name.clone(), request_id: new_id(), ..QualifyLeadRequest::default() };
        let asks: Vec<QualifyLeadRequest> = (0..20)
            .map(|n| if n % 2 == 0 { same.clone() } else { QualifyLeadRequest { request_id: new_id(), ..same.clone() } })
            .collect();
        let done = AtomicBool::new(false);
        let cutting = async {
            let (mut cuts, mut pause) = (0, Duration::from_millis(60));
            while !done.load(Ordering::Acquire) {
                db.cut_connections().await;
                cuts += 1;
                tokio::time::sleep(pause).await;
                // On a slow machine nothing would ever end between two cuts that come as fast.
                pause = (pause * 5 / 4).min(Duration::from_secs(3));
            }
            cuts
        };
        let answers = async {
            let each = asks.iter().zip(1..).map(async |(ask, n)| {
                let broke = cut_off(&sandbox, ask, Duration::from_millis(2 * n)).await;
                (broke, qualify(&sandbox, ask).await)
            });
            let answers = futures::future::join_all(each).await;
            done.store(true, Ordering::Release);
            answers
        };
        let (answers, cuts) = tokio::join!(answers, cutting);
        let (broken, answers): (Vec<bool>, Vec<_>) = answers.into_iter().unzip();
        let broken = broken.into_iter().filter(|broke| *broke).count();
        assert!(broken > 0, "every caller had his answer before his connection broke");
        sandbox.rest().await;

        let opportunities: Vec<_> = answers.iter().flatten().filter_map(|it| it.opportunity.as_ref()).collect();
        let refused = answers.iter().filter(|answer| answer.is_err()).count();
        let databases = if db.kind() == Kind::Sqlite { "none there".to_owned() } else { format!("cut {cuts} times") };
        println!(
            "{} qualified, {refused} told that it is; connections of callers cut: {broken}, to the database: {databases}",
            opportunities.len()
        );
        assert!(!opportunities.is_empty() && opportunities.iter().all(|it| it.name == opportunities[0].name));
        for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
        }
        let again = qualify(&sandbox, &same).await;
        assert!(again.is_err() || again.expect("qualified").opportunity.expect("told").name == opportunities[0].name);

        let api = &sandbox.api;
        let filter = format!("lead = \"{}\"", lead.name);
        let ask = ListOpportunitiesRequest { filter, ..ListOpportunitiesRequest::default() };
        let opened = api.opportunities.clone().list_opportunities(api.ask(ask)).await.expect("listed").into_inner();
        assert_eq!(opened.opportunities.len(), 1, "one opportunity");
        let filter = format!("display_name = \"{}\"", lead.company_name);
        let ask = ListAccountsRequest { filter, ..ListAccountsRequest::default() };
        let accounts = api.accounts.clone().list_accounts(api.ask(ask)).await.expect("listed").into_inner().accounts;
        assert_eq!(accounts.len(), 1, "no second account");
        let filter = format!("account = \"{}\"", accounts[0].name);
        let ask = ListContactsRequest { filter, ..ListContactsRequest::default() };
        let contacts = api.contacts.clone().list_contacts(api.ask(ask)).await.expect("listed").into_inner().contacts;
        assert_eq!((contacts.len(), contacts[0].family_name.as_str()), (1, lead.family_name.as_str()), "one contact");
        assert_eq!(sandbox.view(&opened.opportunities[0].name).await.stage_entries.len(), 1, "its process began once");
        assert!(!sandbox.qualify(&other.name).await.activities.is_empty(), "and others are qualified as before");
        sandbox.finish().await;
    }
}
