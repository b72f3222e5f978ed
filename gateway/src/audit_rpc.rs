//! The audit of all parts in one place: each checks its own history.

use dealflow_chassis::audit::Audit;
use dealflow_chassis::link::Link;
use dealflow_chassis::work::check;
use dealflow_chassis::{Context, Refusal, Store};
use dealflow_proto::audit::v1::audit_service_client::AuditServiceClient;
use dealflow_proto::audit::v1::audit_service_server::AuditService;
use dealflow_proto::audit::v1::{AuditVerdict, GetAuditVerdictRequest};
use tonic::{Request, Response, Status};

use crate::calls::Neighbours;

/// The gateway's own name among the parts.
const OWN: &str = "gateway";

/// The service.
#[derive(Clone)]
pub(crate) struct AuditRpc {
    own: Audit,
    others: Vec<(&'static str, Link)>,
}

impl AuditRpc {
    /// The gateway's own history in its store, and those of its neighbours.
    pub(crate) fn new(store: Store, to: &Neighbours) -> Self {
        let others = vec![
            ("leads", to.leads.clone()),
            ("opportunities", to.opportunities.clone()),
            ("activities", to.activities.clone()),
            ("orders", to.orders.clone()),
        ];
        Self { own: Audit::new(store), others }
    }
}

#[tonic::async_trait]
impl AuditService for AuditRpc {
    async fn get_audit_verdict(
        &self,
        request: Request<GetAuditVerdictRequest>,
    ) -> Result<Response<AuditVerdict>, Status> {
        check(request.get_ref())?;
        let context = Context::of(request.metadata())?;
        let mut ask = request.into_inner();
        let part = std::mem::take(&mut ask.part);
        let mut onward = Request::new(ask);
        context.carry(onward.metadata_mut());
        let answer = match self.others.iter().find(|(other, _)| *other == part) {
            Some((_, link)) => AuditServiceClient::new(link.clone()).get_audit_verdict(onward).await?,
            None if part.is_empty() || part == OWN => self.own.get_audit_verdict(onward).await?,
            None => {
                let known: Vec<&str> = self.others.iter().map(|(other, _)| *other).chain([OWN]).collect();
                return Err(Refusal::field("part", format!("one of {}", known.join(", "))).into());
            }
        };
        let part = if part.is_empty() { OWN.to_owned() } else { part };
        Ok(answer.map(|verdict| AuditVerdict { part, ..verdict }))
    }
}
