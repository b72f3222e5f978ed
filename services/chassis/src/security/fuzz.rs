//! What comes from outside before anybody is known, given what nobody would send (R-SEC-1).

use std::time::Duration;

use dealflow_testbed::keys::{AUDIENCE, ISSUER, Provider, claims};
use dealflow_testbed::{Said, fuzz};
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use tonic::metadata::MetadataMap;

use super::Sight;
use super::keys::{Algorithm, Keys};
use super::roles::Roles;
use super::token::{Expected, believe};
use crate::context::{ACTOR, Context, EVERYBODYS, FLOW, ROLES, SEES, TRACEPARENT};
use crate::deadline::{Deadline, GRPC_TIMEOUT};
use crate::mask::Mask;

/// R-SEC-1: of all that looks like a token, only those that were signed are believed.
#[test]
fn fuzz_token() {
    let house = Provider::new("house");
    let keys = Keys::read("the house", house.jwks().as_bytes()).expect("they are its own");
    let expected = Expected {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa],
    };
    let said = claims("ann", &["admin"]);
    let now = said["iat"].as_i64().expect("a time");
    let good = [
        house.token("ann", &["sales_rep"]),
        house.with_header(&json!({"alg": "EdDSA", "kid": "house-ed"}), &said),
        house.with_header(&json!({"alg": "ES256"}), &said),
    ];
    let forged = Provider::new("house").signed(&said);
    let mut seeds: Vec<&[u8]> = good.iter().map(String::as_bytes).collect();
    seeds.push(forged.as_bytes());
    let words = ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9", ".", "..", "=", "e30", "bnVsbA", "AAAA", "____"];
    fuzz("token", &seeds, &words, |input| {
        let Ok(token) = std::str::from_utf8(input) else { return Said::No("no UTF-8".to_owned()) };
        let believed = believe(token, &keys, &expected, now);
        if believed.is_ok() {
            assert!(good.iter().any(|one| one == token), "nobody signed it");
        }
        Said::of(&believed)
    });
}

/// R-SEC-1: a set of keys is read or refused; whatever key it holds verifies nothing that it did not sign.
#[test]
fn fuzz_jwks() {
    let house = Provider::new("house");
    let jwks = house.jwks();
    let rsa = json!({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RS256", "use": "sig", "kid": "r"}]});
    let rsa = rsa.to_string();
    let words = [
        "\"kty\":",
        "\"RSA\"",
        "\"EC\"",
        "\"OKP\"",
        "\"crv\":",
        "\"P-256\"",
        "\"Ed25519\"",
        "\"n\":",
        "\"e\":",
        "\"x\":",
        "\"y\":",
        "\"use\":\"enc\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        "null",
        "\"\"",
        "\"AQAB\"",
        "\\u0000",
        "\"alg\":\"none\"",
    ];
    fuzz("jwks", &[jwks.as_bytes(), rsa.as_bytes(), b"{\"keys\":[]}"], &words, |input| {
        let keys = Keys::read("fuzz", input);
        if let Ok(keys) = &keys {
            for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
                assert!(!keys.verify(algorithm, None, b"nobody signed this", &[7; 64]));
            }
        }
        Said::of(&keys)
    });
}

/// R-SEC-1: a table of roles is read or refused with its line; it makes nobody a part.
#[test]
fn fuzz_roles() {
    let words = ["+", "*", ":", "#", "\n", "admin", "parts", "records_all", "deals_read", "sales_rep", "+sales_rep"];
    fuzz("roles", &[include_bytes!("roles.txt"), b"a: deals_read\nb: +a *\n"], &words, |input| {
        let Ok(table) = std::str::from_utf8(input) else { return Said::No("no UTF-8".to_owned()) };
        let roles = Roles::read("fuzz", table);
        if let Ok(roles) = &roles {
            let all = roles.permissions(roles.names());
            assert!(!all.contain(dealflow_proto::access::v1::Permission::Parts));
            assert_eq!(Roles::read("fuzz", table).ok().as_ref(), Some(roles));
        }
        Said::of(&roles)
    });
}

/// R-SEC-1: headers of a call are refused or go on as they came; what cannot be read is never taken for everybody's.
#[test]
fn fuzz_headers() {
    let seeds: [&[u8]; 3] = [
        b"employees/01890000-0000-7000-8000-00000000000a\nsales_rep,admin\n00000000000000000000000000000001,02\n\
          01890000-0000-7000-8000-00000000000a\n00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        b"services/erp\n\n*\n\n",
        b"\n\n,,\n\n",
    ];
    let words = ["\n", ",", "*", "employees/", "urn:uuid:", "{", "}", "00-", "-01", "\t", "\u{7f}"];
    fuzz("headers", &seeds, &words, |input| {
        let mut headers = HeaderMap::new();
        for (name, value) in [ACTOR, ROLES, SEES, FLOW, TRACEPARENT].into_iter().zip(input.split(|byte| *byte == b'\n'))
        {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.insert(name, value);
            }
        }
        let sees = headers.get(SEES).cloned();
        let read = Context::of(&MetadataMap::from_headers(headers));
        if let Ok(context) = &read {
            let everybodys = sees.is_none_or(|sees| sees.as_bytes() == EVERYBODYS.as_bytes());
            assert_eq!(context.sight == Sight::All, everybodys, "whose records");
            let mut onward = MetadataMap::new();
            context.carry(&mut onward);
            assert_eq!(Context::of(&onward).ok().as_ref(), Some(context), "what goes on is what came");
        }
        Said::of(&read.map_err(|refused| tonic::Status::from(refused).message().to_owned()))
    });
}

/// R-API-1: a deadline is read as the time that it says, or counts as none; written anew it is not later.
#[test]
fn fuzz_deadline() {
    let words = ["H", "M", "S", "m", "u", "n", "99999999", "100000000", "-", "+", " ", "."];
    fuzz("deadline", &[b"1500m", b"5S", b"99999999H", b"0n"], &words, |input| {
        let Ok(value) = HeaderValue::from_bytes(input) else { return Said::No("no header".to_owned()) };
        let headers = HeaderMap::from_iter([(GRPC_TIMEOUT, value)]);
        let Some(deadline) = Deadline::from_headers(&headers) else { return Said::No("no timeout".to_owned()) };
        let onward = HeaderMap::from_iter([(GRPC_TIMEOUT, deadline.to_header())]);
        let left = deadline.remaining();
        let read = Deadline::from_headers(&onward).expect("it is one of ours").remaining();
        assert!(read <= left + Duration::from_secs(2), "{read:?} is later than {left:?}");
        Said::Yes
    });
}

/// R-API-1: a mask takes what it names and nothing else, and is refused with every path that is not known.
#[test]
fn fuzz_mask() {
    const KNOWN: &[&str] = &["title", "owner", "address.city"];
    fuzz(
        "update_mask",
        &[b"title,owner", b"*", b"address.city,x"],
        &["*", ",", "title", "owner", ".", "address"],
        |input| {
            let text = String::from_utf8_lossy(input);
            let paths: Vec<String> = text.split(',').map(str::to_owned).collect();
            let everything = paths.iter().any(|path| path == "*");
            let read = Mask::of(Some(prost_types::FieldMask { paths: paths.clone() }), KNOWN);
            match &read {
                Ok(mask) => {
                    for path in KNOWN {
                        assert_eq!(mask.takes(path, false), everything || paths.iter().any(|it| it == path), "{path}");
                    }
                }
                Err(_) => assert!(paths.iter().any(|path| !KNOWN.contains(&path.as_str()))),
            }
            Said::of(&read.map_err(|refused| tonic::Status::from(refused).message().to_owned()))
        },
    );
}
