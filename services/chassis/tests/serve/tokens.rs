//! Tokens: which are believed, and all the ways in which one can be forged.

use std::fs;
use std::time::{Duration, Instant};

use dealflow_chassis::link::Link;
use dealflow_chassis::security::{SecurityConfig, TokenConfig};
use dealflow_chassis::serve::{Part, ServeConfig, serve};
use dealflow_testbed::keys::{AUDIENCE, ISSUER, Provider, claims, encoded, from_now};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::pig::{eventually, remote};
use crate::whom::{News, Whom, ask, ask_with, believing, serving, watch};

const ANN: &str = "01890000-0000-7000-8000-00000000000a";
/// Tokens that another program made.
const FOREIGN: &str = include_str!("foreign.json");

async fn refused(link: &Link, token: &str) -> Code {
    ask_with(link, "GetLead", token).await.map_or_else(|status| status.code(), |_| Code::Ok)
}

/// R-SEC-1: whatever is wrong with a token, it lets nobody in, and its sender is not told what it was.
#[tokio::test]
async fn no_forged_token_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (house, stranger) = (Provider::new("house"), Provider::new("house"));
    let (server, _stop) = serving(believing(&house, folder.path())).await;
    let link = remote(&server);
    let good = claims(ANN, &["sales_rep"]);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        house.signed(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        house.signed(&claims)
    };
    let headed = |header: Value| house.with_header(&header, &good);
    let token = house.signed(&good);
    let parts: Vec<&str> = token.split('.').collect();
    let admin = encoded(claims(ANN, &["admin"]).to_string().as_bytes());
    let unsigned = encoded(br#"{"alg":"none"}"#);
    let flipped = if parts[2].starts_with('A') { "B" } else { "A" }.to_owned() + &parts[2][1..];

    assert!(ask_with(&link, "GetLead", &token).await.is_ok());
    let eddsa = headed(json!({"alg": "EdDSA", "kid": "house-ed"}));
    assert!(ask_with(&link, "GetLead", &eddsa).await.is_ok());
    assert!(ask_with(&link, "GetLead", &headed(json!({"alg": "ES256"}))).await.is_ok(), "any key of the kind");
    let forged = [
        ("empty", String::new()),
        ("no token", "hello".to_owned()),
        ("two dots", "..".to_owned()),
        ("four parts", format!("{token}.{}", parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("alg none, signature kept", format!("{unsigned}.{}.{}", parts[1], parts[2])),
        ("alg none, no signature", format!("{unsigned}.{}.", parts[1])),
        ("alg None", headed(json!({"alg": "None"}))),
        ("alg in other letters", headed(json!({"alg": "es256"}))),
        ("alg missing", headed(json!({"kid": "house-es"}))),
        ("alg ES384", headed(json!({"alg": "ES384", "kid": "house-es"}))),
        ("alg HS256 by the curve's signature", headed(json!({"alg": "HS256", "kid": "house-es"}))),
        ("alg RS256, a key of a curve", headed(json!({"alg": "RS256", "kid": "house-es"}))),
        ("alg EdDSA, the other curve's key", headed(json!({"alg": "EdDSA", "kid": "house-es"}))),
        ("alg ES256, the other curve's key", headed(json!({"alg": "ES256", "kid": "house-ed"}))),
        ("an unknown key", headed(json!({"alg": "ES256", "kid": "stranger"}))),
        ("another's key of the same name", stranger.signed(&good)),
        ("a key in the header", headed(json!({"alg": "ES256", "kid": "me", "jwk": {"kty": "EC"}}))),
        ("an extension that must be understood", headed(json!({"alg": "ES256", "crit": ["exp"]}))),
        ("another type", headed(json!({"alg": "ES256", "typ": "dpop+jwt"}))),
        ("a header that is no object", headed(json!(["ES256"]))),
        ("tampered claims", format!("{}.{admin}.{}", parts[0], parts[2])),
        ("a tampered signature", format!("{}.{}.{flipped}", parts[0], parts[1])),
        ("a cut signature", token[..token.len() - 2].to_owned()),
        ("padded", format!("{token}=")),
        ("expired", with("exp", json!(from_now(-60)))),
        ("no end", without("exp")),
        ("an end in words", with("exp", json!("tomorrow"))),
        ("not yet", with("nbf", json!(from_now(120)))),
        ("issued tomorrow", with("iat", json!(from_now(86_400)))),
        ("another audience", with("aud", json!("payroll"))),
        ("several other audiences", with("aud", json!(["payroll", "dealflow2"]))),
        ("no audience", without("aud")),
        ("another issuer", with("iss", json!("https://id.test.evil"))),
        ("no issuer", without("iss")),
        ("nobody", without("sub")),
        ("a number as a name", with("sub", json!(7))),
        ("an empty name", with("sub", json!(""))),
        ("claims that are no object", house.signed(&json!("hello"))),
        ("huge", with("note", json!("x".repeat(9000)))),
    ];
    for (what, token) in &forged {
        let said = ask_with(&link, "GetLead", token).await.map(|_| ()).unwrap_err();
        assert_eq!(said.code(), Code::Unauthenticated, "{what}: {said:?}");
        assert!(said.message().starts_with("the token"), "{what}: {said:?}");
    }
    assert!(ask_with(&link, "GetLead", &with("nbf", json!(from_now(10)))).await.is_ok(), "clocks differ a little");
    println!("{} forged tokens, none believed", forged.len());
}

/// R-SEC-1: a call without a token, or with something else in its place, is nobody's.
#[tokio::test]
async fn a_call_without_a_token_is_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let (server, _stop) = serving(believing(&house, folder.path())).await;
    let link = remote(&server);
    let token = house.token(ANN, &["sales_rep"]);
    for headers in [&[][..], &[("authorization", "Basic YTpi")], &[("authorization", "Bearer")]] {
        assert_eq!(ask(&link, "GetLead", headers).await.unwrap_err().code(), Code::Unauthenticated);
    }
    assert_eq!(
        ask(&link, "GetLead", &[("authorization", &token)]).await.unwrap_err().code(),
        Code::Unauthenticated,
        "a token alone is no scheme"
    );
    let lower = format!("bearer {token}");
    assert!(ask(&link, "GetLead", &[("authorization", &lower)]).await.is_ok());
}

/// R-SEC-1, platform, items 15 and 28: a stream ends when its caller's token does, and after a while in any case: whoever
/// opens it anew is asked anew. It reads as what it is, a reason to open it again.
#[tokio::test]
async fn a_stream_ends_with_the_token_of_its_caller() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let mut said = claims(ANN, &["sales_rep"]);
    // Clocks may be half a minute apart: so long a token is believed after its end.
    for (age, end) in [(3600, -28), (0, -28), (1, 600)] {
        let config = ServeConfig {
            security: believing(&house, folder.path()),
            max_stream_age: Duration::from_secs(age),
            ..ServeConfig::default()
        };
        let stop = CancellationToken::new();
        let server = serve(Part::new("news").service(News), config, stop.clone()).await.unwrap();
        let link = remote(&server);
        said["exp"] = json!(from_now(end));
        let token = house.signed(&said);
        let mut news = watch(&link, &token).await.expect("it is believed yet");
        let ended = tokio::time::timeout(Duration::from_secs(20), news.message()).await.expect("it ends").unwrap_err();
        assert_eq!(ended.code(), Code::Unavailable, "{ended:?}");
        assert!(ended.get_details_retry_info().is_some() && ended.message().contains("open it again"), "{ended:?}");
        let again = watch(&link, &token).await.err().map(|status| status.code());
        assert_eq!(again, (end < 0).then_some(Code::Unauthenticated));
        stop.cancel();
    }
}

/// R-SEC-1: tokens of another maker, in all three algorithms; keys too weak, passwords made of public keys and algorithms
/// not on the list let nobody in.
#[tokio::test]
async fn tokens_of_another_maker_are_read_alike() {
    let folder = tempfile::tempdir().unwrap();
    let foreign: Value = serde_json::from_str(FOREIGN).unwrap();
    let house = Provider::new("house");
    let mut security = believing(&house, folder.path());
    let keys = folder.path().join("foreign.json");
    fs::write(&keys, foreign["jwks"].to_string()).unwrap();
    security.tokens.keys = Some(keys.display().to_string());
    "realm_access.roles".clone_into(&mut security.tokens.roles_claim);
    let (server, _stop) = serving(security).await;
    let link = remote(&server);
    let texts = |of: &str| {
        let all = foreign[of].as_object().unwrap();
        all.iter().map(|(name, token)| (name.clone(), token.as_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    for (name, token) in texts("good") {
        let seen = ask_with(&link, "GetLead", &token).await.unwrap_or_else(|status| panic!("{name}: {status:?}"));
        let her = format!("employees/{ANN} [sales_rep]  = employees/{ANN} sees {}", ANN.replace('-', ""));
        assert_eq!(seen, her, "{name}");
    }
    for (name, token) in texts("bad") {
        assert_eq!(refused(&link, &token).await, Code::Unauthenticated, "{name}");
    }
}

/// R-SEC-1: a key that is withdrawn ends the tokens that it signed, those remembered too.
#[tokio::test]
async fn withdrawn_keys_end_remembered_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Provider::new("old"), Provider::new("new"));
    let security = believing(&old, folder.path());
    let file = folder.path().join("jwks.json");
    let (server, _stop) = serving(security).await;
    let link = remote(&server);
    let (olds, news) = (old.token(ANN, &["sales_rep"]), new.token(ANN, &["sales_rep"]));
    assert_eq!((refused(&link, &olds).await, refused(&link, &news).await), (Code::Ok, Code::Unauthenticated));
    fs::write(&file, new.jwks()).unwrap();
    eventually("the new key is believed", async || refused(&link, &news).await == Code::Ok).await;
    assert_eq!(refused(&link, &olds).await, Code::Unauthenticated);
    fs::write(&file, "{broken").unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(refused(&link, &news).await, Code::Ok, "what was good last stays in use");
}

/// R-SEC-1, platform, item 29: a role that is narrowed in the table is narrow within seconds, for a token that is
/// remembered as for a user whom a part names; a table that makes no sense changes nothing.
#[tokio::test]
async fn a_changed_table_of_roles_counts_for_remembered_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let house = Provider::new("house");
    let table = folder.path().join("roles.txt");
    let (wide, narrow) = ("sales_rep: *\n", "sales_rep:\n");
    fs::write(&table, wide).unwrap();
    let security = SecurityConfig { roles: Some(table.clone()), ..believing(&house, folder.path()) };
    let (server, _stop) = serving(security).await;
    let (link, token) = (remote(&server), house.token(ANN, &["sales_rep"]));
    let user = [("dealflow-actor", "employees/ann"), ("dealflow-roles", "sales_rep")];
    let codes = async || {
        let code = |answer: Result<String, Status>| answer.map_or_else(|status| status.code(), |_| Code::Ok);
        let (by_token, by_part) = (ask_with(&link, "GetLead", &token).await, ask(&server.link, "GetLead", &user).await);
        [code(by_token), code(by_part)]
    };
    assert_eq!(codes().await, [Code::Ok; 2]);
    for (text, expected) in [(narrow, Code::PermissionDenied), (wide, Code::Ok), (narrow, Code::PermissionDenied)] {
        fs::write(&table, text).unwrap();
        let begun = Instant::now();
        eventually("the table is read again", async || codes().await == [expected; 2]).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    // It is looked at once a second: so long it takes until what makes no sense was seen.
    fs::write(&table, "sales_rep: everything\n").unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(codes().await, [Code::PermissionDenied; 2], "what was taken is not given back");
    fs::write(&table, wide).unwrap();
    eventually("a table that makes sense counts", async || codes().await == [Code::Ok; 2]).await;
    fs::remove_file(&table).unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(codes().await, [Code::Ok; 2], "nor what was given taken");
}

/// R-SEC-1: keys by URL; while the provider is away the last ones stay in use, and before the first ones came a caller is
/// told to come back.
#[tokio::test]
async fn keys_are_fetched_and_outlive_their_provider() {
    let house = Provider::new("house");
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys?v=1", port.local_addr().unwrap());
    let tokens = TokenConfig {
        keys: Some(url),
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        ..TokenConfig::default()
    };
    let (server, _stop) = serving(SecurityConfig { tokens, ..SecurityConfig::default() }).await;
    let link = remote(&server);
    let token = house.token(ANN, &["sales_rep"]);
    assert_eq!(refused(&link, &token).await, Code::Unavailable, "no keys yet");
    let (mut peer, _) = port.accept().await.unwrap();
    let mut asked = vec![0; 1024];
    let length = peer.read(&mut asked).await.unwrap();
    assert!(asked[..length].starts_with(b"GET /keys?v=1 HTTP/1.1\r\n"));
    let keys = house.jwks();
    let page = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{keys}", keys.len());
    peer.write_all(page.as_bytes()).await.unwrap();
    drop((peer, port));
    eventually("the keys were fetched", async || refused(&link, &token).await == Code::Ok).await;
    let stranger = Provider::new("stranger").token(ANN, &["admin"]);
    assert_eq!(refused(&link, &stranger).await, Code::Unauthenticated, "which makes it look again, in vain");
    assert_eq!(refused(&link, &token).await, Code::Ok);
}

/// R-SEC-1: keys from where anybody on the way could change them are refused at the start, as is a file without any.
#[tokio::test]
async fn keys_that_nobody_vouches_for_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.json");
    fs::write(&empty, r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}"#).unwrap();
    let missing = folder.path().join("missing.json");
    for keys in ["http://id.test/keys", "ftp://id.test/keys", empty.to_str().unwrap(), missing.to_str().unwrap()] {
        let mut security = believing(&Provider::new("house"), folder.path());
        security.tokens.keys = Some(keys.to_owned());
        let config = ServeConfig { security, ..ServeConfig::default() };
        let begun = serve(Part::new("whom").service(Whom), config, CancellationToken::new()).await;
        assert!(begun.is_err(), "{keys}");
    }
}
