//! Leads in bulk (R-LED-2).

use dealflow_proto::google::type_::Money;
use dealflow_proto::leads::v1::*;
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::{Code, Status};

use crate::desk::{Desk, ready};

impl Desk {
    async fn import(&mut self, request_id: &str, leads: Vec<Lead>) -> Result<ImportLeadsResponse, Status> {
        let request_id = request_id.to_owned();
        let rows = leads.into_iter().zip(2..).map(move |(lead, row)| ImportLeadsRequest {
            lead: Some(lead),
            row,
            request_id: request_id.clone(),
            validate_only: false,
        });
        Ok(self.leads.import_leads(futures::stream::iter(rows.collect::<Vec<_>>())).await?.into_inner())
    }

    async fn count(&mut self) -> usize {
        let ask = ListLeadsRequest { page_size: 1000, ..Default::default() };
        self.leads.list_leads(ask).await.expect("listed").into_inner().leads.len()
    }
}

fn numbered(number: usize) -> Lead {
    Lead { external_id: format!("crm-{number}"), title: format!("Lead {number}"), ..ready() }
}

both! {
    /// R-LED-2: good rows go in; each bad one is answered with its row, the field and the reason.
    async fn good_rows_go_in_and_bad_ones_are_answered(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let fine = Money { currency_code: "EUR".to_owned(), units: 1, nanos: 1 };
        let rows = vec![
            numbered(1),
            Lead { title: "x".repeat(301), ..numbered(2) },
            Lead { external_id: "crm-3".to_owned(), ..Default::default() },
            Lead { estimated_value: Some(fine), ..numbered(4) },
            Lead { owner: "nobody".to_owned(), source: 99, ..numbered(5) },
            numbered(6),
        ];
        let report = desk.import(&id(), rows).await.expect("imported");
        assert_eq!((report.row_count, report.created_count, report.failed_count), (6, 2, 4));
        let told: Vec<_> = report.errors.iter().map(|it| (it.row, it.field.as_str())).collect();
        assert_eq!(told, [(3, "title"), (4, ""), (5, "estimated_value"), (6, "source"), (6, "owner")]);
        assert!(report.errors.iter().all(|it| !it.reason.is_empty()), "{report:?}");
        assert_eq!(desk.count().await, 2);
    }

    /// R-LED-2: a row whose e-mail address is none is answered with its number; odd ones that may be right go in.
    async fn a_row_with_what_is_no_email_address_is_answered(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let mail = |number: usize, email: &str| Lead { email: email.to_owned(), ..numbered(number) };
        let wrong = ["not-an-email", "@berg.example", "erika@", "a@b@c", "erika berg@berg.example", "@", " "];
        let right = ["", "erika@berg", "o'neil+x@sub.berg.example", "J\u{fc}rgen@m\u{fc}ller.example"];
        let rows = wrong.iter().chain(&right).enumerate().map(|(number, email)| mail(number, email));
        let report = desk.import(&id(), rows.collect()).await.expect("imported");
        assert_eq!((report.created_count, report.failed_count), (4, 7));
        let told: Vec<_> = report.errors.iter().map(|it| (it.row, it.field.as_str())).collect();
        assert_eq!(told, (2..9).map(|row| (row, "email")).collect::<Vec<_>>());
        assert!(report.errors.iter().all(|it| it.reason.contains("e-mail address")), "{report:?}");
        assert_eq!(desk.count().await, 4);
    }

    /// R-LED-2: a re-run imports nothing twice: under the same id rows without an external id neither, under another id
    /// those with one; twice in one file counts once.
    async fn a_second_run_imports_nothing_twice(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let mut rows: Vec<Lead> = (0..450).map(numbered).collect();
        rows.push(numbered(7));
        rows.push(Lead { external_id: String::new(), ..numbered(0) });
        let first = id();
        let report = desk.import(&first, rows.clone()).await.expect("imported");
        assert_eq!((report.created_count, report.existing_count, report.failed_count), (451, 1, 0));
        assert_eq!(desk.import(&first, rows.clone()).await.expect("again"), report, "the same answer");
        assert_eq!(desk.count().await, 451);

        rows.pop();
        let other = desk.import(&id(), rows.clone()).await.expect("imported");
        assert_eq!((other.created_count, other.existing_count), (0, 451));
        assert_eq!(desk.count().await, 451);

        rows[0].title = "Another".to_owned();
        let no = refusal(&desk.import(&first, rows).await.expect_err("other content"));
        assert_eq!((no.code, no.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    }

    /// R-LED-2: an import that is broken off half-way is taken up by the next run, whichever id it has.
    async fn what_was_broken_off_is_completed_by_the_next_run(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let (first, rows): (_, Vec<Lead>) = (id(), (0..500).map(numbered).collect());
        // The caller dies after some rows: of what it sent, whole batches are in.
        let sent: Vec<_> = rows[..300].iter().map(|lead| ImportLeadsRequest {
            lead: Some(lead.clone()),
            request_id: first.clone(),
            ..Default::default()
        }).collect();
        let broken = futures::StreamExt::chain(futures::stream::iter(sent), futures::stream::pending());
        let call = tokio::time::timeout(std::time::Duration::from_secs(3), desk.leads.import_leads(broken)).await;
        assert!(call.is_err(), "it hangs until it dies");
        assert_eq!(desk.count().await, 200, "one batch is in");
        let report = desk.import(&id(), rows).await.expect("imported");
        assert_eq!((report.created_count, report.existing_count), (300, 200));
        assert_eq!(desk.count().await, 500);
    }

    /// R-LED-2: two imports of one file at the same time bring each lead once.
    async fn two_at_once_bring_each_lead_once(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let rows: Vec<Lead> = (0..150).map(numbered).collect();
        let (mut one, mut other) = (desk.clone(), desk.clone());
        let (mine, yours) = (id(), id());
        let (one, other) = tokio::join!(one.import(&mine, rows.clone()), other.import(&yours, rows));
        let created = [one, other].map(|report| report.expect("imported").created_count);
        assert_eq!(created.iter().sum::<i64>(), 150, "{created:?}");
        assert_eq!(desk.count().await, 150);
    }
}
