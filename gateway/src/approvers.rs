//! Who may be asked to agree to a quote or a contract, as the house knows its people: the part that asks knows no
//! employees, so the gateway tells it with the call who leads the owner and who has a role (R-QUO-2).
//!
//! What a caller writes there himself is not taken: nobody names his own approver. It is looked up where a policy asks for
//! it, and where a call comes again that was told it before.

use std::collections::BTreeSet;
use std::future::Future;

use axum::body::Bytes;
use dealflow_chassis::Context;
use dealflow_chassis::security::Sight;
use dealflow_proto::activities::v1::{GetEmployeeRequest, ListEmployeesRequest};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::names;
use dealflow_proto::orders::v1::{
    ApprovalPolicy, ApproverKind, GetContractRequest, GetQuoteRequest, ListApprovalPoliciesRequest, PolicyStep,
    RequestContractApprovalRequest, RequestQuoteApprovalRequest, RoleMembers,
};
use http::request::Parts;
use http::{Request, Response, header};
use prost::Message;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::calls::{Ask, Neighbours};
use crate::flow::{Run, Stop, has_reason};
use crate::parties::framed;
use crate::through::{Through, only_message, whole};

/// The services of which some calls are told who may be asked.
pub(crate) const SERVICES: [&str; 2] = ["dealflow.orders.v1.QuoteService", "dealflow.orders.v1.ContractService"];

/// As many of a list as come at once.
const PAGE: i32 = 1000;

/// Whom policies may mean.
#[derive(Default)]
pub(crate) struct People {
    /// Who leads the record's owner; empty where nobody does.
    pub(crate) manager: String,
    /// Who is here and has a role that a policy asks without naming its members.
    pub(crate) roles: Vec<RoleMembers>,
}

/// Where it is read who that is: for a call, or for a flow, which reads once for all its runs.
pub(crate) trait Reads: Sync {
    /// Why it could not be read.
    type Error: Send;

    /// The answer of a part.
    fn read_for<A: Ask>(
        &self,
        name: &'static str,
        ask: A,
    ) -> impl Future<Output = Result<A::Answer, Self::Error>> + Send;
}

impl Reads for Run {
    type Error = Stop;

    async fn read_for<A: Ask>(&self, name: &'static str, ask: A) -> Result<A::Answer, Stop> {
        self.read(name, ask).await
    }
}

impl People {
    /// Whom the policies may mean for a record of this owner.
    pub(crate) async fn read<R: Reads>(from: &R, owner: &str) -> Result<Self, R::Error> {
        let manager = match owner {
            "" => String::new(),
            owner => from.read_for("owner", GetEmployeeRequest { name: owner.to_owned() }).await?.manager,
        };
        let mut asked = BTreeSet::new();
        let mut policies = ListApprovalPoliciesRequest { page_size: PAGE, ..Default::default() };
        loop {
            let page = from.read_for("policies", policies.clone()).await?;
            asked.extend(page.approval_policies.iter().flat_map(roles_of));
            if page.next_page_token.is_empty() {
                break;
            }
            policies.page_token = page.next_page_token;
        }
        let mut roles: Vec<RoleMembers> =
            asked.into_iter().map(|role| RoleMembers { role, ..RoleMembers::default() }).collect();
        let filter = "active = true".to_owned();
        let mut employees = ListEmployeesRequest { page_size: PAGE, filter, ..Default::default() };
        while !roles.is_empty() {
            let page = from.read_for("employees", employees.clone()).await?;
            for role in &mut roles {
                let members = page.employees.iter().filter(|one| one.roles.contains(&role.role));
                role.members.extend(members.map(|one| one.name.clone()));
            }
            if page.next_page_token.is_empty() {
                break;
            }
            employees.page_token = page.next_page_token;
        }
        Ok(Self { manager, roles })
    }
}

/// The roles that a policy asks without naming their members.
fn roles_of(policy: &ApprovalPolicy) -> impl Iterator<Item = String> {
    let asks = |step: &&PolicyStep| !policy.disabled && step.kind() == ApproverKind::Role && step.members.is_empty();
    policy.steps.iter().filter(asks).map(|step| step.role.clone())
}

/// A call that asks for an approval.
trait Asks: Message + Default {
    /// Of what.
    fn record(&self) -> &str;
    /// Says who may be asked.
    fn tell(&mut self, people: People);
}

macro_rules! asks {
    ($($request:ty),*) => {$(
        impl Asks for $request {
            fn record(&self) -> &str {
                &self.name
            }

            fn tell(&mut self, people: People) {
                (self.manager, self.roles) = (people.manager, people.roles);
            }
        }
    )*};
}

asks!(RequestQuoteApprovalRequest, RequestContractApprovalRequest);

/// The way to quotes and contracts.
#[derive(Clone)]
pub(crate) struct Approvers {
    pub(crate) through: Through,
    pub(crate) to: Neighbours,
}

impl Approvers {
    /// Answers a call by its part, telling it who may be asked where it needs to know.
    pub(crate) async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        match request.uri().path().rsplit('/').next().unwrap_or_default() {
            "RequestQuoteApproval" => self.asked::<RequestQuoteApprovalRequest>(request).await,
            "RequestContractApproval" => self.asked::<RequestContractApprovalRequest>(request).await,
            _ => self.through.answer(request).await,
        }
    }

    async fn asked<A: Asks>(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let (mut head, body) = request.into_parts();
        let bytes = whole(body).await?;
        head.headers.remove(header::CONTENT_LENGTH);
        let Ok(mut ask) = A::decode(only_message(&bytes)?) else {
            return self.through.answer(sent(&head, bytes)).await;
        };
        ask.tell(People::default());
        let answer = self.through.clone().answer(sent(&head, framed(&ask.encode_to_vec())?)).await?;
        let wants_to_know = |refused: Status| {
            has_reason(&refused, ErrorReason::NoApprover) || has_reason(&refused, ErrorReason::RequestIdReused)
        };
        if !Status::from_header_map(answer.headers()).is_some_and(wants_to_know) {
            return Ok(answer);
        }
        match House::of(&self.to, &head)?.people(ask.record()).await {
            Ok(people) => ask.tell(people),
            // Whom nobody knows nobody leads: the part's own refusal says so.
            Err(status) if status.code() == Code::NotFound => return Ok(answer),
            Err(status) => return Err(status),
        }
        self.through.answer(sent(&head, framed(&ask.encode_to_vec())?)).await
    }
}

fn sent(head: &Parts, bytes: Bytes) -> Request<Body> {
    Request::from_parts(head.clone(), Body::new(axum::body::Body::from(bytes)))
}

/// The house's people, read for the approval's own sake: the caller is told nothing of them.
struct House<'a> {
    to: &'a Neighbours,
    context: Context,
}

impl<'a> House<'a> {
    fn of(to: &'a Neighbours, head: &Parts) -> Result<Self, Status> {
        let context = Context::of(&MetadataMap::from_headers(head.headers.clone()))?;
        Ok(Self { to, context: Context { roles: None, sight: Sight::All, ..context } })
    }

    async fn people(&self, record: &str) -> Result<People, Status> {
        let name = record.to_owned();
        let owner = match names::QUOTES.parse(record) {
            Ok(_) => self.read_for("quote", GetQuoteRequest { name }).await?.owner,
            Err(_) => self.read_for("contract", GetContractRequest { name }).await?.owner,
        };
        People::read(self, &owner).await
    }
}

impl Reads for House<'_> {
    type Error = Status;

    async fn read_for<A: Ask>(&self, _: &'static str, ask: A) -> Result<A::Answer, Status> {
        let mut request = tonic::Request::new(ask);
        self.context.carry(request.metadata_mut());
        A::send(self.to, request).await.map(tonic::Response::into_inner)
    }
}
