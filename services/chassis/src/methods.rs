//! The methods of our API and of the services that every server has, from the descriptors: which there are, and which
//! answer with a stream. Whatever else is asked for is not counted by its name: names come from the network.

use std::collections::HashMap;
use std::sync::OnceLock;

use prost::Message;
use prost_types::FileDescriptorSet;

/// A method that a server of ours may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Method {
    /// `dealflow.leads.v1.LeadService/CreateLead`.
    pub(crate) name: String,
    /// Whether it is asked by a stream of messages.
    pub(crate) takes_stream: bool,
    /// Whether it answers with a stream of messages: such a call has no deadline unless its caller gives one.
    pub(crate) streams: bool,
}

/// The methods of services that are not ours.
const FOREIGN: [(&str, bool); 5] = [
    ("grpc.health.v1.Health/Check", false),
    ("grpc.health.v1.Health/List", false),
    ("grpc.health.v1.Health/Watch", true),
    ("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true),
    ("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true),
];

/// The method at a path, `/package.Service/Method`.
pub(crate) fn find(path: &str) -> Option<&'static Method> {
    static METHODS: OnceLock<HashMap<String, Method>> = OnceLock::new();
    METHODS.get_or_init(|| all(dealflow_proto::FILE_DESCRIPTOR_SET)).get(path.trim_start_matches('/'))
}

/// Whether the method at this path is asked by a stream of messages: such a call cannot be made again.
pub(crate) fn takes_a_stream(path: &str) -> bool {
    find(path).is_some_and(|method| method.takes_stream)
}

/// Whether the method at this path answers with a stream of messages.
pub(crate) fn answers_with_a_stream(path: &str) -> bool {
    find(path).is_some_and(|method| method.streams)
}

/// Whether the method at this path is known to answer with one message.
pub(crate) fn answers_with_one_message(path: &str) -> bool {
    find(path).is_some_and(|method| !method.streams)
}

fn all(descriptors: &[u8]) -> HashMap<String, Method> {
    let foreign = FOREIGN.map(|(name, streams)| {
        let takes_stream = name.ends_with("ServerReflectionInfo");
        Method { name: name.to_owned(), takes_stream, streams }
    });
    // A descriptor that cannot be read would already have failed to build.
    let set = FileDescriptorSet::decode(descriptors).unwrap_or_default();
    let ours = set.file.iter().flat_map(|file| {
        file.service.iter().flat_map(|service| {
            service.method.iter().map(|method| Method {
                name: format!("{}.{}/{}", file.package(), service.name(), method.name()),
                takes_stream: method.client_streaming(),
                streams: method.server_streaming(),
            })
        })
    });
    foreign.into_iter().chain(ours).map(|method| (method.name.clone(), method)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_is_a_stream_and_a_command_is_not() {
        assert!(answers_with_a_stream("/grpc.health.v1.Health/Watch"));
        assert!(answers_with_a_stream("/dealflow.feed.v1.FeedService/Subscribe"));
        assert!(!answers_with_a_stream("/dealflow.leads.v1.LeadService/CreateLead"));
    }

    #[test]
    fn a_name_that_is_none_of_ours_is_not_found() {
        assert!(find("/dealflow.leads.v1.LeadService/CreateLead").is_some());
        assert!(find("/dealflow.leads.v1.LeadService/Exploit").is_none());
    }
}
