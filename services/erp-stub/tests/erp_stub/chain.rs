//! What follows an order: changes, cancellations, credit notes; and what the ERP does not know.

use dealflow_proto::erp::v1::{BusinessStatus, Document, DocumentType, MasterData, Party, Personality, Simulation};
use dealflow_proto::google::type_::Date;
use dealflow_testbed::{TestDb, both, refusal};
use tonic::Code;

use crate::house::{SO1, Stub, cancellation, credit, document, usd, written};

const INV1: &str = "dealflow:invoice:I-1";
const CN1: &str = "dealflow:creditnote:C-1";

both! {
    /// R-ERP-1, erp-handoff §6: a credit note needs its invoice, takes back no more, and what it takes back can be billed.
    async fn a_credit_note_follows_its_invoice_and_takes_back_no_more(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        stub.booked(&document(DocumentType::Order, SO1, "")).await;
        let note = credit(CN1, SO1, INV1, &[("1", "2", 1000)]);
        let early = stub.submit(&note).await.expect_err("no invoice yet");
        assert_eq!((early.code(), refusal(&early).reason.as_str()), (Code::FailedPrecondition, "DEPENDENCY_MISSING"));
        stub.booked(&document(DocumentType::Invoice, INV1, SO1)).await;
        assert_eq!(stub.booked(&note).await.erp_number, "ERP-CN-000001");
        let too_much = credit("dealflow:creditnote:C-2", SO1, INV1, &[("1", "2", 1000)]);
        assert_eq!(stub.refused(&too_much).await, ["OVER_CREDITED"]);
        let invoice = stub.look_up(INV1).await.expect("booked");
        assert_eq!((invoice.credited.clone(), invoice.status()), (usd(2400), BusinessStatus::Posted));

        let again = written(DocumentType::Invoice, "dealflow:invoice:I-2", SO1, &[("1", "2", 1000)]);
        stub.booked(&again).await;
        let more = written(DocumentType::Invoice, "dealflow:invoice:I-3", SO1, &[("1", "1", 1000)]);
        assert_eq!(stub.refused(&more).await, ["OVER_INVOICED"]);
        stub.booked(&credit("dealflow:creditnote:C-3", SO1, INV1, &[("1", "1", 1000), ("2", "1", 5)])).await;
        assert_eq!(stub.look_up(INV1).await.expect("booked").status(), BusinessStatus::Credited);
    }

    /// R-ORD-1, erp-handoff §5: a change is a document of its own; what is billed stays ordered.
    async fn an_order_is_changed_by_a_document_of_its_own_and_never_below_what_is_billed(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let change = |id: &str, lines: &[(&str, &str, i64)]| written(DocumentType::OrderChange, id, SO1, lines);
        let early = stub.submit(&change("dealflow:order:SO-1:c1", &[("1", "5", 1000)])).await.expect_err("no order");
        assert_eq!(refusal(&early).reason, "DEPENDENCY_MISSING");
        stub.booked(&document(DocumentType::Order, SO1, "")).await;
        assert_eq!(stub.booked(&change("dealflow:order:SO-1:c1", &[("1", "5", 1000)])).await.erp_number, "ERP-CH-000001");
        stub.booked(&written(DocumentType::Invoice, INV1, SO1, &[("1", "4", 1000)])).await;
        assert_eq!(stub.refused(&change("dealflow:order:SO-1:c2", &[("1", "3", 1000)])).await, ["FIN"]);
        stub.booked(&change("dealflow:order:SO-1:c3", &[("1", "4", 1000)])).await;
        let more = written(DocumentType::Invoice, "dealflow:invoice:I-2", SO1, &[("1", "1", 1000)]);
        assert_eq!(stub.refused(&more).await, ["OVER_INVOICED"]);
        assert_eq!(stub.look_up(SO1).await.expect("it stands").erp_number, "ERP-SO-000001");
    }

    /// R-ORD-1, R-ERP-1: an order comes to what its last change says, by amounts, by what is to be delivered, and by what the
    /// customer owes.
    async fn an_order_follows_its_change(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let known = MasterData { credit_limit: usd(20000), ..MasterData::default() };
        stub.be(Personality::Native, Simulation::default(), known).await;
        let ordered = document(DocumentType::Order, SO1, "");
        stub.booked(&ordered).await;
        let change = |id: &str, lines: &[(&str, &str, i64)]| written(DocumentType::OrderChange, id, SO1, lines);
        let more = change("dealflow:order:SO-1:c1", &[("1", "5", 1000), ("3", "2", 500)]);
        stub.booked(&more).await;
        let book = stub.look_up(SO1).await.expect("it stands");
        let totals = more.totals.clone().expect("it has totals");
        assert_eq!(
            (&book.total_without_vat, &book.total_vat, &book.total_with_vat, &book.vat),
            (&totals.total_without_vat, &totals.total_vat, &totals.total_with_vat, &totals.vat)
        );
        let as_ordered = stub.look_up("dealflow:order:SO-1:c1").await.expect("a document of its own");
        assert_ne!(book.document_sha256, as_ordered.document_sha256, "the order is the document that it was");
        assert_eq!((book.status(), book.sequence), (BusinessStatus::Confirmed, 2));
        let dear = change("dealflow:order:SO-1:c2", &[("1", "20", 1000)]);
        assert_eq!(stub.refused(&dear).await, ["CREDIT_LIMIT"], "240.00 are more than 200.00");
        stub.booked(&change("dealflow:order:SO-1:c2", &[("1", "16", 1000)])).await;
        assert_eq!(stub.look_up(SO1).await.expect("it stands").total_with_vat, usd(19200));
    }

    /// R-ORD-1, erp-handoff §5: an order is taken back as long as nothing is billed or delivered.
    async fn an_order_is_canceled_unless_it_is_billed_or_delivered(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        stub.booked(&document(DocumentType::Order, SO1, "")).await;
        stub.booked(&document(DocumentType::Invoice, INV1, SO1)).await;
        assert_eq!(stub.refused(&cancellation("dealflow:order:SO-1:cancel", SO1)).await, ["FIN"]);
        stub.booked(&credit(CN1, SO1, INV1, &[("1", "3", 1000), ("2", "1", 5)])).await;
        stub.booked(&cancellation("dealflow:order:SO-1:cancel", SO1)).await;
        assert_eq!(stub.look_up(SO1).await.expect("it stands").status(), BusinessStatus::Cancelled);
        let late = written(DocumentType::Invoice, "dealflow:invoice:I-2", SO1, &[("1", "1", 1000)]);
        assert_eq!(stub.refused(&late).await, ["UNR"]);
        let again = stub.booked(&cancellation("dealflow:order:SO-1:cancel", SO1)).await;
        assert!(again.replayed);
    }

    /// erp-handoff §6: customer, item, unit, tax code, currency, period and credit limit, each refused with its code.
    async fn what_the_master_data_does_not_know_is_refused_with_its_code(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let paper = |id: &str, change: &dyn Fn(&mut Document)| {
            let mut paper = document(DocumentType::Order, id, "");
            paper.buyer = Some(Party { account: "accounts/a".to_owned(), ..Party::default() });
            change(&mut paper);
            paper
        };
        let known = MasterData {
            customers: vec!["accounts/a".to_owned()],
            items: vec!["products/p".to_owned()],
            tax_codes: vec!["S:20".to_owned()],
            currencies: vec!["USD".to_owned()],
            closed_until: Some(Date { year: 2016, month: 12, day: 31 }),
            credit_limit: usd(5000),
            ..MasterData::default()
        };
        stub.be(Personality::Native, Simulation::default(), known.clone()).await;
        let (nobody, item) = ("accounts/b".to_owned(), "products/q".to_owned());
        let cases: [(&str, Document); 5] = [
            ("REC", paper("o:1", &|it| it.buyer = Some(Party { account: nobody.clone(), ..Party::default() }))),
            ("ITM", paper("o:2", &|it| it.lines[0].product.clone_from(&item))),
            ("QUA", paper("o:3", &|it| it.lines[0].unit_code = "ZZX".to_owned())),
            ("PERIOD_CLOSED", paper("o:4", &|it| it.issue_date = Some(Date { year: 2016, month: 12, day: 31 }))),
            ("REF", paper("o:5", &|it| it.number.clear())),
        ];
        for (code, paper) in cases {
            assert_eq!(stub.refused(&paper).await, [code]);
        }
        stub.booked(&paper("o:6", &|_| {})).await;
        assert_eq!(stub.refused(&paper("o:7", &|_| {})).await, ["CREDIT_LIMIT"], "36.06 and 36.06 are more than 50.00");
        stub.booked(&cancellation("o:6:cancel", "o:6")).await;
        stub.booked(&paper("o:7", &|_| {})).await;
        let other = MasterData { tax_codes: vec!["S:19".to_owned()], currencies: vec!["EUR".to_owned()], ..known };
        stub.be(Personality::Native, Simulation::default(), other).await;
        assert_eq!(stub.refused(&paper("o:8", &|_| {})).await, ["BV", "BV", "FIN"], "each line, and the currency");
    }
}
