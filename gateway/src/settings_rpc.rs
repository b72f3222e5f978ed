//! The settings of all parts in one place: the word before the dot says whose a setting is.
//!
//! A value is asked for its form where its setting is declared; what only another part can know is asked here, before the
//! value holds and not when a deal trips over it.

use dealflow_chassis::link::Link;
use dealflow_chassis::settings::{self, Settings};
use dealflow_chassis::work::check;
use dealflow_chassis::{Context, Refusal, Store};
use dealflow_proto::opportunities::v1::GetProcessRequest;
use dealflow_proto::settings::v1::setting_service_client::SettingServiceClient;
use dealflow_proto::settings::v1::setting_service_server::SettingService;
use dealflow_proto::settings::v1::{
    GetSettingRequest, ListSettingChangesRequest, ListSettingChangesResponse, ListSettingsRequest,
    ListSettingsResponse, Setting, UpdateSettingRequest,
};
use dealflow_proto::{Validate, names};
use futures::future::try_join_all;
use tonic::{Code, Request, Response, Status};

use crate::calls::{Ask, Neighbours};
use crate::settings::{DEFAULT_PROCESS, SETTINGS};

/// The service.
#[derive(Clone)]
pub(crate) struct SettingRpc {
    own: Settings,
    to: Neighbours,
    others: Vec<(&'static str, Link)>,
}

impl SettingRpc {
    /// The gateway's own settings in its store, and those of its neighbours.
    pub(crate) fn new(store: Store, to: &Neighbours) -> Self {
        let others = vec![
            ("leads", to.leads.clone()),
            ("opportunities", to.opportunities.clone()),
            ("activities", to.activities.clone()),
            ("orders", to.orders.clone()),
        ];
        Self { own: Settings::new(store, SETTINGS), to: to.clone(), others }
    }

    /// Whose setting it is; what is nobody else's is looked for here.
    fn owner(&self, name: &str) -> Result<Option<SettingServiceClient<Link>>, Refusal> {
        let key = names::SETTINGS.parse_slug(name)?;
        let part = key.split('.').next().unwrap_or_default();
        let link = self.others.iter().find(|(other, _)| *other == part);
        Ok(link.map(|(_, link)| SettingServiceClient::new(link.clone())))
    }

    /// Refuses a process that the library does not have: every lead would be refused for it.
    async fn check_known(&self, request: &Request<UpdateSettingRequest>) -> Result<(), Status> {
        let ask = request.get_ref();
        let named = ask.value.as_ref().and_then(|value| value.text.clone());
        let named = named.filter(|name| names::PROCESSES.parse_slug(name).is_ok());
        let Some(name) = named.filter(|_| ask.name == DEFAULT_PROCESS.spec().name()) else { return Ok(()) };
        let mut asked = Request::new(GetProcessRequest { name: name.clone(), version: 0 });
        Context::of(request.metadata())?.carry(asked.metadata_mut());
        match GetProcessRequest::send(&self.to, asked).await {
            Err(status) if matches!(status.code(), Code::NotFound | Code::InvalidArgument) => {
                Err(Refusal::field("value", format!("a process of the library; there is no {name}")).into())
            }
            answer => answer.map(drop),
        }
    }
}

/// What goes on to another part: the message, and who asks.
fn onward<Q: Validate>(request: Request<Q>) -> Result<Request<Q>, Refusal> {
    check(request.get_ref())?;
    let context = Context::of(request.metadata())?;
    let mut onward = Request::new(request.into_inner());
    context.carry(onward.metadata_mut());
    Ok(onward)
}

#[tonic::async_trait]
impl SettingService for SettingRpc {
    async fn list_settings(
        &self,
        request: Request<ListSettingsRequest>,
    ) -> Result<Response<ListSettingsResponse>, Status> {
        let ask = onward(request)?.into_inner();
        let everything = || ListSettingsRequest { page_size: 1000, ..Default::default() };
        let others = self.others.iter().map(|(_, link)| async move {
            SettingServiceClient::new(link.clone()).list_settings(everything()).await.map(Response::into_inner)
        });
        let own = self.own.list_settings(Request::new(everything())).await?.into_inner();
        let mut all = own.settings;
        all.extend(try_join_all(others).await?.into_iter().flat_map(|page| page.settings));
        Ok(Response::new(settings::page(all, &ask)?))
    }

    async fn get_setting(&self, request: Request<GetSettingRequest>) -> Result<Response<Setting>, Status> {
        let request = onward(request)?;
        match self.owner(&request.get_ref().name)? {
            Some(mut owner) => owner.get_setting(request).await,
            None => self.own.get_setting(request).await,
        }
    }

    async fn update_setting(&self, request: Request<UpdateSettingRequest>) -> Result<Response<Setting>, Status> {
        let request = onward(request)?;
        match self.owner(&request.get_ref().name)? {
            Some(mut owner) => owner.update_setting(request).await,
            None => {
                self.check_known(&request).await?;
                self.own.update_setting(request).await
            }
        }
    }

    async fn list_setting_changes(
        &self,
        request: Request<ListSettingChangesRequest>,
    ) -> Result<Response<ListSettingChangesResponse>, Status> {
        let request = onward(request)?;
        match self.owner(&request.get_ref().name)? {
            Some(mut owner) => owner.list_setting_changes(request).await,
            None => self.own.list_setting_changes(request).await,
        }
    }
}
