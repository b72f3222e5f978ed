//! The adapters to real ERPs, as an operator sets them up (R-ERP-1); each is started as a part: `serve erp-ubl`,
//! `serve erp-erpnext`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use dealflow_chassis::tls::ClientTls;
use dealflow_chassis::web::is_private;
use dealflow_erp_adapters::{erpnext, ubl};

/// How the adapters reach their ERPs.
#[derive(Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Adapters to ERPs")]
pub struct Adapters {
    /// Folder that UBL files are written to (erp-ubl)
    #[arg(long, env = "DEALFLOW_UBL_FOLDER", value_name = "DIR", conflicts_with = "ubl_url")]
    pub ubl_folder: Option<PathBuf>,
    /// Address that UBL is POSTed to, instead of a folder (erp-ubl)
    #[arg(long, env = "DEALFLOW_UBL_URL", value_name = "URL")]
    pub ubl_url: Option<String>,
    /// Token for that address, sent as Bearer; @FILE reads it from a file, such as a mounted secret
    #[arg(long, env = "DEALFLOW_UBL_TOKEN", value_name = "TOKEN", value_parser = secret, hide_env_values = true)]
    pub ubl_token: Option<Secret>,
    /// Seconds that it may take for a document
    #[arg(long, env = "DEALFLOW_UBL_TIMEOUT", value_name = "SECONDS", default_value_t = 12)]
    pub ubl_timeout: u32,
    /// Whether what comes there again under the same Idempotency-Key is taken once; if not, an answer that is lost is for
    /// people to find out
    #[arg(long, env = "DEALFLOW_UBL_REPEATS", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub ubl_repeats: bool,
    /// YAML file that says who sells, by legal entity (erp-ubl; docs/erp.md has one)
    #[arg(long, env = "DEALFLOW_UBL_SELLERS", value_name = "FILE")]
    pub ubl_sellers: Option<PathBuf>,
    /// Where ERPNext is (erp-erpnext)
    #[arg(long, env = "DEALFLOW_ERPNEXT_URL", value_name = "URL")]
    pub erpnext_url: Option<String>,
    /// API_KEY:API_SECRET of its user; @FILE reads it from a file, such as a mounted secret
    #[arg(long, env = "DEALFLOW_ERPNEXT_TOKEN", value_name = "TOKEN", value_parser = secret, hide_env_values = true)]
    pub erpnext_token: Option<Secret>,
    /// Seconds that it may take for one call; a document takes some
    #[arg(long, env = "DEALFLOW_ERPNEXT_TIMEOUT", value_name = "SECONDS", default_value_t = 10)]
    pub erpnext_timeout: u32,
    /// YAML file of companies, taxes, units, items, customers and terms (erp-erpnext; docs/erp.md has one)
    #[arg(long, env = "DEALFLOW_ERPNEXT_MAPPING", value_name = "FILE")]
    pub erpnext_mapping: Option<PathBuf>,
    /// Authorities that vouch for an ERP's certificate; those that browsers believe where it is not said
    #[arg(long, env = "DEALFLOW_ERP_CA", value_name = "FILE")]
    pub erp_ca: Option<PathBuf>,
}

impl Default for Adapters {
    fn default() -> Self {
        Self {
            ubl_folder: None,
            ubl_url: None,
            ubl_token: None,
            ubl_timeout: 12,
            ubl_repeats: true,
            ubl_sellers: None,
            erpnext_url: None,
            erpnext_token: None,
            erpnext_timeout: 10,
            erpnext_mapping: None,
            erp_ca: None,
        }
    }
}

/// What is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl std::fmt::Debug for Adapters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adapters")
            .field("ubl_folder", &self.ubl_folder)
            .field("ubl_url", &self.ubl_url)
            .field("erpnext_url", &self.erpnext_url)
            .finish_non_exhaustive()
    }
}

impl Adapters {
    /// The UBL adapter's setup; all mistakes at once.
    ///
    /// # Errors
    /// Where something is not said, or cannot be.
    pub fn ubl(&self, insecure: bool) -> anyhow::Result<ubl::Settings> {
        let mut wrong = Vec::new();
        let place = match (&self.ubl_folder, &self.ubl_url) {
            (Some(folder), None) => Some(ubl::Place::Folder(folder.clone())),
            (None, Some(url)) => match self.endpoint(url, insecure) {
                Ok(endpoint) => Some(ubl::Place::Endpoint(endpoint)),
                Err(error) => {
                    wrong.push(format!("{error:#}"));
                    None
                }
            },
            _ => {
                wrong.push("--ubl-folder DIR or --ubl-url URL says where documents go, one of the two".to_owned());
                None
            }
        };
        if self.ubl_sellers.is_none() {
            wrong.push("--ubl-sellers FILE says who sells".to_owned());
        }
        match (place, self.ubl_sellers.clone()) {
            (Some(place), Some(sellers)) => Ok(ubl::Settings { place, sellers }),
            _ => bail!("erp-ubl: {}", wrong.join("; ")),
        }
    }

    fn endpoint(&self, url: &str, insecure: bool) -> anyhow::Result<ubl::EndpointSettings> {
        ensure!(self.ubl_timeout > 0, "--ubl-timeout must be 1 at the least");
        let url = address("--ubl-url", url, self.ubl_token.is_some() && !insecure)?;
        Ok(ubl::EndpointSettings {
            url,
            tls: self.tls()?,
            token: self.ubl_token.clone().map(|secret| secret.0),
            patience: Duration::from_secs(self.ubl_timeout.into()),
            repeats: self.ubl_repeats,
        })
    }

    /// The ERPNext adapter's setup; all that is not said at once.
    ///
    /// # Errors
    /// Where something is not said, or cannot be.
    pub fn erpnext(&self, insecure: bool) -> anyhow::Result<erpnext::Settings> {
        let (Some(url), Some(token), Some(mapping)) = (&self.erpnext_url, &self.erpnext_token, &self.erpnext_mapping)
        else {
            let said = [
                (self.erpnext_url.is_some(), "--erpnext-url URL says where ERPNext is"),
                (self.erpnext_token.is_some(), "--erpnext-token TOKEN lets us in"),
                (self.erpnext_mapping.is_some(), "--erpnext-mapping FILE says how our words are called there"),
            ];
            let missing: Vec<&str> = said.iter().filter(|(said, _)| !said).map(|(_, what)| *what).collect();
            bail!("erp-erpnext: {}", missing.join("; "));
        };
        ensure!(self.erpnext_timeout > 0, "--erpnext-timeout must be 1 at the least");
        Ok(erpnext::Settings {
            url: address("--erpnext-url", url, !insecure)?,
            tls: self.tls()?,
            token: token.0.clone(),
            patience: Duration::from_secs(self.erpnext_timeout.into()),
            mapping: mapping.clone(),
        })
    }

    fn tls(&self) -> anyhow::Result<ClientTls> {
        ClientTls::believing(self.erp_ca.as_deref()).context("--erp-ca")
    }
}

/// An address; where a token goes there, one that nobody on the way can read.
fn address(flag: &str, url: &str, guarded: bool) -> anyhow::Result<http::Uri> {
    let uri: http::Uri = url.parse().with_context(|| format!("{flag}: {url} is no address"))?;
    let absolute = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    ensure!(absolute, "{flag}: {url} is no address; one is https://erp.example.com");
    ensure!(
        !guarded || is_private(&uri),
        "{flag}: the token would go to {url} unencrypted; say https://, or --insecure where the network itself keeps \
         everybody out"
    );
    Ok(uri)
}

/// A secret as it stands, or, as `@FILE`, the content of a file.
fn secret(text: &str) -> Result<Secret, String> {
    let held = match text.strip_prefix('@') {
        None => text.to_owned(),
        Some(file) => {
            let content = std::fs::read_to_string(file).map_err(|error| format!("{file} cannot be read: {error}"))?;
            content.trim().to_owned()
        }
    };
    let sayable = !held.is_empty() && held.bytes().all(|byte| byte.is_ascii_graphic());
    if sayable { Ok(Secret(held)) } else { Err("a token is letters, digits and signs, without spaces".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        adapters: Adapters,
    }

    fn parsed(arguments: &[&str]) -> Adapters {
        let arguments = std::iter::once("program").chain(arguments.iter().copied());
        Program::try_parse_from(arguments).expect("flags").adapters
    }

    #[test]
    fn what_nobody_says_is_the_default_of_a_value() {
        assert!(parsed(&[]) == Adapters::default());
    }

    #[test]
    fn r_erp_1_what_is_missing_is_told_at_once_with_its_flag() {
        let told = parsed(&[]).ubl(false).map(drop).expect_err("nothing is said").to_string();
        assert!(told.contains("--ubl-folder") && told.contains("--ubl-sellers"), "{told}");
        let told =
            parsed(&["--erpnext-url", "https://erp.test"]).erpnext(false).map(drop).expect_err("half").to_string();
        assert!(
            !told.contains("--erpnext-url") && told.contains("--erpnext-token") && told.contains("--erpnext-mapping")
        );
        let both = Program::try_parse_from(["program", "--ubl-folder", "x", "--ubl-url", "http://y"]);
        assert!(both.is_err(), "a folder or an address");
        let told = parsed(&["--ubl-url", "erp.test/ubl", "--ubl-sellers", "s"]).ubl(false).map(drop);
        assert!(told.expect_err("no scheme").to_string().contains("is no address"));
    }

    #[test]
    fn r_sec_1_a_token_goes_nowhere_unencrypted_and_is_never_shown() {
        let said = ["--erpnext-url", "http://erp.test", "--erpnext-token", "key:s3cret", "--erpnext-mapping", "m"];
        let adapters = parsed(&said);
        let told = adapters.erpnext(false).map(drop).expect_err("it could be read").to_string();
        assert!(told.contains("unencrypted") && !told.contains("s3cret"), "{told}");
        assert!(adapters.erpnext(true).is_ok(), "where the network itself keeps everybody out");
        assert!(!format!("{adapters:?}{:?}", adapters.erpnext_token).contains("s3cret"));
        let near =
            ["--erpnext-url", "http://127.0.0.1:8000", "--erpnext-token", "key:s3cret", "--erpnext-mapping", "m"];
        assert!(parsed(&near).erpnext(false).is_ok());
        let ubl = parsed(&["--ubl-url", "http://edi.test", "--ubl-token", "s3cret", "--ubl-sellers", "s"]);
        assert!(ubl.ubl(false).is_err() && ubl.ubl(true).is_ok());
        assert!(
            parsed(&["--ubl-url", "http://edi.test", "--ubl-sellers", "s"]).ubl(false).is_ok(),
            "no token, no secret"
        );
    }

    #[test]
    fn a_token_comes_from_a_file_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        std::fs::write(&file, "key:s3cret\n").expect("written");
        assert_eq!(secret(&format!("@{}", file.display())).map(|it| it.0), Ok("key:s3cret".to_owned()));
        std::fs::write(&file, "\n").expect("written");
        assert!(secret(&format!("@{}", file.display())).is_err() && secret("two words").is_err());
    }
}
