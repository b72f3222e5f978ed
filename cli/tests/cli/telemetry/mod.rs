//! What a suite tells its operators: scrapes, a collector, and what is different when that one is dead (nothing).

mod sink;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use dealflow::api::{Api, new_id};
use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::tls::TlsConfig;
use dealflow_proto::gateway::v1::{
    AcceptQuoteRequest, DealProgress, DevelopDealRequest, FulfillDealRequest, ProposeQuoteRequest, QualifyLeadRequest,
};
use dealflow_proto::google::type_::{Decimal, Money};
use dealflow_proto::leads::v1::{CreateLeadRequest, Lead};
use dealflow_proto::types::v1::{Bant, BudgetStatus, Line, Need, Vat, VatCategory};
use dealflow_testbed::keys::Authority;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tonic::Request;

use self::sink::{Sink, Span};
use super::run;
use super::serve::Serving;

/// How long something may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// Who buys what: data of a customer, that no trace may hold.
const COMPANY: &str = "Aldermoor-canary";
const GOODS: &str = "Pump-canary";
const GOES: &str = "a step of the deal goes through";

/// The text of a scrape.
fn scrape(serving: &Serving) -> String {
    let admin = serving.admin.as_deref().expect("there is a port for operators").trim_start_matches("http://");
    let mut stream = TcpStream::connect(admin).expect("it listens");
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n").expect("it is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it is answered");
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{}", text.lines().next().unwrap_or_default());
    text
}

/// Waits until a look gives something.
#[track_caller]
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < DEADLINE, "it does not come");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_scrape_tells_of_calls_flows_hand_overs_stages_pools_and_the_build_and_holds_no_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start_with(folder.path(), &["--admin-listen", "127.0.0.1:0"], &[]);
    let bench = ["bench", "1", "--warm-up", "0", "--concurrency", "1", "--gateway", &serving.gateway];
    assert_eq!(run(&bench).code, Some(0));
    let expected = [
        r#"rpc_server_call_duration_seconds_count{dealflow_part="gateway",rpc_method="dealflow.gateway.v1.DealService/QualifyLead",rpc_status_code="OK",rpc_system_name="grpc"} 1"#,
        r#"rpc_server_call_duration_seconds_count{dealflow_part="leads",rpc_method="dealflow.leads.v1.LeadService/CreateLead",rpc_status_code="OK",rpc_system_name="grpc"} 1"#,
        r#"rpc_client_call_duration_seconds_count{rpc_method="dealflow.erp.v1.ErpService/SubmitInvoice",rpc_status_code="OK",rpc_system_name="grpc",server_address="in-process"} 1"#,
        r#"dealflow_flow_started_total{dealflow_flow_verb="FulfillDeal"} 1"#,
        r#"dealflow_flow_duration_seconds_count{dealflow_flow_outcome="completed",dealflow_flow_verb="FulfillDeal"} 1"#,
        r#"dealflow_flow_current{dealflow_flow_state="PARKED"} 0"#,
        r#"dealflow_handoff_attempts_total{dealflow_handoff_call="SubmitInvoice",dealflow_handoff_result="Accepted",dealflow_handoff_state="DELIVERED"} 1"#,
        r#"dealflow_handoff_current{dealflow_handoff_state="DEAD_LETTERED"} 0"#,
        r#"dealflow_stage_transitions_total{dealflow_record="opportunity",dealflow_stage_from="qualification",dealflow_stage_to="presentation"} 1"#,
        r#"dealflow_changes_total{dealflow_change_kind="invoice.posted"} 1"#,
        r#"dealflow_outbox_depth{dealflow_part="orders"} 0"#,
        r#"dealflow_feed_lag{dealflow_feed="leads"} 0"#,
        r#"dealflow_part_ready{dealflow_part="gateway"} 1"#,
        r#"db_client_connection_max{db_client_connection_pool_name="leads-writer"} 1"#,
        r#"dealflow_erp_resting 0"#,
        r#"dealflow_build_info{service_version="0.1.0",vcs_ref_head_revision="#,
    ];
    // Levels are looked at every few seconds.
    let began = Instant::now();
    let (seen, missing) = loop {
        let seen = scrape(&serving);
        let missing: Vec<&str> = expected.into_iter().filter(|line| !seen.contains(line)).collect();
        if missing.is_empty() || began.elapsed() > DEADLINE {
            break (seen, missing);
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(
        missing.is_empty(),
        "missing {missing:#?}\nof\n{}",
        seen.lines().filter(|l| l.starts_with("dealflow")).collect::<Vec<_>>().join("\n")
    );
    for name in ["process_cpu_time_seconds_total", "process_memory_usage_bytes", "process_uptime_seconds"] {
        assert!(seen.contains(&format!("\n{name}")), "{name}");
    }
    // Which process it was is the one id that is told, and not in a label of a measurement.
    let labels = seen.lines().filter(|line| !line.starts_with('#') && !line.starts_with("target_info"));
    let with_id: Vec<&str> =
        labels.filter(|line| line.split(['"', '/']).any(|it| it.len() == 36 && it.matches('-').count() == 4)).collect();
    assert!(with_id.is_empty(), "{with_id:#?}");

    let admin = serving.admin.clone().expect("a port for operators");
    for of in ["ready", "live", "orders", "dealflow.leads.v1.LeadService"] {
        let health = run(&["health", &admin, "--of", of]);
        assert_eq!(
            (health.code, health.out.as_str()),
            (Some(0), format!("{of}: SERVING\n").as_str()),
            "{}",
            health.err
        );
    }
    let refused = run(&["pipeline", "--gateway", &admin]);
    assert_eq!(refused.code, Some(1), "the operators' port answers no call of the API: {}", refused.out);
    let (status, rest) = serving.stop();
    assert_eq!(status.code(), Some(0), "{rest}");
    assert_eq!(run(&["health", &admin]).code, Some(1), "what has stopped is not healthy");
}

/// The client of one deal, whose calls are all children of one span.
struct Seller {
    api: Api,
    traceparent: String,
}

impl Seller {
    fn at(gateway: &str, traceparent: &str) -> Self {
        let link = Link::remote(gateway, &LinkConfig::default()).expect("an address");
        Self { api: Api::new(&link, "tests"), traceparent: traceparent.to_owned() }
    }

    fn ask<M>(&self, message: M) -> Request<M> {
        let mut request = self.api.ask(message);
        request.metadata_mut().insert("traceparent", self.traceparent.parse().expect("ASCII"));
        request
    }

    /// From a lead to an order: the deal's name.
    async fn sell(&self) -> String {
        let bant = Bant { budget_status: BudgetStatus::CanBuy.into(), need: Need::MustHave.into(), ..Bant::default() };
        let lead = Lead { company_name: COMPANY.to_owned(), bant: Some(bant), ..Lead::default() };
        let ask = CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..CreateLeadRequest::default() };
        let lead = self.api.leads.clone().create_lead(self.ask(ask)).await.expect(GOES).into_inner().name;
        let ask = QualifyLeadRequest { lead, without_process: true, request_id: new_id(), ..Default::default() };
        let deal = self.api.deals.clone().qualify_lead(self.ask(ask)).await.expect(GOES).into_inner().opportunity;
        let opportunity = deal.expect("qualifying opens a deal").name;
        let line = Line {
            description: GOODS.to_owned(),
            quantity: Some(Decimal { value: "2".to_owned() }),
            unit_price: Some(Money { currency_code: "USD".to_owned(), units: 700, nanos: 0 }),
            vat: Some(Vat { category: VatCategory::Standard.into(), rate: Some(Decimal { value: "20".to_owned() }) }),
            ..Line::default()
        };
        let ask = DevelopDealRequest {
            opportunity: opportunity.clone(),
            lines: vec![line],
            request_id: new_id(),
            ..DevelopDealRequest::default()
        };
        self.api.deals.clone().develop_deal(self.ask(ask)).await.expect(GOES);
        let ask = ProposeQuoteRequest { opportunity: opportunity.clone(), request_id: new_id(), ..Default::default() };
        self.api.deals.clone().propose_quote(self.ask(ask)).await.expect(GOES);
        let ask = AcceptQuoteRequest { opportunity: opportunity.clone(), request_id: new_id(), ..Default::default() };
        self.api.deals.clone().accept_quote(self.ask(ask)).await.expect(GOES);
        opportunity
    }

    async fn fulfill(&self, opportunity: &str, request_id: &str) -> Option<DealProgress> {
        let ask = FulfillDealRequest {
            opportunity: opportunity.to_owned(),
            request_id: request_id.to_owned(),
            ..FulfillDealRequest::default()
        };
        self.api.deals.clone().fulfill_deal(self.ask(ask)).await.ok().map(tonic::Response::into_inner)
    }
}

/// R-SEC-1 in its part about the trace: from the lead to the ERP's acceptance it is one, through SIGKILL and restart.
#[test]
fn a_collector_gets_one_deal_as_one_connected_trace_across_a_kill_with_every_edge_of_the_suite() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _clients_live_here = runtime.enter();
    let (sink, collector) = runtime.block_on(Sink::listen());
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
    ];
    let first = Serving::start_with(folder.path(), &[], &environment);
    let seller = Seller::at(&first.gateway, &traceparent);
    let deal = runtime.block_on(seller.sell());
    // What ended is with the collector; then the suite dies with a flow in its hands.
    for ended in ["dealflow.gateway.v1.DealService/AcceptQuote", "hand over"] {
        until(|| {
            sink.trace(trace).iter().any(|span| span.name == ended && span.kind != SpanKind::Client).then_some(())
        });
    }
    let request_id = new_id();
    runtime.block_on(async {
        let asked = seller.fulfill(&deal, &request_id);
        assert!(tokio::time::timeout(Duration::from_millis(15), asked).await.is_err(), "the flow is under way");
    });
    first.kill();

    let second = Serving::start_with(folder.path(), &[], &environment);
    let seller = Seller::at(&second.gateway, &traceparent);
    let fulfilled = runtime.block_on(seller.fulfill(&deal, &request_id)).expect(GOES);
    assert!(!fulfilled.handoffs.is_empty(), "the invoice is handed over");
    let handed_over =
        |span: &Span| span.kind == SpanKind::Server && span.name == "dealflow.erp.v1.ErpService/SubmitInvoice";
    until(|| sink.trace(trace).iter().any(handed_over).then_some(()));
    until(|| sink.metrics().contains("dealflow.flow.duration").then_some(()));
    let (status, rest) = second.stop();
    assert_eq!(status.code(), Some(0), "{rest}");

    let spans = sink.trace(trace);
    let instances: BTreeSet<&str> = spans.iter().map(|span| span.instance.as_str()).collect();
    assert_eq!(instances.len(), 2, "both processes told of the one trace");
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    let edge = |child: &str, kind: SpanKind, parent: &str| {
        let is = |span: &&Span| span.kind == kind && span.name == child;
        let under = |span: &&Span| by_id.get(span.parent.as_str()).is_some_and(|it| it.name == parent);
        assert!(spans.iter().filter(is).any(|span| under(&span)), "no edge {parent} -> {child} ({kind:?})");
    };
    // The caller, the gateway, its flow, its calls, the services, the hand-over, the ERP.
    edge("flow", SpanKind::Internal, "dealflow.gateway.v1.DealService/QualifyLead");
    for call in [
        "dealflow.leads.v1.LeadService/QualifyLead",
        "dealflow.opportunities.v1.OpportunityService/CreateOpportunity",
        "dealflow.orders.v1.QuoteService/CreateQuote",
    ] {
        edge(call, SpanKind::Client, "flow");
        edge(call, SpanKind::Server, call);
    }
    for call in ["dealflow.erp.v1.ErpService/SubmitOrder", "dealflow.erp.v1.ErpService/SubmitInvoice"] {
        edge(call, SpanKind::Client, "hand over");
        edge(call, SpanKind::Server, call);
    }
    // Each service's statements, without what was written by them.
    edge("INSERT lead", SpanKind::Client, "dealflow.leads.v1.LeadService/CreateLead");
    edge("COMMIT", SpanKind::Client, "dealflow.leads.v1.LeadService/CreateLead");
    let insert = spans.iter().find(|span| span.name == "INSERT lead").expect("there is one, as the edge says");
    for (name, value) in [
        ("db.system.name", "sqlite"),
        ("db.namespace", "leads"),
        ("db.operation.name", "INSERT"),
        ("db.collection.name", "lead"),
    ] {
        assert_eq!(insert.get(name), Some(value), "{name}");
    }
    assert!(insert.get("db.query.text").is_some_and(|text| text.starts_with("INSERT INTO \"lead\"")));
    let told = |canary: &str| spans.iter().find(|span| span.attributes.iter().any(|(_, value)| value.contains(canary)));
    for canary in [COMPANY, GOODS] {
        assert!(told(canary).is_none(), "{canary} is in a span: {:?}", told(canary));
    }
    // Only what was in the first process's hands when it died may be missing: at most its call, flow and two steps.
    let caller = "00f067aa0ba902b7";
    let second = &spans.iter().rfind(|span| handed_over(span)).expect("the invoice was handed over").instance;
    let in_the_air = spans
        .iter()
        .find(|it| it.instance == *second && it.parent != caller && !by_id.contains_key(it.parent.as_str()));
    let of_the_flow = |it: &Span| it.name.starts_with("flow") || it.name.starts_with("hand over");
    assert!(in_the_air.is_none_or(of_the_flow), "nobody killed the second process: {in_the_air:?}");
    let lost: BTreeSet<&str> =
        spans.iter().map(|span| span.parent.as_str()).filter(|id| *id != caller && !by_id.contains_key(id)).collect();
    assert!(lost.len() <= 4, "spans hang in the air: {lost:?}");

    let call = spans.iter().find(|span| span.kind == SpanKind::Server && span.name.ends_with("LeadService/CreateLead"));
    let call = call.expect("it was called");
    assert_eq!(call.get("rpc.system.name"), Some("grpc"));
    assert_eq!(call.get("rpc.method"), Some("dealflow.leads.v1.LeadService/CreateLead"));
    assert_eq!(call.get("rpc.status_code"), Some("OK"));
    for name in ["rpc.server.call.duration", "rpc.client.call.duration", "dealflow.handoff.attempts", "process.uptime"]
    {
        assert!(sink.metrics().contains(name), "{name} is pushed");
    }
}

#[test]
fn a_collector_that_is_gone_or_never_answers_changes_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let hangs = format!("http://{}", silent.local_addr().expect("it is bound"));
    for collector in ["http://127.0.0.1:1", &hangs] {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
        ];
        let serving = Serving::start_with(folder.path(), &[], &environment);
        let bench = ["bench", "2", "--warm-up", "0", "--concurrency", "2", "--gateway", &serving.gateway];
        let ended = run(&bench);
        assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
        let began = Instant::now();
        let (status, rest) = serving.stop();
        assert_eq!(status.code(), Some(0), "{rest}");
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the end does not wait for {collector}: {:?}",
            began.elapsed()
        );
    }
}

/// Platform items 28 and 33: a collector behind TLS gets what one without gets; one whose certificate is not believed, and
/// a file with its authority that is not there, change nothing, and are told once.
#[test]
fn a_collector_behind_tls_is_believed_by_its_authority_and_changes_nothing_where_it_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (house, other) = (Authority::new(), Authority::new());
    let own = house.certify(folder.path(), "collector", &["localhost", "127.0.0.1"], None);
    let ca = house.write(folder.path(), "ca").display().to_string();
    let other_ca = other.write(folder.path(), "other").display().to_string();
    let nowhere = folder.path().join("nowhere.pem").display().to_string();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let tls = TlsConfig { cert: Some(own.cert), key: Some(own.key), ..TlsConfig::default() };
    let (sink, collector) = runtime.block_on(Sink::listen_as(tls));
    assert!(collector.starts_with("https://"), "{collector}");
    let deal = |number: usize, ca: &str| {
        let (data, log) = (folder.path().join(format!("data-{number}")), folder.path().join(format!("log-{number}")));
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", ca),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
        ];
        let serving = Serving::start_logging(&data, &[], &environment, &log);
        let bench = ["bench", "1", "--warm-up", "0", "--concurrency", "1", "--gateway", &serving.gateway];
        let ended = run(&bench);
        assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
        let (status, rest) = serving.stop();
        assert_eq!(status.code(), Some(0), "{rest}");
        let log = std::fs::read_to_string(log).expect("the log");
        log.lines()
            .filter(|line| line.contains("the collector cannot be reached"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    // An empty variable is none: authorities that browsers believe, and ours is none of them.
    for (number, (ca, why)) in
        [(other_ca.as_str(), "invalid peer certificate"), (&nowhere, "nowhere.pem"), ("", "invalid peer certificate")]
            .into_iter()
            .enumerate()
    {
        let said = deal(number, ca);
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains(why), "{said:#?}");
        assert_eq!(sink.metrics(), BTreeSet::new(), "nobody is told who is not believed");
    }
    assert_eq!(deal(9, &ca), Vec::<String>::new());
    assert!(sink.metrics().contains("rpc.server.call.duration"));
    assert!(sink.any(|span| span.name.ends_with("LeadService/CreateLead")), "spans came, too");
}
