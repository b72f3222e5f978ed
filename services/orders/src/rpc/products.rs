//! The RPCs of products.

use dealflow_chassis::Change;
use dealflow_chassis::list::list;
use dealflow_chassis::work::check;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::product_service_server::ProductService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};

use super::{Orders, answer, asked_list};
use crate::error::Error;
use crate::product::{self, Model};

#[tonic::async_trait]
impl ProductService for Orders {
    async fn create_product(
        &self,
        request: Request<pb::CreateProductRequest>,
    ) -> Result<Response<pb::Product>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateProductRequest| async move {
                let product = Model::of(ask.product.unwrap_or_default(), work.now)?;
                let product = product::insert(&work.tx, product).await?.to_wire()?;
                work.record(Change::new("product.created", &product.name, "CreateProduct").data(&product));
                Ok::<_, Error>(work.done(product))
            })
            .await
    }

    async fn get_product(&self, request: Request<pb::GetProductRequest>) -> Result<Response<pb::Product>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        answer(product::find(self.reader(), &ask.name).await.and_then(|product| product.to_wire()))
    }

    async fn list_products(
        &self,
        request: Request<pb::ListProductsRequest>,
    ) -> Result<Response<pb::ListProductsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = list(self.reader(), product::Entity::find(), &product::FIELDS, asked_list!(ask)).await;
        let page = page.map_err(dealflow_chassis::Refusal::from)?;
        let products = page.items.iter().map(Model::to_wire).collect::<Result<_, _>>();
        answer(products.map(|products| pb::ListProductsResponse { products, next_page_token: page.next_page_token }))
    }
}
