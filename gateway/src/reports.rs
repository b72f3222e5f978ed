//! Whom an employee leads, all the way down: what a caller sees beside his own records (R-SEC-1).
//!
//! Asked of activities, which keep the people, and remembered for half a minute: whoever gets another manager is seen by
//! that one so much later at the latest. While activities do not answer, what was remembered goes on to hold; who was
//! never asked for is told to come back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dealflow_chassis::link::Link;
use dealflow_proto::activities::v1::ListReportsRequest;
use dealflow_proto::activities::v1::employee_service_client::EmployeeServiceClient;
use dealflow_proto::names;
use tonic::{Response, Status};
use uuid::Uuid;

/// How long an answer is remembered.
const REMEMBER: Duration = Duration::from_secs(30);
/// Answers that are remembered before old ones are forgotten.
const MOST: usize = 4096;
/// People of a page.
const PAGE: i32 = 1000;

/// When it was found out, and whom somebody leads.
type Known = HashMap<Uuid, (Instant, Vec<Uuid>)>;

/// Finds whom somebody leads.
#[derive(Clone)]
pub(crate) struct Reports {
    activities: Link,
    known: Arc<Mutex<Known>>,
}

impl Reports {
    /// Those that activities know.
    pub(crate) fn new(activities: Link) -> Self {
        Self { activities, known: Arc::default() }
    }

    /// All whom an employee leads.
    pub(crate) async fn of(self, manager: Uuid) -> Result<Vec<Uuid>, Status> {
        let before = self.known().get(&manager).cloned();
        if let Some((_, led)) = before.as_ref().filter(|(at, _)| at.elapsed() < REMEMBER) {
            return Ok(led.clone());
        }
        match self.ask(manager).await {
            Ok(led) => {
                self.remember(manager, led.clone());
                Ok(led)
            }
            Err(lost) => match before {
                Some((_, led)) => Ok(led),
                None => Err(lost),
            },
        }
    }

    async fn ask(&self, manager: Uuid) -> Result<Vec<Uuid>, Status> {
        let mut employees = EmployeeServiceClient::new(self.activities.clone());
        let (mut led, mut page_token) = (Vec::new(), String::new());
        loop {
            let manager = names::EMPLOYEES.name(manager);
            let ask =
                ListReportsRequest { manager, all_levels: true, page_size: PAGE, page_token, ..Default::default() };
            let page = employees.list_reports(ask).await.map(Response::into_inner)?;
            led.extend(page.employees.iter().filter_map(|employee| names::EMPLOYEES.parse(&employee.name).ok()));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(led);
            }
        }
    }

    fn remember(&self, manager: Uuid, led: Vec<Uuid>) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, (at, _)| at.elapsed() < REMEMBER);
            if known.len() >= MOST {
                known.clear();
            }
        }
        known.insert(manager, (Instant::now(), led));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
