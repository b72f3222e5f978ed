//! At products, quotes, contracts, orders and invoices.

use super::*;

/// At products and documents.
pub(super) fn orders(deal: &str, (ordered, order): (&str, &str), line_id: &str, sent: &str) -> Vec<Bad> {
    let mut bad = Vec::new();
    let product = |list_price, vat| {
        Some(Product { code: new_id(), display_name: "X".to_owned(), list_price, vat: Some(vat), ..Product::default() })
    };
    let standard = |rate| Vat { category: VatCategory::Standard.into(), rate: decimal(rate) };
    bad!(
        bad,
        "a negative price",
        "ProductService/CreateProduct",
        CreateProductRequest { product: product(usd(-1), standard("20")) },
        ["product.list_price"]
    );
    bad!(
        bad,
        "a rate of no number",
        "ProductService/CreateProduct",
        CreateProductRequest { product: product(usd(1), standard("1e9999")) },
        ["product.vat.rate.value"]
    );
    bad!(
        bad,
        "no category",
        "ProductService/CreateProduct",
        CreateProductRequest { product: product(usd(1), Vat { category: 0, rate: decimal("20") }) },
        ["product.vat.category"]
    );
    let quote = |lines, currency: &str| {
        let vat = Some(Vat { category: VatCategory::Standard.into(), rate: decimal("20") });
        let lines: Vec<Line> = lines;
        let lines = lines.into_iter().map(|line| Line { vat: vat.clone(), ..line }).collect();
        Some(Quote { opportunity: deal.to_owned(), currency_code: currency.to_owned(), lines, ..Quote::default() })
    };
    bad!(
        bad,
        "no lines",
        "QuoteService/CreateQuote",
        CreateQuoteRequest { quote: quote(vec![], "USD") },
        ["quote.lines"]
    );
    bad!(
        bad,
        "no such currency",
        "QuoteService/CreateQuote",
        CreateQuoteRequest { quote: quote(vec![line(decimal("1"), money("XQZ", 1, 0))], "XQZ") },
        ["quote.currency_code"]
    );
    bad!(
        bad,
        "a negative price",
        "QuoteService/CreateQuote",
        CreateQuoteRequest { quote: quote(vec![line(decimal("1"), usd(-1))], "USD") },
        ["quote.lines[0].unit_price"]
    );
    bad!(
        bad,
        "no quantity",
        "QuoteService/CreateQuote",
        CreateQuoteRequest { quote: quote(vec![line(None, usd(1))], "USD") },
        ["quote.lines[0].quantity"]
    );
    bad!(
        bad,
        "signed before it can be",
        "ContractService/SignContract",
        SignContractRequest { name: sent.to_owned(), signatories: vec!["A".to_owned()], signed_date: day(2999, 1, 1) },
        ["signed_date"]
    );
    bad!(
        bad,
        "a nameless signatory",
        "ContractService/SignContract",
        SignContractRequest { name: sent.to_owned(), signatories: vec![String::new()] },
        ["signatories[0]"]
    );
    bad!(
        bad,
        "a contract of no deal",
        "ContractService/CreateContract",
        CreateContractRequest { contract: Some(Contract::default()) },
        ["contract.opportunity"]
    );
    let part = |quantity| vec![LineQuantity { line_id: line_id.to_owned(), quantity: decimal(quantity) }];
    bad!(
        bad,
        "less than nothing",
        "DealService/FulfillDeal",
        FulfillDealRequest { opportunity: ordered.to_owned(), lines: part("-1") },
        ["lines[0].quantity"]
    );
    bad!(
        bad,
        "a line of no order",
        "DealService/FulfillDeal",
        FulfillDealRequest {
            opportunity: ordered.to_owned(),
            lines: vec![LineQuantity { line_id: "no-line".to_owned(), quantity: decimal("1") }],
        },
        ["lines[0].line_id"]
    );
    bad!(
        bad,
        "a negative price",
        "DealService/ChangeOrder",
        ChangeOrderRequest {
            order: order.to_owned(),
            lines: vec![line(decimal("1"), usd(-1))],
            reason: "as he wrote".to_owned()
        },
        ["lines[0].unit_price", "lines[0].vat"]
    );
    bad!(
        bad,
        "all of it off twice",
        "DealService/ChangeOrder",
        ChangeOrderRequest {
            order: order.to_owned(),
            discount_percent: decimal("200"),
            reason: "as he wrote".to_owned()
        },
        ["discount_percent"]
    );
    bad!(
        bad,
        "a day of no calendar",
        "DealService/FulfillDeal",
        FulfillDealRequest {
            opportunity: ordered.to_owned(),
            issue_date: Some(Date { year: 2026, month: 13, day: 1 })
        },
        ["issue_date"]
    );
    bad
}
