//! The ways round an approval that other products leave open, each tried and refused (R-QUO-2, states.md).

mod contracts;
mod discounts;

use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::approval::{CancelReason, State};
use dealflow_proto::orders::v1::quote::State as QuoteState;
use dealflow_proto::types::v1::Line;
use dealflow_testbed::{Kind, TestDb, both, refusal};
use proptest::prelude::*;
use std::sync::LazyLock;
use tokio::runtime::Runtime;

use crate::house::{
    House, ask, ask_as, by, date, decimal, employee, eur, from_amount, line, money, opportunity, policy, product, quote,
};

/// A house whose policy asks somebody about every quote.
async fn strict(db: TestDb) -> (House, String, String) {
    let house = House::open(db).await;
    let [owner, boss] = [employee(), employee()];
    house.policy(policy(vec![by(&boss)])).await;
    (house, owner, boss)
}

async fn approved(house: &House, owner: &str, boss: &str) -> pb::Quote {
    let draft = house.draft(pb::Quote { owner: owner.to_owned(), ..quote(&opportunity()) }).await.expect("drafted");
    let approval = house.ask_approval(owner, &draft.name).await.expect("it can be asked").approval;
    house.approve(boss, &approval).await.expect("it is his to decide");
    house.quote(&draft.name).await
}

/// Every verb that lets a quote go out; answers why each was refused.
async fn send_anyhow(house: &House, name: &str) -> Vec<String> {
    let name = name.to_owned();
    let mut refused = Vec::new();
    for attempt in [
        ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: name.clone() }),
        ask!(house.quotes(), present_quote, PresentQuoteRequest { name: name.clone() }),
        ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: name.clone() }),
    ] {
        refused.push(refusal(&attempt.expect_err("it must not go out")).reason);
    }
    refused
}

both! {
    /// R-QUO-2: bypass 1, edit after approval.
    async fn a_change_after_approval_cancels_it(db: TestDb) {
        let (house, owner, boss) = strict(db).await;
        let quote = approved(&house, &owner, &boss).await;
        for change in [
            pb::Quote { discount_percent: Some(decimal("0.01")), ..Default::default() },
            pb::Quote { terms: "pay when you like".to_owned(), ..Default::default() },
            pb::Quote { payment_days: 365, ..Default::default() },
            pb::Quote { valid_until_date: Some(date(2018, 1, 1)), ..Default::default() },
            pb::Quote { owner: employee(), ..Default::default() },
        ] {
            let approved = approved(&house, &owner, &boss).await;
            let change = pb::Quote { name: approved.name.clone(), ..change };
            let changed = ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: Some(change.clone()) });
            assert_eq!(changed.expect("it may change").state(), QuoteState::Draft, "{change:?}");
            let approval = house.approval(&approved.approval).await;
            assert_eq!((approval.state(), approval.cancel_reason()), (State::Canceled, CancelReason::SubjectChanged));
            assert_eq!(send_anyhow(&house, &approved.name).await[0], "APPROVAL_REQUIRED");
        }
        // The same values once more are no change.
        let same = pb::Quote { name: quote.name.clone(), lines: quote.lines.clone(), ..Default::default() };
        let kept = ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: Some(same) }).expect("no change");
        assert_eq!((kept.state(), &kept.approval), (QuoteState::Approved, &quote.approval));
        ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: quote.name }).expect("it is approved");
    }

    /// R-QUO-2: bypass 2, copy of an approved document.
    async fn a_copy_of_an_approved_quote_is_not_approved(db: TestDb) {
        let (house, owner, boss) = strict(db).await;
        let name = approved(&house, &owner, &boss).await.name;
        ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: name.clone() }).expect("it is approved");
        let copy = ask!(house.quotes(), revise_quote, ReviseQuoteRequest { name: name }).expect("it can be revised");
        assert_eq!((copy.state(), copy.approval.as_str()), (QuoteState::Draft, ""));
        assert_eq!(send_anyhow(&house, &copy.name).await[0], "APPROVAL_REQUIRED");
        // Drafted anew from what was approved, with all fields that are output only.
        let again = house.draft(house.quote(&copy.name).await).await.expect("it can be drafted");
        assert_eq!((again.state(), again.approval.as_str()), (QuoteState::Draft, ""));
        assert_eq!(send_anyhow(&house, &again.name).await[0], "APPROVAL_REQUIRED");
    }

    /// R-QUO-2: bypass 3, send before approval.
    async fn nothing_is_sent_before_it_is_approved(db: TestDb) {
        let (house, owner, _) = strict(db).await;
        let name = house.draft(quote(&opportunity())).await.expect("it can be drafted").name;
        let state = "STATE_REFUSES_VERB";
        assert_eq!(send_anyhow(&house, &name).await, ["APPROVAL_REQUIRED", state, state]);
        house.ask_approval(&owner, &name).await.expect("it can be asked");
        assert_eq!(send_anyhow(&house, &name).await, [state, state, state]);
        let then = pb::AfterApproval::Present.into();
        let other = house.draft(quote(&opportunity())).await.expect("it can be drafted").name;
        let asked = ask_as!(&owner, house.quotes(), request_quote_approval, RequestQuoteApprovalRequest { name: other, then: then });
        assert_eq!(asked.expect("it can be asked").state(), QuoteState::InApproval);
    }

    /// R-QUO-2: bypass 4, approve below the limit and raise it later.
    async fn a_quote_below_the_limit_is_asked_about_when_it_is_raised(db: TestDb) {
        let house = House::open(db).await;
        house.policy(from_amount("1000")).await;
        let small = house.draft(quote(&opportunity())).await.expect("it can be drafted").name;
        let free = house.ask_approval("employees/x", &small).await.expect("nobody asks");
        assert_eq!(free.state(), QuoteState::Approved);
        let raise = pb::Quote { name: small.clone(), lines: vec![line("1", "1000")], ..Default::default() };
        let raised = ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: Some(raise) }).expect("it may change");
        assert_eq!(raised.state(), QuoteState::Draft);
        assert_eq!(send_anyhow(&house, &small).await[0], "APPROVAL_REQUIRED");

        // In force already: it is frozen, and its revision is asked about.
        let active = house.presented(quote(&opportunity())).await.name;
        let raise = pb::Quote { name: active.clone(), lines: vec![line("1", "1000")], ..Default::default() };
        let frozen = ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: Some(raise.clone()) });
        assert_eq!(refusal(&frozen.expect_err("it is frozen")).reason, "STATE_REFUSES_VERB");
        let copy = ask!(house.quotes(), revise_quote, ReviseQuoteRequest { name: active }).expect("it can be revised").name;
        let raise = pb::Quote { name: copy.clone(), ..raise };
        ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: Some(raise) }).expect("it is a draft");
        assert_eq!(send_anyhow(&house, &copy).await[0], "APPROVAL_REQUIRED");
    }

    /// R-QUO-2: bypass 5, the owner approves his own.
    async fn nobody_approves_his_own(db: TestDb) {
        let house = House::open(db).await;
        let [owner, assistant, boss] = [employee(), employee(), employee()];
        house.policy(policy(vec![crate::house::by_role("team", &[&owner, &assistant, &boss])])).await;
        let asked = house.draft(pb::Quote { owner: owner.clone(), ..quote(&opportunity()) }).await.expect("drafted");
        let approval = house.ask_approval(&assistant, &asked.name).await.expect("it can be asked").approval;
        for own in [&owner, &assistant] {
            let refused = refusal(&house.approve(own, &approval).await.expect_err("it is his own"));
            assert_eq!((refused.code, refused.reason.as_str()), (tonic::Code::PermissionDenied, "PERMISSION_DENIED"));
            assert!(refused.message.contains("his own"), "{}", refused.message);
        }
        house.approve(&boss, &approval).await.expect("it is not his");

        // As manager, as the only member, or by giving the record away meanwhile: there is nobody left, or it is a change.
        let alone = House::policy(&house, policy(vec![by(&owner)])).await;
        let asked = house.draft(pb::Quote { owner: owner.clone(), ..quote(&opportunity()) }).await.expect("drafted").name;
        let nobody = refusal(&house.ask_approval(&assistant, &asked).await.expect_err("only the owner is left"));
        assert_eq!(nobody.reason, "NO_APPROVER");
        let off = pb::ApprovalPolicy { name: alone.name, disabled: true, ..Default::default() };
        ask!(house.approvals(), update_approval_policy, UpdateApprovalPolicyRequest { approval_policy: Some(off) })
            .expect("it can be switched off");
        let approval = house.ask_approval(&assistant, &asked).await.expect("it can be asked").approval;
        let give = pb::Quote { name: asked, owner: boss.clone(), ..Default::default() };
        ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: Some(give) }).expect("it may change");
        assert_eq!(refusal(&house.approve(&boss, &approval).await.expect_err("it was cancelled")).reason, "TERMINAL");
    }

    /// R-QUO-2: and two that users of others would find next.
    async fn a_foreign_currency_or_a_lower_unit_price_is_no_way_round(db: TestDb) {
        let house = House::open(db).await;
        house.policy(from_amount("1000")).await;
        let cheap = pb::ApprovalPolicy { min_discount_percent: Some(decimal("20")), ..policy(vec![by(&employee())]) };
        house.policy(cheap).await;
        let dollars = Line { unit_price: Some(money("1", "USD")), ..line("1", "1") };
        let foreign = pb::Quote { currency_code: "USD".to_owned(), lines: vec![dollars], ..quote(&opportunity()) };
        let name = house.draft(foreign).await.expect("it can be drafted").name;
        assert_eq!(send_anyhow(&house, &name).await[0], "APPROVAL_REQUIRED", "no rate is known");

        let product = house.products().create_product(product("GTX-1")).await.expect("made").into_inner().name;
        let sold = |price: &str| Line { product: product.clone(), unit_price: Some(eur(price)), ..line("1", "1") };
        let low = house.draft(pb::Quote { lines: vec![sold("80")], ..quote(&opportunity()) }).await.expect("drafted").name;
        assert_eq!(send_anyhow(&house, &low).await[0], "APPROVAL_REQUIRED", "100 is the list price");
        house.presented(pb::Quote { lines: vec![sold("80.01")], ..quote(&opportunity()) }).await;
        let by_hour = vec![Line { unit_code: "HUR".to_owned(), ..sold("1") }];
        let hidden = house.draft(pb::Quote { lines: by_hour, ..quote(&opportunity()) }).await.expect("drafted").name;
        assert_eq!(send_anyhow(&house, &hidden).await[0], "APPROVAL_REQUIRED", "no list prices it by the hour");
    }

    /// R-QUO-2, R-ORD-1: approve below the limit and raise it later, as an order: what a policy asks about is agreed to as
    /// a quote. What is worth no more and sold no cheaper nobody is asked about, nor what the ERP has agreed to.
    async fn an_accepted_order_does_not_become_one_that_somebody_had_to_agree_to(db: TestDb) {
        let house = House::open(db).await;
        house.policy(from_amount("1000")).await;
        let cheap = pb::ApprovalPolicy { min_discount_percent: Some(decimal("10")), ..policy(vec![by(&employee())]) };
        house.policy(cheap).await;
        let offered = house.presented(pb::Quote { lines: vec![line("9", "100")], ..quote(&opportunity()) }).await;
        let accepted = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: offered.name }).expect("it stands");
        let name = accepted.order;
        let kept = |quantity: &str| Line { line_id: "1".to_owned(), ..line(quantity, "100") };
        let order = |quantity: &str| pb::Order { name: name.clone(), lines: vec![kept(quantity)], ..Default::default() };
        let off = |percent: &str| pb::Order { discount_percent: Some(decimal(percent)), ..order("9") };
        for raised in [order("10"), off("10"), pb::Order { lines: vec![kept("9"), line("1", "100")], ..order("9") }] {
            let refused = ask!(house.orders(), update_order, UpdateOrderRequest { order: Some(raised) });
            let refused = refusal(&refused.expect_err("nobody agreed to that"));
            assert_eq!((refused.reason.as_str(), refused.metadata["allowed"].as_str()), ("APPROVAL_REQUIRED", "CancelOrder"));
        }
        let less = ask!(house.orders(), update_order, UpdateOrderRequest { order: Some(order("8")) }).expect("it is less");
        assert_eq!(less.revision, 1);
        ask!(house.orders(), update_order, UpdateOrderRequest { order: Some(off("9")) }).expect("no policy asks");
        ask!(house.orders(), confirm_order, ConfirmOrderRequest { name: name.clone() }).expect("it is a draft");
        ask!(house.orders(), submit_order, SubmitOrderRequest { name: name.clone() }).expect("it is confirmed");
        let asked = ask!(house.orders(), update_order, UpdateOrderRequest { order: Some(order("12")), validate_only: true });
        assert_eq!(refusal(&asked.expect_err("the ERP is not even asked")).reason, "APPROVAL_REQUIRED");
        ask!(house.orders(), update_order, UpdateOrderRequest { order: Some(order("12")) }).expect("the ERP has it so");
    }

    /// R-QUO-2, R-CON-1: what nobody had to agree to when it was approved can be asked about once a policy came; until then,
    /// and once somebody agreed, it stays as it is.
    async fn a_policy_that_came_after_an_unasked_approval_is_asked(db: TestDb) {
        let house = House::open(db).await;
        let [owner, boss] = [employee(), employee()];
        let quote = house.draft(pb::Quote { owner: owner.clone(), ..quote(&opportunity()) }).await.expect("drafted");
        let contract = pb::Contract { opportunity: opportunity(), owner: owner.clone(), ..Default::default() };
        let made = ask!(house.contracts(), create_contract, CreateContractRequest { contract: Some(contract) });
        let contract = made.expect("it can be drafted").name;
        let ask_about_contract = async || {
            let name = contract.clone();
            ask_as!(&owner, house.contracts(), request_contract_approval, RequestContractApprovalRequest { name: name })
        };
        assert_eq!(house.ask_approval(&owner, &quote.name).await.expect("nobody asks").state(), QuoteState::Approved);
        assert_eq!(ask_about_contract().await.expect("nobody asks").state(), pb::contract::State::Approved);
        let before = house.quote(&quote.name).await;
        assert_eq!(house.ask_approval(&owner, &quote.name).await.expect("nobody asks still"), before, "it is so already");
        assert_eq!(ask_about_contract().await.expect("nobody asks still").state(), pb::contract::State::Approved);

        house.policy(policy(vec![by(&boss)])).await;
        house.policy(pb::ApprovalPolicy { subject: pb::ApprovalSubject::Contract.into(), ..policy(vec![by(&boss)]) }).await;
        let activate = async || ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: quote.name.clone() });
        let refused = refusal(&activate().await.expect_err("a policy asks now"));
        assert_eq!((refused.reason.as_str(), refused.metadata["allowed"].as_str()), ("APPROVAL_REQUIRED", "RequestQuoteApproval"));
        let asked = house.ask_approval(&owner, &quote.name).await.expect("what the refusal names is allowed");
        assert_eq!(asked.state(), QuoteState::InApproval);
        house.approve(&boss, &asked.approval).await.expect("it is his to decide");
        let given = house.ask_approval(&owner, &quote.name).await.expect("he agreed");
        assert_eq!((given.state(), &given.approval), (QuoteState::Approved, &asked.approval), "nobody is asked twice");
        assert_eq!(activate().await.expect("it is approved").state(), QuoteState::Active);

        let send = async || ask!(house.contracts(), send_contract, SendContractRequest { name: contract.clone() });
        assert_eq!(refusal(&send().await.expect_err("a policy asks now")).reason, "APPROVAL_REQUIRED");
        let asked = ask_about_contract().await.expect("what the refusal names is allowed");
        assert_eq!(asked.state(), pb::contract::State::InApproval);
        house.approve(&boss, &asked.approval).await.expect("it is his to decide");
        assert_eq!(send().await.expect("it is approved").state(), pb::contract::State::Sent);
        let again = refusal(&house.ask_approval(&owner, &quote.name).await.expect_err("it went out"));
        assert_eq!(again.metadata["state"], "ACTIVE");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Raise(u8),
    Ask(bool),
    Approve,
    Reject,
    Forward,
    Withdraw,
    Activate,
    Present,
    Accept,
    Revise,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..40_u8).prop_map(Step::Raise),
        4 => any::<bool>().prop_map(Step::Ask),
        4 => Just(Step::Approve),
        1 => Just(Step::Reject),
        1 => Just(Step::Forward),
        1 => Just(Step::Withdraw),
        4 => Just(Step::Activate),
        2 => Just(Step::Present),
        1 => Just(Step::Accept),
        2 => Just(Step::Revise),
    ];
    proptest::collection::vec(step, 4..30)
}

/// Does the step, whatever comes of it; answers the quote that goes on.
async fn act(house: &House, quote: pb::Quote, step: &Step, [owner, boss]: [&str; 2]) -> String {
    let (name, approval) = (quote.name.clone(), quote.approval.clone());
    match step {
        Step::Raise(hundreds) => {
            let lines = vec![line("1", &format!("{hundreds}00"))];
            let change = pb::Quote { name: name.clone(), lines, ..Default::default() };
            drop(ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: Some(change) }));
        }
        Step::Ask(present) => {
            let then = if *present { pb::AfterApproval::Present } else { pb::AfterApproval::Unspecified }.into();
            drop(ask_as!(
                owner,
                house.quotes(),
                request_quote_approval,
                RequestQuoteApprovalRequest { name: name.clone(), then: then }
            ));
        }
        Step::Approve => drop(house.approve(boss, &approval).await),
        Step::Reject => {
            drop(ask_as!(boss, house.approvals(), reject, RejectRequest { name: approval, comment: "no".to_owned() }));
        }
        Step::Forward => {
            drop(ask_as!(
                boss,
                house.approvals(),
                forward_approval,
                ForwardApprovalRequest { name: approval, approver: boss.to_owned() }
            ));
        }
        Step::Withdraw => {
            drop(ask_as!(owner, house.approvals(), withdraw_approval, WithdrawApprovalRequest { name: approval }));
        }
        Step::Activate => drop(ask!(house.quotes(), activate_quote, ActivateQuoteRequest { name: name.clone() })),
        Step::Present => drop(ask!(house.quotes(), present_quote, PresentQuoteRequest { name: name.clone() })),
        Step::Accept => drop(ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: name.clone() })),
        Step::Revise => {
            if let Ok(copy) = ask!(house.quotes(), revise_quote, ReviseQuoteRequest { name: name.clone() }) {
                return copy.name;
            }
        }
    }
    name
}

/// Whatever the verbs: what is out and reaches the limit has an approval of exactly this content.
async fn never_out_unapproved(house: &House, steps: Vec<Step>, boss: &str) -> Result<(), TestCaseError> {
    let owner = employee();
    let drafted = house.draft(pb::Quote { owner: owner.clone(), ..quote(&opportunity()) }).await;
    let mut name = drafted.expect("it can be drafted").name;
    for step in steps {
        let quote = house.quote(&name).await;
        name = act(house, quote, &step, [&owner, boss]).await;
        let quote = house.quote(&name).await;
        let out = matches!(quote.state(), QuoteState::Active | QuoteState::Presented | QuoteState::Accepted);
        let total = quote.totals.as_ref().and_then(|totals| totals.total_without_vat.clone()).map(|total| total.units);
        if out && total.is_some_and(|total| total >= 1000) {
            prop_assert!(!quote.approval.is_empty(), "{:?} went out unapproved by {:?}", quote, step);
            let approval = house.approval(&quote.approval).await;
            prop_assert_eq!(approval.state(), State::Approved);
            prop_assert_eq!(approval.amount.map(|amount| amount.units), total);
            prop_assert_eq!(&approval.steps[0].decided_by, boss);
        }
    }
    Ok(())
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static HOUSE: LazyLock<(House, String)> = LazyLock::new(|| {
    RUNTIME.block_on(async {
        let house = House::open(TestDb::new(Kind::Sqlite).await).await;
        let boss = employee();
        house.policy(pb::ApprovalPolicy { min_amount: Some(eur("1000")), ..policy(vec![by(&boss)]) }).await;
        (house, boss)
    })
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// R-QUO-2
    #[test]
    fn random_verbs_never_get_an_unapproved_quote_out(steps in steps()) {
        RUNTIME.block_on(never_out_unapproved(&HOUSE.0, steps, &HOUSE.1))?;
    }
}
