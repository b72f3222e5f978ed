//! Whose activities and interactions a caller sees, as the part behind the gateway answers it (R-SEC-1).

use dealflow_proto::activities::v1::interaction::Channel;
use dealflow_proto::activities::v1::*;
use dealflow_testbed::{TestDb, both, id};
use tonic::{Code, Request};
use uuid::Uuid;

use crate::desk::{Desk, by, opportunity};

fn employee(number: u128) -> String {
    format!("employees/{}", Uuid::from_u128(number))
}

/// A message from somebody who sees these employees' records.
fn seen_by<M>(employees: &[u128], message: M) -> Request<M> {
    let mut request = Request::new(message);
    let sees: Vec<String> = employees.iter().map(|id| Uuid::from_u128(*id).simple().to_string()).collect();
    request.metadata_mut().insert("dealflow-sees", sees.join(",").parse().expect("it is ASCII"));
    request
}

impl Desk {
    async fn employ(&mut self, name: &str) -> u128 {
        let employee = Employee { display_name: name.to_owned(), ..Default::default() };
        let ask = CreateEmployeeRequest { employee: Some(employee), request_id: id(), ..Default::default() };
        let name = self.employees.create_employee(ask).await.expect("employed").into_inner().name;
        name.trim_start_matches("employees/").parse::<Uuid>().expect("a UUID").as_u128()
    }
}

async fn subjects(desk: &mut Desk, who: &[u128]) -> Vec<String> {
    let page = desk.activities.list_activities(seen_by(who, ListActivitiesRequest::default())).await;
    page.expect("a list").into_inner().activities.into_iter().map(|it| it.subject).collect()
}

both! {
    /// R-SEC-1, R-ACT-1: an activity is seen by who is to do it, by who made it, and by who leads them; to others it is as
    /// if it were not there. What nobody is to do yet is everybody's.
    async fn an_activity_is_its_performers_and_its_authors(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let deal = opportunity();
        let (performer, author) = (desk.employ("Performer").await, desk.employ("Author").await);
        let make = |subject: &str, performer: &str| {
            let activity = Activity { subject: subject.to_owned(), regarding: deal.clone(), performer: performer.to_owned(), ..Default::default() };
            CreateActivityRequest { activity: Some(activity), request_id: id(), ..Default::default() }
        };
        let made = desk.activities.create_activity(by(&employee(author), make("call", &employee(performer)))).await;
        let name = made.expect("made").into_inner().name;
        desk.activities.create_activity(by("", make("free", ""))).await.expect("made");
        let start = || StartActivityRequest { name: name.clone(), request_id: id(), validate_only: true, ..Default::default() };
        let panel = || GetActionPanelRequest { regarding: deal.clone() };
        for (who, sees) in [(vec![performer], true), (vec![author], true), (vec![9, performer], true), (vec![9], false), (vec![], false)] {
            let wanted = if sees { Ok(()) } else { Err(Code::NotFound) };
            let got = desk.activities.get_activity(seen_by(&who, GetActivityRequest { name: name.clone() })).await;
            assert_eq!(got.map(drop).map_err(|status| status.code()), wanted, "{who:?}");
            let started = desk.activities.start_activity(seen_by(&who, start())).await;
            assert_eq!(started.map(drop).map_err(|status| status.code()), wanted, "{who:?}");
            let all: &[&str] = if sees { &["call", "free"] } else { &["free"] };
            let mut listed = subjects(&mut desk, &who).await;
            listed.sort();
            assert_eq!(listed, all, "{who:?}");
            let shown = desk.tasks.get_action_panel(seen_by(&who, panel())).await.expect("shown").into_inner();
            assert_eq!(shown.activities.len(), all.len(), "{who:?}");
        }
    }

    /// R-SEC-1, R-ACT-5: an interaction is seen by who recorded it and who leads him; what a program recorded by everybody.
    async fn an_interaction_is_of_who_recorded_it(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let record = |subject: &str| {
            let interaction = Interaction { regarding: opportunity(), channel: Channel::Phone.into(), subject: subject.to_owned(), ..Default::default() };
            CreateInteractionRequest { interaction: Some(interaction), request_id: id(), ..Default::default() }
        };
        let name = desk.interactions.create_interaction(by(&employee(1), record("asked"))).await.expect("recorded").into_inner().name;
        desk.interactions.create_interaction(by("services/mail", record("mailed"))).await.expect("recorded");
        let change = || UpdateInteractionRequest {
            interaction: Some(Interaction { name: name.clone(), notes: "again".to_owned(), ..Default::default() }),
            request_id: id(), validate_only: true, ..Default::default()
        };
        for (who, sees) in [(vec![1], true), (vec![9, 1], true), (vec![9], false), (vec![], false)] {
            let wanted = if sees { Ok(()) } else { Err(Code::NotFound) };
            let got = desk.interactions.get_interaction(seen_by(&who, GetInteractionRequest { name: name.clone() })).await;
            assert_eq!(got.map(drop).map_err(|status| status.code()), wanted, "{who:?}");
            let changed = desk.interactions.update_interaction(seen_by(&who, change())).await;
            assert_eq!(changed.map(drop).map_err(|status| status.code()), wanted, "{who:?}");
            let page = desk.interactions.list_interactions(seen_by(&who, ListInteractionsRequest::default())).await;
            assert_eq!(page.expect("a list").into_inner().interactions.len(), if sees { 2 } else { 1 }, "{who:?}");
        }
    }
}
