//! Invoices and credit notes of every kind as UBL, made through the public API from order to posting, handed over to
//! the ERP, and checked to the cent by a reader of their own (R-INV-3, R-QUO-1, R-ERP-1).
//!
//! With `UBL_OUT` set to a folder the files are left there, for `tests/ubl/official.sh`.

use dealflow::api::{Api, new_id};
use dealflow_proto::erp::v1::GetDocumentStatusRequest;
use dealflow_proto::gateway::v1::ExportDocumentRequest;
use dealflow_proto::gateway::v1::export_document_request::Format;
use dealflow_proto::google::type_::{Decimal, Money};
use dealflow_proto::leads::v1::{Account, CreateAccountRequest};
use dealflow_proto::orders::v1::{
    ConfirmOrderRequest, CreateCreditNoteRequest, CreateInvoiceRequest, CreateLegalEntityRequest, CreateOrderRequest,
    CreditNote, FulfillOrderRequest, Invoice, LegalEntity, LineQuantity, Order, PostCreditNoteRequest,
    PostInvoiceRequest, SubmitOrderRequest,
};
use dealflow_proto::types::v1::{Address, Adjustment, Line, Vat, VatCategory};
use dealflow_proto::{convert, names};
use dealflow_testbed::{TestDb, both, eventually};
use dealflow_tests::Sandbox;
use dealflow_tests::values::{day, decimal};
use uuid::Uuid;

use crate::directly::SOON;
use crate::documents::rules;

/// Why category E is exempt.
const EXEMPT: &str = "Exempt by Article 132 of Directive 2006/112/EC";

/// Markup, quotation marks, Cyrillic, Greek and a lorry.
const ODD: &str = "Söhne & Töchter <\"O'Neill\"> ООО «Ромашка» Ελληνική Εταιρεία 🚚";

/// One document of the set.
struct Case {
    name: &'static str,
    currency: &'static str,
    country: &'static str,
    lines: Vec<Line>,
    allowances: Vec<Adjustment>,
    charges: Vec<Adjustment>,
    discount: &'static str,
    prepaid: &'static str,
    rounding: &'static str,
    /// Quantities of each credit note, by line; empty for the rest.
    credits: Vec<Vec<(&'static str, &'static str)>>,
    /// What the file must say.
    says: Vec<&'static str>,
}

impl Case {
    fn new(name: &'static str, lines: Vec<Line>) -> Self {
        Self {
            name,
            currency: "EUR",
            country: "AT",
            lines,
            allowances: Vec::new(),
            charges: Vec::new(),
            discount: "",
            prepaid: "",
            rounding: "",
            credits: Vec::new(),
            says: Vec::new(),
        }
    }
}

fn amount(text: &str, currency: &str) -> Option<Money> {
    (!text.is_empty()).then(|| convert::money(text.parse().expect("a number"), currency).expect("an amount"))
}

fn vat(category: VatCategory, rate: &str) -> Option<Vat> {
    Some(Vat { category: category.into(), rate: decimal(rate) })
}

fn line(quantity: &str, price: &str, currency: &str, category: VatCategory, rate: &str) -> Line {
    Line {
        description: "Pump".to_owned(),
        quantity: decimal(quantity),
        unit_price: amount(price, currency),
        vat: vat(category, rate),
        ..Line::default()
    }
}

fn standard(quantity: &str, price: &str) -> Line {
    line(quantity, price, "EUR", VatCategory::Standard, "20")
}

fn fixed(amount_of: &str, currency: &str, reason: &str, code: &str) -> Adjustment {
    let amount = amount(amount_of, currency);
    Adjustment { amount, reason: reason.to_owned(), reason_code: code.to_owned(), ..Adjustment::default() }
}

fn percent(percent: &str, reason: &str) -> Adjustment {
    Adjustment { percent: decimal(percent), reason: reason.to_owned(), ..Adjustment::default() }
}

/// The whole set that the hand-over promises to be right.
fn cases() -> Vec<Case> {
    use VatCategory::{Exempt, Export, IntraCommunity, OutsideScope, ReverseCharge, Standard, Zero};
    let mixed = || {
        let seven = line("3", "9.99", "EUR", Standard, "7");
        let thirteen = line("0.333333", "1234.5678", "EUR", Standard, "13");
        vec![standard("7", "33.3333"), seven, thirteen, line("1", "12", "EUR", Zero, "0")]
    };
    let of = |category, rate: &str| vec![line("2", "99.95", "EUR", category, rate)];
    let adjusted = || {
        let mut lines = mixed();
        lines[0].allowances = vec![fixed("5", "EUR", "Loyalty", "100"), percent("3", "Volume")];
        lines[0].discount_percent = decimal("2.5");
        lines[1].charges = vec![fixed("4.99", "EUR", "Freight", "FC"), percent("1.5", "Insurance")];
        lines
    };
    vec![
        Case { says: vec!["<cbc:Percent>7<", "<cbc:Percent>13<"], ..Case::new("mixed", mixed()) },
        Case {
            country: "DE",
            says: vec![">AE<", "VATEX-EU-AE"],
            ..Case::new("reverse-charge", of(ReverseCharge, "0"))
        },
        Case {
            country: "DE",
            says: vec![">K<", "ActualDeliveryDate"],
            ..Case::new("intra-community", of(IntraCommunity, "0"))
        },
        Case { country: "CH", says: vec![">G<", "VATEX-EU-G"], ..Case::new("export", of(Export, "0")) },
        Case { says: vec![">Z<"], ..Case::new("zero", of(Zero, "0")) },
        Case { says: vec![">E<", "Article 132"], ..Case::new("exempt", of(Exempt, "0")) },
        Case { country: "CH", says: vec![">O<", "VATEX-EU-O"], ..Case::new("outside-scope", of(OutsideScope, "0")) },
        Case {
            discount: "2.5",
            allowances: vec![fixed("20", "EUR", "Loyalty", "100"), percent("1.25", "Season")],
            charges: vec![
                percent("2", "Packing"),
                Adjustment { vat: vat(Standard, "20"), ..fixed("39.95", "EUR", "Freight", "FC") },
            ],
            says: vec!["MultiplierFactorNumeric", "ChargeTotalAmount", "AllowanceTotalAmount", ">FC<"],
            credits: vec![vec![("1", "2"), ("3", "0.1")], vec![]],
            ..Case::new("allowances-and-charges", adjusted())
        },
        Case {
            prepaid: "100",
            rounding: "-0.02",
            says: vec!["PrepaidAmount", "PayableRoundingAmount"],
            credits: vec![vec![]],
            ..Case::new("prepaid-and-rounded", vec![standard("3", "333.34")])
        },
        Case {
            credits: vec![vec![("1", "1")], vec![("1", "2"), ("2", "1")], vec![]],
            says: vec![">7<"],
            ..Case::new("credited-in-parts", vec![standard("7", "33.3333"), standard("2", "0.335")])
        },
        Case {
            currency: "JPY",
            says: vec![">JPY<", "currencyID=\"JPY\">"],
            charges: vec![percent("1.5", "Packing")],
            credits: vec![vec![]],
            ..Case::new("yen", vec![line("3", "333", "JPY", Standard, "10"), line("1", "1001", "JPY", Standard, "8")])
        },
        Case {
            currency: "HUF",
            rounding: "2",
            says: vec![">HUF<", "PayableRoundingAmount"],
            ..Case::new("forint", vec![line("1", "12345.67", "HUF", Standard, "27")])
        },
        Case {
            says: vec![">1234567890123456.78<", ">1481481468148148.14<"],
            credits: vec![vec![]],
            ..Case::new("eighteen-digits", vec![standard("1", "1234567890123456.78")])
        },
        Case {
            says: vec!["&amp;", "&lt;", "Ромашка", "Ελληνική", "🚚"],
            ..Case::new("odd-names", vec![Line { description: ODD.to_owned(), ..standard("1", "10") }])
        },
        Case {
            allowances: vec![Adjustment { reason: "long ".repeat(180), ..percent("1", "long") }],
            ..Case::new("long-texts", vec![Line { description: "Ω".repeat(1000), ..standard("1", "10") }])
        },
        Case {
            says: vec![">-1<"],
            ..Case::new(
                "taken-back",
                vec![
                    standard("3", "100"),
                    Line { allowances: vec![fixed("-5", "EUR", "Loyalty", "100")], ..standard("-1", "50") },
                ],
            )
        },
    ]
}

/// A call of the sandbox's API with an id of its own.
macro_rules! call {
    ($sandbox:expr, $client:ident.$method:ident, $message:ident { $($field:ident : $value:expr),* $(,)? }) => {{
        let ask = $message { $($field: $value,)* request_id: new_id(), ..Default::default() };
        let answer = $sandbox.api.$client.clone().$method($sandbox.api.ask(ask)).await;
        answer.unwrap_or_else(|status| panic!("{}: {status:?}", stringify!($method))).into_inner()
    }};
}

async fn say_who_sells(sandbox: &Sandbox) {
    let address = Address {
        street: "Hafenstraße 12".to_owned(),
        postal_code: "1020".to_owned(),
        city: "Wien".to_owned(),
        country_code: "AT".to_owned(),
        ..Address::default()
    };
    let entity = LegalEntity {
        code: "default".to_owned(),
        legal_name: "Nordlicht Handels GmbH".to_owned(),
        address: Some(address),
        vat_id: "ATU12345678".to_owned(),
        registration_id: "FN 123456 a".to_owned(),
        electronic_address: "7300010000001".to_owned(),
        electronic_address_scheme: "0088".to_owned(),
        bank_account: "AT61 1904 3002 3457 3201".to_owned(),
        bic: "BKAUATWW".to_owned(),
        ..LegalEntity::default()
    };
    call!(sandbox, legal_entities.create_legal_entity, CreateLegalEntityRequest { legal_entity: Some(entity) });
}

async fn buyer(sandbox: &Sandbox, case: &Case) -> String {
    let vat_id = match case.country {
        "DE" => "DE123456789",
        "AT" => "ATU87654321",
        _ => "CHE123456789MWST",
    };
    let odd = case.name == "odd-names";
    let account = Account {
        display_name: case.name.to_owned(),
        legal_name: if odd { ODD.to_owned() } else { format!("{} AG", case.name) },
        vat_id: vat_id.to_owned(),
        registration_id: "12345678".to_owned(),
        address: Some(Address {
            street: if odd { ODD.to_owned() } else { "Ring 1".to_owned() },
            city: "Irgendwo".to_owned(),
            postal_code: "10115".to_owned(),
            country_code: case.country.to_owned(),
            ..Address::default()
        }),
        electronic_address_scheme: "0088".to_owned(),
        electronic_address: "7300010000001".to_owned(),
        ..Account::default()
    };
    call!(sandbox, accounts.create_account, CreateAccountRequest { account: Some(account) }).name
}

/// From the order to the posted invoice.
async fn invoiced(sandbox: &Sandbox, case: &Case) -> (Order, Invoice) {
    let discount = (!case.discount.is_empty()).then(|| Decimal { value: case.discount.to_owned() });
    let order = Order {
        opportunity: names::OPPORTUNITIES.name(Uuid::now_v7()),
        account: buyer(sandbox, case).await,
        currency_code: case.currency.to_owned(),
        lines: case.lines.clone(),
        allowances: case.allowances.clone(),
        charges: case.charges.clone(),
        discount_percent: discount,
        customer_reference: "PO-4711".to_owned(),
        terms: "2 % within 10 days, net 30 days".to_owned(),
        ..Order::default()
    };
    let name = call!(sandbox, orders.create_order, CreateOrderRequest { order: Some(order) }).name;
    call!(sandbox, orders.confirm_order, ConfirmOrderRequest { name: name.clone() });
    call!(sandbox, orders.submit_order, SubmitOrderRequest { name: name.clone() });
    // What the ERP has, its integration changes (R-ORD-1).
    let erp = Api::new(&sandbox.link, "erp");
    let ask = FulfillOrderRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
    let order = erp.orders.clone().fulfill_order(erp.ask(ask)).await.expect("it is delivered").into_inner();
    let (prepaid, rounding) = (amount(case.prepaid, case.currency), amount(case.rounding, case.currency));
    let draft = call!(
        sandbox,
        invoices.create_invoice,
        CreateInvoiceRequest {
            order: name,
            prepaid: prepaid,
            rounding: rounding,
            buyer_reference: "KST-4711".to_owned(),
            delivery_date: day(2026, 1, 15).filter(|_| case.name == "intra-community"),
            exemption_reason: EXEMPT.to_owned()
        }
    );
    (order, call!(sandbox, invoices.post_invoice, PostInvoiceRequest { name: draft.name }))
}

async fn credited(sandbox: &Sandbox, case: &Case, invoice: &Invoice) -> Vec<CreditNote> {
    let mut notes = Vec::new();
    for lines in &case.credits {
        let part =
            |(line, quantity): &(&str, &str)| LineQuantity { line_id: (*line).to_owned(), quantity: decimal(quantity) };
        let draft = call!(
            sandbox,
            credit_notes.create_credit_note,
            CreateCreditNoteRequest {
                invoice: invoice.name.clone(),
                lines: lines.iter().map(part).collect(),
                reason: "It came back".to_owned()
            }
        );
        notes.push(call!(sandbox, credit_notes.post_credit_note, PostCreditNoteRequest { name: draft.name }));
    }
    notes
}

/// The file, checked; what breaks a rule fails the test. An order keeps no reason why its lines are exempt, a bill does.
async fn written(sandbox: &Sandbox, case: &Case, name: &str, kind: &str) -> String {
    let of_order = |text: &str| if kind == "order" { text.to_owned() } else { String::new() };
    let ask = ExportDocumentRequest {
        name: name.to_owned(),
        format: Format::Ubl.into(),
        buyer_reference: of_order("KST-4711"),
        exemption_reason: of_order(EXEMPT),
        ..ExportDocumentRequest::default()
    };
    let api = &sandbox.api;
    let file = api.documents.clone().export_document(api.ask(ask)).await;
    let file = file.unwrap_or_else(|status| panic!("{} {kind}: {status:?}", case.name)).into_inner();
    if kind != "order" {
        // Hand-over and export are one file, to the byte.
        let number =
            file.file_name.trim_end_matches(".xml").trim_start_matches("invoice-").trim_start_matches("credit-note-");
        let of = if kind == "invoice" { "invoice" } else { "credit" };
        let external_id = format!("dealflow:{of}:{number}");
        let booked = eventually(format!("{external_id} to be in the books"), SOON, || async {
            let ask = GetDocumentStatusRequest { external_id: external_id.clone() };
            api.erp.clone().get_document_status(api.ask(ask)).await.ok()
        });
        let files = booked.await.into_inner().attachments;
        let [attached] = &files[..] else { panic!("one file: {files:?}") };
        assert_eq!((&attached.sha256, &attached.file_name), (&file.sha256, &file.file_name), "{}", case.name);
    }
    let xml = String::from_utf8(file.content).expect("XML is UTF-8");
    if let Some(folder) = std::env::var_os("UBL_OUT") {
        let file = std::path::Path::new(&folder).join(format!("set-{}-{kind}.xml", case.name));
        std::fs::write(file, &xml).expect("the file is written");
    }
    if !xml.contains("<Order ") {
        assert_eq!(rules::broken(&xml), Vec::<String>::new(), "{} {kind}: {xml}", case.name);
    }
    xml
}

both! {
    /// R-INV-3, R-QUO-1, R-ERP-1: the ERP recomputes each of them with tolerance 0 and takes it, with the very file that is
    /// exported; each file keeps every rule, and says what its kind is about.
    async fn documents_of_every_kind_are_taken_by_the_erp_and_keep_every_rule_as_files(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        say_who_sells(&sandbox).await;
        let (mut files, mut credits) = (0, 0);
        for case in cases() {
            let (order, invoice) = invoiced(&sandbox, &case).await;
            let xml = written(&sandbox, &case, &invoice.name, "invoice").await;
            for part in &case.says {
                assert!(xml.contains(part), "no {part} in {}: {xml}", case.name);
            }
            for part in ["2 % within 10 days, net 30 days", "PO-4711", order.number.as_str()] {
                assert!(xml.contains(part), "no {part} in {}: {xml}", case.name);
            }
            files += 1;
            for (index, note) in credited(&sandbox, &case, &invoice).await.iter().enumerate() {
                let xml = written(&sandbox, &case, &note.name, &format!("credit-note-{}", index + 1)).await;
                assert!(xml.contains("<CreditNote ") && xml.contains(&invoice.number), "{xml}");
                // Set off when the invoice falls due (BT-9).
                let due = invoice.due_date.as_ref().map(|due| convert::date_of(due).expect("a day")).expect("a due day");
                assert!(xml.contains(&format!("<cbc:PaymentDueDate>{due}<")), "{due}: {xml}");
                credits += 1;
            }
            // An order by Peppol takes nothing back.
            if case.name != "taken-back" {
                let xml = written(&sandbox, &case, &order.name, "order").await;
                assert!(xml.contains("<Order "), "{xml}");
            }
        }
        assert_eq!((files, credits), (16, 8));
        sandbox.finish().await;
    }
}
