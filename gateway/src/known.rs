//! Whether the people, the customers and the lead that a call names are there (R-LED-6, R-OPP-1, R-QUO-2).
//!
//! A part keeps another part's names as it gets them: it cannot know more. So the gateway asks, before the call goes on:
//! what it names and nobody knows is refused, all at once, in the fields where it stands. Names of a wrong form are
//! refused by the part itself, and so is a message that cannot be read here. A call that holds more than one message goes no
//! further: its part would read another than the one that is looked at. A lead that its caller does not see is none that he
//! knows: nobody's deal comes from a stranger's lead by being told so (R-SEC-1).

use dealflow_chassis::link::Link;
use dealflow_chassis::{Context, Refusal};
use dealflow_proto::activities::v1::GetEmployeeRequest;
use dealflow_proto::gateway::v1::{DevelopDealRequest, StartDealRequest};
use dealflow_proto::leads::v1::{self as leads, GetAccountRequest, GetContactRequest, GetLeadRequest};
use dealflow_proto::names;
use dealflow_proto::opportunities::v1::{self as opportunities, ListOpportunitiesRequest, Opportunity};
use dealflow_proto::orders::v1::ForwardApprovalRequest;
use dealflow_proto::validate::Violation;
use futures::future::try_join_all;
use http::{Request, Response};
use prost::Message;
use prost_types::FieldMask;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tower::ServiceExt;

use crate::calls::{Ask, Neighbours};
use crate::through::{only_message, whole};

/// The services of which some calls are looked at.
pub(crate) const SERVICES: [&str; 2] =
    ["dealflow.leads.v1.LeadService", "dealflow.opportunities.v1.OpportunityService"];

/// The calls that are looked at.
const METHODS: [&str; 7] = [
    "CreateLead",
    "UpdateLead",
    "DistributeLeads",
    "CreateOpportunity",
    "UpdateOpportunity",
    "BatchUpdateOpportunities",
    FORWARD,
];

/// The call that names who is to decide: he must be here.
const FORWARD: &str = "ForwardApproval";

/// The most that a call may name: the owner, lead, account, contact, decision maker, team and participants of an
/// opportunity. One that names more is refused by its part for that, and nobody is asked for each of thousands of names
/// before.
const MOST: usize = 5 + 100 + 200;

/// A name, and the field that it stands in.
pub(crate) type Named = (String, String);

/// Asks the parts whether they know somebody.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) to: Neighbours,
}

impl Known {
    /// Refuses a call that names whom nobody knows.
    pub(crate) async fn check<Q>(&self, request: &tonic::Request<Q>, named: Vec<Named>) -> Result<(), Status> {
        self.all(&Context::of(request.metadata())?, named, false).await
    }

    /// The call, once those that it names are known; the body of a call that names nobody is not read.
    pub(crate) async fn checked(&self, request: Request<Body>) -> Result<Request<Body>, Status> {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        let Some(method) = METHODS.into_iter().find(|known| *known == method) else { return Ok(request) };
        let (head, body) = request.into_parts();
        let bytes = whole(body).await?;
        let named = named_in(method, only_message(&bytes)?).unwrap_or_default();
        if !named.is_empty() {
            let context = Context::of(&MetadataMap::from_headers(head.headers.clone()))?;
            self.all(&context, named, method == FORWARD).await?;
        }
        Ok(Request::from_parts(head, Body::new(axum::body::Body::from(bytes))))
    }

    /// Refuses those that are not known; people who have left too, where they are `to_act`.
    async fn all(&self, context: &Context, named: Vec<Named>, to_act: bool) -> Result<(), Status> {
        if named.len() > MOST {
            return Ok(());
        }
        let asked = named.into_iter().map(|(field, name)| async move {
            let wrong = if !self.is_known(context, &name).await? {
                "is not known"
            } else if to_act && !self.is_here(context, &name).await? {
                "is not active any more"
            } else {
                return Ok(None);
            };
            Ok::<_, Status>(Some(Violation { field, description: format!("{name} {wrong}") }))
        });
        let unknown: Vec<Violation> = try_join_all(asked).await?.into_iter().flatten().collect();
        if unknown.is_empty() { Ok(()) } else { Err(Refusal::fields(unknown).into()) }
    }

    /// Whether a record is there: a person or a customer whosever it is, a lead where the caller sees it.
    async fn is_known(&self, context: &Context, name: &str) -> Result<bool, Status> {
        let own = || name.to_owned();
        if names::EMPLOYEES.parse(name).is_ok() {
            self.is_there(context, GetEmployeeRequest { name: own() }).await
        } else if names::ACCOUNTS.parse(name).is_ok() {
            self.is_there(context, GetAccountRequest { name: own() }).await
        } else if names::CONTACTS.parse(name).is_ok() {
            self.is_there(context, GetContactRequest { name: own() }).await
        } else if names::LEADS.parse(name).is_ok() {
            self.is_lead_known(context, name).await
        } else {
            Ok(true)
        }
    }

    /// Whether an employee has not left.
    async fn is_here(&self, context: &Context, name: &str) -> Result<bool, Status> {
        if names::EMPLOYEES.parse(name).is_err() {
            return Ok(true);
        }
        let mut request = tonic::Request::new(GetEmployeeRequest { name: name.to_owned() });
        context.carry_seeing_all(request.metadata_mut());
        let employee = GetEmployeeRequest::send(&self.to, request).await?.into_inner();
        Ok(employee.active != Some(false))
    }

    /// A lead that the caller does not see is one that he knows where a deal came from it that he sees: what he read there
    /// he may send back.
    async fn is_lead_known(&self, context: &Context, name: &str) -> Result<bool, Status> {
        let mut request = tonic::Request::new(GetLeadRequest { name: name.to_owned() });
        context.carry(request.metadata_mut());
        match GetLeadRequest::send(&self.to, request).await {
            Ok(_) => return Ok(true),
            Err(status) if status.code() == Code::NotFound => {}
            Err(status) => return Err(status),
        }
        let (page_size, filter) = (1, format!("lead = \"{name}\""));
        let mut request = tonic::Request::new(ListOpportunitiesRequest { page_size, filter, ..Default::default() });
        context.carry(request.metadata_mut());
        let deals = ListOpportunitiesRequest::send(&self.to, request).await?.into_inner();
        Ok(!deals.opportunities.is_empty())
    }

    async fn is_there<A: Ask>(&self, context: &Context, ask: A) -> Result<bool, Status> {
        let mut request = tonic::Request::new(ask);
        context.carry_seeing_all(request.metadata_mut());
        match A::send(&self.to, request).await {
            Ok(_) => Ok(true),
            Err(status) if status.code() == Code::NotFound => Ok(false),
            Err(status) => Err(status),
        }
    }
}

/// The way to a part, for calls that name people and customers.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) link: Link,
    pub(crate) known: Known,
}

impl Asking {
    /// Answers a call, by its part or instead of it.
    pub(crate) async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let request = self.known.checked(request).await?;
        self.link.oneshot(request).await
    }
}

/// Whom a call names; none where it cannot be read.
fn named_in(method: &str, message: &[u8]) -> Option<Vec<Named>> {
    match method {
        "CreateLead" => {
            let lead = leads::CreateLeadRequest::decode(message).ok()?.lead?;
            Some(vec![("lead.owner".to_owned(), lead.owner)])
        }
        "UpdateLead" => {
            let ask = leads::UpdateLeadRequest::decode(message).ok()?;
            let owner = ask.lead?.owner;
            takes(ask.update_mask.as_ref(), "owner").then(|| vec![("lead.owner".to_owned(), owner)])
        }
        "DistributeLeads" => {
            let among = leads::DistributeLeadsRequest::decode(message).ok()?.employees;
            Some(among.into_iter().enumerate().map(|(at, name)| (format!("employees[{at}]"), name)).collect())
        }
        "CreateOpportunity" => {
            let ask = opportunities::CreateOpportunityRequest::decode(message).ok()?;
            Some(of_opportunity(&ask.opportunity?, None))
        }
        "UpdateOpportunity" => {
            let ask = opportunities::UpdateOpportunityRequest::decode(message).ok()?;
            Some(of_opportunity(&ask.opportunity?, ask.update_mask.as_ref()))
        }
        "BatchUpdateOpportunities" => {
            let ask = opportunities::BatchUpdateOpportunitiesRequest::decode(message).ok()?;
            Some(of_opportunity(&ask.opportunity?, ask.update_mask.as_ref()))
        }
        FORWARD => {
            let approver = ForwardApprovalRequest::decode(message).ok()?.approver;
            Some(vec![("approver".to_owned(), approver)])
        }
        _ => None,
    }
}

/// Whom a new deal names.
pub(crate) fn of_start(ask: &StartDealRequest) -> Vec<Named> {
    ask.opportunity.as_ref().map(|opportunity| of_opportunity(opportunity, None)).unwrap_or_default()
}

/// Whom one names who says more of a deal.
pub(crate) fn of_development(ask: &DevelopDealRequest) -> Vec<Named> {
    let named = [
        ("owner", &ask.owner),
        ("account", &ask.account),
        ("contact", &ask.contact),
        ("decision_maker", &ask.decision_maker),
    ];
    named.into_iter().map(|(field, name)| (field.to_owned(), name.clone())).collect()
}

/// Whom an opportunity names in the fields that are taken over.
fn of_opportunity(deal: &Opportunity, mask: Option<&FieldMask>) -> Vec<Named> {
    let fields = [
        ("owner", &deal.owner),
        ("lead", &deal.lead),
        ("account", &deal.account),
        ("contact", &deal.contact),
        ("decision_maker", &deal.decision_maker),
    ];
    let taken = |field: &str| takes(mask, field);
    let mut named: Vec<Named> = fields
        .into_iter()
        .filter(|(field, _)| taken(field))
        .map(|(field, name)| (format!("opportunity.{field}"), name.clone()))
        .collect();
    let team = deal.team.iter().enumerate().filter(|_| taken("team"));
    named.extend(team.map(|(at, member)| (format!("opportunity.team[{at}].employee"), member.employee.clone())));
    let participants = deal.participants.iter().enumerate().filter(|_| taken("participants"));
    named.extend(participants.map(|(at, it)| (format!("opportunity.participants[{at}].contact"), it.contact.clone())));
    named
}

/// Whether a field is taken over: one that the mask names, or any where it names none or all.
pub(crate) fn takes(mask: Option<&FieldMask>, field: &str) -> bool {
    mask.is_none_or(|mask| mask.paths.is_empty() || mask.paths.iter().any(|path| path == field || path == "*"))
}
