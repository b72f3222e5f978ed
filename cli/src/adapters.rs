//! The adapters to real ERPs, as an operator sets them up (R-ERP-1); each is started as a part: `serve erp-ubl`,
//! `serve erp-erpnext`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use dealflow_chassis::tls::ClientTls;
use dealflow_chassis::web::is_private;
use dealflow_erp_adapters::{erpnext, ubl};
use secrecy::SecretString;

/// How the adapters reach their ERPs.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Adapters to ERPs")]
pub struct Adapters {
    /// Folder that UBL files are written to (erp-ubl)
    #[arg(long, env = "DEALFLOW_UBL_FOLDER", value_name = "DIR", conflicts_with = "ubl_url")]
    pub ubl_folder: Option<PathBuf>,
    /// Address that UBL is POSTed to, instead of a folder (erp-ubl)
    #[arg(long, env = "DEALFLOW_UBL_URL", value_name = "URL")]
    pub ubl_url: Option<String>,
    /// File with the token for that address, sent as Bearer; the variable DEALFLOW_UBL_TOKEN may hold the token itself
    #[arg(long, env = "DEALFLOW_UBL_TOKEN_FILE", value_name = "FILE")]
    pub ubl_token_file: Option<PathBuf>,
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
    /// File with API_KEY:API_SECRET of its user; the variable DEALFLOW_ERPNEXT_TOKEN may hold them themselves
    #[arg(long, env = "DEALFLOW_ERPNEXT_TOKEN_FILE", value_name = "FILE")]
    pub erpnext_token_file: Option<PathBuf>,
    /// Seconds that it may take for one call; a document takes some
    #[arg(long, env = "DEALFLOW_ERPNEXT_TIMEOUT", value_name = "SECONDS", default_value_t = 10)]
    pub erpnext_timeout: u32,
    /// YAML file of companies, taxes, units, items, customers and terms (erp-erpnext; docs/erp.md has one)
    #[arg(long, env = "DEALFLOW_ERPNEXT_MAPPING", value_name = "FILE")]
    pub erpnext_mapping: Option<PathBuf>,
    /// Authorities (PEM) that vouch for the ERP's certificate, to an adapter and to the gateway; where it is not said an
    /// adapter believes those that browsers believe, the gateway those of --tls-ca
    #[arg(long, env = "DEALFLOW_ERP_CA", value_name = "FILE")]
    pub erp_ca: Option<PathBuf>,
}

impl Default for Adapters {
    fn default() -> Self {
        Self {
            ubl_folder: None,
            ubl_url: None,
            ubl_token_file: None,
            ubl_timeout: 12,
            ubl_repeats: true,
            ubl_sellers: None,
            erpnext_url: None,
            erpnext_token_file: None,
            erpnext_timeout: 10,
            erpnext_mapping: None,
            erp_ca: None,
        }
    }
}

/// The variables that may hold the tokens; the command line is read by others.
const UBL_TOKEN: &str = "DEALFLOW_UBL_TOKEN";
const ERPNEXT_TOKEN: &str = "DEALFLOW_ERPNEXT_TOKEN";

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
        let token = secret("--ubl-token-file", self.ubl_token_file.as_deref(), UBL_TOKEN)?;
        let url = address("--ubl-url", url, token.is_some() && !insecure)?;
        Ok(ubl::EndpointSettings {
            url,
            tls: self.tls()?,
            token,
            patience: Duration::from_secs(self.ubl_timeout.into()),
            repeats: self.ubl_repeats,
        })
    }

    /// The ERPNext adapter's setup; all that is not said at once.
    ///
    /// # Errors
    /// Where something is not said, or cannot be.
    pub fn erpnext(&self, insecure: bool) -> anyhow::Result<erpnext::Settings> {
        let token = secret("--erpnext-token-file", self.erpnext_token_file.as_deref(), ERPNEXT_TOKEN)?;
        let is_token = token.is_some();
        let (Some(url), Some(token), Some(mapping)) = (&self.erpnext_url, token, &self.erpnext_mapping) else {
            let said = [
                (self.erpnext_url.is_some(), "--erpnext-url URL says where ERPNext is"),
                (is_token, "--erpnext-token-file FILE or DEALFLOW_ERPNEXT_TOKEN lets us in"),
                (self.erpnext_mapping.is_some(), "--erpnext-mapping FILE says how our words are called there"),
            ];
            let missing: Vec<&str> = said.iter().filter(|(said, _)| !said).map(|(_, what)| *what).collect();
            bail!("erp-erpnext: {}", missing.join("; "));
        };
        ensure!(self.erpnext_timeout > 0, "--erpnext-timeout must be 1 at the least");
        Ok(erpnext::Settings {
            url: address("--erpnext-url", url, !insecure)?,
            tls: self.tls()?,
            token,
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

/// A token: of a file, or of a variable; none where neither is said.
fn secret(flag: &str, file: Option<&Path>, variable: &str) -> anyhow::Result<Option<SecretString>> {
    let held = match file {
        Some(file) => {
            let content = std::fs::read_to_string(file);
            Some(content.with_context(|| format!("{flag}: {} cannot be read", file.display()))?.trim().to_owned())
        }
        None => std::env::var(variable).ok().filter(|held| !held.is_empty()),
    };
    let sayable = |held: &String| !held.is_empty() && held.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(
        held.as_ref().is_none_or(sayable),
        "{flag} or {variable}: a token is letters, digits and signs, without spaces"
    );
    Ok(held.map(SecretString::from))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use secrecy::ExposeSecret as _;

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
            !told.contains("--erpnext-url")
                && told.contains("--erpnext-token-file")
                && told.contains("--erpnext-mapping")
        );
        let both = Program::try_parse_from(["program", "--ubl-folder", "x", "--ubl-url", "http://y"]);
        assert!(both.is_err(), "a folder or an address");
        let told = parsed(&["--ubl-url", "erp.test/ubl", "--ubl-sellers", "s"]).ubl(false).map(drop);
        assert!(told.expect_err("no scheme").to_string().contains("is no address"));
    }

    /// A file with a token, in a folder that goes with the test.
    fn token(held: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        std::fs::write(&file, held).expect("written");
        let named = file.display().to_string();
        (folder, named)
    }

    #[test]
    fn r_sec_1_a_token_goes_nowhere_unencrypted_and_is_no_argument() {
        let (_folder, file) = token("key:s3cret\n");
        let said = |url| ["--erpnext-url", url, "--erpnext-token-file", &file, "--erpnext-mapping", "m"];
        let adapters = parsed(&said("http://erp.test"));
        let told = adapters.erpnext(false).map(drop).expect_err("it could be read").to_string();
        assert!(told.contains("unencrypted") && !told.contains("s3cret"), "{told}");
        let settings = adapters.erpnext(true).expect("where the network itself keeps everybody out");
        assert_eq!(settings.token.expose_secret(), "key:s3cret", "without the file's last line break");
        assert!(!format!("{adapters:?}").contains("s3cret"));
        assert!(parsed(&said("http://127.0.0.1:8000")).erpnext(false).is_ok());
        let ubl = parsed(&["--ubl-url", "http://edi.test", "--ubl-token-file", &file, "--ubl-sellers", "s"]);
        assert!(ubl.ubl(false).is_err() && ubl.ubl(true).is_ok());
        assert!(
            parsed(&["--ubl-url", "http://edi.test", "--ubl-sellers", "s"]).ubl(false).is_ok(),
            "no token, no secret"
        );
        let argument = Program::try_parse_from(["program", "--ubl-token", "s3cret"]);
        assert!(argument.is_err(), "everybody on the machine reads arguments");
    }

    #[test]
    fn a_token_that_cannot_be_one_is_refused_without_being_shown() {
        for held in ["\n", "two words", "schl\u{fc}ssel"] {
            let (_folder, file) = token(held);
            let said = ["--ubl-url", "https://edi.test", "--ubl-token-file", &file, "--ubl-sellers", "s"];
            let told = parsed(&said).ubl(false).map(drop).expect_err(held).to_string();
            assert!(told.contains("--ubl-token-file") && !told.contains("two"), "{told}");
        }
        let said = ["--ubl-url", "https://edi.test", "--ubl-token-file", "/is/not/there", "--ubl-sellers", "s"];
        assert!(parsed(&said).ubl(false).is_err());
    }
}
