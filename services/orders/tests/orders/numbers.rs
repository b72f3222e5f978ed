//! Numbers: gapless for invoices, unique for the rest (R-INV-1).

use std::collections::BTreeSet;

use chrono::{TimeZone, Utc};
use dealflow_proto::orders::v1 as pb;
use dealflow_testbed::{TestDb, both, id, refusal};
use tokio::task::JoinSet;

use crate::house::{House, ask, line, opportunity, order, quote};

both! {
    /// R-INV-1
    async fn fifty_postings_at_once_with_refused_ones_between_leave_no_gap(db: TestDb) {
        let house = House::open(db).await;
        let lines = vec![line("60", "1")];
        let order = house.delivered(pb::Order { lines, ..order(&opportunity()) }).await.name;
        let mut calls = JoinSet::new();
        for index in 0..50 {
            let draft = house.bill(&order, &[("1", "1")]).await.expect("one of it").name;
            let mut invoices = house.invoices();
            calls.spawn(async move { Some(ask!(invoices, post_invoice, PostInvoiceRequest { name: draft }).expect("posted").number) });
            if index % 5 == 0 {
                let draft = house.bill(&order, &[("1", "1")]).await.expect("one of it").name;
                let mut invoices = house.invoices();
                calls.spawn(async move {
                    let stale = ask!(invoices, post_invoice, PostInvoiceRequest { name: draft.clone(), etag: "7".to_owned() });
                    assert_eq!(refusal(&stale.expect_err("never seen")).reason, "STALE_ETAG");
                    let asked = ask!(invoices, post_invoice, PostInvoiceRequest { name: draft, validate_only: true });
                    asked.expect("it could be posted");
                    None
                });
            }
        }
        let numbers: BTreeSet<String> = calls.join_all().await.into_iter().flatten().collect();
        let expected: BTreeSet<String> = (1..=50).map(|n| format!("INV-2017-{n:06}")).collect();
        assert_eq!(numbers, expected);
    }

    /// R-INV-1
    async fn each_year_is_a_series_of_its_own(db: TestDb) {
        let house = House::open(db).await;
        let order = house.delivered(order(&opportunity())).await.name;
        let mut numbers = Vec::new();
        for year in [2017, 2018] {
            let noon = Utc.with_ymd_and_hms(year, 3, 15, 12, 0, 0).single().expect("noon is once a day");
            house.time.set(noon);
            for _ in 0..2 {
                let draft = house.bill(&order, &[("1", "0.5")]).await.expect("half of one").name;
                numbers.push(house.post(&draft).await.expect("posted").number);
            }
        }
        assert_eq!(numbers, ["INV-2017-000001", "INV-2017-000002", "INV-2018-000001", "INV-2018-000002"]);
    }

    /// R-QUO-1
    async fn quotes_drafted_at_once_have_numbers_of_their_own(db: TestDb) {
        let house = House::open(db).await;
        let mut calls = JoinSet::new();
        for _ in 0..32 {
            let (mut quotes, quote) = (house.quotes(), quote(&opportunity()));
            let request = pb::CreateQuoteRequest { quote: Some(quote), request_id: id(), ..Default::default() };
            calls.spawn(async move { quotes.create_quote(request).await.expect("drafted").into_inner().number });
        }
        let numbers: BTreeSet<String> = calls.join_all().await.into_iter().collect();
        assert_eq!(numbers.len(), 32);
        assert!(numbers.iter().all(|number| number.starts_with("Q-") && number.len() == 8), "{numbers:?}");
    }
}
