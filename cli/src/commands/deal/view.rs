//! A deal as a person reads it, and as data.

use std::collections::HashMap;
use std::fmt::Write as _;

use dealflow_proto::activities::v1::Activity;
use dealflow_proto::gateway::v1::stage_bar_item::Mark;
use dealflow_proto::gateway::v1::{Deal, StageBarItem};
use serde_json::{Value, json};

use super::super::people::People;
use crate::show::{self, json as data, table, word};

/// A deal, with the words for what it refers to.
pub(in crate::commands) struct View {
    pub(in crate::commands) deal: Deal,
    pub(super) people: People,
    labels: HashMap<String, String>,
}

impl View {
    /// A deal, its people, and what the contacts and products go by that it names.
    pub(super) fn new(deal: Deal, people: People, named: HashMap<String, String>) -> Self {
        let mut labels = labels(&deal);
        labels.extend(named);
        Self { deal, people, labels }
    }

    /// For people.
    pub(in crate::commands) fn to_text(&self) -> String {
        let deal = &self.deal;
        let mut text = self.header();
        let mut section = |title: &str, content: Option<String>| {
            // Writing to a string cannot fail.
            let _written = match content {
                Some(content) => write!(text, "\n\n{title}\n{content}"),
                None => Ok(()),
            };
        };
        section("Stages", Some(stage_bar(&deal.stage_bar)));
        section("Budget, authority, need, timeframe", self.bant());
        section("Demand", self.lines());
        section("To do", (!deal.action_panel.is_empty()).then(|| self.action_panel()));
        let last = |title: &str, more: bool| if more { format!("{title}, the last of it") } else { title.to_owned() };
        let (quotes, contracts) = (last("Quotes", deal.more_quotes), last("Contracts", deal.more_contracts));
        section(&quotes, (!deal.quotes.is_empty()).then(|| self.quotes()));
        section(&contracts, (!deal.contracts.is_empty()).then(|| self.contracts()));
        section(&last("Orders", deal.more_orders), (!deal.orders.is_empty()).then(|| self.orders()));
        section(&last("Invoices", deal.more_invoices), (!deal.invoices.is_empty()).then(|| self.invoices()));
        let handoffs = last("Hand-overs to the ERP", deal.more_handoffs);
        section(&handoffs, (!deal.handoffs.is_empty()).then(|| self.handoffs()));
        section(&last("Timeline", deal.more_timeline), Some(self.timeline()));
        section("What may come next", Some(self.next()));
        text
    }

    /// For machines.
    pub(in crate::commands) fn to_json(&self) -> Value {
        let deal = &self.deal;
        json!({
            "opportunity": deal.opportunity.as_ref().map(data::opportunity),
            "lead": deal.lead.as_ref().map(data::lead),
            "account": deal.account.as_ref().map(data::account),
            "contact": deal.contact.as_ref().map(data::contact),
            "owner_display_name": data::text(self.owner()),
            "stage_bar": data::list(&deal.stage_bar, data::stage),
            "stage_entries": data::list(&deal.stage_entries, data::stage_entry),
            "action_panel": data::list(&deal.action_panel, data::activity),
            "past_activities": data::list(&deal.past_activities, data::activity),
            "quotes": data::list(&deal.quotes, data::quote),
            "contracts": data::list(&deal.contracts, data::contract),
            "orders": data::list(&deal.orders, data::order),
            "invoices": data::list(&deal.invoices, data::invoice),
            "handoffs": data::list(&deal.handoffs, data::handoff),
            "timeline": data::list(&deal.timeline, data::event),
            "guidance": data::guidance(deal.guidance.as_ref()),
            "more_stage_entries": deal.more_stage_entries,
            "more_past_activities": deal.more_past_activities,
            "more_timeline": deal.more_timeline,
            "more_action_panel": deal.more_action_panel,
            "more_quotes": deal.more_quotes,
            "more_contracts": deal.more_contracts,
            "more_orders": deal.more_orders,
            "more_invoices": deal.more_invoices,
            "more_handoffs": deal.more_handoffs,
        })
    }

    pub(super) fn owner(&self) -> &str {
        self.deal.opportunity.as_ref().map_or("", |opportunity| self.people.display(&opportunity.owner))
    }

    fn action_panel(&self) -> String {
        let mut table = show::whole(table(&["activity", "due", "who", "result", "what it does", "id"]), 5);
        for activity in &self.deal.action_panel {
            let results: Vec<&str> = activity.allowed_results.iter().map(|result| result.code.as_str()).collect();
            let effects: Vec<String> = activity
                .allowed_results
                .iter()
                .map(|result| match result.effect.as_str() {
                    "" => result.caption.clone(),
                    effect => format!("{}: {effect}", result.caption),
                })
                .collect();
            table.add_row([
                subject(activity),
                show::time(activity.due_time.as_ref()),
                self.people.display(&activity.performer).to_owned(),
                results.join("\n"),
                effects.join("\n"),
                activity.name.trim_start_matches("activities/").to_owned(),
            ]);
        }
        table.to_string()
    }

    fn quotes(&self) -> String {
        let mut table = table(&["quote", "state", "valid until", "net", "VAT", "gross"]);
        for quote in &self.deal.quotes {
            let reason = word(quote.close_reason().as_str_name(), "CLOSE_REASON_");
            let state = format!("{} {reason}", word(quote.state().as_str_name(), "STATE_"));
            let [net, vat, gross] = amounts(quote.totals.as_ref());
            let number = format!("{} rev. {}", quote.number, quote.revision);
            let valid = show::date(quote.valid_until_date.as_ref());
            table.add_row([&number, state.trim_end(), &valid, &net, &vat, &gross]);
        }
        table.to_string()
    }

    fn contracts(&self) -> String {
        let mut table = table(&["contract", "state", "title", "signed on"]);
        for contract in &self.deal.contracts {
            let state = word(contract.state().as_str_name(), "STATE_");
            let signed = show::date(contract.signed_date.as_ref());
            table.add_row([&contract.number, state, &contract.title, &signed]);
        }
        table.to_string()
    }

    fn orders(&self) -> String {
        let mut table = table(&["order", "state", "date", "delivered", "billed", "net", "VAT", "gross"]);
        for order in &self.deal.orders {
            let [net, vat, gross] = amounts(order.totals.as_ref());
            table.add_row([
                order.number.as_str(),
                word(order.state().as_str_name(), "STATE_"),
                &show::date(order.order_date.as_ref()),
                word(order.fulfilment().as_str_name(), "PROGRESS_"),
                word(order.billing().as_str_name(), "PROGRESS_"),
                &net,
                &vat,
                &gross,
            ]);
        }
        table.to_string()
    }

    fn invoices(&self) -> String {
        let mut table = table(&["invoice", "state", "date", "due", "net", "VAT", "gross"]);
        for invoice in &self.deal.invoices {
            let [net, vat, gross] = amounts(invoice.totals.as_ref());
            let state = word(invoice.state().as_str_name(), "STATE_");
            let (date, due) = (show::date(invoice.issue_date.as_ref()), show::date(invoice.due_date.as_ref()));
            table.add_row([&invoice.number, state, &date, &due, &net, &vat, &gross]);
        }
        table.to_string()
    }

    fn handoffs(&self) -> String {
        super::super::handoffs::table(&self.deal.handoffs).to_string()
    }

    fn timeline(&self) -> String {
        let mut table = show::whole(table(&["when (UTC)", "what", "record", "state", "who", "why"]), 1);
        for event in &self.deal.timeline {
            let state = match (event.from_state.as_str(), event.to_state.as_str()) {
                ("", to) => to.to_owned(),
                (from, to) if from == to => to.to_owned(),
                (from, to) => format!("{from} → {to}"),
            };
            table.add_row([
                show::time(event.time.as_ref()),
                event.r#type.clone(),
                self.label(&event.subject),
                state,
                self.people.display(&event.actor).to_owned(),
                event.reason.clone(),
            ]);
        }
        table.to_string()
    }

    fn next(&self) -> String {
        let Some(guidance) = self.deal.guidance.as_ref() else { return "nothing".to_owned() };
        let mut lines = Vec::new();
        for next in &guidance.next_actions {
            lines.push(format!("  {}: {}", next.verb, next.description));
        }
        if !guidance.missing_fields.is_empty() {
            lines.push(format!("  still to be filled in: {}", guidance.missing_fields.join(", ")));
        }
        if !guidance.allowed_verbs.is_empty() {
            lines.push(format!("  allowed verbs: {}", guidance.allowed_verbs.join(", ")));
        }
        if lines.is_empty() { "  nothing: the deal is closed".to_owned() } else { lines.join("\n") }
    }

    /// What a contact or a product is called; as it is said where that is no name on the wire.
    pub(super) fn called<'a>(&'a self, said: &'a str) -> &'a str {
        self.labels.get(said).map_or(said, String::as_str)
    }

    /// What a record of the deal is called; its kind where it is not in the view.
    fn label(&self, name: &str) -> String {
        let kind = || name.split('/').next().unwrap_or_default().trim_end_matches('s').to_owned();
        self.labels.get(name).cloned().unwrap_or_else(kind)
    }
}

fn labels(deal: &Deal) -> HashMap<String, String> {
    let activities = deal.action_panel.iter().chain(&deal.past_activities);
    let mut labels: HashMap<String, String> =
        activities.map(|activity| (activity.name.clone(), activity.subject.clone())).collect();
    labels.extend(deal.opportunity.iter().map(|it| (it.name.clone(), "opportunity".to_owned())));
    labels.extend(deal.account.iter().map(|it| (it.name.clone(), it.display_name.clone())));
    labels.extend(deal.quotes.iter().map(|it| (it.name.clone(), format!("quote {}", it.number))));
    labels.extend(deal.contracts.iter().map(|it| (it.name.clone(), format!("contract {}", it.number))));
    labels.extend(deal.orders.iter().map(|it| (it.name.clone(), format!("order {}", it.number))));
    labels.extend(deal.invoices.iter().map(|it| (it.name.clone(), format!("invoice {}", it.number))));
    labels.extend(deal.handoffs.iter().map(|it| (it.name.clone(), format!("hand-over {}", it.external_id))));
    labels
}

fn subject(activity: &Activity) -> String {
    let kind = word(activity.r#type().as_str_name(), "TYPE_").to_lowercase();
    let by_hand = if activity.stage_entry.is_empty() { ", by hand" } else { "" };
    format!("{} ({kind}{by_hand})", activity.subject)
}

fn amounts(totals: Option<&dealflow_proto::types::v1::Totals>) -> [String; 3] {
    totals.map_or_else(Default::default, |totals| {
        [&totals.total_without_vat, &totals.total_vat, &totals.total_with_vat].map(|it| show::money(it.as_ref()))
    })
}

/// The stages in order: visited ones with a tick and how often, the current one in brackets.
fn stage_bar(stages: &[StageBarItem]) -> String {
    let stages = stages.iter().map(|item| {
        let times = if item.entry_count > 1 { format!(" ×{}", item.entry_count) } else { String::new() };
        match item.mark() {
            Mark::Current => format!("[▶ {}{times}]", item.caption),
            Mark::Visited => format!("✓ {}{times}", item.caption),
            Mark::Unspecified => format!("· {}", item.caption),
        }
    });
    format!("  {}", stages.collect::<Vec<_>>().join("  —  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_bar_marks_the_stage_that_the_deal_is_in() {
        let item = |caption: &str, mark: Mark, entry_count| StageBarItem {
            caption: caption.to_owned(),
            mark: mark.into(),
            entry_count,
            ..StageBarItem::default()
        };
        let bar = [
            item("Qualification", Mark::Visited, 1),
            item("Presentation", Mark::Current, 2),
            item("Proposal", Mark::Unspecified, 0),
        ];
        assert_eq!(stage_bar(&bar), "  ✓ Qualification  —  [▶ Presentation ×2]  —  · Proposal");
    }
}
