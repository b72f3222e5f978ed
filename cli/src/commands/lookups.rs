//! What people call stages, processes, products and reasons of loss, and what they mean when they type one.

use std::collections::HashMap;

use anyhow::bail;
use dealflow_proto::opportunities::v1::{
    Caption, GetOpportunityRequest, GetProcessRequest, ListLoseReasonsRequest, ListProcessesRequest, ListStagesRequest,
    LoseReason, Process, ProcessStage, Stage,
};
use dealflow_proto::orders::v1::ListProductsRequest;
use tonic::Status;

use crate::api::{Api, all_pages};

/// The stage lookup, in order.
pub(super) async fn all_stages(api: &Api) -> Result<Vec<Stage>, Status> {
    let page = async |page_token| {
        let ask = ListStagesRequest { page_size: 1000, page_token, ..ListStagesRequest::default() };
        let page = api.processes.clone().list_stages(api.ask(ask)).await?.into_inner();
        Ok((page.stages, page.next_page_token))
    };
    all_pages(page).await
}

/// The latest version of each process.
pub(super) async fn all_processes(api: &Api) -> Result<Vec<Process>, Status> {
    let page = async |page_token| {
        let ask = ListProcessesRequest { page_size: 1000, page_token, ..ListProcessesRequest::default() };
        let page = api.processes.clone().list_processes(api.ask(ask)).await?.into_inner();
        Ok((page.processes, page.next_page_token))
    };
    all_pages(page).await
}

/// The English captions of all stages, by their names on the wire.
pub(super) async fn stages(api: &Api) -> Result<HashMap<String, String>, Status> {
    let stages = all_stages(api).await?;
    Ok(stages.into_iter().map(|stage| (stage.name.clone(), english(&stage.captions, &stage.name))).collect())
}

/// The English captions of all processes, by their names on the wire.
pub(super) async fn processes(api: &Api) -> Result<HashMap<String, String>, Status> {
    let processes = all_processes(api).await?;
    Ok(processes.into_iter().map(|it| (it.name.clone(), english(&it.captions, &it.name))).collect())
}

/// What all products go by, by their names on the wire.
pub(super) async fn products(api: &Api) -> Result<HashMap<String, String>, Status> {
    let all = all_pages(|page_token| async move {
        let ask = ListProductsRequest { page_size: 1000, page_token, ..ListProductsRequest::default() };
        let page = api.products.clone().list_products(api.ask(ask)).await?.into_inner();
        Ok((page.products, page.next_page_token))
    });
    Ok(all.await?.into_iter().map(|product| (product.name, product.display_name)).collect())
}

/// The stage that somebody means for a deal, by its name, its slug, or its caption in either language: a stage of the
/// deal's own process before others that go by the same, and one of this slug before one of this caption.
pub(super) async fn stage(api: &Api, deal: &str, typed: &str) -> anyhow::Result<String> {
    let stages = all_stages(api).await?;
    let process = stages_of(api, deal).await?;
    let own = |stage: &Stage| process.iter().find(|it| it.stage == stage.name);
    let called = |captions: &[Caption]| captions.iter().any(|it| same(&it.text, typed));
    for (of_process, by_slug) in [(true, true), (true, false), (false, true), (false, false)] {
        let meant = stages.iter().filter(|stage| own(stage).is_some() == of_process).filter(|stage| match by_slug {
            true => is(typed, &stage.name),
            false => called(&stage.captions) || own(stage).is_some_and(|own| called(&own.captions)),
        });
        match meant.map(|stage| stage.name.as_str()).collect::<Vec<_>>().as_slice() {
            [] => {}
            [one] => return Ok((*one).to_owned()),
            several => bail!("several stages go by `{typed}`: {}", several.join(", ")),
        }
    }
    let known: Vec<&Stage> = stages.iter().filter(|stage| process.is_empty() || own(stage).is_some()).collect();
    bail!("there is no stage `{typed}`; there are {}", told(&known))
}

/// The stages of the process that leads a deal; none where none does.
async fn stages_of(api: &Api, deal: &str) -> Result<Vec<ProcessStage>, Status> {
    let ask = GetOpportunityRequest { name: deal.to_owned() };
    let deal = api.opportunities.clone().get_opportunity(api.ask(ask)).await?.into_inner();
    let Some(run) = deal.process_run else { return Ok(Vec::new()) };
    let ask = GetProcessRequest { name: run.process, version: run.version };
    Ok(api.processes.clone().get_process(api.ask(ask)).await?.into_inner().stages)
}

/// What stages are called; those that share a name are told apart by their slugs.
fn told(stages: &[&Stage]) -> String {
    let name = |stage: &Stage| english(&stage.captions, &stage.name);
    let told = stages.iter().map(|stage| {
        let caption = name(stage);
        let shared = stages.iter().filter(|it| name(it) == caption).count() > 1;
        if shared { format!("{caption} ({})", stage.name.trim_start_matches("stages/")) } else { caption }
    });
    told.collect::<Vec<_>>().join(", ")
}

/// The reason of loss that somebody means: its name, its code, or its caption in either language.
pub(super) async fn lose_reason(api: &Api, typed: &str) -> anyhow::Result<LoseReason> {
    let reasons = all_pages(|page_token| async move {
        let ask = ListLoseReasonsRequest { page_size: 1000, page_token, ..ListLoseReasonsRequest::default() };
        let page = api.opportunities.clone().list_lose_reasons(api.ask(ask)).await?.into_inner();
        Ok((page.lose_reasons, page.next_page_token))
    });
    let reasons = reasons.await?;
    let means = |it: &&LoseReason| is(typed, &it.name) || it.captions.iter().any(|caption| same(&caption.text, typed));
    if let Some(reason) = reasons.iter().find(means) {
        return Ok(reason.clone());
    }
    let given = reasons.iter().filter(|reason| !reason.retired);
    let known: Vec<&str> = given.map(|reason| reason.name.trim_start_matches("loseReasons/")).collect();
    bail!("there is no reason `{typed}`; there are {}", known.join(", "))
}

/// Whether somebody who types `typed` means the record of this name, or of the word in it.
fn is(typed: &str, name: &str) -> bool {
    typed == name || name.split_once('/').is_some_and(|(_, word)| same(word, typed))
}

/// The same words, whatever their case and the spaces around and between them.
pub(super) fn same(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.split([' ', '-', '_']).filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ");
    plain(&one.to_lowercase()) == plain(&other.to_lowercase())
}

fn english(captions: &[Caption], name: &str) -> String {
    let english = captions.iter().find(|caption| caption.language_code == "en");
    english.map_or_else(|| name.to_owned(), |caption| caption.text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_may_type_a_name_a_slug_or_a_caption_in_any_case() {
        assert!(is("stages/closed-won", "stages/closed-won"));
        assert!(is("closed won", "stages/closed-won") && is("NO_BUDGET", "loseReasons/NO_BUDGET"));
        assert!(same(" коммерческое  Предложение", "Коммерческое предложение"));
        assert!(!is("closed", "stages/closed-won"));
    }
}
