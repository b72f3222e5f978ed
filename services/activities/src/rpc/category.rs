//! Categories: added, changed, read, listed.

use dealflow_chassis::list;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask, Store};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::category_service_server::CategoryService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};

use super::wanted;
use crate::error::Error;
use crate::{category, wire};

/// The service of categories.
#[derive(Clone)]
pub struct Categories {
    store: Store,
}

impl Categories {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl CategoryService for Categories {
    async fn create_category(
        &self,
        request: Request<pb::CreateCategoryRequest>,
    ) -> Result<Response<pb::Category>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateCategoryRequest| async move {
                let category = wire::category::read(ask.category.unwrap_or_default(), work.now)?;
                category::check_display_name(&work.tx, &category).await?;
                category::insert(&work.tx, &category).await?;
                let answer = wire::category::answer(&category);
                work.record(Change::new("category.created", category.name(), "CreateCategory").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn update_category(
        &self,
        request: Request<pb::UpdateCategoryRequest>,
    ) -> Result<Response<pb::Category>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdateCategoryRequest| async move {
                let news = ask.category.unwrap_or_default();
                let mask = Mask::of(ask.update_mask, wire::category::KNOWN)?;
                let before = category::lock(&work.tx, &news.name).await?;
                work.check_etag(&news.name, &ask.etag, before.version)?;
                work.take_effect_after(before.updated_at)?;
                let category = wire::category::take_over(before.clone(), news, &mask)?;
                category::check_display_name(&work.tx, &category).await?;
                let category = category::save(&work.tx, &before, category, work.now).await?;
                let answer = wire::category::answer(&category);
                work.record(Change::new("category.updated", category.name(), "UpdateCategory").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_category(&self, request: Request<pb::GetCategoryRequest>) -> Result<Response<pb::Category>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let category = category::get(self.store.reader(), &ask.name).await?;
        Ok(Response::new(wire::category::answer(&category)))
    }

    async fn list_categories(
        &self,
        request: Request<pb::ListCategoriesRequest>,
    ) -> Result<Response<pb::ListCategoriesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = list::list(self.store.reader(), category::Entity::find(), &category::FIELDS, wanted!(ask))
            .await
            .map_err(Error::from)?;
        let categories = page.items.iter().map(wire::category::answer).collect();
        Ok(Response::new(pb::ListCategoriesResponse { categories, next_page_token: page.next_page_token }))
    }
}
