//! One token (JWT, RFC 7519, compact form) and everything that can be wrong with it.
//!
//! Written on ring, which the tree holds for TLS: the crates for it bring a second RSA, which has an advisory open
//! (RUSTSEC-2023-0071), and algorithms that must then be forbidden one by one.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::{Algorithm, Keys};

/// The longest token that is looked at.
const LONGEST: usize = 8 * 1024;
/// How far clocks may be apart, in seconds.
const LEEWAY: i64 = 30;

/// What a token must say.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) algorithms: Vec<Algorithm>,
}

/// What a token says, once it is believed.
#[derive(Debug)]
pub(crate) struct Claims {
    /// Unix seconds at which it ends.
    pub(crate) expires: i64,
    all: Map<String, Value>,
}

/// Why a token is not believed. The caller is told in one word, so that a forger learns nothing from trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unbelieved {
    Malformed,
    Algorithm,
    Signature,
    Issuer,
    Audience,
    Expired,
    NotYet,
}

impl fmt::Display for Unbelieved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is no token",
            Self::Algorithm => "its algorithm is not accepted",
            Self::Signature => "no key that is known signed it",
            Self::Issuer => "its issuer is another",
            Self::Audience => "it is for somebody else",
            Self::Expired => "it has expired",
            Self::NotYet => "it does not hold yet",
        })
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// What must be understood to believe the token; we understand nothing of the kind.
    crit: Option<Value>,
}

/// The key that a token names, if it can be read so far; for a set of keys that may be older than it.
pub(crate) fn key_named(token: &str) -> Option<String> {
    header(token.split('.').next()?).ok()?.kid
}

/// Believes a token, or says why not. `now` is in Unix seconds.
pub(crate) fn believe(token: &str, keys: &Keys, expected: &Expected, now: i64) -> Result<Claims, Unbelieved> {
    if token.len() > LONGEST {
        return Err(Unbelieved::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Unbelieved::Malformed)?;
    let (head, body) = signed.split_once('.').ok_or(Unbelieved::Malformed)?;
    let head = header(head)?;
    let algorithm = Algorithm::named(&head.alg).filter(|it| expected.algorithms.contains(it));
    let algorithm = algorithm.ok_or(Unbelieved::Algorithm)?;
    let is_jwt = |typ: &String| ["JWT", "at+jwt", "application/at+jwt"].iter().any(|it| typ.eq_ignore_ascii_case(it));
    if head.crit.is_some() || !head.typ.as_ref().is_none_or(is_jwt) {
        return Err(Unbelieved::Malformed);
    }
    let signature = decoded(signature)?;
    if !keys.verify(algorithm, head.kid.as_deref(), signed.as_bytes(), &signature) {
        return Err(Unbelieved::Signature);
    }
    // Only from here on does anybody answer for what it says.
    let all: Map<String, Value> = serde_json::from_slice(&decoded(body)?).map_err(|_| Unbelieved::Malformed)?;
    check(all, expected, now)
}

fn check(all: Map<String, Value>, expected: &Expected, now: i64) -> Result<Claims, Unbelieved> {
    if all.get("iss").and_then(Value::as_str) != Some(expected.issuer.as_str()) {
        return Err(Unbelieved::Issuer);
    }
    let is_us = |value: &Value| value.as_str() == Some(expected.audience.as_str());
    let for_us = match all.get("aud") {
        Some(Value::Array(several)) => several.iter().any(is_us),
        Some(one) => is_us(one),
        None => false,
    };
    if !for_us {
        return Err(Unbelieved::Audience);
    }
    let expires = seconds(&all, "exp")?.ok_or(Unbelieved::Expired)?;
    if expires.saturating_add(LEEWAY) <= now {
        return Err(Unbelieved::Expired);
    }
    for begins in ["nbf", "iat"] {
        if seconds(&all, begins)?.is_some_and(|begins| begins > now.saturating_add(LEEWAY)) {
            return Err(Unbelieved::NotYet);
        }
    }
    Ok(Claims { expires, all })
}

impl Claims {
    /// Unix seconds from which nobody believes it any more.
    pub(crate) fn believed_until(&self) -> i64 {
        self.expires.saturating_add(LEEWAY)
    }

    /// The claim at a path, `realm_access.roles`; a name that holds dots itself is found first.
    fn at(&self, path: &str) -> Option<&Value> {
        if let Some(value) = self.all.get(path) {
            return Some(value);
        }
        let mut steps = path.split('.');
        let first = self.all.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.at(path)?.as_str()
    }

    /// Texts in an array, or words in one text, as `scope` has them.
    pub(crate) fn words(&self, path: &str) -> Vec<&str> {
        match self.at(path) {
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(words)) => words.split_whitespace().collect(),
            _ => Vec::new(),
        }
    }
}

fn header(part: &str) -> Result<Header, Unbelieved> {
    serde_json::from_slice(&decoded(part)?).map_err(|_| Unbelieved::Malformed)
}

fn decoded(part: &str) -> Result<Vec<u8>, Unbelieved> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Unbelieved::Malformed)
}

/// A moment as tokens have it: a number, whole or not. One that is something else is no moment.
#[expect(clippy::cast_possible_truncation, reason = "a float is cut at the ends of i64, which is what is wanted")]
fn seconds(all: &Map<String, Value>, name: &str) -> Result<Option<i64>, Unbelieved> {
    match all.get(name) {
        None => Ok(None),
        Some(value) => {
            let whole = value.as_i64().or_else(|| value.as_f64().map(|it| it.floor() as i64));
            whole.map(Some).ok_or(Unbelieved::Malformed)
        }
    }
}
