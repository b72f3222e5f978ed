//! The keys that an identity provider signs with, as it publishes them (JWKS), and the check of a signature.
//!
//! A key says by its kind which algorithm it is for, so a token cannot choose: what was made with a public key as if it
//! were a password finds no key at all.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

use super::fresh::FileError;

/// An algorithm that tokens may be signed with; others are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Algorithm {
    /// RSA, 2048 bits or more, PKCS #1 v1.5, SHA-256.
    #[value(name = "RS256")]
    Rs256,
    /// ECDSA on P-256, SHA-256.
    #[value(name = "ES256")]
    Es256,
    /// Ed25519.
    #[value(name = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// As the header of a token names it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A set of keys.
#[derive(Debug)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Published>,
}

/// A key as it is published; members that we do not use are not read.
#[derive(Deserialize)]
struct Published {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a set; keys of other kinds, and those that are not for signatures, are left out.
    pub(crate) fn read(from: &str, json: &[u8]) -> Result<Self, FileError> {
        let set: Set = serde_json::from_slice(json).map_err(|error| FileError::new(from, error))?;
        let keys: Vec<Key> = set.keys.into_iter().filter_map(Published::into_key).collect();
        if keys.is_empty() {
            return Err(FileError::new(from, "holds no key for RS256, ES256 or EdDSA"));
        }
        Ok(Self(keys))
    }

    /// Whether one of the keys made the signature: the one that the token names, or any of its kind.
    pub(crate) fn verify(&self, algorithm: Algorithm, id: Option<&str>, signed: &[u8], signature: &[u8]) -> bool {
        let named = |key: &&Key| id.is_none() || key.id.is_none() || key.id.as_deref() == id;
        let mut fit = self.0.iter().filter(named).filter(|key| key.material.algorithm() == algorithm);
        fit.any(|key| key.material.verify(signed, signature))
    }

    /// Whether a key has this name; a token that names another may be newer than the set.
    pub(crate) fn know(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }
}

impl Published {
    fn into_key(self) -> Option<Key> {
        if self.r#use.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let material = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Material::Rsa { n: bytes(self.n)?, e: bytes(self.e)? },
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(self.x)?, bytes(self.y)?);
                Material::P256([&[4], x.as_slice(), y.as_slice()].concat())
            }
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(self.x)?),
            _ => return None,
        };
        let fits = self.alg.as_deref().is_none_or(|alg| Algorithm::named(alg) == Some(material.algorithm()));
        fits.then_some(Key { id: self.kid, material })
    }
}

impl Material {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    fn verify(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature).is_ok()
            }
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature).is_ok()
            }
            Self::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(signed, signature).is_ok(),
        }
    }
}
