//! What is known of a deal itself: its head, its BANT, what is wanted (R-OPP-1).

use std::fmt::Write as _;

use dealflow_proto::opportunities::v1::participant::Role;
use dealflow_proto::opportunities::v1::{Opportunity, TeamMember};
use dealflow_proto::types::v1::Line;

use super::verbs::held;
use super::view::View;
use crate::commands::papers;
use crate::show::{self, word};

impl View {
    /// Title, and a line for everything that is said.
    pub(super) fn header(&self) -> String {
        let none = Opportunity::default();
        let opportunity = self.deal.opportunity.as_ref().unwrap_or(&none);
        let account = self.deal.account.as_ref().map_or("", |account| account.display_name.as_str());
        let contact = self.deal.contact.as_ref();
        let contact = contact.map(|it| format!("{} {}", it.given_name, it.family_name)).unwrap_or_default();
        let stage = self.deal.stage_bar.iter().find(|item| item.stage == opportunity.stage);
        let stage = stage.map_or(opportunity.stage.as_str(), |item| item.caption.as_str());
        let mut text = format!("{}\n{}", opportunity.title, "=".repeat(opportunity.title.chars().count()));
        let mut line = |label: &str, value: &str| {
            if !value.is_empty() {
                // Writing to a string cannot fail.
                let _written = write!(text, "\n{label:<13}{value}");
            }
        };
        line("account", account);
        line("contact", contact.trim());
        line("owner", self.owner());
        line("state", word(opportunity.state().as_str_name(), "STATE_"));
        line("stage", stage);
        match opportunity.actual_value.as_ref() {
            Some(actual) => line("value", &format!("{} (actual)", show::money(Some(actual)))),
            None => line("value", &show::money(opportunity.estimated_value.as_ref())),
        }
        line("probability", &opportunity.probability.map(|it| format!("{it} %")).unwrap_or_default());
        match opportunity.close_date.as_ref() {
            Some(day) => line("closed on", &format!("{}, {} days", show::date(Some(day)), opportunity.cycle_days)),
            None => line("to close on", &show::date(opportunity.estimated_close_date.as_ref())),
        }
        line(
            "hours spent",
            &show::quotient(opportunity.spent_minutes, 60).filter(|it| it != "0.00").unwrap_or_default(),
        );
        let reason = word(opportunity.lose_reason().as_str_name(), "LOSE_REASON_");
        if !reason.is_empty() {
            let reason = if reason == "OWN" { opportunity.lose_reason_code.as_str() } else { reason };
            line("lost for", &format!("{reason} {}", opportunity.lose_comment));
        }
        if word(opportunity.status().as_str_name(), "STATUS_") == "ON_HOLD" {
            line("waits", &held(opportunity));
        }
        line("process", &process(opportunity));
        line("terms", &opportunity.terms_of_sale);
        line("expected", &show::money(opportunity.revenue_expectation.as_ref()));
        line("came by", &join([&opportunity.source, &opportunity.channel, &opportunity.campaign]));
        line("presentation", &show::date(opportunity.presentation_date.as_ref()));
        line("proposal", &show::date(opportunity.proposal_handover_date.as_ref()));
        line("decides", self.called(&opportunity.decision_maker));
        line("tactics", &opportunity.tactics);
        line("team", &self.team(opportunity));
        line("take part", &self.participants(opportunity));
        line("compete", &competitors(opportunity));
        line("helps", &opportunity.knowledge.join(", "));
        line("notes", &opportunity.notes);
        line("follows", &opportunity.follow_up_of);
        line("external id", &opportunity.external_id);
        line("name", &opportunity.name);
        text
    }

    /// Budget, authority, need, timeframe; nothing where none of it is known.
    pub(super) fn bant(&self) -> Option<String> {
        let bant = self.deal.opportunity.as_ref()?.bant.as_ref()?;
        let words = |said: &str| said.replace('_', " ").to_lowercase();
        let parts = |parts: [String; 2]| {
            let said: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            said.join(", ")
        };
        let lines = [
            (
                "budget",
                [
                    words(word(bant.budget_status().as_str_name(), "BUDGET_STATUS_")),
                    show::money(bant.budget_amount.as_ref()),
                ],
            ),
            (
                "authority",
                [
                    words(word(bant.purchase_process().as_str_name(), "PURCHASE_PROCESS_")),
                    self.called(&bant.decision_maker).to_owned(),
                ],
            ),
            ("need", [words(word(bant.need().as_str_name(), "NEED_")), bant.need_text.clone()]),
            (
                "timeframe",
                [words(word(bant.timeframe().as_str_name(), "TIMEFRAME_")), show::date(bant.decision_date.as_ref())],
            ),
        ];
        let lines = lines.map(|(what, said)| (what, parts(said))).into_iter().filter(|(_, said)| !said.is_empty());
        let lines: Vec<String> = lines.map(|(what, said)| format!("  {what:<11}{said}")).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// What is wanted, in primary demand lines; nothing where none is said.
    pub(super) fn lines(&self) -> Option<String> {
        let called = |line: &Line| match line.description.as_str() {
            "" => Line { description: self.called(&line.product).to_owned(), ..line.clone() },
            _ => line.clone(),
        };
        let lines: Vec<Line> = self.deal.opportunity.as_ref()?.lines.iter().map(called).collect();
        (!lines.is_empty()).then(|| papers::lines(&lines, (&[], &[], None)).to_string())
    }

    fn team(&self, opportunity: &Opportunity) -> String {
        let member = |it: &TeamMember| match it.role.as_str() {
            "" => self.people.display(&it.employee).to_owned(),
            role => format!("{} ({role})", self.people.display(&it.employee)),
        };
        opportunity.team.iter().map(member).collect::<Vec<_>>().join(", ")
    }

    /// Who takes part on the customer's side, and as what.
    fn participants(&self, opportunity: &Opportunity) -> String {
        let told = opportunity.participants.iter().map(|it| match it.role() {
            Role::Unspecified => self.called(&it.contact).to_owned(),
            role => {
                let role = word(role.as_str_name(), "ROLE_").replace('_', " ").to_lowercase();
                format!("{} ({role})", self.called(&it.contact))
            }
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

/// The contacts and products that a deal names, on the wire.
pub(super) fn named(opportunity: &Opportunity) -> Vec<&str> {
    let decides = opportunity.bant.iter().map(|bant| bant.decision_maker.as_str());
    let take_part = opportunity.participants.iter().map(|it| it.contact.as_str());
    let wanted = opportunity.lines.iter().map(|line| line.product.as_str());
    let all = decides.chain(take_part).chain([opportunity.decision_maker.as_str()]).chain(wanted);
    all.filter(|name| name.starts_with("contacts/") || name.starts_with("products/")).collect()
}

/// The process that leads it, its version, and whether it still does.
fn process(opportunity: &Opportunity) -> String {
    let Some(run) = &opportunity.process_run else { return String::new() };
    let state = word(run.state().as_str_name(), "STATE_").to_lowercase();
    let name = run.process.trim_start_matches("processes/");
    format!("{name} version {}, {state} {}", run.version, run.error).trim_end().to_owned()
}

/// Those that are not empty, with a comma between them.
fn join(texts: [&String; 3]) -> String {
    let said: Vec<&str> = texts.into_iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    said.join(", ")
}

fn competitors(opportunity: &Opportunity) -> String {
    let told = opportunity.competitors.iter().map(|it| {
        let threat = word(it.threat().as_str_name(), "THREAT_").to_lowercase();
        let threat = if threat.is_empty() { threat } else { format!(" ({threat} threat)") };
        let known = [("strong in", &it.strengths), ("weak in", &it.weaknesses)];
        let known = known.into_iter().filter(|(_, text)| !text.is_empty());
        let known: String = known.map(|(what, text)| format!(", {what} {text}")).collect();
        format!("{}{threat}{known}{}", it.name, if it.won { ", sold instead" } else { "" })
    });
    let mut told: Vec<String> = told.collect();
    if told.is_empty() && !opportunity.competitor.is_empty() {
        told.push(opportunity.competitor.clone());
    }
    told.join("; ")
}
