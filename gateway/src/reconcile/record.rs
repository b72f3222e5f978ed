//! A run, what it found, and the ERP's list while it is made.

/// Runs.
pub(super) mod run {
    use chrono::{DateTime, NaiveDate, Utc};
    use sea_orm::entity::prelude::*;

    /// One comparison.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reconciliation")]
    pub(crate) struct Model {
        /// From its request id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// Who made it.
        pub actor: String,
        /// Only this legal entity.
        pub legal_entity: String,
        /// Of this day and later.
        pub from_date: Option<NaiveDate>,
        /// Of days before this one.
        pub until_date: Option<NaiveDate>,
        /// Only this type.
        pub kind: i32,
        /// Whether nothing was wrong.
        pub clean: bool,
        /// The run as the contract shows it.
        pub summary: Vec<u8>,
    }

    /// No relations.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What runs found.
pub(super) mod row {
    use dealflow_proto::erp::v1::ReconciliationRow;
    use prost::Message;
    use sea_orm::entity::prelude::*;

    /// One document that was not as it should be.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reconciliation_row")]
    pub(crate) struct Model {
        /// The run.
        #[sea_orm(primary_key, auto_increment = false)]
        pub run: Uuid,
        /// The document.
        #[sea_orm(primary_key, auto_increment = false)]
        pub external_id: String,
        /// `DocumentType` by number.
        pub kind: i32,
        /// `ReconciliationClass` by number.
        pub class: i32,
        /// The hand-over, where there is one.
        pub handoff: Option<Uuid>,
        /// `ReconciliationAction` by number: what is best done.
        pub action: i32,
        /// `ReconciliationAction` by number: what was done.
        pub resolution: i32,
        /// Why, and by whom.
        pub note: String,
        /// The row as the contract shows it, without what was done.
        pub body: Vec<u8>,
    }

    /// No relations.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Model {
        /// A finding, as it is kept.
        pub(crate) fn of(run: Uuid, found: &ReconciliationRow, handoff: Option<Uuid>) -> Self {
            Self {
                run,
                external_id: found.external_id.clone(),
                kind: found.r#type,
                class: found.class,
                handoff,
                action: found.action,
                resolution: 0,
                note: String::new(),
                body: found.encode_to_vec(),
            }
        }

        /// As the contract shows it.
        pub(crate) fn to_wire(&self) -> Result<ReconciliationRow, prost::DecodeError> {
            let found = ReconciliationRow::decode(self.body.as_slice())?;
            Ok(ReconciliationRow { resolution: self.resolution, resolution_note: self.note.clone(), ..found })
        }
    }
}

/// The ERP's list of a run.
pub(super) mod theirs {
    use sea_orm::entity::prelude::*;

    /// One document of the ERP.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reconciliation_theirs")]
    pub(crate) struct Model {
        /// The run.
        #[sea_orm(primary_key, auto_increment = false)]
        pub run: Uuid,
        /// From 1, as they came.
        #[sea_orm(primary_key, auto_increment = false)]
        pub place: i64,
        /// Its external id.
        pub external_id: String,
        /// The document, as the ERP told it.
        pub body: Vec<u8>,
    }

    /// No relations.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
