//! The whole suite behind tokens and certificates: a deal goes through, each call in its caller's name, and nobody gets
//! further than his role.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use dealflow::api::{Api, new_id};
use dealflow::suite::{Addresses, Databases, PartName, Plan, Suite};
use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::security::{Roles, SecurityConfig, TokenConfig};
use dealflow_chassis::tls::{ClientTls, TlsConfig};
use dealflow_proto::gateway::v1::GetDealRequest;
use dealflow_proto::leads::v1::{CreateLeadRequest, GetLeadRequest, Lead};
use dealflow_proto::methods;
use dealflow_proto::orders::v1::{CancelOrderRequest, HoldOrderRequest, ReleaseOrderRequest, order};
use dealflow_proto::settings::v1::ListSettingsRequest;
use dealflow_testbed::keys::{AUDIENCE, Authority, ISSUER, Provider};
use dealflow_testbed::{TestDb, both};
use dealflow_tests::{Sandbox, raw};
use tonic::{Code, Request};

const ANN: &str = "01890000-0000-7000-8000-00000000000a";

/// Believes the tokens of a provider; no limit, since a matrix is asked at once.
fn believing(provider: &Provider, folder: &Path) -> SecurityConfig {
    let tokens = TokenConfig {
        keys: Some(provider.write(folder).display().to_string()),
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        ..TokenConfig::default()
    };
    SecurityConfig { tokens, caller_rate: 0, ..SecurityConfig::default() }
}

both! {
    /// R-SEC-1: behind tokens a deal goes its whole way; what its caller did, and what followed from it, is in the name of
    /// the token, whatever the caller says of itself.
    async fn a_deal_behind_tokens_is_in_the_name_of_who_did_it(db: TestDb) {
        let folder = tempfile::tempdir().expect("a folder");
        let house = Provider::new("house");
        let token = house.token(ANN, &["admin"]);
        let sandbox = Sandbox::start_behind(&db, believing(&house, folder.path()), &token).await;
        let deal = sandbox.deal_won_by_activities().await;
        sandbox.fulfill(&deal).await;
        let posing = Api::new(&sandbox.link, "employees/01890000-0000-7000-8000-00000000000f");
        let ask = posing.ask(GetDealRequest { opportunity: deal, ..Default::default() });
        let view = posing.deals.clone().get_deal(ask).await.expect("it is there").into_inner();
        let mut actors: BTreeMap<&str, usize> = BTreeMap::new();
        for event in &view.timeline {
            *actors.entry(&event.actor).or_default() += 1;
        }
        let ann = actors.get(format!("employees/{ANN}").as_str()).copied().unwrap_or_default();
        assert!(ann > 20, "{actors:?}");
        assert!(actors.keys().all(|actor| *actor == format!("employees/{ANN}") || !actor.starts_with("employees/")), "{actors:?}");
        sandbox.finish().await;
    }
}

both! {
    /// R-ORD-1, R-SEC-1: an order that the ERP has is changed by programs that may report what the ERP did, and by the suite;
    /// not by a person, however the token names him, and whatever he says of himself.
    async fn an_order_that_the_erp_has_is_changed_by_who_reports_what_the_erp_did(db: TestDb) {
        let folder = tempfile::tempdir().expect("a folder");
        let house = Provider::new("house");
        let sandbox = Sandbox::start_behind(&db, believing(&house, folder.path()), &house.token(ANN, &["admin"])).await;
        let deal = sandbox.deal_without_process().await;
        sandbox.propose(&deal).await;
        sandbox.accept(&deal).await;
        sandbox.rest().await;
        let name = sandbox.view(&deal).await.orders[0].name.clone();
        let with = |who: &str, role: &str| {
            let link = sandbox.open_link().bearing(&house.token(who, &[role])).expect("a token is ASCII");
            Api::new(&link, "erp")
        };
        let hold = async |api: &Api| {
            let reason = "wait".to_owned();
            let ask = HoldOrderRequest { name: name.clone(), reason, request_id: new_id(), ..Default::default() };
            api.orders.clone().hold_order(api.ask(ask)).await.map(tonic::Response::into_inner)
        };
        let cancel = async |api: &Api| {
            let reason = "gone".to_owned();
            let ask = CancelOrderRequest { name: name.clone(), reason, request_id: new_id(), ..Default::default() };
            api.orders.clone().cancel_order(api.ask(ask)).await.map(tonic::Response::into_inner)
        };
        for (who, role) in [(ANN, "sales_ops"), (ANN, "admin"), ("bob", "sales_ops"), ("erp", "sales_ops")] {
            let person = with(who, role);
            for refused in [hold(&person).await, cancel(&person).await] {
                let refused = refused.expect_err("the ERP has it");
                assert_eq!(refused.code(), Code::PermissionDenied, "{who} {role}: {refused}");
                assert!(refused.message().contains("the ERP has it"), "{who} {role}: {refused}");
            }
        }
        let program = with("bridge", "service");
        assert_eq!(hold(&program).await.expect("it may").state(), order::State::OnHold);
        let ask = ReleaseOrderRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
        let on = program.orders.clone().release_order(program.ask(ask)).await.expect("it may").into_inner();
        assert_eq!(on.state(), order::State::Submitted);
        assert_eq!(cancel(&program).await.expect("the ERP agreed").state(), order::State::Canceled);
        sandbox.stop().await;
    }
}

/// R-SEC-1: at the gateway, for every role and every RPC: without a token nobody, with one what the table says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_gets_as_far_as_the_table_says_at_every_rpc() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = Provider::new("house");
    let db = TestDb::new(dealflow_testbed::Kind::Sqlite).await;
    let sandbox = Sandbox::start_behind(&db, believing(&house, folder.path()), &house.token(ANN, &["admin"])).await;
    let roles = Roles::default();
    let open = sandbox.open_link();
    let all: Vec<_> = raw::API.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    let mut refused = 0;
    for method in &all {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let asks = methods::ALL.iter().find(|known| known.path == path).expect("it is in the table").permission();
        let code = async |link: &Link| {
            // A stream that opens has let its caller in.
            let patience = Duration::from_millis(if method.is_server_streaming() { 500 } else { 60_000 });
            let call = tokio::time::timeout(patience, raw::call(link, method, Vec::new()));
            call.await.map_or(Code::Ok, |answer| answer.map_or_else(|status| status.code(), |_| Code::Ok))
        };
        assert_eq!(code(&open).await, Code::Unauthenticated, "{path}");
        for role in roles.names() {
            let link = sandbox.open_link().bearing(&house.token(ANN, &[role])).expect("a token is ASCII");
            let code = code(&link).await;
            let may = roles.permissions([role]).contain(asks);
            assert_eq!(code != Code::PermissionDenied, may, "{role} {path}: {code:?}");
            assert_ne!(code, Code::Unauthenticated, "{role} {path}");
            refused += usize::from(!may);
        }
    }
    println!("{} RPCs, {} roles, {refused} pairs refused", all.len(), roles.names().len());
    sandbox.stop().await;
}

/// The parts as Kubernetes runs them: each alone, mTLS between them, tokens at the gateway.
struct Apart {
    parts: Vec<Suite>,
    gateway: String,
    leads: String,
    believes: ClientTls,
}

impl Apart {
    async fn start(folder: &Path, house: &Provider, authority: &Authority) -> Self {
        let ca = authority.write(folder, "ca");
        let own = |part: PartName| {
            let uri = format!("spiffe://house/{part}");
            let files = authority.certify(folder, part.word(), &["localhost"], Some(&uri));
            TlsConfig { cert: Some(files.cert), key: Some(files.key), ca: Some(ca.clone()), ..TlsConfig::default() }
        };
        let mut parts = Vec::new();
        let mut at = BTreeMap::new();
        let gateway = [PartName::Gateway];
        for name in PartName::ALL.into_iter().filter(|name| *name != PartName::Gateway).chain(gateway) {
            let mut plan = Plan::embedded(folder);
            plan.databases = Databases::embedded(folder);
            plan.serve.security = if name == PartName::Gateway {
                SecurityConfig { tls: own(name), ..believing(house, folder) }
            } else {
                let peers = vec!["spiffe://house/gateway".to_owned()];
                let tls = TlsConfig { client_ca: Some(ca.clone()), peers, ..own(name) };
                SecurityConfig { tls, ..SecurityConfig::default() }
            };
            let url = |part| at.get(&part).cloned().unwrap_or_default();
            let addresses = Addresses {
                leads_url: url("leads"),
                opportunities_url: url("opportunities"),
                activities_url: url("activities"),
                orders_url: url("orders"),
                erp_url: url("erp"),
            };
            let suite = Suite::start_one(&plan, name, &addresses).await.expect("the part starts");
            let (_, address) = suite.addresses().next().expect("it listens");
            at.insert(name.word(), format!("https://localhost:{}", address.port()));
            parts.push(suite);
        }
        let believes = ClientTls::believing(Some(&ca)).expect("the authority's file");
        Self { parts, gateway: at["gateway"].clone(), leads: at["leads"].clone(), believes }
    }

    fn link(&self, address: &str) -> Link {
        let config = LinkConfig { tls: Some(self.believes.clone()), ..LinkConfig::default() };
        Link::remote(address, &config).expect("an address")
    }

    async fn stop(self) {
        for part in self.parts.into_iter().rev() {
            part.stop().await;
        }
    }
}

fn new_lead(title: &str) -> CreateLeadRequest {
    let lead = Lead { title: title.to_owned(), company_name: "Works".to_owned(), ..Lead::default() };
    CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..CreateLeadRequest::default() }
}

/// R-SEC-1: parts apart speak mTLS: the gateway brings its users to them by name and role, and nobody else reaches them,
/// not with a token that the gateway takes, and not with another part's certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_apart_are_reached_through_the_gateway_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (house, authority) = (Provider::new("house"), Authority::new());
    let apart = Apart::start(folder.path(), &house, &authority).await;
    let with = |address: &str, roles: &[&str]| {
        let link = apart.link(address).bearing(&house.token(ANN, roles)).expect("a token is ASCII");
        Api::new(&link, "nobody")
    };
    let rep = with(&apart.gateway, &["sales_rep"]);
    let lead = rep.leads.clone().create_lead(rep.ask(new_lead("Pumps"))).await.expect("a rep may").into_inner();
    let read = rep.leads.clone().get_lead(rep.ask(GetLeadRequest { name: lead.name })).await;
    assert_eq!(read.expect("it is there").into_inner().title, "Pumps");
    let settings = rep.settings.clone().list_settings(rep.ask(ListSettingsRequest::default())).await;
    assert_eq!(settings.expect_err("that is an operator's").code(), Code::PermissionDenied);
    let operator = with(&apart.gateway, &["operator"]);
    let settings = operator.settings.clone().list_settings(operator.ask(ListSettingsRequest::default())).await;
    assert!(!settings.expect("an operator may").into_inner().settings.is_empty(), "those of all parts");
    let refused = operator.leads.clone().create_lead(operator.ask(new_lead("No"))).await.expect_err("he may not");
    assert_eq!(refused.code(), Code::PermissionDenied);

    let direct = with(&apart.leads, &["admin"]);
    let refused = direct.leads.clone().create_lead(direct.ask(new_lead("No"))).await;
    assert!(refused.is_err(), "without a certificate the handshake fails: {refused:?}");
    let ca = folder.path().join("ca.pem");
    let orders = authority.certify(folder.path(), "other", &["localhost"], Some("spiffe://house/orders"));
    let tls = TlsConfig { cert: Some(orders.cert), key: Some(orders.key), ca: Some(ca), ..TlsConfig::default() };
    let tls = Some(ClientTls::of(&tls).expect("the files can be used"));
    let link = Link::remote(&apart.leads, &LinkConfig { tls, ..LinkConfig::default() }).expect("an address");
    let mut leads = dealflow_proto::leads::v1::lead_service_client::LeadServiceClient::new(link);
    let refused = leads.create_lead(Request::new(new_lead("No"))).await.expect_err("not on the list");
    assert_eq!(refused.code(), Code::Unauthenticated);
    apart.stop().await;
}
