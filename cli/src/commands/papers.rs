//! What the commands about documents have in common: which ones, and how their lines are shown.

use anyhow::bail;
use clap::Args;
use comfy_table::Table;
use dealflow_proto::google::type_::Decimal;
use dealflow_proto::types::v1::{Adjustment, Line, Totals};
use serde_json::Value;

use super::deal::quoted;
use super::named;
use crate::client::Target;
use crate::show::{self, json as data};

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

/// What a document says of itself as a whole beside its lines: allowances, charges, and what it comes to.
pub(super) type Whole<'a> = (&'a [Adjustment], &'a [Adjustment], Option<&'a Totals>);

/// The lines of a document, what is taken off and added, and what it comes to.
pub(super) fn lines(lines: &[Line], (allowances, charges, totals): Whole<'_>) -> Table {
    let mut table = show::numbers(&["#", "what", "quantity", "unit", "price", "discount %", "net"], 2);
    for line in lines {
        table.add_row([
            line.line_id.clone(),
            line.description.clone(),
            number(line.quantity.as_ref()),
            line.unit_code.clone(),
            show::money(line.unit_price.as_ref()),
            number(line.discount_percent.as_ref()),
            show::money(line.net.as_ref()),
        ]);
        // Inside the line's net, so their amounts stand where prices do.
        for (sign, one) in signed(&line.allowances, &line.charges) {
            let (what, percent) = (format!("  {sign} {}", one.reason), number(one.percent.as_ref()));
            let empty = String::new;
            table.add_row([empty(), what, empty(), empty(), show::money(one.total.as_ref()), percent, empty()]);
        }
    }
    let empty = String::new;
    for (sign, one) in signed(allowances, charges) {
        let (what, percent) = (format!("{sign} {}", one.reason), number(one.percent.as_ref()));
        let amount = format!("{sign}{}", show::money(one.total.as_ref()));
        table.add_row([empty(), what, empty(), empty(), empty(), percent, amount]);
    }
    let Some(totals) = totals else { return table };
    for (what, amount) in
        [("without VAT", &totals.total_without_vat), ("VAT", &totals.total_vat), ("to be paid", &totals.payable)]
    {
        table.add_row([empty(), what.to_owned(), empty(), empty(), empty(), empty(), show::money(amount.as_ref())]);
    }
    table
}

fn number(value: Option<&Decimal>) -> String {
    value.map(|number| number.value.clone()).unwrap_or_default()
}

fn signed<'a>(
    allowances: &'a [Adjustment],
    charges: &'a [Adjustment],
) -> impl Iterator<Item = (&'static str, &'a Adjustment)> {
    allowances.iter().map(|one| ("-", one)).chain(charges.iter().map(|one| ("+", one)))
}

/// The lines, allowances and charges of a document as data, beside what `shown` says already.
pub(super) fn in_full(shown: &mut Value, lines: &[Line], (allowances, charges, _): Whole<'_>) {
    shown["lines"] = data::list(lines, data::line);
    shown["allowances"] = data::list(allowances, data::adjustment);
    shown["charges"] = data::list(charges, data::adjustment);
}

/// What may come next, one step to a line.
pub(super) fn next_steps(guidance: Option<&dealflow_proto::types::v1::Guidance>) {
    for step in guidance.map(|guidance| guidance.next_actions.as_slice()).unwrap_or_default() {
        println!("  next: {} ({})", step.description, step.verb);
    }
}
