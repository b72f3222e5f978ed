//! Employees, and who may complete what (R-ACT-7).

use dealflow_proto::activities::v1::activity::State;
use dealflow_proto::activities::v1::*;
use dealflow_testbed::{TestDb, both, id, refusal};
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
            assert_eq!((no.code, no.reason.as_str()), (Code::PermissionDenied, "PERMISSION_DENIED"));
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

    /// R-ACT-7: a manager above completes, at whatever distance.
    async fn a_manager_above_completes_at_any_distance(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let mut above = desk.hire("Level 0", "").await.expect("hired").name;
        let top = above.clone();
        for level in 1..6 {
            above = desk.hire(&format!("Level {level}"), &above).await.expect("hired").name;
        }
        let activity = desk.make(Activity { performer: above, ..task("Call") }).await.expect("made");
        desk.complete_as(&top, &activity.name, "").await.expect("she leads them all");
    }

    /// R-ACT-7: an employee changes team, manager, roles; nobody is led, however indirectly, by whom he leads.
    async fn nobody_leads_and_is_led_by_the_same_person(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let boss = desk.hire("Boss", "").await.expect("hired").name;
        let head = desk.hire("Head", &boss).await.expect("hired").name;
        let anna = desk.hire("Anna", &head).await.expect("hired").name;
        let under = |name: &str, manager: &str| Employee {
            name: name.to_owned(),
            manager: manager.to_owned(),
            ..Default::default()
        };
        for manager in [&boss, &head, &anna] {
            let no = refusal(&desk.change(under(&boss, manager)).await.expect_err("a cycle"));
            assert_eq!((no.code, no.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
            assert_eq!((no.metadata["resource"].as_str(), no.metadata["manager"].as_str()), (boss.as_str(), manager.as_str()));
        }
        let promoted = Employee { roles: vec!["sales_manager".to_owned()], team: "North".to_owned(), ..under(&anna, &boss) };
        let promoted = desk.change(promoted).await.expect("promoted");
        assert_eq!((promoted.manager.as_str(), promoted.team.as_str(), promoted.etag.as_str()), (boss.as_str(), "North", "2"));
        assert_eq!((promoted.roles, promoted.active), (vec!["sales_manager".to_owned()], Some(true)));
        let ask = UpdateEmployeeRequest {
            employee: Some(under(&anna, &head)),
            etag: "1".to_owned(),
            request_id: id(),
            ..Default::default()
        };
        let no = refusal(&desk.employees.update_employee(ask).await.expect_err("stale"));
        assert_eq!(no.code, Code::Aborted);
        let no = refusal(&desk.change(Employee { display_name: "Boss".to_owned(), ..under(&anna, "") }).await.expect_err("taken"));
        assert_eq!(no.reason, "TAKEN");
    }

    /// R-ACT-7: two changes at once, each right by itself, make no cycle together.
    async fn two_changes_at_once_make_no_cycle(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        for round in 0..8 {
            let one = desk.hire(&format!("One {round}"), "").await.expect("hired").name;
            let two = desk.hire(&format!("Two {round}"), "").await.expect("hired").name;
            let (mut left, mut right) = (desk.clone(), desk.clone());
            let under = |name: &str, manager: &str| Employee {
                name: name.to_owned(),
                manager: manager.to_owned(),
                ..Default::default()
            };
            let (first, second) = (under(&one, &two), under(&two, &one));
            let answers = tokio::join!(left.change(first), right.change(second));
            let done = [answers.0.is_ok(), answers.1.is_ok()];
            assert!(done.iter().filter(|done| **done).count() == 1, "exactly one goes through: {done:?}");
        }
    }

    /// R-ACT-7: a manager's people: those led directly, or all the way down; and the line upwards, the nearest first.
    async fn the_hierarchy_is_read_both_ways(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let boss = desk.hire("Boss", "").await.expect("hired").name;
        let head = desk.hire("Head", &boss).await.expect("hired").name;
        let anna = desk.hire("Anna", &head).await.expect("hired").name;
        desk.hire("Bert", &head).await.expect("hired");
        desk.hire("Other", "").await.expect("hired");
        let mut names = Vec::new();
        for all_levels in [false, true] {
            let (mut found, mut page_token) = (Vec::new(), String::new());
            loop {
                let ask = ListReportsRequest {
                    manager: boss.clone(),
                    all_levels,
                    order_by: "display_name".to_owned(),
                    page_size: 2,
                    page_token,
                    ..Default::default()
                };
                let page = desk.employees.list_reports(ask).await.expect("listed").into_inner();
                found.extend(page.employees.into_iter().map(|it| it.display_name));
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    break;
                }
            }
            names.push(found);
        }
        assert_eq!(names, [vec!["Head"], vec!["Anna", "Bert", "Head"]]);
        let ask = ListManagersRequest { employee: anna };
        let line = desk.employees.list_managers(ask).await.expect("listed").into_inner().managers;
        assert_eq!(line.into_iter().map(|it| it.display_name).collect::<Vec<_>>(), ["Head", "Boss"]);
    }
}
