//! Allowances and charges, of lines and of the whole, by amount and by percentage, from the quote to the credit note
//! (R-QUO-1, R-INV-1).

use dealflow_proto::google::type_::Money;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::types::v1::{Adjustment, Line, Totals};
use dealflow_testbed::{TestDb, both, refusal};
use prost_types::FieldMask;

use crate::house::{House, ask, by, decimal, employee, eur, line, money, opportunity, order, policy, quote, vat};

fn off(amount: &str) -> Adjustment {
    Adjustment {
        amount: Some(eur(amount)),
        reason: "Loyalty".to_owned(),
        reason_code: "100".to_owned(),
        ..Default::default()
    }
}

fn percent(percent: &str, reason: &str) -> Adjustment {
    Adjustment { percent: Some(decimal(percent)), reason: reason.to_owned(), ..Default::default() }
}

fn freight(amount: &str) -> Adjustment {
    let amount = Some(eur(amount));
    Adjustment { amount, reason: "Freight".to_owned(), reason_code: "FC".to_owned(), ..Default::default() }
}

/// Two lines at 20 % and one at 7 %, with everything that can be agreed about a line and about the whole.
fn rich() -> (Vec<Line>, Vec<Adjustment>, Vec<Adjustment>) {
    let first = Line { allowances: vec![off("5"), percent("3", "Volume")], ..line("3", "100") };
    let second = Line { charges: vec![freight("4.99"), percent("1.5", "Insurance")], ..line("7", "33.33") };
    let third = Line { vat: Some(vat("7")), discount_percent: Some(decimal("10")), ..line("3", "9.99") };
    let charges = vec![percent("2", "Packing"), Adjustment { vat: Some(vat("20")), ..freight("39.95") }];
    (vec![first, second, third], vec![off("20")], charges)
}

fn rich_order() -> pb::Order {
    let (lines, allowances, charges) = rich();
    pb::Order { lines, allowances, charges, discount_percent: Some(decimal("2.5")), ..order(&opportunity()) }
}

fn cents(amount: &Option<Money>) -> i64 {
    let amount = amount.clone().expect("an amount");
    amount.units * 100 + i64::from(amount.nanos / 10_000_000)
}

fn totals(totals: &Option<Totals>) -> Totals {
    totals.clone().expect("it is added up")
}

/// What a list comes to.
fn sum(adjustments: &[Adjustment]) -> i64 {
    adjustments.iter().map(|one| cents(&one.total)).sum()
}

both! {
    /// R-QUO-1: worked by hand, by erp-handoff §2.
    async fn a_quote_comes_to_what_its_allowances_and_charges_make_of_it(db: TestDb) {
        let house = House::open(db).await;
        let (lines, allowances, charges) = rich();
        let offered = pb::Quote { lines, allowances, charges, discount_percent: Some(decimal("2.5")), ..quote(&opportunity()) };
        let quote = ask!(house.quotes(), create_quote, CreateQuoteRequest { quote: Some(offered) }).expect("it can be drafted");
        // 300 − 5 − 9; 233.31 + 4.99 + 3.50; 29.97 − 3.00
        assert_eq!(quote.lines.iter().map(|line| cents(&line.net)).collect::<Vec<_>>(), [28600, 24180, 2697]);
        assert_eq!(quote.lines[0].allowances.iter().map(|it| cents(&it.total)).collect::<Vec<_>>(), [500, 900]);
        assert_eq!(quote.lines[1].charges.iter().map(|it| cents(&it.total)).collect::<Vec<_>>(), [499, 350]);
        let whole = totals(&quote.totals);
        assert_eq!(cents(&whole.sum_of_lines), 55477);
        // 20.00 and 2.5 % of 554.77; 2 % of it and 39.95, which falls under 20 % alone.
        assert_eq!((cents(&whole.allowances), cents(&whole.charges)), (2000 + 1387, 1110 + 3995));
        assert_eq!((cents(&quote.allowances[0].total), sum(&quote.charges)), (2000, 5105));
        assert_eq!(cents(&whole.total_without_vat), 57195);
        let groups: Vec<_> = whole.vat.iter().map(|group| (cents(&group.taxable), cents(&group.tax))).collect();
        // Shares of 7 %: 0.97 of 20.00, 0.67 of 13.87, 0.54 of 11.10.
        assert_eq!(groups, [(2697 - 97 - 67 + 54, 181), (57195 - 2587, 10922)]);
        assert_eq!(cents(&whole.payable), 57195 + 181 + 10922);

        let read = house.quotes().get_quote(pb::GetQuoteRequest { name: quote.name.clone() }).await;
        assert_eq!(read.expect("it is there").into_inner(), quote, "what is stored is what was answered");
    }

    /// R-QUO-4, R-INV-1: one invoice and one credit note of all of it say the same as the order.
    async fn order_invoice_and_credit_note_carry_them_on(db: TestDb) {
        let house = House::open(db).await;
        let (lines, allowances, charges) = rich();
        let offered = pb::Quote { lines, allowances, charges, ..quote(&opportunity()) };
        let quote = house.presented(offered).await;
        let accepted = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: quote.name.clone() });
        let name = accepted.expect("it can be accepted").order;
        ask!(house.orders(), confirm_order, ConfirmOrderRequest { name: name.clone() }).expect("it can be confirmed");
        ask!(house.orders(), submit_order, SubmitOrderRequest { name: name.clone() }).expect("it can be submitted");
        let order = house.fulfill(&name, &[]).await.expect("all of it");
        let invoice = house.bill(&name, &[]).await.expect("all of it");
        let invoice = house.post(&invoice.name).await.expect("it can be posted");
        let note = house.credit(&invoice.name, &[]).await.expect("all of it");
        assert_eq!((&order.lines, &order.totals), (&quote.lines, &quote.totals));
        assert_eq!((&order.allowances, &order.charges), (&quote.allowances, &quote.charges));
        assert_eq!((&invoice.lines, &invoice.totals), (&order.lines, &order.totals));
        assert_eq!((&invoice.allowances, &invoice.charges), (&order.allowances, &order.charges));
        assert_eq!((&note.lines, &note.totals), (&order.lines, &order.totals));
        assert_eq!((&note.allowances, &note.charges), (&order.allowances, &order.charges));
    }

    /// R-INV-1: amounts are shared, percentages go into every part, and all parts come to the whole.
    async fn invoices_and_credits_in_parts_carry_their_shares_and_come_to_the_whole(db: TestDb) {
        let house = House::open(db).await;
        let order = house.delivered(rich_order()).await;
        let mut invoices = Vec::new();
        for part in [&[("1", "1"), ("3", "0.5")][..], &[("1", "1"), ("2", "2.5"), ("3", "2")], &[("2", "3")], &[]] {
            let draft = house.bill(&order.name, part).await.expect("a part of it");
            assert_eq!(draft.charges[0].percent, Some(decimal("2")), "a percentage goes into every part");
            invoices.push(house.post(&draft.name).await.expect("it can be posted"));
        }
        let freights: Vec<i64> = invoices.iter().map(|invoice| cents(&invoice.charges[1].total)).collect();
        assert!(freights.iter().all(|share| *share > 0), "each part carries its share: {freights:?}");
        assert_eq!(freights.iter().sum::<i64>(), 3995);
        let loyalty: i64 = invoices.iter().map(|invoice| cents(&invoice.allowances[0].total)).sum();
        assert_eq!(loyalty, 2000);
        let of_line = |id: &str| -> i64 {
            let lines = invoices.iter().flat_map(|invoice| &invoice.lines).filter(|line| line.line_id == id);
            lines.flat_map(|line| line.allowances.first().or(line.charges.first())).map(|one| cents(&one.total)).sum()
        };
        assert_eq!((of_line("1"), of_line("2")), (500, 499));
        let billed: i64 = invoices.iter().map(|invoice| cents(&totals(&invoice.totals).payable)).sum();
        assert_eq!(billed, cents(&totals(&order.totals).payable));

        // The second invoice is taken back in two parts, and billed again.
        let second = &invoices[1];
        let mut credited = 0;
        for part in [&[("2", "1"), ("1", "0.3")][..], &[]] {
            let note = house.credit(&second.name, part).await.expect("a part of it");
            credited += cents(&totals(&note.totals).payable);
            house.post_credit(&note.name).await.expect("it can be posted");
        }
        assert_eq!(credited, cents(&totals(&second.totals).payable));
        let again = house.bill(&order.name, &[]).await.expect("what was taken back");
        assert_eq!(cents(&totals(&again.totals).payable), credited, "billed anew it comes to the same");
        assert_eq!((&again.charges, &again.allowances), (&second.charges, &second.allowances));
    }

    /// R-INV-1: BT-113 and BT-114 change what is to be paid and nothing before that.
    async fn prepaid_and_rounding_amounts_change_only_what_is_to_be_paid(db: TestDb) {
        let house = House::open(db).await;
        let order = house.delivered(rich_order()).await;
        let part = crate::house::quantities(&[("1", "1")]);
        let draft = ask!(
            house.invoices(), create_invoice,
            CreateInvoiceRequest { order: order.name.clone(), lines: part, prepaid: Some(eur("50")), rounding: Some(eur("0.01")) }
        );
        let first = totals(&draft.expect("a part of it").totals);
        assert_eq!((cents(&first.prepaid), cents(&first.rounding)), (5000, 1));
        assert_eq!(cents(&first.payable), cents(&first.total_with_vat) - 5000 + 1);
        let rest = totals(&house.bill(&order.name, &[]).await.expect("the rest").totals);
        let whole = totals(&order.totals);
        let both = cents(&first.total_with_vat) + cents(&rest.total_with_vat) + cents(&rest.rounding);
        assert_eq!(both, cents(&whole.total_with_vat), "the rest carries what rounding lost, and no prepayment");

        let draft = ask!(
            house.invoices(), create_invoice,
            CreateInvoiceRequest { order: house.delivered(rich_order()).await.name, prepaid: Some(eur("100")), rounding: Some(eur("-0.02")) }
        );
        let invoice = house.post(&draft.expect("all of it").name).await.expect("it can be posted");
        let note = house.credit(&invoice.name, &[]).await.expect("all of it");
        let (billed, back) = (totals(&invoice.totals), totals(&note.totals));
        assert_eq!((cents(&back.rounding), cents(&back.prepaid)), (-2, 0));
        assert_eq!(cents(&back.payable), cents(&billed.payable) + 10000, "what was prepaid is given back too");
        house.post_credit(&note.name).await.expect("it can be posted");
        let again = totals(&house.bill(&invoice.order, &[]).await.expect("all of it again").totals);
        assert_eq!(again.rounding, Some(eur("0")), "nobody asked for it to be rounded this time");

        // What was asked for is taken back once, whichever note completes: also where one of them is void meanwhile.
        let ten = house.delivered(pb::Order { lines: vec![line("10", "3.33")], ..rich_order() }).await.name;
        let draft = ask!(
            house.invoices(), create_invoice, CreateInvoiceRequest { order: ten.clone(), rounding: Some(eur("-0.02")) }
        );
        let invoice = house.post(&draft.expect("all of it").name).await.expect("it can be posted");
        let first = house.credit(&invoice.name, &[("1", "3")]).await.expect("a part of it").name;
        let second = house.credit(&invoice.name, &[]).await.expect("the rest").name;
        house.post_credit(&second).await.expect("it can be posted");
        ask!(house.credit_notes(), void_credit_note, VoidCreditNoteRequest { name: first }).expect("a draft");
        let third = house.credit(&invoice.name, &[]).await.expect("what the void one freed").name;
        house.post_credit(&third).await.expect("it can be posted");
        let again = totals(&house.bill(&ten, &[]).await.expect("all of it again").totals);
        assert_eq!(again.rounding, Some(eur("0")), "nobody asked for it to be rounded this time");
        let whole = totals(&house.order(&ten).await.totals);
        assert_eq!(again.payable, whole.payable);

        for (prepaid, rounding, field) in [
            (Some(eur("-1")), None, "prepaid"), (Some(eur("0.001")), None, "prepaid"), (Some(money("1", "USD")), None, "prepaid"),
            (None, Some(eur("5.01")), "rounding"), (None, Some(eur("0.005")), "rounding"),
        ] {
            let refused = ask!(
                house.invoices(), create_invoice,
                CreateInvoiceRequest { order: order.name.clone(), prepaid: prepaid, rounding: rounding }
            );
            assert_eq!(refusal(&refused.expect_err("it cannot be meant")).field_names(), [field]);
        }
        let other = house.delivered(rich_order()).await.name;
        let refused = ask!(house.invoices(), create_invoice, CreateInvoiceRequest { order: other, prepaid: Some(eur("10000")) });
        assert_eq!(refusal(&refused.expect_err("more than is to be paid")).field_names(), ["prepaid"]);
    }

    /// R-QUO-1: all that is wrong is told at once, each at its place.
    async fn what_cannot_be_meant_is_refused_field_by_field(db: TestDb) {
        let house = House::open(db).await;
        let wrong = Line {
            allowances: vec![
                Adjustment { percent: Some(decimal("1")), ..off("1") },
                Adjustment::default(),
                percent("100.01", "Volume"),
                Adjustment { vat: Some(vat("20")), ..off("1") },
            ],
            charges: vec![freight("0.001"), freight("-1"), Adjustment { amount: Some(money("1", "USD")), ..freight("1") }],
            ..line("1", "100")
        };
        let offered = pb::Quote {
            lines: vec![wrong],
            allowances: vec![Adjustment { reason_code: "FC".to_owned(), ..off("1") }],
            charges: vec![Adjustment { reason_code: "95".to_owned(), ..freight("1") }],
            ..quote(&opportunity())
        };
        let refused = ask!(house.quotes(), create_quote, CreateQuoteRequest { quote: Some(offered) });
        let refused = refusal(&refused.expect_err("nothing of it is right"));
        let line = "quote.lines[0]";
        let mut told = refused.field_names();
        told.sort_unstable();
        assert_eq!(told, [
            "quote.allowances[0].reason_code".to_owned(),
            "quote.charges[0].reason_code".to_owned(),
            format!("{line}.allowances[0].percent"),
            format!("{line}.allowances[1].amount"),
            format!("{line}.allowances[1].reason"),
            format!("{line}.allowances[2].percent"),
            format!("{line}.allowances[3].vat"),
            format!("{line}.charges[0].amount"),
            format!("{line}.charges[1].amount"),
            format!("{line}.charges[2].amount"),
        ]);
        let dear = Line { allowances: vec![off("100.01")], ..line_of_one() };
        let refused = ask!(
            house.quotes(), create_quote, CreateQuoteRequest { quote: Some(pb::Quote { lines: vec![dear], ..quote(&opportunity()) }) }
        );
        assert_eq!(refusal(&refused.expect_err("more is taken off than there is")).field_names(), ["quote.lines"]);
    }

    /// R-QUO-2: an allowance is a discount, a charge hides none, and a change of either wants approval anew.
    async fn policies_see_allowances_and_no_charge_hides_a_discount(db: TestDb) {
        let house = House::open(db).await;
        let asks = pb::ApprovalPolicy { min_discount_percent: Some(decimal("10")), ..policy(vec![by(&employee())]) };
        house.policy(asks).await;
        let cheap = Line { charges: vec![freight("50")], discount_percent: Some(decimal("5")), ..line_of_one() };
        for (lines, allowances, charges, asked) in [
            (vec![line_of_one()], vec![off("9.99")], vec![], false),
            (vec![line_of_one()], vec![off("10")], vec![freight("10")], true),
            (vec![Line { allowances: vec![percent("12", "Volume")], ..cheap.clone() }], vec![], vec![], true),
            (vec![cheap], vec![], vec![], false),
        ] {
            let owner = employee();
            let offered = pb::Quote { lines, allowances, charges, owner, ..quote(&opportunity()) };
            let draft = ask!(house.quotes(), create_quote, CreateQuoteRequest { quote: Some(offered) }).expect("a draft");
            let sent = ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: draft.name.clone() });
            assert_eq!(sent.is_err(), asked, "{draft:?}");
        }
        let offered = pb::Quote { lines: vec![line_of_one()], allowances: vec![off("20")], owner: employee(), ..quote(&opportunity()) };
        let draft = ask!(house.quotes(), create_quote, CreateQuoteRequest { quote: Some(offered) }).expect("a draft");
        let asked = ask!(house.quotes(), request_quote_approval, RequestQuoteApprovalRequest { name: draft.name.clone() });
        assert_eq!(asked.expect("somebody is asked").state(), pb::quote::State::InApproval);
        let cheaper = pb::Quote { name: draft.name.clone(), allowances: vec![off("21")], ..Default::default() };
        let mask = FieldMask { paths: vec!["allowances".to_owned()] };
        let changed = ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: Some(cheaper), update_mask: Some(mask) });
        let changed = changed.expect("it can be changed");
        assert_eq!((changed.state(), changed.approval.as_str()), (pb::quote::State::Draft, ""));
        assert_eq!(cents(&totals(&changed.totals).total_without_vat), 7900);
    }
}

/// One for 100 EUR.
fn line_of_one() -> Line {
    line("1", "100")
}
