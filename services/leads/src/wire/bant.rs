//! BANT and addresses ⇄ the wire.

use dealflow_chassis::{Mask, Refusal};
use dealflow_proto::convert;
use dealflow_proto::types::v1 as pb;

use crate::bant::{Address, Bant};
use crate::wire;

/// BANT as the wire has it.
pub fn answer(bant: &Bant) -> pb::Bant {
    pb::Bant {
        budget_status: bant.budget_status.into(),
        budget_amount: bant.budget_amount.map(wire::money),
        purchase_process: bant.purchase_process.into(),
        decision_maker: bant.decision_maker.clone(),
        need: bant.need.into(),
        need_text: bant.need_text.clone(),
        timeframe: bant.timeframe.into(),
        decision_date: bant.decision_date.map(convert::date),
    }
}

/// BANT as it was sent, under `field` of the request.
pub fn read(field: &str, sent: &pb::Bant) -> Result<Bant, Refusal> {
    let amount = sent.budget_amount.as_ref().map(|it| wire::amount(&format!("{field}.budget_amount"), it));
    let date = sent.decision_date.as_ref().map(convert::date_of).transpose();
    Ok(Bant {
        budget_status: sent.budget_status(),
        budget_amount: amount.transpose()?,
        purchase_process: sent.purchase_process(),
        decision_maker: sent.decision_maker.clone(),
        need: sent.need(),
        need_text: sent.need_text.clone(),
        timeframe: sent.timeframe(),
        decision_date: date.map_err(|bad| Refusal::field(&format!("{field}.decision_date"), bad.to_string()))?,
    })
}

/// The single fields of BANT that the mask names.
pub fn take_over(known: Bant, news: Bant, mask: &Mask) -> Bant {
    let takes = |field: &str| mask.takes(&format!("bant.{field}"), false);
    let mut bant = known;
    if takes("budget_status") {
        bant.budget_status = news.budget_status;
    }
    if takes("budget_amount") {
        bant.budget_amount = news.budget_amount;
    }
    if takes("purchase_process") {
        bant.purchase_process = news.purchase_process;
    }
    if takes("decision_maker") {
        bant.decision_maker = news.decision_maker;
    }
    if takes("need") {
        bant.need = news.need;
    }
    if takes("need_text") {
        bant.need_text = news.need_text;
    }
    if takes("timeframe") {
        bant.timeframe = news.timeframe;
    }
    if takes("decision_date") {
        bant.decision_date = news.decision_date;
    }
    bant
}

/// An address as the wire has it.
pub fn address(address: &Address) -> pb::Address {
    pb::Address {
        street: address.street.clone(),
        city: address.city.clone(),
        postal_code: address.postal_code.clone(),
        region: address.region.clone(),
        country_code: address.country_code.clone(),
    }
}

/// An address as it was sent.
pub fn read_address(sent: pb::Address) -> Address {
    Address {
        street: sent.street,
        city: sent.city,
        postal_code: sent.postal_code,
        region: sent.region,
        country_code: sent.country_code,
    }
}
