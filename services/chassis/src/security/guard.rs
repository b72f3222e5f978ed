//! Lets a call in or not: who calls, whether that one may, and whether not too often.
//!
//! | the call comes | who calls |
//! |---|---|
//! | from a part in this process, or over mTLS with a name on the list | the user that the part names, else the part |
//! | with a token that is believed | the token's user |
//! | otherwise | nobody: UNAUTHENTICATED |
//!
//! Whatever a caller says of itself in headers is taken away first and put there anew from what was found out, so that a
//! handler, the history and the next part read the truth in the same place as ever. Health needs no caller, reflection
//! needs one and no permission, a page brings a secret of its own.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use dealflow_proto::access::v1::Permission;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::methods;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, header};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use uuid::Uuid;

use super::caller::Caller;
use super::fresh::{FileError, Fresh};
use super::rate::Rate;
use super::roles::{self, Roles};
use super::tokens::{NoCaller, Tokens};
use super::{Inside, Reports, SecurityConfig, Sight};
use crate::context::{ACTOR, FLOW, ROLES, SEES};
use crate::layers::{StreamOf, refuse};
use crate::refusal::{DOMAIN, reason_name};
use crate::tls::Peer;

/// People whose records one may see without seeing everybody's: as many as a header holds.
const MOST_SEEN: usize = 400;
/// When the keys of tokens may have been fetched.
const KEYS_SOON: Duration = Duration::from_secs(5);

/// What every RPC asks for.
static ASKS: LazyLock<HashMap<&str, Permission>> =
    LazyLock::new(|| methods::ALL.iter().map(|method| (method.path, method.permission())).collect());

/// What guards a server.
#[derive(Default)]
pub(crate) struct Guard {
    /// Nothing where nobody is asked who he is.
    asking: Option<Asking>,
    /// First segments of the paths of plain pages.
    pages: Vec<&'static str>,
    /// What finds whom a caller leads; without it a caller sees his own records only.
    reports: Option<Reports>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("asking", &self.asking).field("pages", &self.pages).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Asking {
    peers: Vec<String>,
    tokens: Option<Tokens>,
    roles: Fresh<Roles>,
    rate: Option<Rate>,
}

impl Guard {
    /// A guard by its configuration; `pages` bring secrets of their own.
    pub(crate) fn open(
        config: &SecurityConfig,
        pages: Vec<&'static str>,
        reports: Option<Reports>,
    ) -> Result<Self, FileError> {
        if !config.authenticates() {
            return Ok(Self::default());
        }
        let asking = Asking {
            peers: config.tls.peers.clone(),
            tokens: Tokens::open(&config.tokens)?,
            roles: roles::open(config.roles.as_deref())?,
            rate: Rate::new(config.caller_rate),
        };
        Ok(Self { asking: Some(asking), pages, reports })
    }

    /// Lets a call in, with its caller in the extensions and in the headers that are passed on.
    pub(crate) fn admit(&self, request: &mut Request<Body>) -> Result<Admitted, Status> {
        let inside = request.extensions_mut().remove::<Inside>().is_some();
        let path = request.uri().path();
        if path.starts_with("/grpc.health.v1.Health/") {
            return Ok(Admitted { of: StreamOf::Probes, ..Admitted::default() });
        }
        let Some(asking) = &self.asking else { return Ok(Admitted::default()) };
        let is_page = path.split('/').nth(1).is_some_and(|segment| self.pages.contains(&segment));
        let peer = inside || request.extensions().get::<Peer>().is_some_and(|peer| asking.lists(peer));
        let token = bearer(request.headers());
        let caller = match (peer, token) {
            (true, _) => Arc::new(asking.part(request.headers())),
            (false, Some(token)) => asking.user(token)?,
            // It asks for the secret in its address.
            (false, None) if is_page => Arc::new(Caller::passed_on("anonymous", "", &asking.roles.current())),
            (false, None) => return Err(unauthenticated("say who calls: `authorization: Bearer …`")),
        };
        if !is_page {
            asking.permit(request.uri().path(), &caller)?;
        }
        if let Some(rate) = asking.rate.as_ref().filter(|_| !peer) {
            rate.take(&caller.actor, Instant::now()).map_err(too_often)?;
        }
        let employee = caller.employee;
        let by_token = (!peer).then(|| Arc::clone(&caller));
        let of = if caller.is_part { StreamOf::Suite } else { StreamOf::People };
        let sees_all = caller.permissions.contain(Permission::RecordsAll);
        name(request, caller, peer);
        if sees_all {
            return Ok(Admitted { leads: None, caller: by_token, of });
        }
        // A part that names a user has found out what he sees; where it does not say so, he sees nobody's own.
        if !peer || !request.headers().contains_key(SEES) {
            write_sight(request, employee.into_iter().collect())?;
        }
        let asks = ASKS.contains_key(request.uri().path());
        let finds = employee.zip(self.reports.as_ref()).filter(|_| asks);
        let leads = finds.map(|(employee, reports)| Leads { employee, found: reports(employee) });
        Ok(Admitted { leads, caller: by_token, of })
    }
}

/// A call that is let in.
#[derive(Default)]
pub(crate) struct Admitted {
    /// How to find whom the caller leads, where he does not see everybody's records and that must be known first.
    pub(crate) leads: Option<Leads>,
    /// Who calls, where it is nobody's part.
    pub(crate) caller: Option<Arc<Caller>>,
    /// Whose a stream is that it asks for.
    pub(crate) of: StreamOf,
}

/// Whom a caller leads, on its way.
pub(crate) struct Leads {
    employee: Uuid,
    found: BoxFuture<'static, Result<Vec<Uuid>, Status>>,
}

impl Leads {
    /// Waits for it, and writes down whose records the caller sees.
    pub(crate) async fn write(self, request: &mut Request<Body>) -> Result<(), Status> {
        let mut seen = self.found.await?;
        seen.push(self.employee);
        // In one order: a page token is bound to the query that it is of.
        seen.sort_unstable();
        seen.dedup();
        write_sight(request, seen)
    }
}

fn write_sight(request: &mut Request<Body>, employees: Vec<Uuid>) -> Result<(), Status> {
    if employees.len() > MOST_SEEN {
        let message = format!("you lead more than {MOST_SEEN} people: that asks for a role with records_all");
        return Err(refuse(Code::PermissionDenied, ErrorReason::PermissionDenied, &message, None));
    }
    let sees = Sight::Of(employees).header().and_then(|sees| HeaderValue::try_from(sees).ok());
    request.headers_mut().insert(SEES, sees.unwrap_or(HeaderValue::from_static("")));
    Ok(())
}

impl Asking {
    fn lists(&self, peer: &Peer) -> bool {
        peer.names.iter().any(|name| self.peers.contains(name))
    }

    /// Whom a part acts for: the user that it names with his roles, else itself.
    fn part(&self, headers: &HeaderMap) -> Caller {
        let text = |key: &str| headers.get(key).and_then(|value| value.to_str().ok());
        let actor = text(ACTOR).unwrap_or("services/part");
        match text(ROLES) {
            Some(roles) => Caller::passed_on(actor, roles, &self.roles.current()),
            None => Caller::part(actor),
        }
    }

    fn user(&self, token: &str) -> Result<Arc<Caller>, Status> {
        let Some(tokens) = &self.tokens else {
            return Err(unauthenticated("no tokens are taken here: only parts of the suite call this one"));
        };
        tokens.caller(token, &self.roles.current()).map_err(|why| match why {
            NoCaller::Unbelieved(why) => {
                tracing::debug!(%why, "a token is not believed");
                unauthenticated("the token is not believed, or has expired")
            }
            NoCaller::Nobody => unauthenticated("the token does not say who calls"),
            NoCaller::NoKeys => refuse(
                Code::Unavailable,
                ErrorReason::Unavailable,
                "the keys of tokens are not known yet; nothing was done, try again later",
                Some(KEYS_SOON),
            ),
        })
    }

    /// What nobody is permitted to do by name, nobody may do.
    fn permit(&self, path: &str, caller: &Caller) -> Result<(), Status> {
        let may = match ASKS.get(path) {
            Some(permission) => caller.permissions.contain(*permission),
            None => caller.is_part || path.starts_with("/grpc.reflection."),
        };
        if may { Ok(()) } else { Err(not_permitted(ASKS.get(path).copied(), caller)) }
    }
}

/// The token of a call.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Writes who calls where handlers and the next part read it. The token stays here: nobody behind needs it.
fn name(request: &mut Request<Body>, caller: Arc<Caller>, peer: bool) {
    let headers = request.headers_mut();
    headers.remove(header::AUTHORIZATION);
    if !peer {
        headers.remove(FLOW);
        headers.remove(ACTOR);
        headers.remove(ROLES);
        headers.remove(SEES);
        if let Some(actor) = caller.actor_header() {
            headers.insert(ACTOR, actor);
        }
        if let Some(roles) = caller.roles_header() {
            headers.insert(ROLES, roles);
        }
    }
    request.extensions_mut().insert(caller);
}

fn unauthenticated(message: &str) -> Status {
    refuse(Code::Unauthenticated, ErrorReason::Unauthenticated, message, None)
}

fn not_permitted(asked: Option<Permission>, caller: &Caller) -> Status {
    let asked = asked.map_or_else(|| "a part of the suite".to_owned(), Permission::word);
    let roles = if caller.roles.is_empty() { "none that count here" } else { &caller.roles };
    let message = format!("this asks for {asked}; your roles ({roles}) do not give it");
    let metadata = [("permission".to_owned(), asked), ("roles".to_owned(), caller.roles.clone())];
    let details = ErrorDetails::with_error_info(reason_name(ErrorReason::PermissionDenied), DOMAIN, metadata);
    Status::with_error_details(Code::PermissionDenied, message, details)
}

fn too_often(wait: Duration) -> Status {
    let message = "this caller calls too often; nothing was done, try again later";
    refuse(Code::ResourceExhausted, ErrorReason::RateLimited, message, Some(wait))
}
