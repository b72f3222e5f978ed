//! What people do at a deal, and what follows from it in the other services: time, rest, waiting, words, documents.

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::activities::v1::notification::Kind;
use dealflow_proto::activities::v1::{
    Activity, AllowedResult, Category, CompleteActivityRequest, CreateActivityRequest, CreateCategoryRequest,
    CreateEmployeeRequest, Employee, ListNotificationsRequest, activity,
};
use dealflow_proto::convert::timestamp;
use dealflow_proto::gateway::v1::{StartDealRequest, WinDealRequest};
use dealflow_proto::google::type_::Money;
use dealflow_proto::leads::v1::GetAccountRequest;
use dealflow_proto::opportunities::v1::{
    HoldOpportunityRequest, ImportProcessRequest, ListRefusedAttemptsRequest, LoseOpportunityRequest, Opportunity,
    ResumeOpportunityRequest, opportunity,
};
use dealflow_proto::settings::v1::{SettingValue, UpdateSettingRequest};
use dealflow_testbed::{TestDb, both, eventually, refusal};
use dealflow_tests::Sandbox;
use tonic::Code;

use crate::directly::{SOON, until};
use crate::ordered::{cancel_directly, order_directly};

/// What was expected of a call that a script makes.
const GOES: &str = "a step of the script goes through";

/// A process whose activities point at what helps, ask for words, and can be put off.
const HELPED: &str = include_str!("../../../docs/examples/short-sale.yaml");

async fn hire(sandbox: &Sandbox) -> String {
    let employee = Some(Employee { display_name: sandbox.unique(), ..Employee::default() });
    let ask = CreateEmployeeRequest { employee, request_id: new_id(), ..Default::default() };
    sandbox.api.employees.clone().create_employee(sandbox.api.ask(ask)).await.expect(GOES).into_inner().name
}

/// A result that an activity of a category may have.
fn result(code: &str) -> AllowedResult {
    AllowedResult { code: code.to_owned(), ..Default::default() }
}

async fn make(sandbox: &Sandbox, activity: Activity) -> Activity {
    let ask = CreateActivityRequest { activity: Some(activity), request_id: new_id(), ..Default::default() };
    sandbox.api.activities.clone().create_activity(sandbox.api.ask(ask)).await.expect(GOES).into_inner()
}

async fn opened(sandbox: &Sandbox, process: &str, known: Opportunity) -> Opportunity {
    let ask = StartDealRequest {
        process: process.to_owned(),
        opportunity: Some(Opportunity { title: sandbox.unique(), ..known }),
        request_id: new_id(),
        ..StartDealRequest::default()
    };
    let done = sandbox.api.deals.clone().start_deal(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
    done.opportunity.expect("it is opened")
}

/// What an employee was reminded of.
async fn reminded(sandbox: &Sandbox, who: &str) -> Vec<String> {
    let ask = ListNotificationsRequest { recipient: who.to_owned(), page_size: 1000, ..Default::default() };
    let page = sandbox.api.notifications.clone().list_notifications(sandbox.api.ask(ask)).await.expect(GOES);
    let told = page.into_inner().notifications.into_iter().filter(|it| it.kind() == Kind::Reminder);
    told.map(|it| it.title).collect()
}

async fn import(sandbox: &Sandbox, yaml: String) {
    let ask = ImportProcessRequest { yaml, request_id: new_id(), ..ImportProcessRequest::default() };
    sandbox.api.processes.clone().import_process(sandbox.api.ask(ask)).await.expect(GOES);
}

both! {
    /// R-ACT-4, states.md "Hold and resume": while a deal is on hold nobody is reminded of it; resumed, what became due
    /// meanwhile is told; closed, what people made for it by hand is told too. By the gateway's feed.
    async fn on_hold_nobody_is_reminded_of_a_deal_until_it_goes_on_or_ends(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let anna = hire(&sandbox).await;
        let mut deals = Vec::new();
        for _ in 0..3 {
            deals.push(sandbox.bare_opportunity().await.name);
        }
        let [resumed, lost, free] = deals.try_into().expect("three");
        for name in [&resumed, &lost] {
            let ask = HoldOpportunityRequest {
                name: name.clone(),
                reason: "until their budget is clear".to_owned(),
                request_id: new_id(),
                ..Default::default()
            };
            sandbox.api.opportunities.clone().hold_opportunity(sandbox.api.ask(ask)).await.expect("on hold");
        }
        sandbox.rest().await;
        let soon = Some(timestamp(chrono::Utc::now() + chrono::TimeDelta::seconds(1)));
        for (deal, subject) in [(&resumed, "resumed"), (&lost, "lost"), (&free, "free")] {
            let due = Activity {
                subject: subject.to_owned(),
                regarding: deal.clone(),
                performer: anna.clone(),
                due_time: soon,
                reminder_minutes: Some(0),
                ..Activity::default()
            };
            make(&sandbox, due).await;
        }
        let told = |count: usize| {
            let (sandbox, anna) = (&sandbox, &anna);
            eventually("somebody is reminded", SOON, move || async move {
                let told = reminded(sandbox, anna).await;
                (told.len() == count).then_some(told)
            })
        };
        assert!(told(1).await[0].contains("free"));
        let ask = ResumeOpportunityRequest { name: resumed, request_id: new_id(), ..Default::default() };
        sandbox.api.opportunities.clone().resume_opportunity(sandbox.api.ask(ask)).await.expect("it goes on");
        assert!(told(2).await.iter().any(|title| title.contains("resumed")));
        let ask = LoseOpportunityRequest {
            name: lost,
            reason: opportunity::LoseReason::NoDecision.into(),
            request_id: new_id(),
            ..Default::default()
        };
        sandbox.api.opportunities.clone().lose_opportunity(sandbox.api.ask(ask)).await.expect("lost");
        assert!(told(3).await.iter().any(|title| title.contains("lost")), "a deal of nobody's that was closed rests no more");
        sandbox.stop().await;
    }

    /// R-OPP-2: the hours of a deal are the sum over its activities: the process's, and those that people made by hand,
    /// completed at the gateway or in their service; each once.
    async fn the_hours_of_a_won_deal_are_the_sum_over_all_its_activities(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = opened(&sandbox, "Corporate sale", Opportunity::default()).await.name;
        let mut by_hand = Vec::new();
        for subject in ["a letter", "a visit", "somewhere else"] {
            let regarding = if subject == "somewhere else" { String::new() } else { deal.clone() };
            by_hand.push(make(&sandbox, Activity { subject: subject.to_owned(), regarding, ..Activity::default() }).await);
        }
        let process = sandbox.to_do(&deal).await.remove(0);
        sandbox.complete(&process.name, "done").await.expect("completed");
        let done = sandbox.complete(&by_hand[0].name, "").await.expect("completed");
        assert_eq!(done.opportunity.expect("its time was recorded").spent_minutes, 15 + 15);
        let direct = sandbox.direct(PartName::Activities);
        for activity in &by_hand[1..] {
            let ask = CompleteActivityRequest {
                name: activity.name.clone(),
                actual_minutes: 70,
                request_id: new_id(),
                ..CompleteActivityRequest::default()
            };
            for _ in 0..2 {
                direct.activities.clone().complete_activity(direct.ask(ask.clone())).await.expect("completed");
            }
        }
        until(&sandbox, &deal, "the visit counts", |view| {
            view.opportunity.as_ref().is_some_and(|deal| deal.spent_minutes == 15 + 15 + 70)
        })
        .await;
        let late = make(&sandbox, Activity { subject: "late".to_owned(), regarding: deal.clone(), ..Activity::default() }).await;
        let ask = WinDealRequest { opportunity: deal.clone(), request_id: new_id(), ..WinDealRequest::default() };
        let won = sandbox.api.deals.clone().win_deal(sandbox.api.ask(ask)).await.expect("won").into_inner();
        assert_eq!(won.opportunity.expect("told").spent_minutes, 100);
        sandbox.complete(&late.name, "").await.expect("it outlives the deal");
        assert_eq!(attempts(&sandbox, &deal).await, Vec::<String>::new(), "nobody tried to change what is closed");
        sandbox.finish().await;
    }

    /// R-ACT-1, R-ACT-6, R-STG-5: what a process says of its activities reaches the desk: the category, the documents that
    /// help, which result needs words; and what is to be done later stands DEFERRED until then.
    async fn what_a_process_says_of_its_activities_reaches_the_desk(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let category = Some(Category {
            display_name: "Customer call".to_owned(),
            allowed_results: ["done", "later", "wrong_person", "no_need"].map(result).to_vec(),
            ..Category::default()
        });
        let ask = CreateCategoryRequest { category, request_id: new_id(), ..CreateCategoryRequest::default() };
        let category = sandbox.api.categories.clone().create_category(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
        let said = "        due_days: 1\n        category: Customer call\n        knowledge: [how-to-call]\n        needs_text: true\n";
        import(&sandbox, HELPED.replacen("        due_days: 1\n", said, 1)).await;
        let deal = opened(&sandbox, "Short sale", Opportunity::default()).await.name;
        let call = sandbox.to_do(&deal).await.remove(0);
        assert_eq!((call.category.as_str(), call.knowledge.as_slice()), (category.name.as_str(), &["knowledge/how-to-call".to_owned()][..]));

        let direct = sandbox.direct(PartName::Activities);
        let silent = CompleteActivityRequest {
            name: call.name.clone(),
            result: "done".to_owned(),
            request_id: new_id(),
            ..CompleteActivityRequest::default()
        };
        for api in [&sandbox.api, &direct] {
            let no = api.activities.clone().complete_activity(api.ask(silent.clone())).await.expect_err("no words");
            assert_eq!((no.code(), refusal(&no).field_names()), (Code::InvalidArgument, vec!["result_text"]));
        }
        let no = sandbox.complete(&call.name, "done").await.expect_err("no words");
        assert_eq!((no.code(), refusal(&no).field_names()), (Code::InvalidArgument, vec!["result_text"]));

        let waits = sandbox.complete(&call.name, "later").await.expect("that needs none");
        let put_off = waits.activities.iter().find(|it| it.planned_key == "call#2").expect("it is to be done again");
        assert_eq!(put_off.state(), activity::State::Deferred);
        let days = (put_off.resume_time.expect("until then").seconds - chrono::Utc::now().timestamp() + 3600) / 86_400;
        assert_eq!((days, put_off.category.as_str()), (2, category.name.as_str()));
        let next = waits.guidance.expect("guided").next_actions;
        let acts = next.iter().find(|action| action.verb == "CompleteActivity").expect("it may be done sooner");
        assert_eq!(acts.resource, put_off.name);
        let ask = CompleteActivityRequest {
            name: put_off.name.clone(),
            result: "done".to_owned(),
            result_text: "They need two pumps by May.".to_owned(),
            request_id: new_id(),
            ..CompleteActivityRequest::default()
        };
        direct.activities.clone().complete_activity(direct.ask(ask)).await.expect("completed");
        until(&sandbox, &deal, "the deal advances", |view| {
            view.opportunity.as_ref().is_some_and(|deal| deal.stage == "stages/proposal")
        })
        .await;
        sandbox.finish().await;
    }

    /// R-OPP-1: a deal that names no currency has the house's; one of whose amounts names one has that.
    async fn a_deal_is_opened_in_the_currency_of_the_house(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let ask = UpdateSettingRequest {
            name: "settings/gateway.default_currency".to_owned(),
            value: Some(SettingValue { text: Some("EUR".to_owned()), ..SettingValue::default() }),
            request_id: new_id(),
            ..UpdateSettingRequest::default()
        };
        sandbox.api.settings.clone().update_setting(sandbox.api.ask(ask)).await.expect(GOES);
        let yen = Money { currency_code: "JPY".to_owned(), units: 100, nanos: 0 };
        for (known, currency) in [
            (Opportunity::default(), "EUR"),
            (Opportunity { currency_code: "GBP".to_owned(), ..Opportunity::default() }, "GBP"),
            (Opportunity { estimated_value: Some(yen), ..Opportunity::default() }, "JPY"),
        ] {
            assert_eq!(opened(&sandbox, "Corporate sale", known).await.currency_code, currency);
        }
        sandbox.finish().await;
    }

    /// R-OPP-3, R-OPP-5: an order that is made, and canceled, in its service after the deal was won changes nothing of the
    /// deal, and its audit has nothing to tell: nobody tried to.
    async fn an_order_that_comes_and_goes_behind_a_win_is_no_attempt_on_the_deal(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        let ask = WinDealRequest { opportunity: deal.clone(), request_id: new_id(), ..WinDealRequest::default() };
        let won = sandbox.api.deals.clone().win_deal(sandbox.api.ask(ask)).await.expect("won").into_inner();
        assert!(won.order.is_none(), "nothing was sold that could be ordered");
        let won = won.opportunity.expect("told");
        let customer = GetAccountRequest { name: won.account.clone() };
        let customer = sandbox.api.accounts.clone().get_account(sandbox.api.ask(customer)).await.expect(GOES).into_inner();
        assert!(customer.customer_time.is_some(), "who buys is a customer");
        let order = order_directly(&sandbox, &deal).await.name;
        sandbox.rest().await;
        cancel_directly(&sandbox, &order).await;
        sandbox.rest().await;
        assert_eq!(sandbox.view(&deal).await.opportunity.expect("there").etag, won.etag);
        assert_eq!(attempts(&sandbox, &deal).await, Vec::<String>::new());
        sandbox.finish().await;
    }
}

/// What was tried on a closed deal.
async fn attempts(sandbox: &Sandbox, deal: &str) -> Vec<String> {
    let ask = ListRefusedAttemptsRequest { filter: format!("opportunity = \"{deal}\""), ..Default::default() };
    let listed = sandbox.api.opportunities.clone().list_refused_attempts(sandbox.api.ask(ask)).await.expect(GOES);
    listed.into_inner().refused_attempts.into_iter().map(|it| it.verb).collect()
}
