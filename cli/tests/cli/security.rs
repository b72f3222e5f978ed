//! Serving behind certificates and tokens, and what the program says where it would be open.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use dealflow_testbed::keys::{AUDIENCE, Authority, ISSUER, Provider};
use dealflow_testbed::{Cluster, postgres_available};

use super::import::fixture;
use super::serve::Serving;
use super::{Ended, program, run_on};

fn path(of: &Path) -> &str {
    of.to_str().expect("UTF-8")
}

/// R-SEC-1: a suite behind a certificate and tokens, and a command that talks to it.
#[test]
fn a_command_brings_its_token_to_a_suite_that_it_believes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (house, authority) = (Provider::new("house"), Authority::new());
    let (ca, jwks) = (authority.write(folder.path(), "ca"), house.write(folder.path()));
    let own = authority.certify(folder.path(), "own", &["localhost"], None);
    let security = [
        ["--tls-cert", path(&own.cert)],
        ["--tls-key", path(&own.key)],
        ["--token-keys", path(&jwks)],
        ["--token-issuer", ISSUER],
        ["--token-audience", AUDIENCE],
    ];
    let serving = Serving::start_with(folder.path(), security.as_flattened(), &[]);
    assert!(!serving.told.contains("Nobody is asked"), "{}", serving.told);
    let gateway = serving.gateway.replace("127.0.0.1", "localhost");
    assert!(gateway.starts_with("https://"), "{gateway}");
    let token = folder.path().join("token");
    fs::write(&token, house.token("ann@example.com", &["sales_rep"]) + "\n").expect("the folder can be written to");

    let asked = ["pipeline", "--json", "--gateway", &gateway];
    let ask = |more: &[&str]| run_on(folder.path(), &[&asked, more].concat());
    let seen = ask(&["--ca", path(&ca), "--token-file", path(&token)]);
    assert_eq!(seen.code, Some(0), "{}", seen.err);
    let nobody = ask(&["--ca", path(&ca)]);
    assert!(nobody.code == Some(1) && nobody.err.contains("--token-file"), "{}", nobody.err);
    let stranger = ask(&["--token-file", path(&token)]);
    assert_eq!(stranger.code, Some(1), "its authority is nobody's that browsers know: {}", stranger.err);
    let settings = ["setting", "list", "--gateway", &gateway, "--ca", path(&ca), "--token-file", path(&token)];
    let settings = run_on(folder.path(), &settings);
    assert!(settings.code == Some(1) && settings.err.contains("settings_read"), "{}", settings.err);
    let mut by_variable = program(&asked);
    let by_variable = by_variable.args(["--ca", path(&ca)]).env("DEALFLOW_TOKEN", house.token("bob", &["auditor"]));
    let by_variable = by_variable.output().expect("the program starts");
    assert!(by_variable.status.success(), "{}", String::from_utf8_lossy(&by_variable.stderr));
}

/// Platform, item 28: whose tasks, notifications and calendar are meant where nobody is named, the token says; where it
/// names no employee, the command asks for a name, and not for an actor that would not count.
#[test]
fn the_token_says_whose_tasks_are_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = Provider::new("house");
    // Two of its rows are dirty, which is another test's business.
    run_on(folder.path(), &["import", "crm", path(&fixture(folder.path())), "--json"]).json(1);
    let people = run_on(folder.path(), &["people", "--json"]).json(0);
    let ann = people["people"][0]["name"].as_str().expect("a name on the wire");
    let jwks = house.write(folder.path());
    let tokens = [["--token-keys", path(&jwks)], ["--token-issuer", ISSUER], ["--token-audience", AUDIENCE]];
    let serving = Serving::start_with(folder.path(), tokens.as_flattened(), &[]);
    let ask = |subject: &str, args: &[&str]| {
        let mut asked = program(args);
        asked.args(["--gateway", &serving.gateway]).env("DEALFLOW_TOKEN", house.token(subject, &["sales_rep"]));
        Ended::from(asked.output().expect("the program starts"))
    };
    let id = ann.strip_prefix("employees/").expect("an employee");
    for command in ["tasks", "notifications", "calendar"] {
        let named = ask(ann, &[command, "--of", ann, "--json"]).json(0);
        for subject in [ann, id] {
            assert_eq!(ask(subject, &[command, "--json"]).json(0), named, "{command} of {subject}");
        }
        let program = ask("erp@example.com", &[command]);
        assert!(program.code == Some(1) && program.err.contains("--of NAME"), "{}", program.err);
        assert!(!program.err.contains("--actor"), "{}", program.err);
    }
}

/// Platform, items 6 and 10: whoever comes to the wrong address, in the wrong way or as nobody is told what to say instead:
/// the address, the scheme, the authority, the token.
#[test]
fn a_mistaken_connection_is_told_as_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let (house, authority) = (Provider::new("house"), Authority::new());
    let (ca, jwks) = (authority.write(folder.path(), "ca"), house.write(folder.path()));
    let own = authority.certify(folder.path(), "own", &["localhost"], None);
    let security = [
        ["--tls-cert", path(&own.cert)],
        ["--tls-key", path(&own.key)],
        ["--token-keys", path(&jwks)],
        ["--token-issuer", ISSUER],
        ["--token-audience", AUDIENCE],
    ];
    let serving = Serving::start_with(folder.path(), security.as_flattened(), &[]);
    let secured = serving.gateway.replace("127.0.0.1", "localhost");
    let plain = secured.replace("https://", "http://");
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a free port");
    let nowhere = format!("http://{free}");
    let told = |gateway: &str, more: &[&str]| {
        let ended = run_on(folder.path(), &[&["pipeline", "--gateway", gateway], more].concat());
        assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
        ended.err
    };
    let holds = |told: &str, all: &[&str]| {
        assert!(all.iter().all(|one| told.contains(one)) && !told.contains("part of the suite"), "{all:?}: {told}");
        assert!(!told.contains("try again"), "{told}");
    };
    holds(&told(&plain, &[]), &[&plain, &secured, "TLS"]);
    holds(&told(&nowhere, &[]), &[&nowhere, "dealflow serve", "refused"]);
    holds(&told(&secured, &[]), &[&secured, "--ca", "UnknownIssuer"]);
    holds(&told(&secured, &["--ca", path(&ca)]), &[&secured, "--token-file", "DEALFLOW_TOKEN"]);
    drop(serving);
    let open = Serving::start(folder.path());
    let open = open.gateway.replace("http://", "https://");
    holds(&told(&open.replace("127.0.0.1", "localhost"), &["--ca", path(&ca)]), &["does not speak TLS", "http://"]);
}

/// Platform, item 6: a database that is not there, and one that says no, are told of once, in words, soon, and without the
/// password.
#[test]
fn a_database_that_is_not_there_is_told_of_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a free port");
    let ask = |url: &str| {
        let begun = Instant::now();
        let ended = run_on(folder.path(), &["serve", "leads", "--listen", "127.0.0.1:0", "--database-url", url]);
        let told = format!("{}{}", ended.out, ended.err);
        assert!(ended.code == Some(1) && !told.contains("CANARY"), "{told}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}: {told}", begun.elapsed());
        told
    };
    let told = ask(&format!("postgres://dealflow:CANARY@{free}/dealflow"));
    assert_eq!(told.matches(&format!("PostgreSQL at {free} cannot be reached")).count(), 1, "{told}");
    assert!(told.contains("refused") && !told.contains("pool"), "{told}");
    if postgres_available().is_none() {
        return;
    }
    let told = ask(&Cluster::shared().url("is_not_there"));
    assert_eq!(told.matches("database \"is_not_there\" does not exist").count(), 1, "{told}");
    assert!(!told.contains("at line"), "{told}");
}

/// R-SEC-1: beyond this machine nothing is served in the open unless that is asked for; on it, it is said. A token is sent
/// to nobody in the open.
#[test]
fn nothing_is_open_to_a_network_by_mistake() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = run_on(folder.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.code, Some(1));
    assert!(open.err.contains("--tls-cert") && open.err.contains("--insecure"), "{}", open.err);
    let here = Serving::start(folder.path());
    assert!(here.told.contains("Nobody is asked who he is"), "{}", here.told);
    drop(here);
    let asked_for = Serving::start_with(folder.path(), &["--listen", "0.0.0.0:0", "--insecure"], &[]);
    assert!(asked_for.told.contains("Nobody is asked who he is"), "{}", asked_for.told);

    let token = folder.path().join("token");
    fs::write(&token, "a.b.c").expect("the folder can be written to");
    let far = ["pipeline", "--gateway", "http://dealflow.example:7400", "--token-file", path(&token)];
    let far = run_on(folder.path(), &far);
    assert!(far.code == Some(1) && far.err.contains("https://"), "{}", far.err);
    for part in [&["serve"][..], &["serve", "leads"], &["migrate"]] {
        let url = ["--database-url", "postgres://dealflow:CAN#ARY@db.example/x"];
        let refused = run_on(folder.path(), &[part, &url].concat());
        let told = format!("{}{}", refused.out, refused.err);
        assert!(refused.code == Some(1) && told.contains("is not understood"), "{told}");
        assert!(!told.contains("CAN") && !told.contains("ARY@"), "a password is printed: {told}");
    }
    let half = run_on(folder.path(), &["serve", "--tls-cert", "x.crt"]);
    assert_eq!(half.code, Some(2), "a certificate without its key: {}", half.err);
}

/// R-SEC-1: what must stay secret is in no line of a log that tells everything: the token, the key, the password of a
/// database, and what is known of a person.
#[test]
fn logs_hold_no_secret_and_no_person() {
    let folder = tempfile::tempdir().expect("a folder");
    let (house, authority) = (Provider::new("house"), Authority::new());
    let (ca, jwks) = (authority.write(folder.path(), "ca"), house.write(folder.path()));
    let own = authority.certify(folder.path(), "own", &["localhost"], None);
    let log = folder.path().join("log");
    let security = [
        ["--tls-cert", path(&own.cert)],
        ["--tls-key", path(&own.key)],
        ["--token-keys", path(&jwks)],
        ["--token-issuer", ISSUER],
        ["--token-audience", AUDIENCE],
        ["--log", "trace"],
        ["--log-format", "json"],
    ];
    let serving = Serving::start_logging(folder.path(), security.as_flattened(), &[], &log);
    let gateway = serving.gateway.replace("127.0.0.1", "localhost");
    let text = house.token("canary-subject@example.com", &["admin"]);
    let token = folder.path().join("token");
    fs::write(&token, &text).expect("the folder can be written to");
    let to = ["--gateway", &gateway, "--ca", path(&ca), "--token-file", path(&token)];
    let run = |args: &[&str]| run_on(folder.path(), &[args, &to].concat());
    let person = ["--family-name", "Canaryfamily", "--email", "canary.mail@example.com"];
    let added = run(&[&["lead", "add", "--company", "Canary Works"], &person[..]].concat());
    let listed = run(&["lead", "list", "--json"]);
    assert!(listed.out.contains("Canary"), "{} {} {}", added.out, added.err, listed.err);
    let bad =
        fs::write(&token, "canary.bad.token").map(|()| run(&["lead", "list"])).expect("the folder can be written to");
    assert_eq!(bad.code, Some(1));
    drop(serving);
    let log = fs::read_to_string(&log).expect("the log is text");
    assert!(log.contains("a token is not believed") && log.contains("ListEmployees"), "it tells of the calls: {log}");
    let key = fs::read_to_string(&own.key).expect("the key is text");
    let key = key.lines().nth(1).expect("a line of the key");
    let token_body = text.split('.').nth(1).expect("the claims");
    for secret in [token_body, key, "canary.bad.token", "canary.mail", "Canaryfamily"] {
        assert!(!log.contains(secret), "the log holds {secret}: {:?}", log.lines().find(|line| line.contains(secret)));
    }
}

/// R-ERP-1, platform item 28: the ERP is none of the parts, and an authority of its own may vouch for it: the gateway believes
/// that of the ERP, and goes on to believe the parts' of the parts.
#[test]
fn an_erp_is_believed_by_an_authority_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let (house, theirs) = (Authority::new(), Authority::new());
    let (ca, their_ca) = (house.write(folder.path(), "ca"), theirs.write(folder.path(), "their-ca"));
    let own = theirs.certify(folder.path(), "erp", &["localhost", "127.0.0.1"], None);
    let shows = ["--tls-cert", path(&own.cert), "--tls-key", path(&own.key)];
    let erp = Serving::start_part(folder.path(), "erp", &shows);
    assert!(erp.gateway.starts_with("https://"), "{}", erp.told);
    for (more, reached) in [(&[][..], false), (&["--erp-ca", path(&their_ca)][..], true)] {
        let flags = [&["--tls-ca", path(&ca), "--erp-url", &erp.gateway][..], more].concat();
        let gateway = Serving::start_part(folder.path(), "gateway", &flags);
        let shown = super::run(&["erp", "show", "--json", "--gateway", &gateway.gateway]).json(0);
        assert_eq!(shown["capabilities"].is_object(), reached, "{more:?}: {shown}");
        let (status, rest) = gateway.stop();
        assert_eq!(status.code(), Some(0), "{rest}");
    }
}

/// Platform item 30: a token is sent over plain HTTP to this machine alone, as docs/security.md says.
#[test]
fn a_token_goes_over_plain_http_to_this_machine_alone() {
    let refuses = |host: &str| {
        let ended = program(&["pipeline", "--gateway", &format!("http://{host}:1")])
            .env("DEALFLOW_TOKEN", "a-token")
            .output()
            .expect("the program starts");
        assert_eq!(ended.status.code(), Some(1), "nobody listens there");
        String::from_utf8_lossy(&ended.stderr).contains("a token is not sent to")
    };
    for near in ["127.0.0.1", "localhost", "[::1]"] {
        assert!(!refuses(near), "{near}");
    }
    for far in ["192.0.2.1", "127.0.0.1.example", "localhost.example"] {
        assert!(refuses(far), "{far}");
    }
}
