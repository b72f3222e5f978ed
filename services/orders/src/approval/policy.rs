//! When somebody must agree, and who: policies as records (R-QUO-2).

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_money::Currency;
use dealflow_proto::names;
use rust_decimal::Decimal;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromJsonQueryResult, IntoActiveModel, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use super::{State, Step};
use crate::document::{Exact, Lines, Totals};
use crate::error::{Error, violation};
use crate::price::rate;

/// What kind of record a policy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Subject {
    /// Quotes.
    Quote,
    /// Contracts.
    Contract,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value())
    }
}

/// Who decides a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApproverKind {
    /// A named employee.
    User,
    /// Any member of a role.
    Role,
    /// The manager of the record's owner.
    Manager,
}

/// One approver of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStep {
    /// Who decides.
    pub kind: ApproverKind,
    /// The employee, of a user's step.
    pub user: String,
    /// The role, of a role's step.
    pub role: String,
    /// The members of the role, where the policy names them.
    pub members: Vec<String>,
}

/// The approvers of a policy in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct PolicySteps(pub Vec<PolicyStep>);

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "approval_policy")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Counts its changes; the etag.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// What it is called.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// What it is about.
    pub subject: Subject,
    /// It asks nobody.
    pub disabled: bool,
    /// The lower asks first.
    pub rank: i32,
    /// Currency of the least amount.
    #[sea_orm(column_type = "Text")]
    pub currency: String,
    /// The least amount that it asks for, in minor units.
    pub min_amount: Option<i64>,
    /// The least discount that it asks for, in percent.
    pub min_discount_percent: Option<Exact>,
    /// Who is asked.
    #[sea_orm(column_type = "JsonBinary")]
    pub steps: PolicySteps,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of policies can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::APPROVAL_POLICIES.as_str(), Column::Id)
        .variants("subject", Column::Subject, |subject: &Subject| subject.to_string().into())
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

/// What policies look at: how much, and how far below the list prices.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Of the amount.
    pub currency: String,
    /// Total without VAT, in minor units; none where nobody knows it, which every policy with an amount asks about.
    pub amount: Option<i64>,
    /// Discount on the list prices in percent; none where it cannot be told, which every policy asks about.
    pub discount: Option<Decimal>,
}

impl Facts {
    /// Of a record that nobody can value: every policy asks about it.
    pub fn unknown() -> Self {
        Self { currency: String::new(), amount: None, discount: None }
    }

    /// Of a document: a price below the list is a discount like any other, and so are an allowance and a line in free text
    /// that takes back. Charges are no part of what is discounted, lest a charge hide a discount.
    pub fn of(currency: &str, lines: &Lines, totals: &Totals) -> Self {
        let amount = totals.0.total_without_vat;
        let charged = totals.0.lines.iter().flat_map(|line| &line.charges).map(|charge| i128::from(*charge));
        let net = i128::from(amount) - i128::from(totals.0.charges) - charged.sum::<i128>();
        let net = Decimal::from_i128_with_scale(net, totals.0.currency.exponent());
        let listed = lines.0.iter().try_fold(Decimal::ZERO, |sum, line| {
            // A product whose list price is not known may be sold at any discount; free text has no list price to miss.
            let price = match (line.list_price, line.product) {
                (Some(listed), _) => listed,
                // A rebate that is written as a line takes off what is sold, not from what the list asks for it.
                (None, None) if line.quantity.is_sign_negative() => Decimal::ZERO,
                (None, None) => line.unit_price,
                (None, Some(_)) => return None,
            };
            sum.checked_add(line.quantity.checked_mul(price)?)
        });
        let discount = match listed {
            Some(listed) if listed > Decimal::ZERO => (listed - net)
                .checked_mul(Decimal::ONE_HUNDRED)
                .and_then(|off| off.checked_div(listed))
                .map(|percent| percent.round_dp(6).max(Decimal::ZERO)),
            Some(_) => Some(Decimal::ZERO),
            None => None,
        };
        Self { currency: currency.to_owned(), amount: Some(amount), discount }
    }
}

/// Who is to be asked, policy by policy.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The policies that ask.
    pub policies: Vec<String>,
    /// Who is asked, in this order; nobody twice.
    pub steps: Vec<Step>,
}

impl Model {
    /// Its resource name.
    pub fn name(&self) -> String {
        names::APPROVAL_POLICIES.name(self.id)
    }

    /// Refuses a policy that could ask nobody.
    pub fn check(&self) -> Result<(), Error> {
        let mut wrong = Vec::new();
        if self.display_name.trim().is_empty() {
            wrong.push(violation("approval_policy.display_name", "not blank"));
        }
        if self.min_amount.is_some_and(|amount| amount < 0) {
            wrong.push(violation("approval_policy.min_amount", "0 or more"));
        }
        if self.min_discount_percent.is_some_and(|percent| !(Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&percent.0))
        {
            wrong.push(violation("approval_policy.min_discount_percent", "0 to 100 per cent"));
        }
        if self.steps.0.is_empty() {
            wrong.push(violation("approval_policy.steps", "at least one step"));
        }
        for (index, step) in self.steps.0.iter().enumerate() {
            let at = |field: &str| format!("approval_policy.steps[{index}].{field}");
            if step.kind == ApproverKind::User && step.user.is_empty() {
                wrong.push(violation(at("user"), "the employee who decides"));
            }
            if step.kind == ApproverKind::Role && step.role.trim().is_empty() {
                wrong.push(violation(at("role"), "the role that decides"));
            }
            for (place, member) in step.members.iter().enumerate() {
                if names::EMPLOYEES.parse(member).is_err() {
                    wrong.push(violation(at(&format!("members[{place}]")), "employees/{uuid}"));
                }
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(Error::Fields(wrong)) }
    }

    /// Whether it asks about a record: one threshold reached is enough, and what cannot be compared is asked about.
    fn asks(&self, facts: &Facts, rates: &HashMap<String, Decimal>) -> bool {
        let reached = |least: i64| {
            facts.amount.is_none_or(|amount| {
                if self.currency == facts.currency {
                    return amount >= least;
                }
                let rate = rates.get(&self.currency);
                let worth = rate.and_then(|rate| units(amount, &facts.currency)?.checked_mul(*rate));
                worth.zip(units(least, &self.currency)).is_none_or(|(worth, least)| worth >= least)
            })
        };
        let amount = self.min_amount.map(reached);
        let discount = self.min_discount_percent.map(|least| facts.discount.is_none_or(|given| given >= least.0));
        match (amount, discount) {
            (None, None) => true,
            (amount, discount) => amount.unwrap_or(false) || discount.unwrap_or(false),
        }
    }

    /// Its steps with the people who may decide them: the owner and whoever asks are none of them.
    fn steps(&self, people: &People<'_>) -> Result<Vec<Step>, Error> {
        self.steps.0.iter().map(|step| people.step(step, &self.display_name)).collect()
    }
}

/// The people of a request for approval, as whoever asks knows them.
pub struct People<'a> {
    /// The manager of the record's owner; empty where nobody said.
    pub manager: &'a str,
    /// Roles and their members.
    pub roles: &'a [(String, Vec<String>)],
    /// Who does not approve: the owner, and whoever asks.
    pub not: [&'a str; 2],
}

impl People<'_> {
    fn step(&self, step: &PolicyStep, policy: &str) -> Result<Step, Error> {
        let named = match step.kind {
            ApproverKind::User => vec![step.user.clone()],
            ApproverKind::Manager => vec![self.manager.to_owned()],
            ApproverKind::Role if !step.members.is_empty() => step.members.clone(),
            ApproverKind::Role => {
                let known = self.roles.iter().find(|(role, _)| *role == step.role);
                known.map(|(_, members)| members.clone()).unwrap_or_default()
            }
        };
        let mut approvers: Vec<String> = Vec::with_capacity(named.len());
        for name in named {
            if !name.is_empty() && !self.not.contains(&name.as_str()) && !approvers.contains(&name) {
                approvers.push(name);
            }
        }
        if approvers.is_empty() {
            let who = match step.kind {
                ApproverKind::User => format!("{} approves no record of his own", step.user),
                ApproverKind::Role => {
                    format!("nobody of the role {} is left; give it to an employee, or name its members", step.role)
                }
                ApproverKind::Manager => {
                    "nobody else leads the owner; say in the employee's record who does".to_owned()
                }
            };
            return Err(Error::NoApprover { policy: policy.to_owned(), who });
        }
        Ok(Step {
            kind: step.kind,
            role: step.role.clone(),
            approvers,
            state: State::Pending,
            decided_by: String::new(),
            decided_at: None,
            comment: String::new(),
            forwards: Vec::new(),
        })
    }
}

/// Minor units as units of their currency.
fn units(minor: i64, currency: &str) -> Option<Decimal> {
    let currency = Currency::parse(currency).ok()?;
    Some(Decimal::new(minor, currency.exponent()))
}

/// The policies that ask about a record, the lowest rank first. There are few policies.
pub(crate) async fn asking<C: ConnectionTrait>(
    db: &C,
    subject: Subject,
    facts: &Facts,
    today: NaiveDate,
) -> Result<Asking, Error> {
    let policies = Entity::find()
        .filter(Column::Subject.eq(subject))
        .filter(Column::Disabled.eq(false))
        .order_by_asc(Column::Rank)
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    // Thresholds in other currencies: of one or two, each a keyed look-up.
    let mut rates = HashMap::new();
    let others: BTreeSet<&str> = policies
        .iter()
        .filter(|policy| policy.min_amount.is_some() && policy.currency != facts.currency)
        .map(|policy| policy.currency.as_str())
        .collect();
    for other in others {
        if let Some((rate, _)) = rate::on(db, &facts.currency, other, today).await? {
            rates.insert(other.to_owned(), rate);
        }
    }
    Ok(Asking(policies.into_iter().filter(|policy| policy.asks(facts, &rates)).collect()))
}

/// Policies that ask about a record.
pub(crate) struct Asking(Vec<Model>);

impl Asking {
    /// Whether nobody is to be asked.
    pub(crate) fn is_nobody(&self) -> bool {
        self.0.is_empty()
    }

    /// The policies' names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(Model::name).collect()
    }

    /// Who is to be asked; refused where a step has nobody who may decide it.
    pub(crate) fn of(&self, people: &People<'_>) -> Result<Asked, Error> {
        let mut steps: Vec<Step> = Vec::new();
        for policy in &self.0 {
            for step in policy.steps(people)? {
                if !steps.iter().any(|other| other.approvers == step.approvers) {
                    steps.push(step);
                }
            }
        }
        Ok(Asked { policies: self.names(), steps })
    }
}

/// The policy with this name, for reading.
pub(crate) async fn find<C: ConnectionTrait>(db: &C, name: &str) -> Result<Model, Error> {
    let id = names::APPROVAL_POLICIES.parse(name)?;
    let found = Entity::find_by_id(id).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to a policy that is meant to change.
pub(crate) async fn lock(tx: &DatabaseTransaction, name: &str) -> Result<Model, Error> {
    let id = names::APPROVAL_POLICIES.parse(name)?;
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// Adds a policy.
pub(crate) async fn insert(tx: &DatabaseTransaction, policy: &Model) -> Result<(), Error> {
    Entity::insert(policy.clone().into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}
