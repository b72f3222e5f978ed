//! A lead ⇄ the wire, and what may come next for it (R-PRC-4).

use chrono::{DateTime, Utc};
use dealflow_chassis::{Lifecycle, Mask, Refusal};
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::leads::v1::lead::{DisqualifyReason, Source};
use dealflow_proto::names;
use dealflow_proto::types::v1::{Guidance, NextAction};
use uuid::Uuid;

use crate::lead::{Model, Stage, State, Verb};
use crate::wire;

/// The fields that an update may name.
pub const KNOWN: &[&str] = &[
    "title",
    "company_name",
    "given_name",
    "family_name",
    "email",
    "phone",
    "vat_id",
    "address",
    "source",
    "channel",
    "campaign",
    "owner",
    "bant",
    "bant.budget_status",
    "bant.budget_amount",
    "bant.purchase_process",
    "bant.decision_maker",
    "bant.need",
    "bant.need_text",
    "bant.timeframe",
    "bant.decision_date",
    "estimated_value",
    "notes",
    "external_id",
];

/// A captured lead of which nothing is known yet.
pub fn blank(id: Uuid, now: DateTime<Utc>) -> Model {
    Model {
        id,
        version: 1,
        created_at: now,
        updated_at: now,
        state: State::New,
        state_since: now,
        stage: Stage::Qualification,
        title: String::new(),
        company_name: String::new(),
        given_name: String::new(),
        family_name: String::new(),
        email: String::new(),
        phone: String::new(),
        vat_id: String::new(),
        address: None,
        source: String::new(),
        channel: String::new(),
        campaign: String::new(),
        owner: None,
        bant: None,
        value_minor: None,
        value_currency: None,
        notes: String::new(),
        external_id: None,
        account: None,
        contact: None,
        opportunity: None,
        disqualify_reason: String::new(),
        disqualify_comment: String::new(),
        stage_since: Some(now),
        erased_at: None,
    }
}

/// The lead with the fields that the mask takes over from the message.
pub fn take_over(mut lead: Model, news: pb::Lead, mask: &Mask) -> Result<Model, Refusal> {
    let source = news.source();
    let text = |path: &str, mine: &mut String, theirs: String| {
        if mask.takes(path, !theirs.is_empty()) {
            *mine = theirs;
        }
    };
    text("title", &mut lead.title, news.title);
    text("company_name", &mut lead.company_name, news.company_name);
    text("given_name", &mut lead.given_name, news.given_name);
    text("family_name", &mut lead.family_name, news.family_name);
    text("phone", &mut lead.phone, news.phone);
    text("vat_id", &mut lead.vat_id, news.vat_id);
    text("source", &mut lead.source, source_name(source).to_owned());
    text("channel", &mut lead.channel, news.channel);
    text("campaign", &mut lead.campaign, news.campaign);
    text("notes", &mut lead.notes, news.notes);
    if mask.takes("email", !news.email.is_empty()) {
        wire::take_email("lead.email", &mut lead.email, news.email)?;
    }
    if mask.takes("address", news.address.is_some()) {
        lead.address = news.address.map(wire::bant::read_address);
    }
    if mask.takes("owner", !news.owner.is_empty()) {
        lead.owner = wire::id(names::EMPLOYEES, "lead.owner", &news.owner)?;
    }
    if mask.takes("external_id", !news.external_id.is_empty()) {
        lead.external_id = wire::present(news.external_id);
    }
    let bant = news.bant.as_ref().map(|bant| wire::bant::read("lead.bant", bant)).transpose()?;
    if mask.takes("bant", bant.is_some()) {
        lead.bant = bant;
    } else {
        let known = lead.bant.clone().unwrap_or_default();
        let merged = wire::bant::take_over(known.clone(), bant.unwrap_or_default(), mask);
        lead.bant = if merged == known { lead.bant } else { Some(merged) };
    }
    if mask.takes("estimated_value", news.estimated_value.is_some()) {
        let value = news.estimated_value.map(|value| wire::amount("lead.estimated_value", &value)).transpose()?;
        lead.value_minor = value.map(|value| value.minor);
        lead.value_currency = value.map(|value| value.currency.code().to_owned());
    }
    Ok(lead)
}

/// A lead as the wire has it; `guarded` says whether qualification asks for need and purchasing power.
pub fn answer(lead: &Model, guarded: bool) -> pb::Lead {
    pb::Lead {
        name: lead.name(),
        etag: lead.version.to_string(),
        create_time: wire::time(lead.created_at),
        update_time: wire::time(lead.updated_at),
        state: state(lead.state).into(),
        stage: stage(lead.stage).into(),
        title: lead.title.clone(),
        company_name: lead.company_name.clone(),
        given_name: lead.given_name.clone(),
        family_name: lead.family_name.clone(),
        email: lead.email.clone(),
        phone: lead.phone.clone(),
        vat_id: lead.vat_id.clone(),
        address: lead.address.as_ref().map(wire::bant::address),
        source: Source::from_str_name(&format!("SOURCE_{}", lead.source)).unwrap_or_default().into(),
        channel: lead.channel.clone(),
        campaign: lead.campaign.clone(),
        owner: wire::name(names::EMPLOYEES, lead.owner),
        bant: lead.bant.as_ref().map(wire::bant::answer),
        estimated_value: wire::stored(lead.value_minor, lead.value_currency.as_deref()),
        notes: lead.notes.clone(),
        external_id: lead.external_id.clone().unwrap_or_default(),
        account: wire::name(names::ACCOUNTS, lead.account),
        contact: wire::name(names::CONTACTS, lead.contact),
        opportunity: wire::name(names::OPPORTUNITIES, lead.opportunity),
        disqualify_reason: DisqualifyReason::from_str_name(&format!("DISQUALIFY_REASON_{}", lead.disqualify_reason))
            .unwrap_or_default()
            .into(),
        disqualify_comment: lead.disqualify_comment.clone(),
        guidance: Some(guidance(lead, guarded)),
        stage_time: wire::time(lead.stage_since.unwrap_or(lead.created_at)),
        erase_time: lead.erased_at.and_then(wire::time),
    }
}

/// A source's name without its prefix; empty where it is not said.
fn source_name(source: Source) -> &'static str {
    match source {
        Source::Unspecified => "",
        said => said.as_str_name().trim_start_matches("SOURCE_"),
    }
}

/// A reason's name without its prefix.
pub fn disqualify_reason(reason: DisqualifyReason) -> &'static str {
    reason.as_str_name().trim_start_matches("DISQUALIFY_REASON_")
}

/// A stage as it was asked for; the one that is never taken was refused by the form.
pub fn read_stage(stage: pb::lead::Stage) -> Stage {
    match stage {
        pb::lead::Stage::Unspecified | pb::lead::Stage::Qualification => Stage::Qualification,
        pb::lead::Stage::Distribution => Stage::Distribution,
        pb::lead::Stage::HandoffToSales => Stage::HandoffToSales,
        pb::lead::Stage::AwaitingSale => Stage::AwaitingSale,
        pb::lead::Stage::Satisfied => Stage::Satisfied,
    }
}

fn state(state: State) -> pb::lead::State {
    match state {
        State::New => pb::lead::State::New,
        State::Contacted => pb::lead::State::Contacted,
        State::Qualified => pb::lead::State::Qualified,
        State::Disqualified => pb::lead::State::Disqualified,
    }
}

fn stage(stage: Stage) -> pb::lead::Stage {
    match stage {
        Stage::Qualification => pb::lead::Stage::Qualification,
        Stage::Distribution => pb::lead::Stage::Distribution,
        Stage::HandoffToSales => pb::lead::Stage::HandoffToSales,
        Stage::AwaitingSale => pb::lead::Stage::AwaitingSale,
        Stage::Satisfied => pb::lead::Stage::Satisfied,
    }
}

/// What may come next. Of the verbs that change nothing any more none is named: a lead is linked and satisfied once.
fn guidance(lead: &Model, guarded: bool) -> Guidance {
    let done = |verb: &Verb| match verb {
        Verb::LinkOpportunity => lead.opportunity.is_some(),
        Verb::SatisfyLead => lead.stage == Stage::Satisfied,
        _ => false,
    };
    let done = |verb: &Verb| done(verb) || lead.clone().accept(*verb, lead.updated_at).is_err();
    let allowed: Vec<Verb> = lead.state.allowed().into_iter().filter(|verb| !done(verb)).collect();
    let open = allowed.contains(&Verb::QualifyLead);
    let missing = if open && guarded { lead.unknown() } else { Vec::new() };
    let action = |verb: Verb, description: &str| NextAction {
        verb: verb.to_string(),
        resource: lead.name(),
        description: description.to_owned(),
    };
    let next_actions = match lead.state {
        State::Disqualified if lead.erased_at.is_some() => Vec::new(),
        State::New | State::Contacted if lead.stage == Stage::Distribution => {
            vec![action(Verb::DistributeLeads, "Find the lead an owner")]
        }
        State::New if !missing.is_empty() => vec![
            action(Verb::ContactLead, "Speak with the lead"),
            action(Verb::UpdateLead, "Find out need and purchasing power"),
        ],
        State::Contacted if !missing.is_empty() => {
            vec![action(Verb::UpdateLead, "Find out need and purchasing power")]
        }
        State::New | State::Contacted => vec![action(Verb::QualifyLead, "Turn the lead into an opportunity")],
        State::Disqualified => vec![action(Verb::ReactivateLead, "Take the lead up again")],
        State::Qualified if lead.opportunity.is_none() => {
            vec![action(Verb::LinkOpportunity, "Note the opportunity that the lead became")]
        }
        State::Qualified => Vec::new(),
    };
    Guidance {
        allowed_verbs: allowed.iter().map(ToString::to_string).collect(),
        next_actions,
        missing_fields: missing.iter().map(|(field, _)| (*field).to_owned()).collect(),
    }
}
