//! Terms of payment ⇄ the wire.

use chrono::{DateTime, Utc};
use dealflow_chassis::Mask;
use dealflow_proto::convert;
use dealflow_proto::orders::v1 as pb;
use uuid::Uuid;

use crate::error::{Error, violation};
use crate::payment_terms::{Instalment, Model, Plan};

/// The fields that UpdatePaymentTerms can change.
pub(crate) const PAYMENT_TERMS_UPDATABLE: &[&str] = &["net_days", "text", "instalments", "disabled"];

impl Model {
    /// New terms as they were written, checked.
    pub fn of(written: pb::PaymentTerms, now: DateTime<Utc>) -> Result<Self, Error> {
        let new = Self {
            id: Uuid::now_v7(),
            version: 0,
            created_at: now,
            updated_at: now,
            code: written.code.clone(),
            net_days: 0,
            text: String::new(),
            plan: Plan::default(),
            disabled: false,
        };
        new.update(written, &Mask::of(None, PAYMENT_TERMS_UPDATABLE)?, now)
    }

    /// The terms with the fields that the mask takes over, checked.
    pub fn update(mut self, written: pb::PaymentTerms, mask: &Mask, now: DateTime<Utc>) -> Result<Self, Error> {
        if mask.takes("net_days", written.net_days != 0) {
            self.net_days = written.net_days;
        }
        if mask.takes("text", !written.text.is_empty()) {
            self.text = written.text;
        }
        if mask.takes("instalments", !written.instalments.is_empty()) {
            self.plan = plan(&written.instalments)?;
        }
        if mask.takes("disabled", written.disabled) {
            self.disabled = written.disabled;
        }
        self.check()?;
        Ok(Self { version: self.version + 1, updated_at: now, ..self })
    }

    /// The terms as they go out.
    pub fn to_wire(&self) -> pb::PaymentTerms {
        pb::PaymentTerms {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            code: self.code.clone(),
            net_days: self.net_days,
            text: self.text.clone(),
            instalments: instalments(Some(&self.plan)),
            disabled: self.disabled,
        }
    }
}

fn plan(given: &[pb::Instalment]) -> Result<Plan, Error> {
    let mut wrong = Vec::new();
    let mut read = Vec::with_capacity(given.len());
    for (index, one) in given.iter().enumerate() {
        match convert::decimal_from(&one.percent.clone().unwrap_or_default()) {
            Ok(percent) => {
                let description = one.description.clone();
                read.push(Instalment { percent: percent.normalize(), days: one.days, description });
            }
            Err(cause) => {
                let field = format!("payment_terms.instalments[{index}].percent");
                wrong.push(violation(field, cause.to_string()));
            }
        }
    }
    if wrong.is_empty() { Ok(Plan(read)) } else { Err(Error::Fields(wrong)) }
}

/// A plan as it goes out.
pub(crate) fn instalments(plan: Option<&Plan>) -> Vec<pb::Instalment> {
    let all = plan.map(|plan| plan.0.as_slice()).unwrap_or_default();
    let wire = |one: &Instalment| pb::Instalment {
        percent: Some(convert::decimal(one.percent)),
        days: one.days,
        description: one.description.clone(),
    };
    all.iter().map(wire).collect()
}
