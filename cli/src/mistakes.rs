//! What a command says where it does not come to the suite that it asks, or comes as nobody.
//!
//! A link tells its callers nothing of hosts, for its callers may be strangers. Who runs a command said himself where the
//! suite is, so he is told what is wrong with that, and how to say it right.

use std::iter::successors;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dealflow_chassis::link::{Link, Sent, sent};
use http::{Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tower::ServiceExt as _;

/// The same link, whose failures say what to do about them; `bears_token` where its calls say who calls.
pub(crate) fn explained(link: Link, address: &str, bears_token: bool) -> Link {
    let way = Arc::new(Way { address: address.to_owned(), bears_token, answered: AtomicBool::new(false) });
    link.layered(tower::layer::layer_fn(move |transport: dealflow_chassis::link::Transport| {
        let way = Arc::clone(&way);
        tower::service_fn(move |request: Request<Body>| {
            let (transport, way) = (transport.clone(), Arc::clone(&way));
            async move { way.told(transport.oneshot(request).await) }
        })
    }))
}

/// The way to a suite.
struct Way {
    address: String,
    bears_token: bool,
    /// Whether anything ever came back on it.
    answered: AtomicBool,
}

impl Way {
    fn told(&self, answer: Result<Response<Body>, Status>) -> Result<Response<Body>, Status> {
        match answer {
            Ok(response) => {
                self.answered.store(true, Ordering::Relaxed);
                Ok(self.unless_nobody(response))
            }
            Err(status) => Err(match self.mistake(&status) {
                Some(message) => in_other_words(status, message),
                None => status,
            }),
        }
    }

    /// An answer, unless it is that nobody knows who calls, and nobody said so.
    fn unless_nobody(&self, response: Response<Body>) -> Response<Body> {
        match Status::from_header_map(response.headers()) {
            Some(status) if status.code() == Code::Unauthenticated && !self.bears_token => {
                let address = &self.address;
                let how = "name the file of your token with --token-file, or put the token into DEALFLOW_TOKEN";
                in_other_words(status, format!("{address} asks who calls; {how}")).into_http()
            }
            _ => response,
        }
    }

    /// What is wrong with the way, as far as it can be seen from here.
    fn mistake(&self, status: &Status) -> Option<String> {
        let address = &self.address;
        let cause = successors(std::error::Error::source(status), |cause| cause.source()).last()?.to_string();
        match (sent(status), status.code()) {
            (Sent::No, Code::Unavailable) if cause.contains("UnknownIssuer") => Some(format!(
                "the certificate of {address} is of an authority that is not believed here; name its file with --ca"
            )),
            (Sent::No, Code::Unavailable) if cause.contains("certificate") => {
                Some(format!("the certificate of {address} is not believed"))
            }
            (Sent::No, Code::Unavailable) if cause.contains("InvalidContentType") => {
                Some(format!("what answers at {address} does not speak TLS; say http://"))
            }
            (Sent::No, Code::Unavailable) => Some(format!(
                "no suite answers at {address}; start one with `dealflow serve`, or say with --gateway where one runs"
            )),
            // A connection that never brought anything back broke at its first bytes.
            (Sent::Maybe, Code::Unknown) if !self.answered.load(Ordering::Relaxed) => {
                let secured = address.strip_prefix("http://")?;
                Some(format!(
                    "what answers at {address} does not speak our protocol; it may speak TLS: say https://{secured}"
                ))
            }
            _ => None,
        }
    }
}

/// The same refusal in words that help here, and without a time after which it would help to try again.
fn in_other_words(status: Status, message: String) -> Status {
    let details = status.get_error_details();
    let details = details
        .error_info()
        .map(|info| ErrorDetails::with_error_info(&info.reason, &info.domain, info.metadata.clone()));
    let mut told = Status::with_error_details(status.code(), message, details.unwrap_or_default());
    told.set_source(Arc::new(status));
    told
}
