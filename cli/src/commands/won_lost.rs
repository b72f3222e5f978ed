//! `dealflow won-lost`: what was won and lost, and how long it took (R-ANA-1).

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use dealflow_proto::convert;
use dealflow_proto::opportunities::v1::get_won_lost_request::GroupBy;
use dealflow_proto::opportunities::v1::{GetWonLostRequest, WonLostRow};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::forecast::slug;
use super::lookups;
use super::people::{People, Whose, account_names};
use crate::api::Api;
use crate::client::Target;
use crate::show::{self, json as data};

const EXAMPLES: &str = "\
Examples:
  dealflow won-lost
  dealflow won-lost --by manager --json
  dealflow won-lost --by month --from 2017-01-01 --to 2017-12-31
  dealflow won-lost --by product --manager 'Melvin Marxen'

By product: a deal counts for each of its products, with what its lines of it are worth. Win rate: won of all that were closed, in percent. Days: from the first day of the sale to its close, the mean of whole
sums. Values are the actual ones of the won deals.";

/// Arguments of `won-lost`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WonLost {
    /// What to group by; one row for all where it is not said
    #[arg(long, value_enum)]
    by: Option<By>,
    #[command(flatten)]
    whose: Whose,
    /// Only deals of this process
    #[arg(long, value_name = "PROCESS")]
    process: Option<String>,
    /// Only those closed on or after this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<NaiveDate>,
    /// Only those closed on or before this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<NaiveDate>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Who owns the deal
    Owner,
    /// Who leads the owner
    Manager,
    /// The team of the owner
    Team,
    /// The office of the owner
    Office,
    /// Who bought, or did not
    Account,
    /// The stage that it was closed from
    Stage,
    /// Where it came from
    Source,
    /// What was sold, or was not
    Product,
    /// The process that led it
    Process,
    /// Why it was lost
    Reason,
    /// The month of the close
    Month,
    /// The quarter of the close
    Quarter,
    /// The year of the close
    Year,
}

impl WonLost {
    /// Prints the figures.
    pub async fn run(self) -> anyhow::Result<()> {
        let groups = self.target.ask(async |api| self.read(&api).await).await?;
        let total = groups.iter().fold(Sums::new(), |mut total, (_, currency, sum)| {
            total.entry((String::new(), currency.clone())).or_default().add(sum);
            total
        });
        if self.json {
            let total: Vec<_> = total.iter().map(|((_, currency), sum)| sum.to_json(None, currency)).collect();
            let rows: Vec<_> = groups.iter().map(|(key, currency, sum)| sum.to_json(Some(key), currency)).collect();
            return data::print(&json!({ "by": self.by.map(word), "rows": rows, "totals": total }));
        }
        let header = self.by.map_or("", word);
        let columns = [
            header,
            "won",
            "lost",
            "win rate %",
            "won value",
            "estimated",
            "days won",
            "days lost",
            "hours won",
            "hours lost",
        ];
        let mut table = show::numbers(&columns, 1);
        for (key, currency, sum) in groups.iter().filter(|_| self.by.is_some()) {
            table.add_row(sum.row(key, currency));
        }
        for ((_, currency), sum) in &total {
            table.add_row(sum.row("total", currency));
        }
        println!("{table}");
        Ok(())
    }

    /// The groups, the greatest first; months in their order.
    async fn read(&self, api: &Api) -> anyhow::Result<Vec<(String, String, Sum)>> {
        let group_by = match self.by {
            None => GroupBy::Unspecified,
            Some(By::Owner) => GroupBy::Owner,
            Some(By::Manager) => GroupBy::Manager,
            Some(By::Team) => GroupBy::Team,
            Some(By::Office) => GroupBy::Office,
            Some(By::Stage) => GroupBy::Stage,
            Some(By::Source) => GroupBy::Source,
            Some(By::Product) => GroupBy::Product,
            Some(By::Process) => GroupBy::Process,
            Some(By::Quarter) => GroupBy::Quarter,
            Some(By::Year) => GroupBy::Year,
            Some(By::Account) => GroupBy::Account,
            Some(By::Reason) => GroupBy::LoseReason,
            Some(By::Month) => GroupBy::Month,
        };
        let ask = GetWonLostRequest {
            group_by: group_by.into(),
            from_date: self.from.map(convert::date),
            to_date: self.to.map(convert::date),
            owners: People::read(api).await?.owners(&self.whose)?,
            process: self.process.as_deref().map(|process| slug("processes", process)).unwrap_or_default(),
        };
        let rows = api.analytics.clone().get_won_lost(api.ask(ask)).await?.into_inner().rows;
        let label = self.label(api).await?;
        let mut sums = Sums::new();
        for row in &rows {
            let value = row.won_value.clone().unwrap_or_default();
            let key = (label(&row.key), value.currency_code.clone());
            let estimated = convert::decimal_of(&row.won_estimated_value.clone().unwrap_or_default())?;
            sums.entry(key).or_default().add(&Sum::of(row, convert::decimal_of(&value)?, estimated));
        }
        let mut groups: Vec<_> = sums.into_iter().map(|((key, currency), sum)| (key, currency, sum)).collect();
        if !matches!(self.by, Some(By::Month | By::Quarter | By::Year)) {
            groups.sort_by(|(_, _, one), (_, _, other)| other.value.cmp(&one.value).then(other.lost.cmp(&one.lost)));
        }
        Ok(groups)
    }

    /// What a key of the service is called.
    async fn label(&self, api: &Api) -> anyhow::Result<Box<dyn Fn(&str) -> String>> {
        Ok(match self.by {
            None => Box::new(|_| String::new()),
            Some(By::Month | By::Quarter | By::Year) => Box::new(str::to_owned),
            Some(By::Source) => Box::new(|key| or(key, "(no source)")),
            Some(By::Stage) => named(lookups::stages(api).await?, "(not known)"),
            Some(By::Product) => named(lookups::products(api).await?, "(no product)"),
            Some(By::Process) => named(lookups::processes(api).await?, "(no process)"),
            Some(By::Team) => Box::new(|key| or(key, "(no team)")),
            Some(By::Office) => Box::new(|key| or(key, "(no office)")),
            Some(By::Reason) => Box::new(|key| or(key, "(won)")),
            Some(By::Account) => named(account_names(api).await?, "(no account)"),
            Some(By::Owner) => {
                let people = People::read(api).await?;
                Box::new(move |key| or(people.display(key), "(no owner)"))
            }
            Some(By::Manager) => {
                let people = People::read(api).await?;
                Box::new(move |key| or(people.display(key), "(no manager)"))
            }
        })
    }
}

/// A record's name as people call it.
fn named(names: HashMap<String, String>, nothing: &'static str) -> Box<dyn Fn(&str) -> String> {
    Box::new(move |key| or(names.get(key).map_or(key, String::as_str), nothing))
}

fn word(by: By) -> &'static str {
    match by {
        By::Owner => "owner",
        By::Manager => "manager",
        By::Team => "team",
        By::Office => "office",
        By::Account => "account",
        By::Stage => "stage",
        By::Source => "source",
        By::Product => "product",
        By::Process => "process",
        By::Reason => "reason",
        By::Month => "month",
        By::Quarter => "quarter",
        By::Year => "year",
    }
}

fn or(text: &str, other: &str) -> String {
    if text.is_empty() { other } else { text }.to_owned()
}

/// By label and currency.
type Sums = BTreeMap<(String, String), Sum>;

/// Whole sums over closed deals; means are made of them last.
#[derive(Debug, Default, Clone)]
struct Sum {
    won: i64,
    lost: i64,
    value: Decimal,
    estimated: Decimal,
    won_days: i64,
    lost_days: i64,
    won_minutes: i64,
    lost_minutes: i64,
}

impl Sum {
    fn of(row: &WonLostRow, value: Decimal, estimated: Decimal) -> Self {
        Self {
            won: row.won_count,
            lost: row.lost_count,
            value,
            estimated,
            won_days: row.won_cycle_days,
            lost_days: row.lost_cycle_days,
            won_minutes: row.won_minutes,
            lost_minutes: row.lost_minutes,
        }
    }

    fn add(&mut self, other: &Self) {
        self.won += other.won;
        self.lost += other.lost;
        self.value += other.value;
        self.estimated += other.estimated;
        self.won_days += other.won_days;
        self.lost_days += other.lost_days;
        self.won_minutes += other.won_minutes;
        self.lost_minutes += other.lost_minutes;
    }

    fn win_rate(&self) -> Option<String> {
        show::quotient(self.won * 100, self.won + self.lost)
    }

    fn row(&self, label: &str, currency: &str) -> [String; 10] {
        let money = |value| format!("{} {currency}", show::grouped(&show::places(value))).trim_end().to_owned();
        [
            label.to_owned(),
            self.won.to_string(),
            self.lost.to_string(),
            self.win_rate().unwrap_or_default(),
            money(self.value),
            money(self.estimated),
            show::quotient(self.won_days, self.won).unwrap_or_default(),
            show::quotient(self.lost_days, self.lost).unwrap_or_default(),
            show::quotient(self.won_minutes, self.won * 60).unwrap_or_default(),
            show::quotient(self.lost_minutes, self.lost * 60).unwrap_or_default(),
        ]
    }

    fn to_json(&self, key: Option<&str>, currency: &str) -> Value {
        let mut row = json!({
            "won_count": self.won,
            "lost_count": self.lost,
            "win_rate_percent": self.win_rate(),
            "won_value": { "amount": show::places(self.value), "currency": currency },
            "won_cycle_days": self.won_days,
            "lost_cycle_days": self.lost_days,
            "mean_won_cycle_days": show::quotient(self.won_days, self.won),
            "mean_lost_cycle_days": show::quotient(self.lost_days, self.lost),
            "won_estimated_value": { "amount": show::places(self.estimated), "currency": currency },
            "mean_won_hours": show::quotient(self.won_minutes, self.won * 60),
            "mean_lost_hours": show::quotient(self.lost_minutes, self.lost * 60),
            "won_minutes": self.won_minutes,
            "lost_minutes": self.lost_minutes,
        });
        if let Some(key) = key {
            row["key"] = key.into();
        }
        row
    }
}
