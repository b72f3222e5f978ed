//! Settings: what was decided holds from the next request on where it was decided, on other replicas soon, and two cannot
//! decide at once.

use std::time::{Duration, Instant};

use dealflow_chassis::Store;
use dealflow_chassis::settings::{Setting, Settings, Spec};
use dealflow_proto::google::type_::Decimal;
use dealflow_proto::settings::v1::setting_service_server::SettingService;
use dealflow_proto::settings::v1::{SettingValue, UpdateSettingRequest};
use dealflow_testbed::{TestClock, TestDb, both, id, refusal};
use futures::future::join_all;
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use tonic::{Code, Request};

const LIMIT: Setting<i64> = Setting::number("spine.limit", 7, "How many");
const RATE: Setting<sea_orm::prelude::Decimal> =
    Setting::decimal("spine.rate", sea_orm::prelude::Decimal::ONE, "How much");
static SETTINGS: &[Spec] = &[LIMIT.spec(), RATE.spec()];

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(dealflow_migrations::work::Migration), Box::new(dealflow_migrations::settings::Migration)]
    }
}

fn ask(etag: &str, number: i64) -> UpdateSettingRequest {
    UpdateSettingRequest {
        name: LIMIT.spec().name(),
        etag: etag.to_owned(),
        value: Some(SettingValue { number: Some(number), ..Default::default() }),
        request_id: id(),
        validate_only: false,
    }
}

/// Waits until a replica reads a value: it may take what it read for a second, and is given ten on a busy machine.
async fn soon<T: PartialEq + std::fmt::Debug>(replica: &Store, setting: Setting<T>, expected: T) {
    let started = Instant::now();
    loop {
        let read = setting.read(replica).await.expect("read");
        if read == expected {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "still {read:?}, not {expected:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

both! {
    /// R-API-1
    async fn a_change_is_seen_by_the_next_read_where_it_was_made_and_soon_by_other_replicas(db: TestDb) {
        let time = TestClock::new();
        let one = db.store::<Migrator>("spine", time.clock()).await;
        let other = db.store::<Migrator>("spine", time.clock()).await;
        let service = Settings::new(one.clone(), SETTINGS);
        assert_eq!((LIMIT.read(&one).await, LIMIT.read(&other).await), (Ok(7), Ok(7)));
        for number in [1, 2, 3] {
            service.update_setting(Request::new(ask("", number))).await.expect("changed");
            assert_eq!(LIMIT.read(&one).await, Ok(number));
        }
        soon(&other, LIMIT, 3).await;
        let back = UpdateSettingRequest { value: None, ..ask("3", 0) };
        let back = service.update_setting(Request::new(back)).await.expect("the default again").into_inner();
        assert!(back.is_default && back.etag == "4", "{back:?}");
        assert_eq!(LIMIT.read(&one).await, Ok(7));
        soon(&other, LIMIT, 7).await;

        let rate = SettingValue { decimal: Some(Decimal { value: "0.125".to_owned() }), ..Default::default() };
        let rate = UpdateSettingRequest { name: RATE.spec().name(), value: Some(rate), ..ask("", 0) };
        service.update_setting(Request::new(rate)).await.expect("changed");
        soon(&other, RATE, "0.125".parse().expect("a number")).await;
    }

    /// R-API-1: of many who saw the same version one decides, also the first time.
    async fn of_many_at_once_one_decides(db: TestDb) {
        let store = db.store::<Migrator>("spine", TestClock::new().clock()).await;
        let service = Settings::new(store.clone(), SETTINGS);
        for etag in ["0", "2"] {
            let attempts = (100..108).map(|number| service.update_setting(Request::new(ask(etag, number))));
            let (won, lost): (Vec<_>, Vec<_>) = join_all(attempts).await.into_iter().partition(Result::is_ok);
            assert_eq!((won.len(), lost.len()), (1, 7), "at version {etag}: {lost:?}");
            assert!(lost.iter().all(|lost| lost.as_ref().is_err_and(|status| status.code() == Code::Aborted)), "{lost:?}");
            let holds = won[0].as_ref().map(|won| won.get_ref().value.clone().and_then(|value| value.number));
            assert_eq!(LIMIT.read(&store).await.ok(), holds.ok().flatten());
            // The next round gives other values.
            if etag == "0" {
                service.update_setting(Request::new(ask("", 7))).await.expect("changed");
            }
        }
    }

    /// R-API-1
    async fn a_setting_that_nobody_declared_is_missing(db: TestDb) {
        let store = db.store::<Migrator>("spine", TestClock::new().clock()).await;
        let unknown = UpdateSettingRequest { name: "settings/spine.unknown".to_owned(), ..ask("", 1) };
        let refused = Settings::new(store, SETTINGS).update_setting(Request::new(unknown)).await.expect_err("missing");
        assert_eq!(refusal(&refused).resource.as_deref(), Some("settings/spine.unknown"));
    }
}
