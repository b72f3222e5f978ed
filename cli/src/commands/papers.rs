//! What the commands about documents have in common: which ones, and how their lines are shown.

use anyhow::bail;
use clap::Args;
use comfy_table::Table;
use dealflow_proto::types::v1::{Line, Totals};

use super::deal::quoted;
use super::named;
use crate::client::Target;
use crate::show;

/// Which documents to list.
#[derive(Debug, Args)]
pub struct List {
    /// Only those in this state, e.g. draft, presented, posted
    #[arg(long)]
    state: Option<String>,
    /// Only those of this deal: opportunities/{uuid}, or its UUID
    #[arg(long, value_name = "NAME")]
    deal: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i32).range(1..=1000))]
    pub(super) limit: i32,
    /// The result as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Which suite
    #[command(flatten)]
    pub(super) target: Target,
}

impl List {
    /// The filter that finds them.
    pub(super) fn filter(&self) -> String {
        let state = self.state.as_ref().map(|state| format!("state = {}", quoted(&state.to_uppercase())));
        let deal = self.deal.as_ref().map(|deal| format!("opportunity = {}", quoted(&named("opportunities", deal))));
        [state, deal].into_iter().flatten().collect::<Vec<_>>().join(" AND ")
    }
}

/// Which document.
#[derive(Debug, Args)]
pub struct One {
    /// The document: its number, its name, or its UUID
    #[arg(value_name = "NUMBER_OR_NAME")]
    document: String,
    /// The result as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Which suite
    #[command(flatten)]
    pub(super) target: Target,
}

impl One {
    /// The filter that finds it.
    pub(super) fn filter(&self, collection: &str) -> String {
        let name = named(collection, &self.document);
        let field = if name.starts_with(&format!("{collection}/")) { "name" } else { "number" };
        format!("{field} = {}", quoted(&name))
    }

    /// The one that was found: of several revisions the latest.
    pub(super) fn found<T>(&self, mut found: Vec<T>, noun: &str) -> anyhow::Result<T> {
        if found.is_empty() {
            bail!("no {noun} is called `{}`; its number or its name tells which", self.document);
        }
        Ok(found.swap_remove(0))
    }
}

/// A document with why.
#[derive(Debug, Args)]
pub struct Why {
    /// Which one
    #[command(flatten)]
    pub(super) one: One,
    /// Why, for the history
    #[arg(long)]
    pub(super) reason: String,
}

/// The lines of a document and what they come to.
pub(super) fn lines(lines: &[Line], totals: Option<&Totals>) -> Table {
    let mut table = show::numbers(&["#", "what", "quantity", "unit", "price", "discount %", "net"], 2);
    let number = |value: &Option<dealflow_proto::google::type_::Decimal>| {
        value.as_ref().map(|number| number.value.clone()).unwrap_or_default()
    };
    for line in lines {
        table.add_row([
            line.line_id.clone(),
            line.description.clone(),
            number(&line.quantity),
            line.unit_code.clone(),
            show::money(line.unit_price.as_ref()),
            number(&line.discount_percent),
            show::money(line.net.as_ref()),
        ]);
    }
    let Some(totals) = totals else { return table };
    for (what, amount) in
        [("without VAT", &totals.total_without_vat), ("VAT", &totals.total_vat), ("to be paid", &totals.payable)]
    {
        let empty = String::new;
        table.add_row([empty(), what.to_owned(), empty(), empty(), empty(), empty(), show::money(amount.as_ref())]);
    }
    table
}

/// What may come next, one step to a line.
pub(super) fn next_steps(guidance: Option<&dealflow_proto::types::v1::Guidance>) {
    for step in guidance.map(|guidance| guidance.next_actions.as_slice()).unwrap_or_default() {
        println!("  next: {} ({})", step.description, step.verb);
    }
}
