//! Whose opportunities a caller sees, as the part behind the gateway answers it: in its queries, by their indexes.

use dealflow_chassis::security::Sight;
use dealflow_opportunities::opportunity::{Entity, seen};
use dealflow_proto::opportunities::v1::{ListOpportunitiesRequest, Opportunity, TeamMember};
use dealflow_testbed::{TestDb, both};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryTrait};
use tonic::Request;
use uuid::Uuid;

use crate::desk::{Desk, titled};

fn employee(number: u128) -> String {
    format!("employees/{}", Uuid::from_u128(number))
}

/// The titles that employees see, sorted.
async fn titles(desk: &Desk, employees: &[u128]) -> Vec<String> {
    let mut ask = Request::new(ListOpportunitiesRequest::default());
    let sees: Vec<String> = employees.iter().map(|id| Uuid::from_u128(*id).simple().to_string()).collect();
    ask.metadata_mut().insert("dealflow-sees", sees.join(",").parse().expect("it is ASCII"));
    let page = desk.opportunities.clone().list_opportunities(ask).await.expect("a list").into_inner();
    let mut titles: Vec<String> = page.opportunities.into_iter().map(|sale| sale.title).collect();
    titles.sort();
    titles
}

both! {
    /// R-SEC-1, R-OPP-6: who is in a team sees its opportunity from then on, and no longer than that; a person who is in
    /// it twice over, as owner and by those whom he leads, sees it once.
    async fn a_team_sees_its_opportunity_as_long_as_it_is_one(db: TestDb) {
        let desk = Desk::open(&db).await;
        let team = |members: &[u128]| {
            let member = |id: &u128| TeamMember { employee: employee(*id), role: "helps".to_owned() };
            members.iter().map(member).collect::<Vec<_>>()
        };
        desk.create(Opportunity { owner: employee(1), ..titled("one's") }, "").await.expect("opened");
        desk.create(titled("nobody's"), "").await.expect("opened");
        let shared = Opportunity { owner: employee(1), team: team(&[2, 3]), ..titled("shared") };
        let shared = desk.create(shared, "").await.expect("opened");
        assert_eq!(titles(&desk, &[1]).await, ["nobody's", "one's", "shared"]);
        assert_eq!(titles(&desk, &[2]).await, ["nobody's", "shared"]);
        assert_eq!(titles(&desk, &[1, 2, 3]).await, ["nobody's", "one's", "shared"]);
        assert_eq!(titles(&desk, &[4]).await, ["nobody's"]);
        assert_eq!(titles(&desk, &[]).await, ["nobody's"]);
        let other = Opportunity { name: shared.name.clone(), team: team(&[3, 4]), ..Opportunity::default() };
        desk.update(other, &["team"]).await.expect("updated");
        for (id, sees) in [(2, false), (3, true), (4, true)] {
            assert_eq!(titles(&desk, &[id]).await.contains(&"shared".to_owned()), sees, "{id}");
        }
        desk.update(Opportunity { name: shared.name, ..Opportunity::default() }, &["team"]).await.expect("updated");
        assert_eq!(titles(&desk, &[3, 4]).await, ["nobody's"]);
    }

    /// R-SEC-1: what is seen is found by indexes, alternative by alternative; no row of another's is looked at.
    async fn what_is_seen_is_found_by_indexes(db: TestDb) {
        let desk = Desk::open(&db).await;
        let backend = desk.store.backend();
        let sight = Sight::Of(vec![Uuid::from_u128(1), Uuid::from_u128(2)]);
        let mut query = Entity::find().filter(seen(&sight, backend)).build(backend);
        query.sql = match backend {
            DbBackend::Postgres => format!("EXPLAIN {}", query.sql),
            _ => format!("EXPLAIN QUERY PLAN {}", query.sql),
        };
        let tx = desk.store.begin().await.expect("a transaction");
        if backend == DbBackend::Postgres {
            // An empty table is rather read whole.
            tx.execute_unprepared("SET LOCAL enable_seqscan = off").await.expect("a setting");
        }
        let column = if backend == DbBackend::Postgres { "QUERY PLAN" } else { "detail" };
        let rows = tx.query_all_raw(query).await.expect("a plan");
        let plan: Vec<String> = rows.iter().map(|row| row.try_get("", column).expect("a line")).collect();
        let plan = plan.join("\n");
        let wanted: &[&str] = match backend {
            DbBackend::Postgres => &["BitmapOr", "opportunity_by_owner", "opportunity_pkey", "opportunity_member_pkey"],
            _ => &["MULTI-INDEX OR", "INDEX opportunity_by_owner", "opportunity_member USING COVERING INDEX"],
        };
        for line in wanted {
            assert!(plan.contains(line), "no {line} in:\n{plan}");
        }
        assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN opportunity"), "{plan}");
    }
}
