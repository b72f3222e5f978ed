//! Calls by descriptor: any RPC of the API with any message, also one that a typed client could not write.

use std::sync::LazyLock;

use dealflow_chassis::link::Link;
use http::uri::PathAndQuery;
use prost::bytes::{Buf, BufMut, Bytes};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};

/// The API.
pub static API: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(dealflow_proto::FILE_DESCRIPTOR_SET).expect("the descriptors were built with the API")
});

/// Every RPC that changes something: its request carries a request id.
pub fn mutating() -> impl Iterator<Item = MethodDescriptor> {
    let services: Vec<_> = API.services().collect();
    let methods = services.into_iter().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.filter(|method| method.input().get_field_by_name("request_id").is_some())
}

/// `LeadService/CreateLead`.
pub fn short_name(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().name(), method.name())
}

/// The fields of a message that must be given.
pub fn required(message: &MessageDescriptor) -> Vec<String> {
    let behavior = API.get_extension_by_name("google.api.field_behavior").expect("our protos import it");
    let must = |field: &FieldDescriptor| match field.options().get_extension(&behavior).as_ref() {
        Value::List(values) => values.contains(&Value::EnumNumber(2)),
        _ => false,
    };
    message.fields().filter(must).map(|field| field.name().to_owned()).collect()
}

/// The enum fields of a message itself.
pub fn enums(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    message.fields().filter(|field| matches!(field.kind(), Kind::Enum(_)) && !field.is_list()).collect()
}

/// Calls an RPC with these bytes.
///
/// # Errors
/// What the server says.
pub async fn call(link: &Link, method: &MethodDescriptor, message: Vec<u8>) -> Result<Vec<u8>, Status> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    call_with(link, &path, vec![message]).await
}

/// Calls an RPC, `/package.Service/Method`, with these messages: more of them than a client writes for it, or none.
///
/// # Errors
/// What the server says.
pub async fn call_with(link: &Link, path: &str, messages: Vec<Vec<u8>>) -> Result<Vec<u8>, Status> {
    let path = PathAndQuery::try_from(path).map_err(|error| Status::internal(error.to_string()))?;
    let mut client = Grpc::new(link.clone());
    client.ready().await?;
    let messages = Request::new(tokio_stream::iter(messages));
    let answer = client.client_streaming(messages, path, Plain).await?;
    Ok(answer.into_inner().to_vec())
}

/// Bytes as they are.
#[derive(Debug, Clone, Copy, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
