//! A part that tells whom its handlers take the caller for, on paths that ask for permissions.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::security::{Caller, SecurityConfig, TokenConfig};
use dealflow_chassis::serve::{Part, ServeConfig, Serving, serve};
use dealflow_chassis::tls::ClientTls;
use dealflow_testbed::keys::{AUDIENCE, ISSUER, Provider};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http::uri::PathAndQuery;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

/// Answers every method with what it sees of the caller.
#[derive(Clone)]
pub struct Whom;

impl NamedService for Whom {
    const NAME: &'static str = "dealflow.leads.v1.LeadService";
}

impl Service<http::Request<Body>> for Whom {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<String, String>::default());
            let tell = service_fn(|request: Request<String>| async move {
                let header = |name: &str| text(request.metadata(), name);
                let caller = request.extensions().get::<Arc<Caller>>().map(|caller| caller.actor.clone());
                let sees = request.metadata().get("dealflow-sees").and_then(|sees| sees.to_str().ok());
                let sees = sees.map(|sees| format!(" sees {sees}")).unwrap_or_default();
                let token = if request.metadata().contains_key("authorization") { " with its token" } else { "" };
                Ok::<_, Status>(Response::new(format!(
                    "{} [{}] {}{token} = {}{sees}",
                    header("dealflow-actor"),
                    header("dealflow-roles"),
                    header("dealflow-flow"),
                    caller.unwrap_or_default(),
                )))
            });
            Ok(grpc.unary(tell, request).await)
        })
    }
}

fn text(metadata: &MetadataMap, name: &str) -> String {
    metadata.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// A server that believes the tokens of a provider.
pub fn believing(provider: &Provider, folder: &Path) -> SecurityConfig {
    let tokens = TokenConfig {
        keys: Some(provider.write(folder).display().to_string()),
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        ..TokenConfig::default()
    };
    SecurityConfig { tokens, ..SecurityConfig::default() }
}

/// Serves until the guard is dropped.
pub async fn serving(security: SecurityConfig) -> (Serving, DropGuard) {
    serving_part(Part::new("whom").service(Whom), security).await
}

/// The same with another part.
pub async fn serving_part(part: Part, security: SecurityConfig) -> (Serving, DropGuard) {
    let stop = CancellationToken::new();
    let config = ServeConfig { security, ..ServeConfig::default() };
    let serving = serve(part, config, stop.clone()).await.expect("it serves");
    (serving, stop.drop_guard())
}

/// A link to a server at `localhost`, the name in its certificate.
pub fn secure(serving: &Serving, tls: &ClientTls) -> Link {
    let address = format!("https://localhost:{}", serving.address.port());
    Link::remote(&address, &LinkConfig { tls: Some(tls.clone()), ..LinkConfig::default() }).expect("an address")
}

/// Calls a method with headers, and says what the handler saw.
pub async fn ask(link: &Link, method: &str, headers: &[(&'static str, &str)]) -> Result<String, Status> {
    let mut request = Request::new(String::new());
    for (name, value) in headers {
        request.metadata_mut().insert(*name, value.parse().expect("ASCII"));
    }
    let mut client = tonic::client::Grpc::new(link.clone());
    client.ready().await?;
    let path = PathAndQuery::try_from(format!("/{}/{method}", Whom::NAME)).expect("a path");
    client.unary(request, path, ProstCodec::<String, String>::default()).await.map(Response::into_inner)
}

/// The same with a token.
pub async fn ask_with(link: &Link, method: &str, token: &str) -> Result<String, Status> {
    ask(link, method, &[("authorization", &format!("Bearer {token}"))]).await
}

/// Streams a first message, and nothing more, on the path of a stream that asks for a permission.
#[derive(Clone)]
pub struct News;

impl NamedService for News {
    const NAME: &'static str = "dealflow.activities.v1.NotificationService";
}

impl Service<http::Request<Body>> for News {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<String, String>::default());
            let tell = service_fn(|request: Request<String>| async move {
                let first = futures::stream::iter([Ok(request.into_inner())]);
                Ok::<_, Status>(Response::new(first.chain(futures::stream::pending()).boxed() as BoxStream<_>))
            });
            Ok(grpc.server_streaming(tell, request).await)
        })
    }
}

/// Opens a stream of news, and waits for its first message.
pub async fn watch(link: &Link, token: &str) -> Result<Streaming<String>, Status> {
    watch_with(&link.clone().bearing(token).expect("a token is ASCII"), Request::new("news".to_owned())).await
}

/// The same as a part of the suite.
pub async fn watch_as_part(link: &Link) -> Result<Streaming<String>, Status> {
    watch_with(link, Request::new("news".to_owned())).await
}

/// The same as a part of the suite, for somebody in this role.
pub async fn watch_for(link: &Link, role: &str) -> Result<Streaming<String>, Status> {
    let mut request = Request::new("news".to_owned());
    request.metadata_mut().insert("dealflow-actor", "employees/ann".parse().expect("ASCII"));
    request.metadata_mut().insert("dealflow-roles", role.parse().expect("ASCII"));
    watch_with(link, request).await
}

async fn watch_with(link: &Link, request: Request<String>) -> Result<Streaming<String>, Status> {
    let mut client = tonic::client::Grpc::new(link.clone());
    client.ready().await?;
    let path = PathAndQuery::from_static("/dealflow.activities.v1.NotificationService/WatchNotifications");
    let codec = ProstCodec::<String, String>::default();
    let mut news = client.server_streaming(request, path, codec).await?.into_inner();
    assert_eq!(news.message().await?.as_deref(), Some("news"));
    Ok(news)
}
