//! Refusals with much to tell: they reach their caller, and cost nobody else anything.

use dealflow_chassis::serve::{Part, ServeConfig, serve};
use http::HeaderMap;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::pig::{Pig, ask, call, eventually, remote, stream};

/// Bytes of a message and its details as they are written; grpc-core takes 8 KiB of metadata without ado.
fn written(status: &Status) -> usize {
    let mut headers = HeaderMap::new();
    Status::with_details(status.code(), status.message(), status.details().to_vec().into())
        .add_header(&mut headers)
        .unwrap();
    headers.values().map(http::HeaderValue::len).sum()
}

/// Platform, items 6 and 16: a refusal with hundreds of violations says the first of them and how many more there are, in
/// headers that every client takes; a call and a stream on the same connection go on.
#[tokio::test]
async fn a_refusal_of_hundreds_of_fields_reaches_its_caller_and_costs_nobody_a_call() {
    let stop = CancellationToken::new();
    let pig = Pig::new();
    let (behind, _) = pig.serve(ServeConfig::default(), &stop).await;
    // Everybody shares the connection between the two.
    let gate = Part::new("gate").pass_on("test.v1.Pig", remote(&behind));
    let gate = serve(gate, ServeConfig::default(), stop.clone()).await.unwrap();
    let wire = remote(&gate);
    let hanging = tokio::spawn({
        let wire = wire.clone();
        async move { ask(&wire, "Hang").await }
    });
    let mut open = stream(&wire, "open", None).await;
    eventually("a call is at work", async || pig.begun() == 1).await;

    for asked in ["fields 40 60 x", "fields 100 60 x", "fields 300 60 x", "fields 9000 60 x", "fields 300 60 я"] {
        let refused = call(&wire, "Long", Request::new(asked.to_owned())).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{asked}: {refused}");
        assert!(written(&refused) <= 6200, "{asked}: {} bytes", written(&refused));
        let details = refused.get_error_details();
        let told = details.bad_request().unwrap().field_violations.len();
        let count: usize = asked.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(told >= 4 && details.bad_request().unwrap().field_violations[1].field == "lines[1].sku", "{told}");
        assert!(refused.message().ends_with(&format!("; … and {} more", count - told)), "{}", refused.message());
        let info = details.error_info().unwrap();
        assert_eq!(info.reason, "INVALID_FIELDS");
        assert_eq!(info.metadata.get("left_out"), Some(&(count - told).to_string()));
    }
    let whole = call(&wire, "Long", Request::new("fields 12 20 x".to_owned())).await.unwrap_err();
    assert_eq!(whole.get_error_details().bad_request().unwrap().field_violations.len(), 12, "what fits is whole");
    assert!(!whole.message().contains('…') && whole.message().contains("lines[11].sku"), "{}", whole.message());

    pig.0.release.add_permits(1);
    assert_eq!(hanging.await.unwrap().as_deref().ok(), Some("released"), "the call of somebody else is answered");
    let more = tokio::time::timeout(std::time::Duration::from_millis(50), open.message()).await;
    assert!(more.is_err(), "the stream of somebody else is open still: {more:?}");
}

/// Platform, items 6 and 16: whatever is long, what a client goes by is kept: reason, record, when to come back.
#[tokio::test]
async fn long_texts_guards_and_the_ends_of_streams_are_held_to_the_same() {
    let stop = CancellationToken::new();
    let (_serving, wire) = Pig::new().serve(ServeConfig::default(), &stop).await;
    for (asked, code, reason) in [
        ("guard 500 80 x", Code::FailedPrecondition, "GUARD"),
        ("guard 1 9000 я", Code::FailedPrecondition, "GUARD"),
        ("fields 1 9000 €", Code::InvalidArgument, "INVALID_FIELDS"),
        ("missing 60 3000 я", Code::NotFound, "NOT_FOUND"),
    ] {
        let refused = call(&wire, "Long", Request::new(asked.to_owned())).await.unwrap_err();
        let mut items = stream_of(&wire, asked).await;
        let ended = items.message().await.unwrap_err();
        for refused in [refused, ended] {
            assert_eq!(refused.code(), code, "{asked}: {refused}");
            assert!(written(&refused) <= 6200, "{asked}: {} bytes", written(&refused));
            let details = refused.get_error_details();
            assert_eq!(details.error_info().unwrap().reason, reason);
            assert_eq!(details.resource_info().is_some(), code == Code::NotFound);
            assert!(refused.message().contains('…'), "{}", refused.message());
            // Clients of grpc-core compare the two.
            assert_eq!(details_message(&refused), refused.message());
        }
    }
}

/// A stream that says one message, and then no at length.
async fn stream_of(wire: &dealflow_chassis::link::Link, asked: &str) -> tonic::Streaming<String> {
    stream(wire, &format!("then {asked}"), None).await
}

/// The message as the details have it.
fn details_message(status: &Status) -> String {
    use prost::Message as _;
    tonic_types::pb::Status::decode(status.details()).unwrap().message
}
