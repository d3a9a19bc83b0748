//! `WorkerService`: the worker processes of the installation.

use super::{Api, Reply};
use crate::names::WORKERS;
use crate::request::open;
use crate::status::to_status;
use crate::wire;
use linkyard_proto::v1;
use linkyard_proto::v1::worker_service_server::WorkerService;
use tonic::{Request, Response};

#[tonic::async_trait]
impl WorkerService for Api {
    async fn list_workers(&self, request: Request<v1::ListWorkersRequest>) -> Reply<v1::ListWorkersResponse> {
        open(request)?;
        let workers = self.service.worker_list().await.map_err(to_status)?;
        Ok(Response::new(v1::ListWorkersResponse { workers: workers.iter().map(wire::worker).collect() }))
    }

    async fn drain_worker(&self, request: Request<v1::DrainWorkerRequest>) -> Reply<v1::DrainWorkerResponse> {
        let (_, message) = open(request)?;
        let id = WORKERS.parse("name", &message.name).map_err(to_status)?;
        self.service.worker_drain(id).await.map_err(to_status)?;
        Ok(Response::new(v1::DrainWorkerResponse {}))
    }
}
