//! Terms of payment: days, words, and the instalments that an order is billed in (R-QUO-1, R-INV-1).

use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::payment_terms_service_client::PaymentTermsServiceClient;
use dealflow_testbed::{TestDb, both, refusal};
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::house::{House, ask, date, decimal, line, opportunity, order, quote};

fn instalment(percent: &str, days: i32) -> pb::Instalment {
    pb::Instalment { percent: Some(decimal(percent)), days, ..Default::default() }
}

fn terms(code: &str) -> pb::PaymentTerms {
    pb::PaymentTerms {
        code: code.to_owned(),
        net_days: 45,
        text: "2 % within 10 days, net 45 days".to_owned(),
        ..Default::default()
    }
}

fn in_thirds() -> pb::PaymentTerms {
    let instalments = vec![instalment("30", 7), instalment("33.333333", 30), instalment("36.666667", 60)];
    pb::PaymentTerms { instalments, ..terms("THIRDS") }
}

async fn create(house: &House, terms: pb::PaymentTerms) -> Result<pb::PaymentTerms, Status> {
    let mut all = PaymentTermsServiceClient::new(house.link.clone());
    ask!(all, create_payment_terms, CreatePaymentTermsRequest { payment_terms: Some(terms) })
}

async fn bill(house: &House, order: &str, instalment: i32) -> Result<pb::Invoice, Status> {
    ask!(house.invoices(), create_invoice, CreateInvoiceRequest { order: order.to_owned(), instalment: instalment })
}

fn cents(invoice: &pb::Invoice) -> i64 {
    let amount = invoice.totals.clone().and_then(|totals| totals.payable).expect("it is added up");
    amount.units * 100 + i64::from(amount.nanos / 10_000_000)
}

both! {
    /// R-QUO-1: a document takes over what its terms say, unless it says its own; later changes of the terms change none.
    async fn a_quote_takes_over_what_its_terms_say(db: TestDb) {
        let house = House::open(db).await;
        let mut all = PaymentTermsServiceClient::new(house.link.clone());
        let made = create(&house, in_thirds()).await.expect("they can be added");
        let named = pb::Quote { payment_terms: made.name.clone(), ..quote(&opportunity()) };
        let drafted = ask!(house.quotes(), create_quote, CreateQuoteRequest { quote: Some(named.clone()) }).expect("a draft");
        assert_eq!((drafted.payment_days, drafted.terms.as_str()), (45, "2 % within 10 days, net 45 days"));
        assert_eq!((&drafted.instalments, &drafted.payment_terms), (&made.instalments, &made.name));
        let own = pb::Quote { payment_days: 5, terms: "at once".to_owned(), ..named };
        let own = ask!(house.quotes(), create_quote, CreateQuoteRequest { quote: Some(own) }).expect("a draft");
        assert_eq!((own.payment_days, own.terms.as_str()), (5, "at once"));

        let net = create(&house, terms("NET45")).await.expect("others");
        let changed = pb::Quote { name: own.name.clone(), payment_terms: net.name.clone(), ..Default::default() };
        let changed = ask!(house.quotes(), update_quote, UpdateQuoteRequest { quote: Some(changed) }).expect("a draft");
        assert_eq!((changed.payment_days, changed.instalments.len()), (45, 0));
        assert_eq!(changed.totals, own.totals);

        let stopped = pb::PaymentTerms { name: net.name.clone(), net_days: 10, disabled: true, ..Default::default() };
        let mask = Some(FieldMask { paths: vec!["net_days".to_owned(), "disabled".to_owned()] });
        let stopped = ask!(all, update_payment_terms, UpdatePaymentTermsRequest { payment_terms: Some(stopped), update_mask: mask });
        assert_eq!(stopped.expect("they can be changed").text, net.text);
        let read = house.quotes().get_quote(pb::GetQuoteRequest { name: changed.name }).await.expect("it is there").into_inner();
        assert_eq!(read.payment_days, 45, "documents keep what they took over");
        let late = pb::Quote { payment_terms: net.name, ..quote(&opportunity()) };
        let late = ask!(house.quotes(), create_quote, CreateQuoteRequest { quote: Some(late) });
        assert_eq!(refusal(&late.expect_err("they are disabled")).field_names(), ["quote.payment_terms"]);
    }

    /// R-INV-1: by the plan, each instalment in its turn and due in its own days, and all of them the order's amount.
    async fn an_order_is_billed_by_its_instalments(db: TestDb) {
        let house = House::open(db).await;
        let made = create(&house, in_thirds()).await.expect("they can be added");
        let lines = vec![line("1", "1000.01"), line("7", "33.33"), line("-1", "100")];
        let order = house.delivered(pb::Order { lines, payment_terms: made.name, ..order(&opportunity()) }).await;
        assert_eq!(order.instalments.len(), 3);
        let early = bill(&house, &order.name, 2).await.expect_err("the first comes first");
        assert_eq!(refusal(&early).metadata["instalment"], "1");
        let mut sum = 0;
        for (number, due) in [(1, date(2017, 3, 22)), (2, date(2017, 4, 14)), (3, date(2017, 5, 14))] {
            let draft = bill(&house, &order.name, number).await.expect("its turn");
            assert_eq!(draft.lines.len(), 3, "each instalment bills its part of every line");
            let again = bill(&house, &order.name, number).await.expect_err("it is billed");
            assert_eq!(refusal(&again).reason, "GUARD");
            let posted = house.post(&draft.name).await.expect("it can be posted");
            assert_eq!((posted.instalment, posted.due_date), (number, Some(due)));
            assert_eq!(posted.terms, "2 % within 10 days, net 45 days");
            sum += cents(&posted);
        }
        assert_eq!(sum, cents(&pb::Invoice { totals: order.totals.clone(), ..Default::default() }));
        // A credit note gives back, and the instalment is due again.
        let filter = format!("order = \"{}\"", order.name);
        let invoices = house.invoices().list_invoices(pb::ListInvoicesRequest { filter, ..Default::default() }).await;
        let last = invoices.expect("a list").into_inner().invoices.into_iter().find(|it| it.instalment == 3).expect("the last");
        let note = house.credit(&last.name, &[]).await.expect("all of it");
        house.post_credit(&note.name).await.expect("it can be posted");
        assert_eq!(cents(&bill(&house, &order.name, 3).await.expect("again")), cents(&last));
    }

    /// R-INV-1: an instalment bills no more than what is delivered, and only orders with a plan have any.
    async fn an_instalment_is_refused_where_it_bills_too_much_or_is_none(db: TestDb) {
        let house = House::open(db).await;
        let made = create(&house, in_thirds()).await.expect("they can be added");
        let planned = pb::Order { payment_terms: made.name, lines: vec![line("10", "10")], ..order(&opportunity()) };
        let order = house.submitted(planned).await.name;
        house.fulfill(&order, &[("1", "4")]).await.expect("four of ten");
        bill(&house, &order, 1).await.expect("three of ten");
        let over = refusal(&bill(&house, &order, 2).await.expect_err("beyond what is delivered"));
        assert_eq!((over.metadata["left"].as_str(), over.metadata["asked"].as_str()), ("1", "3.333333"));
        for (number, expected) in [(4, "1 to 3"), (99, "1 to 3")] {
            let refused = refusal(&bill(&house, &order, number).await.expect_err("there is no such"));
            assert_eq!(refused.field_names(), ["instalment"]);
            assert!(refused.fields[0].1.contains(expected), "{:?}", refused.fields);
        }
        let plain = house.delivered(crate::house::order(&opportunity())).await.name;
        assert_eq!(refusal(&bill(&house, &plain, 1).await.expect_err("it has no plan")).field_names(), ["instalment"]);
        let both = ask!(
            house.invoices(), create_invoice,
            CreateInvoiceRequest { order: order, instalment: 2, lines: crate::house::quantities(&[("1", "1")]) }
        );
        assert_eq!(refusal(&both.expect_err("one or the other")).field_names(), ["lines"]);
    }

    /// R-INV-1
    async fn terms_that_could_bill_no_order_are_refused(db: TestDb) {
        let house = House::open(db).await;
        create(&house, terms("NET45")).await.expect("they can be added");
        let taken = refusal(&create(&house, terms("NET45")).await.expect_err("the code is taken"));
        assert_eq!((taken.code, taken.metadata["field"].as_str()), (Code::AlreadyExists, "payment_terms.code"));
        for (field, instalments) in [
            ("payment_terms.instalments", vec![instalment("50", 0), instalment("49.999999", 0)]),
            ("payment_terms.instalments[1].percent", vec![instalment("100", 0), instalment("0", 0)]),
            ("payment_terms.instalments[0].percent", vec![instalment("33.3333333", 0)]),
        ] {
            let wrong = pb::PaymentTerms { instalments, ..terms("WRONG") };
            assert_eq!(refusal(&create(&house, wrong).await.expect_err(field)).field_names(), [field]);
        }
        let blank = pb::PaymentTerms { code: " ".to_owned(), ..terms("") };
        assert_eq!(refusal(&create(&house, blank).await.expect_err("blank")).field_names(), ["payment_terms.code"]);
    }
}
