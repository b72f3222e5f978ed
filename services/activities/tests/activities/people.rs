//! Employees, and who may complete what (R-ACT-7).

use dealflow_proto::activities::v1::activity::State;
use dealflow_proto::activities::v1::*;
use dealflow_testbed::{TestDb, both, refusal};
use tonic::Code;

use crate::desk::{Desk, task};

const NOBODY: &str = "employees/0198f7a0-0000-7000-8000-000000000001";

both! {
    /// R-ACT-7: the performer or the performer's manager completes a task, no other employee does.
    async fn only_performer_and_manager_complete_a_task(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let boss = desk.hire("Boss", "").await.expect("hired").name;
        let anna = desk.hire("Anna", &boss).await.expect("hired").name;
        let bert = desk.hire("Bert", &boss).await.expect("hired").name;
        for actor in [&anna, &boss] {
            let activity = desk.make(Activity { performer: anna.clone(), ..task("Call") }).await.expect("made");
            let no = refusal(&desk.complete_as(&bert, &activity.name, "").await.expect_err("it is Anna's"));
            assert_eq!((no.code, no.reason.as_str()), (Code::FailedPrecondition, "PERMISSION_DENIED"));
            assert_eq!(
                (no.metadata["performer"].as_str(), no.metadata["actor"].as_str()),
                (anna.as_str(), bert.as_str())
            );
            assert_eq!(desk.activity(&activity.name).await, activity, "nothing changed");
            let done = desk.complete_as(actor, &activity.name, "").await.expect("completed");
            assert_eq!(done.state(), State::Completed);
        }
        let theirs = desk.make(Activity { performer: boss.clone(), ..task("Sign") }).await.expect("made");
        let no = refusal(&desk.complete_as(&anna, &theirs.name, "").await.expect_err("she does not lead the boss"));
        assert_eq!(no.reason, "PERMISSION_DENIED");
    }

    /// R-ACT-7: what nobody in particular is to do, everybody completes; services and an unnamed caller pass.
    async fn others_complete_what_is_nobodys(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let free = desk.make(task("Free")).await.expect("made").name;
        desk.complete_as(&anna, &free, "").await.expect("nobody's");
        for actor in ["", "services/gateway"] {
            let hers = desk.make(Activity { performer: anna.clone(), ..task("Hers") }).await.expect("made").name;
            desk.complete_as(actor, &hers, "").await.expect("no employee");
        }
    }

    /// An employee has a name of her own and a manager who is there.
    async fn an_employee_has_a_name_of_her_own(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let boss = desk.hire("Boss", "").await.expect("hired");
        let anna = desk.hire("Anna", &boss.name).await.expect("hired");
        let ask = GetEmployeeRequest { name: anna.name.clone() };
        assert_eq!(desk.employees.get_employee(ask).await.expect("there").into_inner(), anna);
        assert_eq!((anna.manager.as_str(), anna.etag.as_str()), (boss.name.as_str(), "1"));

        let no = refusal(&desk.hire("Anna", "").await.expect_err("taken"));
        assert_eq!((no.code, no.reason.as_str()), (Code::AlreadyExists, "TAKEN"));
        assert_eq!(
            (no.metadata["field"].as_str(), no.metadata["holder"].as_str()),
            ("display_name", anna.name.as_str())
        );
        let no = refusal(&desk.hire("Bert", NOBODY).await.expect_err("no such manager"));
        assert_eq!((no.code, no.resource.as_deref()), (Code::NotFound, Some(NOBODY)));
        let no = refusal(&desk.hire("", "Boss").await.expect_err("malformed"));
        assert_eq!(no.field_names(), ["employee.display_name", "employee.manager"]);
        let ask = GetEmployeeRequest { name: NOBODY.to_owned() };
        let no = refusal(&desk.employees.get_employee(ask).await.expect_err("nobody"));
        assert_eq!((no.code, no.resource.as_deref()), (Code::NotFound, Some(NOBODY)));
    }

    /// Employees are found by name, manager and team.
    async fn employees_are_found_by_name_and_manager(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let boss = desk.hire("Boss", "").await.expect("hired").name;
        for name in ["Zoe", "Anna", "bert"] {
            desk.hire(name, &boss).await.expect("hired");
        }
        let mut ask = ListEmployeesRequest {
            filter: format!("manager = \"{boss}\""),
            order_by: "display_name".to_owned(),
            page_size: 2,
            ..Default::default()
        };
        let page = desk.employees.list_employees(ask.clone()).await.expect("listed").into_inner();
        let mut names: Vec<String> = page.employees.into_iter().map(|it| it.display_name).collect();
        ask.page_token = page.next_page_token;
        let page = desk.employees.list_employees(ask).await.expect("listed").into_inner();
        names.extend(page.employees.into_iter().map(|it| it.display_name));
        assert_eq!(
            (names, page.next_page_token.as_str()),
            (vec!["Anna".to_owned(), "Zoe".to_owned(), "bert".to_owned()], "")
        );
        let ask = ListEmployeesRequest { filter: "display_name = \"Zoe\"".to_owned(), ..Default::default() };
        assert_eq!(desk.employees.list_employees(ask).await.expect("listed").into_inner().employees.len(), 1);
    }
}
