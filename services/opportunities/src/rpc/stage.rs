//! The stage lookup, changed: stages are added, and called, weighed and ordered otherwise (R-STG-1).

use dealflow_chassis::{Change, Mask, Work};
use dealflow_proto::names::STAGES;
use dealflow_proto::opportunities::v1 as pb;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use tonic::{Request, Response, Status};

use super::Processes;
use crate::error::Error;
use crate::library::{Stage, stages};
use crate::wire;

/// The fields that an update can take over. What a stage means is none of them (R-OPP-3).
const KNOWN: &[&str] = &["captions", "probability", "forecast_category", "position"];

impl Processes {
    /// Adds a stage.
    pub(super) async fn add_stage(
        &self,
        request: Request<pb::CreateStageRequest>,
    ) -> Result<Response<pb::Stage>, Status> {
        let act = |work: Work, ask: pb::CreateStageRequest| async move {
            let mut stage = wire::new_stage(&ask.stage.unwrap_or_default(), &ask.stage_id, work.now)?;
            let stored = self.library.look_again(&work.tx).await?;
            if stored.get(&stage.id).is_some() {
                let holder = STAGES.slug(&stage.id);
                return Err(Error::Taken { field: "stage_id", value: stage.id, holder });
            }
            if stage.place == 0 {
                stage.place = stages::next_place(&work.tx).await?;
            }
            stages::Entity::insert(stage.clone().into_active_model()).exec_without_returning(&work.tx).await?;
            self.changed(work, stage, "stage.created", "CreateStage").await
        };
        let answer = self.store.work(request, act).await;
        self.look_again().await?;
        answer
    }

    /// Changes a stage. Its meaning is given for good, so no opportunity is opened or closed by it.
    pub(super) async fn change_stage(
        &self,
        request: Request<pb::UpdateStageRequest>,
    ) -> Result<Response<pb::Stage>, Status> {
        let act = |mut work: Work, ask: pb::UpdateStageRequest| async move {
            let given = ask.stage.unwrap_or_default();
            let mask = Mask::of(ask.update_mask, KNOWN)?;
            let slug = STAGES.parse_slug(&given.name).map_err(|error| Error::field("stage.name", error.to_string()))?;
            let mut stage = stages::lock(&work.tx, slug).await?;
            work.check_etag(&given.name, &ask.etag, stage.version)?;
            work.take_effect_after(stage.updated_at)?;
            wire::overlay_stage(&mut stage, &given, &mask)?;
            stage.version += 1;
            stage.updated_at = work.now;
            let row = stage.clone().into_active_model().reset_all();
            stages::Entity::update(row).exec(&work.tx).await?;
            self.changed(work, stage, "stage.updated", "UpdateStage").await
        };
        let answer = self.store.work(request, act).await;
        self.look_again().await?;
        answer
    }

    async fn changed(
        &self,
        mut work: Work,
        stage: Stage,
        kind: &str,
        verb: &str,
    ) -> Result<dealflow_chassis::Done<pb::Stage>, Error> {
        let told = wire::stage(&stage);
        work.record(Change::new(kind, &told.name, verb).data(&told));
        Ok(work.done(told))
    }

    /// What was changed is seen by the next request of this replica.
    async fn look_again(&self) -> Result<(), Status> {
        self.library.look_again(self.store.reader()).await.map_err(dealflow_chassis::Refusal::from)?;
        Ok(())
    }
}
