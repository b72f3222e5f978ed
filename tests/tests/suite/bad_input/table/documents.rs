//! Rows of products, quotes, contracts, orders and invoices.

use dealflow::api::new_id;
use dealflow_proto::orders::v1::*;
use dealflow_proto::types::v1::{Line, Vat, VatCategory};
use dealflow_tests::Sandbox;
use dealflow_tests::deal::developed;
use dealflow_tests::values::{decimal, usd};
use prost::Message;
use prost_types::FieldMask;

use super::{Again, GUARD, Row, STATE, TAKEN, TERMINAL};

pub(super) async fn quotes(method: &str, sandbox: &Sandbox) -> Option<Row> {
    if method == "ProductService/CreateProduct" {
        let product = Product { name: String::new(), code: sandbox.unique(), ..sandbox.product().await };
        return row!(TAKEN, CreateProductRequest { product: Some(product) });
    }
    let deal = sandbox.deal_without_process().await;
    let contract = Contract { opportunity: deal.clone(), ..Contract::default() };
    let draft = Quote {
        opportunity: deal.clone(),
        currency_code: "USD".to_owned(),
        lines: developed(&deal).lines,
        ..Quote::default()
    };
    if method == "QuoteService/CreateQuote" {
        return row!(Again::Fine, CreateQuoteRequest { quote: Some(draft) });
    }
    let quote = |name| Quote { name, terms: "net".to_owned(), ..Quote::default() };
    let created = async || {
        let ask = CreateQuoteRequest { quote: Some(draft.clone()), request_id: new_id(), ..Default::default() };
        sandbox.quotes().create_quote(ask).await.ok().map(|quote| quote.into_inner().name)
    };
    let activated = async || {
        let ask = ActivateQuoteRequest { name: created().await?, request_id: new_id(), ..Default::default() };
        sandbox.quotes().activate_quote(ask).await.ok().map(|quote| quote.into_inner().name)
    };
    let mut contracts = sandbox.contracts();
    match method {
        "QuoteService/UpdateQuote" => {
            let mask = Some(FieldMask { paths: vec!["terms".to_owned()] });
            row!(Again::Fine, UpdateQuoteRequest { quote: Some(quote(created().await?)), update_mask: mask })
        }
        "QuoteService/ExpireQuotes" => row!(Again::Fine, ExpireQuotesRequest {}),
        "QuoteService/RequestQuoteApproval" => {
            row!(Again::Fine, RequestQuoteApprovalRequest { name: created().await? })
        }
        "QuoteService/ActivateQuote" => row!(STATE, ActivateQuoteRequest { name: created().await? }),
        "QuoteService/PresentQuote" => row!(STATE, PresentQuoteRequest { name: activated().await? }),
        "QuoteService/ReviseQuote" => row!(TERMINAL, ReviseQuoteRequest { name: activated().await? }),
        "QuoteService/AcceptQuote" => row!(TERMINAL, AcceptQuoteRequest { name: activated().await? }),
        "QuoteService/CloseQuote" => {
            row!(TERMINAL, CloseQuoteRequest { name: created().await?, reason: quote::CloseReason::Lost.into() })
        }
        "QuoteService/CloseOpportunityQuotes" => {
            created().await?;
            row!(
                Again::Fine,
                CloseOpportunityQuotesRequest { opportunity: deal, reason: quote::CloseReason::Lost.into() }
            )
        }
        "ContractService/CreateContract" => row!(Again::Fine, CreateContractRequest { contract: Some(contract) }),
        _ => {
            let ask = CreateContractRequest { contract: Some(contract), request_id: new_id(), ..Default::default() };
            let name = contracts.create_contract(ask).await.ok()?.into_inner().name;
            if method == "ContractService/ExpireContracts" {
                return row!(Again::Fine, ExpireContractsRequest {});
            }
            if method == "ContractService/UpdateContract" {
                let changed = Contract { name, title: "Supply".to_owned(), ..Contract::default() };
                return row!(Again::Fine, UpdateContractRequest { contract: Some(changed) });
            }
            if method == "ContractService/RequestContractApproval" {
                return row!(Again::Fine, RequestContractApprovalRequest { name: name });
            }
            if method == "ContractService/ApproveContract" {
                return row!(STATE, ApproveContractRequest { name: name });
            }
            let ask = ApproveContractRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
            contracts.approve_contract(ask).await.ok()?;
            if method == "ContractService/SendContract" {
                return row!(STATE, SendContractRequest { name: name });
            }
            let ask = SendContractRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
            contracts.send_contract(ask).await.ok()?;
            match method {
                "ContractService/SignContract" => {
                    row!(STATE, SignContractRequest { name: name, signatories: vec!["Ann Buyer".to_owned()] })
                }
                "ContractService/CancelContract" => row!(TERMINAL, CancelContractRequest { name: name }),
                "ContractService/RecordContractReceipt" => row!(
                    Again::Fine,
                    RecordContractReceiptRequest { name: name, receipt: contract::Receipt::Received.into() }
                ),
                "ContractService/RecordContractComments" => {
                    row!(Again::Fine, RecordContractCommentsRequest { name: name, comments: "hm".to_owned() })
                }
                _ => signed(method, name, sandbox).await,
            }
        }
    }
}

/// Rows of a contract that is sent, once it is signed.
async fn signed(method: &str, name: String, sandbox: &Sandbox) -> Option<Row> {
    let mut contracts = sandbox.contracts();
    let signatories = vec!["Ann Buyer".to_owned()];
    let ask = SignContractRequest { name: name.clone(), signatories, request_id: new_id(), ..Default::default() };
    contracts.sign_contract(ask).await.ok()?;
    match method {
        "ContractService/ActivateContract" => row!(STATE, ActivateContractRequest { name: name }),
        "ContractService/AmendContract" => {
            row!(Again::Fine, AmendContractRequest { name: name, new_terms: "net 60".to_owned() })
        }
        "ContractService/TerminateContract" => {
            let ask = ActivateContractRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
            contracts.activate_contract(ask).await.ok()?;
            row!(TERMINAL, TerminateContractRequest { name: name, reason: "breach".to_owned() })
        }
        _ => None,
    }
}

/// An order that can be made.
async fn written_order(sandbox: &Sandbox) -> Option<Order> {
    let opportunity = sandbox.bare_opportunity().await.name;
    let lead = sandbox.lead().await;
    let account = sandbox.qualify(&lead.name).await.lead?.account;
    Some(Order {
        opportunity,
        account,
        currency_code: "USD".to_owned(),
        lines: vec![Line {
            description: "Pump".to_owned(),
            quantity: decimal("3"),
            unit_price: usd(1000),
            vat: Some(Vat { category: VatCategory::Standard.into(), rate: decimal("20") }),
            ..Line::default()
        }],
        ..Order::default()
    })
}

/// The name of an order that the ERP has not heard of.
pub(super) async fn draft_order(sandbox: &Sandbox) -> Option<String> {
    let order = written_order(sandbox).await;
    let ask = CreateOrderRequest { order, request_id: new_id(), ..Default::default() };
    Some(sandbox.api.orders.clone().create_order(ask).await.ok()?.into_inner().name)
}

pub(super) async fn orders(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let order = written_order(sandbox).await?;
    if method == "OrderService/CreateOrder" {
        return row!(Again::Fine, CreateOrderRequest { order: Some(order) });
    }
    let mut orders = sandbox.api.orders.clone();
    let ask = CreateOrderRequest { order: Some(order), request_id: new_id(), ..Default::default() };
    let name = orders.create_order(ask).await.ok()?.into_inner().name;
    match method {
        "OrderService/UpdateOrder" => {
            let changed = Order { name, customer_reference: "PO-7".to_owned(), ..Order::default() };
            return row!(Again::Fine, UpdateOrderRequest { order: Some(changed) });
        }
        "OrderService/ConfirmOrder" => return row!(STATE, ConfirmOrderRequest { name: name }),
        "OrderService/CancelOrder" => return row!(TERMINAL, CancelOrderRequest { name: name }),
        "OrderService/HoldOrder" | "OrderService/ReleaseOrder" => {
            let ask = ConfirmOrderRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
            orders.confirm_order(ask).await.ok()?;
            let hold = HoldOrderRequest { name: name.clone(), reason: "wait".to_owned(), ..Default::default() };
            if method == "OrderService/HoldOrder" {
                return row!(STATE, HoldOrderRequest { name: name, reason: "wait".to_owned() });
            }
            orders.hold_order(HoldOrderRequest { request_id: new_id(), ..hold }).await.ok()?;
            return row!(STATE, ReleaseOrderRequest { name: name });
        }
        _ => {}
    }
    orders
        .confirm_order(ConfirmOrderRequest { name: name.clone(), request_id: new_id(), ..Default::default() })
        .await
        .ok()?;
    if method == "OrderService/SubmitOrder" {
        return row!(STATE, SubmitOrderRequest { name: name });
    }
    orders
        .submit_order(SubmitOrderRequest { name: name.clone(), request_id: new_id(), ..Default::default() })
        .await
        .ok()?;
    match method {
        "OrderService/RejectOrder" => return row!(STATE, RejectOrderRequest { name: name, reason: "no".to_owned() }),
        "OrderService/FulfillOrder" => return row!(STATE, FulfillOrderRequest { name: name }),
        _ => {}
    }
    orders
        .fulfill_order(FulfillOrderRequest { name: name.clone(), request_id: new_id(), ..Default::default() })
        .await
        .ok()?;
    if method == "InvoiceService/ImportInvoice" {
        // Here we invoice.
        return row!(Again::RefusedAtOnce("GUARD"), ImportInvoiceRequest { order: name, number: "R-1".to_owned() });
    }
    if method == "InvoiceService/CreateInvoice" {
        return row!(GUARD, CreateInvoiceRequest { order: name });
    }
    let ask = CreateInvoiceRequest { order: name, request_id: new_id(), ..Default::default() };
    let order = ask.order.clone();
    let name = sandbox.api.invoices.clone().create_invoice(ask).await.ok()?.into_inner().name;
    if method == "OrderService/CloseOrder" {
        let ask = PostInvoiceRequest { name, request_id: new_id(), ..Default::default() };
        sandbox.api.invoices.clone().post_invoice(ask).await.ok()?;
        return row!(STATE, CloseOrderRequest { name: order });
    }
    match method {
        "InvoiceService/PostInvoice" => row!(STATE, PostInvoiceRequest { name: name }),
        "InvoiceService/VoidInvoice" => row!(TERMINAL, VoidInvoiceRequest { name: name }),
        _ => None,
    }
}
