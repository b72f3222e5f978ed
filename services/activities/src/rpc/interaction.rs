//! Business interactions: recorded, corrected, read, listed.

use dealflow_chassis::list;
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask, Store};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::interaction_service_server::InteractionService;
use sea_orm::{EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};

use super::wanted;
use crate::error::Error;
use crate::{interaction, seen, wire};

/// The service of interactions.
#[derive(Clone)]
pub struct Interactions {
    store: Store,
}

impl Interactions {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl InteractionService for Interactions {
    async fn create_interaction(
        &self,
        request: Request<pb::CreateInteractionRequest>,
    ) -> Result<Response<pb::Interaction>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateInteractionRequest| async move {
                let sent = ask.interaction.unwrap_or_default();
                let recorded = wire::interaction::read(sent, &work.context.actor, work.now)?;
                interaction::insert(&work.tx, &recorded).await?;
                let answer = wire::interaction::answer(&recorded);
                let change = Change::new("interaction.recorded", recorded.name(), "CreateInteraction");
                work.record(change.thread(recorded.thread()).reason(recorded.subject).data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn update_interaction(
        &self,
        request: Request<pb::UpdateInteractionRequest>,
    ) -> Result<Response<pb::Interaction>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdateInteractionRequest| async move {
                let news = ask.interaction.unwrap_or_default();
                let mask = Mask::of(ask.update_mask, wire::interaction::KNOWN)?;
                let before = interaction::lock(&work.tx, &news.name, &work.context.sight).await?;
                work.check_etag(&news.name, &ask.etag, before.version)?;
                work.take_effect_after(before.updated_at)?;
                let corrected = wire::interaction::take_over(before.clone(), news, &mask, work.now)?;
                let corrected = interaction::save(&work.tx, &before, corrected, work.now).await?;
                let answer = wire::interaction::answer(&corrected);
                let change = Change::new("interaction.corrected", corrected.name(), "UpdateInteraction");
                work.record(change.thread(corrected.thread()).reason(corrected.subject).data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_interaction(
        &self,
        request: Request<pb::GetInteractionRequest>,
    ) -> Result<Response<pb::Interaction>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let found = interaction::get(self.store.reader(), &ask.name, &sight).await?;
        Ok(Response::new(wire::interaction::answer(&found)))
    }

    async fn list_interactions(
        &self,
        request: Request<pb::ListInteractionsRequest>,
    ) -> Result<Response<pb::ListInteractionsResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let seen = interaction::Entity::find().filter(seen::interactions(&sight));
        let page =
            list::list(self.store.reader(), seen, &interaction::FIELDS, wanted!(ask)).await.map_err(Error::from)?;
        let interactions = page.items.iter().map(wire::interaction::answer).collect();
        Ok(Response::new(pb::ListInteractionsResponse { interactions, next_page_token: page.next_page_token }))
    }
}
