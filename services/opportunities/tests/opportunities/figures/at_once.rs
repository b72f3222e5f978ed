//! Figures while others write and fold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dealflow_opportunities::analytics::fold::fold;
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::opportunities::v1::{GetPipelineRequest, GetWonLostRequest};
use dealflow_testbed::{TestDb, both};

use super::naive;
use super::random::export;
use crate::desk::{CORPORATE_SALE, Desk, OPEN_STAGES, titled, usd};

/// Who writes at the same time, and how many opportunities each has.
const WRITERS: usize = 6;
const EACH: usize = 6;

both! {
    /// R-ANA-1: while opportunities move and two replicas fold, each answer counts every one of them once; and closings
    /// at the same time leave figures that equal the rows.
    async fn figures_are_exact_while_others_write_and_fold(db: TestDb) {
        let desk = Desk::open(&db).await;
        for _ in 0..WRITERS * EACH {
            let sale = dealflow_proto::opportunities::v1::Opportunity { estimated_value: usd(100), ..titled("Pumps") };
            desk.create(sale, CORPORATE_SALE).await.expect("opened");
        }
        let names: Vec<String> = export(&desk).await.into_iter().map(|row| row.it.name).collect();
        let moving = Arc::new(AtomicBool::new(true));
        let folders: Vec<_> = (0..2)
            .map(|_| {
                let (store, moving) = (desk.store.clone(), moving.clone());
                tokio::spawn(async move {
                    let mut folded = 0;
                    while moving.load(Ordering::Relaxed) {
                        // Two at once: one of them may be told to try again.
                        folded += u32::from(fold(&store).await.is_ok());
                        tokio::task::yield_now().await;
                    }
                    folded
                })
            })
            .collect();
        let writers: Vec<_> = names
            .chunks(EACH)
            .map(|mine| {
                let (desk, mine) = (desk.clone(), mine.to_vec());
                tokio::spawn(async move {
                    for stage in [1, 2, 3, 0, 2] {
                        for name in &mine {
                            desk.move_to(name, OPEN_STAGES[stage]).await.expect("moved");
                        }
                    }
                    for (index, name) in mine.iter().enumerate() {
                        match index % 3 {
                            0 => desk.win(name).await.map(drop).expect("won"),
                            1 => desk.lose(name, LoseReason::Price).await.map(drop).expect("lost"),
                            _ => {}
                        }
                    }
                })
            })
            .collect();
        let all = (WRITERS * EACH) as i64;
        let mut looks = 0;
        while writers.iter().any(|writer| !writer.is_finished()) {
            let rows = desk.analytics.clone().get_pipeline(GetPipelineRequest::default()).await.expect("told").into_inner().rows;
            let open: i64 = rows.iter().map(|row| row.count).sum();
            let value: i128 = rows.iter().map(|row| naive::minor(row.value.as_ref())).sum();
            assert!((all / 3..=all).contains(&open), "{open} of {all} are open");
            assert_eq!(value, i128::from(open) * 100, "value and count are of one moment");
            looks += 1;
        }
        for writer in writers {
            writer.await.expect("it wrote");
        }
        moving.store(false, Ordering::Relaxed);
        let mut folded = 0;
        for folder in folders {
            folded += folder.await.expect("it folded");
        }
        println!("{looks} looks, folded {folded} times");
        assert!(looks > 0 && folded > 0);
        let rows = export(&desk).await;
        let mut to = desk.analytics.clone();
        for _ in 0..2 {
            let pipeline = to.get_pipeline(GetPipelineRequest::default()).await.expect("told").into_inner().rows;
            assert_eq!(pipeline, naive::pipeline(rows.iter()));
            let closed = to.get_won_lost(GetWonLostRequest::default()).await.expect("told").into_inner().rows;
            assert_eq!(closed, naive::won_lost(rows.iter(), &|row| naive::under(row, "")));
            fold(&desk.store).await.expect("folded");
        }
    }
}
