//! Which methods answer with a stream, from the descriptors: such a call has no deadline unless its caller gives one.

use std::collections::HashSet;
use std::sync::OnceLock;

use prost::Message;
use prost_types::FileDescriptorSet;

/// Server streams of services that are not ours.
const FOREIGN: [&str; 3] = [
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Whether the method at this path answers with a stream of messages.
pub(super) fn answers_with_a_stream(path: &str) -> bool {
    static PATHS: OnceLock<HashSet<String>> = OnceLock::new();
    let paths = PATHS.get_or_init(|| ours(dealflow_proto::FILE_DESCRIPTOR_SET));
    FOREIGN.contains(&path) || paths.contains(path)
}

fn ours(descriptors: &[u8]) -> HashSet<String> {
    let Ok(set) = FileDescriptorSet::decode(descriptors) else {
        return HashSet::new(); // a descriptor that cannot be read would already have failed to build
    };
    let mut paths = HashSet::new();
    for file in &set.file {
        for service in &file.service {
            for method in service.method.iter().filter(|method| method.server_streaming()) {
                paths.insert(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
            }
        }
    }
    paths
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
}
