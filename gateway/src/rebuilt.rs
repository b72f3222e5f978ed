//! An order that the ERP refused and that stands here all the same, as the records say it now (R-ERP-1).
//!
//! What a document lacks may be ours to mend: the buyer's country, our own electronic address. An order that went back to
//! CONFIRMED is submitted again, and its document made anew by that; one that was delivered meanwhile is submitted no more,
//! so its replay makes the document anew. What is posted says what it said: its bytes are sent again, and no others.

use std::sync::Arc;

use dealflow_chassis::{Context, Refusal, Store};
use dealflow_proto::erp::v1::Document;
use dealflow_proto::leads::v1::GetAccountRequest;
use dealflow_proto::orders::v1::GetOrderRequest;
use futures::future::FutureExt;
use tonic::{Request, Status};

use crate::attached::{self, Beside, Files};
use crate::calls::{Ask, Neighbours};
use crate::documents;
use crate::export;
use crate::handoff::Rebuild;
use crate::parties::of_account;
use crate::settings::{DOCUMENT_LANGUAGE, HANDOFF_ATTACHMENTS};

/// Makes the document of an order from its records.
pub(crate) fn from_the_records(to: Neighbours, store: Store, legal_entity: String) -> Rebuild {
    Arc::new(move |context, order| order_anew(to.clone(), store.clone(), legal_entity.clone(), context, order).boxed())
}

async fn order_anew(
    to: Neighbours,
    store: Store,
    legal_entity: String,
    context: Context,
    name: String,
) -> Result<Document, Status> {
    let order = ask(&to, &context, GetOrderRequest { name }).await?;
    let buyer = match order.account.as_str() {
        "" => None,
        account => Some(ask(&to, &context, GetAccountRequest { name: account.to_owned() }).await?),
    };
    let mut document = documents::of_order(&order, buyer.as_ref(), &legal_entity);
    let (entity, contract) = (export::ask_seller(&order.legal_entity), export::ask_contract(&order.opportunity));
    let (entities, contracts) = tokio::try_join!(ask(&to, &context, entity), ask(&to, &context, contract))?;
    let attachments = HANDOFF_ATTACHMENTS.read(&store).await.map_err(Refusal::from)?;
    let language = DOCUMENT_LANGUAGE.read(&store).await.map_err(Refusal::from)?;
    let beside = Beside::of(entities, &contracts, Files::of(&attachments, &language));
    attached::beside_order(&mut document, &order, buyer.as_ref().map(of_account), beside).await?;
    Ok(document)
}

/// Whosever the records are: the document says the same whoever has it sent.
async fn ask<A: Ask>(to: &Neighbours, context: &Context, ask: A) -> Result<A::Answer, Status> {
    let mut request = Request::new(ask);
    context.carry_seeing_all(request.metadata_mut());
    Ok(A::send(to, request).await?.into_inner())
}
