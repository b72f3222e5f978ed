//! Databases, time and refusals for tests: what every test of a part begins with.
//!
//! ```ignore
//! dealflow_testbed::both! {
//!     /// R-LED-5
//!     async fn disqualifying_needs_a_reason(db: TestDb) {
//!         let time = TestClock::new();
//!         let store = db.store::<leads::Migrator>("leads", time.clock()).await;
//!         let refused = refusal(&client.disqualify_lead(request).await.expect_err("no reason was given"));
//!         assert_eq!(refused.reason, "INVALID_FIELDS");
//!     }
//! }
//! ```
//!
//! Each test has a database of its own: [`TestDb`] is a SQLite folder, or a database on a PostgreSQL [`Cluster`] that
//! lives as long as the test process. [`keys`] are certificates and tokens. Waiting is [`eventually`], never a sleep; time is a [`TestClock`].

mod clock;
mod cluster;
mod database;
mod fuzz;
pub mod keys;
mod model;
mod refused;
mod waiting;

pub use clock::TestClock;
pub use cluster::{Cluster, postgres_available};
pub use database::{Kind, TestDb, Verdict};
pub use fuzz::{Said, fuzz};
pub use model::{Verbs, lives};
pub use refused::{RefusalView, refusal};
pub use waiting::{Seen, eventually};

/// A new request id.
pub fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Makes of each `async fn name(db: TestDb)` a module `name` with the tests `sqlite` and `postgres`.
///
/// Attributes and docs go to both. The function may return `Result<(), E>`. Where PostgreSQL is not installed the
/// second test says so and passes, or fails if `DEALFLOW_REQUIRE_POSTGRES=1` is set.
#[macro_export]
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident : $ty:ty) $(-> $ret:ty)? $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "what the test uses is imported above it")]
            use super::*;

            async fn run($db: $ty) $(-> $ret)? $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() $(-> $ret)? {
                run($crate::TestDb::new($crate::Kind::Sqlite).await).await
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() $(-> $ret)? {
                match $crate::TestDb::postgres().await {
                    Some(db) => run(db).await,
                    None => $crate::Verdict::not_run(),
                }
            }
        }
    )+};
}
