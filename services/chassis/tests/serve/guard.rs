//! Who a handler takes the caller for, what roles may do, and how often.

use std::convert::Infallible;
use std::time::Duration;

use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::security::{Roles, SecurityConfig};
use dealflow_chassis::serve::{Admin, Part, ServeConfig, serve};
use dealflow_proto::access::v1::Permission;
use dealflow_proto::methods;
use dealflow_testbed::keys::Provider;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt;
use tower::{Service, ServiceExt};

use crate::pig::{eventually, remote};
use crate::whom::{News, Whom, ask, ask_with, believing, serving, serving_part, watch, watch_as_part, watch_for};

const ANN: &str = "01890000-0000-7000-8000-00000000000a";

/// R-SEC-1: what a caller says of itself in headers counts for nothing; the token says who it is, and goes no further.
#[tokio::test]
async fn headers_make_nobody_somebody_else() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let (server, _stop) = serving(believing(&house, folder.path())).await;
    let token = format!("Bearer {}", house.token(ANN, &["sales_rep", "of_another_program"]));
    let posing = [
        ("authorization", token.as_str()),
        ("dealflow-actor", "erp"),
        ("dealflow-roles", "admin"),
        ("dealflow-flow", "01890000-0000-7000-8000-000000000001"),
        ("dealflow-sees", "01890000-0000-7000-8000-00000000000b"),
    ];
    let seen = ask(&remote(&server), "GetLead", &posing).await.unwrap();
    assert_eq!(seen, format!("employees/{ANN} [sales_rep]  = employees/{ANN} sees {}", ids(&[ANN])));
    let refused = ask(&remote(&server), "LinkOpportunity", &posing).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let info = refused.get_details_error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.metadata["permission"].as_str()), ("PERMISSION_DENIED", "parts"));
}

/// R-SEC-1: in one process the gateway's user is the user of the part behind it; the part itself is the suite.
#[tokio::test]
async fn a_part_in_this_process_is_told_for_whom_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let (behind, _behind) = serving(believing(&house, folder.path())).await;
    let gate = Part::new("gate").pass_on("dealflow.leads.v1.LeadService", behind.link.clone());
    let (gate, _gate) = serving_part(gate, believing(&house, folder.path())).await;
    let link = remote(&gate);
    let rep = house.token(ANN, &["sales_rep"]);
    assert_eq!(
        ask_with(&link, "GetLead", &rep).await.unwrap(),
        format!("employees/{ANN} [sales_rep]  = employees/{ANN} sees {}", ids(&[ANN]))
    );
    for (method, link) in [("DistributeLeads", &link), ("LinkOpportunity", &link)] {
        assert_eq!(ask_with(link, method, &rep).await.unwrap_err().code(), Code::PermissionDenied, "{method}");
    }
    // A step of a flow: for somebody, and by the suite.
    let step = ask(&behind.link, "LinkOpportunity", &[("dealflow-actor", "employees/ann")]).await.unwrap();
    assert_eq!(step, "employees/ann []  = employees/ann");
}

/// Employees as a header says whose records are seen.
fn ids(employees: &[&str]) -> String {
    employees.iter().map(|id| id.replace('-', "")).collect::<Vec<_>>().join(",")
}

/// R-SEC-1: what a caller sees is found out where he comes in, and passed on: his own and those of whom he leads, or
/// everybody's by his role. A part that names a user and does not say what he sees shows him nobody's own.
#[tokio::test]
async fn whose_records_are_seen_is_found_out_at_the_gate() {
    const BOB: &str = "01890000-0000-7000-8000-00000000000b";
    const HEAD: &str = "01890000-0000-7000-8000-00000000000c";
    const LOST: &str = "01890000-0000-7000-8000-00000000000d";
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let (behind, _behind) = serving(believing(&house, folder.path())).await;
    let gate = Part::new("gate").pass_on("dealflow.leads.v1.LeadService", behind.link.clone());
    let gate = gate.reports(|manager| {
        Box::pin(async move {
            match manager.to_string().as_str() {
                ANN => Ok(vec![BOB.parse().unwrap()]),
                HEAD => Ok((0..400).map(uuid::Uuid::from_u128).collect()),
                LOST => Err(tonic::Status::unavailable("nobody knows now")),
                _ => Ok(Vec::new()),
            }
        })
    });
    let (gate, _gate) = serving_part(gate, believing(&house, folder.path())).await;
    let link = remote(&gate);
    let sees = async |name: &str, role: &str| {
        let told = ask_with(&link, "GetLead", &house.token(name, &[role])).await?;
        Ok::<_, tonic::Status>(told.split_once(" sees ").map(|(_, sees)| sees.to_owned()))
    };
    assert_eq!(sees(ANN, "sales_rep").await.unwrap(), Some(ids(&[ANN, BOB])), "hers and those of whom she leads");
    assert_eq!(sees(BOB, "sales_rep").await.unwrap(), Some(ids(&[BOB])));
    assert_eq!(sees("users/x", "sales_rep").await.unwrap(), Some(String::new()), "no employee, nobody's own");
    for role in ["sales_ops", "auditor", "service", "admin"] {
        assert_eq!(sees(ANN, role).await.unwrap(), None, "{role} sees all");
    }
    let refused = sees(HEAD, "sales_manager").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("records_all"), "{refused}");
    assert_eq!(
        sees(LOST, "sales_rep").await.unwrap_err().code(),
        Code::Unavailable,
        "what is not known is not guessed"
    );
    let unsaid = [("dealflow-actor", "employees/ann"), ("dealflow-roles", "sales_rep")];
    assert_eq!(
        ask(&behind.link, "GetLead", &unsaid).await.unwrap(),
        "employees/ann [sales_rep]  = employees/ann sees "
    );
}

/// R-SEC-1: health is for everybody, reflection for whoever is known, a page for whoever has its secret, all else for
/// those permitted; nothing of it depends on how a request calls itself.
#[tokio::test]
async fn only_health_and_pages_are_open() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let page = tower::service_fn(|_| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let part = Part::new("whom").service(Whom).http("calendar", page);
    let (server, _stop) = serving_part(part, believing(&house, folder.path())).await;
    let link = remote(&server);
    let token = format!("Bearer {}", house.token(ANN, &[]));
    let code = async |path: &str, content_type: &str, token: Option<&str>| {
        let mut request = http::Request::post(format!("{}{path}", server.uri())).header("content-type", content_type);
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = link.clone().ready().await.unwrap().call(request).await.unwrap();
        let code = answer.headers().get("grpc-status").map(|code| code.to_str().unwrap().to_owned());
        let status = answer.status();
        drop(answer.into_body().collect().await);
        match (status, code.as_deref()) {
            (StatusCode::UNAUTHORIZED, _) | (_, Some("16")) => "who?",
            (StatusCode::FORBIDDEN, _) | (_, Some("7")) => "no",
            _ => "in",
        }
    };
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    for content_type in ["application/grpc", "application/grpc+proto", "application/json", "text/html"] {
        for (path, nobody, somebody) in [
            ("/grpc.health.v1.Health/Check", "in", "in"),
            ("/calendar/x/y.ics", "in", "in"),
            (reflection, "who?", "in"),
            ("/dealflow.leads.v1.LeadService/GetLead", "who?", "no"),
            ("/dealflow.leads.v1.LeadService/Unheard", "who?", "no"),
            ("//dealflow.leads.v1.LeadService/GetLead", "who?", "no"),
            ("/dealflow.unheard.v1.Service/Get", "who?", "no"),
            ("/calendars/x", "who?", "no"),
            ("/", "who?", "no"),
        ] {
            assert_eq!(code(path, content_type, None).await, nobody, "{path} as {content_type}, nobody");
            assert_eq!(code(path, content_type, Some(&token)).await, somebody, "{path} as {content_type}, somebody");
        }
    }
}

/// R-SEC-1: for every role and every RPC of leads, the server does what the table says.
#[tokio::test]
async fn a_server_keeps_to_the_table_of_roles() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let security = SecurityConfig { caller_rate: 0, ..believing(&house, folder.path()) };
    let (server, _stop) = serving(security).await;
    let (link, roles) = (remote(&server), Roles::default());
    let service = "/dealflow.leads.v1.LeadService/";
    let mut pairs = 0;
    for role in roles.names() {
        let token = house.token(ANN, &[role]);
        for method in methods::ALL {
            let Some(name) = method.path.strip_prefix(service) else { continue };
            let may = roles.permissions([role]).contain(method.permission());
            let code = ask_with(&link, name, &token).await.map_or_else(|status| status.code(), |_| Code::Ok);
            assert_eq!(code, if may { Code::Ok } else { Code::PermissionDenied }, "{role} {name}");
            pairs += 1;
        }
    }
    assert!(pairs > 80, "{pairs}");
    assert!(!roles.permissions(["admin"]).contain(Permission::Parts));
}

/// R-SEC-1: a caller who calls too often is told when to come back, and nobody else notices.
#[tokio::test]
async fn one_caller_does_not_take_the_place_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let (server, _stop) = serving(SecurityConfig { caller_rate: 5, ..believing(&house, folder.path()) }).await;
    let link = remote(&server);
    let (ann, bob) = (house.token("ann", &["sales_rep"]), house.token("bob", &["sales_rep"]));
    let mut refused = None;
    for _ in 0..40 {
        if let Err(status) = ask_with(&link, "GetLead", &ann).await {
            refused = Some(status);
            break;
        }
    }
    let refused = refused.expect("forty calls are more than ten");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.get_details_error_info().unwrap().reason, "RATE_LIMITED");
    let wait = refused.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert!(wait <= Duration::from_millis(200), "{wait:?}");
    assert!(ask_with(&link, "GetLead", &bob).await.is_ok());
    eventually("she may call again", async || ask_with(&link, "GetLead", &ann).await.is_ok()).await;
}

/// Platform, item 16: the places for streams are for all: one caller has so many of them, and is told what to do for more.
#[tokio::test]
async fn one_caller_does_not_take_all_streams() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let (server, _stop) = serving_part(Part::new("news").service(News), believing(&house, folder.path())).await;
    let link = remote(&server);
    let (ann, bob) = (house.token("ann", &["sales_rep"]), house.token("bob", &["sales_rep"]));
    let mut open = Vec::new();
    for _ in 0..ServeConfig::default().max_streams_per_caller {
        open.push(watch(&link, &ann).await.expect("it is one of her places"));
    }
    let refused = watch(&link, &ann).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.get_details_error_info().unwrap().reason.as_str()),
        (Code::ResourceExhausted, "RATE_LIMITED")
    );
    assert!(refused.message().contains("end one of them") && refused.get_details_retry_info().is_some(), "{refused:?}");
    assert!(watch(&link, &bob).await.is_ok(), "nobody else notices");
    open.pop();
    eventually("her place is free again", async || watch(&link, &ann).await.is_ok()).await;
}

/// Platform, item 16: a part that reads a feed finds a place however many streams people have open.
#[tokio::test]
async fn people_take_no_stream_of_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let security = believing(&house, folder.path());
    let config = ServeConfig { max_streams: 3, security, ..ServeConfig::default() };
    let stop = CancellationToken::new();
    let server = serve(Part::new("news").service(News), config, stop.clone()).await.unwrap();
    let link = remote(&server);
    let mut open = Vec::new();
    for name in ["ann", "bob", "cem"] {
        let mut news = watch(&link, &house.token(name, &["sales_rep"])).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(50), news.message()).await.is_err(), "{name}'s is open");
        open.push(news);
    }
    let mut one_more = watch(&link, &house.token("dan", &["sales_rep"])).await.unwrap();
    assert_eq!(one_more.message().await.unwrap_err().code(), Code::ResourceExhausted);
    // In this process: a part, for itself.
    let mut of_part = watch_as_part(&server.link).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), of_part.message()).await.is_err(), "it is open");
    // And for a user of its own: he is one of the people.
    let mut of_user = watch_for(&server.link, "sales_rep").await.unwrap();
    assert_eq!(of_user.message().await.unwrap_err().code(), Code::ResourceExhausted);
}

/// Platform, item 16: health is for everybody, and whoever watches it takes no place of those who come with a token.
#[tokio::test]
async fn who_watches_health_takes_no_place_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let security = believing(&house, folder.path());
    let config = ServeConfig { max_streams: 8, security, ..ServeConfig::default() };
    let stop = CancellationToken::new();
    let server = serve(Part::new("news").service(News), config, stop.clone()).await.unwrap();
    let link = remote(&server);
    let (open, refused) = watch_health(&link).await;
    assert_eq!((refused.code(), open.len()), (Code::ResourceExhausted, 8));
    assert!(watch(&link, &house.token(ANN, &["sales_rep"])).await.is_ok(), "she has a place");
    let request = HealthCheckRequest { service: "ready".to_owned() };
    assert!(HealthClient::new(link.clone()).check(request).await.is_ok(), "and a probe that asks is answered");

    let admin = Admin::serve("127.0.0.1:0".parse().unwrap(), &[&server]).await.unwrap();
    let link = Link::remote(&format!("http://{}", admin.address), &LinkConfig::default()).unwrap();
    let (open, refused) = watch_health(&link).await;
    assert_eq!((refused.code(), open.len()), (Code::ResourceExhausted, 64), "the operators' port");
    let request = HealthCheckRequest { service: "live".to_owned() };
    assert!(HealthClient::new(link.clone()).check(request).await.is_ok(), "a probe that asks is answered there, too");
    admin.stop().await;
}

/// Watches health until it is refused: the open streams, and what was said then.
async fn watch_health(link: &Link) -> (Vec<Streaming<HealthCheckResponse>>, Status) {
    let mut open = Vec::new();
    loop {
        let request = HealthCheckRequest { service: "ready".to_owned() };
        let mut watch = HealthClient::new(link.clone()).watch(request).await.unwrap().into_inner();
        watch.message().await.unwrap();
        match tokio::time::timeout(Duration::from_millis(100), watch.message()).await {
            Err(_silent) => open.push(watch),
            Ok(ended) => return (open, ended.unwrap_err()),
        }
    }
}

/// Where nobody is asked, everything is as it was: headers are believed, and any address of this machine serves.
#[tokio::test]
async fn a_laptop_needs_no_token() {
    let (server, _stop) = serving(SecurityConfig::default()).await;
    let link = Link::remote(&server.uri(), &LinkConfig::default()).unwrap();
    let seen = ask(&link, "DistributeLeads", &[("dealflow-actor", "employees/ann")]).await.unwrap();
    assert_eq!(seen, "employees/ann []  = ");
}
