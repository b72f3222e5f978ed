//! The service of a part's settings.

use std::sync::LazyLock;

use dealflow_proto::settings::v1 as pb;
use dealflow_proto::settings::v1::setting_service_server::{SettingService, SettingServiceServer};
use dealflow_proto::{convert, names};
use prost::Message;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};

use super::listed::page;
use super::record::{self, Model};
use super::{Spec, Value};
use crate::history::{self, Change};
use crate::list::Fields;
use crate::refusal::Refusal;
use crate::store::Store;
use crate::work::check;

/// The kind of the event, and of the row of history.
const CHANGED: &str = "setting.changed";

/// What the changes of a setting are filtered and ordered by; a setting has few.
static CHANGES: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .time("update_time", history::Column::At)
        .text("update_actor", history::Column::Actor)
        .filter_only()
        .default_order("update_time desc")
});

/// The settings of a part.
#[derive(Clone)]
pub struct Settings {
    store: Store,
    specs: &'static [Spec],
}

impl Settings {
    /// The settings that `specs` declares, kept in this store.
    pub fn new(store: Store, specs: &'static [Spec]) -> Self {
        Self { store, specs }
    }

    /// The service of these settings.
    pub fn server(store: Store, specs: &'static [Spec]) -> SettingServiceServer<Self> {
        SettingServiceServer::new(Self::new(store, specs))
    }

    /// All of them.
    async fn all(&self) -> Result<Vec<pb::Setting>, Refusal> {
        let rows = record::Entity::find().all(self.store.reader()).await?;
        let of = |spec: &Spec| spec.answer(rows.iter().find(|row| row.key == spec.key));
        Ok(self.specs.iter().map(of).collect())
    }
}

#[tonic::async_trait]
impl SettingService for Settings {
    async fn list_settings(
        &self,
        request: Request<pb::ListSettingsRequest>,
    ) -> Result<Response<pb::ListSettingsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        Ok(Response::new(page(self.all().await?, &ask)?))
    }

    async fn get_setting(&self, request: Request<pb::GetSettingRequest>) -> Result<Response<pb::Setting>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let spec = declared(self.specs, &ask.name)?;
        let row = record::find(self.store.reader(), spec.key).await.map_err(Refusal::from)?;
        Ok(Response::new(spec.answer(row.as_ref())))
    }

    async fn update_setting(
        &self,
        request: Request<pb::UpdateSettingRequest>,
    ) -> Result<Response<pb::Setting>, Status> {
        let specs = self.specs;
        let answer = self
            .store
            .work(request, move |mut work, ask: pb::UpdateSettingRequest| async move {
                let spec = declared(specs, &ask.name)?;
                let value = ask.value.map(|value| spec.take(value)).transpose()?;
                let before = record::lock(&work.tx, spec.key, work.now).await?;
                work.check_etag(&ask.name, &ask.etag, before.version)?;
                let value = value.map(|value| value.to_json());
                if value == before.value {
                    return Ok::<_, Refusal>(work.done(spec.answer(Some(&before))));
                }
                let (version, actor) = (before.version + 1, work.context.actor.clone());
                let after = Model { version, value, since: work.now.max(before.since), actor, ..before.clone() };
                record::save(&work.tx, &after).await?;
                let answer = spec.answer(Some(&after));
                let (was, is) = (spec.value(Some(&before)), spec.value(Some(&after)));
                let change = Change::new(CHANGED, spec.name(), "UpdateSetting").states(was, is).data(&answer);
                work.record(if before.version == 0 { change } else { change.since(before.since) });
                Ok(work.done(answer))
            })
            .await;
        self.store.settings().forget();
        answer
    }

    async fn list_setting_changes(
        &self,
        request: Request<pb::ListSettingChangesRequest>,
    ) -> Result<Response<pb::ListSettingChangesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let spec = declared(self.specs, &ask.name)?;
        let of_setting = history::Entity::find()
            .filter(history::Column::Subject.eq(spec.name()))
            .filter(history::Column::Kind.eq(CHANGED));
        let page = self.store.list(&ask, of_setting, &CHANGES).await?;
        let changes = page.items.iter().map(|row| change(spec, row)).collect::<Result<_, _>>()?;
        Ok(Response::new(pb::ListSettingChangesResponse { changes, next_page_token: page.next_page_token }))
    }
}

/// The setting of this name.
fn declared<'a>(specs: &'a [Spec], name: &str) -> Result<&'a Spec, Refusal> {
    let key = names::SETTINGS.parse_slug(name)?;
    specs.iter().find(|spec| spec.key == key).ok_or_else(|| Refusal::missing(name))
}

impl Spec {
    /// The setting as the wire has it.
    fn answer(&self, row: Option<&Model>) -> pb::Setting {
        let decided = row.filter(|row| row.version > 0);
        pb::Setting {
            name: self.name(),
            etag: row.map_or(0, |row| row.version).to_string(),
            description: self.description.to_owned(),
            kind: self.default().kind().into(),
            value: Some(self.value(row).to_wire()),
            default_value: Some(self.default().to_wire()),
            allowed_values: self.allowed.iter().map(ToString::to_string).collect(),
            is_default: row.is_none_or(|row| row.value.is_none()),
            update_time: decided.map(|row| convert::timestamp(row.since)),
            update_actor: decided.map(|row| row.actor.clone()).unwrap_or_default(),
        }
    }
}

fn change(spec: &Spec, row: &history::Model) -> Result<pb::SettingChange, Refusal> {
    let setting = pb::Setting::decode(row.data.as_slice()).map_err(Refusal::internal)?;
    let previous = serde_json::from_str(&row.from_state).map_err(Refusal::internal)?;
    let previous_value = Value::of_json(&previous, spec.default().kind()).map(|value| value.to_wire());
    Ok(pb::SettingChange { setting: Some(setting), previous_value })
}
