//! Ways round a policy about discounts: a rebate that is called otherwise, and an order that no quote was made for (R-QUO-2).

use dealflow_proto::orders::v1 as pb;
use dealflow_proto::types::v1::{Adjustment, Line};
use dealflow_testbed::{TestDb, both, refusal};

use crate::house::{House, ask, by, decimal, employee, eur, line, opportunity, order, policy, quote};

both! {
    /// R-QUO-2: a discount is one however it is written: in percent of the line, as an allowance, or as a line in free text
    /// that takes back.
    async fn a_rebate_that_is_written_as_a_line_is_a_discount(db: TestDb) {
        let house = House::open(db).await;
        let cheap = pb::ApprovalPolicy { min_discount_percent: Some(decimal("10")), ..policy(vec![by(&employee())]) };
        house.policy(cheap).await;
        for (off, asked) in [("9.99", false), ("10", true)] {
            let rebate = Adjustment { amount: Some(eur(off)), reason: "Rebate".to_owned(), ..Default::default() };
            let one = || vec![line("1", "100")];
            for offered in [
                pb::Quote { lines: vec![Line { discount_percent: Some(decimal(off)), ..line("1", "100") }], ..quote(&opportunity()) },
                pb::Quote { lines: one(), allowances: vec![rebate], ..quote(&opportunity()) },
                pb::Quote { lines: vec![line("1", "100"), line("-1", off)], ..quote(&opportunity()) },
                pb::Quote { lines: one(), discount_percent: Some(decimal(off)), ..quote(&opportunity()) },
            ] {
                let name = house.draft(offered.clone()).await.expect("it can be drafted").name;
                let sent = ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: name });
                assert_eq!(sent.err().map(|status| refusal(&status).reason == "APPROVAL_REQUIRED"), asked.then_some(true), "{offered:?}");
            }
        }
    }

    /// R-QUO-2, R-OPP-5: an order of no quote is asked about as a quote would be, when it is made, only checked or changed.
    async fn an_order_without_a_quote_is_none_that_somebody_had_to_agree_to(db: TestDb) {
        let house = House::open(db).await;
        let cheap = pb::ApprovalPolicy { min_discount_percent: Some(decimal("10")), ..policy(vec![by(&employee())]) };
        house.policy(cheap).await;
        let sold = |percent: &str| pb::Order { discount_percent: Some(decimal(percent)), ..order(&opportunity()) };
        for validate_only in [true, false] {
            let order = Some(sold("90"));
            let made = ask!(house.orders(), create_order, CreateOrderRequest { order: order, validate_only: validate_only });
            let refused = refusal(&made.expect_err("nobody agreed to that"));
            assert_eq!((refused.reason.as_str(), refused.metadata["allowed"].as_str()), ("APPROVAL_REQUIRED", "ProposeQuote"));
        }
        let made = house.create_order(sold("9.99")).await.expect("no policy asks").name;
        let off = pb::Order { name: made.clone(), discount_percent: Some(decimal("90")), ..Default::default() };
        let refused = ask!(house.orders(), update_order, UpdateOrderRequest { order: Some(off) });
        assert_eq!(refusal(&refused.expect_err("nobody agreed to that")).reason, "APPROVAL_REQUIRED");
        let less = pb::Order { name: made, lines: vec![line("1", "100")], ..Default::default() };
        ask!(house.orders(), update_order, UpdateOrderRequest { order: Some(less) }).expect("it is less");
    }
}
