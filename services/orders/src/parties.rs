//! Who deals with whom, as a posted document says it: kept in its own row when it is posted, so that nothing that a record
//! says later changes what is out (R-INV-1, R-INV-3).

use dealflow_proto::orders::v1 as pb;
use sea_orm::{DatabaseTransaction, FromJsonQueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::contract;
use crate::error::Error;
use crate::legal_entity::{self, Particulars};

/// What a posted document says of its seller, its buyer and their contract.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct Parties {
    /// Who sells; none where there was no record of it yet.
    pub seller: Option<Particulars>,
    /// Who buys; none where nobody told.
    pub buyer: Option<Particulars>,
    /// The number of the contract that was signed for the deal (BT-12); empty where there is none.
    pub contract: String,
}

impl Parties {
    /// As the records say it in this moment; the buyer is another part's, and whoever posts tells of it.
    pub async fn now(
        tx: &DatabaseTransaction,
        (legal_entity, opportunity): (&str, Uuid),
        buyer: Option<pb::Party>,
    ) -> Result<Self, Error> {
        Ok(Self {
            seller: legal_entity::particulars(tx, legal_entity).await?,
            buyer: buyer.map(Particulars::from),
            contract: contract::number_for(tx, opportunity).await?.unwrap_or_default(),
        })
    }
}
