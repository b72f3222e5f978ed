//! Random verbs on an order and its invoices, against a small model: never more delivered than ordered, never more
//! billed than delivered, and never a difference between what the service says and what the model says.

use std::sync::LazyLock;

use dealflow_proto::convert;
use dealflow_proto::orders::v1 as pb;
use dealflow_testbed::{Kind, TestDb};
use proptest::prelude::*;
use rust_decimal::Decimal;
use tokio::runtime::Runtime;

use crate::house::{House, ask, line, opportunity, order};

/// Quantities are in tenths.
const ORDERED: [i64; 2] = [30, 7];

#[derive(Debug, Clone)]
enum Step {
    Fulfill(usize, i64),
    FulfillAll,
    Bill(usize, i64),
    BillAll,
    Post(usize),
    Void(usize),
    Credit(usize, i64),
    PostCredit(usize),
    VoidCredit(usize),
}

/// What an order and its invoices are, in the fewest words.
#[derive(Debug, Default)]
struct Model {
    fulfilled: [i64; 2],
    /// Quantities of each invoice, and whether it is a draft, posted or void.
    invoices: Vec<([i64; 2], &'static str)>,
    /// Each credit note: its invoice, quantities of it, and whether it is a draft, posted or void.
    credits: Vec<(usize, [i64; 2], &'static str)>,
}

impl Model {
    fn billed(&self, line: usize) -> i64 {
        let billed: i64 =
            self.invoices.iter().filter(|(_, state)| *state != "VOID").map(|(quantities, _)| quantities[line]).sum();
        let back = self.credits.iter().filter(|(_, _, state)| *state == "POSTED").map(|(_, it, _)| it[line]);
        billed - back.sum::<i64>()
    }

    /// What can still be credited of an invoice: drafts of credit notes count.
    fn uncredited(&self, invoice: usize, line: usize) -> i64 {
        let credits = self.credits.iter().filter(|(of, _, state)| *of == invoice && *state != "VOID");
        self.invoices[invoice].0[line] - credits.map(|(_, it, _)| it[line]).sum::<i64>()
    }

    fn left(&self) -> [i64; 2] {
        [0, 1].map(|line| self.fulfilled[line] - self.billed(line))
    }

    /// Whether the step is possible; if so it is done.
    fn does(&mut self, step: &Step) -> bool {
        let open = self.fulfilled != ORDERED;
        let delivered = self.fulfilled != [0, 0];
        match *step {
            Step::Fulfill(line, tenths) => {
                let possible = open && tenths > 0 && self.fulfilled[line] + tenths <= ORDERED[line];
                self.fulfilled[line] += if possible { tenths } else { 0 };
                possible
            }
            Step::FulfillAll => {
                self.fulfilled = ORDERED;
                open
            }
            Step::Bill(line, tenths) => {
                let possible = delivered && tenths > 0 && tenths <= self.left()[line];
                if possible {
                    let mut quantities = [0, 0];
                    quantities[line] = tenths;
                    self.invoices.push((quantities, "DRAFT"));
                }
                possible
            }
            Step::BillAll => {
                let left = self.left();
                let possible = delivered && left != [0, 0];
                if possible {
                    self.invoices.push((left, "DRAFT"));
                }
                possible
            }
            Step::Post(invoice) => self.turn(invoice, "POSTED"),
            Step::Void(invoice) => {
                let noted = self.credits.iter().any(|(of, _, state)| *of == invoice && *state != "VOID");
                let withdrawn = !noted && self.invoices.get(invoice).is_some_and(|(_, state)| *state == "POSTED");
                if withdrawn {
                    self.invoices[invoice].1 = "VOID";
                }
                withdrawn || self.turn(invoice, "VOID")
            }
            Step::Credit(invoice, tenths) => {
                let posted = self.invoices.get(invoice).is_some_and(|(_, state)| *state == "POSTED");
                // A line that the invoice bills.
                let line = usize::from(posted && self.invoices[invoice].0[0] == 0);
                let possible = posted && tenths > 0 && tenths <= self.uncredited(invoice, line);
                if possible {
                    let mut quantities = [0, 0];
                    quantities[line] = tenths;
                    self.credits.push((invoice, quantities, "DRAFT"));
                }
                possible
            }
            Step::PostCredit(credit) => self.turn_credit(credit, "POSTED"),
            Step::VoidCredit(credit) => {
                let posted = self.credits.get(credit).filter(|(_, _, state)| *state == "POSTED").cloned();
                let left = self.left();
                // What it took back may be billed again since.
                let withdrawn = posted.is_some_and(|(_, it, _)| it[0] <= left[0] && it[1] <= left[1]);
                if withdrawn {
                    self.credits[credit].2 = "VOID";
                }
                withdrawn || self.turn_credit(credit, "VOID")
            }
        }
    }

    fn turn_credit(&mut self, credit: usize, to: &'static str) -> bool {
        match self.credits.get_mut(credit) {
            Some((_, _, state)) if *state == "DRAFT" => {
                *state = to;
                true
            }
            _ => false,
        }
    }

    fn turn(&mut self, invoice: usize, to: &'static str) -> bool {
        match self.invoices.get_mut(invoice) {
            Some((_, state)) if *state == "DRAFT" => {
                *state = to;
                true
            }
            _ => false,
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..2_usize, -2..25_i64).prop_map(|(line, tenths)| Step::Fulfill(line, tenths)),
        1 => Just(Step::FulfillAll),
        4 => (0..2_usize, -2..25_i64).prop_map(|(line, tenths)| Step::Bill(line, tenths)),
        2 => Just(Step::BillAll),
        2 => (0..6_usize).prop_map(Step::Post),
        2 => (0..6_usize).prop_map(Step::Void),
        3 => (0..4_usize, 0..15_i64).prop_map(|(invoice, tenths)| Step::Credit(invoice, tenths)),
        2 => (0..4_usize).prop_map(Step::PostCredit),
        1 => (0..4_usize).prop_map(Step::VoidCredit),
    ];
    proptest::collection::vec(step, 1..30)
}

fn tenths(number: &Option<dealflow_proto::google::type_::Decimal>) -> i64 {
    let number = convert::decimal_from(number.as_ref().expect("a number")).expect("a number");
    i64::try_from(number * Decimal::TEN).expect("whole tenths")
}

fn text(tenths: i64) -> String {
    Decimal::new(tenths, 1).to_string()
}

/// What the service made on the way.
#[derive(Default)]
struct Made {
    invoices: Vec<pb::Invoice>,
    credits: Vec<pb::CreditNote>,
}

async fn act(house: &House, order: &str, made: &mut Made, step: &Step) -> bool {
    let Made { invoices, credits } = made;
    let line = |line: usize| ["1", "2"][line];
    let billed = match *step {
        Step::Fulfill(at, quantity) => return house.fulfill(order, &[(line(at), &text(quantity))]).await.is_ok(),
        Step::FulfillAll => return house.fulfill(order, &[]).await.is_ok(),
        Step::Bill(at, quantity) => house.bill(order, &[(line(at), &text(quantity))]).await,
        Step::BillAll => house.bill(order, &[]).await,
        Step::Credit(at, quantity) => {
            let Some(invoice) = invoices.get(at) else { return false };
            let asked = [(invoice.lines[0].line_id.as_str(), text(quantity))];
            let asked = [(asked[0].0, asked[0].1.as_str())];
            return house.credit(&invoice.name, &asked).await.map(|note| credits.push(note)).is_ok();
        }
        Step::PostCredit(at) | Step::VoidCredit(at) => {
            let Some(name) = credits.get(at).map(|note| note.name.clone()) else { return false };
            return match step {
                Step::PostCredit(_) => house.post_credit(&name).await.is_ok(),
                _ => {
                    ask!(house.credit_notes(), void_credit_note, VoidCreditNoteRequest { name: name, withdrawn: true })
                        .is_ok()
                }
            };
        }
        Step::Post(at) | Step::Void(at) => {
            let Some(name) = invoices.get(at).map(|invoice| invoice.name.clone()) else { return false };
            return match step {
                Step::Post(_) => house.post(&name).await.is_ok(),
                _ => ask!(house.invoices(), void_invoice, VoidInvoiceRequest { name: name, withdrawn: true }).is_ok(),
            };
        }
    };
    billed.map(|invoice| invoices.push(invoice)).is_ok()
}

/// Runs the steps on the service and on the model; whatever they disagree on fails the case.
async fn agree(house: &House, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let asked = pb::Order { lines: vec![line("3", "0.335"), line("0.7", "19.99")], ..order(&opportunity()) };
    let made = house.submitted(asked).await;
    let (mut model, mut records) = (Model::default(), Made::default());
    for step in steps {
        let possible = model.does(&step);
        prop_assert_eq!(act(house, &made.name, &mut records, &step).await, possible, "{:?} {:?}", step, model);
        let order = house.order(&made.name).await;
        for (at, line) in order.line_progress.iter().enumerate() {
            prop_assert_eq!(tenths(&line.fulfilled), model.fulfilled[at]);
            prop_assert_eq!(tenths(&line.billed), model.billed(at));
            prop_assert!(tenths(&line.billed) <= tenths(&line.fulfilled));
            prop_assert!(tenths(&line.billed) >= 0, "no more is credited than was invoiced");
            prop_assert!(tenths(&line.fulfilled) <= tenths(&line.ordered));
        }
    }
    Ok(())
}

/// Credits parts of an invoice over 3 pieces at 100 EUR and 3 that are taken back at 80 EUR, 72 EUR with VAT: each part is
/// accepted where there is so much of its lines, and what it comes to is neither below nothing nor more than is left.
async fn credit_both(house: &House, parts: Vec<(i64, i64)>) -> Result<(), TestCaseError> {
    let asked = pb::Order { lines: vec![line("3", "100"), line("-3", "80")], ..order(&opportunity()) };
    let order = house.delivered(asked).await;
    let draft = house.bill(&order.name, &[]).await.expect("all of it");
    let invoice = house.post(&draft.name).await.expect("it can be posted").name;
    // Cents of a tenth of a piece, with VAT.
    let (sold, back) = (1200, 960);
    let mut left = [30, 30];
    let mut open = 7200;
    for (one, two) in parts {
        let texts = [text(one), text(-two)];
        let lines = [("1", texts[0].as_str(), one), ("2", texts[1].as_str(), two)];
        let lines: Vec<_> = lines.iter().filter(|(.., tenths)| *tenths > 0).map(|(id, it, _)| (*id, *it)).collect();
        if lines.is_empty() {
            continue;
        }
        let amount = one * sold - two * back;
        let possible = one <= left[0] && two <= left[1] && (0..=open).contains(&amount);
        let note = house.credit(&invoice, &lines).await;
        prop_assert_eq!(note.is_ok(), possible, "{} of {:?}, {}: {:?}", amount, left, open, note);
        let Ok(note) = note else { continue };
        house.post_credit(&note.name).await.expect("it can be posted");
        left = [left[0] - one, left[1] - two];
        open -= amount;
        prop_assert_eq!(cents(&house.invoice(&invoice).await.open), open);
    }
    if left != [0, 0] {
        let rest = house.credit(&invoice, &[]).await.expect("whatever is left can be credited");
        prop_assert_eq!(cents(&rest.totals.and_then(|totals| totals.payable)), open);
    }
    Ok(())
}

fn cents(amount: &Option<dealflow_proto::google::type_::Money>) -> i64 {
    let amount = amount.as_ref().expect("an amount");
    amount.units * 100 + i64::from(amount.nanos / 10_000_000)
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static HOUSE: LazyLock<House> =
    LazyLock::new(|| RUNTIME.block_on(async { House::open(TestDb::new(Kind::Sqlite).await).await }));

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// R-ORD-1, R-INV-1
    #[test]
    fn random_verbs_never_deliver_or_bill_too_much(steps in steps()) {
        RUNTIME.block_on(agree(&HOUSE, steps))?;
    }
    /// R-INV-1, erp-handoff §1
    #[test]
    fn random_credits_of_what_is_sold_and_taken_back_stay_within_the_invoice(
        parts in proptest::collection::vec((0..12_i64, 0..12_i64), 1..12),
    ) {
        RUNTIME.block_on(credit_both(&HOUSE, parts))?;
    }
}
