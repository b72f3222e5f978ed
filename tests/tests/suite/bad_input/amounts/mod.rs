//! Values that cannot be meant: amounts, quantities, days, codes, texts, at the fields of the spine that take them.

use dealflow::api::new_id;
use dealflow_proto::activities::v1::{Activity, CompleteActivityRequest, CreateActivityRequest};
use dealflow_proto::gateway::v1::{
    ChangeOrderRequest, DevelopDealRequest, FulfillDealRequest, LoseDealRequest, ProposeQuoteRequest,
    QualifyLeadRequest, WinDealRequest,
};
use dealflow_proto::google::type_::{Date, Decimal, Money};
use dealflow_proto::leads::v1::{Account, CreateAccountRequest, CreateLeadRequest, Lead, UpdateLeadRequest};
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::opportunities::v1::{CreateOpportunityRequest, Opportunity};
use dealflow_proto::orders::v1::{
    Contract, CreateContractRequest, CreateProductRequest, CreateQuoteRequest, LineQuantity, Product, Quote,
    SignContractRequest,
};
use dealflow_proto::types::v1::{Address, Bant, Line, Vat, VatCategory};
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::raw::{call, mutating, short_name};
use dealflow_tests::values::{day, decimal, usd};
use prost::Message;
use prost_types::FieldMask;
use tonic::Code;

/// One bad value: what, at which RPC, and the fields that the refusal names.
struct Bad {
    what: &'static str,
    method: &'static str,
    ask: Vec<u8>,
    fields: &'static [&'static str],
}

/// A request id goes into each by itself.
macro_rules! bad {
    ($bad:ident, $what:literal, $method:literal, $request:ident { $($field:ident: $value:expr),* $(,)? }, $fields:expr) => {
        $bad.push(Bad {
            what: $what,
            method: $method,
            ask: $request { $($field: $value,)* request_id: new_id(), ..Default::default() }.encode_to_vec(),
            fields: &$fields,
        })
    };
}

mod deals;
mod documents;
mod leads;

fn money(currency: &str, units: i64, nanos: i32) -> Option<Money> {
    Some(Money { currency_code: currency.to_owned(), units, nanos })
}

fn line(quantity: Option<Decimal>, unit_price: Option<Money>) -> Line {
    Line { description: "Pump".to_owned(), quantity, unit_price, ..Line::default() }
}

both! {
    /// R-API-1, R-OPP-2, R-QUO-1, R-PRD-1, R-ACT-1
    async fn a_value_that_cannot_be_meant_is_refused_and_its_field_named(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        sandbox.develop(&deal).await;
        let activity = sandbox.to_do(&deal).await.remove(0).name;
        let lead = sandbox.lead().await.name;
        let ordered = sandbox.deal_without_process().await;
        sandbox.propose(&ordered).await;
        let order = sandbox.accept(&ordered).await.order.expect("the acceptance makes the order");
        let sent = crate::bad_input::table::row("ContractService/SignContract", &sandbox).await.expect("the table has it");
        let sent = SignContractRequest::decode(sent.ask.as_slice()).expect("the row is of this RPC").name;

        let mut bad = leads::leads(&lead);
        bad.extend(deals::deals(&deal, &activity, &lead));
        bad.extend(documents::orders(&deal, (&ordered, &order.name), &order.lines[0].line_id, &sent));
        let mut wrong = Vec::new();
        for case in &bad {
            let method = mutating().find(|method| short_name(method) == case.method).expect("the API has it");
            let answer = call(&sandbox.link, &method, case.ask.clone()).await;
            let refused = answer.as_ref().err().map(refusal);
            let right = refused.as_ref().is_some_and(|refused| {
                let named = match refused.reason.as_str() {
                    "INVALID_FIELDS" | "DISCOUNT_OUT_OF_RANGE" | "PRECISION" => refused.field_names() == case.fields,
                    // Fields that are right each for itself and do not go together: the first is named.
                    "ARITHMETIC" | "OVERFLOW" | "CURRENCY_MISMATCH" => {
                        refused.metadata.get("field").map(String::as_str) == case.fields.first().copied()
                    }
                    _ => false,
                };
                refused.code == Code::InvalidArgument && named
            });
            if !right {
                wrong.push(format!("{} with {}: want {:?}, got {refused:?}", case.method, case.what, case.fields));
            }
        }
        println!("{} values that cannot be meant", bad.len());
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), bad.len(), wrong.join("\n"));
        let view = sandbox.view(&deal).await;
        assert_eq!((view.quotes.len(), view.stage_entries.len()), (0, 1), "nothing of it had an effect");
        sandbox.finish().await;
    }
}
