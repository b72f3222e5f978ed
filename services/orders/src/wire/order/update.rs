//! The fields of an order that are taken over when it is to be another one (R-ORD-1).

use std::collections::HashSet;

use dealflow_chassis::{Lifecycle, Mask};
use dealflow_proto::names;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::types::v1::Line;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::super::rewrite::Rewrite;
use super::super::{date, name, payment_days, reference, told};
use crate::document::Lines;
use crate::error::{Error, violation};
use crate::legal_entity;
use crate::order::{Model, Verb};
use crate::payment_terms;
use crate::record::Moment;

/// The fields that UpdateOrder can change.
pub(crate) const UPDATABLE: &[&str] = &[
    "account",
    "currency_code",
    "lines",
    "discount_percent",
    "owner",
    "order_date",
    "customer_reference",
    "payment_days",
    "price_list",
    "allowances",
    "charges",
    "legal_entity",
    "payment_terms",
    "terms",
];

impl Model {
    /// The order with the fields that the mask takes over, priced as one that is made on its day, in the state that it has.
    pub async fn update<C: ConnectionTrait>(
        mut self,
        db: &C,
        written: pb::Order,
        mask: &Mask,
        now: Moment,
    ) -> Result<Self, Error> {
        self.state.accept(Verb::UpdateOrder)?;
        if self.is_at_erp() {
            asks_the_erp(&written, mask, self.price_list_id)?;
        }
        let mut wrong = Vec::new();
        if mask.takes("account", !written.account.is_empty()) {
            self.account_id = reference(names::ACCOUNTS, &written.account, "order.account", &mut wrong);
        }
        if mask.takes("owner", !written.owner.is_empty()) {
            self.owner_id = reference(names::EMPLOYEES, &written.owner, "order.owner", &mut wrong);
        }
        if mask.takes("customer_reference", !written.customer_reference.is_empty()) {
            self.customer_reference.clone_from(&written.customer_reference);
        }
        if mask.takes("order_date", written.order_date.is_some()) {
            let day = date(written.order_date.as_ref(), "order.order_date", &mut wrong).unwrap_or(now.today);
            if day > now.today {
                wrong.push(violation("order.order_date", format!("{} or earlier", now.today)));
            }
            self.order_date = day;
        }
        if mask.takes("legal_entity", !written.legal_entity.is_empty()) {
            let known = legal_entity::known(db, &written.legal_entity, "order.legal_entity").await;
            self.legal_entity = told(known, &mut wrong)?.unwrap_or(self.legal_entity);
        }
        // Before what the order says itself: that counts more.
        if mask.takes("payment_terms", !written.payment_terms.is_empty()) {
            let named = payment_terms::named(db, &written.payment_terms, "order.payment_terms").await;
            if let Some(named) = told(named, &mut wrong)? {
                self = self.under(named.as_ref());
            }
        }
        if mask.takes("terms", !written.terms.is_empty()) {
            self.terms.clone_from(&written.terms);
        }
        if mask.takes("payment_days", written.payment_days != 0) {
            self.payment_days = payment_days(written.payment_days, None);
        }
        let stands = Rewrite::of(
            &self.currency,
            (&self.lines, &self.totals),
            self.discount_percent.0,
            self.adjustments.as_ref(),
            self.price_list_id,
        )?;
        let written = Rewrite {
            currency: written.currency_code,
            lines: numbered(written.lines, &self.lines),
            discount: written.discount_percent,
            allowances: written.allowances,
            charges: written.charges,
            price_list: written.price_list,
        };
        let Some((content, new_lines)) = stands.taking(mask, written) else {
            return if wrong.is_empty() { Ok(self) } else { Err(Error::Fields(wrong)) };
        };
        let content = content.to_complete("order", self.order_date, wrong).complete(db).await?;
        Ok(self.with(content, new_lines))
    }
}

/// The lines, each with an id: one that is new has none that a line had before, which may be delivered or billed.
fn numbered(mut written: Vec<Line>, before: &Lines) -> Vec<Line> {
    let taken: HashSet<String> =
        written.iter().map(|line| &line.line_id).chain(before.0.iter().map(|line| &line.id)).cloned().collect();
    let mut free = (1..).map(|n: usize| n.to_string()).filter(|id| !taken.contains(id));
    for line in written.iter_mut().filter(|line| line.line_id.is_empty()) {
        line.line_id = free.next().unwrap_or_default();
    }
    written
}

/// Refuses what no change that the ERP is asked for can say.
fn asks_the_erp(written: &pb::Order, mask: &Mask, price_list: Option<Uuid>) -> Result<(), Error> {
    // Without a list lines keep the prices that they have; another one would have its say about those that the ERP took.
    let list = &written.price_list;
    let another_list = !list.is_empty() && *list != name(names::PRICE_LISTS, price_list);
    let before_only = [
        ("account", !written.account.is_empty()),
        ("currency_code", !written.currency_code.is_empty()),
        ("owner", !written.owner.is_empty()),
        ("order_date", written.order_date.is_some()),
        ("payment_days", written.payment_days != 0),
        ("legal_entity", !written.legal_entity.is_empty()),
        ("payment_terms", !written.payment_terms.is_empty()),
        ("terms", !written.terms.is_empty()),
    ];
    let taken = before_only.into_iter().filter(|(field, set)| mask.takes(field, *set));
    let list = Some(("price_list", true)).filter(|_| another_list && mask.takes("price_list", true));
    let taken = taken.chain(list);
    let expected = "as it is: the ERP has the order, and can be asked for other lines, discounts and charges only";
    let wrong: Vec<_> = taken.map(|(field, _)| violation(format!("order.{field}"), expected)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Error::Fields(wrong)) }
}
