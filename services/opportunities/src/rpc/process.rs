//! The process library, to be read.

use std::sync::Arc;

use dealflow_chassis::Refusal;
use dealflow_chassis::work::check;
use dealflow_proto::opportunities::v1 as pb;
use dealflow_proto::opportunities::v1::process_service_server::ProcessService;
use tonic::{Request, Response, Status};

use crate::library::Library;
use crate::wire;

/// The process service.
pub(crate) struct Processes {
    pub(crate) library: Arc<Library>,
}

#[tonic::async_trait]
impl ProcessService for Processes {
    async fn list_processes(
        &self,
        _: Request<pb::ListProcessesRequest>,
    ) -> Result<Response<pb::ListProcessesResponse>, Status> {
        let processes = self.library.processes();
        let processes = processes.map(|process| wire::process(process, &self.library.stages)).collect();
        Ok(Response::new(pb::ListProcessesResponse { processes }))
    }

    async fn get_process(&self, request: Request<pb::GetProcessRequest>) -> Result<Response<pb::Process>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let process = self.library.named(&ask.name).ok_or_else(|| Refusal::missing(&ask.name))?;
        Ok(Response::new(wire::process(process, &self.library.stages)))
    }

    async fn list_stages(&self, _: Request<pb::ListStagesRequest>) -> Result<Response<pb::ListStagesResponse>, Status> {
        let lookup = &self.library.stages;
        let stages = lookup.all().iter().map(|stage| wire::stage(stage, lookup)).collect();
        Ok(Response::new(pb::ListStagesResponse { stages }))
    }
}
