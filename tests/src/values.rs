//! The wire's values as a test writes them.

use dealflow_proto::google::type_::{Date, Decimal, Money};
use dealflow_proto::types::v1::{Bant, BudgetStatus, Need};

/// An amount in US dollars.
pub fn usd(units: i64) -> Option<Money> {
    Some(Money { currency_code: "USD".to_owned(), units, nanos: 0 })
}

/// An exact number.
pub fn decimal(value: &str) -> Option<Decimal> {
    Some(Decimal { value: value.to_owned() })
}

/// A day.
pub fn day(year: i32, month: i32, day: i32) -> Option<Date> {
    Some(Date { year, month, day })
}

/// What makes a lead worth an opportunity: a need and purchasing power (R-LED-4).
pub fn worth_an_opportunity() -> Option<Bant> {
    Some(Bant { budget_status: BudgetStatus::CanBuy.into(), need: Need::MustHave.into(), ..Bant::default() })
}
