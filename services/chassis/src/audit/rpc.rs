//! The service that checks a part's own history.

use dealflow_proto::audit::v1::audit_service_server::{AuditService, AuditServiceServer};
use dealflow_proto::audit::v1::{AuditVerdict, GetAuditVerdictRequest};
use tonic::{Request, Response, Status};

use super::verify::verify;
use crate::refusal::Refusal;
use crate::store::Store;
use crate::work::check;

/// Rows of one check, at most.
const MOST: u64 = 10_000;

/// The audit of one part.
#[derive(Clone)]
pub struct Audit {
    store: Store,
}

impl Audit {
    /// The audit of this store's history.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The service that checks this store's history.
    pub fn server(store: Store) -> AuditServiceServer<Self> {
        AuditServiceServer::new(Self::new(store))
    }
}

#[tonic::async_trait]
impl AuditService for Audit {
    async fn get_audit_verdict(
        &self,
        request: Request<GetAuditVerdictRequest>,
    ) -> Result<Response<AuditVerdict>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        if !ask.part.is_empty() {
            return Err(Refusal::field("part", "empty: this part has its own history only").into());
        }
        let noted = match ask.after_link.as_str() {
            "" => None,
            text => Some(unhex(text).ok_or_else(|| Refusal::field("after_link", "64 hexadecimal digits"))?),
        };
        let rows = match u64::try_from(ask.max_rows).unwrap_or_default() {
            0 => MOST,
            rows => rows.min(MOST),
        };
        let verdict = verify(&self.store, ask.after_position, noted.as_deref(), rows).await.map_err(Refusal::from)?;
        Ok(Response::new(verdict))
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
