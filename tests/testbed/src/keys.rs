//! Certificates and tokens for tests: an authority that signs names, an identity provider that signs claims.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

/// Whom the tokens of these tests are from.
pub const ISSUER: &str = "https://id.test";
/// Whom they are for.
pub const AUDIENCE: &str = "dealflow";

/// Signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as files.
#[derive(Debug, Clone)]
pub struct Certified {
    /// The chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one, believed by nobody yet.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// Writes down what others need to believe it.
    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(format!("{name}.pem"));
        fs::write(&path, self.0.pem()).expect("the folder can be written to");
        path
    }

    /// Signs a certificate for names (DNS, addresses), and for a URI where one is given.
    pub fn certify(&self, folder: &Path, name: &str, names: &[&str], uri: Option<&str>) -> Certified {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        if let Some(uri) = uri {
            params.subject_alt_names.push(rcgen::SanType::URI(uri.try_into().expect("ASCII")));
        }
        let own = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&own, &self.0).expect("a certificate");
        let files = Certified { cert: folder.join(format!("{name}.crt")), key: folder.join(format!("{name}.key")) };
        fs::write(&files.cert, cert.pem()).expect("the folder can be written to");
        fs::write(&files.key, own.serialize_pem()).expect("the folder can be written to");
        files
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// Signs tokens, with a curve each of both kinds.
pub struct Provider {
    id: String,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
    random: SystemRandom,
}

impl Provider {
    /// A new one; the id is in the names of its keys.
    pub fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let p256 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        Self {
            id: id.to_owned(),
            p256: EcdsaKeyPair::from_pkcs8(algorithm, p256.as_ref(), &random).expect("its own key"),
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).expect("its own key"),
            random,
        }
    }

    /// The public keys, as they are published.
    pub fn jwks(&self) -> String {
        let point = self.p256.public_key().as_ref();
        let keys = json!({"keys": [
            {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": format!("{}-es", self.id),
             "x": encoded(&point[1..33]), "y": encoded(&point[33..])},
            {"kty": "OKP", "crv": "Ed25519", "kid": format!("{}-ed", self.id),
             "x": encoded(self.ed25519.public_key().as_ref())},
        ]});
        keys.to_string()
    }

    /// Writes the public keys down.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("jwks.json");
        fs::write(&path, self.jwks()).expect("the folder can be written to");
        path
    }

    /// A good token of somebody with roles, for ten minutes.
    pub fn token(&self, subject: &str, roles: &[&str]) -> String {
        self.signed(&claims(subject, roles))
    }

    /// A token that says this, signed with ES256.
    pub fn signed(&self, claims: &Value) -> String {
        self.with_header(&json!({"alg": "ES256", "typ": "JWT", "kid": format!("{}-es", self.id)}), claims)
    }

    /// A token with this header, signed with EdDSA where the header says so, else with ES256.
    pub fn with_header(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
        let signature = if header["alg"] == "EdDSA" {
            self.ed25519.sign(signed.as_bytes()).as_ref().to_vec()
        } else {
            self.p256.sign(&self.random, signed.as_bytes()).expect("a signature").as_ref().to_vec()
        };
        format!("{signed}.{}", encoded(&signature))
    }
}

/// What a good token says.
pub fn claims(subject: &str, roles: &[&str]) -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "roles": roles, "exp": from_now(600), "iat": from_now(0)})
}

/// So many seconds from now, as tokens count them.
pub fn from_now(seconds: i64) -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    i64::try_from(since).expect("before the end of time") + seconds
}

/// As parts of a token are written.
pub fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
