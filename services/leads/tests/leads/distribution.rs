//! Who gets a lead (R-LED-6).

use std::collections::HashMap;

use dealflow_proto::leads::v1::distribute_leads_request::Method;
use dealflow_proto::leads::v1::lead::Stage;
use dealflow_testbed::{TestDb, both, refusal};
use futures::future::join_all;

use crate::desk::{ANNA, Desk, ready};

const TEAM: [&str; 3] =
    [ANNA, "employees/01890000-0000-7000-8000-00000000000b", "employees/01890000-0000-7000-8000-00000000000c"];

impl Desk {
    async fn some_leads(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(self.capture(ready()).await.name);
        }
        names
    }
}

fn counts(owners: &[String]) -> HashMap<&str, usize> {
    owners.iter().fold(HashMap::new(), |mut counts, owner| {
        *counts.entry(owner.as_str()).or_default() += 1;
        counts
    })
}

both! {
    /// R-LED-6: by hand to the one who is given; the lead is handed to sales, and said again nothing changes.
    async fn by_hand_the_one_who_is_given_gets_it(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let names = desk.some_leads(2).await;
        let both: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(desk.distribute(&both, Method::ByHand, &TEAM[..1]).await.expect("given"), [ANNA, ANNA]);
        let lead = desk.lead(&names[0]).await;
        assert_eq!((lead.owner.as_str(), lead.stage(), lead.etag.as_str()), (ANNA, Stage::HandoffToSales, "2"));
        desk.distribute(&both, Method::ByHand, &TEAM[..1]).await.expect("said again");
        assert_eq!(desk.lead(&names[0]).await, lead, "nothing changed");
        let no = desk.distribute(&both, Method::ByHand, &TEAM).await.expect_err("one is enough");
        assert_eq!(refusal(&no).field_names(), ["employees"]);
    }

    /// R-LED-6: of several leads one that is not open keeps all of them where they are.
    async fn all_leads_are_given_or_none(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let names = desk.some_leads(2).await;
        desk.disqualify(&names[1]).await.expect("disqualified");
        let both: Vec<&str> = names.iter().map(String::as_str).collect();
        let no = refusal(&desk.distribute(&both, Method::RoundRobin, &TEAM).await.expect_err("one is not open"));
        assert_eq!(no.reason, "STATE_REFUSES_VERB");
        assert_eq!(desk.lead(&names[0]).await.owner, "");
        let twice = [both[0], both[0]];
        let no = desk.distribute(&twice, Method::RoundRobin, &TEAM).await.expect_err("each once");
        assert_eq!(refusal(&no).field_names(), ["leads[1]"]);
    }

    /// R-LED-6: round robin is fair however many distribute at once: nobody has two more than another.
    async fn round_robin_is_fair_under_concurrency(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let names = desk.some_leads(20).await;
        // Batches of one to four leads, the team each time in another order.
        let mut rest = names.as_slice();
        let mut batches = Vec::new();
        for size in [1, 3, 2, 4, 1, 2, 3, 1, 2, 1] {
            let (batch, more) = rest.split_at(size);
            (rest, batches) = (more, [batches, vec![batch]].concat());
        }
        let given = join_all(batches.iter().zip(0..).map(|(batch, turn)| {
            let mut desk = desk.clone();
            async move {
                let mut team = TEAM;
                team.rotate_left(turn % 3);
                let leads: Vec<&str> = batch.iter().map(String::as_str).collect();
                desk.distribute(&leads, Method::RoundRobin, &team).await.expect("distributed")
            }
        }))
        .await;
        let owners = given.concat();
        let counts = counts(&owners);
        assert_eq!(owners.len(), 20);
        assert!(TEAM.iter().all(|who| matches!(counts.get(who), Some(6 | 7))), "{counts:?}");
    }

    /// R-LED-6: the least busy by the open leads that they own; what is closed does not count. Fair at once, too.
    async fn the_least_busy_gets_it(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let busy = desk.some_leads(6).await;
        let busy: Vec<&str> = busy.iter().map(String::as_str).collect();
        desk.distribute(&busy, Method::ByHand, &TEAM[..1]).await.expect("Anna has six");
        for name in &busy[..2] {
            desk.disqualify(name).await.expect("she closes two");
        }
        let names = desk.some_leads(11).await;
        let given = join_all(names.iter().map(|name| {
            let mut desk = desk.clone();
            async move { desk.distribute(&[name], Method::LeastBusy, &TEAM).await.expect("distributed") }
        }))
        .await;
        // 4 + 0 + 0 open and 11 new ones: five each.
        let owners = given.concat();
        let counts = counts(&owners);
        assert_eq!(TEAM.map(|who| counts.get(who).copied().unwrap_or_default()), [1, 5, 5], "{counts:?}");
    }
}
