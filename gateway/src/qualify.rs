//! Qualify: the lead becomes account, contact and opportunity, and the process starts (R-LED-4), if the installation lets
//! it (R-LED-3).

use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::gateway::v1::{DealProgress, QualifyLeadRequest};
use dealflow_proto::leads::v1::{self as leads, Lead, lead};
use dealflow_proto::opportunities::v1::{self as opportunities, Opportunity};
use tonic_types::StatusExt;

use crate::advance::sync_activities;
use crate::flow::{Run, Stop, has_reason};
use crate::settings::{DEFAULT_CURRENCY, DEFAULT_PROCESS, RUN_OPPORTUNITY_PROCESS};

/// Qualifies a lead and opens its opportunity.
pub(crate) async fn qualify_lead(run: Run, ask: QualifyLeadRequest) -> Result<DealProgress, Stop> {
    let (process, currency) = (process_of(&run, &ask).await?, run.decided(&DEFAULT_CURRENCY).await?);
    let lead = run.read("lead", leads::GetLeadRequest { name: ask.lead.clone() }).await?;
    may_open(&run, &ask, &lead, &process, &currency).await?;
    let lead = run.step("qualify", qualification(&ask)).await?;
    let opportunity = run.step("open", opening(&ask, &lead, &process, &currency)).await?;
    tokio::try_join!(sync_activities(&run, &opportunity), link(&run, &lead, &opportunity))?;
    Ok(run.progress())
}

/// The opportunity may be refused, for what the caller wishes, for what is known of the lead, or for what the
/// installation decided: the lead must not be qualified by then.
async fn may_open(run: &Run, ask: &QualifyLeadRequest, lead: &Lead, process: &str, currency: &str) -> Result<(), Stop> {
    if lead.state() == lead::State::Qualified {
        // It refuses that itself, and says what it accepts.
        return Ok(());
    }
    let ask = || opening(ask, lead, process, currency);
    let mut answer = run.check("may open", ask()).await;
    if taken(&answer).as_deref() == Some("") {
        // Somebody else's was made in this very moment; by now it can be told what they have in common.
        answer = run.check("may open", ask()).await;
    }
    match taken(&answer).as_deref() {
        // Somebody else was faster: then the lead refuses it.
        Some("lead") => Ok(()),
        _ => answer,
    }
}

/// The field whose value another opportunity has; empty where only the database knows.
fn taken(answer: &Result<(), Stop>) -> Option<String> {
    let Err(Stop::Refused(refused)) = answer else { return None };
    let field = refused.status.get_details_error_info().and_then(|info| info.metadata.get("field").cloned());
    has_reason(&refused.status, ErrorReason::Taken).then(|| field.unwrap_or_default())
}

/// What follows a lead that was qualified in its service (R-FLW-2, R-LED-3): nothing, if somebody opened its
/// opportunity already.
pub(crate) async fn qualified(run: &Run, lead: &Lead) -> Result<(), Stop> {
    if !lead.opportunity.is_empty() {
        return Ok(());
    }
    let opportunity = match opened(run, lead).await? {
        Some(opportunity) => opportunity,
        None => {
            let nothing = QualifyLeadRequest::default();
            let (process, currency) = (process_of(run, &nothing).await?, run.decided(&DEFAULT_CURRENCY).await?);
            run.step("open", opening(&nothing, lead, &process, &currency)).await?
        }
    };
    sync_activities(run, &opportunity).await?;
    let linked = leads::LinkOpportunityRequest {
        name: lead.name.clone(),
        opportunity: opportunity.name.clone(),
        ..leads::LinkOpportunityRequest::default()
    };
    run.settle("link", linked).await.map(drop)
}

async fn opened(run: &Run, lead: &Lead) -> Result<Option<Opportunity>, Stop> {
    let filter = format!("lead = \"{}\"", lead.name);
    let ask = opportunities::ListOpportunitiesRequest { page_size: 1, filter, ..Default::default() };
    Ok(run.read("opened", ask).await?.opportunities.into_iter().next())
}

async fn link(run: &Run, lead: &Lead, opportunity: &Opportunity) -> Result<(), Stop> {
    let ask = leads::LinkOpportunityRequest {
        name: lead.name.clone(),
        opportunity: opportunity.name.clone(),
        ..leads::LinkOpportunityRequest::default()
    };
    run.step("link", ask).await.map(drop)
}

fn qualification(ask: &QualifyLeadRequest) -> leads::QualifyLeadRequest {
    leads::QualifyLeadRequest {
        name: ask.lead.clone(),
        etag: ask.etag.clone(),
        account: ask.account.clone(),
        contact: ask.contact.clone(),
        create_account: ask.create_account,
        create_contact: ask.create_contact,
        ..leads::QualifyLeadRequest::default()
    }
}

/// The process that the opportunity starts; empty for none. One that the caller names starts in any case (R-PRC-1).
async fn process_of(run: &Run, ask: &QualifyLeadRequest) -> Result<String, Stop> {
    match (ask.without_process, ask.process.as_str()) {
        (true, _) => Ok(String::new()),
        (false, "") if !run.decided(&RUN_OPPORTUNITY_PROCESS).await? => Ok(String::new()),
        (false, "") => run.decided(&DEFAULT_PROCESS).await,
        (false, process) => Ok(process.to_owned()),
    }
}

fn opening(
    ask: &QualifyLeadRequest,
    lead: &Lead,
    process: &str,
    house_currency: &str,
) -> opportunities::CreateOpportunityRequest {
    opportunities::CreateOpportunityRequest {
        opportunity: Some(opportunity_of(ask, lead, house_currency)),
        process: process.to_owned(),
        language_code: ask.language_code.clone(),
        ..opportunities::CreateOpportunityRequest::default()
    }
}

/// What is known of the lead is carried over, notes included.
fn opportunity_of(ask: &QualifyLeadRequest, lead: &Lead, house_currency: &str) -> Opportunity {
    let estimated = lead.estimated_value.as_ref().map(|value| value.currency_code.as_str()).unwrap_or_default();
    let currency = [ask.currency_code.as_str(), estimated, house_currency].into_iter().find(|code| !code.is_empty());
    let external_id =
        if ask.opportunity_external_id.is_empty() { &lead.external_id } else { &ask.opportunity_external_id };
    Opportunity {
        title: title_of(lead),
        lead: lead.name.clone(),
        account: lead.account.clone(),
        contact: lead.contact.clone(),
        owner: lead.owner.clone(),
        bant: lead.bant.clone(),
        currency_code: currency.unwrap_or_default().to_owned(),
        estimated_value: lead.estimated_value.clone(),
        estimated_close_date: ask.estimated_close_date,
        notes: lead.notes.clone(),
        source: source_of(lead),
        channel: lead.channel.clone(),
        campaign: lead.campaign.clone(),
        external_id: external_id.clone(),
        open_date: ask.open_date,
        ..Opportunity::default()
    }
}

/// A lead need not have a title, an opportunity must: the company or the person says what it is about.
fn title_of(lead: &Lead) -> String {
    let person = format!("{} {}", lead.given_name, lead.family_name);
    let known =
        [lead.title.as_str(), lead.company_name.as_str(), person.trim(), lead.email.as_str(), lead.name.as_str()];
    known.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned()
}

fn source_of(lead: &Lead) -> String {
    match lead.source() {
        lead::Source::Unspecified => String::new(),
        source => source.as_str_name().trim_start_matches("SOURCE_").to_owned(),
    }
}
