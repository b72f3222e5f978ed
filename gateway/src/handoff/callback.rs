//! What an ERP pushes: one function per RPC, one transaction per function.

use dealflow_chassis::Refusal;
use dealflow_proto::erp::v1::erp_callback_service_server::ErpCallbackService;
use dealflow_proto::erp::v1::{ReportEventsRequest, ReportEventsResponse};
use tonic::{Request, Response, Status};

use super::{Handoffs, business};

#[tonic::async_trait]
impl ErpCallbackService for Handoffs {
    async fn report_events(
        &self,
        request: Request<ReportEventsRequest>,
    ) -> Result<Response<ReportEventsResponse>, Status> {
        let reported = self
            .0
            .store
            .work(request, |work, ask: ReportEventsRequest| async move {
                let done = business::apply(&work.tx, &ask.events, work.now).await?;
                let answer = ReportEventsResponse { applied: done.applied, known: done.known, unknown: done.unknown };
                Ok::<_, Refusal>(work.done(answer))
            })
            .await?;
        self.0.news.notify_one();
        self.wake();
        Ok(reported)
    }
}
